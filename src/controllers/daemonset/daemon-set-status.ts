/**
 * A DaemonSet's status, from nodes and pods. Pure.
 * Source of behaviour: pkg/controller/daemon/daemon_controller.go (updateDaemonSetStatus).
 */
import type { DaemonSetStatus } from "../../apimachinery/schema/generated/types.ts";
import { podAvailableInMs } from "../pod-state.ts";
import { isUpdated, placementOf } from "./placement.ts";
import { type Observed, podsByNode } from "./plan.ts";

export interface StatusPlan {
	readonly status: DaemonSetStatus;
	/** When a ready pod will next count as available, ms from now; undefined: none is waiting for that. */
	readonly nextAvailableMs: number | undefined;
}

/** @param hasActed whether the set of this generation has been acted on, and not only looked at. */
export function planStatus({ set, nodes, pods, hash, nowMs }: Observed, hasActed: boolean): StatusPlan {
	const placement = placementOf(set);
	const byNode = podsByNode(pods);
	let [desired, current, misscheduled, ready, updated, available] = [0, 0, 0, 0, 0, 0];
	let nextAvailableMs: number | undefined;
	for (const node of nodes) {
		const [oldest] = byNode.get(node.metadata?.name ?? "") ?? [];
		if (!placement(node).shouldRun) {
			if (oldest !== undefined) misscheduled++;
			continue;
		}
		desired++;
		if (oldest === undefined) continue;
		current++;
		if (isUpdated(oldest, hash)) updated++;
		const inMs = podAvailableInMs(oldest, set.spec?.minReadySeconds ?? 0, nowMs);
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
