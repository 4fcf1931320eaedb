/**
 * Admits pods to nodes: gathers what admission.ts decides by, reads a Node anew before it is held against a pod, and has others
 * make room for critical pods.
 */
import { selectableNode } from "../../apimachinery/node-selector.ts";
import type { Node, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type ResourceAmounts, resourceAmounts } from "../pod-worker/footprint.ts";
import { type AdmittedPod, type AdmittingNode, admit, type Rejection } from "./admission.ts";
import { choosePreempted, preemptionReason } from "./preemption.ts";

/** A pod's worker, as admission sees it. */
export interface AdmissionCandidate {
	readonly pod: Pod;
	/** What its containers have been promised. */
	readonly requests: ResourceAmounts;
	/** It has been let in, and something of it is left on the node. */
	readonly holdsRoom: boolean;
	/** Ends the pod, which fails with that reason. */
	evict(why: Rejection, graceMs?: number): void;
	sync(): void;
}

/** The candidate's node. */
export interface AdmissionNode {
	readonly name: string;
	readonly allocatable: Readonly<Record<string, string>>;
	readonly pressures: readonly string[];
	readonly isShuttingDown: boolean;
}

export interface NodeAdmissionOptions {
	/** As the caches have it. */
	readonly cachedNode: (name: string) => Node | undefined;
	/** As the API has it; rejects as requests do. */
	readonly readNode: (name: string) => Promise<Node>;
	/** All of the node's. */
	readonly candidates: (node: string) => Iterable<AdmissionCandidate>;
	readonly awaitRoom: (node: string, candidate: AdmissionCandidate) => void;
	readonly onError: (pod: Pod, error: unknown) => void;
}

export type AdmissionAnswer =
	| { readonly type: "admitted" }
	| { readonly type: "rejected"; readonly rejection: Rejection }
	/** The candidate's `sync` is called when it is worth asking again. */
	| { readonly type: "undecided" };

const undecided: AdmissionAnswer = { type: "undecided" };

/** What is known of a pod that is not decided yet. */
type Waiting =
	| { readonly type: "reading" }
	| { readonly type: "read"; readonly node: Node | undefined }
	| { readonly type: "preempting"; readonly victims: readonly AdmissionCandidate[] };

export class NodeAdmission {
	readonly #options: NodeAdmissionOptions;
	readonly #waiting = new Map<AdmissionCandidate, Waiting>();
	/** Of Nodes' lists: most of a fleet's share one. */
	readonly #amounts = new WeakMap<object, ResourceAmounts>();

	constructor(options: NodeAdmissionOptions) {
		this.#options = options;
	}

	/** Asked again and again until it is decided. */
	admit(node: AdmissionNode, candidate: AdmissionCandidate): AdmissionAnswer {
		const waiting = this.#waiting.get(candidate);
		if (waiting?.type === "reading") return undecided;
		const isRead = waiting?.type === "read";
		const object = isRead ? waiting.node : this.#options.cachedNode(node.name);
		const others = this.#others(node.name, candidate);
		const verdict = admit(candidate.pod, candidate.requests, this.#admitting(node, object), others);
		switch (verdict.type) {
			case "admitted":
				return this.#decided(candidate, verdict);
			case "rejected":
				// Labels and taints may have changed a moment ago: nobody is refused by what a cache has of them.
				if (verdict.isOfNode && !isRead) return this.#readFirst(node.name, candidate);
				return this.#decided(candidate, verdict);
			case "preempts": {
				if (waiting?.type === "preempting" && waiting.victims.some(({ holdsRoom }) => holdsRoom)) return this.#await(node.name, candidate);
				const choice = choosePreempted(candidate.pod, others, verdict.shortages);
				if (choice.type === "victims") return this.#preempt(node.name, candidate, choice.victims);
				const why = `preemption: error finding a set of pods to preempt: ${choice.message}`;
				const message = `Unexpected error while attempting to recover from admission failure: ${why}`;
				return this.#decided(candidate, { type: "rejected", rejection: { reason: "UnexpectedAdmissionError", message } });
			}
			default:
				return verdict satisfies never;
		}
	}

	/** The candidate is gone. */
	forget(candidate: AdmissionCandidate): void {
		this.#waiting.delete(candidate);
	}

	#others(node: string, candidate: AdmissionCandidate): readonly (AdmittedPod & AdmissionCandidate)[] {
		return [...this.#options.candidates(node)].filter((each) => each !== candidate && each.holdsRoom);
	}

	#decided(candidate: AdmissionCandidate, answer: AdmissionAnswer): AdmissionAnswer {
		this.#waiting.delete(candidate);
		return answer;
	}

	#readFirst(node: string, candidate: AdmissionCandidate): AdmissionAnswer {
		const { readNode, onError, cachedNode } = this.#options;
		this.#waiting.set(candidate, { type: "reading" });
		const goOn = (object: Node | undefined) => {
			if (!this.#waiting.has(candidate)) return;
			this.#waiting.set(candidate, { type: "read", node: object });
			candidate.sync();
		};
		void readNode(node).then(goOn, (error: unknown) => {
			onError(candidate.pod, error);
			goOn(cachedNode(node));
		});
		return undecided;
	}

	#preempt(node: string, candidate: AdmissionCandidate, victims: readonly AdmissionCandidate[]): AdmissionAnswer {
		this.#waiting.set(candidate, { type: "preempting", victims });
		for (const victim of victims) victim.evict(preemptionReason);
		return this.#await(node, candidate);
	}

	#await(node: string, candidate: AdmissionCandidate): AdmissionAnswer {
		this.#options.awaitRoom(node, candidate);
		return undecided;
	}

	/** What the Node object says of resources counts, as others may write there; before it is known, what the node is made with. */
	#admitting({ name, allocatable, pressures, isShuttingDown }: AdmissionNode, node: Node | undefined): AdmittingNode {
		const list = node?.status?.allocatable ?? allocatable;
		const amounts = this.#amounts.get(list) ?? resourceAmounts(list);
		this.#amounts.set(list, amounts);
		const { labels } = node === undefined ? { labels: {} } : selectableNode(node);
		return { name, labels, taints: node?.spec?.taints ?? [], allocatable: amounts, pressures, isShuttingDown };
	}
}
