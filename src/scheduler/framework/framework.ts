/**
 * Runs the plugins of a profile at each extension point, with the framework's rules about who is asked, who is
 * skipped and whose answer ends the round.
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import type { Cycle } from "./cycle.ts";
import { CycleState } from "./cycle-state.ts";
import { type Extender, preemptByExtenders } from "./extender.ts";
import { blame, type Diagnosis, type NodeToStatus } from "./fit-error.ts";
import type { NodeInfo } from "./node-info.ts";
import { type NodeMemo, NodeMemos } from "./node-memo.ts";
import type { FilterPlugin, FilterRunner, Plugin, PreFilterNodes } from "./plugin.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Profile, WeightedScorePlugin } from "./profile.ts";
import type { Snapshot } from "./snapshot.ts";
import { errorStatus, Status, unresolvable, type Verdict } from "./status.ts";
import { addScores } from "./weighted-scores.ts";

/** No Permit plugin may hold a pod back for longer than this. */
const maxPermitTimeoutMs = 15 * 60_000;

/** Knows which pods wait for room that preemption makes on a node. */
export interface NominatedPods {
	/** Mostly there are none, and every node of every attempt would be looked up. */
	readonly isEmpty: boolean;
	forNode(nodeName: string): readonly PodInfo[];
}

export interface PreFilterRun {
	readonly state: CycleState;
	/** Not a success: no node needs be looked at. */
	readonly status: Verdict;
	/** The only nodes left; absent: all. */
	readonly nodeNames: ReadonlySet<string> | undefined;
}

export class Framework implements FilterRunner {
	readonly profile: Profile;
	readonly #nominated: NominatedPods;
	/** Of a whole cycle; see `runFilters`. */
	#activeFilters: ActiveFilters;
	/** Names of the first filters, as far as they sign pods: what comes after one that does not is not remembered. */
	readonly #signedFilters: ReadonlySet<string>;
	readonly #signedScores: readonly WeightedScorePlugin[];
	readonly #unsignedScores: readonly WeightedScorePlugin[];
	/** All of those that are remembered. */
	readonly #signers: readonly Plugin[];
	readonly #memos = new NodeMemos();
	/** Reused from pod to pod: totals and one plugin's scores, as long as the most nodes ever scored. */
	#totals = new Float64Array(0);
	#scores = new Float64Array(0);

	constructor(profile: Profile, nominated: NominatedPods) {
		this.profile = profile;
		this.#nominated = nominated;
		const unsigned = profile.filter.findIndex(({ signPod }) => signPod === undefined);
		const signed = unsigned === -1 ? profile.filter : profile.filter.slice(0, unsigned);
		this.#signedFilters = new Set(signed.map(({ name }) => name));
		this.#signedScores = profile.score.filter(({ plugin }) => plugin.signPod !== undefined);
		this.#unsignedScores = profile.score.filter(({ plugin }) => plugin.signPod === undefined);
		this.#signers = [...new Set<Plugin>([...signed, ...this.#signedScores.map(({ plugin }) => plugin)])];
		this.#activeFilters = this.#filtersOf(new Set());
	}

	get hasScoring(): boolean {
		return this.profile.score.length > 0;
	}

	/** The first plugin that does not let the pod in. */
	runPreEnqueue(pod: Pod): Verdict {
		for (const plugin of this.profile.preEnqueue) {
			const verdict = plugin.preEnqueue(pod);
			if (verdict !== undefined) return verdict;
		}
		return undefined;
	}

	runPreFilter(pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis): PreFilterRun {
		const skipped = new Set<string>();
		const state = new CycleState(new Map(), skipped);
		const narrowing: string[] = [];
		let nodeNames: ReadonlySet<string> | undefined;
		let rejection: Status | undefined;
		for (const plugin of this.profile.preFilter) {
			const answer = plugin.preFilter(state, pod, snapshot);
			if (answer === undefined) continue;
			if (!(answer instanceof Status)) {
				narrowing.push(plugin.name);
				nodeNames = intersect(nodeNames, answer);
				if (nodeNames.size > 0) continue;
				for (const name of narrowing) diagnosis.unschedulablePlugins.add(name);
				rejection = unresolvable("", emptyIntersectionMessage(narrowing));
				break;
			}
			if (answer.code === "Skip") {
				skipped.add(plugin.name);
				continue;
			}
			if (answer.code === "Success") continue;
			if (!answer.isRejected) {
				const status = errorStatus(plugin.name, `running PreFilter plugin "${plugin.name}": ${answer.message}`);
				return { state, status, nodeNames };
			}
			blame(diagnosis, answer);
			rejection = answer;
			if (answer.code === "UnschedulableAndUnresolvable") break;
		}
		if (rejection !== undefined) {
			diagnosis.nodeToStatus.absentNodesStatus = rejection;
			diagnosis.preFilterMessage = rejection.message;
			return { state, status: rejection, nodeNames };
		}
		if (nodeNames !== undefined) {
			for (const name of narrowing) diagnosis.unschedulablePlugins.add(name);
			diagnosis.nodeToStatus.absentNodesStatus = unresolvable("", `node(s) didn't satisfy plugin(s) [${narrowing.sort().join(" ")}]`);
		}
		return { state, status: undefined, nodeNames };
	}

	/** What is remembered of the snapshot's nodes from pods like this one; undefined if nothing is worth it. Valid for the cycle. */
	recall(pod: PodInfo, snapshot: Snapshot): NodeMemo | undefined {
		if (this.#signers.length === 0) return undefined;
		return this.#memos.for(JSON.stringify(this.#signers.map((plugin) => plugin.signPod?.(pod))), snapshot);
	}

	/** The first plugin that turns the node down ends the round. @param memo for a node of the snapshot, and the cycle's own state */
	runFilters(state: CycleState, pod: PodInfo, node: NodeInfo, memo?: NodeMemo): Verdict {
		// The same cycle asks about node after node, so the list of those not skipped is made once.
		if (this.#activeFilters.skipped !== state.skippedFilters) this.#activeFilters = this.#filtersOf(state.skippedFilters);
		const { signed, others } = this.#activeFilters;
		let verdict = memo === undefined ? "unknown" : memo.verdictOn(node);
		if (verdict === "unknown") {
			verdict = firstRejection(signed, state, pod, node);
			if (verdict === undefined || verdict.isRejected) memo?.noteVerdict(node, verdict);
		}
		return verdict ?? firstRejection(others, state, pod, node);
	}

	/**
	 * Pods of equal or higher priority that wait for room on the node count as if they ran there. The pod must fit with
	 * them and without them: without, because its affinity may lean on pods that never come.
	 */
	runFiltersWithNominatedPods(state: CycleState, pod: PodInfo, node: NodeInfo, memo?: NodeMemo): Verdict {
		if (this.#nominated.isEmpty) return this.runFilters(state, pod, node, memo);
		const nominated = this.#nominated.forNode(node.name);
		const expected =
			nominated.length === 0 ? nominated : nominated.filter((other) => other.priority >= pod.priority && other.uid !== pod.uid);
		if (expected.length > 0) {
			const imagined = node.clone();
			const imaginedState = state.clone();
			for (const other of expected) {
				imagined.addPod(other);
				this.addPodToState(imaginedState, pod, other, imagined);
			}
			const verdict = this.runFilters(imaginedState, pod, imagined);
			if (verdict !== undefined) return verdict;
		}
		return this.runFilters(state, pod, node, memo);
	}

	/** Tells the PreFilter plugins that `added` is imagined on the node. */
	addPodToState(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void {
		for (const plugin of this.profile.preFilter) {
			if (!state.skippedFilters.has(plugin.name)) plugin.preFilterExtensions?.addPod(state, pod, added, node);
		}
	}

	/** Tells the PreFilter plugins that `removed` is imagined away from the node. */
	removePodFromState(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void {
		for (const plugin of this.profile.preFilter) {
			if (!state.skippedFilters.has(plugin.name)) plugin.preFilterExtensions?.removePod(state, pod, removed, node);
		}
	}

	/** All reasons why nothing could be done, or "" if one of the plugins has done something. */
	*runPostFilter(
		state: CycleState,
		pod: PodInfo,
		snapshot: Snapshot,
		nodeToStatus: NodeToStatus,
		extenders: readonly Extender[] = [],
	): Cycle<{ readonly message: string; readonly nominatedNodeName?: string }> {
		const reasons: string[] = [];
		let nomination: { readonly nominatedNodeName?: string } = {};
		for (const plugin of this.profile.postFilter) {
			const answer = plugin.postFilter({ state, pod, snapshot, nodeToStatus, filters: this });
			const { status, nominatedNodeName } =
				"decide" in answer ? answer.decide(yield* preemptByExtenders(extenders, pod, answer.candidates, snapshot)) : answer;
			if (nominatedNodeName !== undefined) nomination = { nominatedNodeName };
			if (status.code === "Success") return { message: "", ...nomination };
			if (!status.isRejected) return { message: status.message };
			reasons.push(...status.reasons);
			if (status.code === "UnschedulableAndUnresolvable") break;
		}
		return { message: reasons.join(", "), ...nomination };
	}

	/** The weighted sum of the plugins' scores for each node. The array is valid until the next call. */
	runScores(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot, memo?: NodeMemo): Float64Array {
		const skipped = this.#runPreScore(state, pod, nodes, snapshot);
		if (this.#totals.length < nodes.length) {
			this.#totals = new Float64Array(nodes.length);
			this.#scores = new Float64Array(nodes.length);
		}
		const totals = this.#totals.subarray(0, nodes.length).fill(0);
		const scores = this.#scores.subarray(0, nodes.length);
		const run = { state, pod, nodes, snapshot };
		const isActive = ({ plugin }: WeightedScorePlugin) => !skipped.has(plugin.name);
		memo?.addScores(this.#signedScores.filter(isActive), totals, scores, run);
		for (const entry of memo === undefined ? this.profile.score : this.#unsignedScores) {
			if (isActive(entry)) addScores(entry, totals, scores, run);
		}
		return totals;
	}

	/** Names of the score plugins that have nothing to say of this pod. */
	#runPreScore(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[], snapshot: Snapshot): ReadonlySet<string> {
		const skipped = new Set<string>();
		for (const plugin of this.profile.preScore) {
			const verdict = plugin.preScore(state, pod, nodes, snapshot);
			if (verdict === undefined || verdict.code === "Success") continue;
			if (verdict.code !== "Skip") throw new Error(`running PreScore plugin "${plugin.name}": ${verdict.message}`);
			skipped.add(plugin.name);
		}
		return skipped;
	}

	/** Stops at the first plugin that refuses; the caller then unreserves. */
	runReserve(state: CycleState, pod: PodInfo, nodeName: string): Verdict {
		for (const plugin of this.profile.reserve) {
			const verdict = plugin.reserve(state, pod, nodeName);
			if (verdict === undefined || verdict.code === "Success") continue;
			return verdict.isRejected ? verdict : errorStatus(plugin.name, `running Reserve plugin "${plugin.name}": ${verdict.message}`);
		}
		return undefined;
	}

	/** In reverse order of `runReserve`. */
	runUnreserve(state: CycleState, pod: PodInfo, nodeName: string): void {
		for (const plugin of this.profile.reserve.toReversed()) plugin.unreserve(state, pod, nodeName);
	}

	/** Wait if a plugin holds the binding back; `waits` then has each such plugin's limit in ms. */
	runPermit(state: CycleState, pod: PodInfo, nodeName: string): { readonly status: Verdict; readonly waits: ReadonlyMap<string, number> } {
		const waits = new Map<string, number>();
		for (const plugin of this.profile.permit) {
			const { status, timeoutMs = maxPermitTimeoutMs } = plugin.permit(state, pod, nodeName);
			if (status === undefined || status.code === "Success") continue;
			if (status.isRejected) return { status, waits };
			if (status.code !== "Wait") {
				return { status: errorStatus(plugin.name, `running Permit plugin "${plugin.name}": ${status.message}`), waits };
			}
			waits.set(plugin.name, Math.min(timeoutMs, maxPermitTimeoutMs));
		}
		if (waits.size === 0) return { status: undefined, waits };
		const status = new Status("Wait", "", [`one or more plugins asked to wait and no plugin rejected pod "${pod.name}"`]);
		return { status, waits };
	}

	async runPreBind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Verdict> {
		for (const plugin of this.profile.preBind) {
			const verdict = await plugin.preBind(state, pod, nodeName);
			if (verdict === undefined || verdict.code === "Success" || verdict.code === "Skip") continue;
			return errorStatus(plugin.name, `running PreBind plugin "${plugin.name}": ${verdict.message}`);
		}
		return undefined;
	}

	async runBind(state: CycleState, pod: PodInfo, nodeName: string): Promise<Verdict> {
		for (const plugin of this.profile.bind) {
			const verdict = await plugin.bind(state, pod, nodeName);
			if (verdict?.code === "Skip") continue;
			if (verdict === undefined || verdict.code === "Success") return undefined;
			return errorStatus(plugin.name, `running Bind plugin "${plugin.name}": ${verdict.message}`);
		}
		return errorStatus("", "no bind plugin bound the pod");
	}

	runPostBind(state: CycleState, pod: PodInfo, nodeName: string): void {
		for (const plugin of this.profile.postBind) plugin.postBind(state, pod, nodeName);
	}

	#filtersOf(skipped: ReadonlySet<string>): ActiveFilters {
		const active = this.profile.filter.filter(({ name }) => !skipped.has(name));
		return {
			skipped,
			signed: active.filter(({ name }) => this.#signedFilters.has(name)),
			others: active.filter(({ name }) => !this.#signedFilters.has(name)),
		};
	}
}

/** The filters of a cycle, in two parts that run one after the other. */
interface ActiveFilters {
	readonly skipped: ReadonlySet<string>;
	readonly signed: readonly FilterPlugin[];
	readonly others: readonly FilterPlugin[];
}

function firstRejection(plugins: readonly FilterPlugin[], state: CycleState, pod: PodInfo, node: NodeInfo): Verdict {
	for (const plugin of plugins) {
		const verdict = plugin.filter(state, pod, node);
		if (verdict === undefined || verdict.code === "Success") continue;
		return verdict.isRejected ? verdict : errorStatus(plugin.name, `running "${plugin.name}" filter plugin: ${verdict.message}`);
	}
	return undefined;
}

function intersect(known: ReadonlySet<string> | undefined, { nodeNames }: PreFilterNodes): ReadonlySet<string> {
	return known === undefined ? nodeNames : new Set([...known].filter((name) => nodeNames.has(name)));
}

function emptyIntersectionMessage(plugins: readonly string[]): string {
	const message = `node(s) didn't satisfy plugin(s) [${[...plugins].sort().join(" ")}]`;
	return plugins.length > 1 ? `${message} simultaneously` : message;
}
