/**
 * NodeAffinity: a pod's nodeSelector and required node affinity must match the node; matches of preferred node
 * affinity add up. A pod that names its nodes by field (as DaemonSet pods do) is tried on those only.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/
 */

import {
	type NodePredicate,
	preferenceOf,
	requiredNodePredicate,
	type SelectableNode,
	selectableNode,
} from "../../apimachinery/node-selector.ts";
import type { Node, NodeAffinity, NodeSelectorTerm, Pod } from "../../apimachinery/schema/generated/types.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { stateKey } from "../framework/cycle-state.ts";
import { normalizeToMax } from "../framework/normalize-score.ts";
import type { FilterPlugin, PreFilterPlugin, PreScorePlugin, ScorePlugin } from "../framework/plugin.ts";
import { skip, unresolvable } from "../framework/status.ts";

const name = "NodeAffinity";
const mismatch = unresolvable(name, "node(s) didn't match Pod's node affinity/selector");
const enforcedMismatch = unresolvable(name, "node(s) didn't match scheduler-enforced node affinity");
const conflict = unresolvable(name, "pod affinity terms conflict");
const any: NodePredicate = () => true;
const required = stateKey<NodePredicate>(`PreFilter${name}`);
const preferred = stateKey<(node: SelectableNode) => number>(`PreScore${name}`);

/** @param added NodeAffinityArgs.addedAffinity: what the profile asks of nodes for all its pods, besides their own. */
export function createNodeAffinity(added: NodeAffinity = {}): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin {
	const enforced = requiredNodePredicate({ spec: { containers: [], affinity: { nodeAffinity: added } } });
	const addedPreference = preferenceOf(added.preferredDuringSchedulingIgnoredDuringExecution);
	const admits = (node: Node, pod: Pod): boolean => {
		const selectable = selectableNode(node);
		return (enforced?.(selectable) ?? true) && (requiredNodePredicate(pod)?.(selectable) ?? true);
	};
	return {
		name,
		preFilter(state, { pod }) {
			const predicate = requiredNodePredicate(pod);
			if (predicate === undefined && enforced === undefined) return skip;
			state.write(required, predicate ?? any);
			const nodeNames = namedNodes(pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms);
			if (nodeNames === undefined) return undefined;
			return nodeNames.size === 0 ? conflict : { nodeNames };
		},
		filter(state, _pod, node) {
			if (enforced !== undefined && !enforced(node)) return enforcedMismatch;
			return state.read(required)(node) ? undefined : mismatch;
		},
		preScore(state, { pod }) {
			const preference = preferenceOf(pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution);
			if (preference === undefined && addedPreference === undefined) return skip;
			state.write(preferred, (node) => (preference?.(node) ?? 0) + (addedPreference?.(node) ?? 0));
			return undefined;
		},
		score: (state, _pod, node) => state.read(preferred)(node),
		normalizeScore: (_state, _pod, scores) => normalizeToMax(scores, false),
		signPod: ({ pod: { spec } }) => [spec?.nodeSelector, spec?.affinity?.nodeAffinity],
		eventsToRegister: () => [
			{
				resource: "Node",
				action: ActionType.add | ActionType.updateNodeLabel,
				hint: (pod, old, node) => {
					const opens = node !== undefined && admits(node, pod) && (old === undefined || !admits(old, pod));
					return opens ? "Queue" : "Skip";
				},
			},
		],
	};
}

export const nodeAffinity = createNodeAffinity();

/** The nodes that the terms name by metadata.name, if every term does. */
function namedNodes(terms: readonly NodeSelectorTerm[] | undefined): ReadonlySet<string> | undefined {
	if (terms === undefined || terms.length === 0) return undefined;
	const names = new Set<string>();
	for (const { matchFields = [] } of terms) {
		let ofTerm: ReadonlySet<string> | undefined;
		for (const { key, operator, values = [] } of matchFields) {
			if (key !== "metadata.name" || operator !== "In") continue;
			const named = new Set(values);
			ofTerm = ofTerm === undefined ? named : ofTerm.intersection(named);
		}
		if (ofTerm === undefined) return undefined;
		for (const nodeName of ofTerm) names.add(nodeName);
	}
	return names;
}
