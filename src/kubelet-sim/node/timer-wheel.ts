/**
 * One timer for a periodic duty of many nodes. Each node gets a random slot of the period, so that five thousand
 * nodes renew their leases evenly over ten seconds, and three nodes cost three timer calls.
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { Random } from "../../apimachinery/random.ts";

export class TimerWheel<T> {
	readonly #clock: Clock;
	readonly #random: Random;
	readonly #slotMs: number;
	readonly #slots: Set<T>[];
	readonly #slotOf = new Map<T, number>();
	readonly #onDue: (items: readonly T[]) => void;
	#timer: Timer | undefined;
	/** The moment that the timer waits for, in slots since the epoch. */
	#nextIndex = 0;

	/** @param periodMs each item is due once in it. @param slots into how many moments the period is cut, >= 1. */
	constructor(options: {
		readonly clock: Clock;
		readonly random: Random;
		readonly periodMs: number;
		readonly slots: number;
		readonly onDue: (items: readonly T[]) => void;
	}) {
		this.#clock = options.clock;
		this.#random = options.random;
		this.#slotMs = options.periodMs / options.slots;
		this.#slots = Array.from({ length: options.slots }, () => new Set());
		this.#onDue = options.onDue;
	}

	add(item: T): void {
		if (this.#slotOf.has(item)) return;
		const slot = this.#random.int(this.#slots.length);
		this.#slots[slot]?.add(item);
		this.#slotOf.set(item, slot);
		this.#arm();
	}

	remove(item: T): void {
		const slot = this.#slotOf.get(item);
		if (slot === undefined) return;
		this.#slotOf.delete(item);
		this.#slots[slot]?.delete(item);
		if (this.#slotOf.size === 0) this.stop();
	}

	stop(): void {
		this.#timer?.cancel();
		this.#timer = undefined;
	}

	/** Waits for the next slot after `fromMs` that holds anything. */
	#arm(fromMs = this.#clock.now()): void {
		this.#timer?.cancel();
		const nowMs = this.#clock.now();
		const count = this.#slots.length;
		// After a long sleep of the process there is nothing to catch up with.
		const index = Math.floor((nowMs - fromMs > this.#slotMs * count ? nowMs : fromMs) / this.#slotMs);
		for (let ahead = 1; ahead <= count; ahead++) {
			if (this.#slots[(index + ahead) % count]?.size === 0) continue;
			this.#nextIndex = index + ahead;
			this.#timer = this.#clock.setTimeout(() => this.#fire(), Math.max(0, this.#nextIndex * this.#slotMs - nowMs));
			return;
		}
	}

	#fire(): void {
		const due = [...(this.#slots[this.#nextIndex % this.#slots.length] ?? [])];
		this.#arm(this.#nextIndex * this.#slotMs);
		this.#onDue(due);
	}
}
