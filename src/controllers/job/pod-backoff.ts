/**
 * How long a Job waits before it replaces a failed pod: 10 s after the first failure, twice as long after each further
 * one, 10 minutes at most (the documentation speaks of six; the controller waits ten). A success starts it anew. Pure.
 * Source: pkg/controller/job/backoff_utils.go and
 * https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-backoff-failure-policy
 */
import type { ContainerStatus, Pod } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { findCondition } from "../conditions.ts";
import { indexFailuresBefore } from "./job-pods.ts";

const firstDelayMs = 10_000;
const maxDelayMs = 600_000;

/** What a Job's back-off depends on. It is kept in memory: a controller that starts anew begins with the first delay. */
export interface PodBackoff {
	/** >= 0 */
	readonly failuresSinceSuccess: number;
	/** Unix ms; undefined while there are no failures. */
	readonly lastFailureMs: number | undefined;
}

export const noBackoff: PodBackoff = { failuresSinceSuccess: 0, lastFailureMs: undefined };

/** The back-off after these pods ended, each of which is new. */
export function nextBackoff(before: PodBackoff, succeeded: readonly Pod[], failed: readonly Pod[]): PodBackoff {
	const failures = failed.map(finishedAtMs);
	if (succeeded.length === 0) {
		if (failures.length === 0) return before;
		return { failuresSinceSuccess: before.failuresSinceSuccess + failures.length, lastFailureMs: Math.max(...failures) };
	}
	const lastSuccessMs = Math.max(...succeeded.map(finishedAtMs));
	const later = failures.filter((timeMs) => timeMs > lastSuccessMs);
	return later.length === 0 ? noBackoff : { failuresSinceSuccess: later.length, lastFailureMs: Math.max(...later) };
}

/** How long to wait yet, ms; 0: not at all. */
export function backoffLeftMs({ failuresSinceSuccess, lastFailureMs = 0 }: PodBackoff, nowMs: number): number {
	if (failuresSinceSuccess === 0) return 0;
	const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** (failuresSinceSuccess - 1));
	return Math.max(0, delayMs - (nowMs - lastFailureMs));
}

/** The same for one index with a limit of its own. @param lastFailed the pod that is to be replaced, if there was one. */
export function indexBackoffLeftMs(lastFailed: Pod | undefined, nowMs: number): number {
	if (lastFailed === undefined) return 0;
	const { counted, ignored } = indexFailuresBefore(lastFailed);
	return backoffLeftMs({ failuresSinceSuccess: counted + ignored + 1, lastFailureMs: finishedAtMs(lastFailed) }, nowMs);
}

/**
 * When the pod ended, Unix ms: when its last container did; else since when it has not been ready; else when its
 * deletion was asked for; else when it was created.
 */
export function finishedAtMs(pod: Pod): number {
	const { metadata = {}, status } = pod;
	const containersMs = containersFinishedMs(pod);
	if (containersMs !== undefined) return containersMs;
	const ready = findCondition(status?.conditions, "Ready");
	if (ready?.status === "False" && ready.lastTransitionTime !== undefined) return parseTime(ready.lastTransitionTime);
	if (metadata.deletionTimestamp !== undefined) {
		return parseTime(metadata.deletionTimestamp) - (metadata.deletionGracePeriodSeconds ?? 0) * 1000;
	}
	return metadata.creationTimestamp === undefined ? 0 : parseTime(metadata.creationTimestamp);
}

/** Sidecars end after the main containers and count; other init containers do not. Undefined if one has not ended. */
function containersFinishedMs({ spec, status }: Pod): number | undefined {
	const sidecars = new Set(spec?.initContainers?.filter(({ restartPolicy }) => restartPolicy === "Always").map(({ name }) => name));
	const statuses: readonly ContainerStatus[] = [
		...(status?.containerStatuses ?? []),
		...(status?.initContainerStatuses ?? []).filter(({ name }) => sidecars.has(name)),
	];
	const times = statuses.map(({ state }) => state?.terminated?.finishedAt).filter((time) => time !== undefined);
	return statuses.length === 0 || times.length < statuses.length ? undefined : Math.max(...times.map(parseTime));
}
