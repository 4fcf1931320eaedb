/**
 * One priority level: so many seats, and queues for those that find none free. Requests are served in the order of the
 * virtual time at which fair sharing among the queues would be done with them: a flow that asks for more than its share
 * waits behind its own requests, not before others'.
 *
 *               seat free, nobody waits                      release
 *   begin ───────────────────────────────────────▶ executing ───────▶ the next one out of the queues
 *     │  no seat: shortest queue of the flow's hand   ▲
 *     ├──────────────────────────────▶ waiting ───────┘ its turn
 *     │                                   └──▶ refused: time-out, cancelled
 *     └──▶ refused: queue-full, or (no queues) concurrency-limit
 *
 * Invariants: 0 <= seatsInUse; somebody waits only while no seat is free for the next in turn.
 * Source: KEP-1040, "Fair Queuing for Server Requests".
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import type { PriorityLevelConfiguration } from "../../apimachinery/schema/generated/types.ts";
import type { RejectReason } from "./flow-request.ts";
import { RetryAfter } from "./retry-after.ts";
import { SeatDemand } from "./seat-demand.ts";

/** What a request is taken to last, in seconds, before anybody knows. */
const guessedSeconds = 0.003;

/** Somebody who is told what becomes of a request. */
export interface Waiter {
	/** It has its seats now. @param nowMs cluster time */
	onSeat(nowMs: number): void;
	onRejected(reason: RejectReason): void;
}

/** A request that is served, or waits to be. */
export interface Ticket {
	/** Whether it is served already. */
	readonly isExecuting: boolean;
	/** The request is done with, whether it was served or waits still. Later calls do nothing. @param nowMs cluster time */
	release(nowMs: number): void;
}

interface Queue {
	waiting: Entry[];
	/** Seats of its requests that are served. */
	seatsInUse: number;
	/** Virtual time, in seat-seconds, at which the next request would be begun if the queue had a fair share. */
	nextDispatch: number;
}

interface Entry {
	readonly width: number;
	readonly queue: Queue;
	readonly waiter: Waiter;
	readonly timer: Timer;
}

export class PriorityLevel {
	readonly name: string;
	readonly demand: SeatDemand;
	readonly retryAfter = new RetryAfter();
	/** Told how many seats are used and wanted in all; set by the controller. */
	uid = "";
	isExempt = false;
	/** Seats that may be used at once. */
	limit = 0;
	readonly #clock: Clock;
	#queues: Queue[] = [];
	#handSize = 0;
	#queueLength = 0;
	#seatsInUse = 0;
	#waiting = 0;
	/** Virtual time: how much work each busy queue has been given, in seat-seconds. */
	#virtual = 0;
	#virtualAtMs: number;
	/** Where the search for the next queue begins, so that equals take turns. */
	#turn = 0;

	constructor(name: string, clock: Clock) {
		this.name = name;
		this.#clock = clock;
		this.#virtualAtMs = clock.now();
		this.demand = new SeatDemand(this.#virtualAtMs);
	}

	/** Takes over a new or changed configuration; whoever waits keeps waiting, in the new order of queues. */
	configure({ metadata, spec }: PriorityLevelConfiguration): void {
		this.uid = metadata?.uid ?? "";
		this.isExempt = spec?.type === "Exempt";
		const response = spec?.limited?.limitResponse;
		const { queues = 64, handSize = 8, queueLengthLimit = 50 } = response?.queuing ?? {};
		const count = this.isExempt || response?.type !== "Queue" ? 0 : queues;
		this.#handSize = Math.min(handSize, count);
		this.#queueLength = queueLengthLimit;
		while (this.#queues.length < count) this.#queues.push({ waiting: [], seatsInUse: 0, nextDispatch: this.#virtual });
		// A queue too many goes when it is empty; until then nothing new is put into it.
		this.#queues = this.#queues.filter((queue, index) => index < count || queue.waiting.length > 0);
		this.#queueCount = count;
	}
	#queueCount = 0;

	get queueCount(): number {
		return this.#queueCount;
	}

	get handSize(): number {
		return this.#handSize;
	}

	get seatsInUse(): number {
		return this.#seatsInUse;
	}

	get waiting(): number {
		return this.#waiting;
	}

	/**
	 * Begins a request, or lets it wait, or refuses it (the waiter hears of it before this returns; undefined).
	 * @param width seats that it takes, 1 or more
	 * @param hand queues that it may wait in; see dealHand
	 * @param waitLimitMs longest time in a queue
	 * @param nowMs cluster time: asking for it costs more than everything else here
	 */
	begin(width: number, hand: readonly number[], waitLimitMs: number, waiter: Waiter, nowMs: number): Ticket | undefined {
		const queue = this.#queueCount === 0 ? undefined : this.#shortest(hand);
		if (this.isExempt || (this.#waiting === 0 && this.#hasRoom(width))) {
			this.demand.change(width, nowMs);
			return this.#execute(width, queue, nowMs);
		}
		if (queue === undefined || queue.waiting.length >= this.#queueLength) {
			this.retryAfter.refused(nowMs);
			waiter.onRejected(queue === undefined ? "concurrency-limit" : "queue-full");
			return undefined;
		}
		return this.#enqueue(width, queue, waiter, waitLimitMs, nowMs);
	}

	/** Serves whoever's turn it is as long as there are seats: called when the limit was raised. */
	dispatch(nowMs: number): void {
		while (this.#waiting > 0) {
			const queue = this.#next();
			const entry = queue?.waiting[0];
			if (queue === undefined || entry === undefined || !this.#hasRoom(entry.width)) return;
			queue.waiting.shift();
			this.#waiting--;
			entry.timer.cancel();
			entry.waiter.onSeat(nowMs);
		}
	}

	/** One that is wider than the whole limit is served when nobody else is. */
	#hasRoom(width: number): boolean {
		return this.#seatsInUse + width <= this.limit || (this.#seatsInUse === 0 && this.limit > 0);
	}

	#execute(width: number, queue: Queue | undefined, nowMs: number): Ticket {
		this.#advance(nowMs);
		this.#seatsInUse += width;
		if (queue !== undefined) {
			if (queue.seatsInUse === 0 && queue.waiting.length === 0) queue.nextDispatch = this.#virtual;
			queue.seatsInUse += width;
			queue.nextDispatch += width * guessedSeconds;
		}
		let isReleased = false;
		return {
			isExecuting: true,
			release: (endMs) => {
				if (isReleased) return;
				isReleased = true;
				this.#finish(width, queue, nowMs, endMs);
			},
		};
	}

	#finish(width: number, queue: Queue | undefined, startedMs: number, nowMs: number): void {
		this.#advance(nowMs);
		this.#seatsInUse -= width;
		this.demand.change(-width, nowMs);
		if (queue !== undefined) {
			queue.seatsInUse -= width;
			queue.nextDispatch += width * ((nowMs - startedMs) / 1000 - guessedSeconds);
		}
		if (this.#waiting > 0) this.dispatch(nowMs);
	}

	#enqueue(width: number, queue: Queue, waiter: Waiter, waitLimitMs: number, nowMs: number): Ticket {
		this.#advance(nowMs);
		this.demand.change(width, nowMs);
		if (queue.seatsInUse === 0 && queue.waiting.length === 0) queue.nextDispatch = this.#virtual;
		let executing: Ticket | undefined;
		const leave = (reason: RejectReason, leaveMs: number) => {
			const index = queue.waiting.indexOf(entry);
			if (index === -1) return;
			queue.waiting.splice(index, 1);
			this.#waiting--;
			entry.timer.cancel();
			this.demand.change(-width, leaveMs);
			if (reason === "time-out") this.retryAfter.refused(leaveMs);
			waiter.onRejected(reason);
			this.dispatch(leaveMs);
		};
		const onSeat = (seatMs: number) => {
			executing = this.#execute(width, queue, seatMs);
			waiter.onSeat(seatMs);
		};
		const entry: Entry = {
			width,
			queue,
			timer: this.#clock.setTimeout(() => leave("time-out", this.#clock.now()), waitLimitMs),
			waiter: { onSeat, onRejected: waiter.onRejected },
		};
		queue.waiting.push(entry);
		this.#waiting++;
		this.dispatch(nowMs);
		return {
			get isExecuting() {
				return executing !== undefined;
			},
			release: (endMs) => (executing === undefined ? leave("cancelled", endMs) : executing.release(endMs)),
		};
	}

	/** The queue of a hand with the least in it: seats in use and wanted. */
	#shortest(hand: readonly number[]): Queue | undefined {
		let found: Queue | undefined;
		let least = Number.POSITIVE_INFINITY;
		for (const index of hand) {
			const queue = this.#queues[index];
			if (queue === undefined) continue;
			const load = queue.seatsInUse + queue.waiting.length;
			if (load < least) {
				least = load;
				found = queue;
				if (load === 0) break;
			}
		}
		return found;
	}

	/** The queue whose first request fair sharing would be done with first. */
	#next(): Queue | undefined {
		let found = -1;
		let earliest = Number.POSITIVE_INFINITY;
		for (let step = 1; step <= this.#queues.length; step++) {
			const index = (this.#turn + step) % this.#queues.length;
			const queue = this.#queues[index];
			const head = queue?.waiting[0];
			if (queue === undefined || head === undefined) continue;
			const finish = queue.nextDispatch + head.width * guessedSeconds;
			if (finish < earliest) {
				earliest = finish;
				found = index;
			}
		}
		if (found === -1) return undefined;
		this.#turn = found;
		return this.#queues[found];
	}

	/** Moves virtual time on: what the seats did since is shared among the queues that were busy. */
	#advance(nowMs: number): void {
		const seconds = (nowMs - this.#virtualAtMs) / 1000;
		this.#virtualAtMs = nowMs;
		if (seconds <= 0 || this.#queueCount === 0 || this.#seatsInUse === 0) return;
		let busy = 0;
		for (const queue of this.#queues) if (queue.seatsInUse > 0 || queue.waiting.length > 0) busy++;
		if (busy > 0) this.#virtual += (seconds * Math.min(this.demand.value, this.limit)) / busy;
	}
}
