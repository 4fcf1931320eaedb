/**
 * The queue between informers and a reconciler: keys, each at most once, handed out one worker at a time.
 *
 *              add                       next                      done
 *   (absent) ───────> queued ──────────────────> processing ─────────────────> (absent)
 *                                                    │  add: dirty
 *                                                    └──────── done ──> resting ─────> queued
 *                                                                          turn of the clock
 *
 * A key that is added while it is processed is queued again when it is done: no change is lost, none is handled twice
 * at once. It rests until the clock's next turn first, and what comes meanwhile is handled with it: in this process a
 * reconcile is over before the next change comes, and a thousand pods that become ready at once would be counted a
 * thousand times. (Upstream the way to the API server has that effect.) Delays: `addAfter`, and `addRateLimited` with the larger of a per-key exponential delay and an overall
 * token bucket. Source of behaviour: client-go util/workqueue, DefaultControllerRateLimiter.
 */
import type { Clock, Timer } from "../apimachinery/clock/clock.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface WorkQueueOptions {
	readonly clock: Clock;
	/** Delay of a key's first retry, ms. Default 5. */
	readonly baseDelayMs?: number;
	/** Longest delay of a key's retry, ms. Default 1,000,000. */
	readonly maxDelayMs?: number;
	/** Retries per second, of all keys together. Default 10. */
	readonly retriesPerSecond?: number;
	/** How many retries go through before that rate holds. Default 100. */
	readonly retryBurst?: number;
}

interface Delayed {
	readonly timer: Timer;
	readonly atMs: number;
}

export class WorkQueue {
	readonly #clock: Clock;
	readonly #baseDelayMs: number;
	readonly #maxDelayMs: number;
	readonly #bucket: TokenBucket;
	/** Waiting to be handed out, oldest first; disjoint from #processing. */
	readonly #queued = new Set<string>();
	readonly #processing = new Set<string>();
	/** Subset of #processing: queue again when done. */
	readonly #dirty = new Set<string>();
	/** Will be queued at the clock's next turn; disjoint from the others. */
	readonly #resting = new Map<string, Timer>();
	readonly #delayed = new Map<string, Delayed>();
	/** How often each key was rate limited since it was forgotten. */
	readonly #failures = new Map<string, number>();
	readonly #takers: ((key: string | undefined) => void)[] = [];
	#shutDown = false;

	constructor({ clock, baseDelayMs = 5, maxDelayMs = 1_000_000, retriesPerSecond = 10, retryBurst = 100 }: WorkQueueOptions) {
		this.#clock = clock;
		this.#baseDelayMs = baseDelayMs;
		this.#maxDelayMs = maxDelayMs;
		this.#bucket = new TokenBucket({ clock, ratePerSecond: retriesPerSecond, burst: retryBurst });
	}

	/** Keys that wait to be handed out; those that are delayed or processed are not counted. */
	get length(): number {
		return this.#queued.size;
	}

	/** Nothing is queued or being processed. Delayed keys may wait. */
	isIdle(): boolean {
		return this.#queued.size === 0 && this.#processing.size === 0 && this.#resting.size === 0;
	}

	add(key: string): void {
		if (this.#shutDown || this.#resting.has(key)) return;
		if (this.#processing.has(key)) {
			this.#dirty.add(key);
			return;
		}
		const taker = this.#takers.shift();
		if (taker === undefined) {
			this.#queued.add(key);
			return;
		}
		this.#processing.add(key);
		taker(key);
	}

	/** Adds the key in `delayMs`; if it waits for that already, the earlier moment holds. */
	addAfter(key: string, delayMs: number): void {
		if (this.#shutDown) return;
		if (delayMs <= 0) {
			this.add(key);
			return;
		}
		const atMs = this.#clock.now() + delayMs;
		const waiting = this.#delayed.get(key);
		if (waiting !== undefined && waiting.atMs <= atMs) return;
		waiting?.timer.cancel();
		const timer = this.#clock.setTimeout(() => {
			this.#delayed.delete(key);
			this.add(key);
		}, delayMs);
		this.#delayed.set(key, { timer, atMs });
	}

	/** Adds the key after its back-off, which doubles with each call until `forget`. */
	addRateLimited(key: string): void {
		const failures = this.#failures.get(key) ?? 0;
		this.#failures.set(key, failures + 1);
		const ownMs = Math.min(this.#maxDelayMs, this.#baseDelayMs * 2 ** failures);
		this.addAfter(key, Math.max(ownMs, this.#bucket.reserve()));
	}

	/** The key is fine again: its next failure is its first. */
	forget(key: string): void {
		this.#failures.delete(key);
	}

	/** How often the key was rate limited since it was forgotten. */
	retries(key: string): number {
		return this.#failures.get(key) ?? 0;
	}

	/** The next key, as soon as there is one; undefined once the queue is shut down. The caller must call `done`. */
	next(): Promise<string | undefined> {
		const key = this.tryNext();
		if (key !== undefined) return Promise.resolve(key);
		if (this.#shutDown) return Promise.resolve(undefined);
		return new Promise((resolve) => this.#takers.push(resolve));
	}

	/** The next key if there is one now. The caller must call `done`. */
	tryNext(): string | undefined {
		for (const key of this.#queued) {
			this.#queued.delete(key);
			this.#processing.add(key);
			return key;
		}
		return undefined;
	}

	done(key: string): void {
		this.#processing.delete(key);
		if (!this.#dirty.delete(key)) return;
		const timer = this.#clock.setTimeout(() => {
			this.#resting.delete(key);
			this.add(key);
		}, 0);
		this.#resting.set(key, timer);
	}

	/** Drops what waits, cancels the delays and ends every `next`. Later calls of `add` do nothing. */
	shutDown(): void {
		this.#shutDown = true;
		for (const { timer } of this.#delayed.values()) timer.cancel();
		this.#delayed.clear();
		for (const timer of this.#resting.values()) timer.cancel();
		this.#resting.clear();
		this.#queued.clear();
		this.#dirty.clear();
		for (const taker of this.#takers.splice(0)) taker(undefined);
	}
}
