/**
 * How pods that have ended get into a Job's status, each once, whatever breaks off in between. Pure; three steps, with a
 * write after each:
 *
 *   1 beginCounting    the uids of ended pods go into uncountedTerminatedPods          -> write the status
 *   2                                                                                  -> take the finalizers off these pods
 *   3 finishCounting   uids without a finalizer go into the counters; the Job may end  -> write the status
 *
 * A controller that stops after 1 finds the uids in the status and does not count these pods again; one that stops
 * after 2 finds uids whose pods have no finalizer any more, and counts them. Succeeded pods of an Indexed Job need no
 * uid: their index stands in completedIndexes, where it can only be once.
 * Source: trackJobStatusAndRemoveFinalizers in pkg/controller/job/job_controller.go, KEP-2307.
 */
import type { Job, JobStatus, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { isBeingDeleted } from "../pod-state.ts";
import type { Assessment } from "./assessment.ts";
import { type Ending, finalConditionOf, withJobCondition } from "./conditions.ts";
import { judgeFailure } from "./failure-policy.ts";
import { countIndexes, formatIndexes } from "./index-set.ts";
import { completionIndexOf, isIndexed, isPodFailed, isTracked, validIndexOf } from "./job-pods.ts";

/** Most pods that are counted in one sync, which keeps their uids in the status below 20 KB. */
const maxUncountedPods = 500;

/** What the sync did before the counting. */
export interface SyncOutcome {
	/** Pods that run now, by what was created and deleted. */
	readonly active: number;
	readonly ready: number;
	/** Pods on their way out. */
	readonly terminating: number;
	/** How the Job ends, if all that has to happen before has happened. */
	readonly ending: Ending | undefined;
	/** The status to start from: start time and conditions may have changed. */
	readonly status: JobStatus;
}

export interface Counting {
	readonly status: JobStatus;
	/** Whose finalizers are to be taken off. */
	readonly release: readonly Pod[];
	/** Uids of the pods that have a finalizer, `release` included. */
	readonly tracked: ReadonlySet<string>;
	/** There are more pods to count, in another sync. */
	readonly isCutShort: boolean;
}

export function beginCounting(assessment: Assessment, outcome: SyncOutcome): Counting {
	const { job, pods, released } = assessment;
	const counted = isIndexed(job) ? [...pods].sort((a, b) => (completionIndexOf(a) ?? -1) - (completionIndexOf(b) ?? -1)) : pods;
	const mine = counted.filter((pod) => isTracked(pod) && !released.has(pod.metadata?.uid ?? ""));
	const tracked = new Set(mine.map(({ metadata }) => metadata?.uid ?? ""));
	const settled = settleUncounted(outcome.status, tracked);
	const found = findEnded(assessment, outcome.ending, mine, settled);
	const { active: _, ...rest } = settled;
	const status = withIndexes(assessment, {
		...rest,
		...(outcome.active === 0 ? {} : { active: outcome.active }),
		ready: outcome.ready,
		terminating: outcome.terminating,
		uncountedTerminatedPods: uncounted(found.succeeded, found.failed),
	});
	return { status: withEnding(status, outcome.ending, assessment.nowMs), release: found.release, tracked, isCutShort: found.isCutShort };
}

export interface FinishedCounting {
	readonly status: JobStatus;
	/** The condition with which the Job has ended now. */
	readonly finished: ReturnType<typeof finalConditionOf> | undefined;
}

/** @param tracked the uids that still have a finalizer. */
export function finishCounting(
	{ status: before, isCutShort }: Counting,
	tracked: ReadonlySet<string>,
	{ ending, terminating }: SyncOutcome,
	{ job, nowMs }: Assessment,
): FinishedCounting {
	const status = settleUncounted(before, tracked);
	const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
	if (ending === undefined || isCutShort || succeeded.length + failed.length > 0 || terminating > 0) {
		return { status, finished: undefined };
	}
	const finished = finalConditionOf(ending);
	const conditions = withJobCondition(status.conditions ?? [], { ...finished, status: "True" }, nowMs);
	const completionTime = finished.type === "Complete" ? { completionTime: formatTime(nowMs) } : {};
	return { status: { ...status, ...startOf(job, status, nowMs), conditions, ...completionTime }, finished };
}

/** A Job may end while it is suspended, when its start time is gone; only one that has nothing to do ends without any. */
function startOf({ spec }: Job, { startTime }: JobStatus, nowMs: number): Pick<JobStatus, "startTime"> {
	return startTime !== undefined || spec?.completions === 0 ? {} : { startTime: formatTime(nowMs) };
}

/** Moves the uids of pods that have no finalizer any more into the counters. */
function settleUncounted(status: JobStatus, tracked: ReadonlySet<string>): JobStatus {
	const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
	const succeededLeft = succeeded.filter((uid) => tracked.has(uid));
	const failedLeft = failed.filter((uid) => tracked.has(uid));
	return {
		...status,
		...counter("succeeded", (status.succeeded ?? 0) + succeeded.length - succeededLeft.length),
		...counter("failed", (status.failed ?? 0) + failed.length - failedLeft.length),
		uncountedTerminatedPods: uncounted(succeededLeft, failedLeft),
	};
}

/** A counter that is 0 is not there, as on the wire. */
function counter(field: "succeeded" | "failed", value: number): JobStatus {
	return value === 0 ? {} : { [field]: value };
}

function uncounted(succeeded: readonly string[], failed: readonly string[]) {
	return { ...(succeeded.length === 0 ? {} : { succeeded }), ...(failed.length === 0 ? {} : { failed }) };
}

/** Puts the indexes into the status, which for an Indexed Job also say how many have succeeded. */
function withIndexes({ job, succeededIndexes, failedIndexes }: Assessment, status: JobStatus): JobStatus {
	if (!isIndexed(job)) return status;
	const { succeeded: _, completedIndexes: __, ...rest } = status;
	const text = formatIndexes(succeededIndexes);
	return {
		...rest,
		...counter("succeeded", countIndexes(succeededIndexes)),
		...(text === "" ? {} : { completedIndexes: text }),
		...(failedIndexes === undefined ? {} : { failedIndexes: formatIndexes(failedIndexes) }),
	};
}

function withEnding(status: JobStatus, ending: Ending | undefined, nowMs: number): JobStatus {
	if (ending === undefined) return status;
	return { ...status, conditions: withJobCondition(status.conditions ?? [], { ...ending, status: "True" }, nowMs) };
}

interface Ended {
	readonly release: readonly Pod[];
	readonly succeeded: readonly string[];
	readonly failed: readonly string[];
	readonly isCutShort: boolean;
}

function findEnded(assessment: Assessment, ending: Ending | undefined, pods: readonly Pod[], status: JobStatus): Ended {
	const { job, countedIndexes } = assessment;
	const succeeded = [...(status.uncountedTerminatedPods?.succeeded ?? [])];
	const failed = [...(status.uncountedTerminatedPods?.failed ?? [])];
	const known = { succeeded: new Set(succeeded), failed: new Set(failed) };
	const release: Pod[] = [];
	let newIndexes = 0;
	for (const pod of pods) {
		const uid = pod.metadata?.uid ?? "";
		if (!mayRelease(pod, assessment, ending)) continue;
		release.push(pod);
		if (pod.status?.phase === "Succeeded" && !known.failed.has(uid)) {
			if (isIndexed(job)) {
				const index = validIndexOf(pod, job);
				if (index !== undefined && !countedIndexes.some(({ first, last }) => first <= index && index <= last)) newIndexes++;
			} else if (!known.succeeded.has(uid)) succeeded.push(uid);
		} else if (countsAsFailed(pod, job, ending) && !known.failed.has(uid)) failed.push(uid);
		if (newIndexes + succeeded.length + failed.length >= maxUncountedPods) return { release, succeeded, failed, isCutShort: true };
	}
	return { release, succeeded, failed, isCutShort: false };
}

/** Nobody needs the pod any more: it has ended, or its Job has. */
function mayRelease(pod: Pod, { job, toBeReplaced }: Assessment, ending: Ending | undefined): boolean {
	if (isBeingDeleted(job) || ending !== undefined || pod.status?.phase === "Succeeded") return true;
	if (!isPodFailed(pod, job)) return false;
	const index = completionIndexOf(pod);
	return index === undefined || toBeReplaced.get(index)?.metadata?.uid !== pod.metadata?.uid;
}

/** In a Job that fails, pods that have not ended have failed. */
function countsAsFailed(pod: Pod, job: Job, ending: Ending | undefined): boolean {
	if (!isPodFailed(pod, job) && ending?.type !== "FailureTarget") return false;
	if (isIndexed(job) && validIndexOf(pod, job) === undefined) return false;
	return judgeFailure(job.spec?.podFailurePolicy, pod).counts;
}
