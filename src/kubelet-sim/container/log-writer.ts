/** Cuts what a process writes into the lines of its container's log, as containerd does. */
import type { OutputStream } from "../../host/index.ts";
import type { LogLine } from "./log-line.ts";

/** A longer line is cut. Source: `max_container_log_line_size` of containerd's CRI plugin. */
const maxLineBytes = 16 * 1024;

/** Lines that many containers print: they are kept once. */
const maxShared = 512;
const shared = new Map<string, string>();

/** The same text, shared with other logs, and not a part of a longer one that it would keep in memory. */
function sharedLine(text: string): string {
	const known = shared.get(text);
	if (known !== undefined) return known;
	const copy = Buffer.from(text, "latin1").toString("latin1");
	if (shared.size >= maxShared) shared.clear();
	shared.set(copy, copy);
	return copy;
}

export interface LogWriterOptions {
	readonly stream: LogLine["stream"];
	/** Unix ms. */
	readonly now: () => number;
	readonly add: (line: LogLine) => void;
	/** Also gets each chunk: for attach. It holds the program up while it returns a promise. */
	readonly onData: (chunk: Uint8Array, stream: LogLine["stream"]) => Promise<void> | void;
}

export class LogWriter implements OutputStream {
	readonly #options: LogWriterOptions;
	/** `length <= maxLineBytes` between writes. */
	#rest = "";

	constructor(options: LogWriterOptions) {
		this.#options = options;
	}

	write(chunk: Uint8Array): Promise<void> | void {
		const lines = (this.#rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1")).split("\n");
		const rest = lines.pop() ?? "";
		for (const line of lines) this.#add(this.#cut(line), false);
		this.#rest = this.#cut(rest);
		return this.#options.onData(chunk, this.#options.stream);
	}

	/** Writes what has no newline, and will get none: at the end of the process. */
	flush(): void {
		if (this.#rest === "") return;
		this.#add(this.#rest, true);
		this.#rest = "";
	}

	/** What is too long goes out in parts; the last one is left. */
	#cut(line: string): string {
		let rest = line;
		for (; rest.length > maxLineBytes; rest = rest.slice(maxLineBytes)) this.#add(rest.slice(0, maxLineBytes), true);
		return rest;
	}

	#add(text: string, partial: boolean): void {
		const { now, stream, add } = this.#options;
		add({ timeMs: now(), text: sharedLine(text), stream, partial });
	}
}
