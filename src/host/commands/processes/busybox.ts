/** `ps`, `top` and `free` of busybox, as Alpine's and busybox's images have them. Source: procps/{ps,top,free}.c of busybox 1.37 */
import type { Program } from "../../machine.ts";
import { memoryOf } from "../../proc/system-files.ts";
import { writeText } from "../../stream.ts";
import { parseOptions } from "../options.ts";
import { elapsedTime, type ProcessRow, type ProcessTable, readProcessTable } from "./process-table.ts";
import { minutes } from "./ps.ts";
import { runTop, type TopFrame } from "./top-loop.ts";

interface Column {
	readonly title: string;
	readonly width: number;
	readonly isRight?: boolean;
	value(row: ProcessRow, table: ProcessTable): string;
}

/** `1.4m`, `720`: at most four characters, as busybox writes kilobytes. */
function size(bytes: number): string {
	const kilobytes = Math.ceil(bytes / 1024);
	if (kilobytes < 10_000) return String(kilobytes);
	const megabytes = kilobytes / 1024;
	return megabytes < 10
		? `${megabytes.toFixed(1)}m`
		: megabytes < 10_000
			? `${Math.round(megabytes)}m`
			: `${(megabytes / 1024).toFixed(1)}g`;
}

const columns: Readonly<Record<string, Column>> = {
	user: { title: "USER", width: 8, value: ({ user }) => user },
	group: { title: "GROUP", width: 8, value: ({ process }) => (process.credentials.gid === 0 ? "root" : String(process.credentials.gid)) },
	comm: { title: "COMMAND", width: 16, value: ({ comm }) => comm },
	args: { title: "COMMAND", width: 256, value: ({ command }) => command },
	pid: { title: "PID", width: 5, isRight: true, value: ({ pid }) => String(pid) },
	ppid: { title: "PPID", width: 5, isRight: true, value: ({ ppid }) => String(ppid) },
	pgid: { title: "PGID", width: 5, isRight: true, value: ({ pid }) => String(pid) },
	etime: { title: "ELAPSED", width: 7, isRight: true, value: ({ startMs }, { nowMs }) => elapsedTime(nowMs - startMs) },
	nice: { title: "NI", width: 5, isRight: true, value: ({ process }) => String(process.nice) },
	rgroup: { title: "RGROUP", width: 8, value: ({ process }) => String(process.credentials.gid) },
	ruser: { title: "RUSER", width: 8, value: ({ user }) => user },
	time: { title: "TIME", width: 5, value: ({ cpuMs }) => minutes(cpuMs) },
	tty: { title: "TT", width: 6, value: ({ tty }) => (tty === "?" ? "?" : "136,0") },
	vsz: { title: "VSZ", width: 4, isRight: true, value: ({ vszBytes }) => size(vszBytes) },
	rss: { title: "RSS", width: 4, isRight: true, value: ({ rssBytes }) => size(rssBytes) },
	stat: { title: "STAT", width: 4, value: ({ state }) => state },
};

export const busyboxPs: Program = async (context) => {
	const { lists, flags } = parseOptions(context.argv.slice(1), "o:T");
	void flags;
	const names = (lists.get("o") ?? ["pid,user,time,args"]).flatMap((list) => list.split(","));
	const chosen: Column[] = [];
	for (const name of names) {
		const [key = "", title] = name.split("=");
		const found = columns[key];
		if (found === undefined) {
			await writeText(context.stderr, `ps: bad -o argument '${key}', supported arguments: ${Object.keys(columns).join(",")}\n`);
			return 1;
		}
		chosen.push(title === undefined ? found : { ...found, title, value: found.value });
	}
	const table = readProcessTable(context);
	const line = (textOf: (column: Column) => string) =>
		chosen
			.map((each, index) =>
				index === chosen.length - 1
					? textOf(each)
					: each.isRight === true
						? textOf(each).padStart(each.width)
						: textOf(each).padEnd(each.width),
			)
			.join(" ");
	// Titles stand to the left, whatever stands below them.
	const head = chosen.map(({ title, width }, index) => (index === chosen.length - 1 ? title : title.padEnd(width))).join(" ");
	const lines = table.rows.map((row) => line((each) => each.value(row, table)));
	await writeText(context.stdout, `${[head, ...lines].join("\n")}\n`);
	return 0;
};

function frame({ table, cpuPercentOf }: TopFrame): string {
	const hardware = table.view.hardware();
	const memory = memoryOf(hardware);
	const kilobytes = (bytes: number) => `${Math.floor(bytes / 1024)}K`;
	const busy = Math.min(100, (hardware.load * 100) / hardware.cores);
	const load = hardware.load.toFixed(2);
	const last = table.rows.at(-1)?.pid ?? 0;
	const rows = [...table.rows].sort((a, b) => cpuPercentOf(b) - cpuPercentOf(a) || b.vszBytes - a.vszBytes);
	const lines = rows.map((row) => {
		const vsz = size(row.vszBytes);
		const share = Math.floor((row.vszBytes * 100) / hardware.memoryBytes);
		const cpu = Math.floor(Math.min(100, cpuPercentOf(row) / hardware.cores));
		return `${String(row.pid).padStart(5)} ${String(row.ppid).padStart(5)} ${row.user.padEnd(8).slice(0, 8)} ${row.state.padEnd(3)} ${vsz.padStart(5)} ${String(share).padStart(3)}% ${"0".padStart(3)} ${String(cpu).padStart(3)}% ${row.command}`;
	});
	return [
		`Mem: ${kilobytes(memory.usedBytes + memory.cachedBytes)} used, ${kilobytes(memory.freeBytes)} free, 0K shrd, ${kilobytes(memory.cachedBytes * 0.05)} buff, ${kilobytes(memory.cachedBytes * 0.95)} cached`,
		`CPU: ${Math.round(busy * 0.7)}% usr ${Math.round(busy * 0.3)}% sys   0% nic ${Math.round(100 - busy)}% idle   0% io   0% irq   0% sirq`,
		`Load average: ${load} ${load} ${load} 1/${table.rows.length} ${last}`,
		"  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND",
		...lines,
	].join("\n");
}

export const busyboxTop: Program = (context) => {
	const { flags, values } = parseOptions(context.argv.slice(1), "bHmd:n:");
	return runTop(context, {
		isBatch: flags.has("b"),
		delaySeconds: Number(values.get("d") ?? 5),
		frames: Number(values.get("n") ?? Number.POSITIVE_INFINITY),
		frame,
	});
};

export const busyboxFree: Program = async (context) => {
	const { flags } = parseOptions(context.argv.slice(1), "bkmgh");
	const { view } = readProcessTable(context);
	const memory = memoryOf(view.hardware());
	const shift = flags.has("b") ? 1 : flags.has("m") ? 1024 ** 2 : flags.has("g") ? 1024 ** 3 : 1024;
	const show = (bytes: number) => (flags.has("h") ? human(bytes) : String(Math.floor(bytes / shift))).padStart(12);
	await writeText(
		context.stdout,
		[
			"              total        used        free      shared  buff/cache   available",
			`Mem:   ${show(memory.totalBytes)}${show(memory.usedBytes)}${show(memory.freeBytes)}${show(0)}${show(memory.cachedBytes)}${show(memory.availableBytes)}`,
			`Swap:  ${show(0)}${show(0)}${show(0)}`,
			"",
		].join("\n"),
	);
	return 0;
};

/** `7.8G`. */
function human(bytes: number): string {
	const units = ["", "K", "M", "G", "T"];
	let value = bytes;
	let unit = 0;
	for (; value >= 1024 && unit < units.length - 1; unit++) value /= 1024;
	return unit === 0 ? String(value) : `${value.toFixed(1)}${units[unit]}`;
}
