/**
 * What a kubelet makes of a container runtime that does not answer: within 30 s sandboxes fail, then pods are left as they are and the
 * node is not ready, and after three minutes the PLEG's health check says so, too. Containers run on all the while.
 * Source: pkg/kubelet/runtime.go, pkg/kubelet/kubelet.go (maxWaitForContainerRuntime, syncLoop), pkg/kubelet/pleg/generic.go (relistThreshold)
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { formatGoDuration } from "../../apimachinery/time.ts";

const downAfterMs = 30_000;
const plegThresholdMs = 180_000;
/** The kubelet's nodeStatusUpdateFrequency: the message tells another age each time. */
const repeatMs = 10_000;

/** A runtime that does not answer. */
export class RuntimeOutage {
	/** Unix ms. */
	readonly sinceMs: number;
	/** gRPC's text of each call. */
	readonly error: string;
	readonly #clock: Clock;
	readonly #onChange: () => void;
	#timer: Timer;

	/** @param onChange what the kubelet thinks of it has changed */
	constructor(clock: Clock, error: string, onChange: () => void) {
		this.sinceMs = clock.now();
		this.error = error;
		this.#clock = clock;
		this.#onChange = onChange;
		this.#timer = clock.setTimeout(() => this.#noticed(), downAfterMs);
	}

	/** The kubelet has given up on it for now: it looks after no pod. */
	get isNoticed(): boolean {
		return this.#clock.now() >= this.sinceMs + downAfterMs;
	}

	/** Of the node's Ready condition; undefined as long as the kubelet waits. */
	get notReady(): string | undefined {
		if (!this.isNoticed) return undefined;
		const ageMs = this.#clock.now() - this.sinceMs;
		if (ageMs < plegThresholdMs) return "container runtime is down";
		const age = formatGoDuration(ageMs);
		return `[container runtime is down, PLEG is not healthy: pleg was last seen active ${age} ago; threshold is ${formatGoDuration(plegThresholdMs)}]`;
	}

	end(): void {
		this.#timer.cancel();
	}

	#noticed(): void {
		this.#onChange();
		this.#timer = this.#clock.setTimeout(() => this.#repeat(), plegThresholdMs - downAfterMs);
	}

	#repeat(): void {
		this.#onChange();
		this.#timer = this.#clock.setTimeout(() => this.#repeat(), repeatMs);
	}
}
