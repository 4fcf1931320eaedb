/**
 * Which volume suits a claim, and whether the two are bound: the rules that the binding controller and the scheduler share. Pure.
 * Source of behaviour: component-helpers/storage/volume, https://kubernetes.io/docs/concepts/storage/persistent-volumes/#binding
 */
import type { KubeObject } from "../meta.ts";
import { nodeSelectorPredicate, type SelectableNode } from "../node-selector.ts";
import { compareQuantities } from "../quantity.ts";
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from "../schema/generated/types.ts";
import { labelSelectorFromObject } from "../selector.ts";
import { betaClass, bindCompleted, boundByController, defaultClass } from "./annotations.ts";

export function hasAnnotation({ metadata }: KubeObject, name: string): boolean {
	return metadata?.annotations?.[name] !== undefined;
}

export function withAnnotations<T extends KubeObject>(object: T, annotations: Readonly<Record<string, string>>): T {
	return { ...object, metadata: { ...object.metadata, annotations: { ...object.metadata?.annotations, ...annotations } } };
}

/** "": none. */
export function classNameOf({ metadata, spec }: PersistentVolume | PersistentVolumeClaim): string {
	return metadata?.annotations?.[betaClass] ?? spec?.storageClassName ?? "";
}

/** It says which class it wants, be it none at all. */
export function hasClass({ metadata, spec }: PersistentVolumeClaim): boolean {
	return metadata?.annotations?.[betaClass] !== undefined || spec?.storageClassName !== undefined;
}

/** Of several default classes the newest, of equally old ones the first by name. Undefined: there is none. */
export function defaultClassOf(classes: readonly StorageClass[]): StorageClass | undefined {
	const age = ({ metadata }: StorageClass) => metadata?.creationTimestamp ?? "";
	const name = ({ metadata }: StorageClass) => metadata?.name ?? "";
	return classes
		.filter(({ metadata }) => metadata?.annotations?.[defaultClass] === "true")
		.reduce<StorageClass | undefined>((best, each) => {
			if (best === undefined || age(each) > age(best)) return each;
			return age(each) === age(best) && name(each) < name(best) ? each : best;
		}, undefined);
}

export function requestedSize({ spec }: PersistentVolumeClaim): string {
	return spec?.resources?.requests?.storage ?? "0";
}

export function capacityOf({ spec }: PersistentVolume): string {
	return spec?.capacity?.storage ?? "0";
}

/** The volume is this claim's, or kept for one of its name that nobody has made yet. */
export function isBoundToClaim({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
	const ref = spec?.claimRef;
	if (ref === undefined || ref.name !== metadata?.name || ref.namespace !== metadata?.namespace) return false;
	return (ref.uid ?? "") === "" || ref.uid === metadata?.uid;
}

/** Nothing is left to be done for the claim's binding. */
export function isFullyBound(claim: PersistentVolumeClaim): boolean {
	return (claim.spec?.volumeName ?? "") !== "" && hasAnnotation(claim, bindCompleted);
}

/** Whether a node can reach the volume. */
export function isReachable({ spec }: PersistentVolume, node: SelectableNode): boolean {
	const required = spec?.nodeAffinity?.required;
	return required === undefined || nodeSelectorPredicate(required)(node);
}

/** Why the volume does not suit a claim that asks for it by name, in the words of the event. */
export function mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
	if (compareQuantities(capacityOf(volume), requestedSize(claim)) < 0) return "requested PV is too small";
	if (classNameOf(volume) !== classNameOf(claim)) return "storageClassName does not match";
	if (attributesClassOf(volume) !== attributesClassOf(claim)) return "volumeAttributesClassName does not match";
	if (!hasSameMode(volume, claim)) return "incompatible volumeMode";
	return offersModes(volume, claim) ? undefined : "incompatible accessMode";
}

function attributesClassOf({ spec }: PersistentVolume | PersistentVolumeClaim): string {
	return spec?.volumeAttributesClassName ?? "";
}

export function hasSameMode(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
	return (volume.spec?.volumeMode ?? "Filesystem") === (claim.spec?.volumeMode ?? "Filesystem");
}

function offersModes({ spec }: PersistentVolume, claim: PersistentVolumeClaim): boolean {
	return (claim.spec?.accessModes ?? []).every((mode) => spec?.accessModes?.includes(mode));
}

export interface MatchOptions {
	/** Only volumes that this node reaches; absent: whoever binds has no node in mind. */
	readonly node?: SelectableNode;
	/** Names of volumes that are promised to other claims. */
	readonly taken?: ReadonlySet<string>;
	/** The claim waits for a pod: without a node it gets only what is kept for it. */
	readonly isDelayed?: boolean;
}

/** The smallest volume that suits the claim, or the one that is kept for it; of equal ones the first. */
export function findMatchingVolume(
	claim: PersistentVolumeClaim,
	volumes: Iterable<PersistentVolume>,
	{ node, taken, isDelayed = false }: MatchOptions = {},
): PersistentVolume | undefined {
	const selector = claim.spec?.selector === undefined ? undefined : labelSelectorFromObject(claim.spec.selector);
	let best: PersistentVolume | undefined;
	for (const volume of volumes) {
		const { metadata, spec, status } = volume;
		if (taken?.has(metadata?.name ?? "")) continue;
		if (spec?.claimRef !== undefined && !isBoundToClaim(volume, claim)) continue;
		if (compareQuantities(capacityOf(volume), requestedSize(claim)) < 0 || !hasSameMode(volume, claim)) continue;
		if (attributesClassOf(volume) !== attributesClassOf(claim) || metadata?.deletionTimestamp !== undefined) continue;
		const isInReach = node === undefined || isReachable(volume, node);
		if (isBoundToClaim(volume, claim)) return isInReach ? volume : undefined;
		if (node === undefined && isDelayed) continue;
		if (status?.phase !== "Available" || (selector !== undefined && !selector.matches(metadata?.labels ?? {}))) continue;
		if (classNameOf(volume) !== classNameOf(claim) || !isInReach || !offersModes(volume, claim)) continue;
		if (best === undefined || compareQuantities(capacityOf(volume), capacityOf(best)) < 0) best = volume;
	}
	return best;
}

/** The volume with the claim's name in it; the same object if nothing changes. */
export function bindVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume {
	const { apiVersion = "v1", kind = "PersistentVolumeClaim", metadata = {} } = claim;
	const { namespace = "", name = "", uid = "", resourceVersion = "" } = metadata;
	const isKept = isBoundToClaim(volume, claim);
	if (isKept && volume.spec?.claimRef?.uid === uid) return volume;
	const bound = { ...volume, spec: { ...volume.spec, claimRef: { apiVersion, kind, namespace, name, uid, resourceVersion } } };
	return isKept || hasAnnotation(volume, boundByController) ? bound : withAnnotations(bound, { [boundByController]: "yes" });
}

/** The claim with the volume's name in it; the same object if nothing changes. */
export function bindClaim(claim: PersistentVolumeClaim, { metadata }: PersistentVolume): PersistentVolumeClaim {
	const volumeName = metadata?.name ?? "";
	const isChosen = claim.spec?.volumeName === volumeName;
	if (isChosen && hasAnnotation(claim, bindCompleted)) return claim;
	return withAnnotations(isChosen ? claim : { ...claim, spec: { ...claim.spec, volumeName } }, {
		...(isChosen ? {} : { [boundByController]: "yes" }),
		[bindCompleted]: "yes",
	});
}
