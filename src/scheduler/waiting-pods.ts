/**
 * Pods that Permit plugins hold back: assumed on their nodes, but not bound until every plugin has allowed them.
 */
import type { Clock, Timer } from "../apimachinery/clock/clock.ts";
import { unschedulable, type Verdict } from "./framework/status.ts";

interface WaitingPod {
	/** The plugins that have not allowed it yet, each with the timer of its limit. */
	readonly pending: Map<string, Timer>;
	readonly settle: (verdict: Verdict) => void;
}

export class WaitingPods {
	readonly #clock: Clock;
	readonly #pods = new Map<string, WaitingPod>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	has(uid: string): boolean {
		return this.#pods.has(uid);
	}

	/** Resolves to undefined when all plugins have allowed the pod, to a rejection when one rejects it or its time is up. */
	wait(uid: string, limitsMs: ReadonlyMap<string, number>): Promise<Verdict> {
		return new Promise((resolve) => {
			const pending = new Map<string, Timer>();
			const settle = (verdict: Verdict) => {
				for (const timer of pending.values()) timer.cancel();
				this.#pods.delete(uid);
				resolve(verdict);
			};
			this.#pods.set(uid, { pending, settle });
			for (const [plugin, limitMs] of limitsMs) {
				const message = `rejected due to timeout after waiting ${limitMs / 1000}s at plugin ${plugin}`;
				pending.set(
					plugin,
					this.#clock.setTimeout(() => settle(unschedulable(plugin, message)), limitMs),
				);
			}
		});
	}

	allow(uid: string, plugin: string): void {
		const waiting = this.#pods.get(uid);
		waiting?.pending.get(plugin)?.cancel();
		waiting?.pending.delete(plugin);
		if (waiting?.pending.size === 0) waiting.settle(undefined);
	}

	/** Returns whether the pod was waiting. */
	reject(uid: string, plugin: string, message: string): boolean {
		const waiting = this.#pods.get(uid);
		waiting?.settle(unschedulable(plugin, message));
		return waiting !== undefined;
	}
}
