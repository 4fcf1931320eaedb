/** Virtual time in milliseconds: what is due runs in order of time, and of scheduling for equal times. */
export class EventQueue {
	#now = 0;
	#sequence = 0;
	/** A binary heap. */
	readonly #heap: { readonly at: number; readonly sequence: number; readonly run: () => void }[] = [];

	get now(): number {
		return this.#now;
	}

	after(delayMs: number, run: () => void): void {
		this.#heap.push({ at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, run });
		this.#siftUp(this.#heap.length - 1);
	}

	/** Runs what is due up to `time`, which is now afterwards. */
	runUntil(time: number): void {
		for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
			this.#removeFirst();
			this.#now = next.at;
			next.run();
		}
		this.#now = time;
	}

	#before(a: number, b: number): boolean {
		const left = this.#heap[a];
		const right = this.#heap[b];
		if (left === undefined || right === undefined) return left !== undefined;
		return left.at < right.at || (left.at === right.at && left.sequence < right.sequence);
	}

	#swap(a: number, b: number): void {
		const [left, right] = [this.#heap[a], this.#heap[b]];
		if (left === undefined || right === undefined) return;
		this.#heap[a] = right;
		this.#heap[b] = left;
	}

	#siftUp(start: number): void {
		for (let at = start; at > 0; ) {
			const parent = (at - 1) >> 1;
			if (!this.#before(at, parent)) return;
			this.#swap(at, parent);
			at = parent;
		}
	}

	#removeFirst(): void {
		this.#swap(0, this.#heap.length - 1);
		this.#heap.pop();
		for (let at = 0; ; ) {
			const left = 2 * at + 1;
			const child = left + 1 < this.#heap.length && this.#before(left + 1, left) ? left + 1 : left;
			if (child >= this.#heap.length || !this.#before(child, at)) return;
			this.#swap(at, child);
			at = child;
		}
	}
}
