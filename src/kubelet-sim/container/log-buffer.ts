/**
 * The log of one container instance: lines with their times, newest kept up to a limit in bytes. The kubelet keeps
 * 10 MiB times five files; a simulated node keeps `defaultLogLimitBytes`, and drops the oldest lines beyond it.
 */
import type { OutputStream } from "../../host/index.ts";

const defaultLogLimitBytes = 1024 * 1024;
/** A line longer than this is cut in two, as containerd does at 16 KiB. */
const maxLineBytes = 16 * 1024;

/** Lines that many containers print: they are kept once. */
const maxShared = 512;
const shared = new Map<string, string>();

/** The same text, shared with other logs, and not a part of a longer one that it would keep in memory. */
function sharedLine(text: string): string {
	const known = shared.get(text);
	if (known !== undefined) return known;
	const copy = Buffer.from(text).toString();
	if (shared.size >= maxShared) shared.clear();
	shared.set(copy, copy);
	return copy;
}

export interface LogLine {
	/** Unix ms. */
	readonly timeMs: number;
	/** Without its newline. */
	readonly text: string;
	readonly stream: "stdout" | "stderr";
}

export interface LogReader {
	/** Called for each line as it comes. */
	onLine(line: LogLine): void;
	/** No line will follow. */
	onEnd(): void;
}

export class LogBuffer {
	#lines: LogLine[] = [];
	/** `0 <= size <= limit` */
	#sizeBytes = 0;
	#readers: Set<LogReader> | undefined;
	#ended = false;
	readonly #limitBytes: number;

	constructor(limitBytes = defaultLogLimitBytes) {
		this.#limitBytes = limitBytes;
	}

	get ended(): boolean {
		return this.#ended;
	}

	/** Of the lines that are kept. */
	get sizeBytes(): number {
		return this.#sizeBytes;
	}

	lines(): readonly LogLine[] {
		return this.#lines;
	}

	/** @returns a function that stops the following. */
	follow(reader: LogReader): () => void {
		if (this.#ended) {
			reader.onEnd();
			return () => undefined;
		}
		this.#readers ??= new Set();
		this.#readers.add(reader);
		return () => this.#readers?.delete(reader);
	}

	/** The stream that a process writes to. @param onData also gets each chunk: for attach. */
	writer(stream: LogLine["stream"], now: () => number, onData?: (chunk: Uint8Array, stream: LogLine["stream"]) => void): LogWriter {
		return new LogWriter(this, stream, now, onData);
	}

	add(line: LogLine): void {
		this.#lines.push(line);
		this.#sizeBytes += line.text.length;
		if (this.#sizeBytes > this.#limitBytes) this.#rotate();
		if (this.#readers !== undefined) for (const reader of this.#readers) reader.onLine(line);
	}

	end(): void {
		this.#ended = true;
		for (const reader of this.#readers ?? []) reader.onEnd();
		this.#readers = undefined;
	}

	/** Drops the older half at once, so that a busy container does not pay for it on every line. */
	#rotate(): void {
		let at = 0;
		while (at < this.#lines.length - 1 && this.#sizeBytes > this.#limitBytes / 2) this.#sizeBytes -= this.#lines[at++]?.text.length ?? 0;
		this.#lines = this.#lines.slice(at);
	}
}

/** Cuts what a process writes into lines. */
export class LogWriter implements OutputStream {
	readonly #log: LogBuffer;
	readonly #stream: LogLine["stream"];
	readonly #now: () => number;
	readonly #onData: ((chunk: Uint8Array, stream: LogLine["stream"]) => void) | undefined;
	#rest = "";

	constructor(
		log: LogBuffer,
		stream: LogLine["stream"],
		now: () => number,
		onData?: (chunk: Uint8Array, stream: LogLine["stream"]) => void,
	) {
		this.#log = log;
		this.#stream = stream;
		this.#now = now;
		this.#onData = onData;
	}

	write(chunk: Uint8Array): void {
		this.#onData?.(chunk, this.#stream);
		const lines = (this.#rest + Buffer.from(chunk).toString()).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) this.#add(line);
		if (this.#rest.length > maxLineBytes) this.flush();
	}

	/** Writes what has no newline yet: at the end of the process. */
	flush(): void {
		if (this.#rest === "") return;
		this.#add(this.#rest);
		this.#rest = "";
	}

	#add(text: string): void {
		for (let at = 0; at === 0 || at < text.length; at += maxLineBytes) {
			this.#log.add({ timeMs: this.#now(), text: sharedLine(text.slice(at, at + maxLineBytes)), stream: this.#stream });
		}
	}
}
