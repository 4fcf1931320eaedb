import { type Clock, repeat, type Timer } from "./clock.ts";
import { TimerHeap } from "./timer-heap.ts";

/** setTimeout takes a signed 32-bit delay; a longer one would fire at once. */
const maxDelayMs = 2 ** 31 - 1;
/** So many turns of the event loop are left between two timers when time is hurried: what comes through sockets gets its turn. */
const turnsBetween = 3;

/**
 * Cluster time that somebody has in hand while it passes by itself: it follows the machine's clock, faster or slower as told at any
 * moment, stands still, or goes on to the next thing that is due. For classrooms: a learner sets the pace.
 *
 *   speed 1, 60, 1000 …   follows the machine's clock so many times as fast
 *   speed 0               stands still; `step` and `hurry` move it on
 *
 * Never goes back. Timers fire in order of their moment, those of one moment in the order in which they were set.
 */
export class PacedClock implements Clock {
	readonly #timers = new TimerHeap();
	#speed: number;
	/** Cluster time and machine time (performance.now) at which the present speed began. */
	#baseMs: number;
	#originMs = performance.now();
	#handle: NodeJS.Timeout | undefined;
	/** For which moment `#handle` is set. */
	#armedForMs = Number.POSITIVE_INFINITY;
	#isEnded = false;
	/** How many `hurry` have it in hand: meanwhile time passes by their steps only. */
	#hurries = 0;

	/** @param options.speed cluster seconds per real second, >= 0; default 1. @param options.startMs cluster time at the start, Unix ms */
	constructor({ speed = 1, startMs = Date.now() }: { readonly speed?: number; readonly startMs?: number } = {}) {
		this.#speed = checkedSpeed(speed);
		this.#baseMs = startMs;
	}

	now(): number {
		return Math.floor(this.#exactMs());
	}

	get speed(): number {
		return this.#speed;
	}

	/** @param speed cluster seconds per real second from now on; 0 lets time stand still. Throws RangeError if it is negative or no number. */
	setSpeed(speed: number): void {
		const checked = checkedSpeed(speed);
		this.#baseOn(this.#exactMs());
		this.#speed = checked;
		this.#arm();
	}

	/** When the next timer is due, cluster time, Unix ms; undefined if there is none. */
	nextMs(): number | undefined {
		return this.#timers.nextMs();
	}

	/** Time goes on to the next timer, and all that are due then fire. Resolves to whether there was one, when what they began has settled. */
	async step(): Promise<boolean> {
		const next = this.#timers.nextMs();
		if (next === undefined || this.#isEnded) return false;
		if (next > this.#exactMs()) this.#baseOn(next);
		this.#fireDue();
		for (let turn = 0; turn < turnsBetween; turn++) await new Promise((resolve) => setImmediate(resolve));
		return true;
	}

	/**
	 * Goes from timer to timer as fast as the machine can until the condition holds. Resolves to whether it did within `limitMs` of
	 * cluster time. Meanwhile the speed has no part in it: on a machine that is slow time would run away from what happens in it.
	 */
	async hurry(condition: () => boolean, limitMs: number): Promise<boolean> {
		this.#baseOn(this.#exactMs());
		const untilMs = this.#baseMs + limitMs;
		this.#hurries++;
		this.#arm();
		try {
			while (!condition()) {
				const next = this.#timers.nextMs();
				if (next === undefined || next > untilMs || !(await this.step())) return condition();
			}
			return true;
		} finally {
			this.#hurries--;
			this.#baseOn(this.#baseMs);
			this.#arm();
		}
	}

	/** No timer fires any more. */
	end(): void {
		this.#isEnded = true;
		clearTimeout(this.#handle);
	}

	setTimeout(callback: () => void, delayMs: number): Timer {
		const atMs = this.#exactMs() + Math.max(0, delayMs);
		const cancel = this.#timers.add(atMs, callback);
		if (atMs < this.#armedForMs) this.#arm();
		return { cancel };
	}

	setInterval(callback: () => void, periodMs: number): Timer {
		return repeat(this, callback, periodMs);
	}

	/** Cluster seconds a real second just now. */
	get #pace(): number {
		return this.#hurries > 0 ? 0 : this.#speed;
	}

	#exactMs(): number {
		return this.#baseMs + (performance.now() - this.#originMs) * this.#pace;
	}

	#baseOn(clusterMs: number): void {
		this.#baseMs = clusterMs;
		this.#originMs = performance.now();
	}

	/** Sets the machine's timer for the first of ours. */
	#arm(): void {
		clearTimeout(this.#handle);
		this.#handle = undefined;
		this.#armedForMs = Number.POSITIVE_INFINITY;
		const next = this.#timers.nextMs();
		if (next === undefined || this.#pace === 0 || this.#isEnded) return;
		this.#armedForMs = next;
		const realMs = Math.ceil(Math.max(0, next - this.#exactMs()) / this.#pace);
		this.#handle = setTimeout(() => this.#fireDue(), Math.min(realMs, maxDelayMs));
	}

	#fireDue(): void {
		const nowMs = this.#exactMs();
		try {
			for (let next = this.#timers.nextMs(); next !== undefined && next <= nowMs && !this.#isEnded; next = this.#timers.nextMs())
				this.#timers.take()?.();
		} finally {
			this.#arm();
		}
	}
}

function checkedSpeed(speed: number): number {
	if (!(speed >= 0) || !Number.isFinite(speed)) throw new RangeError(`clock speed must be 0 or greater, got ${speed}`);
	return speed;
}
