/**
 * The numbers of a Deployment's strategy: how many pods may be too many or too few while it rolls out.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#strategy and
 * pkg/controller/deployment/util (ResolveFenceposts).
 */
import type { Deployment } from "../../apimachinery/schema/generated/types.ts";

export function isRollingUpdate({ spec }: Deployment): boolean {
	return spec?.strategy?.type !== "Recreate";
}

/** Wanted pods. */
export function wantedReplicas({ spec }: Deployment): number {
	return spec?.replicas ?? 1;
}

/** How many pods there may be above the wanted number; 0 for Recreate. */
export function maxSurge(deployment: Deployment): number {
	return isRollingUpdate(deployment) ? limits(deployment).surge : 0;
}

/** How many of the wanted pods may be unavailable; 0 for Recreate and for a Deployment of none. */
export function maxUnavailable(deployment: Deployment): number {
	const wanted = wantedReplicas(deployment);
	if (!isRollingUpdate(deployment) || wanted === 0) return 0;
	return Math.min(wanted, limits(deployment).unavailable);
}

function limits(deployment: Deployment): { surge: number; unavailable: number } {
	const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec?.strategy?.rollingUpdate ?? {};
	const wanted = wantedReplicas(deployment);
	const surge = resolve(maxSurge, wanted, Math.ceil);
	const unavailable = resolve(maxUnavailable, wanted, Math.floor);
	// Both 0 happens by rounding only (validation forbids it otherwise), and nothing could ever move then.
	return surge === 0 && unavailable === 0 ? { surge, unavailable: 1 } : { surge, unavailable };
}

function resolve(value: number | string, total: number, round: (value: number) => number): number {
	if (typeof value === "number") return value;
	const percent = Number(value.replace(/%$/, ""));
	// Multiply first: 7 % of 100 is 7, not 7.000000000000001.
	return round((percent * total) / 100);
}
