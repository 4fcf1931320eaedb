/**
 * How a Job stands: its pods counted, and whether it is to end. The first half of a sync; pure.
 *
 * A pod is counted in one of three places, never in two:
 *
 *   has the finalizer, is not in uncountedTerminatedPods    counted here, anew in each sync
 *   is in uncountedTerminatedPods                           counted by its uid
 *   has lost the finalizer                                  counted in status.succeeded or status.failed
 *
 * Source: syncJob in pkg/controller/job/job_controller.go, KEP-2307 (tracking without lingering pods).
 */
import type { Job, Pod } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { isPodActive, isPodReady, isPodTerminating } from "../pod-state.ts";
import {
	backoffLimitExceeded,
	deadlineExceeded,
	decidedEnding,
	type Ending,
	failedByPolicy,
	maxFailedIndexesExceeded,
	failedIndexes as someIndexesFailed,
	succeededByPolicy,
} from "./conditions.ts";
import { judgeFailure } from "./failure-policy.ts";
import { countIndexes, hasIndex, type IndexSet, indexSetOf, parseIndexes, union } from "./index-set.ts";
import { completionIndexOf, indexFailuresBefore, isIndexed, isPodFailed, isSuspended, isTracked, validIndexOf } from "./job-pods.ts";
import { finishedAtMs, nextBackoff, type PodBackoff } from "./pod-backoff.ts";
import { matchSuccessPolicy } from "./success-policy.ts";

/** What a sync goes by. */
export interface ObservedJob {
	readonly job: Job;
	/** All that the Job manages, ended ones too. */
	readonly pods: readonly Pod[];
	/** Uids of pods that have lost their finalizer, though the cache does not show it yet. */
	readonly released: ReadonlySet<string>;
	readonly backoff: PodBackoff;
	readonly nowMs: number;
}

export interface Assessment extends ObservedJob {
	readonly active: readonly Pod[];
	readonly terminating: readonly Pod[];
	readonly ready: number;
	/** Counted or not. */
	readonly succeeded: number;
	readonly failed: number;
	/** Of an Indexed Job: by the status, and with what has succeeded since. */
	readonly countedIndexes: IndexSet;
	readonly succeededIndexes: IndexSet;
	/** Of an Indexed Job with a back-off limit per index; else undefined. */
	readonly failedIndexes: IndexSet | undefined;
	/** The last failed pod of each index that waits for a new one: it stays until that one has taken over its count. */
	readonly toBeReplaced: ReadonlyMap<number, Pod>;
	/** With the pods that have ended since the last sync. */
	readonly nextBackoff: PodBackoff;
	readonly ending: Ending | undefined;
	/** When the Job runs out of time, ms from now; undefined: never, or it is decided already. */
	readonly deadlineInMs: number | undefined;
}

export function assess(observed: ObservedJob): Assessment {
	const { job, pods } = observed;
	const active = pods.filter(isPodActive);
	const uncounted = job.status?.uncountedTerminatedPods;
	const succeededNow = uncountedPods(observed, uncounted?.succeeded, (pod) => pod.status?.phase === "Succeeded");
	const failedNow = uncountedPods(observed, uncounted?.failed, (pod) => isPodFailed(pod, job));
	const indexes = assessIndexes(observed, active);
	const failed =
		(job.status?.failed ?? 0) +
		(uncounted?.failed?.length ?? 0) +
		failedNow.filter((pod) => judgeFailure(job.spec?.podFailurePolicy, pod).counts).length;
	const succeeded = isIndexed(job)
		? countIndexes(indexes.succeededIndexes)
		: (job.status?.succeeded ?? 0) + (uncounted?.succeeded?.length ?? 0) + succeededNow.length;
	const deadlineInMs = deadlineInMsOf(observed);
	const ending = decideEnding(observed, { failed, deadlineInMs, ...indexes });
	return {
		...observed,
		...indexes,
		active,
		terminating: pods.filter(isPodTerminating),
		ready: active.filter(isPodReady).length,
		succeeded,
		failed,
		nextBackoff: nextBackoff(observed.backoff, succeededNow, failedNow),
		ending,
		deadlineInMs: ending === undefined ? deadlineInMs : undefined,
	};
}

/** The pods that have ended as the filter says and stand in no count yet; in an Indexed Job those of its indexes. */
function uncountedPods(
	{ job, pods, released }: ObservedJob,
	uncounted: readonly string[] = [],
	filter: (pod: Pod) => boolean,
): readonly Pod[] {
	const counted = new Set(uncounted);
	return pods.filter((pod) => {
		const uid = pod.metadata?.uid ?? "";
		if (!isTracked(pod) || counted.has(uid) || released.has(uid)) return false;
		return (!isIndexed(job) || validIndexOf(pod, job) !== undefined) && filter(pod);
	});
}

type Indexes = Pick<Assessment, "countedIndexes" | "succeededIndexes" | "failedIndexes" | "toBeReplaced">;

function assessIndexes(observed: ObservedJob, active: readonly Pod[]): Indexes {
	const { job, pods } = observed;
	if (!isIndexed(job)) return { countedIndexes: [], succeededIndexes: [], failedIndexes: undefined, toBeReplaced: new Map() };
	const completions = job.spec?.completions ?? 0;
	const indexesOf = (filter: (pod: Pod) => boolean) =>
		indexSetOf(
			pods
				.filter((pod) => isTracked(pod) && filter(pod))
				.map((pod) => validIndexOf(pod, job))
				.filter((index) => index !== undefined),
		);
	const countedIndexes = parseIndexes(job.status?.completedIndexes, completions);
	const succeededIndexes = union(
		countedIndexes,
		indexesOf((pod) => pod.status?.phase === "Succeeded"),
	);
	if (job.spec?.backoffLimitPerIndex === undefined) {
		return { countedIndexes, succeededIndexes, failedIndexes: undefined, toBeReplaced: new Map() };
	}
	const failedIndexes = union(
		parseIndexes(job.status?.failedIndexes, completions),
		indexesOf((pod) => hasIndexFailed(pod, job)),
	);
	const isOver = (index: number) => hasIndex(succeededIndexes, index) || hasIndex(failedIndexes, index);
	return { countedIndexes, succeededIndexes, failedIndexes, toBeReplaced: lastFailures(observed, active, isOver) };
}

/** Whether this pod's failure is the last one that its index is allowed. */
function hasIndexFailed(pod: Pod, job: Job): boolean {
	if (!isPodFailed(pod, job)) return false;
	const { action, counts } = judgeFailure(job.spec?.podFailurePolicy, pod);
	return action === "FailIndex" || (counts && indexFailuresBefore(pod).counted >= (job.spec?.backoffLimitPerIndex ?? 0));
}

/** The pods that wait to be replaced, by index: where several failed, the one that knows of most failures. */
function lastFailures(observed: ObservedJob, active: readonly Pod[], isOver: (index: number) => boolean): ReadonlyMap<number, Pod> {
	const { job } = observed;
	const running = new Set(active.map(completionIndexOf));
	const last = new Map<number, Pod>();
	for (const pod of uncountedPods(observed, [], (candidate) => isPodFailed(candidate, job))) {
		const index = validIndexOf(pod, job) ?? 0;
		if (running.has(index) || isOver(index)) continue;
		const known = last.get(index);
		if (known === undefined || (failuresOf(known) <= failuresOf(pod) && finishedAtMs(known) <= finishedAtMs(pod))) last.set(index, pod);
	}
	return last;
}

function failuresOf(pod: Pod): number {
	const { counted, ignored } = indexFailuresBefore(pod);
	return counted + ignored;
}

interface Counts extends Indexes {
	readonly failed: number;
	readonly deadlineInMs: number | undefined;
}

/** The first reason to end the Job, in this order; an ending that is in the status already holds. */
function decideEnding({ job, pods }: ObservedJob, counts: Counts): Ending | undefined {
	const { spec } = job;
	const decided = decidedEnding(job);
	if (decided !== undefined) return decided;
	const failJob = failJobMessage(job, pods);
	if (failJob !== undefined) return failedByPolicy(failJob);
	if (counts.failed > (spec?.backoffLimit ?? 0) || restartedTooOften(job, pods)) return backoffLimitExceeded;
	if (counts.deadlineInMs === 0) return deadlineExceeded;
	return isIndexed(job) ? decideByIndexes(job, counts) : undefined;
}

function decideByIndexes({ spec }: Job, { failedIndexes = [], succeededIndexes }: Counts): Ending | undefined {
	const failed = countIndexes(failedIndexes);
	const completions = spec?.completions ?? 0;
	if (spec?.maxFailedIndexes !== undefined && failed > spec.maxFailedIndexes) return maxFailedIndexesExceeded;
	if (failed > 0 && failed + countIndexes(succeededIndexes) >= completions) return someIndexesFailed;
	const message = matchSuccessPolicy(spec?.successPolicy, completions, succeededIndexes);
	return message === undefined ? undefined : succeededByPolicy(message);
}

function failJobMessage(job: Job, pods: readonly Pod[]): string | undefined {
	const policy = job.spec?.podFailurePolicy;
	if (policy === undefined) return undefined;
	for (const pod of pods) {
		const message = isPodFailed(pod, job) ? judgeFailure(policy, pod).message : undefined;
		if (message !== undefined) return message;
	}
	return undefined;
}

/** With restartPolicy OnFailure it is containers that fail, in pods that go on. */
function restartedTooOften({ spec }: Job, pods: readonly Pod[]): boolean {
	if (spec?.template.spec?.restartPolicy !== "OnFailure") return false;
	const limit = spec.backoffLimit ?? 0;
	const restarts = pods
		.filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending")
		.flatMap(({ status }) => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])])
		.reduce((sum, { restartCount }) => sum + restartCount, 0);
	return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** A Job that is suspended has no deadline; one that is resumed has all its time again. */
function deadlineInMsOf({ job, nowMs }: ObservedJob): number | undefined {
	const seconds = job.spec?.activeDeadlineSeconds;
	if (seconds === undefined || isSuspended(job)) return undefined;
	const startMs = job.status?.startTime === undefined ? nowMs : parseTime(job.status.startTime);
	return Math.max(0, startMs + seconds * 1000 - nowMs);
}
