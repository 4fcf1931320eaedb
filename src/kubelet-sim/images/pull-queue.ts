/** Pulls of one node: no more than so many at once, the others in the order in which they came. */
export class PullQueue {
	readonly #limit: number;
	/** `0 <= running <= limit` */
	#running = 0;
	readonly #waiting: (() => void)[] = [];

	/** @param limit 1: one after the other (`serializeImagePulls`) */
	constructor(limit: number) {
		this.#limit = limit;
	}

	/** Starts a pull when it is its turn, at once if that is now; whoever starts calls `leave` once. */
	enter(start: () => void): void {
		if (this.#running >= this.#limit) {
			this.#waiting.push(start);
			return;
		}
		this.#running++;
		start();
	}

	leave(): void {
		const next = this.#waiting.shift();
		if (next === undefined) this.#running--;
		else next();
	}
}
