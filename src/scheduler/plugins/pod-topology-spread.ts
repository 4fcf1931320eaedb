/**
 * PodTopologySpread: keeps the pods that a constraint selects evenly spread over the values of a node label. A
 * DoNotSchedule constraint rules nodes out; a ScheduleAnyway one, and the system's defaults, make them score lower.
 *
 *   skew of a node = pods in its domain + this pod (if it is selected itself) - pods in the emptiest domain
 *
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { ActionType, type EventRegistration } from "../framework/cluster-event.ts";
import { type CycleState, stateKey } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { type FilterPlugin, maxNodeScore, type PreFilterPlugin, type PreScorePlugin, type ScorePlugin } from "../framework/plugin.ts";
import { PodInfo } from "../framework/pod-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";
import { skip, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";
import { type NodePredicate, requiredNodePredicate } from "./node-selector.ts";
import {
	countMatching,
	defaultConstraints,
	isCounted,
	isIncluded,
	type OwnSelectors,
	ownConstraints,
	type SpreadConstraint,
} from "./spread-constraints.ts";

const name = "PodTopologySpread";
const hostname = "kubernetes.io/hostname";
const tooSkewed = unschedulable(name, "node(s) didn't match pod topology spread constraints");
const lacksLabel = unresolvable(name, "node(s) didn't match pod topology spread constraints (missing required label)");

/** A DoNotSchedule constraint with the number of pods in each domain. */
interface CountedConstraint {
	readonly constraint: SpreadConstraint;
	/** 1 if the constraint selects the pod itself. */
	readonly self: number;
	readonly domains: Map<string, number>;
}

class PreFilterState {
	readonly constraints: readonly CountedConstraint[];
	readonly required: NodePredicate | undefined;

	constructor(constraints: readonly CountedConstraint[], required: NodePredicate | undefined) {
		this.constraints = constraints;
		this.required = required;
	}

	clone(): PreFilterState {
		const constraints = this.constraints.map((counted) => ({ ...counted, domains: new Map(counted.domains) }));
		return new PreFilterState(constraints, this.required);
	}
}

/** A ScheduleAnyway constraint. */
interface SoftConstraint {
	readonly constraint: SpreadConstraint;
	/** Pods by domain; unused for hostname, where each node counts its own. */
	readonly domains: Map<string, number>;
	/** Grows with the number of domains, so that many small ones weigh as much as few big ones. */
	readonly weight: number;
}

interface PreScoreState {
	readonly constraints: readonly SoftConstraint[];
	/** Feasible nodes that lack a label; they score 0. */
	readonly ignored: ReadonlySet<NodeInfo>;
}

const filterState = stateKey<PreFilterState>(`PreFilter${name}`);
const scoreState = stateKey<PreScoreState>(`PreScore${name}`);

export function createPodTopologySpread(ownSelectors: OwnSelectors): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin {
	return {
		name,
		preFilter(state, pod, snapshot) {
			const constraints = ownConstraints(pod, "DoNotSchedule");
			if (constraints.length === 0) return skip;
			state.write(filterState, countDomains(pod, constraints, snapshot));
			return undefined;
		},
		preFilterExtensions: {
			addPod: (state, pod, added, node) => recount(state.read(filterState), pod, added, node, 1),
			removePod: (state, pod, removed, node) => recount(state.read(filterState), pod, removed, node, -1),
		},
		filter: (state, _pod, node) => judge(state.read(filterState), node),
		preScore(state, pod, nodes, snapshot) {
			const own = (pod.pod.spec?.topologySpreadConstraints?.length ?? 0) > 0;
			const constraints = own ? ownConstraints(pod, "ScheduleAnyway") : defaultConstraints(pod, ownSelectors);
			if (constraints.length === 0) return skip;
			state.write(scoreState, prepareScores(pod, constraints, own, nodes, snapshot));
			return undefined;
		},
		score: scoreNode,
		normalizeScore: (state, _pod, scores, nodes) => normalize(state.read(scoreState), scores, nodes),
		eventsToRegister: registrations,
	};
}

function hasAllKeys(node: NodeInfo, constraints: readonly { readonly constraint: SpreadConstraint }[]): boolean {
	return constraints.every(({ constraint }) => node.labels[constraint.topologyKey] !== undefined);
}

function countDomains(pod: PodInfo, constraints: readonly SpreadConstraint[], snapshot: Snapshot): PreFilterState {
	const required = requiredNodePredicate(pod.pod);
	const counted = constraints.map((constraint): CountedConstraint => {
		return { constraint, self: constraint.selector.matches(pod.labels) ? 1 : 0, domains: new Map() };
	});
	for (const node of snapshot.nodes) {
		if (!hasAllKeys(node, counted)) continue;
		for (const { constraint, domains } of counted) {
			if (!isIncluded(constraint, pod, node, required)) continue;
			add(domains, node.labels[constraint.topologyKey] ?? "", countMatching(constraint, pod.namespace, node.pods));
		}
	}
	return new PreFilterState(counted, required);
}

function add(domains: Map<string, number>, domain: string, amount: number): void {
	domains.set(domain, (domains.get(domain) ?? 0) + amount);
}

/** A pod is imagined on the node, or away from it. */
function recount({ constraints, required }: PreFilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: 1 | -1): void {
	if (!isCounted(other, pod.namespace) || !hasAllKeys(node, constraints)) return;
	for (const { constraint, domains } of constraints) {
		if (constraint.selector.matches(other.labels) && isIncluded(constraint, pod, node, required)) {
			add(domains, node.labels[constraint.topologyKey] ?? "", sign);
		}
	}
}

function judge({ constraints }: PreFilterState, node: NodeInfo): Verdict {
	for (const { constraint, self, domains } of constraints) {
		const domain = node.labels[constraint.topologyKey];
		if (domain === undefined) return lacksLabel;
		// Fewer domains than wanted: the missing ones count as empty.
		const least = domains.size < constraint.minDomains ? 0 : Math.min(...domains.values());
		if ((domains.get(domain) ?? 0) + self - least > constraint.maxSkew) return tooSkewed;
	}
	return undefined;
}

/** @param own the pod's own constraints, whose labels a node must have to score at all; the defaults ask for nothing. */
function prepareScores(
	pod: PodInfo,
	constraints: readonly SpreadConstraint[],
	own: boolean,
	nodes: readonly NodeInfo[],
	snapshot: Snapshot,
): PreScoreState {
	const ignored = own
		? new Set(nodes.filter((node) => constraints.some((each) => node.labels[each.topologyKey] === undefined)))
		: new Set<NodeInfo>();
	const scored = nodes.filter((node) => !ignored.has(node));
	const soft = constraints.map((constraint): SoftConstraint => {
		const domains = constraint.topologyKey === hostname ? new Map<string, number>() : emptyDomains(constraint, scored);
		const size = constraint.topologyKey === hostname ? scored.length : domains.size;
		return { constraint, domains, weight: Math.log(size + 2) };
	});
	const byDomain = soft.filter(({ domains }) => domains.size > 0);
	if (byDomain.length > 0) {
		const required = requiredNodePredicate(pod.pod);
		for (const node of snapshot.nodes) {
			if (own && !hasAllKeys(node, soft)) continue;
			for (const { constraint, domains } of byDomain) {
				const domain = node.labels[constraint.topologyKey];
				if (domain === undefined || !domains.has(domain) || !isIncluded(constraint, pod, node, required)) continue;
				add(domains, domain, countMatching(constraint, pod.namespace, node.pods));
			}
		}
	}
	return { constraints: soft, ignored };
}

/** The domains that the feasible nodes make up. */
function emptyDomains({ topologyKey }: SpreadConstraint, nodes: readonly NodeInfo[]): Map<string, number> {
	return new Map(nodes.flatMap(({ labels }) => (labels[topologyKey] === undefined ? [] : [[labels[topologyKey], 0]])));
}

function scoreNode(state: CycleState, pod: PodInfo, node: NodeInfo): number {
	const { constraints, ignored } = state.read(scoreState);
	if (ignored.has(node)) return 0;
	let score = 0;
	for (const { constraint, domains, weight } of constraints) {
		const domain = node.labels[constraint.topologyKey];
		if (domain === undefined) continue;
		const count = constraint.topologyKey === hostname ? countMatching(constraint, pod.namespace, node.pods) : (domains.get(domain) ?? 0);
		score += count * weight + (constraint.maxSkew - 1);
	}
	return Math.round(score);
}

/** The fewest pods become 100, the most the least; ignored nodes stay at 0. */
function normalize({ ignored }: PreScoreState, scores: Float64Array, nodes: readonly NodeInfo[]): void {
	let min = Number.POSITIVE_INFINITY;
	let max = 0;
	for (let index = 0; index < scores.length; index++) {
		const node = nodes[index];
		if (node !== undefined && ignored.has(node)) continue;
		min = Math.min(min, scores[index] ?? 0);
		max = Math.max(max, scores[index] ?? 0);
	}
	for (let index = 0; index < scores.length; index++) {
		const node = nodes[index];
		if (node !== undefined && ignored.has(node)) scores[index] = 0;
		else scores[index] = max === 0 ? maxNodeScore : Math.trunc((maxNodeScore * (max + min - (scores[index] ?? 0))) / max);
	}
}

function registrations(): readonly EventRegistration[] {
	/** Whether a pod that came, went or changed is one that the waiting pod is to be spread from. */
	const concerns = (pod: Pod, changed: Pod | undefined) => {
		if (changed === undefined) return false;
		const other = new PodInfo(changed);
		const waiting = new PodInfo(pod);
		if (other.namespace !== waiting.namespace) return false;
		return ownConstraints(waiting, "DoNotSchedule").some(({ selector }) => selector.matches(other.labels));
	};
	return [
		{
			resource: "AssignedPod",
			action: ActionType.add | ActionType.delete | ActionType.updatePodLabel,
			hint: (pod, old: Pod | undefined, changed: Pod | undefined) => (concerns(pod, old) || concerns(pod, changed) ? "Queue" : "Skip"),
		},
		{ resource: "TargetPod", action: ActionType.updatePodLabel },
		{ resource: "Node", action: ActionType.add | ActionType.delete | ActionType.updateNodeLabel | ActionType.updateNodeTaint },
	];
}
