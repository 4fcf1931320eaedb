/**
 * Appends on their way to one member: a window that bounds how far the leader runs ahead of the acknowledgements.
 *
 * Invariant: last indexes ascend; at most `limit` of them.
 */
export class Inflights {
	readonly #limit: number;
	/** The last index of each message. */
	#lastIndexes: number[] = [];

	constructor(limit: number) {
		this.#limit = limit;
	}

	get count(): number {
		return this.#lastIndexes.length;
	}

	get full(): boolean {
		return this.#lastIndexes.length >= this.#limit;
	}

	add(lastIndex: number): void {
		this.#lastIndexes.push(lastIndex);
	}

	/** Everything up to `index` has arrived. */
	freeTo(index: number): void {
		const open = this.#lastIndexes.findIndex((lastIndex) => lastIndex > index);
		this.#lastIndexes = open < 0 ? [] : this.#lastIndexes.slice(open);
	}

	clear(): void {
		this.#lastIndexes = [];
	}
}
