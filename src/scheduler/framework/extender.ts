/**
 * Extenders: services outside that filter and rank nodes, have a say in preemption, and bind, after the plugins or in place of them.
 *
 *   Filter plugins ─> each extender in turn ─> Score plugins + extenders, all at once ─> Reserve, Permit, PreBind ─> binding extender, or Bind
 *         └─ none left: DefaultPreemption's candidates ─> each extender in turn ─> the best of what is left
 *
 * Source: k8s.io/kubernetes/pkg/scheduler/schedule_one.go (findNodesThatPassExtenders, prioritizeNodes, extendersBinding) and
 * framework/preemption (callExtenders).
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { ask, type Cycle } from "./cycle.ts";
import type { Diagnosis } from "./fit-error.ts";
import type { NodeInfo } from "./node-info.ts";
import { maxNodeScore, type PreemptionCandidate } from "./plugin.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Snapshot } from "./snapshot.ts";
import { errorStatus, Status, type Verdict } from "./status.ts";

/** Stands among a pod's plugins that turned it down: it is woken by every event. */
export const extenderName = "extender";

/** Extenders give 0..10. */
export const maxExtenderScore = 10;

export interface ExtenderFilterResult {
	/** Those that are left, of the ones that it was asked about. */
	readonly nodes: readonly NodeInfo[];
	/** Node names to reasons. */
	readonly failed: ReadonlyMap<string, string>;
	/** Those of them, or others, where preemption would not help. */
	readonly unresolvable: ReadonlyMap<string, string>;
}

/** Methods reject with an Error whose text users see in events. */
export interface Extender {
	/** Its URL. */
	readonly name: string;
	/** Its failure is no reason not to schedule a pod. */
	readonly isIgnorable: boolean;
	/** Of its scores, > 0 where it scores. */
	readonly weight: number;
	readonly canFilter: boolean;
	readonly canScore: boolean;
	readonly canPreempt: boolean;
	readonly canBind: boolean;
	isInterested(pod: Pod): boolean;
	filter(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<ExtenderFilterResult>;
	/** Scores by node name; nodes that it leaves out have none. */
	prioritize(pod: PodInfo, nodes: readonly NodeInfo[]): Promise<ReadonlyMap<string, number>>;
	/** Candidates as it would have them; one without victims is for the caller to judge. */
	preempt(pod: PodInfo, candidates: readonly PreemptionCandidate[], snapshot: Snapshot): Promise<readonly PreemptionCandidate[]>;
	bind(pod: PodInfo, nodeName: string): Promise<void>;
}

/** What the extenders leave of the nodes. Throws what one that must not fail fails with. */
export function* filterByExtenders(
	extenders: readonly Extender[],
	pod: PodInfo,
	feasible: readonly NodeInfo[],
	diagnosis: Diagnosis,
): Cycle<readonly NodeInfo[]> {
	let left = feasible;
	for (const extender of extenders) {
		if (left.length === 0) break;
		if (!extender.canFilter) continue;
		const nodes = left;
		const answer = yield* tolerating(extender, () => extender.filter(pod, nodes));
		if (answer === undefined) continue;
		for (const [node, reason] of answer.unresolvable) {
			diagnosis.nodeToStatus.set(node, new Status("UnschedulableAndUnresolvable", "", [reason]));
		}
		for (const [node, reason] of answer.failed) {
			if (!answer.unresolvable.has(node)) diagnosis.nodeToStatus.set(node, new Status("Unschedulable", "", [reason]));
		}
		left = answer.nodes;
	}
	if (left.length !== feasible.length) diagnosis.unschedulablePlugins.add(extenderName);
	return left;
}

/** Adds what the extenders think of the nodes to the plugins' totals. One that fails has nothing to say. */
export function* scoreByExtenders(
	extenders: readonly Extender[],
	pod: PodInfo,
	nodes: readonly NodeInfo[],
	totals: Float64Array,
): Cycle<void> {
	const scoring = extenders.filter(({ canScore }) => canScore);
	if (scoring.length === 0) return;
	const answers = yield* ask(() => Promise.allSettled(scoring.map((extender) => extender.prioritize(pod, nodes))));
	for (const [index, { weight }] of scoring.entries()) {
		const answer = answers[index];
		if (answer?.status !== "fulfilled") continue;
		for (const [position, { name }] of nodes.entries()) {
			const score = answer.value.get(name) ?? 0;
			totals[position] = (totals[position] ?? 0) + score * weight * (maxNodeScore / maxExtenderScore);
		}
	}
}

/** What the extenders leave of the candidates, or why preemption fails. */
export function* preemptByExtenders(
	extenders: readonly Extender[],
	pod: PodInfo,
	candidates: readonly PreemptionCandidate[],
	snapshot: Snapshot,
): Cycle<readonly PreemptionCandidate[] | Status> {
	let left = candidates;
	for (const extender of extenders) {
		if (left.length === 0) break;
		if (!extender.canPreempt) continue;
		const proposed = left;
		try {
			const answer = yield* tolerating(extender, () => extender.preempt(pod, proposed, snapshot));
			if (answer === undefined) continue;
			const without = answer.find(({ victims }) => victims.length === 0);
			if (without !== undefined && !extender.isIgnorable) {
				return errorStatus("", `expected at least one victim pod on node "${without.nodeName}"`);
			}
			left = answer.filter(({ victims }) => victims.length > 0);
		} catch (error) {
			return errorStatus("", error);
		}
	}
	return left;
}

/** Has an extender bind the pod; "nobody" if none of them does that. */
export async function bindByExtender(extenders: readonly Extender[], pod: PodInfo, nodeName: string): Promise<Verdict | "nobody"> {
	for (const extender of extenders) {
		if (!extender.canBind || !extender.isInterested(pod.pod)) continue;
		try {
			await extender.bind(pod, nodeName);
			return undefined;
		} catch (error) {
			if (!extender.isIgnorable) return errorStatus("", error);
		}
	}
	return "nobody";
}

/** Undefined where an extender fails that may. */
function* tolerating<T>(extender: Extender, question: () => Promise<T>): Cycle<T | undefined> {
	try {
		return yield* ask(question);
	} catch (error) {
		if (extender.isIgnorable) return undefined;
		throw error;
	}
}
