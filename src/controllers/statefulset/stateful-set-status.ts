/**
 * A StatefulSet's status, from its pods. Pure.
 * Source of behaviour: pkg/controller/statefulset/stateful_set_control.go (updateStatus, completeRollingUpdate).
 */
import type { Pod, StatefulSet, StatefulSetStatus } from "../../apimachinery/schema/generated/types.ts";
import { isBeingDeleted, podAvailableInMs } from "../pod-state.ts";
import { revisionOf, wantedReplicas } from "./identity.ts";

export interface ObservedPods {
	/** Names of the two revisions. */
	readonly currentRevision: string;
	readonly updateRevision: string;
	readonly collisionCount: number;
	readonly pods: readonly Pod[];
	/** Pods deleted for an update in this reconcile: no longer at the current revision, whatever the cache shows. */
	readonly updating: number;
	readonly nowMs: number;
}

export interface StatusPlan {
	readonly status: StatefulSetStatus;
	/** When a ready pod will next count as available, ms from now; undefined: none is waiting for that. */
	readonly nextAvailableMs: number | undefined;
}

export function planStatus(set: StatefulSet, observed: ObservedPods): StatusPlan {
	const { updateRevision, pods, nowMs } = observed;
	let [ready, available, atCurrent, updated] = [0, 0, 0, 0];
	let nextAvailableMs: number | undefined;
	for (const pod of pods) {
		if (!isBeingDeleted(pod)) {
			if (revisionOf(pod) === observed.currentRevision) atCurrent++;
			if (revisionOf(pod) === updateRevision) updated++;
		}
		const inMs = pod.status?.phase === "Running" ? podAvailableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) : undefined;
		if (inMs === undefined) continue;
		ready++;
		if (inMs === 0) available++;
		else nextAvailableMs = Math.min(nextAvailableMs ?? inMs, inMs);
	}
	atCurrent = Math.max(0, atCurrent - observed.updating);
	const isComplete = isRollingUpdate(set) && [updated, ready, pods.length].every((count) => count === wantedReplicas(set));
	const currentReplicas = isComplete ? updated : atCurrent;
	const status: StatefulSetStatus = {
		observedGeneration: set.metadata?.generation ?? 0,
		replicas: pods.length,
		...(ready > 0 ? { readyReplicas: ready } : {}),
		...(currentReplicas > 0 ? { currentReplicas } : {}),
		...(updated > 0 ? { updatedReplicas: updated } : {}),
		currentRevision: isComplete ? updateRevision : observed.currentRevision,
		updateRevision,
		collisionCount: observed.collisionCount,
		availableReplicas: available,
	};
	return { status, nextAvailableMs };
}

function isRollingUpdate({ spec }: StatefulSet): boolean {
	return (spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate";
}
