/**
 * What plugins said of each node for pods of one signature, remembered from one pod to the next: the pods of a Deployment all ask the
 * same of the same nodes, and between two of them mostly one node changed. Only plugins that sign pods are remembered: their answers
 * depend on the signature and on the node alone.
 * Source of the idea of a signature: KEP-5598 (opportunistic batching); upstream hands on the list of the best nodes, here each node's answers are kept.
 */
import type { NodeInfo } from "./node-info.ts";
import type { WeightedScorePlugin } from "./profile.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Status, Verdict } from "./status.ts";
import { addRawScores, type ScoreRun, validScore } from "./weighted-scores.ts";

/** Memos kept; one more forgets the one that was asked longest ago. A memo of 5,000 nodes is about 150 KB. */
const maxMemos = 16;
/** Signatures that were seen once; a memo is worth its room from the second pod on. */
const maxSeenOnce = 256;

const fits = 1;
const rejected = 2;

/** One signature's answers for one list of nodes. */
class NodeMemo {
	readonly #nodes: readonly NodeInfo[];
	/** Version of the snapshot's changes that the answers stand at. */
	#version: number;
	/** By position: 0 if the node was not asked about since it changed. */
	readonly #verdicts: Uint8Array;
	/** By position: why, for those that are `rejected`. */
	readonly #rejections: Status[] = [];
	/** By position: whether `#sums` and `#raw` are known. */
	readonly #isScored: Uint8Array;
	/** By position: the weighted scores of plugins whose scores need no normalizing. */
	readonly #sums: Float64Array;
	/** By plugin and position: scores before they are normalized among those of the feasible nodes. */
	readonly #raw = new Map<string, Float64Array>();

	constructor({ nodes, changes }: Snapshot) {
		this.#nodes = nodes;
		this.#version = changes.version;
		this.#verdicts = new Uint8Array(nodes.length);
		this.#isScored = new Uint8Array(nodes.length);
		this.#sums = new Float64Array(nodes.length);
	}

	isFor(nodes: readonly NodeInfo[]): boolean {
		return this.#nodes === nodes;
	}

	/** Forgets what was said of nodes that have changed. */
	refresh({ changes }: Snapshot): void {
		if (this.#version === changes.version) return;
		const changed = changes.since(this.#version);
		this.#version = changes.version;
		if (changed === undefined) {
			this.#verdicts.fill(0);
			this.#isScored.fill(0);
			return;
		}
		for (const node of changed) {
			if (this.#nodes[node.position] !== node) continue;
			this.#verdicts[node.position] = 0;
			this.#isScored[node.position] = 0;
		}
	}

	/** What the filters said of a node of the list. */
	verdictOn({ position }: NodeInfo): Verdict | "unknown" {
		const verdict = this.#verdicts[position];
		if (verdict === fits) return undefined;
		return verdict === rejected ? this.#rejections[position] : "unknown";
	}

	/** @param verdict a rejection, or none */
	noteVerdict({ position }: NodeInfo, verdict: Verdict): void {
		this.#verdicts[position] = verdict === undefined ? fits : rejected;
		if (verdict !== undefined) this.#rejections[position] = verdict;
	}

	/** The plugins' parts of the totals; `scores` is there to be overwritten. @param entries always the same for a signature */
	addScores(entries: readonly WeightedScorePlugin[], totals: Float64Array, scores: Float64Array, run: ScoreRun): void {
		const { nodes } = run;
		for (let index = 0; index < nodes.length; index++) {
			const node = nodes[index];
			if (node === undefined) continue;
			const { position } = node;
			if (this.#isScored[position] === 0) this.#score(entries, node, run);
			totals[index] = (totals[index] ?? 0) + (this.#sums[position] ?? 0);
		}
		for (const entry of entries) {
			if (entry.plugin.normalizeScore === undefined) continue;
			const raw = this.#rawOf(entry);
			for (let index = 0; index < nodes.length; index++) scores[index] = raw[nodes[index]?.position ?? 0] ?? 0;
			addRawScores(entry, totals, scores, run);
		}
	}

	#score(entries: readonly WeightedScorePlugin[], node: NodeInfo, { state, pod, snapshot }: ScoreRun): void {
		let sum = 0;
		for (const entry of entries) {
			const { plugin, weight } = entry;
			const score = plugin.score(state, pod, node, snapshot);
			if (plugin.normalizeScore === undefined) sum += weight * validScore(plugin, score);
			else this.#rawOf(entry)[node.position] = score;
		}
		this.#sums[node.position] = sum;
		this.#isScored[node.position] = 1;
	}

	#rawOf({ plugin }: WeightedScorePlugin): Float64Array {
		let raw = this.#raw.get(plugin.name);
		if (raw === undefined) {
			raw = new Float64Array(this.#nodes.length);
			this.#raw.set(plugin.name, raw);
		}
		return raw;
	}
}

export type { NodeMemo };

export class NodeMemos {
	/** By signature; the longest unasked first. */
	readonly #memos = new Map<string, NodeMemo>();
	readonly #seenOnce = new Set<string>();

	/** Up to date with the snapshot; valid for the cycle. Undefined for a signature that has not come before. */
	for(signature: string, snapshot: Snapshot): NodeMemo | undefined {
		let memo = this.#memos.get(signature);
		if (memo === undefined && !this.#seenOnce.delete(signature)) {
			if (this.#seenOnce.size >= maxSeenOnce) this.#seenOnce.clear();
			this.#seenOnce.add(signature);
			return undefined;
		}
		if (memo === undefined || !memo.isFor(snapshot.nodes)) memo = new NodeMemo(snapshot);
		this.#memos.delete(signature);
		this.#memos.set(signature, memo);
		const [oldest] = this.#memos.keys();
		if (this.#memos.size > maxMemos && oldest !== undefined) this.#memos.delete(oldest);
		memo.refresh(snapshot);
		return memo;
	}
}
