/**
 * `lsns`, `nsenter`, `unshare`: namespaces of processes. Who joins another's namespace runs on a machine that has that one and keeps
 * everything else; with another's mounts it has that one's files and programs.
 * Not there: joining a namespace by another file than /proc/PID/ns/TYPE, user namespaces' maps, time namespaces' offsets.
 * Source: lsns(8), nsenter(1), unshare(1) of util-linux 2.41
 */
import { hasCapability } from "../../capabilities.ts";
import { PidNamespace } from "../../kernel.ts";
import type { DerivedNamespaces, Machine, ProcessContext, Program } from "../../machine.ts";
import { type NamespaceKeys, type NamespaceType, namespaceTypes } from "../../namespaces.ts";
import { LoopbackNetwork } from "../../net/network.ts";
import { procDirectory } from "../../proc/proc-tree.ts";
import type { Process } from "../../process.ts";
import { writeText } from "../../stream.ts";
import { Tree } from "../../vfs/tree.ts";
import { runChild } from "../children.ts";
import { parseOptions } from "../options.ts";
import { type ProcessRow, readProcessTable } from "./process-table.ts";

const letters: Readonly<Record<string, NamespaceType>> = {
	m: "mnt",
	u: "uts",
	i: "ipc",
	n: "net",
	p: "pid",
	U: "user",
	C: "cgroup",
	T: "time",
};
const longNames: Readonly<Record<string, NamespaceType>> = {
	mount: "mnt",
	uts: "uts",
	ipc: "ipc",
	net: "net",
	pid: "pid",
	user: "user",
	cgroup: "cgroup",
	time: "time",
};

export const lsns: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "t:p:o:nlr", ["type:", "task:", "output:", "noheadings", "list"]);
	const { rows } = readProcessTable(context);
	const type = values.get("t") ?? values.get("type");
	const task = values.get("p") ?? values.get("task");
	if (type !== undefined && !namespaceTypes.includes(type as NamespaceType)) {
		await writeText(context.stderr, `lsns: unknown namespace type: ${type}\n`);
		return 1;
	}
	const ofTask = task === undefined ? undefined : rows.find(({ pid }) => String(pid) === task)?.process;
	if (task !== undefined && ofTask === undefined) {
		await writeText(context.stderr, `lsns: can't open /proc/${task}: No such file or directory\n`);
		return 1;
	}
	// A user other than root sees its own alone.
	const { uid } = context.process.credentials;
	const seen = new Map<string, { readonly type: NamespaceType; readonly inode: number; readonly rows: ProcessRow[] }>();
	for (const row of rows.filter(({ process }) => uid === 0 || process.credentials.uid === uid)) {
		for (const [kind, inode] of row.process.namespaceInodes()) {
			if (type !== undefined && kind !== type) continue;
			const key = `${kind}:${inode}`;
			const known = seen.get(key);
			if (known === undefined) seen.set(key, { type: kind, inode, rows: [row] });
			else known.rows.push(row);
		}
	}
	const found = [...seen.values()].filter(
		({ type: kind, inode }) =>
			(ofTask === undefined || ofTask.namespaceInode(kind) === inode) && (operands[0] === undefined || operands[0] === String(inode)),
	);
	found.sort((a, b) => a.inode - b.inode);
	const titles = ["NS", "TYPE", "NPROCS", "PID", "USER", "COMMAND"] as const;
	const lines = found.map(({ type: kind, inode, rows: members }) => {
		const [first] = members;
		return [String(inode), kind, String(members.length), String(first?.pid ?? ""), first?.user ?? "", first?.command ?? ""] as const;
	});
	const isHeadless = flags.has("n") || flags.has("noheadings");
	await writeText(context.stdout, formatTable(titles, lines, isHeadless));
	return 0;
};

/** NS, NPROCS and PID stand to the right. */
function formatTable(titles: readonly string[], lines: readonly (readonly string[])[], isHeadless: boolean): string {
	const all = isHeadless ? lines : [titles, ...lines];
	const widths = titles.map((title, index) => Math.max(isHeadless ? 0 : title.length, ...lines.map((line) => line[index]?.length ?? 0)));
	return all
		.map((line) =>
			line
				.map((text, index) => {
					const width = widths[index] ?? 0;
					if (index === line.length - 1) return text;
					return index === 0 || index === 2 || index === 3 ? text.padStart(width) : text.padEnd(width);
				})
				.join(" ")
				.trimEnd(),
		)
		.map((line) => `${line}\n`)
		.join("");
}

function maySwitch({ process }: ProcessContext): boolean {
	const capabilities = process.machine.facts?.capabilities;
	return process.credentials.uid === 0 && (capabilities === undefined || hasCapability(capabilities, "SYS_ADMIN"));
}

export const nsenter: Program = async (context) => {
	const args = context.argv.slice(1);
	const wanted = new Map<NamespaceType, Process | undefined>();
	let target: Process | undefined;
	let isAll = false;
	let cwd: string | undefined;
	let at = 0;
	const fail = async (text: string): Promise<number> => {
		await writeText(context.stderr, `nsenter: ${text}\n`);
		return 1;
	};
	for (; /^-./.test(args[at] ?? ""); at++) {
		const argument = args[at] ?? "";
		if (argument === "--") {
			at++;
			break;
		}
		const [name = "", value] = argument.replace(/^--/, "").split("=");
		if (argument.startsWith("--target") || argument.startsWith("-t")) {
			const pid = argument.startsWith("--") ? (value ?? args[++at]) : argument.length > 2 ? argument.slice(2) : args[++at];
			target = context.machine.process(Number(pid));
			if (target === undefined) return fail(`cannot open /proc/${pid}/ns/${"net"}: No such file or directory`);
		} else if (argument.startsWith("--")) {
			if (name === "all") isAll = true;
			else if (name === "wd" || name === "wdns") cwd = value ?? "/";
			else if (
				name === "root" ||
				name === "preserve-credentials" ||
				name === "no-fork" ||
				name.startsWith("setuid") ||
				name.startsWith("setgid")
			)
				continue;
			else {
				const type = longNames[name];
				if (type === undefined) return fail(`unrecognized option '${argument}'\nTry 'nsenter --help' for more information.`);
				wanted.set(type, value === undefined ? undefined : processOfFile(context, value));
				if (value !== undefined && wanted.get(type) === undefined) return fail(`cannot open ${value}: No such file or directory`);
			}
		} else {
			for (const letter of argument.slice(1)) {
				const type = letters[letter];
				if (letter === "a") isAll = true;
				else if (letter === "F" || letter === "r" || letter === "w") continue;
				else if (type === undefined) return fail(`invalid option -- '${letter}'\nTry 'nsenter --help' for more information.`);
				else wanted.set(type, undefined);
			}
		}
	}
	if (isAll) for (const type of namespaceTypes) wanted.set(type, undefined);
	if (wanted.size > 0 && target === undefined && [...wanted.values()].includes(undefined)) return fail("no target PID specified for --all");
	if (!maySwitch(context)) return fail(`reassociate to namespace 'ns/${[...wanted.keys()][0] ?? "mnt"}' failed: Operation not permitted`);
	const sources = new Map(
		[...wanted].flatMap(([type, process]) => ((process ?? target) === undefined ? [] : [[type, (process ?? target) as Process] as const])),
	);
	const machine = joined(context.machine, sources);
	const command = args.slice(at);
	const program = command.length === 0 ? [context.env.get("SHELL") ?? "/bin/sh"] : command;
	const status = await runChild(context, program, {
		machine,
		cwd: cwd ?? (sources.has("mnt") ? "/" : context.cwd),
		traits: { ...cgroupOf(sources.get("cgroup")) },
	});
	machine.dissolve();
	return status;
};

/** A process that joins a cgroup namespace stays in its group. */
function cgroupOf(_process: Process | undefined): object {
	return {};
}

/** `/proc/PID/ns/net`. */
function processOfFile({ machine }: ProcessContext, path: string): Process | undefined {
	const match = /^\/proc\/(\d+)\/ns\/\w+$/.exec(path);
	return match === null ? undefined : machine.process(Number(match[1]));
}

function joined(base: Machine, sources: ReadonlyMap<NamespaceType, Process>): Machine {
	const machineOf = (type: NamespaceType) => sources.get(type)?.machine as Machine | undefined;
	const keys: NamespaceKeys = {};
	for (const [type, process] of sources) {
		const found: object | undefined = { ...process.machine.namespaceKeys, ...process.traits.namespaces }[type];
		Object.assign(keys, { [type]: found });
	}
	const mounts = machineOf("mnt");
	return base.derive({
		hostname: machineOf("uts")?.hostname,
		network: machineOf("net")?.network,
		pidNamespace: machineOf("pid")?.pidNamespace,
		mounts: mounts === undefined ? undefined : { machine: mounts, files: mounts.files },
		keys,
	});
}

export const unshare: Program = async (context) => {
	const args = context.argv.slice(1);
	const wanted = new Set<NamespaceType>();
	let mountProc = false;
	let isForked = false;
	let at = 0;
	const fail = async (text: string): Promise<number> => {
		await writeText(context.stderr, `unshare: ${text}\n`);
		return 1;
	};
	for (; /^-./.test(args[at] ?? ""); at++) {
		const argument = args[at] ?? "";
		if (argument === "--") {
			at++;
			break;
		}
		if (argument.startsWith("--")) {
			const [name = ""] = argument.slice(2).split("=");
			const type = longNames[name];
			if (name === "fork") isForked = true;
			else if (name === "mount-proc") mountProc = true;
			else if (name === "map-root-user" || name === "map-current-user") wanted.add("user");
			else if (name === "propagation" || name === "setgroups" || name === "kill-child") continue;
			else if (type === undefined) return fail(`unrecognized option '${argument}'\nTry 'unshare --help' for more information.`);
			else wanted.add(type);
			continue;
		}
		for (const letter of argument.slice(1)) {
			const type = letters[letter];
			if (letter === "f") isForked = true;
			else if (letter === "r" || letter === "c") wanted.add("user");
			else if (type === undefined) return fail(`invalid option -- '${letter}'\nTry 'unshare --help' for more information.`);
			else wanted.add(type);
		}
	}
	if (mountProc) wanted.add("mnt");
	if (wanted.size > 0 && !wanted.has("user") && !maySwitch(context)) return fail("unshare failed: Operation not permitted");
	const command = args.slice(at);
	const program = command.length === 0 ? [context.env.get("SHELL") ?? "/bin/sh"] : command;
	const machine = context.machine.derive(fresh(context, wanted, mountProc, isForked));
	const status = await runChild(context, program, { machine });
	machine.dissolve();
	return status;
};

/** Each of its own. Without --fork the program itself stays in its PID namespace; its children's namespace is not simulated then. */
function fresh({ machine }: ProcessContext, wanted: ReadonlySet<NamespaceType>, mountProc: boolean, isForked: boolean): DerivedNamespaces {
	const keys: NamespaceKeys = {};
	for (const type of wanted) Object.assign(keys, { [type]: {} });
	const pidNamespace = wanted.has("pid") && isForked ? new PidNamespace(machine.kernel) : undefined;
	if (pidNamespace !== undefined) Object.assign(keys, { pid: pidNamespace });
	let mounts: DerivedNamespaces["mounts"];
	if (wanted.has("mnt")) mounts = { machine, files: machine.files.copy() };
	const derived = {
		hostname: wanted.has("uts") ? machine.hostname : undefined,
		network: wanted.has("net") ? new LoopbackNetwork("127.0.0.1") : undefined,
		pidNamespace,
		mounts,
		procNamespace: mountProc ? pidNamespace : undefined,
		keys,
	};
	if (mountProc && mounts !== undefined) {
		const viewer = machine.derive(derived);
		mounts.files.mount({
			path: "/proc",
			tree: new Tree({ clock: machine.clock, lower: procDirectory(viewer) }),
			source: "proc",
			type: "proc",
			readOnly: false,
		});
		viewer.dissolve();
	}
	return derived;
}
