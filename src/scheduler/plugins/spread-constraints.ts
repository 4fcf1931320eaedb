/**
 * Topology spread constraints made ready to count with: a pod's own, or the system's defaults for pods that belong to
 * a Service or a controller.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */

import type { NodePredicate } from "../../apimachinery/node-selector.ts";
import type { LabelSelector, TopologySpreadConstraint } from "../../apimachinery/schema/generated/types.ts";
import { findUntolerated } from "../../apimachinery/tolerations.ts";
import { type LabelMatcher, matcherOf } from "../framework/affinity-terms.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Inclusion } from "./pod-tallies.ts";

export type WhenUnsatisfiable = "DoNotSchedule" | "ScheduleAnyway";

export interface SpreadConstraint {
	readonly topologyKey: string;
	/** >= 1. */
	readonly maxSkew: number;
	/** >= 1. */
	readonly minDomains: number;
	readonly selector: LabelMatcher;
	/** Equal for equal selectors. */
	readonly selectorKey: string;
	/** Whether nodes that the pod's node affinity rules out count as domains (not, if honoured). */
	readonly honorsAffinity: boolean;
	/** The same for taints that the pod does not tolerate. */
	readonly honorsTaints: boolean;
}

/** The selectors of all that a pod belongs to, for the default constraints: Services, and the controller that owns it. */
export type OwnSelectors = (pod: PodInfo) => readonly LabelSelector[];

/** A constraint for pods that have none of their own; its selector is that of all that the pod belongs to. */
export type DefaultConstraint = Pick<TopologySpreadConstraint, "topologyKey" | "maxSkew" | "whenUnsatisfiable">;

/** What kube-scheduler applies by itself (PodTopologySpreadArgs.defaultingType: System). */
export const systemDefaults: readonly DefaultConstraint[] = [
	{ topologyKey: "kubernetes.io/hostname", maxSkew: 3, whenUnsatisfiable: "ScheduleAnyway" },
	{ topologyKey: "topology.kubernetes.io/zone", maxSkew: 5, whenUnsatisfiable: "ScheduleAnyway" },
];

export function ownConstraints(pod: PodInfo, when: WhenUnsatisfiable): readonly SpreadConstraint[] {
	return (pod.pod.spec?.topologySpreadConstraints ?? [])
		.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when)
		.map((constraint) => {
			const selector = selectorWithKeys(constraint, pod);
			return {
				topologyKey: constraint.topologyKey,
				maxSkew: constraint.maxSkew,
				minDomains: constraint.minDomains ?? 1,
				selector: matcherOf(selector),
				selectorKey: JSON.stringify(selector ?? null),
				honorsAffinity: (constraint.nodeAffinityPolicy ?? "Honor") === "Honor",
				honorsTaints: constraint.nodeTaintsPolicy === "Honor",
			};
		});
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
export function defaultConstraints(
	pod: PodInfo,
	when: WhenUnsatisfiable,
	defaults: readonly DefaultConstraint[],
	ownSelectors: OwnSelectors,
): readonly SpreadConstraint[] {
	const applicable = defaults.filter(({ whenUnsatisfiable }) => whenUnsatisfiable === when);
	if (applicable.length === 0) return [];
	const own = ownSelectors(pod);
	if (own.length === 0) return [];
	const matchers = own.map(matcherOf);
	const selector: LabelMatcher = { matches: (labels) => matchers.every((each) => each.matches(labels)) };
	const selectorKey = JSON.stringify(own);
	return applicable.map(({ topologyKey, maxSkew }) => ({
		topologyKey,
		maxSkew,
		minDomains: 1,
		selector,
		selectorKey,
		honorsAffinity: true,
		honorsTaints: false,
	}));
}

/** Whether a node counts as part of a domain for this constraint. */
export function isIncluded(constraint: SpreadConstraint, pod: PodInfo, node: NodeInfo, required: NodePredicate | undefined): boolean {
	if (constraint.honorsAffinity && required !== undefined && !required(node)) return false;
	return !constraint.honorsTaints || findUntolerated(node.blockingTaints, pod.pod.spec?.tolerations) === undefined;
}

/**
 * The nodes that count for one of a pod's constraints. @param all constraints of which a node must have all keys; none if that is not asked
 */
export function inclusionOf(
	constraint: SpreadConstraint,
	all: readonly SpreadConstraint[],
	pod: PodInfo,
	required: NodePredicate | undefined,
): Inclusion {
	const keys = all.map(({ topologyKey }) => topologyKey);
	const { nodeSelector, affinity, tolerations } = pod.pod.spec ?? {};
	const honored = [
		constraint.honorsAffinity && required !== undefined ? [nodeSelector, affinity?.nodeAffinity] : undefined,
		constraint.honorsTaints ? (tolerations ?? []) : undefined,
	];
	return {
		key: JSON.stringify([keys, ...honored]),
		includes: (node) => hasAllKeys(node, all) && isIncluded(constraint, pod, node, required),
	};
}

export function hasAllKeys(node: NodeInfo, constraints: readonly SpreadConstraint[]): boolean {
	for (const { topologyKey } of constraints) if (node.labels[topologyKey] === undefined) return false;
	return true;
}
