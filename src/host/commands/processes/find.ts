/** `pgrep`, `pkill`, `pidof`, `pstree`: processes by name and kinship. Source: pgrep(1) of procps-ng 4, pstree(1) of psmisc */
import type { ProcessContext, Program } from "../../machine.ts";
import { parseSignal } from "../../signals.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";
import { maySignal } from "./control.ts";
import { type ProcessRow, readProcessTable } from "./process-table.ts";

type Options = ReturnType<typeof parseOptions>;

const longOptions = [
	"full",
	"exact",
	"newest",
	"oldest",
	"ignore-case",
	"count",
	"inverse",
	"older:",
	"parent:",
	"pgroup:",
	"group:",
	"session:",
	"terminal:",
	"uid:",
	"euid:",
	"help",
	"version",
];
const sharedLetters = "fxnoicvO:P:g:G:s:t:u:U:hV";
const version = "procps-ng 4.0.4";

/** What follows a call that cannot be understood, and `--help`. */
function usage(name: string): string {
	const own =
		name === "pkill"
			? [" -<sig>, --signal <sig>    signal to send (either number or name)", " -e, --echo                display what is killed"]
			: [
					" -d, --delimiter <string>  specify output delimiter",
					" -l, --list-name           list PID and process name",
					" -a, --list-full           list PID and full command line",
					" -v, --inverse             negates the matching",
				];
	const shared = [
		" -c, --count               count of matching processes",
		" -f, --full                use full process name to match",
		" -g, --pgroup <PGID,...>   match listed process group IDs",
		" -G, --group <GID,...>     match real group IDs",
		" -i, --ignore-case         match case insensitively",
		" -n, --newest              select most recently started",
		" -o, --oldest              select least recently started",
		" -O, --older <seconds>     select where older than seconds",
		" -P, --parent <PPID,...>   match only child processes of the given parent",
		" -s, --session <SID,...>   match session IDs",
		" -t, --terminal <tty,...>  match by controlling terminal",
		" -u, --euid <ID,...>       match by effective IDs",
		" -U, --uid <ID,...>        match by real IDs",
		" -x, --exact               match exactly with the command name",
		"",
		" -h, --help     display this help and exit",
		" -V, --version  output version information and exit",
	];
	return `\nUsage:\n ${name} [options] <pattern>\n\nOptions:\n${[...own, ...shared].join("\n")}\n\nFor more details see pgrep(1).\n`;
}

/** Says what is wrong with a call, or answers it without looking at any process: then it is over. */
class Over {
	readonly exitCode: number;

	constructor(exitCode: number) {
		this.exitCode = exitCode;
	}
}

/** Numbers of a list, or Over with what is said of the first that is none. */
function numbersOf(text: string | undefined): readonly number[] | string | undefined {
	if (text === undefined) return undefined;
	const wrong = text.split(",").find((word) => !/^\d+$/.test(word));
	return wrong ?? text.split(",").map(Number);
}

/** Ids of names or numbers in one of /etc's files; a string: the first that is neither. */
function idsOf({ files }: ProcessContext, path: string, text: string | undefined): readonly number[] | string | undefined {
	if (text === undefined) return undefined;
	const lines = files.exists(path) ? files.readText(path).split("\n") : [];
	const ids: number[] = [];
	for (const word of text.split(",")) {
		const id = /^\d+$/.test(word) ? word : lines.find((line) => line.startsWith(`${word}:`))?.split(":")[2];
		if (id === undefined) return word;
		ids.push(Number(id));
	}
	return ids;
}

/** Who is meant, the oldest pid first. */
async function matches(context: ProcessContext, options: Options): Promise<readonly ProcessRow[] | Over> {
	const { flags, values, operands, unknown } = options;
	const name = context.argv[0]?.split("/").at(-1) ?? "pgrep";
	const say = async (text: string): Promise<Over> => {
		await writeText(context.stderr, `${name}: ${text}\n`);
		return new Over(2);
	};
	const has = (letter: string, long: string) => flags.has(letter) || flags.has(long);
	const given = (letter: string, long: string) => values.get(letter) ?? values.get(long);
	if (has("h", "help") || has("V", "version")) {
		await writeText(context.stdout, has("h", "help") ? usage(name) : `${name} from ${version}\n`);
		return new Over(0);
	}
	const [strange] = unknown;
	if (strange !== undefined)
		return say(
			`${strange.startsWith("--") ? `unrecognized option '${strange}'` : `invalid option -- '${strange.slice(1)}'`}\n${usage(name).trimEnd()}`,
		);
	const [newest, oldest] = [has("n", "newest"), has("o", "oldest")];
	if (newest && oldest) {
		await writeText(context.stderr, usage(name));
		return new Over(2);
	}
	const ppids = numbersOf(given("P", "parent"));
	if (typeof ppids === "string") return say(`not a number: ${ppids}`);
	const groups = numbersOf(given("g", "pgroup"));
	if (typeof groups === "string") return say(`invalid process group: ${groups}`);
	const sessions = numbersOf(given("s", "session"));
	if (typeof sessions === "string") return say(`invalid session id: ${sessions}`);
	const users = idsOf(context, "/etc/passwd", given("u", "euid") ?? given("U", "uid"));
	if (typeof users === "string") return say(`invalid user name: ${users}`);
	const gids = idsOf(context, "/etc/group", given("G", "group"));
	if (typeof gids === "string") return say(`invalid group name: ${gids}`);
	const age = given("O", "older");
	if (age !== undefined && !/^\d+$/.test(age)) return say(`not a number: ${age}`);
	const terminals = given("t", "terminal")?.split(",");
	const tryHelp = `\nTry \`${name} --help' for more information.`;
	if (operands.length > 1) return say(`only one pattern can be provided${tryHelp}`);
	const [pattern] = operands;
	const criteria = [pattern, ppids, groups, sessions, users, gids, age, terminals];
	if (!newest && !oldest && criteria.every((each) => each === undefined)) return say(`no matching criteria specified${tryHelp}`);
	const body = has("x", "exact") ? `^(?:${pattern ?? ""})$` : (pattern ?? "");
	let test: RegExp;
	try {
		test = new RegExp(body, has("i", "ignore-case") ? "i" : "");
	} catch (error) {
		return say(`regex error: ${regexProblem(error)}`);
	}
	const isFull = has("f", "full");
	const nowMs = context.machine.clock.now();
	const among = (wanted: readonly number[] | undefined, value: number) => wanted === undefined || wanted.includes(value);
	const found = readProcessTable(context).rows.filter((row) => {
		if (row.process === context.process) return false;
		const { uid, gid } = row.process.credentials;
		const isMatch =
			test.test(isFull ? row.command : row.comm) &&
			among(ppids, row.ppid) &&
			// Each process leads a group and a session of its own.
			among(groups, row.pid) &&
			among(sessions, row.pid) &&
			among(users, uid) &&
			among(gids, gid) &&
			(terminals === undefined || terminals.includes(row.process.origin.terminal === undefined ? "?" : "pts/0")) &&
			(age === undefined || (nowMs - row.startMs) / 1000 >= Number(age));
		return isMatch !== has("v", "inverse");
	});
	if (found.length === 0 && !isFull && (pattern?.length ?? 0) > longestComm)
		await say(
			`pattern that searches for process name longer than ${longestComm} characters will result in zero matches\nTry \`${name} -f' option to match against the complete command line.`,
		);
	const byAge = [...found].sort((a, b) => a.startMs - b.startMs || a.pid - b.pid);
	if (newest) return byAge.slice(-1);
	return oldest ? byAge.slice(0, 1) : found;
}

/** Of a process's name. */
const longestComm = 15;

/** JavaScript's complaint in regcomp's words. */
function regexProblem(error: unknown): string {
	const text = error instanceof Error ? error.message : "";
	if (/group/i.test(text)) return /Unmatched '\)'/.test(text) ? "Unmatched ) or \\)" : "Unmatched ( or \\(";
	if (/character class/i.test(text)) return "Unmatched [, [^, [:, [., or [=";
	if (/repeat/i.test(text)) return "Invalid preceding regular expression";
	return "Invalid regular expression";
}

export const pgrep: Program = async (context) => {
	const options = parseOptions(context.argv.slice(1), `${sharedLetters}lad:`, [...longOptions, "list-name", "list-full", "delimiter:"]);
	const found = await matches(context, options);
	if (found instanceof Over) return found.exitCode;
	const { flags, values } = options;
	if (flags.has("c") || flags.has("count")) await writeText(context.stdout, `${found.length}\n`);
	else if (found.length > 0) {
		const line = (row: ProcessRow) =>
			flags.has("a") || flags.has("list-full")
				? `${row.pid} ${row.command}`
				: flags.has("l") || flags.has("list-name")
					? `${row.pid} ${row.comm}`
					: String(row.pid);
		await writeText(context.stdout, `${found.map(line).join(values.get("d") ?? values.get("delimiter") ?? "\n")}\n`);
	}
	return found.length === 0 ? 1 : 0;
};

export const pkill: Program = async (context) => {
	const args = context.argv.slice(1);
	// `-9`, `-HUP`: the first word that is a signal, wherever it stands.
	const at = args.findIndex((word) => /^-[^-]/.test(word) && parseSignal(word.slice(1)) !== undefined);
	const given = at === -1 ? undefined : parseSignal(args[at]?.slice(1) ?? "");
	const options = parseOptions(at === -1 ? args : args.toSpliced(at, 1), `${sharedLetters}e`, [...longOptions, "signal:", "echo"]);
	const found = await matches(context, options);
	if (found instanceof Over) return found.exitCode;
	const { flags, values } = options;
	const signal = given ?? parseSignal(values.get("signal") ?? "TERM");
	let killed = 0;
	for (const { process, comm, pid } of found) {
		const why = signal === undefined ? "Invalid argument" : maySignal(context.process, process) ? undefined : "Operation not permitted";
		if (why !== undefined || signal === undefined) {
			await writeText(context.stderr, `pkill: killing pid ${pid} failed: ${why}\n`);
			continue;
		}
		process.kill(signal);
		killed++;
		if (flags.has("e") || flags.has("echo")) await writeText(context.stdout, `${comm} killed (pid ${pid})\n`);
	}
	if (flags.has("c") || flags.has("count")) await writeText(context.stdout, `${found.length}\n`);
	return killed === 0 ? 1 : 0;
};

export const killall: Program = async (context) => {
	const args = context.argv.slice(1);
	const signal = /^-/.test(args[0] ?? "") ? parseSignal((args[0] ?? "").slice(1)) : "TERM";
	let status = 0;
	for (const name of /^-/.test(args[0] ?? "") ? args.slice(1) : args) {
		const found = readProcessTable(context).rows.filter(({ comm }) => comm === name.slice(0, 15));
		if (found.length === 0 || signal === undefined) {
			await writeText(context.stderr, `${name}: no process found\n`);
			status = 1;
		} else for (const { process } of found) process.kill(signal);
	}
	return status;
};

export const pidof: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "sxo:");
	const wanted = operands.map((name) => name.split("/").at(-1) ?? "");
	const found = readProcessTable(context).rows.filter(
		({ comm, process }) =>
			process !== context.process && (wanted.includes(comm) || wanted.includes(process.argv[0]?.split("/").at(-1) ?? "")),
	);
	const pids = found.map(({ pid }) => pid).reverse();
	if (pids.length === 0) return 1;
	await writeText(context.stdout, `${(flags.has("s") ? pids.slice(0, 1) : pids).join(" ")}\n`);
	return 0;
};

/** Every process on a line, threads of the kernel left out, the same ones side by side counted. */
export const pstree: Program = async (context) => {
	const { flags, operands } = parseOptions(context.argv.slice(1), "paAclnsuU");
	const { rows } = readProcessTable(context);
	const start = rows.find(({ pid }) => pid === Number(operands[0] ?? 1));
	if (start === undefined) return 1;
	const below = Map.groupBy(rows, ({ ppid }) => ppid);
	const label = ({ comm, pid, process }: ProcessRow) => {
		const args = flags.has("a")
			? process.argv
					.slice(1)
					.map((word) => ` ${word}`)
					.join("")
			: "";
		return `${comm}${flags.has("p") ? `${flags.has("a") ? "," : "("}${pid}${flags.has("a") ? "" : ")"}` : ""}${args}`;
	};
	const lines: string[] = [];
	const showBranches = (row: ProcessRow, count: number, before: string): void => {
		const own = `${count > 1 ? `${count}*[` : ""}${label(row)}${count > 1 ? "]" : ""}`;
		const children = grouped(below.get(row.pid) ?? [], flags.has("p") || flags.has("c"), below);
		if (children.length === 0) {
			lines.push(before + own);
			return;
		}
		const indent = " ".repeat(own.length);
		for (const [index, child] of children.entries()) {
			const isLast = index === children.length - 1;
			const joint = children.length === 1 ? "---" : index === 0 ? "-+-" : isLast ? " `-" : " |-";
			const head = index === 0 ? before + own : continued(before) + indent;
			showBranches(child.row, child.count, head + joint);
		}
	};
	const showIndented = (row: ProcessRow, indent: string, joint: string): void => {
		lines.push(`${indent}${joint}${label(row)}`);
		const children = below.get(row.pid) ?? [];
		const next = joint === "" ? indent : `${indent}${joint === "`-" ? "    " : "|   "}`;
		for (const [index, child] of children.entries())
			showIndented(child, joint === "" ? "  " : next, index === children.length - 1 ? "`-" : "|-");
	};
	if (flags.has("a")) showIndented(start, "", "");
	else showBranches(start, 1, "");
	await writeText(context.stdout, `${lines.join("\n")}\n`);
	return 0;
};

/** What stands below a line that goes on: its branches stay, its words do not. */
function continued(before: string): string {
	return before.replace(/-\+-/g, " | ").replace(/ `-/g, "   ").replace(/ \|-/g, " | ").replace(/---/g, "   ").replace(/[^ |]/g, " ");
}

/** Leaves of the same name as one, unless each is to be told. */
function grouped(rows: readonly ProcessRow[], isEach: boolean, below: ReadonlyMap<number, readonly ProcessRow[]>) {
	const sorted = [...rows].sort((a, b) => (a.comm < b.comm ? -1 : a.comm > b.comm ? 1 : a.pid - b.pid));
	const result: { row: ProcessRow; count: number }[] = [];
	for (const row of sorted) {
		const last = result.at(-1);
		const isLeaf = !below.has(row.pid);
		if (!isEach && isLeaf && last !== undefined && last.row.comm === row.comm && !below.has(last.row.pid)) last.count++;
		else result.push({ row, count: 1 });
	}
	return result;
}
