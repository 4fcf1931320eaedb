/**
 * What `Retry-After` a refused client is told: one second, and longer while many are refused.
 *
 *   refused in the last r seconds    r, after the second in which it happened
 *   3r and more                      2r, at most 32; not again before another r seconds
 *   fewer than r                     r - 1, at least 1
 *
 * Source: k8s.io/apiserver/pkg/util/flowcontrol/dropped_requests_tracker.go
 */
const maxSeconds = 32;

export class RetryAfter {
	/** Seconds with refusals, oldest first, none older than `maxSeconds`; the present one is not among them. */
	#history: { readonly second: number; readonly count: number }[] = [];
	#second = 0;
	#count = 0;
	#seconds = 1;
	#raisedAt = Number.NEGATIVE_INFINITY;

	/** 1 to 32. */
	get seconds(): number {
		return this.#seconds;
	}

	/** Takes note of one more refusal. */
	refused(nowMs: number): void {
		const second = Math.floor(nowMs / 1000);
		if (second === this.#second) {
			this.#count++;
			return;
		}
		if (this.#count > 0) this.#history.push({ second: this.#second, count: this.#count });
		this.#history = this.#history.filter((past) => second - past.second <= maxSeconds);
		this.#second = second;
		this.#count = 1;
		this.#adapt(second);
	}

	#adapt(second: number): void {
		const recent = this.#history.filter((past) => second - past.second <= this.#seconds).reduce((sum, { count }) => sum + count, 0);
		if (recent >= 3 * this.#seconds && second - this.#raisedAt >= this.#seconds) {
			this.#seconds = Math.min(maxSeconds, 2 * this.#seconds);
			this.#raisedAt = second;
		} else if (recent < this.#seconds && this.#seconds > 1) this.#seconds--;
	}
}
