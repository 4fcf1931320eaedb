/**
 * NodeName: a pod that names its node fits nowhere else.
 */
import { ActionType } from "../framework/cluster-event.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { skip, unresolvable } from "../framework/status.ts";

const name = "NodeName";
const mismatch = unresolvable(name, "node(s) didn't match the requested node name");

export const nodeName: PreFilterPlugin & FilterPlugin = {
	name,
	preFilter: (_state, { pod }) => (pod.spec?.nodeName ? undefined : skip),
	filter: (_state, { pod }, node) => (pod.spec?.nodeName === node.name ? undefined : mismatch),
	signPod: ({ pod }) => pod.spec?.nodeName,
	eventsToRegister: () => [{ resource: "Node", action: ActionType.add }],
};
