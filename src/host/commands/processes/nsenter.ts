/**
 * `nsenter`: runs a program in namespaces of another process. It runs on a machine that has those, and everything else of the caller's; with
 * another's mounts it has that one's files and programs. Namespaces are named by the target, or by files /proc/PID/ns/TYPE.
 * Source: nsenter(1) of util-linux 2.41
 */
import type { Machine, ProcessContext, Program } from "../../machine.ts";
import { type NamespaceKeys, type NamespaceType, namespaceTypes } from "../../namespaces.ts";
import type { Process } from "../../process.ts";
import { writeText } from "../../stream.ts";
import { runChild } from "../children.ts";
import { letters, longNames, maySwitch } from "./namespace-options.ts";

interface Request {
	readonly target: string | undefined;
	/** With the file that names one, if it is not the target's. */
	readonly wanted: ReadonlyMap<NamespaceType, string | undefined>;
	readonly cwd: string | undefined;
	readonly uid: number | undefined;
	readonly gid: number | undefined;
	readonly command: readonly string[];
}

class UsageError extends Error {}

const hint = "Try 'nsenter --help' for more information.";
/** Options with a value, by letter and name. */
const valued: Readonly<Record<string, string>> = { t: "target", S: "setuid", G: "setgid" };
const ignored: ReadonlySet<string> = new Set(["root", "preserve-credentials", "no-fork", "keep-caps", "join-cgroup", "env"]);

/** Throws UsageError. */
function parse(args: readonly string[]): Request {
	const wanted = new Map<NamespaceType, string | undefined>();
	const values = new Map<string, string>();
	let at = 0;
	for (; /^-./.test(args[at] ?? ""); at++) {
		const argument = args[at] ?? "";
		if (argument === "--") {
			at++;
			break;
		}
		if (argument.startsWith("--")) {
			const [name = "", ...rest] = argument.slice(2).split("=");
			const value = rest.length === 0 ? undefined : rest.join("=");
			const type = longNames[name];
			if (type !== undefined) wanted.set(type, value);
			else if (name === "all") for (const each of namespaceTypes) wanted.set(each, undefined);
			else if (Object.values(valued).includes(name)) values.set(name, value ?? args[++at] ?? "");
			else if (name === "wd" || name === "wdns") values.set("wd", value ?? "/");
			else if (!ignored.has(name)) throw new UsageError(`unrecognized option '${argument}'\n${hint}`);
			continue;
		}
		for (let index = 1; index < argument.length; index++) {
			const letter = argument.charAt(index);
			const name = valued[letter];
			const type = letters[letter];
			if (name !== undefined) {
				values.set(name, index + 1 < argument.length ? argument.slice(index + 1) : (args[++at] ?? ""));
				break;
			}
			if (type !== undefined) wanted.set(type, undefined);
			else if (letter === "a") for (const each of namespaceTypes) wanted.set(each, undefined);
			else if (!"FrwecZW".includes(letter)) throw new UsageError(`invalid option -- '${letter}'\n${hint}`);
		}
	}
	const id = (name: string) => (values.has(name) ? Number(values.get(name)) : undefined);
	return { target: values.get("target"), wanted, cwd: values.get("wd"), uid: id("setuid"), gid: id("setgid"), command: args.slice(at) };
}

export const nsenter: Program = async (context) => {
	try {
		return await enter(context, parse(context.argv.slice(1)));
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		await writeText(context.stderr, `nsenter: ${error.message}\n`);
		return 1;
	}
};

/** Throws UsageError. */
async function enter(context: ProcessContext, { target, wanted, cwd, uid, gid, command }: Request): Promise<number> {
	const { machine: base, process } = context;
	const ofTarget = target === undefined ? undefined : base.process(Number(target));
	if (target !== undefined && ofTarget === undefined) throw new UsageError(`cannot open /proc/${target}/ns/net: No such file or directory`);
	const sources = new Map<NamespaceType, Process>();
	for (const [type, file] of wanted) {
		const source = file === undefined ? ofTarget : processOfFile(context, file);
		if (source === undefined)
			throw new UsageError(
				file === undefined ? `neither filename nor target pid supplied for ns/${type}` : `cannot open ${file}: No such file or directory`,
			);
		sources.set(type, source);
	}
	if (!maySwitch(context))
		throw new UsageError(`reassociate to namespace 'ns/${[...wanted.keys()][0] ?? "mnt"}' failed: Operation not permitted`);
	const own = process.credentials;
	const credentials = { uid: uid ?? own.uid, gid: gid ?? own.gid, groups: uid === undefined ? own.groups : [] };
	const machine = joined(base, sources);
	const status = await runChild(context, command.length === 0 ? [context.env.get("SHELL") ?? "/bin/sh"] : command, {
		machine,
		cwd: cwd ?? (sources.has("mnt") ? "/" : context.cwd),
		traits: uid === undefined && gid === undefined ? {} : { credentials },
	});
	machine.dissolve();
	return status;
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
