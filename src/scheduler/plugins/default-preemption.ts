/**
 * DefaultPreemption: for a pod that fits nowhere, finds a node where it would fit without some pods of lower priority,
 * has those evicted, and keeps the node in mind for the pod. The pod is scheduled later, in a cycle of its own, when
 * the victims are gone.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/
 */
import type { Random } from "../../apimachinery/random.ts";
import type { Pod, PodDisruptionBudget } from "../../apimachinery/schema/generated/types.ts";
import { ActionType } from "../framework/cluster-event.ts";
import { fitErrorMessage, newDiagnosis } from "../framework/fit-error.ts";
import type {
	PostFilterInput,
	PostFilterPlugin,
	PostFilterResult,
	PreEnqueuePlugin,
	PreemptionCandidate,
	PreemptionProposal,
} from "../framework/plugin.ts";
import { type PodInfo, podUid } from "../framework/pod-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";
import { Status, unresolvable, unschedulable, type Verdict } from "../framework/status.ts";
import { pickCandidate, selectVictims } from "./preemption-victims.ts";

const name = "DefaultPreemption";
const done = new Status("Success", name, []);
const notHelpful = unresolvable(name, "Preemption is not helpful for scheduling");
const noCandidate = unschedulable(name, "preemption: no candidate node for preemption");
const inProgress = unresolvable(name, "waiting for the preemption for this pod to be finished");

/** How many nodes to try: a share of all (0..100, default 10), and at least so many (default 100). */
export interface DefaultPreemptionArgs {
	readonly minCandidateNodesPercentage?: number;
	readonly minCandidateNodesAbsolute?: number;
}

/** What is to be done for a pod. */
export interface Preemption extends PreemptionCandidate {
	readonly preemptor: PodInfo;
}

export interface DefaultPreemptionOptions extends DefaultPreemptionArgs {
	readonly random: Random;
	readonly disruptionBudgets: () => readonly PodDisruptionBudget[];
	/** Has the victims evicted, in the background. */
	readonly evict: (preemption: Preemption) => void;
	/** Whether the evictions for a pod are still being asked for. */
	readonly isEvicting: (uid: string) => boolean;
}

export function createDefaultPreemption(options: DefaultPreemptionOptions): PreEnqueuePlugin & PostFilterPlugin {
	return {
		name,
		preEnqueue: (pod: Pod): Verdict => (options.isEvicting(podUid(pod)) ? inProgress : undefined),
		postFilter: (input) => preempt(input, options),
		// Registered to open the gate of preEnqueue; a pod turned down by the filters is woken by their events.
		eventsToRegister: () => [{ resource: "AssignedPod", action: ActionType.delete, hint: () => "Skip" }],
	};
}

function preempt(input: PostFilterInput, options: DefaultPreemptionOptions): PostFilterResult | PreemptionProposal {
	const { pod, snapshot } = input;
	const ineligible = ineligibility(pod, snapshot, input);
	if (ineligible !== undefined) return { status: unschedulable(name, `preemption: ${ineligible}`) };
	const { candidates, message } = findCandidates(input, options);
	if (candidates.length === 0) return { status: unschedulable(name, `preemption: ${message}`), nominatedNodeName: "" };
	return { candidates, decide: (left) => decide(pod, left, options) };
}

function decide(pod: PodInfo, left: readonly PreemptionCandidate[] | Status, options: DefaultPreemptionOptions): PostFilterResult {
	if (left instanceof Status) return { status: new Status(left.code, name, [`preemption: ${left.message}`]) };
	const best = pickCandidate(left);
	if (best === undefined) return { status: noCandidate };
	options.evict({ ...best, preemptor: pod });
	return { status: done, nominatedNodeName: best.nodeName, candidates: left };
}

/** Why the pod may not preempt anybody, if so. */
function ineligibility(pod: PodInfo, snapshot: Snapshot, { nodeToStatus }: PostFilterInput): string | undefined {
	if (pod.pod.spec?.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never.";
	const nominated = snapshot.get(pod.pod.status?.nominatedNodeName ?? "");
	if (nominated === undefined || nodeToStatus.get(nominated.name).code === "UnschedulableAndUnresolvable") return undefined;
	const waits = nominated.pods.some((other) => other.priority < pod.priority && isBeingPreempted(other.pod));
	return waits ? "not eligible due to a terminating pod on the nominated node." : undefined;
}

function isBeingPreempted({ metadata, status }: Pod): boolean {
	if (metadata?.deletionTimestamp === undefined) return false;
	return (
		status?.conditions?.some((condition) => {
			const { type, reason } = condition;
			return type === "DisruptionTarget" && condition.status === "True" && reason === "PreemptionByScheduler";
		}) ?? false
	);
}

function findCandidates({ state, pod, snapshot, nodeToStatus, filters }: PostFilterInput, options: DefaultPreemptionOptions) {
	const { minCandidateNodesPercentage = 10, minCandidateNodesAbsolute = 100 } = options;
	const diagnosis = newDiagnosis();
	diagnosis.nodeToStatus.absentNodesStatus = notHelpful;
	const nodes = snapshot.nodes.filter((node) => nodeToStatus.get(node.name).code === "Unschedulable");
	const wanted = Math.max(Math.trunc((nodes.length * minCandidateNodesPercentage) / 100), minCandidateNodesAbsolute);
	const start = nodes.length === 0 ? 0 : options.random.int(nodes.length);
	const budgets = nodes.length === 0 ? [] : options.disruptionBudgets();
	const candidates: PreemptionCandidate[] = [];
	for (let tried = 0; tried < nodes.length; tried++) {
		const node = nodes[(start + tried) % nodes.length];
		if (node === undefined) break;
		const answer = selectVictims(filters, state, pod, node, budgets);
		if (answer instanceof Status) diagnosis.nodeToStatus.set(node.name, answer);
		else candidates.push(answer);
		if (candidates.length >= wanted && candidates.some(({ budgetViolations }) => budgetViolations === 0)) break;
	}
	return { candidates, message: candidates.length > 0 ? "" : fitErrorMessage(snapshot.nodes.length, diagnosis) };
}
