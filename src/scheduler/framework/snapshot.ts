/**
 * The cluster as one scheduling cycle sees it.
 *
 * A cycle is synchronous: from its first plugin to the assumption of the pod nothing else runs, so a snapshot shares
 * the cache's NodeInfos instead of copying those that changed, which is what kube-scheduler needs its generations for.
 */
import type { ChangeLog } from "./change-log.ts";
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

/** Tells each node its place in the list. */
export function numberNodes(nodes: readonly NodeInfo[]): void {
	for (const [position, node] of nodes.entries()) node.position = position;
}
