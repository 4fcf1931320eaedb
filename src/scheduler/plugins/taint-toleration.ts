/**
 * TaintToleration: keeps a pod off nodes with a NoSchedule or NoExecute taint that it does not tolerate, and prefers
 * nodes with few PreferNoSchedule taints that it does not tolerate.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/
 */
import type { Node, Pod, Toleration } from "../../apimachinery/schema/generated/types.ts";
import { findUntolerated, tolerates } from "../../apimachinery/tolerations.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { stateKey } from "../framework/cycle-state.ts";
import { normalizeToMax } from "../framework/normalize-score.ts";
import type { FilterPlugin, PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import { unresolvable } from "../framework/status.ts";

const name = "TaintToleration";
const untolerated = unresolvable(name, "node(s) had untolerated taint(s)");
/** The pod's tolerations that can cover a PreferNoSchedule taint. */
const softTolerations = stateKey<readonly Toleration[]>(`PreScore${name}`);

export const taintToleration: FilterPlugin & PreScorePlugin & ScorePlugin = {
	name,
	filter: (_state, { pod }, { blockingTaints }) =>
		blockingTaints.length > 0 && findUntolerated(blockingTaints, pod.spec?.tolerations) !== undefined ? untolerated : undefined,
	preScore(state, { pod }) {
		state.write(softTolerations, pod.spec?.tolerations?.filter(({ effect }) => !effect || effect === "PreferNoSchedule") ?? []);
		return undefined;
	},
	score(state, _pod, { softTaints }) {
		if (softTaints.length === 0) return 0;
		const tolerations = state.read(softTolerations);
		return softTaints.filter((taint) => !tolerations.some((toleration) => tolerates(toleration, taint))).length;
	},
	normalizeScore: (_state, _pod, scores) => normalizeToMax(scores, true),
	signPod: ({ pod }) => pod.spec?.tolerations,
	eventsToRegister: () => [
		{
			resource: "Node",
			action: ActionType.add | ActionType.updateNodeTaint,
			hint: (pod, old, node) => {
				const opens = node !== undefined && admits(node, pod) && (old === undefined || !admits(old, pod));
				return opens ? "Queue" : "Skip";
			},
		},
		{ resource: "TargetPod", action: ActionType.updatePodToleration },
	],
};

function admits({ spec }: Node, pod: Pod): boolean {
	const blocking = spec?.taints?.filter(({ effect }) => effect === "NoSchedule" || effect === "NoExecute") ?? [];
	return findUntolerated(blocking, pod.spec?.tolerations) === undefined;
}
