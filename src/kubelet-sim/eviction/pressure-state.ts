/**
 * What a kubelet remembers of its thresholds from one look to the next, and what follows from a new look. Pure.
 *
 *   met ── grace period over ──> evict                 a condition is shown from when a threshold is met
 *    └──> condition             ... until it has not been met for the pressure transition period
 *
 * Source: pkg/kubelet/eviction/eviction_manager.go (synchronize)
 */
import { byUrgency, conditionOf, metThresholds, type Observations, type PressureCondition, type Threshold } from "./thresholds.ts";

export interface PressureState {
	/** Met, or not yet undone as far as minReclaim asks for; with the time at which they were first met. */
	readonly firstMetMs: ReadonlyMap<Threshold, number>;
	/** Those for which pods are evicted. */
	readonly acted: readonly Threshold[];
	/** When each condition was last observed. */
	readonly observedMs: ReadonlyMap<PressureCondition, number>;
}

export const noPressure: PressureState = { firstMetMs: new Map(), acted: [], observedMs: new Map() };

export interface PressureOutcome {
	readonly state: PressureState;
	/** What the node says of itself. */
	readonly conditions: readonly PressureCondition[];
	/** For which something has to be done now, the most urgent first. */
	readonly due: readonly Threshold[];
}

const conditionOrder: readonly PressureCondition[] = ["MemoryPressure", "DiskPressure", "PIDPressure"];

export function nextPressure(
	before: PressureState,
	thresholds: readonly Threshold[],
	observations: Observations,
	{ nowMs, transitionMs }: { readonly nowMs: number; readonly transitionMs: number },
): PressureOutcome {
	const met = new Set([...metThresholds(thresholds, observations, false), ...metThresholds(before.acted, observations, true)]);
	const firstMetMs = new Map([...met].map((threshold) => [threshold, before.firstMetMs.get(threshold) ?? nowMs]));
	const observedMs = new Map(before.observedMs);
	for (const { signal } of met) observedMs.set(conditionOf(signal), nowMs);
	const isShown = (condition: PressureCondition) => {
		const lastMs = observedMs.get(condition);
		return lastMs !== undefined && nowMs - lastMs < transitionMs;
	};
	const acted = [...firstMetMs].filter(([{ graceMs }, sinceMs]) => nowMs - sinceMs >= graceMs).map(([threshold]) => threshold);
	// With no transition period a condition is shown for as long as it is observed.
	const observed = new Set([...met].map(({ signal }) => conditionOf(signal)));
	return {
		state: { firstMetMs, acted, observedMs },
		conditions: conditionOrder.filter((condition) => observed.has(condition) || isShown(condition)),
		due: byUrgency(acted),
	};
}
