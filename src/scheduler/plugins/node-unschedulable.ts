/**
 * NodeUnschedulable: keeps pods off cordoned nodes (spec.unschedulable), except those that tolerate the taint which the
 * node lifecycle controller puts on such nodes.
 */
import type { Node, Pod, Taint } from "../../apimachinery/schema/generated/types.ts";
import { findUntolerated } from "../../apimachinery/tolerations.ts";
import { ActionType } from "../framework/cluster-event.ts";
import type { FilterPlugin } from "../framework/plugin.ts";
import { unresolvable } from "../framework/status.ts";

const name = "NodeUnschedulable";
const unschedulableNode = unresolvable(name, "node(s) were unschedulable");
const cordonTaints: readonly Taint[] = [{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }];

export const nodeUnschedulable: FilterPlugin = {
	name,
	filter: (_state, { pod }, { isUnschedulable }) => (isUnschedulable && !toleratesCordon(pod) ? unschedulableNode : undefined),
	signPod: ({ pod }) => pod.spec?.tolerations,
	eventsToRegister: () => [
		{
			resource: "Node",
			action: ActionType.add | ActionType.updateNodeTaint,
			hint: (pod, old, node) => {
				const opens = node !== undefined && !keepsOff(node, pod) && (old === undefined || keepsOff(old, pod));
				return opens ? "Queue" : "Skip";
			},
		},
		{
			resource: "TargetPod",
			action: ActionType.updatePodToleration,
			hint: (_pod, _old, changed: Pod | undefined) => (changed !== undefined && toleratesCordon(changed) ? "Queue" : "Skip"),
		},
	],
};

function keepsOff({ spec }: Node, pod: Pod): boolean {
	return spec?.unschedulable === true && !toleratesCordon(pod);
}

function toleratesCordon({ spec }: Pod): boolean {
	return findUntolerated(cordonTaints, spec?.tolerations) === undefined;
}
