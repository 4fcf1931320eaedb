/**
 * A Deployment's status: counts, and the conditions Available, Progressing and ReplicaFailure. Pure.
 *
 *   Progressing:  NewReplicaSetCreated / FoundNewReplicaSet / ReplicaSetUpdated (True)
 *        ├── all pods new and available ──> NewReplicaSetAvailable (True): the rollout is over
 *        └── no progress within progressDeadlineSeconds ──> ProgressDeadlineExceeded (False)
 *   paused: DeploymentPaused, resumed: DeploymentResumed (Unknown): the deadline starts anew
 *
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status and
 * pkg/controller/deployment/progress.go.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import { findCondition, withCondition, withoutCondition } from "../conditions.ts";
import { allReplicaSets, type Rollout, specReplicas, sum } from "./scaling.ts";
import { maxUnavailable, wantedReplicas } from "./strategy.ts";

/** The progressDeadlineSeconds that means none. */
const noDeadlineSeconds = 2 ** 31 - 1;

export function hasProgressDeadline({ spec }: Deployment): boolean {
	return spec?.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== noDeadlineSeconds;
}

export function progressingCondition(status: DeploymentStatus | undefined): DeploymentCondition | undefined {
	return findCondition(status?.conditions, "Progressing");
}

export function newCondition(type: string, status: string, reason: string, message: string, nowMs: number): DeploymentCondition {
	const nowText = formatTime(nowMs);
	return { type, status, lastUpdateTime: nowText, lastTransitionTime: nowText, reason, message };
}

/** The Deployment with a condition set in its status, not written yet. */
export function withDeploymentCondition(deployment: Deployment, condition: DeploymentCondition): Deployment {
	const conditions = withCondition(deployment.status?.conditions ?? [], condition);
	return { ...deployment, status: { ...deployment.status, conditions } };
}

/** Counts and availability; the other conditions stay. */
export function planCounts(rollout: Rollout, nowMs: number): DeploymentStatus {
	const { deployment, newReplicaSet } = rollout;
	const all = allReplicaSets(rollout);
	const statusSum = (field: "replicas" | "readyReplicas" | "availableReplicas" | "terminatingReplicas") =>
		sum(all, ({ status }) => status?.[field] ?? 0);
	const available = statusSum("availableReplicas");
	const enough = available >= wantedReplicas(deployment) - maxUnavailable(deployment);
	const condition = enough
		? newCondition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", nowMs)
		: newCondition("Available", "False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.", nowMs);
	const { collisionCount, conditions = [] } = deployment.status ?? {};
	return {
		observedGeneration: deployment.metadata?.generation ?? 0,
		...nonZero("replicas", statusSum("replicas")),
		...nonZero("updatedReplicas", newReplicaSet?.status?.replicas ?? 0),
		...nonZero("readyReplicas", statusSum("readyReplicas")),
		...nonZero("availableReplicas", available),
		...nonZero("unavailableReplicas", Math.max(0, sum(all, specReplicas) - available)),
		terminatingReplicas: statusSum("terminatingReplicas"),
		...(collisionCount === undefined ? {} : { collisionCount }),
		conditions: withCondition(conditions, condition),
	};
}

/** Counts that are 0 are not written, as in Kubernetes' JSON. */
function nonZero<K extends string>(name: K, count: number): { readonly [P in K]?: number } {
	return count === 0 ? {} : ({ [name]: count } as { readonly [P in K]: number });
}

/** The whole status during a rollout: counts, then progress, then failures. */
export function planRolloutStatus(rollout: Rollout, nowMs: number): DeploymentStatus {
	const counts = planCounts(rollout, nowMs);
	const progressed = planProgress(rollout, counts, nowMs);
	const failure = replicaFailure(rollout);
	const rest = withoutCondition(progressed, "ReplicaFailure");
	const conditions = failure === undefined ? rest : withCondition(progressed, failure);
	return { ...counts, conditions };
}

function planProgress(rollout: Rollout, counts: DeploymentStatus, nowMs: number): readonly DeploymentCondition[] {
	const { deployment } = rollout;
	const conditions = counts.conditions ?? [];
	if (!hasProgressDeadline(deployment)) return withoutCondition(conditions, "Progressing");
	const current = progressingCondition(deployment.status);
	const over = (counts.replicas ?? 0) === (counts.updatedReplicas ?? 0) && current?.reason === "NewReplicaSetAvailable";
	if (over) return conditions;
	const subject = subjectOf(rollout);
	if (isComplete(deployment, counts)) {
		const message = `${subject} has successfully progressed.`;
		return withCondition(conditions, newCondition("Progressing", "True", "NewReplicaSetAvailable", message, nowMs));
	}
	if (hasProgressed(deployment.status, counts)) {
		const condition = newCondition("Progressing", "True", "ReplicaSetUpdated", `${subject} is progressing.`, nowMs);
		const keepsTime = current?.status === "True" && current.lastTransitionTime !== undefined;
		// Replaced even if nothing but its update time is new: the deadline counts from there.
		const next = keepsTime ? { ...condition, lastTransitionTime: current.lastTransitionTime } : condition;
		return [...withoutCondition(conditions, "Progressing"), next];
	}
	if (hasTimedOut(deployment, counts, nowMs)) {
		const message = `${subject} has timed out progressing.`;
		return withCondition(conditions, newCondition("Progressing", "False", "ProgressDeadlineExceeded", message, nowMs));
	}
	return conditions;
}

function subjectOf({ deployment, newReplicaSet }: Rollout): string {
	return newReplicaSet === undefined ? `Deployment "${deployment.metadata?.name}"` : `ReplicaSet "${newReplicaSet.metadata?.name}"`;
}

/** All pods are of the new template and available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
	const wanted = wantedReplicas(deployment);
	return (
		(status.updatedReplicas ?? 0) === wanted &&
		(status.replicas ?? 0) === wanted &&
		(status.availableReplicas ?? 0) === wanted &&
		(status.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
	);
}

function hasProgressed(before: DeploymentStatus | undefined, now: DeploymentStatus): boolean {
	const old = (status: DeploymentStatus | undefined) => (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
	return (
		(now.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
		old(now) < old(before) ||
		(now.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
		(now.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
	);
}

function hasTimedOut(deployment: Deployment, status: DeploymentStatus, nowMs: number): boolean {
	const condition = progressingCondition(status);
	if (condition === undefined || condition.reason === "NewReplicaSetAvailable") return false;
	if (condition.reason === "ProgressDeadlineExceeded") return true;
	return deadlineMs(deployment, condition) < nowMs;
}

function deadlineMs({ spec }: Deployment, { lastUpdateTime }: DeploymentCondition): number {
	const fromMs = lastUpdateTime === undefined ? 0 : parseTime(lastUpdateTime);
	return fromMs + (spec?.progressDeadlineSeconds ?? 0) * 1000;
}

/** When to look whether the deadline has passed, ms from now, > 0; undefined: never. */
export function progressCheckInMs(deployment: Deployment, status: DeploymentStatus, nowMs: number): number | undefined {
	const condition = progressingCondition(deployment.status);
	if (condition === undefined || !hasProgressDeadline(deployment)) return undefined;
	if (isComplete(deployment, status) || condition.reason === "ProgressDeadlineExceeded") return undefined;
	// A second more than due, since condition times have no fractions.
	return Math.max(0, deadlineMs(deployment, condition) - nowMs) + 1000;
}

/** The failure that a ReplicaSet reports, the new one's before an old one's. */
function replicaFailure({ newReplicaSet, oldReplicaSets }: Rollout): DeploymentCondition | undefined {
	const candidates: readonly ReplicaSet[] = [...(newReplicaSet === undefined ? [] : [newReplicaSet]), ...oldReplicaSets];
	for (const { status } of candidates) {
		const failure = findCondition(status?.conditions, "ReplicaFailure");
		if (failure !== undefined) return { ...failure, ...(failure.lastTransitionTime && { lastUpdateTime: failure.lastTransitionTime }) };
	}
	return undefined;
}

/** The condition that marks a Deployment as paused or resumed; undefined: it says so already, or need not. */
export function planPausedCondition(deployment: Deployment, nowMs: number): DeploymentCondition | undefined {
	if (!hasProgressDeadline(deployment)) return undefined;
	const reason = progressingCondition(deployment.status)?.reason;
	if (reason === "ProgressDeadlineExceeded") return undefined;
	const paused = deployment.spec?.paused === true;
	if (paused === (reason === "DeploymentPaused")) return undefined;
	return paused
		? newCondition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", nowMs)
		: newCondition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed", nowMs);
}

export function statusEqual(a: DeploymentStatus | undefined, b: DeploymentStatus): boolean {
	return jsonEqual(a ?? {}, b);
}
