/**
 * NodePorts: two pods cannot have the same host port on one node.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { hostPortsConflict, hostPortsOf } from "../framework/host-ports.ts";
import type { FilterPlugin, PreFilterPlugin } from "../framework/plugin.ts";
import { skip, unschedulable } from "../framework/status.ts";

const name = "NodePorts";
const taken = unschedulable(name, "node(s) didn't have free ports for the requested pod ports");

export const nodePorts: PreFilterPlugin & FilterPlugin = {
	name,
	preFilter: (_state, { hostPorts }) => (hostPorts.length === 0 ? skip : undefined),
	filter: (_state, { hostPorts }, node) => (node.portsConflict(hostPorts) ? taken : undefined),
	signPod: ({ hostPorts }) => hostPorts,
	eventsToRegister: () => [
		{
			resource: "AssignedPod",
			action: ActionType.delete,
			hint: (pod, deleted: Pod | undefined) =>
				deleted !== undefined && hostPortsConflict(hostPortsOf(pod), hostPortsOf(deleted)) ? "Queue" : "Skip",
		},
		{ resource: "Node", action: ActionType.add },
	],
};
