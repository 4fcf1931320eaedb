import { type Clock, repeat, type Timer } from "./clock.ts";
import { TimerHeap } from "./timer-heap.ts";

/**
 * Work that is not over when every promise has settled: what goes through streams, sockets or a disk. Time stands still while it goes on.
 */
export interface Activity {
	/** Goes up with everything that is done. */
	readonly steps: number;
	/** Somebody will be called back from outside: by the disk, say. */
	readonly isPending: boolean;
}

/** So many turns of the event loop in which nothing is done, and an activity rests: streams hand their data on from turn to turn. */
const restingTurns = 4;

/**
 * Time that stands still until `advance` moves it. Timers run in order of their moment; between two of them every
 * promise that can settle without a timer does so. Nothing here reads the machine's clock, so a run is a function of
 * its inputs.
 *
 * Draining means handing control to the event loop and back. Work that goes through real I/O or through streams is waited for
 * if it says so (`attend`), and is not otherwise.
 */
export class VirtualClock implements Clock {
	#nowMs: number;
	readonly #timers = new TimerHeap();

	readonly #turn: () => Promise<void>;
	readonly #activities = new Set<Activity>();

	/**
	 * @param startMs cluster time at the start, Unix ms; the default is 2026-01-01T00:00:00Z.
	 * @param turn resolves once every promise that can settle without a timer has done so.
	 */
	constructor(startMs: number = Date.UTC(2026, 0, 1), turn: () => Promise<void> = drainPromises) {
		this.#nowMs = startMs;
		this.#turn = turn;
	}

	/** From now on time passes only while this rests, until the returned function is called. */
	attend(activity: Activity): () => void {
		this.#activities.add(activity);
		return () => this.#activities.delete(activity);
	}

	now(): number {
		return Math.floor(this.#nowMs);
	}

	setTimeout(callback: () => void, delayMs: number): Timer {
		return { cancel: this.#timers.add(this.#nowMs + Math.max(0, delayMs), callback) };
	}

	setInterval(callback: () => void, periodMs: number): Timer {
		return repeat(this, callback, periodMs);
	}

	/**
	 * Time is later at once, and nothing has happened meanwhile: a machine was asleep, or its clock was put right. What was due fires
	 * when time is moved next, in its order. @param durationMs >= 0
	 */
	jump(durationMs: number): void {
		this.#nowMs += Math.max(0, durationMs);
	}

	/**
	 * Moves time forward by `durationMs` (>= 0), running every timer that falls due, each after the promises before it.
	 * @param check called before each timer: what it throws, this rejects with, and time stands still there
	 */
	async advance(durationMs: number, check: () => void = () => undefined): Promise<void> {
		const untilMs = this.#nowMs + durationMs;
		await this.#drain();
		for (let next = this.#timers.nextMs(); next !== undefined && next <= untilMs; next = this.#timers.nextMs()) {
			check();
			this.#nowMs = Math.max(this.#nowMs, next);
			this.#timers.take()?.();
			await this.#drain();
		}
		this.#nowMs = untilMs;
	}

	/**
	 * Moves time from timer to timer until `condition` holds. Resolves to whether it did before `limitMs` of cluster
	 * time had passed (or no timer was left that could change anything). @param check as of `advance`
	 */
	async advanceUntil(condition: () => boolean | Promise<boolean>, limitMs: number, check?: () => void): Promise<boolean> {
		const untilMs = this.#nowMs + limitMs;
		await this.#drain();
		while (!(await condition())) {
			const next = this.#timers.nextMs();
			if (next === undefined || next > untilMs) return false;
			await this.advance(Math.max(0, next - this.#nowMs), check);
		}
		return true;
	}

	/** Resolves when nothing more happens at this instant. */
	async #drain(): Promise<void> {
		await this.#turn();
		if (this.#activities.size === 0) return;
		for (let resting = 0, steps = this.#steps(); resting < restingTurns; ) {
			await this.#turn();
			const done = this.#steps();
			resting = done === steps && !this.#isPending() ? resting + 1 : 0;
			steps = done;
		}
	}

	#steps(): number {
		let sum = 0;
		for (const { steps } of this.#activities) sum += steps;
		return sum;
	}

	#isPending(): boolean {
		for (const { isPending } of this.#activities) if (isPending) return true;
		return false;
	}

	/** How many timers are set and not cancelled. */
	pendingTimers(): number {
		return this.#timers.size;
	}
}

/** Lets every chain of promises run to its next timer or I/O. `setImmediate` runs after the microtask queue is empty. */
function drainPromises(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
