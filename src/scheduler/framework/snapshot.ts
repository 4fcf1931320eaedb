/**
 * The cluster as one scheduling cycle sees it.
 *
 * A cycle is synchronous: from its first plugin to the assumption of the pod nothing else runs, so a snapshot shares
 * the cache's NodeInfos instead of copying those that changed, which is what kube-scheduler needs its generations for.
 * `cloneSnapshot` makes a copy of its own for what-if runs.
 */
import { ChangeLog } from "./change-log.ts";
import type { ImageState } from "./image-states.ts";
import type { NodeInfo } from "./node-info.ts";

export interface Snapshot {
	/** All nodes, zones taking turns, in the order in which cycles walk them. */
	readonly nodes: readonly NodeInfo[];
	get(nodeName: string): NodeInfo | undefined;
	/** Nodes that have a pod with inter-pod affinity or anti-affinity. */
	readonly nodesWithAffinityPods: ReadonlySet<NodeInfo>;
	/** Nodes that have a pod with required anti-affinity. */
	readonly nodesWithRequiredAntiAffinityPods: ReadonlySet<NodeInfo>;
	/** Which of the nodes changed since when. */
	readonly changes: ChangeLog;
	/** The nodes' images by normalised name. */
	readonly images: ReadonlyMap<string, ImageState>;
}

/** A copy whose nodes may be changed without anybody noticing. */
export function cloneSnapshot(original: Snapshot): Snapshot {
	return snapshotOf(
		original.nodes.map((node) => node.clone()),
		original.images,
	);
}

/** A snapshot of given nodes, in their order. */
export function snapshotOf(nodes: readonly NodeInfo[], images: ReadonlyMap<string, ImageState> = new Map()): Snapshot {
	const byName = new Map(nodes.map((node) => [node.name, node]));
	numberNodes(nodes);
	return {
		nodes,
		images,
		changes: new ChangeLog(),
		get: (nodeName) => byName.get(nodeName),
		nodesWithAffinityPods: new Set(nodes.filter(({ podsWithAffinity }) => podsWithAffinity.length > 0)),
		nodesWithRequiredAntiAffinityPods: new Set(nodes.filter((node) => node.podsWithRequiredAntiAffinity.length > 0)),
	};
}

/** Tells each node its place in the list. */
export function numberNodes(nodes: readonly NodeInfo[]): void {
	for (const [position, node] of nodes.entries()) node.position = position;
}
