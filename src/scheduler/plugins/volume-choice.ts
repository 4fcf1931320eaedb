/**
 * Whether a pod's claims can be had on a node, and how: bound volumes must be in reach, free ones are chosen, others would be made there.
 * Pure.
 * Source of behaviour: pkg/scheduler/framework/plugins/volumebinding (FindPodVolumes).
 */
import { compareQuantities } from "../../apimachinery/quantity.ts";
import type {
	PersistentVolume,
	PersistentVolumeClaim,
	StorageClass,
	TopologySelectorTerm,
} from "../../apimachinery/schema/generated/types.ts";
import { selectedNode } from "../../apimachinery/storage/annotations.ts";
import { classNameOf, findMatchingVolume, isReachable, requestedSize } from "../../apimachinery/storage/volume-matching.ts";
import type { NodeInfo } from "../framework/node-info.ts";
import type { VolumeCache } from "./volume-cache.ts";

export const reasons = {
	nodeConflict: "node(s) didn't match PersistentVolume's node affinity",
	bindConflict: "node(s) didn't find available persistent volumes to bind",
	noSuchVolume: "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
} as const;

/** The claims of a pod, by what is to be done for them. */
export interface PodClaims {
	readonly bound: readonly PersistentVolumeClaim[];
	/** Waiting for this very pod, the smallest first, so that it gets the smallest volume that will do. */
	readonly delayed: readonly PersistentVolumeClaim[];
}

/** What has to be written before a pod can be bound to a node. */
export interface VolumeChoice {
	readonly bindings: readonly { readonly claim: PersistentVolumeClaim; readonly volume: PersistentVolume }[];
	readonly provisions: readonly PersistentVolumeClaim[];
}

export const nothingToDo: VolumeChoice = { bindings: [], provisions: [] };

export function bySize(claims: readonly PersistentVolumeClaim[]): readonly PersistentVolumeClaim[] {
	return claims.toSorted((a, b) => compareQuantities(requestedSize(a), requestedSize(b)));
}

/** The choice, or why there is none. */
export function chooseVolumes({ bound, delayed }: PodClaims, node: NodeInfo, cache: VolumeCache): VolumeChoice | readonly string[] {
	const why = [...refusals(bound, node, cache)];
	const choice = delayed.length === 0 ? nothingToDo : chooseDelayed(delayed, node, cache);
	if (choice === undefined) why.splice(why[0] === reasons.nodeConflict ? 1 : 0, 0, reasons.bindConflict);
	return choice === undefined || why.length > 0 ? why : choice;
}

/** The first bound volume that cannot be used decides. */
function refusals(bound: readonly PersistentVolumeClaim[], node: NodeInfo, cache: VolumeCache): readonly string[] {
	for (const { spec } of bound) {
		const volume = cache.volume(spec?.volumeName ?? "");
		if (volume === undefined) return [reasons.noSuchVolume];
		if (!isReachable(volume, node)) return [reasons.nodeConflict];
	}
	return [];
}

function chooseDelayed(delayed: readonly PersistentVolumeClaim[], node: NodeInfo, cache: VolumeCache): VolumeChoice | undefined {
	const taken = new Set<string>();
	const bindings: VolumeChoice["bindings"][number][] = [];
	const provisions: PersistentVolumeClaim[] = [];
	for (const claim of delayed) {
		const chosen = claim.metadata?.annotations?.[selectedNode];
		if (chosen !== undefined && chosen !== node.name) return undefined;
		const volume =
			chosen === undefined
				? findMatchingVolume(claim, cache.volumesOfClass(classNameOf(claim)), { node, taken, isDelayed: true })
				: undefined;
		if (volume !== undefined) {
			taken.add(volume.metadata?.name ?? "");
			bindings.push({ claim, volume });
		} else if (canProvision(cache.classes.get(classNameOf(claim)), node)) provisions.push(claim);
		else return undefined;
	}
	return { bindings, provisions };
}

function canProvision(storageClass: StorageClass | undefined, { labels }: NodeInfo): boolean {
	if (storageClass === undefined || storageClass.provisioner === "" || storageClass.provisioner === "kubernetes.io/no-provisioner")
		return false;
	const { allowedTopologies } = storageClass;
	return allowedTopologies === undefined || allowedTopologies.length === 0 || allowedTopologies.some((term) => isInTopology(term, labels));
}

function isInTopology({ matchLabelExpressions = [] }: TopologySelectorTerm, labels: Readonly<Record<string, string>>): boolean {
	return matchLabelExpressions.length > 0 && matchLabelExpressions.every(({ key, values }) => values.includes(labels[key] ?? ""));
}
