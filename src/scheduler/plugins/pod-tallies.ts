/**
 * How many pods that a selector selects are on each node and in each domain, remembered from one pod to the next: the
 * pods of a Deployment all ask the same question, and between two of them only the nodes that changed need a recount.
 */
import type { LabelMatcher } from "../framework/affinity-terms.ts";
import type { ChangeLog } from "../framework/change-log.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { PodInfo } from "../framework/pod-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";

/** Questions remembered; asking more forgets the one that was asked longest ago. */
const maxTallies = 256;

export interface PodQuestion {
	/** Equal keys mean equal selectors. */
	readonly selectorKey: string;
	readonly selector: LabelMatcher;
}

/** Pods by domain of one topology key. */
interface DomainTotals {
	/** Each node's domain, by the node's position. */
	readonly domainOf: (string | undefined)[];
	/** Every domain that a node is in, with 0 if it is empty. */
	readonly totals: Map<string, number>;
	/** Nodes of each domain, so that a domain goes with its last node. */
	readonly nodeCounts: Map<string, number>;
}

/** One question's answers for one list of nodes. Invariant after `refresh`: every total is the sum of its nodes' counts. */
class Tally {
	readonly #selector: LabelMatcher;
	readonly #namespace: string;
	readonly #nodes: readonly NodeInfo[];
	/** Version of the snapshot's changes that the counts stand at. */
	#version: number | undefined;
	readonly #counts: Int32Array;
	readonly #byKey = new Map<string, DomainTotals>();

	/** Counts nothing yet. */
	constructor(selector: LabelMatcher, namespace: string, nodes: readonly NodeInfo[]) {
		this.#selector = selector;
		this.#namespace = namespace;
		this.#nodes = nodes;
		this.#counts = new Int32Array(nodes.length);
	}

	isFor(nodes: readonly NodeInfo[]): boolean {
		return this.#nodes === nodes;
	}

	refresh(changes: ChangeLog): void {
		const changed = this.#version === undefined ? undefined : changes.since(this.#version);
		for (const node of changed ?? this.#nodes) this.#count(node);
		this.#version = changes.version;
	}

	#count(node: NodeInfo): void {
		// A node that is not listed, because it is deleted and only its pods are left, has no domain either.
		const { position } = node;
		if (this.#nodes[position] !== node) return;
		const before = this.#counts[position] ?? 0;
		const after = countMatching(this.#selector, this.#namespace, node.pods);
		this.#counts[position] = after;
		for (const [key, totals] of this.#byKey) move(totals, position, node.labels[key], after, before);
	}

	/** Selected pods on a node of the list. */
	onNode(node: NodeInfo): number {
		return this.#counts[node.position] ?? 0;
	}

	/** Selected pods by domain, over all nodes that have the key. Valid until the next refresh. */
	byDomain(topologyKey: string): ReadonlyMap<string, number> {
		let known = this.#byKey.get(topologyKey);
		if (known === undefined) {
			known = { domainOf: [], totals: new Map(), nodeCounts: new Map() };
			this.#byKey.set(topologyKey, known);
			for (const [position, node] of this.#nodes.entries()) {
				move(known, position, node.labels[topologyKey], this.#counts[position] ?? 0, 0);
			}
		}
		return known.totals;
	}
}

/** A node's count or domain changed. */
function move(
	{ domainOf, totals, nodeCounts }: DomainTotals,
	position: number,
	domain: string | undefined,
	after: number,
	before: number,
): void {
	const old = domainOf[position];
	if (old !== undefined && old !== domain) {
		const nodesLeft = (nodeCounts.get(old) ?? 0) - 1;
		nodeCounts.set(old, nodesLeft);
		if (nodesLeft === 0) totals.delete(old);
		else totals.set(old, (totals.get(old) ?? 0) - before);
	}
	domainOf[position] = domain;
	if (domain === undefined) return;
	if (old !== domain) nodeCounts.set(domain, (nodeCounts.get(domain) ?? 0) + 1);
	totals.set(domain, (totals.get(domain) ?? 0) + after - (old === domain ? before : 0));
}

export class PodTallies {
	/** By namespace and selector; the longest unasked first. */
	readonly #tallies = new Map<string, Tally>();

	/** Up to date with the snapshot; valid for the cycle. */
	for({ selectorKey, selector }: PodQuestion, namespace: string, { nodes, changes }: Snapshot): Tally {
		const key = `${namespace}/${selectorKey}`;
		let tally = this.#tallies.get(key);
		if (tally === undefined || !tally.isFor(nodes)) tally = new Tally(selector, namespace, nodes);
		this.#tallies.delete(key);
		this.#tallies.set(key, tally);
		const [oldest] = this.#tallies.keys();
		if (this.#tallies.size > maxTallies && oldest !== undefined) this.#tallies.delete(oldest);
		tally.refresh(changes);
		return tally;
	}
}

export type { Tally };

/** Pods of the namespace that the selector selects; those on their way out do not count. */
function countMatching(selector: LabelMatcher, namespace: string, pods: readonly PodInfo[]): number {
	let count = 0;
	for (const pod of pods) if (isCounted(pod, namespace) && selector.matches(pod.labels)) count++;
	return count;
}

/** Whether constraints of pods in this namespace count the pod at all. */
export function isCounted({ pod, namespace }: PodInfo, wanted: string): boolean {
	return namespace === wanted && pod.metadata?.deletionTimestamp === undefined;
}
