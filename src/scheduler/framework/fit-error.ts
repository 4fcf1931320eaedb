/**
 * Why a pod fits nowhere: each node's verdict, and the sentence made of them that users read in events and in the
 * pod's PodScheduled condition.
 *
 *   0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. <what PostFilter says>
 *
 * Source of the text and of its order (by string, so "10 x" stands before "2 y"): kube-scheduler's FitError.
 */
import { Status, type StatusCode } from "./status.ts";

/** The verdict on each node, and one for all nodes that were not looked at one by one. */
export class NodeToStatus {
	/** Side by side. Most attempts find a node in the end, and nobody asks for the others: filed by name only when somebody does. */
	readonly #nodeNames: string[] = [];
	readonly #statuses: Status[] = [];
	#byName: Map<string, Status> | undefined;
	absentNodesStatus: Status;

	constructor(absentNodesStatus = new Status("UnschedulableAndUnresolvable", "", [])) {
		this.absentNodesStatus = absentNodesStatus;
	}

	get size(): number {
		return this.#statuses.length;
	}

	/** At most once for a node. */
	set(nodeName: string, status: Status): void {
		this.#nodeNames.push(nodeName);
		this.#statuses.push(status);
		this.#byName?.set(nodeName, status);
	}

	get(nodeName: string): Status {
		this.#byName ??= new Map(this.entries());
		return this.#byName.get(nodeName) ?? this.absentNodesStatus;
	}

	/** The nodes that were looked at. */
	*entries(): IterableIterator<[string, Status]> {
		for (const [index, status] of this.#statuses.entries()) yield [this.#nodeNames[index] ?? "", status];
	}

	/** Whether any node got this verdict by itself. */
	has(code: StatusCode): boolean {
		for (const status of this.#statuses) if (status.code === code) return true;
		return false;
	}
}

/** What is known of a failed attempt. */
export interface Diagnosis {
	readonly nodeToStatus: NodeToStatus;
	/** Plugins that turned the pod down on any node: whose events can wake it. */
	readonly unschedulablePlugins: Set<string>;
	/** Those that answered Pending. */
	readonly pendingPlugins: Set<string>;
	/** What PreFilter said if it turned the pod down for all nodes at once; "" otherwise. */
	preFilterMessage: string;
	postFilterMessage: string;
}

export function newDiagnosis(): Diagnosis {
	return {
		nodeToStatus: new NodeToStatus(),
		unschedulablePlugins: new Set(),
		pendingPlugins: new Set(),
		preFilterMessage: "",
		postFilterMessage: "",
	};
}

/** Remembers which plugin turned the pod down. */
export function blame(diagnosis: Diagnosis, status: Status): void {
	if (status.plugin === "") return;
	if (status.code === "Pending") diagnosis.pendingPlugins.add(status.plugin);
	if (status.isRejected) diagnosis.unschedulablePlugins.add(status.plugin);
}

/** @param allNodesCount of nodes in the snapshot, looked at or not. */
export function fitErrorMessage(allNodesCount: number, diagnosis: Diagnosis): string {
	const { preFilterMessage, postFilterMessage } = diagnosis;
	let text = `0/${allNodesCount} nodes are available:`;
	if (preFilterMessage !== "") {
		text += ` ${preFilterMessage}.`;
	} else {
		const reasons = countReasons(allNodesCount, diagnosis.nodeToStatus);
		if (reasons.length > 0) text += ` ${reasons.join(", ")}.`;
	}
	return postFilterMessage === "" ? text : `${text} ${postFilterMessage}`;
}

/** `2 Insufficient cpu`, sorted as strings. */
function countReasons(allNodesCount: number, nodeToStatus: NodeToStatus): string[] {
	const counts = new Map<string, number>();
	const count = (status: Status, nodes: number) => {
		for (const reason of status.reasons) counts.set(reason, (counts.get(reason) ?? 0) + nodes);
	};
	for (const [, status] of nodeToStatus.entries()) count(status, 1);
	if (nodeToStatus.size < allNodesCount) count(nodeToStatus.absentNodesStatus, allNodesCount - nodeToStatus.size);
	return [...counts].map(([reason, nodes]) => `${nodes} ${reason}`).sort();
}
