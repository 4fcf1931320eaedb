/**
 * A reader of a container's log, which holds its place as an open file does: it reads the newest file, and when that is put aside,
 * to its end, and then what is the newest by then. However slow it is, the log grows no further for its sake.
 * Source: ReadLogs of k8s.io/cri-client/pkg/logs.
 */
import type { LogOptions } from "../../apimachinery/node-connector.ts";
import type { ContainerLog } from "./container-log.ts";
import type { LogFile } from "./log-file.ts";
import { formatNanoTime, type LogLine } from "./log-line.ts";

/** Bytes of log that one write carries. */
const writeChunkBytes = 64 * 1024;

/** Writes what the options ask for; resolves at the end, which with `follow` is the container's or the caller's. */
export async function readLog(
	log: ContainerLog,
	options: LogOptions,
	write: (chunk: Uint8Array) => Promise<void>,
	signal: AbortSignal,
): Promise<void> {
	const place = new LogPlace(log, options.tailLines);
	const output = new LogOutput(options, write);
	// Without `follow` it ends where the log ended when it was asked for.
	const endLine = log.file.lineCount;
	let wake: () => void = () => undefined;
	const unwatch = options.follow ? log.watch(() => wake()) : () => undefined;
	const onAbort = () => wake();
	signal.addEventListener("abort", onAbort, { once: true });
	try {
		while (!output.isFull && !signal.aborted) {
			const hasEnded = log.ended;
			const lines = place.next(options.follow ? Number.POSITIVE_INFINITY : endLine);
			for (const line of lines) if (output.add(line)) await output.flush();
			if (lines.length > 0) continue;
			await output.flush();
			if (!options.follow || hasEnded) return;
			if (!place.isAtEnd || log.ended) continue;
			await new Promise<void>((resolve) => {
				wake = resolve;
				if (signal.aborted) resolve();
			});
		}
		if (!signal.aborted) await output.flush();
	} finally {
		unwatch();
		signal.removeEventListener("abort", onAbort);
	}
}

/** The last lines, as text. */
export function lastText(log: ContainerLog, lineCount: number): string {
	const place = new LogPlace(log, lineCount);
	const texts: string[] = [];
	for (let lines = place.next(Number.POSITIVE_INFINITY); lines.length > 0; lines = place.next(Number.POSITIVE_INFINITY)) {
		for (const { text, partial } of lines) texts.push(partial ? text : `${text}\n`);
	}
	return Buffer.from(texts.join(""), "latin1").toString();
}

export class LogPlace {
	readonly #log: ContainerLog;
	#file: LogFile;
	/** Number of the next line in the file. */
	#line: number;

	constructor(log: ContainerLog, tailLines: number | undefined) {
		this.#log = log;
		this.#file = log.file;
		this.#line = tailLines === undefined ? 0 : Math.max(0, log.file.lineCount - tailLines);
	}

	get isAtEnd(): boolean {
		return this.#line >= this.#file.lineCount && !this.#file.isClosed;
	}

	/** Some lines before number `endLine`; none if there are no more as yet. */
	next(endLine: number): readonly LogLine[] {
		const { firstLine, lines } = this.#file.read(this.#line);
		if (lines.length > 0) {
			const wanted = lines.slice(0, Math.max(0, endLine - firstLine));
			this.#line = firstLine + wanted.length;
			return wanted;
		}
		if (!this.#file.isClosed || endLine !== Number.POSITIVE_INFINITY) return [];
		// The newest is never closed.
		this.#file = this.#log.file;
		this.#line = 0;
		return this.next(endLine);
	}
}

/** Formats lines, gathers them, and stops at limitBytes. */
class LogOutput {
	readonly #options: LogOptions;
	readonly #write: (chunk: Uint8Array) => Promise<void>;
	#pending: string[] = [];
	#pendingBytes = 0;
	#leftBytes: number;
	/** The line before was whole: this one gets a time of its own. */
	#isNewLine = true;

	constructor(options: LogOptions, write: (chunk: Uint8Array) => Promise<void>) {
		this.#options = options;
		this.#write = write;
		this.#leftBytes = options.limitBytes ?? Number.POSITIVE_INFINITY;
	}

	get isFull(): boolean {
		return this.#leftBytes <= 0;
	}

	/** @returns whether there is enough to be written */
	add({ timeMs, text, partial }: LogLine): boolean {
		const { timestamps, sinceMs } = this.#options;
		const isNewLine = this.#isNewLine;
		this.#isNewLine = !partial;
		if (sinceMs !== undefined && timeMs < sinceMs) return false;
		const line = `${timestamps && isNewLine ? `${formatNanoTime(timeMs)} ` : ""}${text}${partial ? "" : "\n"}`;
		this.#pending.push(line);
		this.#pendingBytes += line.length;
		return this.#pendingBytes >= Math.min(writeChunkBytes, this.#leftBytes);
	}

	async flush(): Promise<void> {
		if (this.#pendingBytes === 0 || this.isFull) return;
		const bytes = Buffer.from(this.#pending.join(""), "latin1").subarray(0, this.#leftBytes);
		this.#pending = [];
		this.#pendingBytes = 0;
		this.#leftBytes -= bytes.byteLength;
		await this.#write(bytes);
	}
}
