/**
 * The processor of a simulated machine: what its programs have used of it, second by second for the last minute, and how long
 * work takes. Work is CPU time in milliseconds. A machine with several cores does several pieces at once, each no faster than one
 * core can. One that may use less than it has (a container with a CPU limit) is throttled: short work is done at full speed as
 * long as the kernel's quota of the period lasts, and waits for the next period when it is used up.
 *
 * A queue for all of a machine's work stands for the kernel's fair scheduler: at full load the sum is right, the order is not
 * simulated. Nothing is here until somebody works: most machines never do.
 * Source: https://docs.kernel.org/scheduler/sched-bwc.html
 */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";

/** Of the quota's period of 100 ms, what a machine that has rested may be ahead: half of it, on the average. */
const burstMs = 50;
const bucketMs = 1_000;
/** As long as what nobody waited for would keep one core busy for less than this, nobody does. */
const unnoticedMs = 50;
/** How far back `usedMs` knows; a power of two. */
const bucketCount = 64;

/** Of the kernel's quotas, ms. */
export const periodMs = 100;

/** How a quota held work up: what `cpu.stat` counts. */
export interface Throttling {
	/** Periods in which there was work. */
	readonly periods: number;
	/** … in which the quota was used up. */
	readonly throttledPeriods: number;
	/** For how long work stood still, ms. */
	readonly throttledMs: number;
}

export const noThrottling: Throttling = { periods: 0, throttledPeriods: 0, throttledMs: 0 };

export class Cpu {
	readonly #clock: Clock;
	/** How many cores the machine may use, > 0; it may change at any time. */
	readonly #cores: () => number;
	/** What others who work leave of them. */
	readonly #share: () => number;
	/** CPU time used in each of the last seconds, by the second modulo `bucketCount`. */
	readonly #buckets = new Float64Array(bucketCount);
	/** The second that was written last. */
	#latest: number;
	/** CPU time used up to now. */
	#totalMs = 0;
	/** When all that is queued would be done at the pace that is allowed; never further back than `burstMs`. */
	#busyUntilMs = 0;
	#throttling = noThrottling;
	/** When one core, or as much of it as is allowed, would be done with what was charged; never further back than `burstMs`. */
	#chargedUntilMs = 0;

	/** @param share how many of its cores it gets at the moment; default all */
	constructor(clock: Clock, cores: () => number, share: () => number = () => Number.POSITIVE_INFINITY) {
		this.#clock = clock;
		this.#cores = cores;
		this.#share = share;
		this.#latest = Math.floor(clock.now() / bucketMs);
	}

	/** Work that nobody waits for. */
	account(cpuMs: number): void {
		const second = Math.floor(this.#clock.now() / bucketMs);
		const passed = Math.min(second - this.#latest, bucketCount);
		for (let step = 1; step <= passed; step++) this.#buckets[(this.#latest + step) % bucketCount] = 0;
		this.#latest = second;
		const index = second % bucketCount;
		this.#buckets[index] = (this.#buckets[index] ?? 0) + cpuMs;
		this.#totalMs += cpuMs;
	}

	/** Resolves when the work is done, or the signal aborts. */
	async run(cpuMs: number, signal?: AbortSignal): Promise<void> {
		const nowMs = this.#clock.now();
		const quota = this.#cores();
		const cores = Math.min(quota, this.#share());
		this.#busyUntilMs = Math.max(nowMs - burstMs, this.#busyUntilMs) + cpuMs / cores;
		const doneMs = Math.max(nowMs + cpuMs, this.#busyUntilMs);
		this.#countPeriods(doneMs - nowMs, cores < quota ? 0 : doneMs - nowMs - cpuMs);
		// Clocks count whole milliseconds.
		await sleep(this.#clock, Math.ceil(doneMs - nowMs), signal).catch(() => undefined);
		if (signal?.aborted !== true) this.account(cpuMs);
	}

	/** Short work, which is waited for only where there is much of it: undefined, or a promise that resolves as `run`'s does. */
	charge(cpuMs: number, signal?: AbortSignal): Promise<void> | undefined {
		this.account(cpuMs);
		const nowMs = this.#clock.now();
		this.#chargedUntilMs = Math.max(nowMs - burstMs, this.#chargedUntilMs) + cpuMs / Math.min(1, this.#cores(), this.#share());
		const leftMs = Math.ceil(this.#chargedUntilMs - nowMs);
		return leftMs < unnoticedMs ? undefined : sleep(this.#clock, leftMs, signal).catch(() => undefined);
	}

	/** Of the work that was asked of it; what nobody waited for is not held up. */
	get throttling(): Throttling {
		return this.#throttling;
	}

	#countPeriods(lastedMs: number, heldUpMs: number): void {
		const { periods, throttledPeriods, throttledMs } = this.#throttling;
		const passed = Math.max(1, Math.ceil(lastedMs / periodMs));
		const held = Math.max(0, heldUpMs);
		this.#throttling = {
			periods: periods + passed,
			throttledPeriods: throttledPeriods + (held === 0 ? 0 : passed),
			throttledMs: throttledMs + held,
		};
	}

	/** CPU time used up to now, ms. */
	get totalMs(): number {
		return this.#totalMs;
	}

	/** CPU time used before a moment that is at most a minute ago, to the second. */
	usedMs(atMs: number): number {
		const from = Math.ceil(atMs / bucketMs);
		let laterMs = 0;
		for (let second = Math.max(from, this.#latest - bucketCount + 1); second <= this.#latest; second++)
			laterMs += this.#buckets[second % bucketCount] ?? 0;
		return this.#totalMs - laterMs;
	}
}
