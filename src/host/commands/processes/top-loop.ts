/** What all tops do: look, show, wait, look again. Between two looks a process's share of the processor is that of the time between. */
import { sleep } from "../../../apimachinery/clock/clock.ts";
import type { ProcessContext } from "../../machine.ts";
import type { Process } from "../../process.ts";
import { writeText } from "../../stream.ts";
import { type ProcessRow, type ProcessTable, readProcessTable } from "./process-table.ts";

export interface TopFrame {
	readonly table: ProcessTable;
	/** Percent of a core since the last look; of the first look, since the process started. */
	cpuPercentOf(row: ProcessRow): number;
}

export interface TopOptions {
	/** Prints one frame after the other, for a file or a pipe. */
	readonly isBatch: boolean;
	readonly delaySeconds: number;
	/** Infinity: until it is stopped. */
	readonly frames: number;
	frame(look: TopFrame): string;
}

/** Ends after its frames, on a signal, or when `q` is typed (and Enter). */
export async function runTop(context: ProcessContext, { isBatch, delaySeconds, frames, frame }: TopOptions): Promise<number> {
	const { process, machine, stdout, terminal } = context;
	let before: { readonly atMs: number; readonly cpuMs: ReadonlyMap<Process, number> } | undefined;
	let isOver = false;
	if (!isBatch && terminal !== undefined) {
		void context.stdin.read().then((keys) => {
			isOver = keys === undefined || Buffer.from(keys).toString().trim().startsWith("q");
			if (isOver) process.finish({ exitCode: 0 });
		});
	}
	for (let shown = 0; shown < frames && process.exit === undefined && !isOver; shown++) {
		if (shown > 0) {
			await sleep(machine.clock, Math.max(100, delaySeconds * 1000), process.ended).catch(() => undefined);
			if (process.exit !== undefined) break;
		}
		const table = readProcessTable(context);
		const last = before;
		const cpuPercentOf = (row: ProcessRow): number => {
			const known = last?.cpuMs.get(row.process);
			if (last === undefined || known === undefined) return row.cpuPercent;
			return Math.max(0, ((row.cpuMs - known) * 100) / Math.max(1, table.nowMs - last.atMs));
		};
		const text = frame({ table, cpuPercentOf });
		await writeText(stdout, isBatch ? `${shown > 0 ? "\n" : ""}${text}\n` : `\x1b[H\x1b[2J${clip(text, terminal)}`);
		before = { atMs: table.nowMs, cpuMs: new Map(table.rows.map(({ process: each, cpuMs }) => [each, cpuMs])) };
	}
	if (!isBatch) await writeText(stdout, "\n");
	return 0;
}

function clip(text: string, terminal: ProcessContext["terminal"]): string {
	if (terminal === undefined) return text;
	const lines = text.split("\n").slice(0, Math.max(1, terminal.rows - 1));
	return lines.map((line) => line.slice(0, terminal.columns)).join("\n");
}
