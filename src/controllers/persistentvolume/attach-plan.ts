/**
 * To which nodes a volume is to be attached, and from which it can be detached. Pure.
 *
 *     wanted ──(nobody else has it, or it may be shared)──> attach
 *     attached, not wanted ──(unmounted, or the node is lost)──> detach
 *
 * Source of behaviour: pkg/controller/volume/attachdetach/reconciler,
 * https://kubernetes.io/docs/concepts/cluster-administration/node-shutdown/#non-graceful-node-shutdown
 */
import type { Node, PersistentVolume } from "../../apimachinery/schema/generated/types.ts";

/** After this, what a node that does not answer has mounted counts no more. Source: maxWaitForUnmountDuration. */
export const maxUnmountWaitMs = 6 * 60_000;

export interface AttachState {
	/** Nodes with a pod that uses the volume. */
	readonly wanted: ReadonlySet<string>;
	/** Nodes with a VolumeAttachment, one that is going among them. */
	readonly attached: ReadonlySet<string>;
	/** Several nodes may have it at once. */
	readonly isShared: boolean;
	/** Undefined: the node can give it up now. Else how long that may take at most, ms; Infinity: as long as it takes. */
	readonly waitMs: (node: string) => number | undefined;
}

export interface AttachPlan {
	readonly attach: readonly string[];
	readonly detach: readonly string[];
	/** Wanted there, and somewhere else. */
	readonly refused: readonly string[];
	/** When to look again, if nothing happens before. */
	readonly againAfterMs: number | undefined;
}

export function planAttachments({ wanted, attached, isShared, waitMs }: AttachState): AttachPlan {
	const surplus = [...attached].filter((node) => !wanted.has(node));
	const detach = surplus.filter((node) => waitMs(node) === undefined);
	const waits = surplus.flatMap((node) => waitMs(node) ?? []).filter((ms) => ms !== Number.POSITIVE_INFINITY);
	const missing = [...wanted].filter((node) => !attached.has(node)).sort();
	// Who has it keeps it; of several that want it at once one gets it.
	const free = isShared ? missing : missing.slice(0, attached.size === 0 ? 1 : 0);
	return {
		attach: free,
		detach,
		refused: missing.filter((node) => !free.includes(node)),
		againAfterMs: waits.length === 0 ? undefined : Math.min(...waits),
	};
}

/** ReadWriteOnce and ReadWriteOncePod alone keep a volume to one node. */
export function isShared({ spec }: PersistentVolume): boolean {
	return (spec?.accessModes ?? []).some((mode) => mode === "ReadWriteMany" || mode === "ReadOnlyMany");
}

/** @param sinceMs when the volume was first found to be wanted there no more. */
export function unmountWaitMs(node: Node | undefined, volume: string, sinceMs: number, nowMs: number): number | undefined {
	if (node === undefined || node.status?.volumesInUse?.includes(volume) !== true) return undefined;
	if (node.spec?.taints?.some(({ key }) => key === "node.kubernetes.io/out-of-service") === true) return undefined;
	const isHealthy = node.status.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
	if (isHealthy) return Number.POSITIVE_INFINITY;
	const leftMs = sinceMs + maxUnmountWaitMs - nowMs;
	return leftMs <= 0 ? undefined : leftMs;
}
