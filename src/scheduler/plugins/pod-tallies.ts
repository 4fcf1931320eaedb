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
/** Ways to sum one up; one more forgets them all. */
const maxTotals = 16;

export interface PodQuestion {
	/** Equal keys mean equal selectors. */
	readonly selectorKey: string;
	readonly selector: LabelMatcher;
}

/** Pods by domain of one topology key, over the nodes that count. */
class DomainTotals {
	readonly #topologyKey: string;
	readonly #includes: (node: NodeInfo) => boolean;
	/** Each node's domain, by the node's position; undefined: it does not count. */
	readonly #domainOf: (string | undefined)[] = [];
	/** Every domain that a node is in, with 0 if it is empty. */
	readonly byDomain = new Map<string, number>();
	/** Nodes of each domain, so that a domain goes with its last node. */
	readonly #nodeCounts = new Map<string, number>();
	/** How many domains have so many pods. */
	readonly #histogram = new Map<number, number>();

	constructor(topologyKey: string, includes: (node: NodeInfo) => boolean) {
		this.#topologyKey = topologyKey;
		this.#includes = includes;
	}

	/** Pods in the emptiest domain; 0 if there is none. */
	get fewest(): number {
		let fewest = Number.POSITIVE_INFINITY;
		for (const pods of this.#histogram.keys()) if (pods < fewest) fewest = pods;
		return fewest === Number.POSITIVE_INFINITY ? 0 : fewest;
	}

	/** A node's pods, labels or taints changed. */
	move(position: number, node: NodeInfo, after: number, before: number): void {
		const label = node.labels[this.#topologyKey];
		const domain = label !== undefined && this.#includes(node) ? label : undefined;
		const old = this.#domainOf[position];
		if (old === domain) {
			if (domain !== undefined && after !== before) this.#set(domain, (this.byDomain.get(domain) ?? 0) + after - before);
			return;
		}
		this.#domainOf[position] = domain;
		if (old !== undefined) {
			const nodesLeft = (this.#nodeCounts.get(old) ?? 0) - 1;
			this.#nodeCounts.set(old, nodesLeft);
			this.#set(old, nodesLeft === 0 ? undefined : (this.byDomain.get(old) ?? 0) - before);
		}
		if (domain === undefined) return;
		this.#nodeCounts.set(domain, (this.#nodeCounts.get(domain) ?? 0) + 1);
		this.#set(domain, (this.byDomain.get(domain) ?? 0) + after);
	}

	/** @param pods undefined: the domain is no more */
	#set(domain: string, pods: number | undefined): void {
		const before = this.byDomain.get(domain);
		if (before !== undefined) this.#countDomains(before, -1);
		if (pods === undefined) {
			this.byDomain.delete(domain);
			return;
		}
		this.byDomain.set(domain, pods);
		this.#countDomains(pods, 1);
	}

	#countDomains(pods: number, change: 1 | -1): void {
		const count = (this.#histogram.get(pods) ?? 0) + change;
		if (count === 0) this.#histogram.delete(pods);
		else this.#histogram.set(pods, count);
	}
}

export type { DomainTotals };

/** Which nodes count for a constraint. */
export interface Inclusion {
	/** Equal for equal predicates. */
	readonly key: string;
	readonly includes: (node: NodeInfo) => boolean;
}

/** One question's answers for one list of nodes. Invariant after `refresh`: every total is the sum of its nodes' counts. */
class Tally {
	readonly #selector: LabelMatcher;
	readonly #namespace: string;
	readonly #nodes: readonly NodeInfo[];
	/** Version of the snapshot's changes that the counts stand at. */
	#version: number | undefined;
	readonly #counts: Int32Array;
	/** By topology key and inclusion. */
	readonly #totals = new Map<string, DomainTotals>();

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
		for (const totals of this.#totals.values()) totals.move(position, node, after, before);
	}

	/** Selected pods on a node of the list. */
	onNode(node: NodeInfo): number {
		return this.#counts[node.position] ?? 0;
	}

	/** Selected pods by domain, over the nodes that have the key and count. Valid until the next refresh. */
	inDomains(topologyKey: string, { key, includes }: Inclusion): DomainTotals {
		const known = this.#totals.get(`${topologyKey}/${key}`);
		if (known !== undefined) return known;
		const totals = new DomainTotals(topologyKey, includes);
		if (this.#totals.size >= maxTotals) this.#totals.clear();
		this.#totals.set(`${topologyKey}/${key}`, totals);
		for (const [position, node] of this.#nodes.entries()) totals.move(position, node, this.#counts[position] ?? 0, 0);
		return totals;
	}
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
