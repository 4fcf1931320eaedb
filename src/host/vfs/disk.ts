/**
 * A disk that several trees are on. How much of it is free is measured by somebody else, and that costs a look at all of them: so part of what
 * was free is taken on credit, half of it, until the credit is used up or old. What others take meanwhile can overdraw the disk by as much.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";

/** How long a measurement is good for, ms of the cluster. */
const creditMs = 10_000;
/** Less than this is taken to the last byte. */
const leastCreditBytes = 1024 ** 2;

export class SharedDisk {
	readonly #clock: Clock;
	readonly #measure: () => number;
	/** May be taken without another look; `0 <= credit`. */
	#creditBytes = 0;
	#measuredMs = Number.NEGATIVE_INFINITY;

	/** @param measure what is free now, bytes */
	constructor(clock: Clock, measure: () => number) {
		this.#clock = clock;
		this.#measure = measure;
	}

	/** Whether so many more bytes fit on it; then they count. */
	take(bytes: number): boolean {
		if (bytes <= 0) return true;
		const nowMs = this.#clock.now();
		if (this.#creditBytes < bytes || nowMs - this.#measuredMs >= creditMs) {
			const freeBytes = this.#measure();
			if (freeBytes < bytes) return false;
			this.#creditBytes = Math.max(bytes, freeBytes < leastCreditBytes ? freeBytes : freeBytes / 2);
			this.#measuredMs = nowMs;
		}
		this.#creditBytes -= bytes;
		return true;
	}
}
