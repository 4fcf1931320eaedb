/**
 * What is to be done for a Job now: pods to create or to delete. Pure.
 * Source: manageJob in pkg/controller/job/job_controller.go.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { Assessment } from "./assessment.ts";
import { type IndexSet, indexSetOf, lowestFree, union } from "./index-set.ts";
import { completionIndexOf, isIndexed, isSuspended, replacesOnlyFailed } from "./job-pods.ts";
import { backoffLeftMs, indexBackoffLeftMs } from "./pod-backoff.ts";
import { surplusPods } from "./surplus.ts";

/** Most pods created or deleted in one sync. */
const maxPodsPerSync = 500;

export type Work =
	| { readonly type: "nothing" }
	/** Failed pods are not replaced before this time is over. */
	| { readonly type: "wait"; readonly delayMs: number }
	/** One pod for each entry: its completion index, or undefined in a Job without indexes. */
	| { readonly type: "create"; readonly indexes: readonly (number | undefined)[] }
	/** Too many: these go uncounted. */
	| { readonly type: "delete"; readonly pods: readonly Pod[] };

/** Deletions come first: a sync never does both. */
export function planWork(assessment: Assessment): Work {
	const { job, active, terminating } = assessment;
	const wanted = isSuspended(job) ? 0 : wantedActive(assessment);
	const surplus = surplusPods(job, active, Math.max(0, active.length - wanted));
	// A suspended Job stops at once, however many pods it has.
	if (surplus.length > 0) return { type: "delete", pods: isSuspended(job) ? surplus : surplus.slice(0, maxPodsPerSync) };
	const missing = wanted - active.length - (replacesOnlyFailed(job) ? terminating.length : 0);
	return missing > 0 ? planCreation(assessment, Math.min(missing, maxPodsPerSync)) : { type: "nothing" };
}

/** How many pods should run: no more than there are completions left. */
function wantedActive({ job, active, succeeded }: Assessment): number {
	const { parallelism = 1, completions } = job.spec ?? {};
	if (completions !== undefined) return Math.max(0, Math.min(parallelism, completions - succeeded));
	// A work queue: after the first success nobody new is needed, and whoever runs may finish.
	return succeeded > 0 ? active.length : parallelism;
}

function planCreation(assessment: Assessment, count: number): Work {
	const { job, nextBackoff, nowMs, toBeReplaced } = assessment;
	if (job.spec?.backoffLimitPerIndex === undefined || !isIndexed(job)) {
		const delayMs = backoffLeftMs(nextBackoff, nowMs);
		if (delayMs > 0) return { type: "wait", delayMs };
		const indexes = isIndexed(job) ? freeIndexes(assessment, count) : Array.from({ length: count }, () => undefined);
		return indexes.length === 0 ? { type: "nothing" } : { type: "create", indexes };
	}
	const waits = freeIndexes(assessment, count).map((index) => ({ index, delayMs: indexBackoffLeftMs(toBeReplaced.get(index), nowMs) }));
	const now = waits.filter(({ delayMs }) => delayMs === 0);
	if (now.length > 0) return { type: "create", indexes: now.map(({ index }) => index) };
	return waits.length === 0 ? { type: "nothing" } : { type: "wait", delayMs: Math.min(...waits.map(({ delayMs }) => delayMs)) };
}

/** The lowest indexes that have neither ended nor a pod. */
function freeIndexes({ job, active, terminating, succeededIndexes, failedIndexes = [] }: Assessment, count: number): readonly number[] {
	const busy = replacesOnlyFailed(job) ? [...active, ...terminating] : active;
	const taken: IndexSet = union(union(succeededIndexes, failedIndexes), indexSetOf(busy.map(completionIndexOf).filter(isNumber)));
	return lowestFree(taken, count, job.spec?.completions ?? 0);
}

const isNumber = (index: number | undefined): index is number => index !== undefined;
