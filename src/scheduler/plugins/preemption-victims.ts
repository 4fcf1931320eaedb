/**
 * Which pods would have to go for another to fit on a node, and which node's loss weighs least.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#preemption
 */
import type { PodDisruptionBudget } from "../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject } from "../../apimachinery/selector.ts";
import { parseTime } from "../../apimachinery/time.ts";
import type { CycleState } from "../framework/cycle-state.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { FilterRunner, PreemptionCandidate } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import { type Status, unresolvable } from "../framework/status.ts";

const noVictims = unresolvable("", "No preemption victims found for incoming pod");

/**
 * The fewest and least important pods of lower priority without which the pod fits. First all of them are imagined
 * away; then one after another, the most important first and those protected by a budget before the rest, is let back
 * in if the pod still fits. The node and the state are left as they were found.
 */
export function selectVictims(
	filters: FilterRunner,
	cycleState: CycleState,
	pod: PodInfo,
	original: NodeInfo,
	budgets: readonly PodDisruptionBudget[],
): PreemptionCandidate | Status {
	const lower = original.pods.filter(({ priority }) => priority < pod.priority);
	if (lower.length === 0) return noVictims;
	const node = original.clone();
	const state = cycleState.clone();
	const remove = (other: PodInfo) => {
		node.removePod(other.uid);
		filters.removePodFromState(state, pod, other, node);
	};
	for (const other of lower) remove(other);
	const verdict = filters.runFiltersWithNominatedPods(state, pod, node);
	if (verdict !== undefined) return verdict;
	const { violating, others } = splitByBudgets(lower.sort(byImportance), budgets);
	/** Lets a pod stay if it can; returns whether it must go. */
	const mustGo = (other: PodInfo) => {
		node.addPod(other);
		filters.addPodToState(state, pod, other, node);
		const fits = filters.runFiltersWithNominatedPods(state, pod, node) === undefined;
		if (!fits) remove(other);
		return !fits;
	};
	const violatingVictims = violating.filter(mustGo);
	const victims = [...violatingVictims, ...others.filter(mustGo)].sort(byImportance);
	return { nodeName: node.name, victims, budgetViolations: violatingVictims.length };
}

/** Unix ms; a pod that has not started counts as starting at the end of time. */
function startTimeMs({ pod }: PodInfo): number {
	return pod.status?.startTime === undefined ? Number.MAX_SAFE_INTEGER : parseTime(pod.status.startTime);
}

/** Higher priority first; of equal ones, whoever has run longer. */
function byImportance(a: PodInfo, b: PodInfo): number {
	return b.priority - a.priority || startTimeMs(a) - startTimeMs(b);
}

/** Takes the pods in order, each using up one disruption of every budget that covers it. */
function splitByBudgets(pods: readonly PodInfo[], budgets: readonly PodDisruptionBudget[]) {
	const allowances = budgets.map((budget) => ({
		covers: coverage(budget),
		left: budget.status?.disruptionsAllowed ?? 0,
	}));
	const violating: PodInfo[] = [];
	const others: PodInfo[] = [];
	for (const pod of pods) {
		let violates = false;
		for (const allowance of allowances) {
			if (!allowance.covers(pod)) continue;
			allowance.left--;
			violates ||= allowance.left < 0;
		}
		(violates ? violating : others).push(pod);
	}
	return { violating, others };
}

/** A budget with an empty selector covers nothing here; a pod whose eviction it has already counted is free to go. */
function coverage({ metadata, spec, status }: PodDisruptionBudget): (pod: PodInfo) => boolean {
	const { matchLabels = {}, matchExpressions = [] } = spec?.selector ?? {};
	if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) return () => false;
	const selector = labelSelectorFromObject(spec?.selector);
	return (pod) => pod.namespace === metadata?.namespace && selector.matches(pod.labels) && status?.disruptedPods?.[pod.name] === undefined;
}

/** Each says how bad a candidate is; the first on which two differ decides. */
const badness: readonly ((candidate: PreemptionCandidate) => number)[] = [
	({ budgetViolations }) => budgetViolations,
	({ victims }) => victims[0]?.priority ?? 0,
	// The offset makes every pod count, those of negative priority too.
	({ victims }) => victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0),
	({ victims }) => victims.length,
	({ victims }) => -Math.min(...victims.filter(({ priority }) => priority === victims[0]?.priority).map(startTimeMs)),
];

/** The candidate whose victims weigh least; of equal ones the first. */
export function pickCandidate(candidates: readonly PreemptionCandidate[]): PreemptionCandidate | undefined {
	let left = candidates;
	for (const measure of badness) {
		const least = Math.min(...left.map(measure));
		left = left.filter((candidate) => measure(candidate) === least);
		if (left.length <= 1) break;
	}
	return left[0];
}
