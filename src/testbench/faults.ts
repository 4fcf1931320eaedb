/**
 * What goes wrong between a component and the API server, as data: the same plan and the same seed go wrong in the same way.
 *
 * Everything here can happen to a client of a real cluster, and nothing else: events of one watch come late but in order, a watch
 * breaks and goes on elsewhere, its revision has expired and everything is listed anew (which is how events get lost and seen
 * twice); a write is refused because another was first, comes to nothing, or is done and its answer lost.
 */
import type { ApiRequest, ApiResponse, WatchEvent, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import type { Random } from "../apimachinery/random.ts";
import {
	newConflict,
	newExpired,
	newInternalError,
	newTimeout,
	newTooManyRequests,
	type StatusError,
} from "../apimachinery/status-error.ts";
import type { Transport } from "../client/transport.ts";

/** Chances are of 0 to 1, each for one request or one event. Absent: it does not happen. */
export interface FaultPlan {
	/** An update, patch or delete is refused as a stale one is. */
	readonly conflict?: number;
	/** A request is refused with 429 and `Retry-After: 1`. */
	readonly tooManyRequests?: number;
	/** A request ends with a timeout; of writes, half are done all the same. */
	readonly timeout?: number;
	/** A request fails with 500. */
	readonly internalError?: number;
	/** An answer comes up to so much later, ms of cluster time. */
	readonly answerDelayMs?: number;
	/** An event comes up to so much later, ms of cluster time; events of one watch keep their order. */
	readonly eventDelayMs?: number;
	/** Instead of an event, the watch ends: whoever follows begins anew from where it was. */
	readonly watchBreak?: number;
	/** A watch is answered with 410 Gone: whoever follows lists everything again. */
	readonly watchExpired?: number;
	/** Which requests and watches may go wrong; default all. */
	readonly affects?: (request: ApiRequest) => boolean;
}

/** Nothing goes wrong. */
const nothing: FaultPlan = {};

/** A plan that can be changed while it is at work. */
export class Faults {
	#plan: FaultPlan;

	constructor(plan: FaultPlan = nothing) {
		this.#plan = plan;
	}

	get plan(): FaultPlan {
		return this.#plan;
	}

	/** From now on. What is late already still comes late. */
	set(plan: FaultPlan): void {
		this.#plan = plan;
	}

	/** Nothing goes wrong from now on. */
	heal(): void {
		this.#plan = nothing;
	}
}

export interface FaultyTransportOptions {
	readonly transport: Transport;
	readonly faults: Faults;
	readonly clock: Clock;
	readonly random: Random;
}

const reads: ReadonlySet<string> = new Set(["get", "list", "watch"]);

/** A component's way to the API server, with faults on it. */
export class FaultyTransport implements Transport {
	readonly #options: FaultyTransportOptions;

	constructor(options: FaultyTransportOptions) {
		this.#options = options;
	}

	request(request: ApiRequest): Promise<ApiResponse> {
		const { transport, faults } = this.#options;
		const { plan } = faults;
		return plan === nothing || plan.affects?.(request) === false ? transport.request(request) : this.#requestWithFaults(plan, request);
	}

	async #requestWithFaults(plan: FaultPlan, request: ApiRequest): Promise<ApiResponse> {
		const { transport, clock, random } = this.#options;
		const failure = this.#failureOf(plan, request);
		if (failure !== undefined) {
			if (failure.isDone) await transport.request(request);
			throw failure.error;
		}
		const answer = await transport.request(request);
		if (plan.answerDelayMs !== undefined && plan.answerDelayMs > 0) await sleep(clock, random.next() * plan.answerDelayMs);
		return answer;
	}

	#failureOf(plan: FaultPlan, request: ApiRequest): { readonly error: StatusError; readonly isDone: boolean } | undefined {
		const { random } = this.#options;
		const isRead = reads.has(request.verb);
		const happens = (chance: number | undefined) => chance !== undefined && chance > 0 && random.next() < chance;
		const { group, resource, name = "" } = request;
		if (!isRead && request.verb !== "create" && happens(plan.conflict)) {
			const why = "the object has been modified; please apply your changes to the latest version and try again";
			return { error: newConflict({ group, resource }, name, why), isDone: false };
		}
		if (happens(plan.tooManyRequests)) {
			return { error: newTooManyRequests("Too many requests, please try again later.", 1), isDone: false };
		}
		if (happens(plan.internalError)) return { error: newInternalError(new Error("injected")), isDone: false };
		if (happens(plan.timeout)) {
			const error = newTimeout("request did not complete within requested timeout - context deadline exceeded");
			return { error, isDone: !isRead && random.next() < 0.5 };
		}
		return undefined;
	}

	watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		const { transport, faults, random } = this.#options;
		const { plan } = faults;
		if (plan.affects?.(request) === false) return transport.watch(request, sink);
		if (plan.watchExpired !== undefined && random.next() < plan.watchExpired) {
			return Promise.reject(newExpired(`too old resource version: ${request.options?.resourceVersion ?? 0} (injected)`));
		}
		return new FaultyWatch(this.#options, sink).start(request);
	}
}

/** One watch: late events wait in a queue, in order. */
class FaultyWatch implements WatchSink {
	readonly #options: FaultyTransportOptions;
	readonly #sink: WatchSink;
	#handle: WatchHandle | undefined;
	/** What is late, in order. */
	readonly #waiting: { readonly atMs: number; readonly action: () => void }[] = [];
	#isOver = false;

	constructor(options: FaultyTransportOptions, sink: WatchSink) {
		this.#options = options;
		this.#sink = sink;
	}

	async start(request: ApiRequest): Promise<WatchHandle> {
		const handle = await this.#options.transport.watch(request, this);
		this.#handle = handle;
		if (this.#isOver) handle.stop();
		return {
			stop: () => {
				this.#isOver = true;
				handle.stop();
			},
		};
	}

	onEvent(event: WatchEvent): void {
		if (this.#isOver) return;
		const { faults, random } = this.#options;
		const { watchBreak = 0, eventDelayMs = 0 } = faults.plan;
		if (watchBreak > 0 && random.next() < watchBreak) {
			this.#afterwards(0, () => this.#break());
			return;
		}
		this.#afterwards(eventDelayMs > 0 ? random.next() * eventDelayMs : 0, () => this.#sink.onEvent(event));
	}

	onEnd(error?: Error): void {
		this.#afterwards(0, () => {
			this.#isOver = true;
			this.#sink.onEnd(error);
		});
	}

	#break(): void {
		this.#isOver = true;
		this.#handle?.stop();
		this.#sink.onEnd(new Error("the connection was lost (injected)"));
	}

	/** `action`, after all that is to be told before it; at once if nothing waits and it is not late. */
	#afterwards(delayMs: number, action: () => void): void {
		if (this.#waiting.length === 0 && delayMs <= 0) {
			action();
			return;
		}
		this.#waiting.push({ atMs: this.#options.clock.now() + delayMs, action });
		if (this.#waiting.length === 1) this.#tellNext();
	}

	/** One timer at a time: whatever the clock rounds, the order stays. */
	#tellNext(): void {
		const { clock } = this.#options;
		const [next] = this.#waiting;
		if (next === undefined) return;
		clock.setTimeout(
			() => {
				this.#waiting.shift();
				if (this.#isOver) return;
				next.action();
				this.#tellNext();
			},
			Math.max(0, next.atMs - clock.now()),
		);
	}
}
