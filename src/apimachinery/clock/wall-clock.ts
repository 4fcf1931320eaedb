import type { Clock, Timer } from "./clock.ts";

/** setTimeout takes a signed 32-bit delay; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

/**
 * Cluster time that follows the machine's clock, `speed` times as fast: 1 is real time, 60 lets an hour pass in a
 * minute. Starts at the machine's time unless told otherwise, and never goes back when the machine's clock does.
 */
export class WallClock implements Clock {
	readonly #speed: number;
	readonly #startMs: number;
	readonly #originMs = performance.now();

	/** @param options.speed cluster seconds per real second, > 0. @param options.startMs cluster time at the start, Unix ms. */
	constructor(options: { readonly speed?: number; readonly startMs?: number } = {}) {
		this.#speed = options.speed ?? 1;
		if (!(this.#speed > 0)) throw new RangeError(`clock speed must be greater than 0, got ${this.#speed}`);
		this.#startMs = options.startMs ?? Date.now();
	}

	now(): number {
		return Math.floor(this.#startMs + (performance.now() - this.#originMs) * this.#speed);
	}

	setTimeout(callback: () => void, delayMs: number): Timer {
		let realMs = Math.max(0, delayMs) / this.#speed;
		let handle: NodeJS.Timeout;
		const arm = () => {
			const slice = Math.min(realMs, maxDelayMs);
			realMs -= slice;
			handle = setTimeout(realMs > 0 ? arm : callback, slice);
		};
		arm();
		return { cancel: () => clearTimeout(handle) };
	}

	setInterval(callback: () => void, periodMs: number): Timer {
		const handle = setInterval(callback, Math.min(maxDelayMs, Math.max(1, periodMs / this.#speed)));
		return { cancel: () => clearInterval(handle) };
	}
}
