/** `free`, `uptime`, `vmstat`, `nproc`: the state of the whole machine. Source: free(1), uptime(1), vmstat(8) of procps-ng 4 */
import { sleep } from "../../../apimachinery/clock/clock.ts";
import { allCpus, allowedCpus } from "../../cgroup/cpuset.ts";
import type { Hardware } from "../../kernel.ts";
import type { Program } from "../../machine.ts";
import { loadsOf, memoryOf } from "../../proc/system-files.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";
import { readProcessTable } from "./process-table.ts";

/** `10:00:00 up 1 day,  2:03,  0 users,  load average: 0.06, 0.06, 0.06`. */
export function uptimeLine(hardware: Hardware, nowMs: number): string {
	const minutes = Math.max(0, Math.floor((nowMs - hardware.bootMs) / 60_000));
	const days = Math.floor(minutes / 1440);
	const hours = Math.floor(minutes / 60) % 24;
	const time = hours === 0 ? `${minutes % 60} min` : `${String(hours).padStart(2)}:${String(minutes % 60).padStart(2, "0")}`;
	const up = `${days === 0 ? "" : `${days} day${days === 1 ? "" : "s"}, `}${time}`;
	return `${new Date(nowMs).toISOString().slice(11, 19)} up ${up},  0 users,  load average: ${loadsOf(hardware).join(", ")}`;
}

export const uptime: Program = async (context) => {
	const { view, nowMs } = readProcessTable(context);
	const hardware = view.hardware();
	const { flags } = parseOptions(context.argv.slice(1), "ps", ["pretty", "since"]);
	if (flags.has("s") || flags.has("since")) {
		await writeText(context.stdout, `${new Date(hardware.bootMs).toISOString().slice(0, 19).replace("T", " ")}\n`);
		return 0;
	}
	if (flags.has("p") || flags.has("pretty")) {
		const minutes = Math.max(0, Math.floor((nowMs - hardware.bootMs) / 60_000));
		const parts = [
			[Math.floor(minutes / 1440), "day"],
			[Math.floor(minutes / 60) % 24, "hour"],
			[minutes % 60, "minute"],
		] as const;
		const text = parts.flatMap(([count, unit]) => (count === 0 ? [] : [`${count} ${unit}${count === 1 ? "" : "s"}`])).join(", ");
		await writeText(context.stdout, `up ${text === "" ? "0 minutes" : text}\n`);
		return 0;
	}
	await writeText(context.stdout, ` ${uptimeLine(hardware, nowMs)}\n`);
	return 0;
};

const factors: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

export const free: Program = async (context) => {
	const { flags, unknown } = parseOptions(context.argv.slice(1), "bkmghtw", ["human", "mebi", "gibi", "kibi", "bytes", "total", "wide"]);
	if (unknown[0] !== undefined) {
		await writeText(context.stderr, `free: invalid option -- '${unknown[0].replace(/^-+/, "").charAt(0)}'\n`);
		return 1;
	}
	const letter =
		["b", "k", "m", "g"].find((each) => flags.has(each)) ??
		(flags.has("mebi") ? "m" : flags.has("gibi") ? "g" : flags.has("bytes") ? "b" : "k");
	const isHuman = flags.has("h") || flags.has("human");
	const show = (bytes: number) => (isHuman ? humanBytes(bytes) : String(Math.floor(bytes / (factors[letter] ?? 1024)))).padStart(12);
	const { view } = readProcessTable(context);
	const memory = memoryOf(view.hardware());
	const lines = [
		"               total        used        free      shared  buff/cache   available",
		`Mem:    ${show(memory.totalBytes)}${show(memory.usedBytes)}${show(memory.freeBytes)}${show(0)}${show(memory.cachedBytes)}${show(memory.availableBytes)}`,
		`Swap:   ${show(0)}${show(0)}${show(0)}`,
	];
	if (flags.has("t") || flags.has("total"))
		lines.push(`Total:  ${show(memory.totalBytes)}${show(memory.usedBytes)}${show(memory.freeBytes)}`);
	await writeText(context.stdout, `${lines.join("\n")}\n`);
	return 0;
};

/** `7.8Gi`, `620Mi`, `0B`: at most three digits. */
function humanBytes(bytes: number): string {
	const units = ["B", "Ki", "Mi", "Gi", "Ti"];
	let value = bytes;
	let unit = 0;
	for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1024;
	return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

export const vmstat: Program = async (context) => {
	const { operands } = parseOptions(context.argv.slice(1), "anwtS:");
	const delaySeconds = Number(operands[0] ?? 0);
	const count = operands[1] === undefined ? (operands[0] === undefined ? 1 : Number.POSITIVE_INFINITY) : Number(operands[1]);
	const { machine, process, stdout } = context;
	await writeText(
		stdout,
		"procs -----------memory---------- ---swap-- -----io---- -system-- -------cpu-------\n r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st gu\n",
	);
	for (let shown = 0; shown < count && process.exit === undefined; shown++) {
		if (shown > 0) await sleep(machine.clock, delaySeconds * 1000, process.ended).catch(() => undefined);
		if (process.exit !== undefined) break;
		const { view, rows } = readProcessTable(context);
		const hardware = view.hardware();
		const memory = memoryOf(hardware);
		const busy = Math.min(100, (hardware.load * 100) / hardware.cores);
		const kib = (bytes: number) => String(Math.floor(bytes / 1024)).padStart(6);
		const two = (value: number) => String(Math.round(value)).padStart(2);
		const running = rows.filter(({ state }) => state === "R").length;
		await writeText(
			stdout,
			`${two(running)} ${two(0)} ${kib(0)} ${kib(memory.freeBytes)} ${kib(memory.cachedBytes * 0.05)} ${kib(memory.cachedBytes * 0.95)}    0    0     0     0 ${String(Math.round(100 + busy * 10)).padStart(4)} ${String(Math.round(200 + busy * 20)).padStart(4)} ${two(busy * 0.7)} ${two(busy * 0.3)} ${two(100 - busy)}  0  0  0\n`,
		);
	}
	return 0;
};

/** Processors that the process may use: in a container with a limit all of the machine's, in one with a cpuset those of it. */
export const nproc: Program = async (context) => {
	const { flags, values } = parseOptions(context.argv.slice(1), "", ["all", "ignore:"]);
	const { cores } = readProcessTable(context).view.hardware();
	const count = flags.has("all") ? allCpus(cores).length : allowedCpus(context.process, context.machine.kernel.cgroups, cores).length;
	await writeText(context.stdout, `${Math.max(1, count - Number(values.get("ignore") ?? 0))}\n`);
	return 0;
};
