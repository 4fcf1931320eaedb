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
import type { Node, Pod } from "../../apimachinery/schema/generated/types.ts";
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
		// Most confirmations change nothing that counts, so the NodeInfo is left alone.
		const isSame = known?.nodeName === pod.spec?.nodeName && known?.podInfo.pod.spec === pod.spec;
		if (known !== undefined && isSame && !isResizing(pod) && !isResizing(known.podInfo.pod)) {
			this.#pods.set(known.podInfo.uid, { ...known, assumed: false });
			return;
		}
		if (known !== undefined) this.#take(known);
		this.#put({ podInfo: new PodInfo(pod), nodeName: pod.spec?.nodeName ?? "", assumed: false });
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

function file<T>(set: Set<T>, item: T, belongs: boolean): void {
	if (belongs) set.add(item);
	else set.delete(item);
}
