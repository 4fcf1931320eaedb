/**
 * InterPodAffinity: places a pod near the pods that its affinity terms speak of and away from those that its
 * anti-affinity terms speak of, and honours the required anti-affinity of pods that are there already. "Near" means on
 * a node with the same value of the term's topologyKey.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { AffinityTerm } from "../framework/affinity-terms.ts";
import { ActionType, type EventRegistration } from "../framework/cluster-event.ts";
import { stateKey } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { type FilterPlugin, maxNodeScore, type PreFilterPlugin, type PreScorePlugin, type ScorePlugin } from "../framework/plugin.ts";
import { PodInfo } from "../framework/pod-info.ts";
import { skip, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";
import {
	type Add,
	ImaginedCounts,
	type NamespaceLabels,
	type TopologyCounts,
	type TopologyQuestion,
	TopologyTallies,
} from "./topology-tallies.ts";

const name = "InterPodAffinity";
const affinityMismatch = unresolvable(name, "node(s) didn't match pod affinity rules");
const antiAffinityMismatch = unschedulable(name, "node(s) didn't match pod anti-affinity rules");
const existingAntiAffinityMismatch = unschedulable(name, "node(s) didn't satisfy existing pods anti-affinity rules");

/** InterPodAffinityArgs. */
export interface InterPodAffinityOptions {
	/** How much a required affinity term of a pod that is there draws the pods it speaks of; 0..100, default 1. */
	readonly hardPodAffinityWeight?: number;
	/** Whether the preferences of pods that are there count for nothing. Default false. */
	readonly ignorePreferredTermsOfExistingPods?: boolean;
}

/** Pods whose required anti-affinity speaks of the incoming pod; pods that all of its affinity terms speak of, and that any of its anti-affinity terms does. */
const filterKinds = ["existingAntiAffinity", "affinity", "antiAffinity"] as const;
type FilterKind = (typeof filterKinds)[number];

class PreFilterState {
	readonly existingAntiAffinity: ImaginedCounts;
	readonly affinity: ImaginedCounts;
	readonly antiAffinity: ImaginedCounts;

	constructor(countsOf: (kind: FilterKind) => ImaginedCounts) {
		this.existingAntiAffinity = countsOf("existingAntiAffinity");
		this.affinity = countsOf("affinity");
		this.antiAffinity = countsOf("antiAffinity");
	}

	clone(): PreFilterState {
		return new PreFilterState((kind) => this[kind].clone());
	}
}

const filterState = stateKey<PreFilterState>(`PreFilter${name}`);
/** How much each topology pair draws (or, negative, repels) the pod. */
const scoreState = stateKey<TopologyCounts>(`PreScore${name}`);

/** @param namespaceLabels for terms with a namespaceSelector; the same object as long as the labels are the same. */
export function createInterPodAffinity(
	namespaceLabels: NamespaceLabels,
	options: InterPodAffinityOptions = {},
): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin {
	const filterTallies = new TopologyTallies<FilterKind>(namespaceLabels);
	const scoreTallies = new TopologyTallies<"score">(namespaceLabels);
	const imagine = (state: PreFilterState, pod: PodInfo, other: PodInfo, { labels }: NodeInfo, sign: 1 | -1) => {
		const add: Add<FilterKind> = (kind, key, amount) => {
			const value = labels[key];
			if (value !== undefined) state[kind].add(key, value, sign * amount);
		};
		countForFilter(pod, other, add, namespaceLabels);
	};
	return {
		name,
		preFilter(cycleState, pod, snapshot) {
			const looksAround = hasRequiredTerms(pod);
			if (!looksAround && snapshot.nodesWithRequiredAntiAffinityPods.size === 0) return skip;
			const tally = filterTallies.for(questionKey(pod), () => filterQuestion(pod), snapshot);
			if (!looksAround && tally.counts("existingAntiAffinity").isEmpty) return skip;
			cycleState.write(filterState, new PreFilterState((kind) => new ImaginedCounts(tally.counts(kind))));
			return undefined;
		},
		preFilterExtensions: {
			addPod: (state, pod, added, node) => imagine(state.read(filterState), pod, added, node, 1),
			removePod: (state, pod, removed, node) => imagine(state.read(filterState), pod, removed, node, -1),
		},
		filter: (state, pod, node) => judge(state.read(filterState), pod, node, namespaceLabels),
		preScore(state, pod, _nodes, snapshot) {
			const looksAround = hasPreferredTerms(pod);
			if (!looksAround && (options.ignorePreferredTermsOfExistingPods === true || snapshot.nodesWithAffinityPods.size === 0)) return skip;
			const scores = scoreTallies.for(questionKey(pod), () => scoreQuestion(pod, options), snapshot).counts("score");
			if (scores.isEmpty) return skip;
			state.write(scoreState, scores);
			return undefined;
		},
		score: (state, _pod, node) => state.read(scoreState).sumOn(node),
		normalizeScore: (_state, _pod, scores) => spread(scores),
		eventsToRegister: () => registrations(namespaceLabels),
	};
}

function hasRequiredTerms({ affinity }: PodInfo): boolean {
	return affinity.requiredAffinity.length > 0 || affinity.requiredAntiAffinity.length > 0;
}

function hasPreferredTerms({ affinity }: PodInfo): boolean {
	return affinity.preferredAffinity.length > 0 || affinity.preferredAntiAffinity.length > 0;
}

/** All that matters of a pod to the terms of others and to its own. */
function questionKey({ namespace, labels, pod }: PodInfo): string {
	const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
	return JSON.stringify([namespace, labels, podAffinity, podAntiAffinity]);
}

/** @param pod any of those that ask the same */
function filterQuestion(pod: PodInfo): TopologyQuestion<FilterKind> {
	const looksAround = hasRequiredTerms(pod);
	return {
		kinds: filterKinds,
		nodes: ({ nodes, nodesWithRequiredAntiAffinityPods }) => (looksAround ? nodes : nodesWithRequiredAntiAffinityPods),
		count: (node, add, namespaceLabels) => {
			for (const other of looksAround ? node.pods : node.podsWithRequiredAntiAffinity) countForFilter(pod, other, add, namespaceLabels);
		},
	};
}

function countForFilter(pod: PodInfo, other: PodInfo, add: Add<FilterKind>, namespaceLabels: NamespaceLabels): void {
	if (other.hasRequiredAntiAffinity) {
		for (const term of other.affinity.requiredAntiAffinity) {
			if (term.matches(pod, namespaceLabels(pod.namespace))) add("existingAntiAffinity", term.topologyKey, 1);
		}
	}
	const { requiredAffinity, requiredAntiAffinity } = pod.affinity;
	if (requiredAffinity.length + requiredAntiAffinity.length === 0) return;
	const labels = namespaceLabels(other.namespace);
	if (requiredAffinity.length > 0 && requiredAffinity.every((term) => term.matches(other, labels))) {
		for (const { topologyKey } of requiredAffinity) add("affinity", topologyKey, 1);
	}
	for (const term of requiredAntiAffinity) {
		if (term.matches(other, labels)) add("antiAffinity", term.topologyKey, 1);
	}
}

function judge(state: PreFilterState, pod: PodInfo, node: NodeInfo, namespaceLabels: NamespaceLabels): Verdict {
	if (!satisfiesAffinity(state, pod, node, namespaceLabels)) return affinityMismatch;
	const clashes = ({ topologyKey }: AffinityTerm) => state.antiAffinity.get(topologyKey, node.labels[topologyKey] ?? "") > 0;
	if (!state.antiAffinity.isEmpty && pod.affinity.requiredAntiAffinity.some(clashes)) return antiAffinityMismatch;
	return state.existingAntiAffinity.isAnyOn(node) ? existingAntiAffinityMismatch : undefined;
}

/** The first of a group of pods that want to be together finds nobody, and may go anywhere that has the keys. */
function satisfiesAffinity(state: PreFilterState, pod: PodInfo, node: NodeInfo, namespaceLabels: NamespaceLabels): boolean {
	const terms = pod.affinity.requiredAffinity;
	if (terms.length === 0) return true;
	if (!terms.every(({ topologyKey }) => node.labels[topologyKey] !== undefined)) return false;
	if (terms.every(({ topologyKey }) => state.affinity.get(topologyKey, node.labels[topologyKey] ?? "") > 0)) return true;
	return state.affinity.isEmpty && terms.every((term) => term.matches(pod, namespaceLabels(pod.namespace)));
}

/** The pod's own preferences and those of the pods there. @param pod any of those that ask the same */
function scoreQuestion(pod: PodInfo, options: InterPodAffinityOptions): TopologyQuestion<"score"> {
	const looksAround = hasPreferredTerms(pod);
	return {
		kinds: ["score"],
		nodes: ({ nodes, nodesWithAffinityPods }) => (looksAround ? nodes : nodesWithAffinityPods),
		count: (node, add, namespaceLabels) => {
			for (const other of looksAround ? node.pods : node.podsWithAffinity) countForScore(pod, other, options, add, namespaceLabels);
		},
	};
}

function countForScore(
	pod: PodInfo,
	other: PodInfo,
	{ hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false }: InterPodAffinityOptions,
	add: Add<"score">,
	namespaceLabels: NamespaceLabels,
): void {
	const { preferredAffinity, preferredAntiAffinity } = pod.affinity;
	if (preferredAffinity.length + preferredAntiAffinity.length > 0) {
		const labels = namespaceLabels(other.namespace);
		for (const { term, weight } of preferredAffinity) if (term.matches(other, labels)) add("score", term.topologyKey, weight);
		for (const { term, weight } of preferredAntiAffinity) if (term.matches(other, labels)) add("score", term.topologyKey, -weight);
	}
	if (!other.hasAffinity) return;
	const theirs = other.affinity;
	const podLabels = namespaceLabels(pod.namespace);
	for (const term of theirs.requiredAffinity) if (term.matches(pod, podLabels)) add("score", term.topologyKey, hardPodAffinityWeight);
	if (ignorePreferredTermsOfExistingPods) return;
	for (const { term, weight } of theirs.preferredAffinity) if (term.matches(pod, podLabels)) add("score", term.topologyKey, weight);
	for (const { term, weight } of theirs.preferredAntiAffinity) if (term.matches(pod, podLabels)) add("score", term.topologyKey, -weight);
}

/** The least becomes 0, the greatest 100; all 0 if they are equal. */
function spread(scores: Float64Array): void {
	let min = Number.POSITIVE_INFINITY;
	let max = Number.NEGATIVE_INFINITY;
	for (const score of scores) {
		min = Math.min(min, score);
		max = Math.max(max, score);
	}
	for (let index = 0; index < scores.length; index++) {
		scores[index] = max === min ? 0 : Math.trunc((maxNodeScore * ((scores[index] ?? 0) - min)) / (max - min));
	}
}

function registrations(namespaceLabels: NamespaceLabels): readonly EventRegistration[] {
	/** Whether a pod that came, went or changed has to do with the rules between the two. */
	const concerns = (pod: Pod, changed: Pod | undefined) => {
		if (changed === undefined) return false;
		const waiting = new PodInfo(pod);
		const other = new PodInfo(changed);
		const own = [...waiting.affinity.requiredAffinity, ...waiting.affinity.requiredAntiAffinity];
		return (
			own.some((term) => term.matches(other, namespaceLabels(other.namespace))) ||
			other.affinity.requiredAntiAffinity.some((term) => term.matches(waiting, namespaceLabels(waiting.namespace)))
		);
	};
	return [
		{
			resource: "AssignedPod",
			action: ActionType.add | ActionType.delete | ActionType.updatePodLabel,
			hint: (pod, old: Pod | undefined, changed: Pod | undefined) => (concerns(pod, old) || concerns(pod, changed) ? "Queue" : "Skip"),
		},
		{ resource: "TargetPod", action: ActionType.updatePodLabel },
		{ resource: "Node", action: ActionType.add | ActionType.updateNodeLabel },
		{ resource: "Namespace", action: ActionType.add | ActionType.update, hint: namespaceHelps },
	];
}

/**
 * Whether pods of the namespace are meant by the waiting pod's terms that were not, or the other way round. The waiting pod's own
 * namespace may be one that pods there do not avoid any more.
 */
function namespaceHelps(pod: Pod, old: KubeObject | undefined, namespace: KubeObject | undefined): "Queue" | "Skip" {
	const waiting = new PodInfo(pod);
	if (waiting.namespace === namespace?.metadata?.name) return "Queue";
	const [before, after] = [old?.metadata?.labels ?? {}, namespace?.metadata?.labels ?? {}];
	const terms = [...waiting.affinity.requiredAffinity, ...waiting.affinity.requiredAntiAffinity];
	return terms.some((term) => term.selectsNamespace(before) !== term.selectsNamespace(after)) ? "Queue" : "Skip";
}
