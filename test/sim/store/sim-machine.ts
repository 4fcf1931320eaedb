/**
 * One start of a member's machine: everything that happens on it ends with it, waits while it is paused (by its scheduler,
 * a collector of garbage, a laptop's lid), and is on its own clock, which may run faster or slower than the others' and jump.
 */
import type { Clock, Timer } from "../../../src/apimachinery/clock/clock.ts";
import type { VirtualClock } from "../../../src/apimachinery/clock/virtual-clock.ts";

interface Work {
	run: (() => void) | undefined;
}

export class SimMachine {
	/** The machine's own: elections and timeouts. */
	readonly machineClock: SkewedClock;
	/** The cluster's, the same for all: leases. */
	readonly clusterClock: Clock;
	isRunning = true;
	readonly #time: VirtualClock;
	/** In the order in which it came up; undefined unless the machine is paused. */
	#held: Work[] | undefined;

	/** @param rate of its clock, 1 for the right one. */
	constructor(time: VirtualClock, rate: number) {
		this.#time = time;
		const timer = (run: () => void, delayMs: number) => this.#timer(run, delayMs);
		this.clusterClock = new SkewedClock(() => time.now(), timer, 1);
		this.machineClock = new SkewedClock(() => time.now(), timer, rate);
	}

	after(delayMs: number, run: () => void): void {
		this.#timer(run, delayMs);
	}

	sleep(delayMs: number): Promise<void> {
		return new Promise((resolve) => this.after(delayMs, resolve));
	}

	/** Now, or once the pause is over; not at all on a machine that is off. */
	do(run: () => void): void {
		this.#do({ run });
	}

	pause(durationMs: number): void {
		if (this.#held !== undefined || !this.isRunning) return;
		this.#held = [];
		this.#time.setTimeout(() => this.#resume(), durationMs);
	}

	switchOff(): void {
		this.isRunning = false;
		this.#held = undefined;
	}

	#timer(run: () => void, delayMs: number): Timer {
		const work: Work = { run };
		this.#time.setTimeout(() => this.#do(work), delayMs);
		return {
			cancel: () => {
				work.run = undefined;
			},
		};
	}

	#do(work: Work): void {
		if (!this.isRunning || work.run === undefined) return;
		if (this.#held !== undefined) this.#held.push(work);
		else work.run();
	}

	/** One after the other, each with time for its promises. */
	#resume(): void {
		const held = this.#held ?? [];
		this.#held = undefined;
		for (const work of held) this.#time.setTimeout(() => this.#do(work), 0);
	}
}

interface Pending {
	readonly dueMs: number;
	readonly run: () => void;
	timer: Timer;
}

/** Runs at a rate of its own, and can be set forward. */
export class SkewedClock implements Clock {
	readonly #base: () => number;
	readonly #timer: (run: () => void, delayMs: number) => Timer;
	readonly #rate: number;
	readonly #startMs: number;
	#aheadMs = 0;
	readonly #pending = new Set<Pending>();

	constructor(base: () => number, timer: (run: () => void, delayMs: number) => Timer, rate: number) {
		this.#base = base;
		this.#timer = timer;
		this.#rate = rate;
		this.#startMs = base();
	}

	now(): number {
		return Math.floor(this.#exactNow());
	}

	setTimeout(callback: () => void, delayMs: number): Timer {
		const pending: Pending = {
			dueMs: this.#exactNow() + Math.max(0, delayMs),
			run: () => {
				this.#pending.delete(pending);
				callback();
			},
			timer: { cancel: () => undefined },
		};
		this.#pending.add(pending);
		this.#arm(pending);
		return {
			cancel: () => {
				this.#pending.delete(pending);
				pending.timer.cancel();
			},
		};
	}

	setInterval(callback: () => void, periodMs: number): Timer {
		let current: Timer;
		const tick = () => {
			current = this.setTimeout(tick, periodMs);
			callback();
		};
		current = this.setTimeout(tick, periodMs);
		return { cancel: () => current.cancel() };
	}

	/** Sets it forward: what is due by then is due now. */
	jump(durationMs: number): void {
		this.#aheadMs += durationMs;
		for (const pending of this.#pending) {
			pending.timer.cancel();
			this.#arm(pending);
		}
	}

	#exactNow(): number {
		return this.#startMs + (this.#base() - this.#startMs) * this.#rate + this.#aheadMs;
	}

	#arm(pending: Pending): void {
		pending.timer = this.#timer(pending.run, Math.max(0, Math.ceil((pending.dueMs - this.#exactNow()) / this.#rate)));
	}
}
