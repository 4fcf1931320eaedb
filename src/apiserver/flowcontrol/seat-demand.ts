/**
 * How many seats a priority level wanted over a period of time: average, deviation and highest, weighted by time.
 * Source: KEP-1040, "Seat borrowing": SeatDemand.
 */

export interface DemandStatistics {
	readonly average: number;
	readonly deviation: number;
	readonly highest: number;
}

export class SeatDemand {
	#value = 0;
	#highest = 0;
	/** Integrals over time since `#startMs`, of the value and of its square, up to `#lastMs`. */
	#sum = 0;
	#squares = 0;
	#startMs: number;
	#lastMs: number;

	constructor(nowMs: number) {
		this.#startMs = nowMs;
		this.#lastMs = nowMs;
	}

	get value(): number {
		return this.#value;
	}

	change(by: number, nowMs: number): void {
		this.#integrate(nowMs);
		this.#value += by;
		if (this.#value > this.#highest) this.#highest = this.#value;
	}

	/** The statistics of the period that ends now; the next one begins. */
	turn(nowMs: number): DemandStatistics {
		this.#integrate(nowMs);
		const duration = nowMs - this.#startMs;
		const average = duration > 0 ? this.#sum / duration : this.#value;
		const variance = duration > 0 ? this.#squares / duration - average * average : 0;
		const highest = this.#highest;
		this.#startMs = nowMs;
		this.#sum = 0;
		this.#squares = 0;
		this.#highest = this.#value;
		return { average, deviation: Math.sqrt(Math.max(0, variance)), highest };
	}

	#integrate(nowMs: number): void {
		const duration = nowMs - this.#lastMs;
		if (duration <= 0) return;
		this.#sum += this.#value * duration;
		this.#squares += this.#value * this.#value * duration;
		this.#lastMs = nowMs;
	}
}
