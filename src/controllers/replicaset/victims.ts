/**
 * Which pods go when a ReplicaSet shrinks: those that would be missed least. Pure.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#scaling-a-replicaset and
 * pkg/controller/controller_utils.go (ActivePodsWithRanks), with LogarithmicScaleDown, which is on by default.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { podReadySince } from "../pod-state.ts";

/** https://kubernetes.io/docs/concepts/workloads/controllers/replicaset/#pod-deletion-cost */
const deletionCostAnnotation = "controller.kubernetes.io/pod-deletion-cost";

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

/** A pod with what it is compared by, worked out once. */
interface Candidate {
	readonly pod: Pod;
	readonly assigned: boolean;
	readonly phase: number;
	readonly readySinceMs: number | undefined;
	readonly deletionCost: number;
	/** How many active pods of the same application share its node. */
	readonly companions: number;
	readonly restarts: number;
	readonly createdMs: number | undefined;
}

/**
 * The `count` pods to delete, most dispensable first.
 * @param related active pods of the same application (all ReplicaSets of the Deployment), `pods` included: where many
 * share a node, one can go.
 */
export function chooseVictims(pods: readonly Pod[], related: readonly Pod[], count: number, nowMs: number): readonly Pod[] {
	if (count >= pods.length) return pods;
	const perNode = new Map<string, number>();
	for (const { spec } of related) {
		const node = spec?.nodeName ?? "";
		if (node !== "") perNode.set(node, (perNode.get(node) ?? 0) + 1);
	}
	return pods
		.map((pod) => candidateOf(pod, perNode))
		.sort((a, b) => compare(a, b, nowMs))
		.slice(0, count)
		.map(({ pod }) => pod);
}

function candidateOf(pod: Pod, perNode: ReadonlyMap<string, number>): Candidate {
	const { metadata, spec, status } = pod;
	const node = spec?.nodeName ?? "";
	const created = metadata?.creationTimestamp;
	return {
		pod,
		assigned: node !== "",
		phase: phaseOrder[status?.phase ?? "Pending"] ?? 0,
		readySinceMs: podReadySince(pod),
		deletionCost: deletionCostOf(metadata?.annotations?.[deletionCostAnnotation]),
		companions: perNode.get(node) ?? 0,
		restarts: Math.max(0, ...(status?.containerStatuses ?? []).map(({ restartCount }) => restartCount)),
		createdMs: created === undefined ? undefined : parseTime(created),
	};
}

/** A cost that is no 32-bit integer counts as 0. */
function deletionCostOf(text: string | undefined): number {
	if (text === undefined || !/^(0|-?[1-9]\d*)$/.test(text)) return 0;
	const cost = Number(text);
	return Math.abs(cost) <= 2 ** 31 - 1 ? cost : 0;
}

/** Below 0: `a` goes first. */
function compare(a: Candidate, b: Candidate, nowMs: number): number {
	const readyA = a.readySinceMs !== undefined;
	const readyB = b.readySinceMs !== undefined;
	return (
		Number(a.assigned) - Number(b.assigned) ||
		a.phase - b.phase ||
		Number(readyA) - Number(readyB) ||
		a.deletionCost - b.deletionCost ||
		b.companions - a.companions ||
		(readyA && readyB ? compareAges(a, b, a.readySinceMs, b.readySinceMs, nowMs) : 0) ||
		b.restarts - a.restarts ||
		compareAges(a, b, a.createdMs, b.createdMs, nowMs)
	);
}

/**
 * The younger goes first, but ages of the same order of magnitude count as equal and the uid decides, so that it is
 * not always the newest pods, which often share a failure domain, that go.
 */
function compareAges(a: Candidate, b: Candidate, timeA: number | undefined, timeB: number | undefined, nowMs: number): number {
	if (timeA === timeB) return 0;
	// A time that is not known counts as the latest.
	if (timeA === undefined) return -1;
	if (timeB === undefined) return 1;
	const difference = magnitudeOf(nowMs - timeA) - magnitudeOf(nowMs - timeB);
	if (difference !== 0) return difference;
	return (a.pod.metadata?.uid ?? "") < (b.pod.metadata?.uid ?? "") ? -1 : 1;
}

/** log2 of an age in nanoseconds, rounded down; -1 for none. */
function magnitudeOf(ageMs: number): number {
	return ageMs > 0 ? Math.floor(Math.log2(ageMs * 1e6)) : -1;
}
