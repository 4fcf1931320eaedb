/**
 * What a StatefulSet does next. Pure: a list of phases, each of which happens only if the one before went well.
 *
 *   replicas    for each ordinal, lowest first: a pod that ended goes, one that is missing comes, one that is there is
 *               put right
 *   claims      of pods beyond the set's size get the owners that the retention policy wants
 *   scale down  pods beyond the set's size go, highest ordinal first
 *   update      pods of another revision go, highest ordinal first, down to the partition
 *
 * OrderedReady does one thing at a time: the first pod that is not running, ready and available stops everything above
 * it, and everything later. Parallel waits for nothing but, in an update, for availability.
 *
 * A rollout to a broken template stops at the first pod that does not become ready; under OrderedReady it stays
 * stopped when the template is put right, until somebody deletes that pod
 * (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback).
 *
 * spec.updateStrategy.rollingUpdate.maxUnavailable, where it is set, is kept as with the feature gate
 * MaxUnavailableStatefulSet on and repaired (kubernetes/kubernetes#137666); where it is not, sets roll as with it off.
 * Source of behaviour: pkg/controller/statefulset/stateful_set_control.go.
 */
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet } from "../../apimachinery/schema/generated/types.ts";
import { isBeingDeleted, isPodActive, isPodReady, isPodTerminal, podAvailableInMs } from "../pod-state.ts";
import { isClaimStale, planClaimOwners } from "./claim-owners.ts";
import { claimsOf, hasIdentity, hasStorage, isInRange, newPod, ordinalOf, revisionOf, startOrdinal, wantedReplicas } from "./identity.ts";

/** One of the two templates that pods of a set are made from. */
export interface Revision {
	readonly name: string;
	readonly template: PodTemplateSpec | undefined;
}

export interface Observed {
	readonly set: StatefulSet;
	/** Where the last rollout that came to its end left the set. */
	readonly current: Revision;
	/** Of the set's present template. */
	readonly update: Revision;
	/** The set's own, in any order. */
	readonly pods: readonly Pod[];
	/** The claim of this name in the set's namespace. */
	claim(name: string): PersistentVolumeClaim | undefined;
	readonly nowMs: number;
}

export type Action =
	/** Create the pod, its missing claims before it. */
	| { readonly type: "create"; readonly pod: Pod }
	| { readonly type: "delete"; readonly pod: Pod; readonly why: "Ended" | "ScaleDown" | "Update" }
	/** Create what is missing of a pending pod's claims. */
	| { readonly type: "claim"; readonly pod: Pod }
	/** Put labels, volumes and the owners of claims right. */
	| { readonly type: "repair"; readonly pod: Pod }
	/** Put the owners of the claims of a pod that will go right. */
	| { readonly type: "own"; readonly pod: Pod };

export interface Plan {
	readonly phases: readonly (readonly Action[])[];
	/** The actions of a phase may run at once. */
	readonly isParallel: boolean;
}

/** An ordinal that the set wants, and who has it. */
interface Slot {
	readonly ordinal: number;
	readonly pod: Pod | undefined;
}

export function plan(observed: Observed): Plan {
	const isParallel = observed.set.spec?.podManagementPolicy === "Parallel";
	return { isParallel, phases: isBeingDeleted(observed.set) ? [] : planPhases(observed, isParallel) };
}

function planPhases(observed: Observed, isParallel: boolean): readonly (readonly Action[])[] {
	const slots = slotsOf(observed);
	const condemned = condemnedPods(observed);
	const replicas = inOrder(slots, isParallel, (slot) => planReplica(observed, slot, isParallel));
	if (replicas.isStopped) return [replicas.actions];
	const owners = condemned.filter((pod) => hasClaimOwnersToChange(observed, pod)).map((pod): Action => ({ type: "own", pod }));
	const firstUnavailable = firstUnavailablePod(observed, slots, condemned);
	const scaleDown = inOrder(condemned, isParallel, (pod) => planScaleDown(observed, pod, pod === firstUnavailable));
	const phases = [replicas.actions, owners, scaleDown.actions];
	return scaleDown.isStopped ? phases : [...phases, planUpdate(observed, slots, isParallel)];
}

/** What is to do for one pod, and whether, in order, nothing may be done for the next before this one has changed. */
interface Step {
	readonly actions: readonly Action[];
	readonly stops: boolean;
}

const stops: Step = { actions: [], stops: true };

function inOrder<T>(items: readonly T[], isParallel: boolean, step: (item: T) => Step) {
	const actions: Action[] = [];
	for (const item of items) {
		const { actions: own, stops } = step(item);
		actions.push(...own);
		if (stops && !isParallel) return { actions, isStopped: true };
	}
	return { actions, isStopped: false };
}

function slotsOf({ set, pods }: Observed): readonly Slot[] {
	const byOrdinal = new Map(pods.map((pod) => [ordinalOf(pod), pod]));
	const start = startOrdinal(set);
	return Array.from({ length: wantedReplicas(set) }, (_, index) => ({ ordinal: start + index, pod: byOrdinal.get(start + index) }));
}

/** Pods beyond the set's size, highest ordinal first. */
function condemnedPods({ set, pods }: Observed): readonly Pod[] {
	return pods
		.flatMap((pod) => {
			const ordinal = ordinalOf(pod);
			return ordinal === undefined || isInRange(set, ordinal) ? [] : [{ pod, ordinal }];
		})
		.sort((a, b) => b.ordinal - a.ordinal)
		.map(({ pod }) => pod);
}

/** Of the wanted pods that are there, then of the others, lowest ordinal first. */
function firstUnavailablePod(observed: Observed, slots: readonly Slot[], condemned: readonly Pod[]): Pod | undefined {
	const wanted = slots.flatMap(({ pod }) => (pod === undefined ? [] : [pod]));
	return [...wanted, ...[...condemned].reverse()].find((pod) => isUnavailable(observed, pod));
}

function isRunningAndReady(pod: Pod): boolean {
	return pod.status?.phase === "Running" && isPodReady(pod);
}

function isAvailable({ set, nowMs }: Observed, pod: Pod): boolean {
	return podAvailableInMs(pod, set.spec?.minReadySeconds ?? 0, nowMs) === 0;
}

function isUnavailable(observed: Observed, pod: Pod | undefined): boolean {
	return pod === undefined || isBeingDeleted(pod) || !isAvailable(observed, pod);
}

function planReplica(observed: Observed, { ordinal, pod }: Slot, isParallel: boolean): Step {
	const { set } = observed;
	if (pod === undefined) return planCreation(observed, ordinal);
	// Whatever it ended with: its next life begins when it is gone.
	if (isPodTerminal(pod)) return isBeingDeleted(pod) ? stops : { actions: [{ type: "delete", pod, why: "Ended" }], stops: true };
	const actions: Action[] = [];
	if ((pod.status?.phase ?? "Pending") === "Pending" && lacksClaims(observed, pod, ordinal)) actions.push({ type: "claim", pod });
	if (!isParallel && (isBeingDeleted(pod) || !isRunningAndReady(pod) || !isAvailable(observed, pod))) return { actions, stops: true };
	const isRight = hasIdentity(set, pod) && hasStorage(set, pod, ordinal) && !hasClaimOwnersToChange(observed, pod);
	return isRight ? { actions, stops: false } : { actions: [...actions, { type: "repair", pod }], stops: false };
}

function planCreation(observed: Observed, ordinal: number): Step {
	const { set, current, update } = observed;
	const { name, template } = ordinal < startOrdinal(set) + keptAtCurrent(set) ? current : update;
	const pod = newPod(set, template, name, ordinal);
	const isStale = claimsFor(observed, ordinal).some((claim) => claim !== undefined && isClaimStale(set, pod, claim));
	return isStale ? stops : { actions: [{ type: "create", pod }], stops: true };
}

/** How many of the lowest ordinals are (re)made from the current revision rather than the new one. */
function keptAtCurrent({ spec, status }: StatefulSet): number {
	const { type, rollingUpdate } = spec?.updateStrategy ?? {};
	if (rollingUpdate !== undefined) return rollingUpdate.partition ?? 0;
	return type === "RollingUpdate" ? (status?.currentReplicas ?? 0) : 0;
}

function claimsFor({ set, claim }: Observed, ordinal: number): readonly (PersistentVolumeClaim | undefined)[] {
	return claimsOf(set, ordinal).map(({ metadata }) => claim(metadata?.name ?? ""));
}

function lacksClaims(observed: Observed, pod: Pod, ordinal: number): boolean {
	const claims = claimsFor(observed, ordinal);
	return claims.some((claim) => claim === undefined || isBeingDeleted(claim)) || hasClaimOwnersToChange(observed, pod);
}

function hasClaimOwnersToChange(observed: Observed, pod: Pod): boolean {
	const { set } = observed;
	const claims = claimsFor(observed, ordinalOf(pod) ?? -1);
	return claims.some((claim) => claim !== undefined && planClaimOwners(set, pod, claim) !== undefined);
}

function planScaleDown(observed: Observed, pod: Pod, isFirstUnavailable: boolean): Step {
	if (isBeingDeleted(pod)) return stops;
	const isSound = isRunningAndReady(pod) && isAvailable(observed, pod);
	// In order, a pod goes while all below it are sound, or if it is the one that is not.
	const deletion: Step = { actions: [{ type: "delete", pod, why: "ScaleDown" }], stops: true };
	if (isSound || isFirstUnavailable || observed.set.spec?.podManagementPolicy === "Parallel") return deletion;
	return stops;
}

function planUpdate(observed: Observed, slots: readonly Slot[], isParallel: boolean): readonly Action[] {
	const { type, rollingUpdate } = observed.set.spec?.updateStrategy ?? {};
	if (type === "OnDelete") return [];
	const candidates = slots.slice(rollingUpdate?.partition ?? 0).reverse();
	const { maxUnavailable } = rollingUpdate ?? {};
	const pods =
		maxUnavailable === undefined
			? nextToUpdate(observed, candidates)
			: updateWithin(observed, slots, candidates, resolveMaxUnavailable(maxUnavailable, slots.length), isParallel);
	return pods.map((pod) => ({ type: "delete", pod, why: "Update" }));
}

/** What has ended is replaced anyway. */
function isOutdated({ update }: Observed, pod: Pod | undefined): pod is Pod {
	return pod !== undefined && revisionOf(pod) !== update.name && isPodActive(pod);
}

/** One at a time: the highest that is outdated, unless one above it is not available. @param candidates highest first. */
function nextToUpdate(observed: Observed, candidates: readonly Slot[]): readonly Pod[] {
	for (const { pod } of candidates) {
		if (isOutdated(observed, pod)) return [pod];
		if (isUnavailable(observed, pod)) return [];
	}
	return [];
}

/** As many at a time as may be unavailable. @param candidates highest first. */
function updateWithin(
	observed: Observed,
	slots: readonly Slot[],
	candidates: readonly Slot[],
	maxUnavailable: number,
	isParallel: boolean,
): readonly Pod[] {
	const budget = Math.max(0, maxUnavailable - slots.filter(({ pod }) => isUnavailable(observed, pod)).length);
	const outdated = candidates.flatMap(({ pod }) => (isOutdated(observed, pod) ? [pod] : []));
	if (!isParallel) return outdated.slice(0, budget);
	// Those that do not serve anyway cost nothing.
	const unavailable = outdated.filter((pod) => isUnavailable(observed, pod));
	const available = outdated.filter((pod) => !isUnavailable(observed, pod));
	return [...unavailable, ...available.slice(0, budget)];
}

/** At least 1: a small percentage must not stop every rollout. */
function resolveMaxUnavailable(value: number | string, replicas: number): number {
	const count = typeof value === "number" ? value : Math.floor((Number(value.replace(/%$/, "")) * replicas) / 100);
	return Math.max(1, count);
}
