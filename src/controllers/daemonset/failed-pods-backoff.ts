/**
 * How long to leave a failed pod where it is before it is replaced: 1 s, then twice as long each time up to 15 minutes,
 * from the start again after half an hour of peace. What a kubelet rejects would else be made anew without pause.
 * Source of behaviour: client-go util/flowcontrol/backoff.go, as cmd/kube-controller-manager sets it up.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";

const initialMs = 1_000;
const maxMs = 900_000;
const forgetAfterMs = 2 * maxMs;
/** How often old entries are dropped. */
const sweepMs = 60_000;

interface Entry {
	readonly delayMs: number;
	/** When the last failed pod was replaced, Unix ms. */
	readonly sinceMs: number;
}

export class FailedPodsBackoff {
	readonly #clock: Clock;
	readonly #entries = new Map<string, Entry>();
	#sweptMs: number;

	constructor(clock: Clock) {
		this.#clock = clock;
		this.#sweptMs = clock.now();
	}

	/** How long a failed pod must still wait, ms; undefined: it may be replaced now. */
	waitMs(key: string): number | undefined {
		const entry = this.#fresh(key);
		if (entry === undefined) return undefined;
		const leftMs = entry.sinceMs + entry.delayMs - this.#clock.now();
		return leftMs > 0 ? leftMs : undefined;
	}

	/** A failed pod is being replaced: the next waits longer. */
	replaced(key: string): void {
		const entry = this.#fresh(key);
		const delayMs = entry === undefined ? initialMs : Math.min(maxMs, entry.delayMs * 2);
		this.#entries.set(key, { delayMs, sinceMs: this.#clock.now() });
		this.#sweep();
	}

	#fresh(key: string): Entry | undefined {
		const entry = this.#entries.get(key);
		return entry === undefined || this.#clock.now() - entry.sinceMs > forgetAfterMs ? undefined : entry;
	}

	#sweep(): void {
		if (this.#clock.now() - this.#sweptMs < sweepMs) return;
		this.#sweptMs = this.#clock.now();
		for (const key of this.#entries.keys()) if (this.#fresh(key) === undefined) this.#entries.delete(key);
	}
}
