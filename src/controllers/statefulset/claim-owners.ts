/**
 * Who owns the claims of a StatefulSet's pods, which decides whether they go with the set or with a pod: the set's
 * persistentVolumeClaimRetentionPolicy, kept as owner references. Pure.
 *
 *   whenScaled  whenDeleted   pod wanted      pod beyond the set's size
 *   Retain      Retain        none            none
 *   Retain      Delete        the set         the set
 *   Delete      Retain        none            the pod
 *   Delete      Delete        the set         the pod
 *
 * References that another set or pod of the same name left, and claims that somebody else manages, are not touched.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#persistentvolumeclaim-retention and
 * pkg/controller/statefulset/stateful_set_utils.go (isClaimOwnerUpToDate).
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { OwnerReference, PersistentVolumeClaim, Pod, StatefulSet } from "../../apimachinery/schema/generated/types.ts";
import { controllerReference } from "../../client/owner.ts";
import { isInRange, ordinalOf } from "./identity.ts";

interface Policy {
	readonly whenDeleted: boolean;
	readonly whenScaled: boolean;
}

/** What is deleted with its owner; what is neither "Delete" nor absent counts as "Retain". */
function policyOf({ spec }: StatefulSet): Policy {
	const { whenDeleted, whenScaled } = spec?.persistentVolumeClaimRetentionPolicy ?? {};
	return { whenDeleted: whenDeleted === "Delete", whenScaled: whenScaled === "Delete" };
}

function referencesOf({ metadata }: PersistentVolumeClaim): readonly OwnerReference[] {
	return metadata?.ownerReferences ?? [];
}

/** Whether the reference names the object, whatever its uid. */
function names({ apiVersion, kind, name }: OwnerReference, object: KubeObject): boolean {
	return apiVersion === object.apiVersion && kind === object.kind && name === object.metadata?.name;
}

/** The reference is to an object of this name that is no more. */
function isStale(reference: OwnerReference, object: KubeObject): boolean {
	return names(reference, object) && reference.uid !== object.metadata?.uid;
}

function owns(object: KubeObject, claim: PersistentVolumeClaim): boolean {
	return referencesOf(claim).some(({ uid }) => uid === object.metadata?.uid);
}

/**
 * The claim will go with a pod of this name that is gone, or going: no pod may take it up again.
 * @param pod need not exist.
 */
export function isClaimStale(set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): boolean {
	return policyOf(set).whenScaled && referencesOf(claim).some((reference) => isStale(reference, pod));
}

/** Somebody else manages a claim that the set's policy is meant to delete. */
export function hasForeignController(set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): boolean {
	const { whenDeleted, whenScaled } = policyOf(set);
	if (!whenDeleted && !whenScaled) return false;
	return referencesOf(claim).some((reference) => {
		const own = [set, pod].find((object) => names(reference, object));
		return own === undefined ? reference.controller === true : reference.uid !== own.metadata?.uid;
	});
}

/** The claim's owner references as they should be; undefined if they are, or must not be touched. */
export function planClaimOwners(set: StatefulSet, pod: Pod, claim: PersistentVolumeClaim): readonly OwnerReference[] | undefined {
	const current = referencesOf(claim);
	if (current.some((reference) => isStale(reference, set) || isStale(reference, pod))) return undefined;
	const others = current.filter((reference) => !names(reference, set) && !names(reference, pod));
	if (hasForeignController(set, pod, claim)) return others.length === current.length ? undefined : others;
	const wanted = wantedOwners(set, pod);
	const isUpToDate =
		[set, pod].every((object) => wanted.includes(object) === owns(object, claim)) &&
		current.every(({ uid, controller }) => controller === true || (uid !== set.metadata?.uid && uid !== pod.metadata?.uid));
	return isUpToDate ? undefined : [...others, ...wanted.map(controllerReference)];
}

function wantedOwners(set: StatefulSet, pod: Pod): readonly KubeObject[] {
	const { whenDeleted, whenScaled } = policyOf(set);
	const ordinal = ordinalOf(pod);
	const isScaledDown = ordinal === undefined || !isInRange(set, ordinal);
	if (whenScaled && isScaledDown) return [pod];
	return whenDeleted ? [set] : [];
}
