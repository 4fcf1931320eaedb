/**
 * The extension points of the scheduling framework, in the order in which a pod passes them. A plugin is an object
 * with a name and the methods of the points it extends; a profile says which plugins run and how much their scores
 * weigh.
 *
 *   scheduling queue      PreEnqueue ─> QueueSort
 *   scheduling cycle      PreFilter ─> Filter ─(no node left)─> PostFilter
 *   (one pod at a time)              └─> PreScore ─> Score ─> NormalizeScore ─> Reserve ─> Permit
 *   binding cycle         (wait on Permit) ─> PreBind ─> Bind ─> PostBind
 *   (many at a time)
 *
 * Everything up to Permit is synchronous: what a plugin needs to know, its informers have told it already.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/scheduling-framework/
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { EventRegistration } from "./cluster-event.ts";
import type { CycleState } from "./cycle-state.ts";
import type { NodeToStatus } from "./fit-error.ts";
import type { NodeInfo } from "./node-info.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Status, Verdict } from "./status.ts";

/** Scores are whole numbers in 0..100 once normalised. */
export const maxNodeScore = 100;

export interface Plugin {
	readonly name: string;
	/** The events that can make a pod schedulable which this plugin turned down. Absent: any event can. */
	eventsToRegister?(): readonly EventRegistration[];
	/**
	 * What of the pod the plugin's answers about a single node depend on, as JSON. Pods with equal signatures get equal verdicts,
	 * equal scores (before they are normalized) and the same Skips, as long as the node is the same; so it may be asked once for many of
	 * them. Absent: more than the pod and the node counts.
	 * Source: KEP-5598 (SignPod).
	 */
	signPod?(pod: PodInfo): unknown;
}

/** Decides whether a pod may enter the queue of those to be scheduled; a rejected one waits, gated. */
export interface PreEnqueuePlugin extends Plugin {
	preEnqueue(pod: Pod): Verdict;
}

/** A pod in the queue, as far as its order matters. */
export interface QueueOrderable {
	readonly podInfo: PodInfo;
	/** When it came into the queue, Unix ms. */
	readonly timestampMs: number;
}

/** Orders the queue. A profile has exactly one. */
export interface QueueSortPlugin extends Plugin {
	/** Whether `a` is to be scheduled before `b`. */
	less(a: QueueOrderable, b: QueueOrderable): boolean;
}

/** Says that only these nodes can do, so that no others need be looked at. */
export interface PreFilterNodes {
	readonly nodeNames: ReadonlySet<string>;
}

/** Looks at the pod and the whole cluster once, before single nodes are looked at. */
export interface PreFilterPlugin extends Plugin {
	preFilter(state: CycleState, pod: PodInfo, snapshot: Snapshot): Status | PreFilterNodes | undefined;
	/** Brings what preFilter left in the state up to date when a pod is imagined on or off a node. */
	readonly preFilterExtensions?: {
		addPod(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void;
		removePod(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void;
	};
}

/** Decides whether a pod can run on a node. */
export interface FilterPlugin extends Plugin {
	filter(state: CycleState, pod: PodInfo, node: NodeInfo): Verdict;
}

/** A node that a pod would fit on without these pods. */
export interface PreemptionCandidate {
	readonly nodeName: string;
	/** Never empty; the most important first. */
	readonly victims: readonly PodInfo[];
	/** How many victims their disruption budgets would not let go. */
	readonly budgetViolations: number;
}

export interface PostFilterResult {
	/** Success: something was done that can make room. Rejections say why nothing could be. */
	readonly status: Status;
	/** The node kept for the pod; "" takes back an earlier one. Absent: no change. */
	readonly nominatedNodeName?: string;
	/** The nodes among which it was chosen: for whoever wants to know why. */
	readonly candidates?: readonly PreemptionCandidate[];
}

/** What a plugin would do if the extenders let it: they may take candidates away, and change whose turn it is to go. */
export interface PreemptionProposal {
	readonly candidates: readonly PreemptionCandidate[];
	/** @param left of the candidates; a Status: the extenders could not be asked */
	decide(left: readonly PreemptionCandidate[] | Status): PostFilterResult;
}

/** Runs a profile's filters, for plugins that try things out. */
export interface FilterRunner {
	/** Absent: the pod fits. */
	runFiltersWithNominatedPods(state: CycleState, pod: PodInfo, node: NodeInfo): Verdict;
	/** Tells the PreFilter plugins that a pod is imagined on the node, or away from it. */
	addPodToState(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void;
	removePodFromState(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void;
}

export interface PostFilterInput {
	readonly state: CycleState;
	readonly pod: PodInfo;
	readonly snapshot: Snapshot;
	/** Why the pod does not fit on each node. */
	readonly nodeToStatus: NodeToStatus;
	readonly filters: FilterRunner;
}

/** Runs when no node is left. The first plugin to answer Success ends the round. */
export interface PostFilterPlugin extends Plugin {
	postFilter(input: PostFilterInput): PostFilterResult | PreemptionProposal;
}

/** Looks at the feasible nodes once, before they are scored one by one. */
export interface PreScorePlugin extends Plugin {
	preScore(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): Verdict;
}

/** Ranks a node for a pod: a whole number, in 0..100 unless `normalizeScore` brings it there. */
export interface ScorePlugin extends Plugin {
	score(state: CycleState, pod: PodInfo, node: NodeInfo, snapshot: Snapshot): number;
	/** Changes the scores of all feasible nodes in place; they stand in the order of `nodes`. */
	normalizeScore?(state: CycleState, pod: PodInfo, scores: Float64Array, nodes: readonly NodeInfo[]): void;
}

/** Told when a node is set aside for a pod, and (in reverse order) when it is given back. */
export interface ReservePlugin extends Plugin {
	reserve(state: CycleState, pod: PodInfo, nodeName: string): Verdict;
	/** May be called without `reserve`, and twice. */
	unreserve(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** Can approve, deny, or hold back a binding (Wait, with a limit). */
export interface PermitPlugin extends Plugin {
	permit(state: CycleState, pod: PodInfo, nodeName: string): { readonly status: Verdict; readonly timeoutMs?: number };
}

export interface PreBindPlugin extends Plugin {
	preBind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Verdict>;
}

/** Binds the pod; the first that does not answer Skip has done it. */
export interface BindPlugin extends Plugin {
	bind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Verdict>;
}

export interface PostBindPlugin extends Plugin {
	postBind(state: CycleState, pod: PodInfo, nodeName: string): void;
}

/** Any plugin, whichever points it extends. */
export type AnyPlugin = Plugin &
	Partial<
		Omit<
			PreEnqueuePlugin &
				QueueSortPlugin &
				PreFilterPlugin &
				FilterPlugin &
				PostFilterPlugin &
				PreScorePlugin &
				ScorePlugin &
				ReservePlugin &
				PermitPlugin &
				PreBindPlugin &
				BindPlugin &
				PostBindPlugin,
			keyof Plugin
		>
	>;
