/**
 * The scheduler's picture of the cluster: nodes with the pods on them. A pod counts from the moment the scheduler
 * decides (it is assumed), long before the server says so.
 *
 *                 assume                    informer: added
 *     (unknown) ─────────> assumed ───────────────────────────> added ──┐ informer: updated
 *         ^  │               │                                   │   ^──┘
 *         │  │ informer      │ forget: binding failed            │ informer: deleted
 *         │  └───────────────┼──────> added                      │
 *         └──────────────────┴───────────────────────────────────┘
 *
 * An assumed pod does not expire: kube-scheduler's default since 1.21. It leaves by one of the arrows above.
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Node, Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { ChangeLog } from "../framework/change-log.ts";
import { ImageStates } from "../framework/image-states.ts";
import { NodeInfo } from "../framework/node-info.ts";
import { PodInfo, podUid } from "../framework/pod-info.ts";
import { isResizing } from "../framework/pod-requests.ts";
import { numberNodes, type Snapshot } from "../framework/snapshot.ts";
import { NodeTree, zoneOf } from "./node-tree.ts";

interface PodState {
	readonly podInfo: PodInfo;
	readonly nodeName: string;
	/** The informer has not confirmed it yet. */
	readonly assumed: boolean;
}

export class SchedulerCache {
	readonly #nodes = new Map<string, NodeInfo>();
	readonly #pods = new Map<string, PodState>();
	readonly #tree = new NodeTree();
	readonly #images = new ImageStates();
	readonly #changes = new ChangeLog();
	readonly #withAffinity = new Set<NodeInfo>();
	readonly #withRequiredAntiAffinity = new Set<NodeInfo>();
	/** The listed nodes, until one comes or goes. */
	#nodeList: readonly NodeInfo[] | undefined;
	readonly #snapshot: Snapshot;

	constructor() {
		const list = () => this.#listNodes();
		this.#snapshot = {
			get nodes() {
				return list();
			},
			get: (nodeName) => this.#known(nodeName),
			nodesWithAffinityPods: this.#withAffinity,
			nodesWithRequiredAntiAffinityPods: this.#withRequiredAntiAffinity,
			changes: this.#changes,
			images: this.#images.states,
		};
	}

	/** The cluster as it is now. Shares its nodes with the cache: valid for one synchronous cycle. */
	snapshot(): Snapshot {
		return this.#snapshot;
	}

	get podsCount(): number {
		return this.#pods.size;
	}

	addNode(node: Node): void {
		const info = this.#nodeFor(nameOf(node));
		if (info.node !== undefined) {
			this.updateNode(info.node, node);
			return;
		}
		info.setNode(node);
		this.#changes.add(info);
		this.#tree.add(node);
		this.#images.add(info.name, node);
		this.#nodeList = undefined;
	}

	updateNode(old: Node, node: Node): void {
		const info = this.#nodes.get(nameOf(node));
		if (info?.node === undefined) {
			this.addNode(node);
			return;
		}
		if (zoneOf(old) !== zoneOf(node)) {
			this.#tree.remove(info.node);
			this.#tree.add(node);
			this.#nodeList = undefined;
		}
		if (info.node.status?.images !== node.status?.images) {
			this.#images.remove(info.name, info.node);
			this.#images.add(info.name, node);
		}
		info.setNode(node);
		this.#changes.add(info);
	}

	/** Its pods stay known until their own deletion comes. */
	removeNode(node: Node): void {
		const info = this.#nodes.get(nameOf(node));
		if (info?.node === undefined) return;
		this.#tree.remove(info.node);
		this.#images.remove(info.name, info.node);
		info.clearNode();
		this.#changes.add(info);
		this.#nodeList = undefined;
		this.#dropIfEmpty(info);
	}

	/** The server says that the pod has a node: confirms an assumption, or corrects it. */
	addPod(pod: Pod): void {
		const known = this.#pods.get(podUid(pod));
		const nodeName = pod.spec?.nodeName ?? "";
		if (known !== undefined && known.nodeName === nodeName && takesTheSame(known.podInfo.pod, pod)) {
			this.#replace(known, pod);
			return;
		}
		if (known !== undefined) this.#take(known);
		this.#put({ podInfo: new PodInfo(pod), nodeName, assumed: false });
	}

	updatePod(_old: Pod, pod: Pod): void {
		this.addPod(pod);
	}

	removePod(pod: Pod): void {
		const known = this.#pods.get(podUid(pod));
		if (known !== undefined) this.#take(known);
	}

	/** Counts the pod as running on the node from now on. Throws if it is known already: it would count twice. */
	assume(podInfo: PodInfo, nodeName: string): void {
		if (this.#pods.has(podInfo.uid)) throw new Error(`pod ${podInfo.uid}(${podInfo.key}) is in the cache, so can't be assumed`);
		this.#put({ podInfo, nodeName, assumed: true });
	}

	/** Takes an assumption back; a pod that the server has confirmed stays. */
	forget(uid: string): void {
		const known = this.#pods.get(uid);
		if (known?.assumed === true) this.#take(known);
	}

	/** Imagines a pod away; the function returned brings it back, unless it is known anew by then. */
	setAside(uid: string): () => void {
		const known = this.#pods.get(uid);
		if (known === undefined) return () => undefined;
		this.#take(known);
		return () => {
			if (!this.#pods.has(uid)) this.#put(known);
		};
	}

	isAssumed(pod: Pod): boolean {
		return this.#pods.get(podUid(pod))?.assumed === true;
	}

	/** The same nodes and pods, assumed ones too, for somebody who goes his own way. Nodes come in the same order. */
	copy(): SchedulerCache {
		const copy = new SchedulerCache();
		for (const { node } of this.#nodes.values()) if (node !== undefined) copy.addNode(node);
		for (const state of this.#pods.values()) copy.#put(state);
		return copy;
	}

	#put(state: PodState): void {
		const node = this.#nodeFor(state.nodeName);
		node.addPod(state.podInfo);
		this.#changes.add(node);
		this.#pods.set(state.podInfo.uid, state);
		if (state.podInfo.hasAffinity) this.#fileAffinity(node);
	}

	/** Most confirmations and changes of status change no sum, and nothing that anybody counts. */
	#replace({ podInfo, nodeName }: PodState, pod: Pod): void {
		const current = new PodInfo(pod, podInfo);
		const node = this.#nodeFor(nodeName);
		node.replacePod(current);
		if (!countsTheSame(podInfo.pod, pod)) this.#changes.add(node);
		this.#pods.set(podInfo.uid, { podInfo: current, nodeName, assumed: false });
	}

	#take({ podInfo, nodeName }: PodState): void {
		this.#pods.delete(podInfo.uid);
		const node = this.#nodes.get(nodeName);
		if (node === undefined) return;
		node.removePod(podInfo.uid);
		this.#changes.add(node);
		if (podInfo.hasAffinity) this.#fileAffinity(node);
		this.#dropIfEmpty(node);
	}

	#fileAffinity(node: NodeInfo): void {
		file(this.#withAffinity, node, node.podsWithAffinity.length > 0);
		file(this.#withRequiredAntiAffinity, node, node.podsWithRequiredAntiAffinity.length > 0);
	}

	#nodeFor(name: string): NodeInfo {
		let info = this.#nodes.get(name);
		if (info === undefined) {
			info = new NodeInfo(name);
			this.#nodes.set(name, info);
		}
		return info;
	}

	/** Forgets a node that is deleted and has no pods left. */
	#dropIfEmpty(info: NodeInfo): void {
		if (info.node === undefined && info.pods.length === 0) this.#nodes.delete(info.name);
	}

	#known(nodeName: string): NodeInfo | undefined {
		const info = this.#nodes.get(nodeName);
		return info?.node === undefined ? undefined : info;
	}

	#listNodes(): readonly NodeInfo[] {
		if (this.#nodeList === undefined) {
			this.#nodeList = this.#tree.list().flatMap((name) => this.#known(name) ?? []);
			numberNodes(this.#nodeList);
		}
		return this.#nodeList;
	}
}

function nameOf({ metadata }: Node): string {
	return metadata?.name ?? "";
}

/** Whether the pod takes the same from its node, and wants the same around it: nothing has changed that is worked out from the spec. */
function takesTheSame(before: Pod, after: Pod): boolean {
	return isSameBesidesNode(before.spec, after.spec) && !isResizing(before) && !isResizing(after);
}

/** A binding makes a new spec of the same parts. */
function isSameBesidesNode(before: PodSpec = { containers: [] }, after: PodSpec = { containers: [] }): boolean {
	if (before === after) return true;
	const was: Readonly<Record<string, unknown>> = { ...before, nodeName: after.nodeName };
	const is: Readonly<Record<string, unknown>> = { ...after };
	return Object.keys({ ...was, ...is }).every((field) => was[field] === is[field]);
}

/** Whether selectors see the same pod as before, and it is not on its way out if it was not then. */
function countsTheSame({ metadata: before }: Pod, { metadata: after }: Pod): boolean {
	const isLeaving = (metadata: Pod["metadata"]) => metadata?.deletionTimestamp !== undefined;
	return isLeaving(before) === isLeaving(after) && jsonEqual(before?.labels ?? {}, after?.labels ?? {});
}

function file<T>(set: Set<T>, item: T, belongs: boolean): void {
	if (belongs) set.add(item);
	else set.delete(item);
}
