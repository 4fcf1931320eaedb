/**
 * Byte streams between simulated processes. A pipe is bounded: a writer waits until the reader has taken what is there,
 * so a program that prints without end costs no memory and stops when nobody reads.
 */

export interface InputStream {
	/** The next bytes; undefined at the end. */
	read(): Promise<Uint8Array | undefined>;
}

export interface OutputStream {
	/** Resolves (or returns) when more may be written. Rejects with `BrokenPipeError` when the reader has gone. */
	write(chunk: Uint8Array): Promise<void> | void;
}

/** The reader of a pipe has closed it: the writer gets SIGPIPE. */
export class BrokenPipeError extends Error {
	constructor() {
		super("Broken pipe");
		this.name = "BrokenPipeError";
	}
}

/** A program wants to hold more at once than it may. */
export class OutOfMemoryError extends Error {
	constructor() {
		super("out of memory");
		this.name = "OutOfMemoryError";
	}
}

/** Linux's default capacity of a pipe. */
const pipeCapacityBytes = 64 * 1024;

export class Pipe implements InputStream, OutputStream {
	readonly #chunks: Uint8Array[] = [];
	/** `0 <= size`; above `pipeCapacityBytes` writers wait. */
	#sizeBytes = 0;
	#ended = false;
	#broken = false;
	#failure: Error | undefined;
	#wakeReaders: (() => void)[] = [];
	#wakeWriters: (() => void)[] = [];

	async write(chunk: Uint8Array): Promise<void> {
		if (this.#broken || this.#ended) throw new BrokenPipeError();
		if (chunk.byteLength === 0) return;
		this.#chunks.push(chunk);
		this.#sizeBytes += chunk.byteLength;
		this.#wake();
		while (this.#sizeBytes > pipeCapacityBytes && !this.#broken) await new Promise<void>((resolve) => this.#wakeWriters.push(resolve));
		if (this.#broken) throw new BrokenPipeError();
	}

	async read(): Promise<Uint8Array | undefined> {
		for (;;) {
			const chunk = this.#chunks.shift();
			if (chunk !== undefined) {
				this.#sizeBytes -= chunk.byteLength;
				if (this.#sizeBytes <= pipeCapacityBytes) this.#wake();
				return chunk;
			}
			if (this.#failure !== undefined) throw this.#failure;
			if (this.#ended || this.#broken) return undefined;
			await new Promise<void>((resolve) => this.#wakeReaders.push(resolve));
		}
	}

	/** What has been written and not been read. */
	get sizeBytes(): number {
		return this.#sizeBytes;
	}

	/** The writer is gone: the reader gets the rest, then this error. */
	fail(error: Error): void {
		this.#failure = error;
		this.end();
	}

	/** The writer is done: the reader gets the rest, then the end. */
	end(): void {
		this.#ended = true;
		this.#wake();
	}

	/** The reader is done: writers get `BrokenPipeError`. */
	close(): void {
		this.#broken = true;
		this.#chunks.length = 0;
		this.#sizeBytes = 0;
		this.#wake();
	}

	#wake(): void {
		const waiting = [...this.#wakeReaders, ...this.#wakeWriters];
		this.#wakeReaders = [];
		this.#wakeWriters = [];
		for (const wake of waiting) wake();
	}
}

/** Always at its end: /dev/null as stdin. */
export const emptyInput: InputStream = { read: () => Promise.resolve(undefined) };

/** Takes everything and keeps nothing: /dev/null as stdout. */
export const nullOutput: OutputStream = { write: () => undefined };

export function inputOf(bytes: Uint8Array): InputStream {
	let rest: Uint8Array | undefined = bytes.byteLength === 0 ? undefined : bytes;
	return {
		read: () => {
			const chunk = rest;
			rest = undefined;
			return Promise.resolve(chunk);
		},
	};
}

/** What somebody outside sends. */
export function inputFrom(chunks: AsyncIterable<Uint8Array>): InputStream {
	const iterator = chunks[Symbol.asyncIterator]();
	return {
		read: async () => {
			const next = await iterator.next();
			return next.done === true ? undefined : next.value;
		},
	};
}

/** Collects what is written, up to a limit in bytes; what is over is dropped and `truncated` says so. */
export class Collector implements OutputStream {
	readonly #chunks: Uint8Array[] = [];
	readonly #limitBytes: number;
	#sizeBytes = 0;
	truncated = false;

	constructor(limitBytes = 16 * 1024 * 1024) {
		this.#limitBytes = limitBytes;
	}

	write(chunk: Uint8Array): void {
		const room = this.#limitBytes - this.#sizeBytes;
		if (chunk.byteLength > room) this.truncated = true;
		const part = chunk.byteLength > room ? chunk.subarray(0, room) : chunk;
		this.#chunks.push(part);
		this.#sizeBytes += part.byteLength;
	}

	bytes(): Uint8Array {
		return Buffer.concat(this.#chunks);
	}

	text(): string {
		return Buffer.concat(this.#chunks).toString();
	}
}

export async function writeText(stream: OutputStream, text: string): Promise<void> {
	if (text !== "") await stream.write(Buffer.from(text));
}

/** What a program that needs its whole input may hold of it. */
const maxInputBytes = 64 * 1024 * 1024;

/** Everything until the end. Rejects with `OutOfMemoryError` when that is more than a program may hold. */
export async function readAll(stream: InputStream): Promise<Uint8Array> {
	const collector = new Collector(maxInputBytes);
	for (let chunk = await stream.read(); chunk !== undefined; chunk = await stream.read()) {
		collector.write(chunk);
		if (collector.truncated) throw new OutOfMemoryError();
	}
	return collector.bytes();
}

/** An input that can also be read by the line: `read` in a shell takes one, the next command what follows. */
export class BufferedInput implements InputStream {
	readonly #stream: InputStream;
	#rest: Buffer = Buffer.alloc(0);
	#ended = false;

	constructor(stream: InputStream) {
		this.#stream = stream;
	}

	read(): Promise<Uint8Array | undefined> {
		if (this.#rest.length === 0) return this.#ended ? Promise.resolve(undefined) : this.#stream.read();
		const chunk = this.#rest;
		this.#rest = Buffer.alloc(0);
		return Promise.resolve(chunk);
	}

	/** The next line without its newline, and whether a newline ended it; undefined at the end of the input. */
	async readLine(): Promise<{ readonly text: string; readonly complete: boolean } | undefined> {
		for (;;) {
			const newline = this.#rest.indexOf(10);
			if (newline !== -1) {
				const text = this.#rest.subarray(0, newline).toString();
				this.#rest = this.#rest.subarray(newline + 1);
				return { text, complete: true };
			}
			if (this.#ended) {
				if (this.#rest.length === 0) return undefined;
				const text = this.#rest.toString();
				this.#rest = Buffer.alloc(0);
				return { text, complete: false };
			}
			const chunk = await this.#stream.read();
			if (chunk === undefined) this.#ended = true;
			else this.#rest = Buffer.concat([this.#rest, chunk]);
		}
	}
}
