/** `top` of procps: batch mode, and a display that comes anew. Of its keys there is `q`. Source: top(1) of procps-ng 4 */
import type { Program } from "../../machine.ts";
import { memoryOf } from "../../proc/system-files.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";
import type { ProcessRow } from "./process-table.ts";
import { uptimeLine } from "./system-state.ts";
import { runTop, type TopFrame } from "./top-loop.ts";

const mebibyte = 1024 * 1024;

/** KiB in six columns: `168140`, `1.2g`. */
function kibibytes(bytes: number, width: number): string {
	const kib = Math.ceil(bytes / 1024);
	if (String(kib).length <= width) return String(kib);
	const mib = kib / 1024;
	return mib < 1000 ? `${mib.toFixed(1)}m` : `${(mib / 1024).toFixed(1)}g`;
}

/** `0:03.12`. */
function hundredths(cpuMs: number): string {
	const seconds = Math.floor(cpuMs / 1000);
	return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}.${String(Math.floor((cpuMs % 1000) / 10)).padStart(2, "0")}`;
}

type SortKey = "cpu" | "memory" | "pid" | "time";

function frameOf(sort: SortKey, pids: readonly number[], withCommandLine: boolean): (look: TopFrame) => string {
	return ({ table, cpuPercentOf }) => {
		const hardware = table.view.hardware();
		const memory = memoryOf(hardware);
		const rows = table.rows.filter(({ pid }) => pids.length === 0 || pids.includes(pid));
		const keys: Readonly<Record<SortKey, (row: ProcessRow) => number>> = {
			cpu: cpuPercentOf,
			memory: ({ rssBytes }) => rssBytes,
			pid: ({ pid }) => pid,
			time: ({ cpuMs }) => cpuMs,
		};
		const sorted = [...rows].sort((a, b) => Number((keys[sort](b) - keys[sort](a)).toFixed(1)) || a.pid - b.pid);
		const count = (...states: readonly string[]) => String(rows.filter(({ state }) => states.includes(state)).length).padStart(3);
		const busy = Math.min(100, (rows.reduce((sum, row) => sum + cpuPercentOf(row), 0) || hardware.load * 100) / hardware.cores);
		const percent = (value: number) => value.toFixed(1).padStart(5);
		const mib = (bytes: number) => (bytes / mebibyte).toFixed(1).padStart(8);
		return [
			`top - ${uptimeLine(hardware, table.nowMs)}`,
			`Tasks: ${String(rows.length).padStart(3)} total, ${count("R")} running, ${count("S", "I")} sleeping, ${count("T")} stopped,   0 zombie`,
			`%Cpu(s):${percent(busy * 0.7)} us,${percent(busy * 0.3)} sy,  0.0 ni,${percent(100 - busy)} id,  0.0 wa,  0.0 hi,  0.0 si,  0.0 st`,
			`MiB Mem : ${mib(memory.totalBytes)} total, ${mib(memory.freeBytes)} free, ${mib(memory.usedBytes)} used, ${mib(memory.cachedBytes)} buff/cache`,
			`MiB Swap: ${mib(0)} total, ${mib(0)} free, ${mib(0)} used. ${mib(memory.availableBytes)} avail Mem`,
			"",
			"    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND",
			...sorted.map((row) => {
				const { pid, user, process, vszBytes, rssBytes, state, cpuMs, memoryPercent } = row;
				const name = user.length > 8 ? `${user.slice(0, 7)}+` : user.padEnd(8);
				const cpu = cpuPercentOf(row);
				return `${String(pid).padStart(7)} ${name} ${String(20 + process.nice).padStart(3)} ${String(process.nice).padStart(3)} ${kibibytes(vszBytes, 7).padStart(7)} ${kibibytes(rssBytes, 6).padStart(6)} ${kibibytes(rssBytes * 0.3, 6).padStart(6)} ${state} ${(cpu >= 1000 ? cpu.toFixed(0) : cpu.toFixed(1)).padStart(5)} ${memoryPercent.toFixed(1).padStart(5)} ${hundredths(cpuMs).padStart(9)} ${withCommandLine ? row.command : row.comm}`;
			}),
		].join("\n");
	};
}

const sortKeys: Readonly<Record<string, SortKey>> = {
	"%CPU": "cpu",
	"%MEM": "memory",
	RES: "memory",
	PID: "pid",
	"TIME+": "time",
	TIME: "time",
};

export const top: Program = async (context) => {
	const { flags, values, unknown } = parseOptions(context.argv.slice(1), "bcHiSd:n:o:p:u:w:");
	if (unknown[0] !== undefined) {
		await writeText(context.stderr, `top: unknown option '${unknown[0].replace(/^-+/, "").charAt(0)}'\n`);
		return 1;
	}
	const wanted = (values.get("o") ?? "%CPU").replace(/^[-+]/, "");
	const sort = sortKeys[wanted];
	if (sort === undefined) {
		await writeText(context.stderr, `top: unrecognized field name '${wanted}'\n`);
		return 1;
	}
	const pids = (values.get("p") ?? "")
		.split(",")
		.filter((word) => word !== "")
		.map(Number);
	return runTop(context, {
		isBatch: flags.has("b"),
		delaySeconds: Number(values.get("d") ?? 3),
		frames: Number(values.get("n") ?? Number.POSITIVE_INFINITY),
		frame: frameOf(sort, pids, flags.has("c")),
	});
};
