/**
 * Pods that a node's system needs: static ones, and those of the priority classes system-node-critical and system-cluster-critical.
 * Source: pkg/kubelet/types/pod_update.go
 */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";

/** SystemCriticalPriority of pkg/apis/scheduling. */
export const systemCriticalPriority = 2_000_000_000;
export const configSourceAnnotation = "kubernetes.io/config.source";

/** It comes from a file of the node, and the API has a mirror of it at most. What the API gives cannot make itself one by an annotation. */
export function isStaticPod({ metadata }: Pod): boolean {
	return metadata?.annotations?.[configSourceAnnotation] === "file" && metadata.resourceVersion === undefined;
}

export function isCriticalPod(pod: Pod): boolean {
	return isStaticPod(pod) || priorityOf(pod) >= systemCriticalPriority;
}

/** One that the node cannot do without. */
export function isNodeCriticalPod(pod: Pod): boolean {
	return isCriticalPod(pod) && pod.spec?.priorityClassName === "system-node-critical";
}

/** Whether a pod may push another one off the node. */
export function mayPreempt(preemptor: Pod, other: Pod): boolean {
	if (isCriticalPod(preemptor) && !isCriticalPod(other)) return true;
	return preemptor.spec?.priority !== undefined && other.spec?.priority !== undefined && preemptor.spec.priority > other.spec.priority;
}

export function priorityOf({ spec }: Pod): number {
	return spec?.priority ?? 0;
}
