/**
 * The taints that the state of a node calls for. Pure.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/#taint-nodes-by-condition
 */
import type { Node, Taint } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { ReadyStatus } from "./node-health.ts";

const notReadyTaint = "node.kubernetes.io/not-ready";
const unreachableTaint = "node.kubernetes.io/unreachable";
const unschedulableTaint = "node.kubernetes.io/unschedulable";

/** Condition, its bad status, and the taint for it. */
const conditionTaints: readonly (readonly [type: string, status: string, key: string])[] = [
	["Ready", "False", notReadyTaint],
	["Ready", "Unknown", unreachableTaint],
	["MemoryPressure", "True", "node.kubernetes.io/memory-pressure"],
	["DiskPressure", "True", "node.kubernetes.io/disk-pressure"],
	["NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"],
	["PIDPressure", "True", "node.kubernetes.io/pid-pressure"],
];

const managedKeys: ReadonlySet<string> = new Set([...conditionTaints.map(([, , key]) => key), unschedulableTaint]);

/** The node's taints with the NoSchedule ones as its conditions and spec.unschedulable call for; undefined: they are so already. */
export function planNoScheduleTaints(node: Node, nowMs: number): readonly Taint[] | undefined {
	const conditions = node.status?.conditions ?? [];
	const wanted = conditionTaints
		.filter(([type, status]) => conditions.some((condition) => condition.type === type && condition.status === status))
		.map(([, , key]) => key);
	if (node.spec?.unschedulable === true) wanted.push(unschedulableTaint);
	return replaceTaints(node, "NoSchedule", managedKeys, wanted, nowMs);
}

/** The node's taints with the NoExecute one that evicts pods from a node of this state; undefined: they are so already. */
export function planNoExecuteTaints(node: Node, ready: ReadyStatus, nowMs: number): readonly Taint[] | undefined {
	const wanted = { True: [], False: [notReadyTaint], Unknown: [unreachableTaint] }[ready];
	return replaceTaints(node, "NoExecute", new Set([notReadyTaint, unreachableTaint]), wanted, nowMs);
}

/** Whether the node evicts pods for being not ready or unreachable. */
export function hasNoExecuteTaint({ spec }: Node): boolean {
	return (spec?.taints ?? []).some(({ key, effect }) => effect === "NoExecute" && (key === notReadyTaint || key === unreachableTaint));
}

function replaceTaints(
	{ spec }: Node,
	effect: string,
	managed: ReadonlySet<string>,
	wanted: readonly string[],
	nowMs: number,
): readonly Taint[] | undefined {
	const taints = spec?.taints ?? [];
	const isManaged = (taint: Taint) => taint.effect === effect && managed.has(taint.key);
	const kept = taints.filter((taint) => !isManaged(taint) || wanted.includes(taint.key));
	const missing = wanted.filter((key) => !taints.some((taint) => taint.key === key && taint.effect === effect));
	if (missing.length === 0 && kept.length === taints.length) return undefined;
	return [...kept, ...missing.map((key) => ({ key, effect, timeAdded: formatTime(nowMs) }))];
}
