/**
 * InterPodAffinity: places a pod near the pods that its affinity terms speak of and away from those that its
 * anti-affinity terms speak of, and honours the required anti-affinity of pods that are there already. "Near" means on
 * a node with the same value of the term's topologyKey.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { AffinityTerm } from "../framework/affinity-terms.ts";
import { ActionType, type EventRegistration } from "../framework/cluster-event.ts";
import { type CycleState, stateKey } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { type FilterPlugin, maxNodeScore, type PreFilterPlugin, type PreScorePlugin, type ScorePlugin } from "../framework/plugin.ts";
import { PodInfo } from "../framework/pod-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";
import { skip, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";

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

export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

/** Numbers by topology pair, for example how many pods match in zone=a. */
class TopologyCounts {
	readonly #counts = new Map<string, Map<string, number>>();

	/** Whether nothing is counted anywhere. */
	get isEmpty(): boolean {
		return this.#counts.size === 0;
	}

	/** The topology keys that something is counted under, with the counts by value. */
	byKey(): ReadonlyMap<string, ReadonlyMap<string, number>> {
		return this.#counts;
	}

	get(key: string, value: string): number {
		return this.#counts.get(key)?.get(value) ?? 0;
	}

	/** Counts nothing on a node without the key. */
	add(key: string, node: NodeInfo, amount: number): void {
		const value = node.labels[key];
		if (value === undefined || amount === 0) return;
		const ofKey = this.#counts.get(key) ?? new Map<string, number>();
		const sum = (ofKey.get(value) ?? 0) + amount;
		if (sum === 0) ofKey.delete(value);
		else ofKey.set(value, sum);
		if (ofKey.size === 0) this.#counts.delete(key);
		else this.#counts.set(key, ofKey);
	}

	clone(): TopologyCounts {
		const copy = new TopologyCounts();
		for (const [key, ofKey] of this.#counts) copy.#counts.set(key, new Map(ofKey));
		return copy;
	}
}

class PreFilterState {
	/** Pods whose required anti-affinity speaks of the incoming pod. */
	existingAntiAffinity = new TopologyCounts();
	/** Pods that all of the incoming pod's affinity terms speak of, and that any of its anti-affinity terms does. */
	affinity = new TopologyCounts();
	antiAffinity = new TopologyCounts();

	clone(): PreFilterState {
		const copy = new PreFilterState();
		copy.existingAntiAffinity = this.existingAntiAffinity.clone();
		copy.affinity = this.affinity.clone();
		copy.antiAffinity = this.antiAffinity.clone();
		return copy;
	}
}

const filterState = stateKey<PreFilterState>(`PreFilter${name}`);
const scoreState = stateKey<TopologyCounts>(`PreScore${name}`);

/** @param namespaceLabels for terms with a namespaceSelector. */
export function createInterPodAffinity(
	namespaceLabels: NamespaceLabels,
	options: InterPodAffinityOptions = {},
): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin {
	const count = (state: PreFilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: 1 | -1) =>
		countPod(state, { pod, other, node, sign, namespaceLabels });
	return {
		name,
		preFilter(cycleState, pod, snapshot) {
			const state = new PreFilterState();
			const looksAround = pod.affinity.requiredAffinity.length > 0 || pod.affinity.requiredAntiAffinity.length > 0;
			for (const node of looksAround ? snapshot.nodes : snapshot.nodesWithRequiredAntiAffinityPods) {
				for (const other of looksAround ? node.pods : node.podsWithRequiredAntiAffinity) count(state, pod, other, node, 1);
			}
			if (!looksAround && state.existingAntiAffinity.isEmpty) return skip;
			cycleState.write(filterState, state);
			return undefined;
		},
		preFilterExtensions: {
			addPod: (state, pod, added, node) => count(state.read(filterState), pod, added, node, 1),
			removePod: (state, pod, removed, node) => count(state.read(filterState), pod, removed, node, -1),
		},
		filter: (state, pod, node) => judge(state.read(filterState), pod, node, namespaceLabels),
		preScore(state, pod, _nodes, snapshot) {
			const scores = preferences(pod, snapshot, namespaceLabels, options);
			if (scores.isEmpty) return skip;
			state.write(scoreState, scores);
			return undefined;
		},
		score: scoreNode,
		normalizeScore: (_state, _pod, scores) => spread(scores),
		eventsToRegister: () => registrations(namespaceLabels),
	};
}

interface Counting {
	readonly pod: PodInfo;
	readonly other: PodInfo;
	readonly node: NodeInfo;
	readonly sign: 1 | -1;
	readonly namespaceLabels: NamespaceLabels;
}

function countPod(state: PreFilterState, { pod, other, node, sign, namespaceLabels }: Counting): void {
	for (const term of other.affinity.requiredAntiAffinity) {
		if (term.matches(pod, namespaceLabels(pod.namespace))) state.existingAntiAffinity.add(term.topologyKey, node, sign);
	}
	const { requiredAffinity, requiredAntiAffinity } = pod.affinity;
	const labels = namespaceLabels(other.namespace);
	if (requiredAffinity.length > 0 && requiredAffinity.every((term) => term.matches(other, labels))) {
		for (const { topologyKey } of requiredAffinity) state.affinity.add(topologyKey, node, sign);
	}
	for (const term of requiredAntiAffinity) {
		if (term.matches(other, labels)) state.antiAffinity.add(term.topologyKey, node, sign);
	}
}

function judge(state: PreFilterState, pod: PodInfo, node: NodeInfo, namespaceLabels: NamespaceLabels): Verdict {
	if (!satisfiesAffinity(state, pod, node, namespaceLabels)) return affinityMismatch;
	const clashes = ({ topologyKey }: AffinityTerm) => state.antiAffinity.get(topologyKey, node.labels[topologyKey] ?? "") > 0;
	if (!state.antiAffinity.isEmpty && pod.affinity.requiredAntiAffinity.some(clashes)) return antiAffinityMismatch;
	for (const [key, byValue] of state.existingAntiAffinity.byKey()) {
		if ((byValue.get(node.labels[key] ?? "") ?? 0) > 0) return existingAntiAffinityMismatch;
	}
	return undefined;
}

/** The first of a group of pods that want to be together finds nobody, and may go anywhere that has the keys. */
function satisfiesAffinity(state: PreFilterState, pod: PodInfo, node: NodeInfo, namespaceLabels: NamespaceLabels): boolean {
	const terms = pod.affinity.requiredAffinity;
	if (terms.length === 0) return true;
	if (!terms.every(({ topologyKey }) => node.labels[topologyKey] !== undefined)) return false;
	if (terms.every(({ topologyKey }) => state.affinity.get(topologyKey, node.labels[topologyKey] ?? "") > 0)) return true;
	return state.affinity.isEmpty && terms.every((term) => term.matches(pod, namespaceLabels(pod.namespace)));
}

/** How much each topology pair draws (or, negative, repels) the pod: by its own preferences and those of the pods there. */
function preferences(
	pod: PodInfo,
	snapshot: Snapshot,
	namespaceLabels: NamespaceLabels,
	{ hardPodAffinityWeight = 1, ignorePreferredTermsOfExistingPods = false }: InterPodAffinityOptions,
): TopologyCounts {
	const scores = new TopologyCounts();
	const { preferredAffinity, preferredAntiAffinity } = pod.affinity;
	const looksAround = preferredAffinity.length > 0 || preferredAntiAffinity.length > 0;
	if (!looksAround && ignorePreferredTermsOfExistingPods) return scores;
	const podLabels = namespaceLabels(pod.namespace);
	for (const node of looksAround ? snapshot.nodes : snapshot.nodesWithAffinityPods) {
		for (const other of looksAround ? node.pods : node.podsWithAffinity) {
			const labels = looksAround ? namespaceLabels(other.namespace) : undefined;
			const add = (term: AffinityTerm, holds: boolean, weight: number) => {
				if (holds) scores.add(term.topologyKey, node, weight);
			};
			for (const { term, weight } of preferredAffinity) add(term, term.matches(other, labels), weight);
			for (const { term, weight } of preferredAntiAffinity) add(term, term.matches(other, labels), -weight);
			if (!other.hasAffinity) continue;
			const theirs = other.affinity;
			for (const term of theirs.requiredAffinity) add(term, term.matches(pod, podLabels), hardPodAffinityWeight);
			if (ignorePreferredTermsOfExistingPods) continue;
			for (const { term, weight } of theirs.preferredAffinity) add(term, term.matches(pod, podLabels), weight);
			for (const { term, weight } of theirs.preferredAntiAffinity) add(term, term.matches(pod, podLabels), -weight);
		}
	}
	return scores;
}

function scoreNode(state: CycleState, _pod: PodInfo, node: NodeInfo): number {
	let score = 0;
	for (const [key, byValue] of state.read(scoreState).byKey()) score += byValue.get(node.labels[key] ?? "") ?? 0;
	return score;
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
	];
}
