/**
 * Remembers the last scheduling attempts in full: each plugin's verdict on each node, the scores before and after
 * normalisation, the outcome, and what became of it until the pod was bound. It works from outside, by standing between
 * the framework and its plugins; a framework
 * whose profile is not wrapped pays nothing.
 */
import type { Cycle } from "./cycle.ts";
import { type Extender, type ExtenderFilterResult, maxExtenderScore } from "./extender.ts";
import type { NodeInfo } from "./node-info.ts";
import {
	type FilterPlugin,
	maxNodeScore,
	type PostFilterInput,
	type PostFilterPlugin,
	type PostFilterResult,
	type PreemptionCandidate,
	type PreemptionProposal,
	type PreFilterPlugin,
	type ScorePlugin,
} from "./plugin.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Profile, WeightedScorePlugin } from "./profile.ts";
import type { Scheduled, ScheduleOutcome } from "./schedule-one.ts";
import { Status, type Verdict } from "./status.ts";

/** What a plugin said; the code is Success where it had no objection. */
export interface PluginVerdict {
	readonly plugin: string;
	readonly code: Status["code"];
	readonly reasons: readonly string[];
}

/** What was said after a node had been chosen. */
export interface BindingVerdict extends PluginVerdict {
	readonly point: "Reserve" | "Permit" | "WaitOnPermit" | "PreBind" | "Bind";
}

export interface PluginScores {
	readonly plugin: string;
	readonly weight: number;
	/** By node name, as the plugin gave them and in 0..100. */
	readonly raw: ReadonlyMap<string, number>;
	readonly normalized: ReadonlyMap<string, number>;
}

export interface AttemptRecord {
	/** "namespace/name". */
	readonly pod: string;
	readonly uid: string;
	/** Cluster time, Unix ms. */
	readonly atMs: number;
	readonly preFilter: readonly PluginVerdict[];
	/** By node name, in the order in which the plugins were asked; the last verdict of a rejected node is the rejection. */
	readonly filter: ReadonlyMap<string, readonly PluginVerdict[]>;
	readonly postFilter: readonly PluginVerdict[];
	readonly score: readonly PluginScores[];
	/** Nodes where preemption would make room, as it found them; it takes the one with the least loss. */
	readonly preemption: readonly PreemptionCandidate[];
	readonly outcome: RecordedOutcome;
	/** Of a pod that was to be bound, in the order in which it was said; it grows until the pod is bound or is not. */
	readonly binding: readonly BindingVerdict[];
	/** Why the pod was not bound to the node after all. */
	readonly bindingFailure?: BindingFailure;
	/** There were too many nodes to write down what was said of each: only the outcome is known. */
	readonly isBrief: boolean;
}

export type RecordedOutcome =
	| Omit<Scheduled, "state">
	| { readonly kind: "unschedulable"; readonly message: string; readonly nominatedNodeName: string }
	| { readonly kind: "failed"; readonly message: string };

export interface BindingFailure {
	/** Turned down by a plugin; else something went wrong. */
	readonly isRejection: boolean;
	/** As in the pod's event. */
	readonly message: string;
}

/** A record while the pod is on its way to its node. */
interface BindingRecord extends AttemptRecord {
	readonly binding: BindingVerdict[];
	bindingFailure?: BindingFailure;
}

interface OpenRecord {
	readonly preFilter: PluginVerdict[];
	readonly filter: Map<string, readonly PluginVerdict[]>;
	/** The node that filters are being asked about, and what they have said of it so far. */
	filtered: { readonly node: string; verdicts: VerdictList } | undefined;
	readonly postFilter: PluginVerdict[];
	readonly score: PluginScores[];
	preemption: readonly PreemptionCandidate[];
	/** PostFilter tries filters out on imagined nodes; those verdicts are not the attempt's. */
	trying: boolean;
	/** The nodes that are being scored; what the record keeps of them is their names. */
	scored?: { readonly nodes: readonly NodeInfo[]; readonly names: readonly string[] };
}

/**
 * Verdicts in the order in which they were given. Most nodes pass the same plugins in the same order: they have one list, and
 * so have all attempts.
 */
class VerdictList {
	readonly verdicts: readonly PluginVerdict[];
	/** The list with one more success, as it came last. */
	#next: { readonly verdict: PluginVerdict; readonly list: VerdictList } | undefined;

	constructor(verdicts: readonly PluginVerdict[]) {
		this.verdicts = verdicts;
	}

	with(verdict: PluginVerdict): VerdictList {
		if (this.#next?.verdict === verdict) return this.#next.list;
		const list = new VerdictList([...this.verdicts, verdict]);
		if (verdict.code === "Success") this.#next = { verdict, list };
		return list;
	}
}

export class AttemptRecorder {
	readonly #capacity: number;
	readonly #maxNodes: number;
	/** Oldest first; less than twice `capacity`. */
	#records: AttemptRecord[] = [];
	/** The attempt under way: there is one cycle at a time. */
	#open: OpenRecord | undefined;
	/** By uid of the pod: many are on their way at once. */
	readonly #bindings = new Map<string, BindingRecord>();
	readonly #noVerdicts = new VerdictList([]);

	/**
	 * @param capacity attempts to remember, >= 1
	 * @param maxNodes of a cluster whose attempts are written down in full
	 */
	constructor(capacity: number, maxNodes = Number.POSITIVE_INFINITY) {
		this.#capacity = capacity;
		this.#maxNodes = maxNodes;
	}

	/** Whether attempts are written down in full. @param nodes in the cluster */
	isFull(nodes: number): boolean {
		return nodes <= this.#maxNodes;
	}

	/** Attempts for a pod ("namespace/name"), or all, the latest last. */
	records(pod?: string): readonly AttemptRecord[] {
		const last = this.#records.slice(-this.#capacity);
		return pod === undefined ? last : last.filter((record) => record.pod === pod);
	}

	/** Runs and records one attempt. @param nodes in the cluster */
	attempt(pod: PodInfo, atMs: number, nodes: number, run: () => ScheduleOutcome): ScheduleOutcome {
		const open = this.#begin(nodes);
		try {
			const outcome = run();
			this.#add(pod, atMs, open, outcome, nodes);
			return outcome;
		} finally {
			this.#open = undefined;
		}
	}

	/** The same for a cycle that may wait for extenders. No other may be run until it is over. */
	*attemptCycle(pod: PodInfo, atMs: number, nodes: number, cycle: Cycle<ScheduleOutcome>): Cycle<ScheduleOutcome> {
		const open = this.#begin(nodes);
		try {
			const outcome = yield* cycle;
			this.#add(pod, atMs, open, outcome, nodes);
			return outcome;
		} finally {
			this.#open = undefined;
		}
	}

	#begin(nodes: number): OpenRecord {
		const open: OpenRecord = {
			preFilter: [],
			filter: new Map(),
			filtered: undefined,
			postFilter: [],
			score: [],
			preemption: [],
			trying: false,
		};
		if (this.isFull(nodes)) this.#open = open;
		return open;
	}

	#add(pod: PodInfo, atMs: number, open: OpenRecord, outcome: ScheduleOutcome, nodes: number): void {
		fileFiltered(open);
		const { trying: _, scored: __, filtered: ___, ...said } = open;
		const isBrief = !this.isFull(nodes);
		const record: BindingRecord = { pod: pod.key, uid: pod.uid, atMs, ...said, outcome: recorded(outcome), binding: [], isBrief };
		this.#records.push(record);
		if (outcome.kind === "scheduled") this.#bindings.set(pod.uid, record);
		// Twice as many before the oldest half goes, so that not every attempt moves them all.
		if (this.#records.length >= 2 * this.#capacity) this.#records = this.#records.slice(-this.#capacity);
	}

	/** Permit plugins held the pod back; now they have let it go, or one of them (the verdict says which) has not. */
	waited(uid: string, plugins: Iterable<string>, verdict: Verdict): void {
		if (verdict !== undefined) this.#noteBinding(uid, "WaitOnPermit", verdictOf(verdict.plugin, verdict));
		else for (const plugin of plugins) this.#noteBinding(uid, "WaitOnPermit", verdictOf(plugin, undefined));
	}

	/** The pod is bound, or why it is not. */
	ended(uid: string, failure?: BindingFailure): void {
		const record = this.#bindings.get(uid);
		if (record === undefined) return;
		this.#bindings.delete(uid);
		if (failure !== undefined) record.bindingFailure = failure;
	}

	/** The same profile, with every plugin's answers written down. */
	wrap(profile: Profile): Profile {
		return {
			...profile,
			preFilter: profile.preFilter.map((plugin): PreFilterPlugin => {
				const { name, preFilterExtensions } = plugin;
				const preFilter: PreFilterPlugin["preFilter"] = (state, pod, snapshot) => {
					const answer = plugin.preFilter(state, pod, snapshot);
					this.#open?.preFilter.push(verdictOf(name, answer instanceof Status ? answer : undefined));
					return answer;
				};
				return preFilterExtensions === undefined ? { name, preFilter } : { name, preFilter, preFilterExtensions };
			}),
			filter: profile.filter.map((plugin) => {
				const { name } = plugin;
				const success = verdictOf(name, undefined);
				const filter: FilterPlugin["filter"] = (state, pod, node) => {
					const verdict = plugin.filter(state, pod, node);
					this.#noteFilter(node.name, verdict === undefined ? success : verdictOf(name, verdict));
					return verdict;
				};
				return { name, filter };
			}),
			postFilter: profile.postFilter.map((plugin) => ({
				name: plugin.name,
				postFilter: (input) => this.#notePostFilter(plugin, input),
			})),
			score: profile.score.map((entry) => this.#wrapScore(entry)),
			reserve: profile.reserve.map((plugin) => ({
				name: plugin.name,
				reserve: (state, pod, nodeName) => this.#noteVerdict(pod.uid, "Reserve", plugin.name, plugin.reserve(state, pod, nodeName)),
				unreserve: (state, pod, nodeName) => plugin.unreserve(state, pod, nodeName),
			})),
			permit: profile.permit.map((plugin) => ({
				name: plugin.name,
				permit: (state, pod, nodeName) => {
					const answer = plugin.permit(state, pod, nodeName);
					this.#noteVerdict(pod.uid, "Permit", plugin.name, answer.status);
					return answer;
				},
			})),
			preBind: profile.preBind.map((plugin) => ({
				name: plugin.name,
				preBind: async (state, pod, nodeName) =>
					this.#noteVerdict(pod.uid, "PreBind", plugin.name, await plugin.preBind(state, pod, nodeName)),
			})),
			bind: profile.bind.map((plugin) => ({
				name: plugin.name,
				bind: async (state, pod, nodeName) => this.#noteVerdict(pod.uid, "Bind", plugin.name, await plugin.bind(state, pod, nodeName)),
			})),
		};
	}

	/** The same extender, with its answers written down as a plugin's. */
	wrapExtender(extender: Extender): Extender {
		return {
			name: extender.name,
			isIgnorable: extender.isIgnorable,
			weight: extender.weight,
			canFilter: extender.canFilter,
			canScore: extender.canScore,
			canPreempt: extender.canPreempt,
			canBind: extender.canBind,
			isInterested: (pod) => extender.isInterested(pod),
			filter: async (pod, nodes) => {
				const answer = await extender.filter(pod, nodes);
				for (const verdict of verdictsOf(extender, nodes, answer)) this.#noteFilter(...verdict);
				return answer;
			},
			prioritize: async (pod, nodes) => {
				const raw = await extender.prioritize(pod, nodes);
				const normalized = new Map([...raw].map(([node, score]) => [node, score * (maxNodeScore / maxExtenderScore)]));
				this.#open?.score.push({ plugin: extender.name, weight: extender.weight, raw, normalized });
				return raw;
			},
			preempt: (pod, candidates, snapshot) => extender.preempt(pod, candidates, snapshot),
			bind: (pod, nodeName) => extender.bind(pod, nodeName),
		};
	}

	/** Returns the verdict. */
	#noteVerdict(uid: string, point: BindingVerdict["point"], plugin: string, verdict: Verdict): Verdict {
		this.#noteBinding(uid, point, verdictOf(plugin, verdict));
		return verdict;
	}

	/** Of attempts in large clusters only objections are kept. */
	#noteBinding(uid: string, point: BindingVerdict["point"], verdict: PluginVerdict): void {
		const record = this.#bindings.get(uid);
		if (record !== undefined && !(record.isBrief && verdict.code === "Success")) record.binding.push({ point, ...verdict });
	}

	#noteFilter(nodeName: string, verdict: PluginVerdict): void {
		const open = this.#open;
		if (open === undefined || open.trying) return;
		if (open.filtered?.node !== nodeName) {
			fileFiltered(open);
			const known = open.filter.get(nodeName);
			open.filtered = { node: nodeName, verdicts: known === undefined ? this.#noVerdicts : new VerdictList(known) };
		}
		open.filtered.verdicts = open.filtered.verdicts.with(verdict);
	}

	#notePostFilter(plugin: PostFilterPlugin, input: PostFilterInput): PostFilterResult | PreemptionProposal {
		if (this.#open !== undefined) this.#open.trying = true;
		const answer = plugin.postFilter(input);
		if (!("decide" in answer)) return this.#notePostFilterResult(plugin, answer);
		return { candidates: answer.candidates, decide: (left) => this.#notePostFilterResult(plugin, answer.decide(left)) };
	}

	#notePostFilterResult(plugin: PostFilterPlugin, result: PostFilterResult): PostFilterResult {
		this.#open?.postFilter.push(verdictOf(plugin.name, result.status));
		if (this.#open !== undefined) this.#open.preemption = result.candidates ?? [];
		return result;
	}

	#wrapScore({ plugin, weight }: WeightedScorePlugin): WeightedScorePlugin {
		const wrapped: ScorePlugin = {
			name: plugin.name,
			score: (state, pod, node, snapshot) => plugin.score(state, pod, node, snapshot),
			normalizeScore: (state, pod, scores, nodes) => {
				const open = this.#open;
				const raw = open === undefined ? undefined : scores.slice();
				plugin.normalizeScore?.(state, pod, scores, nodes);
				if (open === undefined || raw === undefined) return;
				// All plugins score the same nodes.
				if (open.scored?.nodes !== nodes) open.scored = { nodes, names: nodes.map(({ name }) => name) };
				const { names } = open.scored;
				open.score.push(new NodeScores({ plugin: plugin.name, weight, names, raw, normalized: scores.slice() }));
			},
		};
		return { plugin: wrapped, weight };
	}
}

/** Files what was said of a node: filters are asked about the next one, or are through. */
function fileFiltered(open: OpenRecord): void {
	if (open.filtered !== undefined) open.filter.set(open.filtered.node, open.filtered.verdicts.verdicts);
}

interface ScoreColumns {
	readonly plugin: string;
	readonly weight: number;
	/** Of the nodes, in the order of their scores. */
	readonly names: readonly string[];
	readonly raw: Float64Array;
	readonly normalized: Float64Array;
}

/** Maps are made for who looks: nobody does at most decisions, and each would have two maps of all nodes for each plugin. */
class NodeScores implements PluginScores {
	readonly plugin: string;
	readonly weight: number;
	readonly #columns: ScoreColumns;

	constructor(columns: ScoreColumns) {
		this.plugin = columns.plugin;
		this.weight = columns.weight;
		this.#columns = columns;
	}

	get raw(): ReadonlyMap<string, number> {
		return byNode(this.#columns.names, this.#columns.raw);
	}

	get normalized(): ReadonlyMap<string, number> {
		return byNode(this.#columns.names, this.#columns.normalized);
	}
}

function byNode(names: readonly string[], scores: Float64Array): ReadonlyMap<string, number> {
	return new Map(names.map((name, index) => [name, scores[index] ?? 0]));
}

/** Most plugins have no objection to most nodes. */
const successes = new Map<string, PluginVerdict>();

function verdictOf(plugin: string, verdict: Verdict): PluginVerdict {
	if (verdict !== undefined) return { plugin, code: verdict.code, reasons: verdict.reasons };
	const known = successes.get(plugin);
	if (known !== undefined) return known;
	const success: PluginVerdict = { plugin, code: "Success", reasons: [] };
	successes.set(plugin, success);
	return success;
}

/** Of each node that the extender was asked about. */
function verdictsOf(
	{ name }: Extender,
	nodes: readonly NodeInfo[],
	{ nodes: left, failed, unresolvable }: ExtenderFilterResult,
): readonly (readonly [nodeName: string, verdict: PluginVerdict])[] {
	const passed = new Set(left);
	return nodes.map((node) => {
		if (passed.has(node)) return [node.name, verdictOf(name, undefined)];
		const hopeless = unresolvable.get(node.name);
		const reason = hopeless ?? failed.get(node.name);
		const code = hopeless === undefined ? "Unschedulable" : "UnschedulableAndUnresolvable";
		return [node.name, { plugin: name, code, reasons: reason === undefined ? [] : [reason] }];
	});
}

/** What is kept of an outcome. */
export function recorded(outcome: ScheduleOutcome): RecordedOutcome {
	switch (outcome.kind) {
		case "scheduled": {
			const { state: _, ...rest } = outcome;
			return rest;
		}
		case "unschedulable":
			return { kind: "unschedulable", message: outcome.message, nominatedNodeName: outcome.nominatedNodeName ?? "" };
		case "failed":
			return { kind: "failed", message: outcome.status.message };
		default:
			return outcome satisfies never;
	}
}
