/**
 * A node with the sums over its pods, kept up to date pod by pod, so that a plugin's look at a node costs a few
 * comparisons. The one mutable thing that plugins see; only the cache (and a plugin on a clone) changes it.
 */
import type { Node, Taint } from "../../apimachinery/schema/generated/types.ts";
import type { HostPort } from "./host-ports.ts";
import { hostPortsConflict } from "./host-ports.ts";
import type { PodInfo } from "./pod-info.ts";
import { ResourceVector } from "./resource-vector.ts";

const noTaints: readonly Taint[] = [];
const noLabels: Readonly<Record<string, string>> = {};

/** One and the same list for all nodes that have none. */
function taintsOf(taints: readonly Taint[], isWanted: (taint: Taint) => boolean): readonly Taint[] {
	return taints.some(isWanted) ? taints.filter(isWanted) : noTaints;
}

export class NodeInfo {
	readonly name: string;
	/** Index among the snapshot's nodes. */
	position = -1;
	/** Undefined while pods are known of a node that is not: it was deleted before them, or they were seen before it. */
	node: Node | undefined;
	labels: Readonly<Record<string, string>> = noLabels;
	/** spec.unschedulable: cordoned. Here, and not behind three more steps, because every attempt asks every node. */
	isUnschedulable = false;
	/** Taints that keep pods off: NoSchedule and NoExecute. */
	blockingTaints: readonly Taint[] = noTaints;
	/** Taints of effect PreferNoSchedule. */
	softTaints: readonly Taint[] = noTaints;
	/** status.allocatable. */
	allocatable = new ResourceVector();
	/** Sum of the pods' requests; never negative. */
	readonly requested: ResourceVector;
	/** Sums with the defaults for containers without a request, for scoring. */
	nonZeroMilliCpu = 0;
	nonZeroMemoryBytes = 0;
	/** All pods assigned or assumed to be. */
	readonly pods: PodInfo[];
	/** Those of `pods` with any inter-pod affinity or anti-affinity. */
	readonly podsWithAffinity: PodInfo[] = [];
	/** Those of `pods` with required anti-affinity. */
	readonly podsWithRequiredAntiAffinity: PodInfo[] = [];
	/** Host ports in use, one entry for each pod that uses it. */
	readonly usedPorts: HostPort[] = [];

	constructor(name: string) {
		this.name = name;
		this.requested = new ResourceVector();
		this.pods = [];
	}

	setNode(node: Node): void {
		this.node = node;
		this.labels = node.metadata?.labels ?? noLabels;
		this.isUnschedulable = node.spec?.unschedulable === true;
		const taints = node.spec?.taints ?? noTaints;
		this.blockingTaints = taintsOf(taints, ({ effect }) => effect === "NoSchedule" || effect === "NoExecute");
		this.softTaints = taintsOf(taints, ({ effect }) => effect === "PreferNoSchedule");
		this.allocatable = ResourceVector.from(node.status?.allocatable);
	}

	/** The node was deleted; its pods are still there. */
	clearNode(): void {
		this.setNode({});
		this.node = undefined;
	}

	addPod(pod: PodInfo): void {
		this.pods.push(pod);
		if (pod.hasAffinity) this.podsWithAffinity.push(pod);
		if (pod.hasRequiredAntiAffinity) this.podsWithRequiredAntiAffinity.push(pod);
		for (const port of pod.hostPorts) this.usedPorts.push(port);
		this.#count(pod, 1);
	}

	/** Returns whether the pod was there. */
	removePod(uid: string): boolean {
		const pod = takeOut(this.pods, uid);
		if (pod === undefined) return false;
		if (pod.hasAffinity) takeOut(this.podsWithAffinity, uid);
		if (pod.hasRequiredAntiAffinity) takeOut(this.podsWithRequiredAntiAffinity, uid);
		for (const port of pod.hostPorts) this.usedPorts.splice(this.usedPorts.indexOf(port), 1);
		this.#count(pod, -1);
		return true;
	}

	/** Puts a pod in the place of its former self, which took the same and had the same affinity. */
	replacePod(pod: PodInfo): void {
		replaceIn(this.pods, pod);
		if (pod.hasAffinity) replaceIn(this.podsWithAffinity, pod);
		if (pod.hasRequiredAntiAffinity) replaceIn(this.podsWithRequiredAntiAffinity, pod);
	}

	portsConflict(wanted: readonly HostPort[]): boolean {
		return this.usedPorts.length > 0 && hostPortsConflict(wanted, this.usedPorts);
	}

	/** A copy to try things out on. */
	clone(): NodeInfo {
		const copy = new NodeInfo(this.name);
		copy.position = this.position;
		if (this.node !== undefined) copy.setNode(this.node);
		for (const pod of this.pods) copy.addPod(pod);
		return copy;
	}

	#count(pod: PodInfo, sign: 1 | -1): void {
		this.requested.add(pod.requests, sign);
		this.nonZeroMilliCpu += sign * pod.nonZeroMilliCpu;
		this.nonZeroMemoryBytes += sign * pod.nonZeroMemoryBytes;
	}
}

/** Order among a node's pods means nothing, so the last one fills the gap. */
function takeOut(pods: PodInfo[], uid: string): PodInfo | undefined {
	const index = indexOf(pods, uid);
	const found = pods[index];
	const last = pods.pop();
	if (found === undefined) {
		if (last !== undefined) pods.push(last);
		return undefined;
	}
	if (last !== undefined && last !== found) pods[index] = last;
	return found;
}

/** From the end: what was added last is mostly what changes next. -1 if it is not there. */
function indexOf(pods: readonly PodInfo[], uid: string): number {
	return pods.findLastIndex((pod) => pod.uid === uid);
}

function replaceIn(pods: PodInfo[], pod: PodInfo): void {
	const index = indexOf(pods, pod.uid);
	if (index >= 0) pods[index] = pod;
}
