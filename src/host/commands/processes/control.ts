/** `kill`, `nice`, `renice`, `prlimit`: what one may do to processes. Source: kill(1), renice(1) and prlimit(1) of util-linux 2.41, nice(1) of coreutils */
import { hasCapability } from "../../capabilities.ts";
import type { ProcessContext, Program } from "../../machine.ts";
import type { Process } from "../../process.ts";
import { limitText, parseLimit, rlimitKinds } from "../../rlimits.ts";
import { parseSignal, type SignalName, signalNumbers } from "../../signals.ts";
import { writeText } from "../../stream.ts";
import { runChild } from "../children.ts";
import { parseOptions } from "../options.ts";

/** Whether a process may send another one signals. */
export function maySignal(sender: Process, target: Process): boolean {
	const { uid } = sender.credentials;
	return uid === 0 || uid === target.credentials.uid;
}

/** `1) SIGHUP …` is bash's; this is the plain list of names. */
function signalList(words: readonly string[]): string {
	if (words.length === 0) return `${Object.keys(signalNumbers).join(" ")}\n`;
	return words
		.map((word) => {
			const signal = parseSignal(/^\d+$/.test(word) && Number(word) > 128 ? String(Number(word) - 128) : word);
			return signal === undefined ? "" : /^\d+$/.test(word) ? `${signal}\n` : `${signalNumbers[signal]}\n`;
		})
		.join("");
}

export const kill: Program = async (context) => {
	const { argv, machine, stdout, stderr, process: self } = context;
	const args = argv.slice(1);
	if (args[0] === "-l" || args[0] === "-L") {
		await writeText(stdout, signalList(args.slice(1)));
		return 0;
	}
	let signal: SignalName | 0 | undefined = "TERM";
	let targets = args;
	const first = args[0] ?? "";
	if (first === "-s" || first === "--signal") {
		signal = args[1] === "0" ? 0 : parseSignal(args[1] ?? "");
		targets = args.slice(2);
	} else if (/^-./.test(first)) {
		signal = first === "-0" ? 0 : parseSignal(first.slice(1));
		targets = args.slice(1);
	}
	if (signal === undefined) {
		await writeText(stderr, `kill: invalid signal '${first === "-s" ? args[1] : first.slice(1)}'\n`);
		return 1;
	}
	let status = targets.length === 0 ? 1 : 0;
	for (const target of targets) {
		const found = machine.process(Number(target));
		const why = found === undefined ? "No such process" : maySignal(self, found) ? undefined : "Operation not permitted";
		if (why !== undefined) {
			await writeText(stderr, `kill: can't kill pid ${target}: ${why}\n`);
			status = 1;
		} else if (signal !== 0) found?.kill(signal);
	}
	return status;
};

const clampNice = (value: number) => Math.max(-20, Math.min(19, value));

export const nice: Program = async (context) => {
	const args = context.argv.slice(1).flatMap((word, index) => (index === 0 && /^-\d+$/.test(word) ? ["-n", word.slice(1)] : [word]));
	const { values, operands } = parseOptions(args, "n:", ["adjustment:"], true);
	const own = context.process.nice;
	if (operands.length === 0) {
		await writeText(context.stdout, `${own}\n`);
		return 0;
	}
	const by = Number(values.get("n") ?? values.get("adjustment") ?? 10);
	if (!Number.isInteger(by)) {
		await writeText(context.stderr, `nice: invalid adjustment '${values.get("n")}'\n`);
		return 125;
	}
	const wanted = clampNice(own + by);
	if (wanted < own && !hasNice(context)) await writeText(context.stderr, "nice: cannot set niceness: Permission denied\n");
	else context.process.setTraits({ nice: wanted });
	return runChild(context, operands);
};

function hasNice({ process }: ProcessContext): boolean {
	const capabilities = process.machine.facts?.capabilities;
	return process.credentials.uid === 0 && (capabilities === undefined || hasCapability(capabilities, "SYS_NICE"));
}

export const renice: Program = async (context) => {
	const args = context.argv.slice(1);
	const { flags, values, operands } = parseOptions(args, "n:pug", ["priority:", "relative:", "pid", "user"]);
	const [priority, ...targets] =
		values.has("n") || values.has("priority") ? [values.get("n") ?? values.get("priority"), ...operands] : operands;
	const nicety = Number(priority);
	if (priority === undefined || !Number.isInteger(nicety) || targets.length === 0) {
		await writeText(context.stderr, "renice: not enough arguments\nTry 'renice --help' for more information.\n");
		return 1;
	}
	let status = 0;
	for (const target of targets) {
		const processes = flags.has("u")
			? context.machine
					.processes()
					.filter(({ credentials }) => String(credentials.uid) === target || (target === "root" && credentials.uid === 0))
			: [context.machine.process(Number(target))].filter((process) => process !== undefined);
		if (processes.length === 0) {
			await writeText(context.stderr, `renice: failed to get priority for ${target} (process ID): No such process\n`);
			status = 1;
		}
		for (const process of processes) {
			const before = process.nice;
			if (nicety < before && !hasNice(context)) {
				await writeText(context.stderr, `renice: failed to set priority for ${target} (process ID): Permission denied\n`);
				status = 1;
				continue;
			}
			process.setTraits({ nice: clampNice(nicety) });
			await writeText(context.stdout, `${target} (process ID) old priority ${before}, new priority ${process.nice}\n`);
		}
	}
	return status;
};

const prlimitFlags: Readonly<Record<string, string>> = {
	core: "CORE",
	cpu: "CPU",
	fsize: "FSIZE",
	memlock: "MEMLOCK",
	nofile: "NOFILE",
	nproc: "NPROC",
	stack: "STACK",
	as: "AS",
	data: "DATA",
	locks: "LOCKS",
	rss: "RSS",
};

export const prlimit: Program = async (context) => {
	let target: Process | undefined = context.process;
	const shown: string[] = [];
	const args = context.argv.slice(1);
	let at = 0;
	for (; /^-/.test(args[at] ?? ""); at++) {
		const [name = "", value] = (args[at] ?? "").replace(/^--?/, "").split("=");
		if (name === "pid" || name === "p") {
			const pid = value ?? args[++at] ?? "";
			target = context.machine.process(Number(pid));
			if (target === undefined) {
				await writeText(context.stderr, "prlimit: failed to get old AS limit: No such process\n");
				return 1;
			}
			continue;
		}
		const kind = prlimitFlags[name];
		if (kind === undefined) {
			await writeText(context.stderr, `prlimit: unrecognized option '${args[at]}'\nTry 'prlimit --help' for more information.\n`);
			return 1;
		}
		if (value === undefined) shown.push(kind);
		else if (!setLimit(target, kind, value)) {
			await writeText(context.stderr, `prlimit: failed to parse ${kind} limit\n`);
			return 1;
		} else continue;
	}
	if (at < args.length) return runChild(context, args.slice(at));
	if (shown.length === 0 && args.some((arg) => arg.includes("=") && !arg.startsWith("--pid"))) return 0;
	const kinds = [...rlimitKinds]
		.filter(({ name }) => shown.length === 0 || shown.includes(name))
		.sort((a, b) => (a.name < b.name ? -1 : 1));
	const rows = kinds.map(({ name, prlimitText, prlimitUnit }) => {
		const { soft, hard } = target.rlimit(name);
		return [name, prlimitText, limitText(soft), limitText(hard), prlimitUnit] as const;
	});
	const all = [["RESOURCE", "DESCRIPTION", "SOFT", "HARD", "UNITS"] as const, ...rows];
	const width = (index: 0 | 1 | 2 | 3) => Math.max(...all.map((row) => row[index].length));
	const lines = all.map(
		(row) => `${row[0].padEnd(width(0))} ${row[1].padEnd(width(1))} ${row[2].padStart(width(2))} ${row[3].padStart(width(3))} ${row[4]}\n`,
	);
	await writeText(context.stdout, lines.join(""));
	return 0;
};

/** `1024`, `1024:4096`, `:4096`, `1024:`. */
function setLimit(process: Process, kind: string, text: string): boolean {
	const before = process.rlimit(kind);
	const [softText = "", hardText] = text.split(":");
	const soft = softText === "" ? before.soft : parseLimit(softText);
	const hard = hardText === undefined ? soft : hardText === "" ? before.hard : parseLimit(hardText);
	if (soft === undefined || hard === undefined || soft > hard) return false;
	process.setRlimit(kind, { soft, hard });
	return true;
}
