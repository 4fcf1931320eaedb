/**
 * A DaemonSet's status, from nodes and pods. Pure.
 * Source of behaviour: pkg/controller/daemon/daemon_controller.go (updateDaemonSetStatus).
 */
import type { DaemonSetStatus } from "../../apimachinery/schema/generated/types.ts";
import { podAvailableInMs } from "../pod-state.ts";
import { isUpdated } from "./placement.ts";
import type { Survey } from "./plan.ts";

export interface StatusPlan {
	readonly status: DaemonSetStatus;
	/** When a ready pod will next count as available, ms from now; undefined: none is waiting for that. */
	readonly nextAvailableMs: number | undefined;
}

/** @param hasActed whether the set of this generation has been acted on, and not only looked at. */
export function planStatus({ set, sites, desired, hash, nowMs }: Survey, hasActed: boolean): StatusPlan {
	let [current, misscheduled, ready, updated, available] = [0, 0, 0, 0, 0];
	let nextAvailableMs: number | undefined;
	const { minReadySeconds = 0 } = set.spec ?? {};
	for (const { shouldRun, pods } of sites) {
		const [oldest] = pods;
		if (!shouldRun) {
			if (oldest !== undefined) misscheduled++;
			continue;
		}
		if (oldest === undefined) continue;
		current++;
		if (isUpdated(oldest, hash)) updated++;
		const inMs = podAvailableInMs(oldest, minReadySeconds, nowMs);
		if (inMs === undefined) continue;
		ready++;
		if (inMs === 0) available++;
		else nextAvailableMs = Math.min(nextAvailableMs ?? inMs, inMs);
	}
	const { collisionCount, conditions, observedGeneration: observed } = set.status ?? {};
	const observedGeneration = hasActed ? set.metadata?.generation : observed;
	const status: DaemonSetStatus = {
		currentNumberScheduled: current,
		numberMisscheduled: misscheduled,
		desiredNumberScheduled: desired,
		numberReady: ready,
		...(observedGeneration === undefined ? {} : { observedGeneration }),
		...(updated > 0 ? { updatedNumberScheduled: updated } : {}),
		...(available > 0 ? { numberAvailable: available } : {}),
		...(desired > available ? { numberUnavailable: desired - available } : {}),
		...(collisionCount === undefined ? {} : { collisionCount }),
		...(conditions === undefined ? {} : { conditions }),
	};
	return { status, nextAvailableMs };
}
