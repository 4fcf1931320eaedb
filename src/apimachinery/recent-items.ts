/** The last few things that came: each that comes puts out the one that came so many before it. A ring, so that nothing is moved. */
export class RecentItems<T> {
	readonly #capacity: number;
	readonly #items: T[] = [];
	/** Where the oldest is, once there are enough; 0 <= next < capacity. */
	#next = 0;

	/** @param capacity > 0 */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** @returns the one that is no longer among them */
	push(item: T): T | undefined {
		if (this.#items.length < this.#capacity) {
			this.#items.push(item);
			return undefined;
		}
		const oldest = this.#items[this.#next];
		this.#items[this.#next] = item;
		this.#next = (this.#next + 1) % this.#capacity;
		return oldest;
	}
}
