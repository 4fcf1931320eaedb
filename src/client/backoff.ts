/**
 * Exponential back-off with jitter, as k8s.io/apimachinery/pkg/util/wait has it: each delay is a base times a factor
 * drawn from [1, 1 + jitter), the base doubles up to a maximum and starts again after a quiet spell.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Random } from "../apimachinery/random.ts";

export interface BackoffOptions {
	readonly clock: Clock;
	/** Absent: no jitter. */
	readonly random?: Random | undefined;
	/** Base of the first delay, ms, > 0. */
	readonly initialMs: number;
	readonly maxMs: number;
	/** >= 0; 1 makes a delay up to twice its base. */
	readonly jitter: number;
	/** A failure that comes this long after the last one counts as the first. */
	readonly resetAfterMs: number;
}

/** client-go's reflector: 800 ms to 30 s, doubled by jitter, forgotten after two minutes (tools/cache/reflector.go). */
export function reflectorBackoff(clock: Clock, random?: Random): Backoff {
	return new Backoff({ clock, random, initialMs: 800, maxMs: 30_000, jitter: 1, resetAfterMs: 120_000 });
}

export class Backoff {
	readonly #options: BackoffOptions;
	#baseMs: number;
	#lastMs: number;

	constructor(options: BackoffOptions) {
		this.#options = options;
		this.#baseMs = options.initialMs;
		this.#lastMs = options.clock.now();
	}

	/** How long to wait now, ms. */
	next(): number {
		const { clock, random, initialMs, maxMs, jitter, resetAfterMs } = this.#options;
		const nowMs = clock.now();
		if (nowMs - this.#lastMs > resetAfterMs) this.#baseMs = initialMs;
		this.#lastMs = nowMs;
		const delayMs = this.#baseMs * (1 + jitter * (random?.next() ?? 0));
		this.#baseMs = Math.min(maxMs, this.#baseMs * 2);
		return delayMs;
	}
}
