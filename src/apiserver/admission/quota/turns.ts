/** One after the other: whoever takes a turn keeps it until it ends it, and the next one in line goes on then. */

type Begin = () => void;

export class Turns {
	/** By key: those in line behind the one whose turn it is. No entry: nobody's turn. */
	readonly #lines = new Map<string, Begin[]>();

	/**
	 * Runs `work` when it is its turn: at once, and then nothing is promised, if nobody else's is. `work` has to see to it that
	 * `end` is called, once, even if it throws.
	 */
	take(key: string, work: (end: () => void) => void): void | Promise<void> {
		const line = this.#lines.get(key);
		if (line === undefined) {
			this.#lines.set(key, []);
			return work(() => this.#next(key));
		}
		return new Promise<void>((resolve) => line.push(resolve)).then(() => work(() => this.#next(key)));
	}

	#next(key: string): void {
		const begin = this.#lines.get(key)?.shift();
		if (begin === undefined) this.#lines.delete(key);
		else begin();
	}
}
