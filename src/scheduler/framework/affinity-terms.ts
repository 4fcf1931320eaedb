/**
 * Terms of inter-pod affinity, with their selectors ready to match.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 * (matchLabelKeys and mismatchLabelKeys are merged into the selector when the pod is created, by the API server).
 */
import type { LabelSelector, PodAffinityTerm } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";

type Labels = Readonly<Record<string, string>>;

export interface LabelMatcher {
	matches(labels: Labels | undefined): boolean;
}

/** A pod, as far as a term looks at it. */
interface MatchablePod {
	readonly namespace: string;
	readonly labels: Labels;
}

export interface AffinityTerm {
	readonly topologyKey: string;
	/** Whether it selects namespaces by these labels; those that it names are not asked for. */
	selectsNamespace(labels: Labels): boolean;
	/** Whether another pod is one that the term speaks of. @param namespaceLabels of that pod's namespace. */
	matches(other: MatchablePod, namespaceLabels: Labels | undefined): boolean;
}

export interface WeightedAffinityTerm {
	readonly weight: number;
	readonly term: AffinityTerm;
}

/**
 * Terms of `owner`: without namespaces and namespaceSelector they speak of its own namespace; an empty
 * namespaceSelector speaks of all.
 */
export function selectorFor(owner: MatchablePod): (term: PodAffinityTerm) => AffinityTerm {
	return (term) => {
		const selector = matcherOf(term.labelSelector);
		const named = new Set(term.namespaces ?? []);
		const byLabels = term.namespaceSelector === undefined ? nothing : labelSelectorFromObject(term.namespaceSelector);
		if (named.size === 0 && term.namespaceSelector === undefined) named.add(owner.namespace);
		return {
			topologyKey: term.topologyKey,
			selectsNamespace: (labels) => byLabels.matches(labels),
			matches: (other, namespaceLabels) =>
				(named.has(other.namespace) || byLabels.matches(namespaceLabels ?? {})) && selector.matches(other.labels),
		};
	};
}

const nothing: LabelMatcher = { matches: () => false };

/** An absent selector matches no pod, an empty one all. */
export function matcherOf(selector: LabelSelector | undefined): LabelMatcher {
	return selector === undefined ? nothing : labelSelectorFromObject(selector);
}
