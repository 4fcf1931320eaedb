/**
 * A token bucket: `burst` events at once, then `ratePerSecond`. Source of behaviour: golang.org/x/time/rate and
 * client-go util/flowcontrol.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";

export interface TokenBucketOptions {
	readonly clock: Clock;
	/** > 0 */
	readonly ratePerSecond: number;
	/** >= 1 */
	readonly burst: number;
}

/** What there was at some time. */
export interface TokensLeft {
	readonly tokens: number;
	readonly atMs: number;
}

export class TokenBucket {
	readonly #options: TokenBucketOptions;
	/** tokens <= burst; below 0 as many have been promised ahead of time. */
	#tokens: number;
	#atMs: number;

	/** @param left what is left in one that was put away */
	constructor(options: TokenBucketOptions, left: TokensLeft = { tokens: options.burst, atMs: options.clock.now() }) {
		this.#options = options;
		this.#tokens = left.tokens;
		this.#atMs = left.atMs;
	}

	get left(): TokensLeft {
		return { tokens: this.#tokens, atMs: this.#atMs };
	}

	/** Takes a token, if need be one that is not there yet. Returns how long the caller must wait for it, ms. */
	reserve(): number {
		this.#refill();
		this.#tokens -= 1;
		return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#options.ratePerSecond) * 1000;
	}

	/** Takes a token if there is one. */
	tryTake(): boolean {
		this.#refill();
		if (this.#tokens < 1) return false;
		this.#tokens -= 1;
		return true;
	}

	#refill(): void {
		const { clock, ratePerSecond, burst } = this.#options;
		const nowMs = clock.now();
		this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * ratePerSecond);
		this.#atMs = nowMs;
	}
}
