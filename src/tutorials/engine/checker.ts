/**
 * Keeps the checks of a step up to date: they are looked at again when something has happened in the cluster or in the shell, once for
 * all that happened meanwhile, and never otherwise.
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { type CheckState, evaluateCheck, type Facts, lookAt, type Seen } from "./check.ts";
import type { Check } from "./lesson.ts";
import type { Lookout } from "./look.ts";

export interface CheckerOptions {
	/** The cluster's. */
	readonly clock: Clock;
	readonly checks: readonly Check[];
	readonly lookout: Lookout;
	readonly facts: (check: Check) => Facts;
	/** Told each time after looking. */
	readonly onChecked: (states: readonly CheckState[]) => void;
	/** Told what made looking impossible; it goes on with the next change. */
	readonly onError: (error: unknown) => void;
}

export class Checker {
	readonly #options: CheckerOptions;
	#isLooking = false;
	#isStale = false;
	#isStopped = false;
	/** Since when a check that has to last has held without a break, cluster ms. */
	readonly #since = new Map<Check, number>();
	#timer: Timer | undefined;

	constructor(options: CheckerOptions) {
		this.#options = options;
	}

	/** Something has happened. */
	poke(): void {
		this.#isStale = true;
		if (this.#isLooking || this.#isStopped) return;
		this.#isLooking = true;
		// What happens at the same instant is looked at together.
		setImmediate(() => void this.#lookWhileStale());
	}

	stop(): void {
		this.#isStopped = true;
		this.#timer?.cancel();
	}

	/** Looks now, whatever has happened. */
	async look(): Promise<readonly CheckState[]> {
		const { checks, lookout, facts } = this.#options;
		const states: CheckState[] = [];
		for (const check of checks) states.push(this.#lasting(check, evaluateCheck(check, await lookAt(check, lookout), facts(check))));
		return states;
	}

	/** A check that has to last is met only once it has; it is looked at again when that may be. */
	#lasting(check: Check, state: CheckState): CheckState {
		if (check.lastingMs === 0) return state;
		if (!state.isMet) {
			this.#since.delete(check);
			return state;
		}
		const { clock } = this.#options;
		const since = this.#since.get(check) ?? clock.now();
		this.#since.set(check, since);
		const leftMs = since + check.lastingMs - clock.now();
		if (leftMs <= 0) return state;
		this.#timer?.cancel();
		if (!this.#isStopped) this.#timer = clock.setTimeout(() => this.poke(), leftMs);
		return { ...state, isMet: false };
	}

	async #lookWhileStale(): Promise<void> {
		try {
			while (this.#isStale && !this.#isStopped) {
				this.#isStale = false;
				const states = await this.look();
				if (!this.#isStopped) this.#options.onChecked(states);
			}
		} catch (error) {
			if (!this.#isStopped) this.#options.onError(error);
		} finally {
			this.#isLooking = false;
		}
	}
}

/** What each check looks at, when its step begins. */
export async function seenBy(checks: readonly Check[], lookout: Lookout): Promise<ReadonlyMap<Check, Seen>> {
	const seen = new Map<Check, Seen>();
	for (const check of checks) seen.set(check, await lookAt(check, lookout));
	return seen;
}
