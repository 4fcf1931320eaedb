/**
 * The end of a server: /readyz fails first, requests that run are finished, new ones are refused.
 * Source: https://kubernetes.io/docs/reference/using-api/health-checks/ (the check "shutdown") and the filter
 * WithWaitGroup of k8s.io/apiserver.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { newServiceUnavailable, type StatusError } from "../../apimachinery/status-error.ts";
import type { HealthCheck } from "./api-handler.ts";

/**
 * Requests that have not ended by then are cut off. Shorter than kube-apiserver's minute: whoever stops a cluster on his own
 * machine waits for it.
 */
const shutdownLimitMs = 2_000;

export class Lifecycle {
	#isEnding = false;
	/** Requests that are being served, without watches and streams; >= 0. */
	#running = 0;
	#onIdle: (() => void) | undefined;

	/** The check of /readyz that tells balancers to send nothing more. */
	readonly check: HealthCheck = {
		name: "shutdown",
		liveness: false,
		check: () => {
			if (this.#isEnding) throw new Error("process is shutting down");
		},
	};

	get isEnding(): boolean {
		return this.#isEnding;
	}

	/** What whoever comes too late is told; with `Retry-After: 1`. */
	refusal(): StatusError {
		return newServiceUnavailable("apiserver is shutting down");
	}

	begin(): void {
		this.#running++;
	}

	end(): void {
		this.#running--;
		if (this.#running === 0) this.#onIdle?.();
	}

	/** From now on everything new is refused. */
	startEnding(): void {
		this.#isEnding = true;
	}

	/** Resolves once no request runs any more, or when the time for that is up. */
	async idle(clock: Clock): Promise<void> {
		if (this.#running === 0) return;
		const { promise, resolve } = Promise.withResolvers<void>();
		this.#onIdle = resolve;
		const limit = clock.setTimeout(resolve, shutdownLimitMs);
		await promise.finally(() => limit.cancel());
	}
}
