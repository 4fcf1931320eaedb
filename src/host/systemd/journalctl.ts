/** `journalctl` and `dmesg`: the machine's journal, chosen and followed. Source: journalctl(1), dmesg(1) */
import { parseOptions } from "../commands/options.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { journalFormat } from "./journal-format.ts";
import { globOf } from "./systemctl-lists.ts";
import { formatStamp } from "./times.ts";
import { parseSpan } from "./unit-file.ts";
import { unitName } from "./unit-files.ts";

const longOptions = [
	..."follow reverse dmesg no-pager all full quiet no-tail merge catalog pager-end no-hostname list-boots no-full".split(" "),
	..."unit: lines: since: until: priority: output: boot: identifier: grep:".split(" "),
];
const priorities = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"] as const;

export interface JournalSource {
	readonly journal: Journal;
	/** Of each boot, from 0. */
	readonly bootIdOf: (boot: number) => string;
	/** What there is to be seen beside the journal's own entries, made when somebody looks. */
	readonly entries: () => readonly JournalEntry[];
	/** Tells of each new entry. */
	readonly follow: (follower: (entry: JournalEntry) => void) => () => void;
}

export function journalctl(source: JournalSource): Program {
	return async (context) => {
		// `-b` alone is the boot that runs; `-b -1` the one before. getopt's optional argument.
		const args = context.argv.slice(1).flatMap((arg, index, all) => {
			if (arg !== "-b" && arg !== "--boot") return [arg];
			return /^-?\d+$/.test(all[index + 1] ?? "") ? ["--boot"] : ["--boot", "0"];
		});
		const fused = args.flatMap((arg) => (/^-[a-z]*[xe][a-z]*u$/.test(arg) ? ["-u"] : [arg]));
		const { flags, values, lists, operands, unknown } = parseOptions(fused, "u:n:p:o:t:S:U:g:fkrxeaqlm", longOptions);
		const [option] = unknown;
		if (option !== undefined) return fail(context, `journalctl: unrecognized option '${option}'`);
		if (flags.has("list-boots")) return listBoots(source, context);
		const of = (long: string, short: string) => values.get(long) ?? values.get(short);
		const format = journalFormat(of("output", "o") ?? "short", context.machine.hostname, source.bootIdOf);
		if (format === undefined) return fail(context, `Unknown output format '${of("output", "o")}'.`);
		const chosen = choose(source, context, { flags, of, units: [...(lists.get("unit") ?? []), ...(lists.get("u") ?? [])], operands });
		if (typeof chosen === "string") return fail(context, chosen);
		const isFollowing = flags.has("f") || flags.has("follow");
		const lines = of("lines", "n") ?? (isFollowing ? "10" : "all");
		const count = lines === "all" ? Number.POSITIVE_INFINITY : Number(lines);
		if (Number.isNaN(count)) return fail(context, `Failed to parse lines '${lines}'`);
		const entries = source.entries().filter(chosen);
		const shown = Number.isFinite(count) ? (count === 0 ? [] : entries.slice(-count)) : entries;
		if (flags.has("r") || flags.has("reverse")) shown.reverse();
		if (shown.length === 0 && !isFollowing && !flags.has("q") && count !== 0) await writeText(context.stdout, "-- No entries --\n");
		for (const entry of shown) await writeText(context.stdout, `${format(entry)}\n`);
		return isFollowing ? follow(source, context, chosen, format) : 0;
	};
}

interface Choice {
	readonly flags: ReadonlySet<string>;
	readonly of: (long: string, short: string) => string | undefined;
	readonly units: readonly string[];
	readonly operands: readonly string[];
}

/** Which entries are wanted, or what is wrong with the question. */
function choose(
	source: JournalSource,
	{ machine }: ProcessContext,
	{ flags, of, units, operands }: Choice,
): ((entry: JournalEntry) => boolean) | string {
	const tests: ((entry: JournalEntry) => boolean)[] = [];
	if (units.length > 0) {
		const patterns = units.map((unit) => globOf(unitName(unit)));
		tests.push(({ unit }) => patterns.some((pattern) => pattern.test(unit)));
	}
	const isKernel = flags.has("k") || flags.has("dmesg");
	if (isKernel) tests.push(({ identifier }) => identifier === "kernel");
	const boot = of("boot", "b") ?? (isKernel ? "0" : undefined);
	if (boot !== undefined) {
		const wanted = Number(boot) <= 0 ? source.journal.boot + Number(boot) : Number(boot) - 1;
		if (!Number.isInteger(wanted) || wanted < 0 || wanted > source.journal.boot)
			return `Data from the specified boot is not available: No such boot ID in journal`;
		tests.push((entry) => entry.boot === wanted);
	}
	const nowMs = machine.clock.now();
	for (const [long, short, isAfter] of [
		["since", "S", true],
		["until", "U", false],
	] as const) {
		const text = of(long, short);
		if (text === undefined) continue;
		const atMs = parseMoment(text, nowMs);
		if (atMs === undefined) return `Failed to parse timestamp: ${text}`;
		tests.push((entry) => (isAfter ? entry.atMs >= atMs : entry.atMs <= atMs));
	}
	const priority = of("priority", "p");
	if (priority !== undefined) {
		const [low, high = low] = priority.split("..").map(priorityOf);
		if (low === undefined || high === undefined) return `Unknown log level ${priority}`;
		tests.push((entry) => entry.priority <= high && (priority.includes("..") ? entry.priority >= low : true));
	}
	const identifier = of("identifier", "t");
	if (identifier !== undefined) tests.push((entry) => entry.identifier === identifier);
	const pattern = of("grep", "g");
	if (pattern !== undefined) {
		const expression = new RegExp(pattern, pattern === pattern.toLowerCase() ? "i" : "");
		tests.push(({ message }) => expression.test(message));
	}
	for (const operand of operands) {
		const [field = "", value] = operand.split("=");
		if (value === undefined) return `Failed to add match '${operand}': Invalid argument`;
		tests.push(
			(entry) =>
				({ _SYSTEMD_UNIT: entry.unit, _PID: String(entry.pid), SYSLOG_IDENTIFIER: entry.identifier, PRIORITY: String(entry.priority) })[
					field
				] === value,
		);
	}
	return (entry) => tests.every((test) => test(entry));
}

function priorityOf(text: string): number | undefined {
	if (/^[0-7]$/.test(text)) return Number(text);
	const index = priorities.indexOf((text === "error" ? "err" : text) as (typeof priorities)[number]);
	return index === -1 ? undefined : index;
}

/** `2026-11-29 01:00`, `today`, `10 min ago`, `-1h`, `@1700000000`. Source: systemd.time(7), PARSING TIMESTAMPS */
export function parseMoment(text: string, nowMs: number): number | undefined {
	const dayMs = 86_400_000;
	const today = Math.floor(nowMs / dayMs) * dayMs;
	const named = new Map([
		["now", nowMs],
		["today", today],
		["yesterday", today - dayMs],
		["tomorrow", today + dayMs],
	]).get(text.trim());
	if (named !== undefined) return named;
	const ago = /^(.+?)\s+ago$/.exec(text.trim())?.[1] ?? /^-(.+)$/.exec(text.trim())?.[1];
	if (ago !== undefined) {
		const spanMs = parseSpan(ago);
		return spanMs === undefined ? undefined : nowMs - spanMs;
	}
	const seconds = /^@(\d+(?:\.\d+)?)$/.exec(text)?.[1];
	if (seconds !== undefined) return Number(seconds) * 1000;
	const full = /^(?:(\d{4}-\d\d-\d\d)[ T]?)?(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?UTC|Z)?$/.exec(text.trim());
	if (full === null || (full[1] === undefined && full[2] === undefined)) return undefined;
	const date = full[1] ?? new Date(nowMs).toISOString().slice(0, 10);
	const time = full[2] ?? "00:00:00";
	const parsed = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}Z`);
	return Number.isNaN(parsed) ? undefined : parsed;
}

/** Until somebody ends it. */
async function follow(
	source: JournalSource,
	{ process, stdout }: ProcessContext,
	chosen: (entry: JournalEntry) => boolean,
	format: (entry: JournalEntry) => string,
): Promise<number> {
	let writing: Promise<void> = Promise.resolve();
	const stop = source.follow((entry) => {
		if (!chosen(entry)) return;
		// A reader that has gone ends the command with the pipe.
		writing = writing.then(() => writeText(stdout, `${format(entry)}\n`)).catch(() => process.kill("PIPE"));
	});
	await process.exited;
	stop();
	return 0;
}

async function listBoots({ journal, bootIdOf, entries }: JournalSource, { stdout }: ProcessContext): Promise<number> {
	const rows: string[] = [];
	for (let boot = 0; boot <= journal.boot; boot++) {
		const own = entries().filter((entry) => entry.boot === boot);
		const [first, last] = [own[0], own.at(-1)];
		if (first === undefined || last === undefined) continue;
		rows.push(
			`${String(boot - journal.boot).padStart(3)} ${bootIdOf(boot).replaceAll("-", "")} ${formatStamp(first.atMs)} ${formatStamp(last.atMs)}`,
		);
	}
	await writeText(stdout, `IDX BOOT ID                          FIRST ENTRY                 LAST ENTRY\n${rows.join("\n")}\n`);
	return 0;
}

async function fail({ stderr }: ProcessContext, text: string): Promise<number> {
	await writeText(stderr, `${text}\n`);
	return 1;
}

/** The kernel's ring buffer. */
export function dmesg(source: JournalSource, bootMs: () => number): Program {
	return async ({ argv, stdout, stderr }) => {
		const { flags, unknown } = parseOptions(argv.slice(1), "THLwe", ["ctime", "human", "nopager", "color", "follow"]);
		if (unknown.length > 0) {
			await writeText(stderr, `dmesg: unrecognized option '${unknown[0]}'\n`);
			return 1;
		}
		const own = source.entries().filter(({ identifier, boot }) => identifier === "kernel" && boot === source.journal.boot);
		for (const { atMs, message } of own) {
			const time =
				flags.has("T") || flags.has("ctime")
					? new Date(atMs).toUTCString().replace(/^(\w+), (\d+) (\w+) (\d+) ([\d:]+) GMT$/, "$1 $3 $2 $5 $4")
					: Math.max(0, (atMs - bootMs()) / 1000)
							.toFixed(6)
							.padStart(12);
			await writeText(stdout, `[${time}] ${message}\n`);
		}
		return 0;
	};
}
