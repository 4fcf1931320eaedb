/**
 * The pods that preemption has made room for, until they are scheduled: each keeps a node in mind, so that others do
 * not take the room.
 */
import type { PodInfo } from "../framework/pod-info.ts";

const none: readonly PodInfo[] = [];

export class Nominator {
	readonly #byNode = new Map<string, readonly PodInfo[]>();
	/** Uid of a nominated pod to the name of its node. */
	readonly #nodeOf = new Map<string, string>();

	get isEmpty(): boolean {
		return this.#nodeOf.size === 0;
	}

	/** Pods nominated to a node, the first nominated first. */
	forNode(nodeName: string): readonly PodInfo[] {
		return this.#byNode.get(nodeName) ?? none;
	}

	/** Records the pod under its node, and nowhere else. */
	add(pod: PodInfo, nodeName: string): void {
		this.delete(pod.uid);
		this.#nodeOf.set(pod.uid, nodeName);
		this.#byNode.set(nodeName, [...this.forNode(nodeName), pod]);
	}

	delete(uid: string): void {
		const nodeName = this.#nodeOf.get(uid);
		if (nodeName === undefined) return;
		this.#nodeOf.delete(uid);
		const rest = this.forNode(nodeName).filter((pod) => pod.uid !== uid);
		if (rest.length === 0) this.#byNode.delete(nodeName);
		else this.#byNode.set(nodeName, rest);
	}

	/** Forgets the pod's nomination for a while; the function returned brings it back. */
	setAside(pod: PodInfo): () => void {
		const nodeName = this.#nodeOf.get(pod.uid);
		if (nodeName === undefined) return () => undefined;
		this.delete(pod.uid);
		return () => this.add(pod, nodeName);
	}

	/**
	 * A pod changed. The server's word on its node counts; a status that never named one does not take back a
	 * nomination that is still on its way there. @param before status.nominatedNodeName before the change, "" if none.
	 */
	update(before: string, pod: PodInfo): void {
		const after = pod.pod.status?.nominatedNodeName ?? "";
		const known = this.#nodeOf.get(pod.uid) ?? "";
		const kept = before === "" && after === "" ? known : after;
		if (kept !== "") this.add(pod, kept);
		else if (known !== "") this.delete(pod.uid);
	}
}
