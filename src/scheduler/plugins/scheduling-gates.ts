/**
 * SchedulingGates: a pod with gates stays out of the queue until they are gone.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-scheduling-readiness/
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { ActionType } from "../framework/cluster-event.ts";
import type { PreEnqueuePlugin } from "../framework/plugin.ts";
import { unresolvable, type Verdict } from "../framework/status.ts";

const name = "SchedulingGates";

export const schedulingGates: PreEnqueuePlugin = {
	name,
	preEnqueue({ spec }: Pod): Verdict {
		const gates = spec?.schedulingGates ?? [];
		if (gates.length === 0) return undefined;
		return unresolvable(name, `waiting for scheduling gates: [${gates.map((gate) => gate.name).join(" ")}]`);
	},
	eventsToRegister: () => [
		{
			resource: "TargetPod",
			action: ActionType.updatePodSchedulingGatesEliminated,
			hint: (pod, _old, changed) => (changed?.metadata?.uid === pod.metadata?.uid ? "Queue" : "Skip"),
		},
	],
};
