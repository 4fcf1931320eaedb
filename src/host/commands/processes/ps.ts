/**
 * `ps` of procps: UNIX and BSD options. Not there: threads (-L, -T), -l's flags, personalities.
 * Source: ps(1) of procps-ng 4
 */
import type { Program } from "../../machine.ts";
import { writeText } from "../../stream.ts";
import { asForest, type ProcessRow, type ProcessTable, readProcessTable } from "./process-table.ts";
import { findPsField, type PsField, psFields } from "./ps-fields.ts";

interface Column extends PsField {
	readonly title: string;
}

interface Request {
	all: boolean;
	/** BSD: with and without a terminal, of everybody. */
	bsdA: boolean;
	bsdX: boolean;
	format: "plain" | "full" | "user" | "long";
	columns: Column[];
	pids: number[];
	ppids: number[];
	users: string[];
	comms: string[];
	sort: string[];
	forest: boolean;
	headers: boolean;
	wide: number;
	isBsd: boolean;
}

class UsageError extends Error {}

const usage =
	"\nUsage:\n ps [options]\n\n Try 'ps --help <simple|list|output|threads|misc|all>'\n  or 'ps --help <s|l|o|t|m|a>'\n for additional help text.\n\nFor more details see ps(1).\n";

const column = (name: string, title?: string): Column => {
	const field = findPsField(name);
	if (field === undefined) throw new UsageError(`error: unknown user-defined format specifier "${name}"`);
	return { ...field, title: title ?? field.header, value: field.value };
};

/** `pid,comm=NAME`: a title takes all that follows it. */
function parseColumns(list: string): readonly Column[] {
	const columns: Column[] = [];
	let rest = list;
	while (rest !== "") {
		const match = /^([^,=\s]+)(?:=(.*)$)?/.exec(rest);
		if (match === null) throw new UsageError("error: improper format list");
		if (match[2] !== undefined) {
			// `pid=,comm=` is two columns without titles.
			const empty = /^,/.exec(match[2]);
			columns.push(column(match[1] ?? "", empty === null ? match[2] : ""));
			rest = empty === null ? "" : match[2].slice(1);
		} else {
			columns.push(column(match[1] ?? ""));
			rest = rest.slice((match[1] ?? "").length).replace(/^[,\s]+/, "");
		}
	}
	return columns;
}

const numbers = (text: string) =>
	text
		.split(/[,\s]+/)
		.filter((word) => word !== "")
		.map(Number);
const words = (text: string) => text.split(/[,\s]+/).filter((word) => word !== "");

function parse(args: readonly string[]): Request {
	const request: Request = {
		all: false,
		bsdA: false,
		bsdX: false,
		format: "plain",
		columns: [],
		pids: [],
		ppids: [],
		users: [],
		comms: [],
		sort: [],
		forest: false,
		headers: true,
		wide: 0,
		isBsd: false,
	};
	for (let at = 0; at < args.length; at++) {
		const argument = args[at] ?? "";
		const next = () => args[++at] ?? "";
		if (argument.startsWith("--")) parseLong(request, argument.slice(2), next);
		else if (argument.startsWith("-") && argument.length > 1) parseUnix(request, argument.slice(1), next);
		else if (/^\d[\d,]*$/.test(argument)) request.pids.push(...numbers(argument));
		else parseBsd(request, argument, next);
	}
	return request;
}

function parseLong(request: Request, option: string, next: () => string): void {
	const [name = "", ...rest] = option.split("=");
	const value = () => (rest.length > 0 ? rest.join("=") : next());
	if (name === "forest") request.forest = true;
	else if (name === "no-headers" || name === "no-heading" || name === "noheaders" || name === "noheading") request.headers = false;
	else if (name === "sort") request.sort.push(...words(value()));
	else if (name === "pid") request.pids.push(...numbers(value()));
	else if (name === "ppid") request.ppids.push(...numbers(value()));
	else if (name === "user" || name === "User") request.users.push(...words(value()));
	else if (name === "format") request.columns.push(...parseColumns(value()));
	else if (name !== "headers" && name !== "deselect") throw new UsageError("error: unknown gnu long option");
}

function parseUnix(request: Request, letters: string, next: () => string): void {
	for (let index = 0; index < letters.length; index++) {
		const value = () => {
			const rest = letters.slice(index + 1);
			index = letters.length;
			return rest === "" ? next() : rest;
		};
		switch (letters.charAt(index)) {
			case "e":
			case "A":
				request.all = true;
				break;
			case "f":
			case "F":
				request.format = "full";
				break;
			case "l":
				request.format = "long";
				break;
			case "o":
				request.columns.push(...parseColumns(value()));
				break;
			case "p":
				request.pids.push(...numbers(value()));
				break;
			case "u":
			case "U":
				request.users.push(...words(value()));
				break;
			case "C":
				request.comms.push(...words(value()));
				break;
			case "H":
				request.forest = true;
				break;
			case "w":
				request.wide++;
				break;
			case "a":
			case "d":
				request.all = true;
				break;
			case "x":
				request.bsdX = true;
				break;
			default:
				throw new UsageError("error: unsupported SysV option");
		}
	}
}

function parseBsd(request: Request, letters: string, next: () => string): void {
	request.isBsd = true;
	for (let index = 0; index < letters.length; index++) {
		switch (letters.charAt(index)) {
			case "a":
				request.bsdA = true;
				break;
			case "x":
				request.bsdX = true;
				break;
			case "u":
				request.format = "user";
				break;
			case "f":
				request.forest = true;
				break;
			case "w":
				request.wide++;
				break;
			case "h":
				request.headers = false;
				break;
			case "e":
				break;
			case "o": {
				const rest = letters.slice(index + 1);
				request.columns.push(...parseColumns(rest === "" ? next() : rest));
				index = letters.length;
				break;
			}
			case "p": {
				const rest = letters.slice(index + 1);
				request.pids.push(...numbers(rest === "" ? next() : rest));
				index = letters.length;
				break;
			}
			default:
				throw new UsageError("error: unsupported option (BSD syntax)");
		}
	}
}

function isWanted(request: Request, row: ProcessRow, { self }: ProcessTable): boolean {
	const { pids, ppids, users, comms, all, bsdA, bsdX, isBsd } = request;
	if (pids.length + ppids.length + users.length + comms.length > 0) {
		const user = row.process.credentials.uid;
		return (
			all ||
			pids.includes(row.pid) ||
			ppids.includes(row.ppid) ||
			users.some((each) => each === row.user || each === String(user)) ||
			comms.includes(row.comm)
		);
	}
	if (all || (bsdA && bsdX)) return true;
	const isOwn = row.process.credentials.uid === self?.process.credentials.uid;
	if (bsdX) return isOwn;
	if (bsdA) return row.tty !== "?";
	// Those of one's own terminal; without one, of one's own session.
	const isSameSession = self !== undefined && row.process.machine === self.process.machine && row.process.cgroup === self.process.cgroup;
	return isSameSession && (isBsd ? row.tty !== "?" : row.tty === self.tty);
}

function columnsOf({ columns, format, isBsd }: Request): readonly Column[] {
	if (columns.length > 0) return columns;
	const named = (list: string) => list.split(" ").map((name) => column(...(name.split("=") as [string, string | undefined])));
	if (format === "full") return named("user=UID pid ppid c stime tname time cmd");
	if (format === "long") return named("state=S uid pid ppid c pri ni vsz=SZ wchan tname time comm=CMD");
	const started: Column = { ...column("stime", "START") };
	const shortTime: Column = { ...column("time", "TIME"), width: 6, value: ({ cpuMs }) => minutes(cpuMs) };
	if (format === "user") return [...named("user pid pcpu pmem vsz rss tname stat"), started, shortTime, column("args", "COMMAND")];
	if (isBsd) return [...named("pid tname stat"), shortTime, column("args", "COMMAND")];
	return named("pid tname time comm=CMD");
}

/** `0:03`. */
export function minutes(cpuMs: number): string {
	const seconds = Math.floor(cpuMs / 1000);
	return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function sorted(rows: readonly ProcessRow[], keys: readonly string[], table: ProcessTable): readonly ProcessRow[] {
	const compares = keys.map((key) => {
		const isDown = key.startsWith("-");
		const name = key.replace(/^[-+]/, "");
		const field = findPsField(name);
		if (field === undefined) throw new UsageError("error: unknown sort specifier");
		return (a: ProcessRow, b: ProcessRow): number => {
			const [x, y] = [sortValue(name, field, a, table), sortValue(name, field, b, table)];
			const order = typeof x === "number" && typeof y === "number" ? x - y : String(x) < String(y) ? -1 : String(x) > String(y) ? 1 : 0;
			return isDown ? -order : order;
		};
	});
	return [...rows].sort((a, b) => compares.reduce((order, compare) => order || compare(a, b), 0));
}

function sortValue(name: string, field: PsField, row: ProcessRow, table: ProcessTable): string | number {
	if (field === psFields.pcpu) return row.cpuPercent;
	if (field === psFields.pmem || name === "rss") return row.rssBytes;
	if (field === psFields.time) return row.cpuMs;
	if (field === psFields.stime || field === psFields.lstart) return row.startMs;
	return field.value(row, table);
}

export const ps: Program = async (context) => {
	const { argv, stdout, stderr, terminal } = context;
	try {
		const request = parse(argv.slice(1));
		const table = readProcessTable(context);
		const wanted = sorted(
			table.rows.filter((row) => isWanted(request, row, table)),
			request.sort,
			table,
		);
		const columns = columnsOf(request);
		const lines = (request.forest ? asForest(wanted) : wanted.map((row) => ({ row, prefix: "" }))).map(({ row, prefix }) =>
			formatLine(columns, (each) => `${each.isCommand === true ? prefix : ""}${each.value(row, table)}`),
		);
		const hasTitles = request.headers && columns.some(({ title }) => title !== "");
		const all = [...(hasTitles ? [formatLine(columns, ({ title }) => title)] : []), ...lines];
		const width = terminal === undefined || request.wide > 1 ? Number.POSITIVE_INFINITY : terminal.columns * (request.wide + 1);
		await writeText(stdout, all.map((line) => `${line.slice(0, width)}\n`).join(""));
		return wanted.length === 0 ? 1 : 0;
	} catch (error) {
		if (!(error instanceof UsageError)) throw error;
		await writeText(stderr, `${error.message}\n${usage}`);
		return 1;
	}
};

function formatLine(columns: readonly Column[], textOf: (column: Column) => string): string {
	return columns
		.map((each, index) => {
			const isLast = index === columns.length - 1;
			const width = Math.max(each.width, each.title.length);
			const text = textOf(each);
			// A user's name that does not fit is cut off with a plus.
			if (each.header === "USER" && text.length > width) return `${text.slice(0, width - 1)}+`;
			if (each.isLeft !== true) return text.padStart(width);
			return isLast ? text : each.isCommand === true ? text.slice(0, Math.max(width, 15)).padEnd(width) : text.padEnd(width);
		})
		.join(" ");
}
