/**
 * The numbers of a DaemonSet's strategy: on how many nodes a rollout may leave the daemon missing, or have two.
 * Source: https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/ and pkg/controller/daemon/util.
 */
import type { DaemonSet } from "../../apimachinery/schema/generated/types.ts";

export interface Limits {
	/** Nodes that may have an old and a new pod. */
	readonly surge: number;
	/** Nodes that may have no available pod. */
	readonly unavailable: number;
}

export function isRollingUpdate({ spec }: DaemonSet): boolean {
	return (spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate";
}

/** @param desired nodes that should have a pod. */
export function limitsOf(set: DaemonSet, desired: number): Limits {
	const { maxSurge = 0, maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
	const surge = resolve(maxSurge, desired);
	const unavailable = resolve(maxUnavailable, desired);
	// With neither, nothing could ever move.
	return surge === 0 && unavailable === 0 && desired > 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

/** Whether a node may have two pods at all. */
export function allowsSurge(set: DaemonSet): boolean {
	return isRollingUpdate(set) && resolve(set.spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0, 1) > 0;
}

function resolve(value: number | string, total: number): number {
	return typeof value === "number" ? value : Math.ceil((Number(value.replace(/%$/, "")) * total) / 100);
}
