/** The table of processes as ps, top and their like see it: with users' names, terminals and times, from the viewer's PID namespace. */
import { nameOfId } from "../../credentials.ts";
import type { ProcessContext } from "../../machine.ts";
import { ProcView } from "../../proc/proc-view.ts";
import type { Process } from "../../process.ts";

export interface ProcessRow {
	readonly process: Process;
	readonly pid: number;
	readonly ppid: number;
	readonly user: string;
	readonly state: Process["state"];
	/** `?`, `pts/0`. */
	readonly tty: string;
	/** Command line, or `[name]` of a thread of the kernel. */
	readonly command: string;
	readonly comm: string;
	readonly startMs: number;
	readonly cpuMs: number;
	readonly rssBytes: number;
	readonly vszBytes: number;
	/** Average since it started, percent of a core. */
	readonly cpuPercent: number;
	readonly memoryPercent: number;
}

export interface ProcessTable {
	readonly view: ProcView;
	/** By pid. */
	readonly rows: readonly ProcessRow[];
	/** The row of who asks. */
	readonly self: ProcessRow | undefined;
	/** Unix ms. */
	readonly nowMs: number;
}

export function readProcessTable(context: ProcessContext): ProcessTable {
	const { machine, files } = context;
	const view = new ProcView(machine);
	view.self(context.process);
	const nowMs = machine.clock.now();
	const passwd = files.exists("/etc/passwd") ? files.readText("/etc/passwd") : "";
	const { memoryBytes } = view.hardware();
	const rows = view
		.processes()
		.filter((process) => process.exit === undefined)
		.map((process): ProcessRow => {
			const { comm, argv, startMs, cpuMs, rssBytes, vszBytes, credentials } = process;
			const ageMs = Math.max(1, nowMs - startMs);
			return {
				process,
				pid: view.pidOf(process),
				ppid: view.parentPidOf(process),
				user: nameOfId(passwd, credentials.uid),
				state: view.stateOf(process),
				tty: process.origin.terminal === undefined ? "?" : "pts/0",
				command: argv.length === 0 ? `[${comm}]` : argv.join(" "),
				comm,
				startMs,
				cpuMs,
				rssBytes,
				vszBytes,
				cpuPercent: ageMs < 10 ? 0 : (cpuMs * 100) / ageMs,
				memoryPercent: (rssBytes * 100) / memoryBytes,
			};
		})
		.sort((a, b) => a.pid - b.pid);
	return { view, rows, self: rows.find(({ process }) => process === context.process), nowMs };
}

/** With its depth, each below its parent. */
export function asForest(rows: readonly ProcessRow[]): readonly { readonly row: ProcessRow; readonly prefix: string }[] {
	const shown = new Set(rows.map(({ pid }) => pid));
	const below = Map.groupBy(rows, ({ ppid, pid }) => (shown.has(ppid) && ppid !== pid ? ppid : 0));
	const lines: { row: ProcessRow; prefix: string }[] = [];
	const walk = (row: ProcessRow, indent: string, prefix: string): void => {
		lines.push({ row, prefix });
		const children = below.get(row.pid) ?? [];
		for (const [index, child] of children.entries()) {
			const isLast = index === children.length - 1;
			walk(child, `${indent}${isLast ? "    " : "|   "}`, ` ${indent}\\_ `);
		}
	};
	for (const row of below.get(0) ?? []) walk(row, "", "");
	return lines;
}

/** `Ss`, `R+`: state, and what is known of session and priority. */
export function statOf({ process, state, pid, tty }: ProcessRow): string {
	const nice = process.nice < 0 ? "<" : process.nice > 0 ? "N" : "";
	const isLeader = process.parent === undefined || process.parent.machine !== process.machine || pid === 1;
	return `${state}${nice}${isLeader && state !== "I" ? "s" : ""}${tty !== "?" && state !== "I" ? "+" : ""}`;
}

/** `00:01:02`, `1-00:00:00`. */
export function cpuTime(cpuMs: number): string {
	const seconds = Math.floor(cpuMs / 1000);
	const days = Math.floor(seconds / 86_400);
	const two = (value: number) => String(value).padStart(2, "0");
	const rest = `${two(Math.floor(seconds / 3600) % 24)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
	return days > 0 ? `${days}-${rest}` : rest;
}

/** `01:02`, `03:01:02`, `2-03:01:02`. */
export function elapsedTime(ms: number): string {
	const text = cpuTime(ms);
	return text.startsWith("00:") ? text.slice(3) : text;
}

const months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `09:10` of today, `Oct10` of before. */
export function startTime(startMs: number, nowMs: number): string {
	const start = new Date(startMs);
	if (nowMs - startMs < 86_400_000 && start.getUTCDate() === new Date(nowMs).getUTCDate()) return start.toISOString().slice(11, 16);
	return `${months[start.getUTCMonth()]}${String(start.getUTCDate()).padStart(2, "0")}`;
}
