/**
 * Topology spread constraints made ready to count with: a pod's own, or the system's defaults for pods that belong to
 * a Service or a controller.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
import type { LabelSelector, TopologySpreadConstraint } from "../../apimachinery/schema/generated/types.ts";
import type { LabelMatcher } from "../framework/affinity-terms.ts";
import { matcherOf } from "../framework/affinity-terms.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { NodePredicate } from "./node-selector.ts";
import { findUntolerated } from "./tolerations.ts";

export type WhenUnsatisfiable = "DoNotSchedule" | "ScheduleAnyway";

export interface SpreadConstraint {
	readonly topologyKey: string;
	/** >= 1. */
	readonly maxSkew: number;
	/** >= 1. */
	readonly minDomains: number;
	readonly selector: LabelMatcher;
	/** Whether nodes that the pod's node affinity rules out count as domains (not, if honoured). */
	readonly honorsAffinity: boolean;
	/** The same for taints that the pod does not tolerate. */
	readonly honorsTaints: boolean;
}

/** The selectors of all that a pod belongs to, for the default constraints: Services, and the controller that owns it. */
export type OwnSelectors = (pod: PodInfo) => readonly LabelSelector[];

/** What kube-scheduler applies to pods without constraints of their own (PodTopologySpreadArgs.defaultingType: System). */
const systemDefaults = [
	{ topologyKey: "kubernetes.io/hostname", maxSkew: 3 },
	{ topologyKey: "topology.kubernetes.io/zone", maxSkew: 5 },
];

export function ownConstraints(pod: PodInfo, when: WhenUnsatisfiable): readonly SpreadConstraint[] {
	return (pod.pod.spec?.topologySpreadConstraints ?? [])
		.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
		.map((constraint) => ({
			topologyKey: constraint.topologyKey,
			maxSkew: constraint.maxSkew,
			minDomains: constraint.minDomains ?? 1,
			selector: matcherOf(selectorWithKeys(constraint, pod)),
			honorsAffinity: (constraint.nodeAffinityPolicy ?? "Honor") === "Honor",
			honorsTaints: constraint.nodeTaintsPolicy === "Honor",
		}));
}

/** matchLabelKeys: the pod's own values of these labels are required too. */
function selectorWithKeys(
	{ labelSelector, matchLabelKeys = [] }: TopologySpreadConstraint,
	{ labels }: PodInfo,
): LabelSelector | undefined {
	const required = matchLabelKeys.flatMap((key) => (labels[key] === undefined ? [] : { key, operator: "In", values: [labels[key]] }));
	if (labelSelector === undefined || required.length === 0) return labelSelector;
	return { ...labelSelector, matchExpressions: [...(labelSelector.matchExpressions ?? []), ...required] };
}

/** None for a pod that belongs to nothing: there would be nobody to spread it from. */
export function defaultConstraints(pod: PodInfo, ownSelectors: OwnSelectors): readonly SpreadConstraint[] {
	const selectors = ownSelectors(pod).map(matcherOf);
	if (selectors.length === 0) return [];
	const selector: LabelMatcher = { matches: (labels) => selectors.every((each) => each.matches(labels)) };
	return systemDefaults.map(({ topologyKey, maxSkew }) => ({
		topologyKey,
		maxSkew,
		minDomains: 1,
		selector,
		honorsAffinity: true,
		honorsTaints: false,
	}));
}

/** Whether a node counts as part of a domain for this constraint. */
export function isIncluded(constraint: SpreadConstraint, pod: PodInfo, node: NodeInfo, required: NodePredicate | undefined): boolean {
	if (constraint.honorsAffinity && required !== undefined && !required(node)) return false;
	return !constraint.honorsTaints || findUntolerated(node.blockingTaints, pod.pod.spec?.tolerations) === undefined;
}

/** Pods of the namespace on the node that the constraint speaks of; those on their way out do not count. */
export function countMatching({ selector }: SpreadConstraint, namespace: string, pods: readonly PodInfo[]): number {
	let count = 0;
	for (const pod of pods) if (isCounted(pod, namespace) && selector.matches(pod.labels)) count++;
	return count;
}

export function isCounted({ pod, namespace }: PodInfo, wanted: string): boolean {
	return namespace === wanted && pod.metadata?.deletionTimestamp === undefined;
}
