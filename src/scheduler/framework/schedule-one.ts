/**
 * The scheduling algorithm: a pure function of a pod and a snapshot. Filters narrow the nodes, scores rank what is
 * left, the best wins; of several best ones chance picks.
 *
 *   snapshot ─> PreFilter ─> nominated node, if it still fits ──────────────┐
 *                    └─> Filter, from a start that moves on with every pod, ├─> PreScore ─> Score ─> chosen node
 *                        until enough nodes are found                       ┘
 *                        none: PostFilter, and a FitError
 *
 * Where extenders are to be asked (see extender.ts), the cycle waits for them: `scheduleCycle`.
 *
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/ and
 * https://kubernetes.io/docs/concepts/scheduling-eviction/scheduler-perf-tuning/
 */
import type { Random } from "../../apimachinery/random.ts";
import { type Cycle, runNow } from "./cycle.ts";
import type { CycleState } from "./cycle-state.ts";
import { type Extender, filterByExtenders, scoreByExtenders } from "./extender.ts";
import { blame, type Diagnosis, fitErrorMessage, newDiagnosis } from "./fit-error.ts";
import type { Framework } from "./framework.ts";
import type { NodeInfo } from "./node-info.ts";
import type { NodeMemo } from "./node-memo.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Snapshot } from "./snapshot.ts";
import { errorStatus, type Status, unresolvable } from "./status.ts";

/** Below this many nodes all of them are looked at. */
const minFeasibleNodesToFind = 100;
const minFeasibleNodesPercentageToFind = 5;

const noNodesAvailableMessage = "no nodes available to schedule pods";

export type ScheduleOutcome = Scheduled | Unschedulable | Failed;

export interface Scheduled {
	readonly kind: "scheduled";
	readonly nodeName: string;
	readonly state: CycleState;
	/** How many nodes were looked at, and how many of them would do. */
	readonly evaluatedNodes: number;
	readonly feasibleNodes: number;
}

/** The pod fits nowhere (kube-scheduler's FitError). */
export interface Unschedulable {
	readonly kind: "unschedulable";
	readonly message: string;
	readonly diagnosis: Diagnosis;
	readonly state: CycleState;
	/** What PostFilter decided; absent: leave the pod's nomination alone. */
	readonly nominatedNodeName?: string;
}

/** Not a matter of fit: no nodes at all, or a plugin failed. The pod is retried after a back-off. */
interface Failed {
	readonly kind: "failed";
	/** The pod's condition says Unschedulable if this is a rejection, SchedulerError otherwise. */
	readonly status: Status;
}

export interface ScheduleContext {
	readonly framework: Framework;
	readonly random: Random;
	/** Index into the snapshot's nodes at which the search starts; moves on so that all nodes get their turn. */
	startIndex: number;
	/** Those that are interested in the pod, in the order in which they are asked; default none. */
	readonly extenders?: readonly Extender[];
}

/** For a pod that no extender is interested in. */
export function scheduleOne(pod: PodInfo, snapshot: Snapshot, context: ScheduleContext): ScheduleOutcome {
	return runNow(scheduleCycle(pod, snapshot, context));
}

/** The same for any pod. The snapshot must stay as it is until the cycle is over. Throws nothing. */
export function* scheduleCycle(pod: PodInfo, snapshot: Snapshot, context: ScheduleContext): Cycle<ScheduleOutcome> {
	if (snapshot.nodes.length === 0) return { kind: "failed", status: unresolvable("", noNodesAvailableMessage) };
	try {
		return yield* findNode(pod, snapshot, context);
	} catch (error) {
		return { kind: "failed", status: errorStatus("", error) };
	}
}

const noExtenders: readonly Extender[] = [];

function* findNode(pod: PodInfo, snapshot: Snapshot, context: ScheduleContext): Cycle<ScheduleOutcome> {
	const { framework } = context;
	const diagnosis = newDiagnosis();
	const preFilter = framework.runPreFilter(pod, snapshot, diagnosis);
	const { state } = preFilter;
	if (preFilter.status !== undefined && !preFilter.status.isRejected) return { kind: "failed", status: preFilter.status };
	const { nodeNames } = preFilter;
	const memo = preFilter.status === undefined && nodeNames === undefined ? framework.recall(pod, snapshot) : undefined;
	const search: Search = { state, diagnosis, nodeNames, memo };
	const feasible = preFilter.status !== undefined ? [] : yield* findFeasible(pod, snapshot, context, search);
	if (feasible.length === 0) return yield* explainFailure(state, pod, snapshot, context, diagnosis);
	const nodeName = feasible.length === 1 ? feasible[0]?.name : yield* chooseBest(pod, feasible, snapshot, context, search);
	return {
		kind: "scheduled",
		nodeName: nodeName ?? "",
		state,
		evaluatedNodes: feasible.length + diagnosis.nodeToStatus.size,
		feasibleNodes: feasible.length,
	};
}

interface Search {
	readonly state: CycleState;
	readonly diagnosis: Diagnosis;
	/** The only nodes that PreFilter leaves; absent: all. */
	readonly nodeNames: ReadonlySet<string> | undefined;
	readonly memo: NodeMemo | undefined;
}

/** Nodes that plugins and extenders leave. */
function* findFeasible(pod: PodInfo, snapshot: Snapshot, context: ScheduleContext, search: Search): Cycle<readonly NodeInfo[]> {
	const { extenders = noExtenders } = context;
	const nominated = snapshot.get(pod.pod.status?.nominatedNodeName ?? "");
	if (nominated !== undefined && context.framework.runFiltersWithNominatedPods(search.state, pod, nominated) === undefined) {
		if (extenders.length === 0) return [nominated];
		const left = yield* nominatedByExtenders(pod, nominated, extenders, search);
		if (left.length > 0) return left;
	}
	const feasible = passFilters(pod, snapshot, context, search);
	return extenders.length === 0 ? feasible : yield* filterByExtenders(extenders, pod, feasible, search.diagnosis);
}

/** An extender that fails here fails for all nodes, too, and is reported there. */
function* nominatedByExtenders(
	pod: PodInfo,
	nominated: NodeInfo,
	extenders: readonly Extender[],
	{ diagnosis }: Search,
): Cycle<readonly NodeInfo[]> {
	try {
		return yield* filterByExtenders(extenders, pod, [nominated], diagnosis);
	} catch {
		return [];
	}
}

function passFilters(pod: PodInfo, snapshot: Snapshot, context: ScheduleContext, search: Search): readonly NodeInfo[] {
	const { framework, extenders = noExtenders } = context;
	const nodes = search.nodeNames === undefined ? snapshot.nodes : namedNodes(snapshot, search.nodeNames);
	const ranks = framework.hasScoring || extenders.some(({ canFilter, canScore }) => canFilter || canScore);
	const wanted = ranks ? feasibleNodesToFind(nodes.length, framework.profile.percentageOfNodesToScore) : 1;
	const feasible: NodeInfo[] = [];
	let processed = 0;
	let index = nodes.length === 0 ? 0 : context.startIndex % nodes.length;
	while (processed < nodes.length && feasible.length < wanted) {
		const node = nodes[index];
		if (node === undefined) break;
		const verdict = framework.runFiltersWithNominatedPods(search.state, pod, node, search.memo);
		if (verdict === undefined) {
			feasible.push(node);
		} else if (verdict.isRejected) {
			search.diagnosis.nodeToStatus.set(node.name, verdict);
			blame(search.diagnosis, verdict);
		} else {
			throw new Error(verdict.message);
		}
		processed++;
		index = index + 1 === nodes.length ? 0 : index + 1;
	}
	context.startIndex = (context.startIndex + processed) % snapshot.nodes.length;
	return feasible;
}

/** In the snapshot's order, so that equal seeds give equal placements. */
function namedNodes(snapshot: Snapshot, names: ReadonlySet<string>): readonly NodeInfo[] {
	return names.size < snapshot.nodes.length / 8
		? [...names].flatMap((name) => snapshot.get(name) ?? [])
		: snapshot.nodes.filter(({ name }) => names.has(name));
}

/**
 * How many feasible nodes are enough: all of up to 100; of more, a share that falls from 50 % by one point for each
 * 125 nodes down to 5 %, and at least 100. @param percentage 0: adapt.
 */
export function feasibleNodesToFind(allNodes: number, percentage: number): number {
	if (allNodes < minFeasibleNodesToFind) return allNodes;
	const share = percentage > 0 ? percentage : Math.max(50 - Math.trunc(allNodes / 125), minFeasibleNodesPercentageToFind);
	return Math.max(Math.trunc((allNodes * share) / 100), minFeasibleNodesToFind);
}

function* chooseBest(
	pod: PodInfo,
	nodes: readonly NodeInfo[],
	snapshot: Snapshot,
	context: ScheduleContext,
	{ state, memo }: Pick<Search, "state" | "memo">,
): Cycle<string> {
	const { framework, extenders = noExtenders } = context;
	const scores = framework.runScores(state, pod, nodes, snapshot, memo);
	if (extenders.length > 0) yield* scoreByExtenders(extenders, pod, nodes, scores);
	let best = Number.NEGATIVE_INFINITY;
	let count = 0;
	for (let index = 0; index < nodes.length; index++) {
		const score = scores[index] ?? 0;
		if (score > best) {
			best = score;
			count = 1;
		} else if (score === best) {
			count++;
		}
	}
	let chosen = count === 1 ? 0 : context.random.int(count);
	for (let index = 0; index < nodes.length; index++) {
		if (scores[index] === best && chosen-- === 0) return nodes[index]?.name ?? "";
	}
	throw new Error(`no node has the best score ${best}`);
}

function* explainFailure(
	state: CycleState,
	pod: PodInfo,
	snapshot: Snapshot,
	{ framework, extenders = noExtenders }: ScheduleContext,
	diagnosis: Diagnosis,
): Cycle<ScheduleOutcome> {
	const { message, nominatedNodeName } = yield* framework.runPostFilter(state, pod, snapshot, diagnosis.nodeToStatus, extenders);
	diagnosis.postFilterMessage = message;
	return {
		kind: "unschedulable",
		message: fitErrorMessage(snapshot.nodes.length, diagnosis),
		diagnosis,
		state,
		...(nominatedNodeName === undefined ? {} : { nominatedNodeName }),
	};
}
