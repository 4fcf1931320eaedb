/** The status of a ReplicaSet or ReplicationController, from its pods. Pure. */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { selectorFromMap } from "../../apimachinery/selector.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { withCondition, withoutCondition } from "../conditions.ts";
import { podAvailableInMs } from "../pod-state.ts";
import type { ReplicaOwner, ReplicaStatus } from "./replica-kind.ts";

export interface ObservedReplicas {
	readonly active: readonly Pod[];
	/** Being deleted, not over yet; undefined for kinds that do not count them. */
	readonly terminating: readonly Pod[] | undefined;
	/** Why pods could not be created or deleted this time. */
	readonly failure?: { readonly reason: "FailedCreate" | "FailedDelete"; readonly message: string } | undefined;
	readonly nowMs: number;
}

export interface StatusPlan {
	readonly status: ReplicaStatus;
	/** When a ready pod will next count as available, ms from now; undefined: none is waiting for that. */
	readonly nextAvailableMs: number | undefined;
}

export function planReplicaStatus(owner: ReplicaOwner, { active, terminating, failure, nowMs }: ObservedReplicas): StatusPlan {
	const template = selectorFromMap(owner.spec?.template?.metadata?.labels);
	const minReadySeconds = owner.spec?.minReadySeconds ?? 0;
	let labeled = 0;
	let ready = 0;
	let available = 0;
	let nextAvailableMs: number | undefined;
	for (const pod of active) {
		if (template.matches(pod.metadata?.labels)) labeled++;
		const inMs = podAvailableInMs(pod, minReadySeconds, nowMs);
		if (inMs === undefined) continue;
		ready++;
		if (inMs === 0) available++;
		else nextAvailableMs = Math.min(nextAvailableMs ?? inMs, inMs);
	}
	const conditions = planConditions(owner, failure, nowMs);
	const status: ReplicaStatus = {
		replicas: active.length,
		...(labeled > 0 ? { fullyLabeledReplicas: labeled } : {}),
		...(ready > 0 ? { readyReplicas: ready } : {}),
		...(available > 0 ? { availableReplicas: available } : {}),
		...(terminating === undefined ? {} : { terminatingReplicas: terminating.length }),
		observedGeneration: owner.metadata?.generation ?? 0,
		...(conditions.length > 0 ? { conditions } : {}),
	};
	return { status, nextAvailableMs };
}

function planConditions(owner: ReplicaOwner, failure: ObservedReplicas["failure"], nowMs: number) {
	const old = owner.status?.conditions ?? [];
	if (failure === undefined) return withoutCondition(old, "ReplicaFailure");
	// The first failure stays until there is none.
	if (old.some(({ type }) => type === "ReplicaFailure")) return old;
	return withCondition(old, { type: "ReplicaFailure", status: "True", lastTransitionTime: formatTime(nowMs), ...failure });
}
