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
	/** Who is told what happens in it. Default nobody. */
	readonly observe?: (queue: WorkQueue) => QueueObserver;
}

/** Told what happens in a queue, times in ms of its clock. */
export interface QueueObserver {
	/** A key that was not waiting waits now, also one that is being processed. */
	added(): void;
	taken(waitedMs: number): void;
	done(workedMs: number): void;
	/** A key is to come back after a while. */
	retried(): void;
}

/** A key whose reconcile failed. */
export interface QueueFailure {
	readonly key: string;
	readonly message: string;
	/** Of the queue's clock. */
	readonly atMs: number;
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
	/** Waiting to be handed out since when, oldest first; disjoint from #processing. */
	readonly #queued = new Map<string, number>();
	/** Being processed since when. */
	readonly #processing = new Map<string, number>();
	/** Keys of #processing that are to be queued again when done, and since when. */
	readonly #dirty = new Map<string, number>();
	/** Will be queued at the clock's next turn; disjoint from the others. */
	readonly #resting = new Map<string, Timer>();
	readonly #delayed = new Map<string, Delayed>();
	/** How often each key was rate limited since it was forgotten. */
	readonly #failures = new Map<string, number>();
	readonly #takers: ((key: string | undefined) => void)[] = [];
	readonly #observer: QueueObserver | undefined;
	#lastFailure: QueueFailure | undefined;
	#shutDown = false;

	constructor({ clock, observe, ...limits }: WorkQueueOptions) {
		const { baseDelayMs = 5, maxDelayMs = 1_000_000, retriesPerSecond = 10, retryBurst = 100 } = limits;
		this.#observer = observe?.(this);
		this.#clock = clock;
		this.#baseDelayMs = baseDelayMs;
		this.#maxDelayMs = maxDelayMs;
		this.#bucket = new TokenBucket({ clock, ratePerSecond: retriesPerSecond, burst: retryBurst });
	}

	/** Keys that wait to be handed out; those that are delayed or processed are not counted. */
	get length(): number {
		return this.#queued.size;
	}

	/** Keys that wait for a moment to come: those that asked for it, and those whose back-off is not over. */
	get delayed(): number {
		return this.#delayed.size;
	}

	/** Keys that failed and have not succeeded since. */
	get failing(): number {
		return this.#failures.size;
	}

	/** The last of all failures; undefined while there was none. */
	get lastFailure(): QueueFailure | undefined {
		return this.#lastFailure;
	}

	/** Keys that wait: for a worker, or for the end of their own processing. */
	get depth(): number {
		return this.#queued.size + this.#dirty.size + this.#resting.size;
	}

	/** When the processing of each key under way began, ms. */
	workingSinceMs(): readonly number[] {
		return [...this.#processing.values()];
	}

	get isShutDown(): boolean {
		return this.#shutDown;
	}

	/** Nothing is queued or being processed. Delayed keys may wait. */
	isIdle(): boolean {
		return this.#queued.size === 0 && this.#processing.size === 0 && this.#resting.size === 0;
	}

	add(key: string): void {
		if (this.#shutDown || this.#queued.has(key) || this.#dirty.has(key) || this.#resting.has(key)) return;
		this.#observer?.added();
		const nowMs = this.#clock.now();
		if (this.#processing.has(key)) this.#dirty.set(key, nowMs);
		else this.#queue(key, nowMs);
	}

	/** Hands the key to whoever waits for one. */
	#queue(key: string, sinceMs: number): void {
		const taker = this.#takers.shift();
		if (taker === undefined) {
			this.#queued.set(key, sinceMs);
			return;
		}
		this.#take(key, sinceMs);
		taker(key);
	}

	#take(key: string, sinceMs: number): void {
		const nowMs = this.#clock.now();
		this.#processing.set(key, nowMs);
		this.#observer?.taken(nowMs - sinceMs);
	}

	/** Adds the key in `delayMs`; if it waits for that already, the earlier moment holds. */
	addAfter(key: string, delayMs: number): void {
		if (this.#shutDown) return;
		this.#observer?.retried();
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

	/** Remembers why a key is rate limited, for whoever looks. */
	failed(key: string, message: string): void {
		this.#lastFailure = { key, message, atMs: this.#clock.now() };
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
		for (const [key, sinceMs] of this.#queued) {
			this.#queued.delete(key);
			this.#take(key, sinceMs);
			return key;
		}
		return undefined;
	}

	done(key: string): void {
		const sinceMs = this.#processing.get(key);
		if (sinceMs === undefined) return;
		this.#processing.delete(key);
		this.#observer?.done(this.#clock.now() - sinceMs);
		const dirtySinceMs = this.#dirty.get(key);
		if (dirtySinceMs === undefined) return;
		this.#dirty.delete(key);
		if (this.#shutDown) return;
		const timer = this.#clock.setTimeout(() => {
			this.#resting.delete(key);
			this.#queue(key, dirtySinceMs);
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
