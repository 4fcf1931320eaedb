/**
 * How many pods each ReplicaSet of a Deployment should have next. Pure: each function looks at the Deployment and its
 * ReplicaSets and returns the sizes to set.
 * Source of behaviour: pkg/controller/deployment (rolling.go, recreate.go, sync.go) and
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
 */
import type { Deployment, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { byAge, desiredReplicasAnnotation, maxReplicasAnnotation, numberAnnotation } from "./revisions.ts";
import { isRollingUpdate, maxSurge, maxUnavailable, wantedReplicas } from "./strategy.ts";

/** A Deployment with what belongs to it. */
export interface Rollout {
	readonly deployment: Deployment;
	/** Of the present template; undefined before it is made. */
	readonly newReplicaSet: ReplicaSet | undefined;
	readonly oldReplicaSets: readonly ReplicaSet[];
}

export interface Resize {
	readonly replicaSet: ReplicaSet;
	/** >= 0 */
	readonly replicas: number;
}

export function specReplicas(replicaSet: ReplicaSet): number {
	return replicaSet.spec?.replicas ?? 1;
}

function availableReplicas({ status }: ReplicaSet): number {
	return status?.availableReplicas ?? 0;
}

/** A status that is older than the size speaks of pods that are going. Upstream takes its word, and more go than may. */
function certainlyAvailable(replicaSet: ReplicaSet): number {
	return Math.min(availableReplicas(replicaSet), specReplicas(replicaSet));
}

export function sum(replicaSets: readonly ReplicaSet[], count: (replicaSet: ReplicaSet) => number): number {
	return replicaSets.reduce((total, replicaSet) => total + count(replicaSet), 0);
}

export function allReplicaSets({ newReplicaSet, oldReplicaSets }: Rollout): readonly ReplicaSet[] {
	return newReplicaSet === undefined ? oldReplicaSets : [...oldReplicaSets, newReplicaSet];
}

/** The size of a new ReplicaSet that has `current` pods while all of the Deployment's have `total`. */
export function newReplicaSetSize(deployment: Deployment, current: number, total: number): number {
	const wanted = wantedReplicas(deployment);
	if (!isRollingUpdate(deployment)) return wanted;
	const room = wanted + maxSurge(deployment) - total;
	return room <= 0 ? current : current + Math.min(room, wanted - current);
}

/** Rolling update, first half: the new ReplicaSet grows as far as the surge allows. */
export function planNewReplicaSet({ deployment, newReplicaSet, oldReplicaSets }: Rollout): readonly Resize[] {
	if (newReplicaSet === undefined) return [];
	const wanted = wantedReplicas(deployment);
	const current = specReplicas(newReplicaSet);
	if (current === wanted) return [];
	if (current > wanted) return [{ replicaSet: newReplicaSet, replicas: wanted }];
	const total = sum([...oldReplicaSets, newReplicaSet], specReplicas);
	const replicas = newReplicaSetSize(deployment, current, total);
	return replicas === current ? [] : [{ replicaSet: newReplicaSet, replicas }];
}

/**
 * Rolling update, second half: the old ReplicaSets shrink as far as availability allows. Pods that are not available
 * anyway go first, whichever ReplicaSet they are in; then, oldest ReplicaSet first, those that serve.
 */
export function planOldReplicaSets(rollout: Rollout): readonly Resize[] {
	const { deployment, newReplicaSet, oldReplicaSets } = rollout;
	const minAvailable = wantedReplicas(deployment) - maxUnavailable(deployment);
	const newUnavailable = newReplicaSet === undefined ? 0 : specReplicas(newReplicaSet) - availableReplicas(newReplicaSet);
	const maxScaledDown = sum(allReplicaSets(rollout), specReplicas) - minAvailable - newUnavailable;
	if (sum(oldReplicaSets, specReplicas) === 0 || maxScaledDown <= 0) return [];
	const sorted = [...oldReplicaSets].sort(byAge);
	const sizes = new Map(sorted.map((replicaSet) => [replicaSet, specReplicas(replicaSet)]));
	const take = (budget: number, from: (replicaSet: ReplicaSet, size: number) => number) => {
		let left = budget;
		for (const [replicaSet, size] of sizes) {
			const count = Math.max(0, Math.min(left, from(replicaSet, size)));
			sizes.set(replicaSet, size - count);
			left -= count;
		}
	};
	take(maxScaledDown, (replicaSet, size) => size - availableReplicas(replicaSet));
	take(sum(allReplicaSets(rollout), certainlyAvailable) - minAvailable, (_replicaSet, size) => size);
	return resizes(sizes);
}

/** Recreate: all old pods go first. */
export function planDownForRecreate({ oldReplicaSets }: Rollout): readonly Resize[] {
	return oldReplicaSets.filter((replicaSet) => specReplicas(replicaSet) > 0).map((replicaSet) => ({ replicaSet, replicas: 0 }));
}

/** Recreate: then the new ones come, all at once. */
export function planUpForRecreate({ deployment, newReplicaSet }: Rollout): readonly Resize[] {
	if (newReplicaSet === undefined || specReplicas(newReplicaSet) === wantedReplicas(deployment)) return [];
	return [{ replicaSet: newReplicaSet, replicas: wantedReplicas(deployment) }];
}

/** Whether the Deployment's size changed since its ReplicaSets were last scaled. */
export function isScalingEvent(rollout: Rollout): boolean {
	return allReplicaSets(rollout)
		.filter((replicaSet) => specReplicas(replicaSet) > 0)
		.some((replicaSet) => {
			const desired = numberAnnotation(replicaSet, desiredReplicasAnnotation);
			return desired !== undefined && desired !== wantedReplicas(rollout.deployment);
		});
}

/**
 * A change of the Deployment's size: to the one active ReplicaSet, or in the middle of a rollout to each in proportion. ReplicaSets
 * whose size is right already are returned, too, so that their annotations follow: as long as these speak of another size, nothing but
 * sizes is looked after. Upstream leaves them, and a rollout can stand still for ever (kubernetes/kubernetes#138036).
 */
export function planScale(rollout: Rollout): readonly Resize[] {
	const { deployment, newReplicaSet, oldReplicaSets } = rollout;
	const wanted = wantedReplicas(deployment);
	const active = allReplicaSets(rollout).filter((replicaSet) => specReplicas(replicaSet) > 0);
	if (active.length <= 1) {
		const only = active[0] ?? newReplicaSet ?? [...oldReplicaSets].sort(byAge).at(-1);
		return only === undefined ? [] : [{ replicaSet: only, replicas: wanted }];
	}
	if (isSaturated(deployment, newReplicaSet)) {
		return active.filter((replicaSet) => replicaSet !== newReplicaSet).map((replicaSet) => ({ replicaSet, replicas: 0 }));
	}
	if (isRollingUpdate(deployment)) return planProportionally(deployment, active);
	return active.map((replicaSet) => ({ replicaSet, replicas: specReplicas(replicaSet) }));
}

/** The new ReplicaSet has all the pods it should, and all of them serve. */
function isSaturated(deployment: Deployment, replicaSet: ReplicaSet | undefined): boolean {
	if (replicaSet === undefined) return false;
	const wanted = wantedReplicas(deployment);
	const desired = numberAnnotation(replicaSet, desiredReplicasAnnotation);
	return specReplicas(replicaSet) === wanted && desired === wanted && availableReplicas(replicaSet) === wanted;
}

function planProportionally(deployment: Deployment, active: readonly ReplicaSet[]): readonly Resize[] {
	const wanted = wantedReplicas(deployment);
	const allowed = wanted > 0 ? wanted + maxSurge(deployment) : 0;
	const toAdd = allowed - sum(active, specReplicas);
	// The largest first; of equals the newest when growing, the oldest when shrinking.
	const sorted = [...active].sort((a, b) => specReplicas(b) - specReplicas(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
	let added = 0;
	const sizes = new Map<ReplicaSet, number>();
	for (const replicaSet of sorted) {
		const share = toAdd === 0 ? 0 : proportionOf(replicaSet, deployment, toAdd, added);
		sizes.set(replicaSet, specReplicas(replicaSet) + share);
		added += share;
	}
	// What rounding left over goes to the largest.
	const [largest] = sorted;
	if (largest !== undefined && toAdd !== 0) sizes.set(largest, Math.max(0, (sizes.get(largest) ?? 0) + toAdd - added));
	return [...sizes].map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}

function proportionOf(replicaSet: ReplicaSet, deployment: Deployment, toAdd: number, added: number): number {
	if (specReplicas(replicaSet) === 0 || toAdd === added) return 0;
	const fraction = fractionOf(replicaSet, deployment);
	return toAdd > 0 ? Math.min(fraction, toAdd - added) : Math.max(fraction, toAdd - added);
}

/** By how much the ReplicaSet would change if it kept its part of the Deployment. */
function fractionOf(replicaSet: ReplicaSet, deployment: Deployment): number {
	const wanted = wantedReplicas(deployment);
	const current = specReplicas(replicaSet);
	if (wanted === 0) return -current;
	const annotated = numberAnnotation(replicaSet, maxReplicasAnnotation);
	const before = annotated === undefined || annotated === 0 ? (deployment.status?.replicas ?? 0) : annotated;
	if (before === 0) return 0;
	return Math.round((current * (wanted + maxSurge(deployment))) / before) - current;
}

function resizes(sizes: ReadonlyMap<ReplicaSet, number>): readonly Resize[] {
	return [...sizes]
		.filter(([replicaSet, replicas]) => replicas !== specReplicas(replicaSet))
		.map(([replicaSet, replicas]) => ({ replicaSet, replicas }));
}
