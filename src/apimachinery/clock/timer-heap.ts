/** Timers in order of their moment, those of one moment in the order in which they were set: what clocks that decide themselves when time passes keep. */

interface Entry {
	readonly atMs: number;
	/** Breaks ties. */
	readonly order: number;
	callback: (() => void) | undefined;
}

export class TimerHeap {
	#order = 0;
	/** Binary heap by (atMs, order); a cancelled entry stays, without its callback, until it comes up. */
	readonly #heap: Entry[] = [];

	/** @returns what takes the timer back; after it came up, or a second time, that does nothing */
	add(atMs: number, callback: () => void): () => void {
		const entry: Entry = { atMs, order: this.#order++, callback };
		this.#push(entry);
		return () => {
			entry.callback = undefined;
		};
	}

	/** When the first one is due; undefined if there is none. */
	nextMs(): number | undefined {
		while (this.#heap[0] !== undefined && this.#heap[0].callback === undefined) this.#pop();
		return this.#heap[0]?.atMs;
	}

	/** Takes the first one out. Undefined if there is none. */
	take(): (() => void) | undefined {
		if (this.nextMs() === undefined) return undefined;
		const callback = this.#heap[0]?.callback;
		this.#pop();
		return callback;
	}

	/** How many are set and not taken back. */
	get size(): number {
		return this.#heap.filter((entry) => entry.callback !== undefined).length;
	}

	#push(entry: Entry): void {
		const heap = this.#heap;
		let index = heap.push(entry) - 1;
		while (index > 0) {
			const parentIndex = (index - 1) >> 1;
			const parent = heap[parentIndex];
			if (parent === undefined || isBefore(parent, entry)) break;
			heap[index] = parent;
			index = parentIndex;
		}
		heap[index] = entry;
	}

	#pop(): void {
		const heap = this.#heap;
		const last = heap.pop();
		if (last === undefined || heap.length === 0) return;
		let index = 0;
		for (;;) {
			const left = heap[2 * index + 1];
			if (left === undefined) break;
			const right = heap[2 * index + 2];
			const [child, childIndex] = right !== undefined && isBefore(right, left) ? [right, 2 * index + 2] : [left, 2 * index + 1];
			if (isBefore(last, child)) break;
			heap[index] = child;
			index = childIndex;
		}
		heap[index] = last;
	}
}

function isBefore(a: Entry, b: Entry): boolean {
	return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
