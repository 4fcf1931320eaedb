/**
 * Numbers by topology pair (so many pods in zone=a), summed over all nodes and remembered from one pod to the next: the pods of a
 * Deployment all ask the same question, and between two of them only the nodes that changed need be looked at again.
 */
import type { ChangeLog } from "../framework/change-log.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { Snapshot } from "../framework/snapshot.ts";

/** Questions remembered; asking more forgets the one that was asked longest ago. */
const maxTallies = 64;

type Labels = Readonly<Record<string, string>>;
export type NamespaceLabels = (namespace: string) => Labels | undefined;

/** Numbers by topology pair; pairs with 0 are not there. */
export class TopologyCounts {
	readonly #counts = new Map<string, Map<string, number>>();
	#total = 0;

	/** Whether nothing is counted anywhere. */
	get isEmpty(): boolean {
		return this.#counts.size === 0;
	}

	/** The sum over all pairs. */
	get total(): number {
		return this.#total;
	}

	get(key: string, value: string): number {
		return this.#counts.get(key)?.get(value) ?? 0;
	}

	add(key: string, value: string, amount: number): void {
		if (amount === 0) return;
		this.#total += amount;
		const ofKey = this.#counts.get(key) ?? new Map<string, number>();
		const sum = (ofKey.get(value) ?? 0) + amount;
		if (sum === 0) ofKey.delete(value);
		else ofKey.set(value, sum);
		if (ofKey.size === 0) this.#counts.delete(key);
		else this.#counts.set(key, ofKey);
	}

	/** The sum over the pairs that the node is in. */
	sumOn({ labels }: NodeInfo): number {
		let sum = 0;
		for (const [key, ofKey] of this.#counts) sum += ofKey.get(labels[key] ?? "") ?? 0;
		return sum;
	}

	clone(): TopologyCounts {
		const copy = new TopologyCounts();
		for (const [key, ofKey] of this.#counts) copy.#counts.set(key, new Map(ofKey));
		copy.#total = this.#total;
		return copy;
	}
}

/** Counts of pods with some pods imagined on nodes, or away from them: what is really there is shared, and not touched. */
export class ImaginedCounts {
	readonly #actual: TopologyCounts;
	readonly #imagined: TopologyCounts;

	constructor(actual: TopologyCounts, imagined = new TopologyCounts()) {
		this.#actual = actual;
		this.#imagined = imagined;
	}

	/** No number is below 0, so nothing is there if the sum is 0. */
	get isEmpty(): boolean {
		return this.#actual.total + this.#imagined.total === 0;
	}

	get(key: string, value: string): number {
		const actual = this.#actual.get(key, value);
		return this.#imagined.isEmpty ? actual : actual + this.#imagined.get(key, value);
	}

	/** Whether any pair that the node is in has something. */
	isAnyOn(node: NodeInfo): boolean {
		return this.#actual.sumOn(node) + this.#imagined.sumOn(node) > 0;
	}

	add(key: string, value: string, amount: number): void {
		this.#imagined.add(key, value, amount);
	}

	clone(): ImaginedCounts {
		return new ImaginedCounts(this.#actual, this.#imagined.clone());
	}
}

/** Adds to the numbers of one kind, in the node's own domain of the key; nothing if it has none. */
export type Add<Kind> = (kind: Kind, topologyKey: string, amount: number) => void;

export interface TopologyQuestion<Kind extends string> {
	/** Numbers that are counted apart, on one walk over the nodes. */
	readonly kinds: readonly Kind[];
	/** All nodes that may have something to count. */
	readonly nodes: (snapshot: Snapshot) => Iterable<NodeInfo>;
	/** Counts what is on one node. */
	readonly count: (node: NodeInfo, add: Add<Kind>, namespaceLabels: NamespaceLabels) => void;
}

/** What a node has added to one pair. */
interface Share {
	readonly counts: TopologyCounts;
	readonly key: string;
	readonly value: string;
	readonly amount: number;
}

/** One question's answer. Invariant after `refresh`: every number is the sum of the nodes' shares. */
class TopologyTally<Kind extends string> {
	readonly #question: TopologyQuestion<Kind>;
	readonly #changes: ChangeLog;
	/** Version of the changes that the counts stand at; undefined: nothing is counted yet. */
	#version: number | undefined;
	#counts = new Map<Kind, TopologyCounts>();
	/** Of nodes that have any. */
	#shares = new Map<NodeInfo, readonly Share[]>();
	/** The labels that selectors of namespaces were held against. */
	#namespaces = new Map<string, Labels | undefined>();

	constructor(question: TopologyQuestion<Kind>, changes: ChangeLog) {
		this.#question = question;
		this.#changes = changes;
	}

	isFor({ changes }: Snapshot): boolean {
		return this.#changes === changes;
	}

	refresh(snapshot: Snapshot, namespaceLabels: NamespaceLabels): void {
		const changed = this.#version === undefined || this.#isRelabeled(namespaceLabels) ? undefined : this.#changes.since(this.#version);
		this.#version = this.#changes.version;
		if (changed === undefined) {
			this.#counts = new Map(this.#question.kinds.map((kind) => [kind, new TopologyCounts()]));
			this.#shares = new Map();
			this.#namespaces = new Map();
		}
		for (const node of changed ?? this.#question.nodes(snapshot)) this.#count(node, namespaceLabels);
	}

	counts(kind: Kind): TopologyCounts {
		const counts = this.#counts.get(kind);
		if (counts === undefined) throw new Error(`nothing of kind "${kind}" is counted`);
		return counts;
	}

	#count(node: NodeInfo, namespaceLabels: NamespaceLabels): void {
		const before = this.#shares.get(node);
		if (before !== undefined) for (const { counts, key, value, amount } of before) counts.add(key, value, -amount);
		const shares: Share[] = [];
		const add: Add<Kind> = (kind, key, amount) => {
			const value = node.labels[key];
			if (value === undefined || amount === 0) return;
			const counts = this.counts(kind);
			counts.add(key, value, amount);
			addShare(shares, { counts, key, value, amount });
		};
		this.#question.count(node, add, (namespace) => this.#labelsOf(namespace, namespaceLabels));
		if (shares.length > 0) this.#shares.set(node, shares);
		else if (before !== undefined) this.#shares.delete(node);
	}

	#labelsOf(namespace: string, namespaceLabels: NamespaceLabels): Labels | undefined {
		const known = this.#namespaces.get(namespace);
		if (known !== undefined || this.#namespaces.has(namespace)) return known;
		const labels = namespaceLabels(namespace);
		this.#namespaces.set(namespace, labels);
		return labels;
	}

	#isRelabeled(namespaceLabels: NamespaceLabels): boolean {
		for (const [namespace, labels] of this.#namespaces) if (namespaceLabels(namespace) !== labels) return true;
		return false;
	}
}

/** A node's pods mostly have the same to say: one share for all of them. */
function addShare(shares: Share[], share: Share): void {
	const index = shares.findIndex(({ counts, key }) => counts === share.counts && key === share.key);
	const known = shares[index];
	if (known === undefined) shares.push(share);
	else shares[index] = { ...known, amount: known.amount + share.amount };
}

export class TopologyTallies<Kind extends string> {
	/** By the question's key; the longest unasked first. */
	readonly #tallies = new Map<string, TopologyTally<Kind>>();
	readonly #namespaceLabels: NamespaceLabels;

	constructor(namespaceLabels: NamespaceLabels) {
		this.#namespaceLabels = namespaceLabels;
	}

	/** Up to date with the snapshot; valid for the cycle. @param key equal for equal questions */
	for(key: string, question: () => TopologyQuestion<Kind>, snapshot: Snapshot): TopologyTally<Kind> {
		let tally = this.#tallies.get(key);
		if (tally === undefined || !tally.isFor(snapshot)) tally = new TopologyTally(question(), snapshot.changes);
		this.#tallies.delete(key);
		this.#tallies.set(key, tally);
		const [oldest] = this.#tallies.keys();
		if (this.#tallies.size > maxTallies && oldest !== undefined) this.#tallies.delete(oldest);
		tally.refresh(snapshot, this.#namespaceLabels);
		return tally;
	}
}
