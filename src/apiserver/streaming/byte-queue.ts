/**
 * Bytes on their way from a connection to whoever reads them: pushed by the one, iterated by the other (once). The
 * pusher learns when enough is waiting and can stop reading its connection.
 */

/** Bytes that may wait before the pusher should hold back. */
const enoughBytes = 1024 * 1024;

export class ByteQueue implements AsyncIterable<Uint8Array> {
	readonly #chunks: Uint8Array[] = [];
	#sizeBytes = 0;
	#ended = false;
	/** Wakes the reader: there is something, or there is nothing more. */
	#wake: (() => void) | undefined;
	/** Wakes pushers that wait for room. */
	#roomy: (() => void)[] = [];

	/** Resolves when there is room for more. Chunks after the end are dropped. */
	async push(chunk: Uint8Array): Promise<void> {
		if (this.#ended || chunk.length === 0) return;
		this.#chunks.push(chunk);
		this.#sizeBytes += chunk.length;
		this.#wake?.();
		if (this.#sizeBytes >= enoughBytes) await new Promise<void>((resolve) => this.#roomy.push(resolve));
	}

	/** No more will come. */
	end(): void {
		this.#ended = true;
		this.#wake?.();
		this.#release();
	}

	async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
		try {
			for (;;) {
				const chunk = this.#chunks.shift();
				if (chunk !== undefined) {
					this.#sizeBytes -= chunk.length;
					if (this.#sizeBytes < enoughBytes) this.#release();
					yield chunk;
				} else if (this.#ended) {
					return;
				} else {
					await new Promise<void>((resolve) => {
						this.#wake = resolve;
					});
					this.#wake = undefined;
				}
			}
		} finally {
			// The reader wants no more: nobody may wait for it.
			this.end();
		}
	}

	#release(): void {
		const waiting = this.#roomy;
		this.#roomy = [];
		for (const resolve of waiting) resolve();
	}
}

/** Everything of an iterable as one text; for small things only. */
export async function readText(chunks: AsyncIterable<Uint8Array>): Promise<string> {
	const pieces: Uint8Array[] = [];
	for await (const chunk of chunks) pieces.push(chunk);
	return Buffer.concat(pieces).toString("utf8");
}
