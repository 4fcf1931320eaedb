/**
 * Which active pods of a Job are too many. Pure.
 * Source: activePodsForRemoval in pkg/controller/job/job_controller.go, ActivePods in pkg/controller/controller_utils.go.
 */
import type { Job, Pod } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { podReadySince } from "../pod-state.ts";
import { isIndexed, validIndexOf } from "./job-pods.ts";

/**
 * At least `count` pods to delete, those in the earliest stages first; of an Indexed Job also those without an index of
 * the Job, and all but one of those that share one.
 */
export function surplusPods(job: Job, active: readonly Pod[], count: number): readonly Pod[] {
	if (!isIndexed(job)) return earliest(active, count);
	const misplaced: Pod[] = [];
	const rest: Pod[] = [];
	for (const [index, sharing] of Map.groupBy(active, (pod) => validIndexOf(pod, job))) {
		const keep = index === undefined ? 0 : 1;
		const sorted = earliest(sharing, sharing.length);
		misplaced.push(...sorted.slice(0, sharing.length - keep));
		rest.push(...sorted.slice(sharing.length - keep));
	}
	return [...misplaced, ...earliest(rest, count - misplaced.length)];
}

/** The `count` pods that have come least far. */
function earliest(pods: readonly Pod[], count: number): readonly Pod[] {
	return count <= 0 ? [] : [...pods].sort(compareStages).slice(0, count);
}

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** Below 0: `a` has come less far. Where both have come equally far, the one for a shorter time. */
function compareStages(a: Pod, b: Pod): number {
	const readyA = podReadySince(a);
	const readyB = podReadySince(b);
	return (
		Number(isAssigned(a)) - Number(isAssigned(b)) ||
		phaseOf(a) - phaseOf(b) ||
		Number(readyA !== undefined) - Number(readyB !== undefined) ||
		(readyB ?? 0) - (readyA ?? 0) ||
		restartsOf(b) - restartsOf(a) ||
		createdMs(b) - createdMs(a)
	);
}

const isAssigned = ({ spec }: Pod): boolean => (spec?.nodeName ?? "") !== "";
const phaseOf = ({ status }: Pod): number => phaseOrder[status?.phase ?? "Pending"] ?? 0;
const restartsOf = ({ status }: Pod): number => Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount));
const createdMs = ({ metadata }: Pod): number => (metadata?.creationTimestamp === undefined ? 0 : parseTime(metadata.creationTimestamp));
