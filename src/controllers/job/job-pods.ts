/**
 * Questions that the Job controller asks about Jobs and their pods. Pure.
 * Source: pkg/controller/job (job_controller.go, indexed_job_utils.go) and
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/
 */
import type { Job, Pod } from "../../apimachinery/schema/generated/types.ts";
import { isBeingDeleted, isPodTerminal } from "../pod-state.ts";

/** A pod keeps this until its Job has counted it: https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-tracking-with-finalizers */
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";
/** Label and annotation. */
export const completionIndexKey = "batch.kubernetes.io/job-completion-index";
/** How many pods of its index failed before this one, and count. */
export const indexFailuresAnnotation = "batch.kubernetes.io/job-index-failure-count";
/** How many failed that the pod failure policy ignores. */
export const indexIgnoredFailuresAnnotation = "batch.kubernetes.io/job-index-ignored-failure-count";
/** Who manages Jobs that do not say. */
const ownManager = "kubernetes.io/job-controller";

const maxInt32 = 2 ** 31 - 1;

export function isIndexed({ spec }: Job): boolean {
	return spec?.completionMode === "Indexed";
}

export function isSuspended({ spec }: Job): boolean {
	return spec?.suspend === true;
}

/** Another controller looks after this Job: https://kubernetes.io/docs/concepts/workloads/controllers/job/#delegation-of-managing-a-job-object-to-external-controller */
export function isManagedElsewhere({ spec }: Job): boolean {
	return spec?.managedBy !== undefined && spec.managedBy !== ownManager;
}

/** The type of the condition that ended the Job, if it has ended. */
export function finishedAs({ status }: Job): "Complete" | "Failed" | undefined {
	const ended = status?.conditions?.find(({ type, status: is }) => (type === "Complete" || type === "Failed") && is === "True");
	return ended === undefined ? undefined : (ended.type as "Complete" | "Failed");
}

/** A pod is replaced when it has failed, not as soon as it is being deleted. */
export function replacesOnlyFailed({ spec }: Job): boolean {
	return spec?.podReplacementPolicy === "Failed" || spec?.podFailurePolicy !== undefined;
}

/** Whether the pod counts as failed: with the usual replacement policy, one that is being deleted does, too. */
export function isPodFailed(pod: Pod, job: Job): boolean {
	if (pod.status?.phase === "Failed") return true;
	return !replacesOnlyFailed(job) && isBeingDeleted(pod) && !isPodTerminal(pod);
}

export function isTracked({ metadata }: Pod): boolean {
	return metadata?.finalizers?.includes(trackingFinalizer) ?? false;
}

/** The pod's completion index; undefined if it has none that can be read. */
export function completionIndexOf({ metadata }: Pod): number | undefined {
	const text = metadata?.annotations?.[completionIndexKey];
	return text !== undefined && /^\+?\d+$/.test(text) ? Number(text) : undefined;
}

/** The pod's completion index if the Job has such an index. */
export function validIndexOf(pod: Pod, { spec }: Job): number | undefined {
	const index = completionIndexOf(pod);
	return index !== undefined && index < (spec?.completions ?? 0) ? index : undefined;
}

export interface IndexFailures {
	readonly counted: number;
	readonly ignored: number;
}

/** How often the pod's index had failed when the pod was made. */
export function indexFailuresBefore({ metadata }: Pod): IndexFailures {
	const read = (name: string) => {
		const text = metadata?.annotations?.[name] ?? "";
		return /^\+?\d+$/.test(text) && Number(text) <= maxInt32 ? Number(text) : 0;
	};
	return { counted: read(indexFailuresAnnotation), ignored: read(indexIgnoredFailuresAnnotation) };
}
