import type { Clock, Timer } from "./clock.ts";

interface Entry {
	readonly atMs: number;
	/** Breaks ties: timers of one moment fire in the order they were set. */
	readonly order: number;
	callback: (() => void) | undefined;
}

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
	#order = 0;
	/** Binary heap by (atMs, order); a cancelled entry stays, without its callback, until it is popped. */
	readonly #heap: Entry[] = [];

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
		const entry: Entry = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
		this.#push(entry);
		return {
			cancel: () => {
				entry.callback = undefined;
			},
		};
	}

	setInterval(callback: () => void, periodMs: number): Timer {
		if (!(periodMs > 0)) throw new RangeError(`interval must be greater than 0 ms, got ${periodMs}`);
		let current: Timer;
		const tick = () => {
			current = this.setTimeout(tick, periodMs);
			callback();
		};
		current = this.setTimeout(tick, periodMs);
		return { cancel: () => current.cancel() };
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
		for (let next = this.#peek(); next !== undefined && next.atMs <= untilMs; next = this.#peek()) {
			check();
			this.#nowMs = Math.max(this.#nowMs, next.atMs);
			this.#pop();
			next.callback?.();
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
			const next = this.#peek();
			if (next === undefined || next.atMs > untilMs) return false;
			await this.advance(Math.max(0, next.atMs - this.#nowMs), check);
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
		return this.#heap.filter((entry) => entry.callback !== undefined).length;
	}

	#peek(): Entry | undefined {
		while (this.#heap[0] !== undefined && this.#heap[0].callback === undefined) this.#pop();
		return this.#heap[0];
	}

	#push(entry: Entry): void {
		const heap = this.#heap;
		let index = heap.push(entry) - 1;
		while (index > 0) {
			const parentIndex = (index - 1) >> 1;
			const parent = heap[parentIndex];
			if (parent === undefined || isBefore(parent, entry)) break;
			heap[index] = parent;
			index = parentIndex;
		}
		heap[index] = entry;
	}

	#pop(): void {
		const heap = this.#heap;
		const last = heap.pop();
		if (last === undefined || heap.length === 0) return;
		let index = 0;
		for (;;) {
			const left = heap[2 * index + 1];
			if (left === undefined) break;
			const right = heap[2 * index + 2];
			const [child, childIndex] = right !== undefined && isBefore(right, left) ? [right, 2 * index + 2] : [left, 2 * index + 1];
			if (isBefore(last, child)) break;
			heap[index] = child;
			index = childIndex;
		}
		heap[index] = last;
	}
}

function isBefore(a: Entry, b: Entry): boolean {
	return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Lets every chain of promises run to its next timer or I/O. `setImmediate` runs after the microtask queue is empty. */
function drainPromises(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
