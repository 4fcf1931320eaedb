/**
 * PodTopologySpread: keeps the pods that a constraint selects evenly spread over the values of a node label. A
 * DoNotSchedule constraint rules nodes out; a ScheduleAnyway one, and the system's defaults, make them score lower.
 *
 *   skew of a node = pods in its domain + this pod (if it is selected itself) - pods in the emptiest domain
 *
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/
 */

import { type NodePredicate, requiredNodePredicate } from "../../apimachinery/node-selector.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { ActionType, type EventRegistration } from "../framework/cluster-event.ts";
import { type CycleState, stateKey } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import { type FilterPlugin, maxNodeScore, type PreFilterPlugin, type PreScorePlugin, type ScorePlugin } from "../framework/plugin.ts";
import { PodInfo } from "../framework/pod-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";
import { skip, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";
import { isCounted, PodTallies, type Tally } from "./pod-tallies.ts";
import {
	type DefaultConstraint,
	defaultConstraints,
	hasAllKeys,
	inclusionOf,
	isIncluded,
	type OwnSelectors,
	ownConstraints,
	type SpreadConstraint,
	systemDefaults,
	type WhenUnsatisfiable,
} from "./spread-constraints.ts";

const name = "PodTopologySpread";
const hostname = "kubernetes.io/hostname";
const tooSkewed = unschedulable(name, "node(s) didn't match pod topology spread constraints");
const lacksLabel = unresolvable(name, "node(s) didn't match pod topology spread constraints (missing required label)");

/** A DoNotSchedule constraint with the number of pods in each domain. */
class CountedConstraint {
	readonly constraint: SpreadConstraint;
	/** 1 if the constraint selects the pod itself. */
	readonly self: number;
	#domains: ReadonlyMap<string, number>;
	#fewest: number | undefined;

	/** @param domains shared until the first change. @param fewest pods in one of them; undefined: not known yet */
	constructor(constraint: SpreadConstraint, self: number, domains: ReadonlyMap<string, number>, fewest: number | undefined) {
		this.constraint = constraint;
		this.self = self;
		this.#domains = domains;
		this.#fewest = fewest;
	}

	/** By how much the domain would lead the emptiest one with the pod in it. */
	skewIn(domain: string): number {
		return (this.#domains.get(domain) ?? 0) + this.self - this.#fewestPods();
	}

	add(domain: string, amount: number): void {
		this.#domains = new Map(this.#domains).set(domain, (this.#domains.get(domain) ?? 0) + amount);
		this.#fewest = undefined;
	}

	clone(): CountedConstraint {
		return new CountedConstraint(this.constraint, this.self, this.#domains, this.#fewest);
	}

	/** Fewer domains than wanted: the missing ones count as empty. */
	#fewestPods(): number {
		if (this.#domains.size < this.constraint.minDomains) return 0;
		if (this.#fewest === undefined) {
			let fewest = Number.POSITIVE_INFINITY;
			for (const count of this.#domains.values()) if (count < fewest) fewest = count;
			this.#fewest = fewest === Number.POSITIVE_INFINITY ? 0 : fewest;
		}
		return this.#fewest;
	}
}

class PreFilterState {
	readonly constraints: readonly CountedConstraint[];
	readonly required: NodePredicate | undefined;

	constructor(constraints: readonly CountedConstraint[], required: NodePredicate | undefined) {
		this.constraints = constraints;
		this.required = required;
	}

	clone(): PreFilterState {
		return new PreFilterState(
			this.constraints.map((counted) => counted.clone()),
			this.required,
		);
	}
}

/** A ScheduleAnyway constraint. */
interface SoftConstraint {
	readonly constraint: SpreadConstraint;
	readonly tally: Tally;
	/** Pods by domain; for hostname each node has its own, and the tally is asked. */
	readonly domains: ReadonlyMap<string, number>;
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

/** PodTopologySpreadArgs. */
export interface PodTopologySpreadOptions {
	/** Default: the system's. */
	readonly defaults?: readonly DefaultConstraint[];
}

export function createPodTopologySpread(
	ownSelectors: OwnSelectors,
	{ defaults }: PodTopologySpreadOptions = {},
): PreFilterPlugin & FilterPlugin & PreScorePlugin & ScorePlugin {
	const tallies = new PodTallies();
	const constraintsOf = (pod: PodInfo, when: WhenUnsatisfiable) =>
		hasOwnConstraints(pod) ? ownConstraints(pod, when) : defaultConstraints(pod, when, defaults ?? systemDefaults, ownSelectors);
	return {
		name,
		preFilter(state, pod, snapshot) {
			const constraints = constraintsOf(pod, "DoNotSchedule");
			if (constraints.length === 0) return skip;
			state.write(filterState, countDomains(pod, constraints, snapshot, tallies));
			return undefined;
		},
		preFilterExtensions: {
			addPod: (state, pod, added, node) => recount(state.read(filterState), pod, added, node, 1),
			removePod: (state, pod, removed, node) => recount(state.read(filterState), pod, removed, node, -1),
		},
		filter: (state, _pod, node) => judge(state.read(filterState), node),
		preScore(state, pod, nodes, snapshot) {
			const constraints = constraintsOf(pod, "ScheduleAnyway");
			if (constraints.length === 0) return skip;
			const own = hasOwnConstraints(pod) || defaults !== undefined;
			state.write(scoreState, prepareScores({ pod, constraints, own, nodes, snapshot, tallies }));
			return undefined;
		},
		score: scoreNode,
		normalizeScore: (state, _pod, scores, nodes) => normalize(state.read(scoreState), scores, nodes),
		eventsToRegister: registrations,
	};
}

function hasOwnConstraints({ pod }: PodInfo): boolean {
	return (pod.spec?.topologySpreadConstraints?.length ?? 0) > 0;
}

function countDomains(pod: PodInfo, constraints: readonly SpreadConstraint[], snapshot: Snapshot, tallies: PodTallies): PreFilterState {
	const required = requiredNodePredicate(pod.pod);
	const counted = constraints.map((constraint) => {
		const tally = tallies.for(constraint, pod.namespace, snapshot);
		const totals = tally.inDomains(constraint.topologyKey, inclusionOf(constraint, constraints, pod, required));
		return new CountedConstraint(constraint, constraint.selector.matches(pod.labels) ? 1 : 0, totals.byDomain, totals.fewest);
	});
	return new PreFilterState(counted, required);
}

/** A pod is imagined on the node, or away from it. */
function recount({ constraints, required }: PreFilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, sign: 1 | -1): void {
	const all = constraints.map(({ constraint }) => constraint);
	if (!isCounted(other, pod.namespace) || !hasAllKeys(node, all)) return;
	for (const counted of constraints) {
		const { constraint } = counted;
		if (!constraint.selector.matches(other.labels) || !isIncluded(constraint, pod, node, required)) continue;
		counted.add(node.labels[constraint.topologyKey] ?? "", sign);
	}
}

function judge({ constraints }: PreFilterState, node: NodeInfo): Verdict {
	for (const counted of constraints) {
		const domain = node.labels[counted.constraint.topologyKey];
		if (domain === undefined) return lacksLabel;
		if (counted.skewIn(domain) > counted.constraint.maxSkew) return tooSkewed;
	}
	return undefined;
}

interface ScorePreparation {
	readonly pod: PodInfo;
	readonly constraints: readonly SpreadConstraint[];
	/** Constraints that somebody asked for: a node must have their labels to score at all. The system's ask for nothing. */
	readonly own: boolean;
	/** The feasible ones. */
	readonly nodes: readonly NodeInfo[];
	readonly snapshot: Snapshot;
	readonly tallies: PodTallies;
}

function prepareScores({ pod, constraints, own, nodes, snapshot, tallies }: ScorePreparation): PreScoreState {
	const ignored = new Set(own ? nodes.filter((node) => !hasAllKeys(node, constraints)) : []);
	const required = requiredNodePredicate(pod.pod);
	const soft = constraints.map((constraint): SoftConstraint => {
		const tally = tallies.for(constraint, pod.namespace, snapshot);
		if (constraint.topologyKey === hostname) {
			return { constraint, tally, domains: new Map(), weight: Math.log(nodes.length - ignored.size + 2) };
		}
		const feasible = new Set<string>();
		for (const node of nodes) {
			const domain = ignored.has(node) ? undefined : node.labels[constraint.topologyKey];
			if (domain !== undefined) feasible.add(domain);
		}
		const weight = Math.log(feasible.size + 2);
		if (feasible.size === 0) return { constraint, tally, domains: new Map(), weight };
		const domains = tally.inDomains(constraint.topologyKey, inclusionOf(constraint, own ? constraints : [], pod, required)).byDomain;
		return { constraint, tally, domains, weight };
	});
	return { constraints: soft, ignored };
}

function scoreNode(state: CycleState, _pod: PodInfo, node: NodeInfo): number {
	const { constraints, ignored } = state.read(scoreState);
	if (ignored.size > 0 && ignored.has(node)) return 0;
	let score = 0;
	for (const { constraint, tally, domains, weight } of constraints) {
		const domain = node.labels[constraint.topologyKey];
		if (domain === undefined) continue;
		const count = constraint.topologyKey === hostname ? tally.onNode(node) : (domains.get(domain) ?? 0);
		score += count * weight + (constraint.maxSkew - 1);
	}
	return Math.round(score);
}

/** The fewest pods become 100, the most the least; ignored nodes stay at 0. */
function normalize({ ignored }: PreScoreState, scores: Float64Array, nodes: readonly NodeInfo[]): void {
	const isIgnored = (index: number) => {
		const node = ignored.size === 0 ? undefined : nodes[index];
		return node !== undefined && ignored.has(node);
	};
	let min = Number.POSITIVE_INFINITY;
	let max = 0;
	for (let index = 0; index < scores.length; index++) {
		const score = scores[index] ?? 0;
		if (isIgnored(index)) continue;
		if (score < min) min = score;
		if (score > max) max = score;
	}
	for (let index = 0; index < scores.length; index++) {
		if (isIgnored(index)) scores[index] = 0;
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
