/**
 * What a PodDisruptionBudget's status says of its pods. Pure.
 * Source: pkg/controller/disruption/disruption.go and component-helpers/apps/poddisruptionbudget of Kubernetes 1.36.
 */
import type { Condition, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from "../../apimachinery/schema/generated/types.ts";
import { formatTime, parseTime } from "../../apimachinery/time.ts";
import { findCondition } from "../conditions.ts";
import { isBeingDeleted, isPodReady } from "../pod-state.ts";

/** How long an evicted pod may take to be deleted before it counts again. */
const deletionTimeoutMs = 120_000;
const conditionType = "DisruptionAllowed";

/** Pods as their budget counts them. */
export interface PodCounts {
	readonly expected: number;
	readonly desiredHealthy: number;
}

/** Whether the budget is told in parts of what the pods' controllers want, rather than of the pods that are there. */
export function needsScale({ spec }: PodDisruptionBudget): boolean {
	return spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === "string";
}

/** @param scale replicas that the pods' controllers want, all together; where `needsScale` says so */
export function expectedCounts({ spec }: PodDisruptionBudget, podCount: number, scale: number): PodCounts {
	const { maxUnavailable, minAvailable } = spec ?? {};
	if (maxUnavailable !== undefined) {
		return { expected: scale, desiredHealthy: Math.max(0, scale - scaledUp(maxUnavailable, scale)) };
	}
	if (typeof minAvailable === "number") return { expected: podCount, desiredHealthy: minAvailable };
	if (minAvailable !== undefined) return { expected: scale, desiredHealthy: scaledUp(minAvailable, scale) };
	return { expected: 0, desiredHealthy: 0 };
}

/** A number, or a percentage of `total`, rounded up. */
function scaledUp(value: number | string, total: number): number {
	return typeof value === "number" ? value : Math.ceil((Number(value.replace(/%$/, "")) * total) / 100);
}

export interface DisruptedPods {
	/** By pod, when its eviction was granted. */
	readonly times: Readonly<Record<string, string>>;
	/** Names of pods that were to be deleted and were not. */
	readonly overdue: readonly string[];
	/** When the next of them is overdue, Unix ms. */
	readonly recheckMs: number | undefined;
}

/** Evicted pods that are still to be deleted. */
export function disruptedPods({ status }: PodDisruptionBudget, pods: readonly Pod[], nowMs: number): DisruptedPods {
	const times: Record<string, string> = {};
	const overdue: string[] = [];
	let recheckMs: number | undefined;
	for (const pod of pods) {
		const { name = "" } = pod.metadata ?? {};
		const time = status?.disruptedPods?.[name];
		if (time === undefined || isBeingDeleted(pod)) continue;
		const deadlineMs = parseTime(time) + deletionTimeoutMs;
		if (deadlineMs < nowMs) overdue.push(name);
		else {
			times[name] = time;
			recheckMs = Math.min(recheckMs ?? deadlineMs, deadlineMs);
		}
	}
	return { times, overdue, recheckMs };
}

/** The status, or the one that is there if nothing has changed. */
export function planBudgetStatus(
	budget: PodDisruptionBudget,
	pods: readonly Pod[],
	{ expected, desiredHealthy }: PodCounts,
	disrupted: DisruptedPods,
	nowMs: number,
): PodDisruptionBudgetStatus {
	const healthy = pods.filter((pod) => !isBeingDeleted(pod) && disrupted.times[pod.metadata?.name ?? ""] === undefined && isPodReady(pod));
	const currentHealthy = healthy.length;
	// A budget without pods allows nothing, so that its first ones are safe until they have been counted.
	const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, currentHealthy - desiredHealthy);
	const observedGeneration = budget.metadata?.generation ?? 0;
	const condition: Omit<Condition, "lastTransitionTime"> = {
		type: conditionType,
		...(disruptionsAllowed > 0 ? { status: "True", reason: "SufficientPods" } : { status: "False", reason: "InsufficientPods" }),
		message: "",
		observedGeneration,
	};
	return {
		observedGeneration,
		...(Object.keys(disrupted.times).length === 0 ? {} : { disruptedPods: disrupted.times }),
		disruptionsAllowed,
		currentHealthy,
		desiredHealthy,
		expectedPods: expected,
		conditions: withStatusCondition(budget.status?.conditions ?? [], condition, nowMs),
	};
}

/** What the status says when the pods could not be counted: nobody may be evicted. */
export function failedBudgetStatus({ status }: PodDisruptionBudget, message: string, nowMs: number): PodDisruptionBudgetStatus {
	const { observedGeneration = 0, conditions = [], currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = status ?? {};
	const condition = { type: conditionType, status: "False", reason: "SyncFailed", message, observedGeneration };
	return {
		...status,
		currentHealthy,
		desiredHealthy,
		expectedPods,
		disruptionsAllowed: 0,
		conditions: withStatusCondition(conditions, condition, nowMs),
	};
}

/** As SetStatusCondition of apimachinery's meta package: in its place, with its time unless the status changes. */
function withStatusCondition(
	conditions: readonly Condition[],
	condition: Omit<Condition, "lastTransitionTime">,
	nowMs: number,
): readonly Condition[] {
	const known = findCondition(conditions, condition.type);
	const lastTransitionTime = known?.status === condition.status ? known.lastTransitionTime : formatTime(nowMs);
	const next: Condition = { ...condition, lastTransitionTime };
	return known === undefined ? [...conditions, next] : conditions.map((each) => (each === known ? next : each));
}
