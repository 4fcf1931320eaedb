/** `pgrep`, `pkill`, `pidof`, `pstree`: processes by name and kinship. Source: pgrep(1) of procps-ng 4, pstree(1) of psmisc */
import type { ProcessContext, Program } from "../../machine.ts";
import { parseSignal } from "../../signals.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";
import { type ProcessRow, readProcessTable } from "./process-table.ts";

type Options = ReturnType<typeof parseOptions>;

const longOptions = [
	"full",
	"exact",
	"newest",
	"oldest",
	"list-name",
	"list-full",
	"count",
	"invert-match",
	"signal:",
	"parent:",
	"uid:",
	"euid:",
	"ignore-case",
	"echo",
];

/** Undefined: the call makes no sense, which has been said. */
async function matches(context: ProcessContext, options: Options): Promise<readonly ProcessRow[] | undefined> {
	const { flags, values, operands } = options;
	const has = (letter: string, name: string) => flags.has(letter) || flags.has(name);
	const [pattern] = operands;
	const ppids = (values.get("P") ?? values.get("parent"))?.split(",").map(Number);
	const users = (values.get("u") ?? values.get("U") ?? values.get("uid") ?? values.get("euid"))?.split(",");
	const name = context.argv[0] ?? "pgrep";
	if (pattern === undefined && ppids === undefined && users === undefined) {
		await writeText(context.stderr, `${name}: no matching criteria specified\nTry \`${name} --help' for more information.\n`);
		return undefined;
	}
	const body = has("x", "exact") ? `^(?:${pattern ?? ""})$` : (pattern ?? "");
	let test: RegExp;
	try {
		test = new RegExp(body, has("i", "ignore-case") ? "i" : "");
	} catch {
		await writeText(context.stderr, `${name}: Unmatched ( or \\(\n`);
		return undefined;
	}
	const isFull = has("f", "full");
	const found = readProcessTable(context).rows.filter((row) => {
		if (row.process === context.process) return false;
		const isMatch =
			test.test(isFull ? row.command : row.comm) &&
			(ppids === undefined || ppids.includes(row.ppid)) &&
			(users === undefined || users.includes(row.user) || users.includes(String(row.process.credentials.uid)));
		return isMatch !== has("v", "invert-match");
	});
	const byAge = [...found].sort((a, b) => a.startMs - b.startMs || a.pid - b.pid);
	if (has("n", "newest")) return byAge.slice(-1);
	return has("o", "oldest") ? byAge.slice(0, 1) : found;
}

export const pgrep: Program = async (context) => {
	const options = parseOptions(context.argv.slice(1), "fxnolacvid:P:u:U:s:g:t:", longOptions);
	const found = await matches(context, options);
	if (found === undefined) return 2;
	const { flags, values } = options;
	if (flags.has("c") || flags.has("count")) await writeText(context.stdout, `${found.length}\n`);
	else if (found.length > 0) {
		const line = (row: ProcessRow) =>
			flags.has("a") || flags.has("list-full")
				? `${row.pid} ${row.command}`
				: flags.has("l") || flags.has("list-name")
					? `${row.pid} ${row.comm}`
					: String(row.pid);
		await writeText(context.stdout, `${found.map(line).join(values.get("d") ?? "\n")}\n`);
	}
	return found.length === 0 ? 1 : 0;
};

export const pkill: Program = async (context) => {
	const [first = ""] = context.argv.slice(1);
	const given = /^-/.test(first) ? parseSignal(first.slice(1)) : undefined;
	const options = parseOptions(context.argv.slice(given === undefined ? 1 : 2), "fxnocvieP:u:U:t:", longOptions);
	const found = await matches(context, options);
	if (found === undefined) return 2;
	const signal = given ?? parseSignal(options.values.get("signal") ?? "TERM");
	if (signal === undefined) {
		await writeText(context.stderr, `pkill: Unknown signal "${options.values.get("signal")}".\n`);
		return 2;
	}
	for (const { process, comm, pid } of found) {
		process.kill(signal);
		if (options.flags.has("e") || options.flags.has("echo")) await writeText(context.stdout, `${comm} killed (pid ${pid})\n`);
	}
	return found.length === 0 ? 1 : 0;
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
