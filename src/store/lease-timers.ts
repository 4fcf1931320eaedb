/**
 * When leases run out, on the cluster's clock. Deadlines are not stored: a store that opens again gives every lease its
 * whole time once more, as etcd does when a member becomes leader, so that nobody loses a lease to a restart.
 */
import type { Clock, Timer } from "../apimachinery/clock/clock.ts";

interface Running {
	readonly ttlMs: number;
	deadlineMs: number;
	timer: Timer;
}

export class LeaseTimers {
	readonly #clock: Clock;
	readonly #expired: (id: bigint) => void;
	readonly #running = new Map<bigint, Running>();

	/** @param expired called once for each lease whose time is up; it is forgotten here. */
	constructor(clock: Clock, expired: (id: bigint) => void) {
		this.#clock = clock;
		this.#expired = expired;
	}

	/** @param ttlSeconds > 0, whole or broken. */
	start(id: bigint, ttlSeconds: number): void {
		const ttlMs = ttlSeconds * 1000;
		this.#running.set(id, { ttlMs, deadlineMs: this.#clock.now() + ttlMs, timer: this.#clock.setTimeout(() => this.#due(id), ttlMs) });
	}

	/** Gives the lease its whole time again; false for a lease that is not running. */
	renew(id: bigint): boolean {
		const running = this.#running.get(id);
		if (running === undefined) return false;
		running.deadlineMs = this.#clock.now() + running.ttlMs;
		return true;
	}

	/** Its time is not up. */
	runs(id: bigint): boolean {
		return this.#running.has(id);
	}

	/** Whole seconds left, rounded down; -1 for a lease that is not running. */
	remainingSeconds(id: bigint): number {
		const running = this.#running.get(id);
		return running === undefined ? -1 : Math.max(0, Math.floor((running.deadlineMs - this.#clock.now()) / 1000));
	}

	stop(id: bigint): void {
		this.#running.get(id)?.timer.cancel();
		this.#running.delete(id);
	}

	stopAll(): void {
		for (const id of [...this.#running.keys()]) this.stop(id);
	}

	/** A renewal only moves the deadline; the timer finds out when it fires. */
	#due(id: bigint): void {
		const running = this.#running.get(id);
		if (running === undefined) return;
		const leftMs = running.deadlineMs - this.#clock.now();
		if (leftMs > 0) {
			running.timer = this.#clock.setTimeout(() => this.#due(id), leftMs);
			return;
		}
		this.#running.delete(id);
		this.#expired(id);
	}
}
