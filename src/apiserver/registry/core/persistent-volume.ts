/**
 * PersistentVolume. Source: pkg/apis/core/validation, pkg/registry/core/persistentvolume of Kubernetes 1.36.
 */
import { posix } from "node:path";
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity } from "../../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../../apimachinery/time.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, orUnset, stringColumn, wide } from "../printing/columns.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateImmutable,
	validateOptionalEnum,
	validateOptionalSubdomain,
} from "../validation/primitives.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";
import { mapField, withDefaults, withoutField } from "./defaulting.ts";
import { goVolumeNodeAffinity } from "./go-structs.ts";
import { nodeSelectorTermWarnings } from "./node-label-warnings.ts";
import { validateAccessModes } from "./persistent-volume-claim-validation.ts";
import { sourceOf, validateSource } from "./persistent-volume-sources.ts";
import { formatAccessModes, storageClassOf } from "./volume-columns.ts";
import { validateBasicQuantity, validatePositiveQuantity } from "./volume-quantities.ts";

const classAnnotation = "volume.beta.kubernetes.io/storage-class";
const mountOptionsAnnotation = "volume.beta.kubernetes.io/mount-options";

/** Labels of nodes that an affinity may follow to their new names. */
const stableLabels: ReadonlyMap<string, string> = new Map([
	["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"],
	["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"],
	["beta.kubernetes.io/os", "kubernetes.io/os"],
	["beta.kubernetes.io/arch", "kubernetes.io/arch"],
	["beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type"],
]);

function validate({ metadata, spec = {} }: PersistentVolume): FieldErrors {
	const modes = spec.accessModes ?? [];
	return [
		...(modes.length === 0 ? [fieldRequired("spec.accessModes")] : validateAccessModes(modes, "spec.accessModes")),
		...validateCapacity(spec.capacity),
		...validateOptionalEnum(spec.persistentVolumeReclaimPolicy, "spec.persistentVolumeReclaimPolicy", ["Delete", "Recycle", "Retain"]),
		...validateNodeAffinity(spec.nodeAffinity),
		...validateSource(spec, metadata?.name ?? ""),
		...validateRecycling(spec),
		...validateOptionalSubdomain(spec.storageClassName, "spec.storageClassName"),
		...validateOptionalEnum(spec.volumeMode, "spec.volumeMode", ["Block", "Filesystem"]),
		...validateAttributesClass(spec),
	];
}

function validateCapacity(capacity: PersistentVolumeSpec["capacity"]): FieldErrors {
	const path = "spec.capacity";
	const entries = Object.entries(capacity ?? {});
	const isStorageAlone = capacity?.storage !== undefined && entries.length === 1;
	return [
		...(entries.length === 0 ? [fieldRequired(path)] : []),
		...(isStorageAlone ? [] : [fieldNotSupported(path, capacity, ["storage"])]),
		...entries.flatMap(([resource, quantity]) => [
			...validateBasicQuantity(quantity, `${path}[${resource}]`),
			...validatePositiveQuantity(quantity, `${path}[${resource}]`),
		]),
	];
}

function validateNodeAffinity(affinity: VolumeNodeAffinity | undefined): FieldErrors {
	if (affinity === undefined) return NO_ERRORS;
	const path = "spec.nodeAffinity.required";
	return affinity.required === undefined
		? [fieldRequired(path, "must specify required node constraints")]
		: validateNodeSelector(affinity.required, path);
}

/** Recycling empties the volume: nobody wants that of a node's root. */
function validateRecycling({ hostPath, persistentVolumeReclaimPolicy }: PersistentVolumeSpec): FieldErrors {
	const isRoot = hostPath?.path !== undefined && posix.normalize(hostPath.path).replace(/(?<=.)\/$/, "") === "/";
	if (!isRoot || persistentVolumeReclaimPolicy !== "Recycle") return NO_ERRORS;
	return [fieldForbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")];
}

function validateAttributesClass({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec): FieldErrors {
	if (name === undefined) return NO_ERRORS;
	const path = "spec.volumeAttributesClassName";
	return [
		...(name === "" ? [fieldRequired(path, "an empty string is disallowed")] : invalidFor(path, name, isDns1123Subdomain(name))),
		...(csi === undefined ? [fieldRequired("spec.csi", "has to be specified when using volumeAttributesClassName")] : []),
	];
}

/** What Kubernetes leaves out of a path is left out here, too. */
function validateUpdate({ spec = {} }: PersistentVolume, { spec: old = {} }: PersistentVolume): FieldErrors {
	const errors: FieldError[] = [];
	if (!jsonEqual(sourceOf(withoutNewExpandSecret(spec, old)), sourceOf(old))) {
		errors.push(fieldForbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"));
	}
	errors.push(...validateImmutable(spec.volumeMode, old.volumeMode, "volumeMode"));
	if (old.nodeAffinity !== undefined && !jsonEqual(spec.nodeAffinity, withStableLabels(old.nodeAffinity, spec.nodeAffinity))) {
		const value = spec.nodeAffinity === undefined ? "null" : goVolumeNodeAffinity(spec.nodeAffinity);
		errors.push(fieldInvalid("nodeAffinity", value, "field is immutable, except for updating from beta label to GA"));
	}
	if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
		errors.push(fieldForbidden("spec.volumeAttributesClassName", "update from non-nil value to nil is forbidden"));
	}
	return errors;
}

/** A volume that could not grow may be told how. */
function withoutNewExpandSecret(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): PersistentVolumeSpec {
	if (spec.csi === undefined || old.csi === undefined || old.csi.controllerExpandSecretRef !== undefined) return spec;
	return { ...spec, csi: withoutField(spec.csi, "controllerExpandSecretRef") };
}

/** The old affinity, with the new names of labels where the new one has them. */
function withStableLabels(old: VolumeNodeAffinity, affinity: VolumeNodeAffinity | undefined): VolumeNodeAffinity {
	const terms = affinity?.required?.nodeSelectorTerms ?? [];
	const renamed = old.required?.nodeSelectorTerms?.map((term, index) => ({
		...term,
		...(term.matchExpressions === undefined
			? {}
			: {
					matchExpressions: term.matchExpressions.map((requirement, at) => {
						const key = terms[index]?.matchExpressions?.[at]?.key;
						return key !== undefined && stableLabels.get(requirement.key) === key ? { ...requirement, key } : requirement;
					}),
				}),
	}));
	return renamed === undefined ? old : { ...old, required: { nodeSelectorTerms: renamed } };
}

/** Sources that are gone: since when nobody should use them, and since when nobody can. */
const endOfSources = [
	["photonPersistentDisk", "spec.photonPersistentDisk", "v1.11", "v1.16+"],
	["scaleIO", "spec.scaleIO", "v1.16", "v1.22+"],
	["storageos", "spec.storageOS", "v1.22", "v1.25+"],
	["glusterfs", "spec.glusterfs", "v1.25", "v1.26+"],
	["cephfs", "spec.cephfs", "v1.28", "v1.31+"],
	["rbd", "spec.rbd", "v1.28", "v1.31+"],
] as const;

/** Source: pkg/api/persistentvolume/util.go. */
function warnings({ metadata, spec = {} }: PersistentVolume): readonly string[] {
	const annotations = metadata?.annotations ?? {};
	const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
	const isRecycled = spec.persistentVolumeReclaimPolicy === "Recycle";
	return [
		...(annotations[classAnnotation] === undefined
			? []
			: [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`]),
		...(annotations[mountOptionsAnnotation] === undefined
			? []
			: [`metadata.annotations[${mountOptionsAnnotation}]: deprecated since v1.31; use "mountOptions" attribute instead`]),
		...(isRecycled
			? [
					"spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
				]
			: []),
		...terms.flatMap((term, index) => nodeSelectorTermWarnings(term, `spec.nodeAffinity.required.nodeSelectorTerms[${index}]`)),
		...endOfSources.flatMap(([field, path, deprecated, gone]) =>
			spec[field] === undefined ? [] : [`${path}: deprecated in ${deprecated}, non-functional in ${gone}`],
		),
	];
}

function setDefaults(volume: PersistentVolume): PersistentVolume {
	return mapField(withDefaults(volume, { spec: {} }), "spec", (spec) => {
		let result = withDefaults(spec, { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" });
		result = mapField(result, "hostPath", (source) => (source.type === undefined ? { ...source, type: "" } : source));
		result = mapField(result, "iscsi", (source) => withDefaults(source, { iscsiInterface: "default" }));
		result = mapField(result, "rbd", (source) => withDefaults(source, { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" }));
		result = mapField(result, "azureDisk", (source) =>
			withDefaults(source, { cachingMode: "ReadWrite", kind: "Shared", fsType: "ext4", readOnly: false }),
		);
		return mapField(result, "scaleIO", (source) => withDefaults(source, { storageMode: "ThinProvisioned", fsType: "xfs" }));
	});
}

export const persistentVolumeKind = defineKind<PersistentVolume>({
	group: "",
	kind: "PersistentVolume",
	resource: "persistentvolumes",
	singular: "persistentvolume",
	shortNames: ["pv"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	setDefaults,
	prepareForCreate: (volume, { nowMs }) => ({ ...volume, status: { phase: "Pending", lastPhaseTransitionTime: formatTime(nowMs) } }),
	// The time of the last change of phase is the server's, unless the writer gives one.
	prepareForStatusUpdate: (volume, old, { nowMs }) => {
		const { status = {} } = volume;
		if (status.phase === old.status?.phase) return volume;
		const isStale = status.lastPhaseTransitionTime === undefined || status.lastPhaseTransitionTime === old.status?.lastPhaseTransitionTime;
		return isStale ? { ...volume, status: { ...status, lastPhaseTransitionTime: formatTime(nowMs) } } : volume;
	},
	validate,
	validateUpdate,
	warnings,
	columns: [
		nameColumn(),
		stringColumn(
			"Capacity",
			"capacity is the description of the persistent volume's resources and capacity.",
			({ spec }) => spec?.capacity?.storage ?? "0",
		),
		stringColumn("Access Modes", "accessModes contains all ways the volume can be mounted.", ({ spec }) =>
			formatAccessModes(spec?.accessModes),
		),
		stringColumn(
			"Reclaim Policy",
			"persistentVolumeReclaimPolicy defines what happens to a persistent volume when released from its claim.",
			({ spec }) => spec?.persistentVolumeReclaimPolicy ?? "",
		),
		stringColumn("Status", "phase indicates if a volume is available, bound to a claim, or released by a claim.", ({ metadata, status }) =>
			metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
		),
		stringColumn("Claim", "claimRef is part of a bi-directional binding between PersistentVolume and PersistentVolumeClaim.", ({ spec }) =>
			spec?.claimRef === undefined ? "" : `${spec.claimRef.namespace ?? ""}/${spec.claimRef.name ?? ""}`,
		),
		stringColumn("StorageClass", "StorageClass of the pv", ({ metadata, spec }) =>
			storageClassOf(metadata?.annotations, spec?.storageClassName),
		),
		stringColumn("VolumeAttributesClass", "VolumeAttributesClass of the pv", ({ spec }) => orUnset(spec?.volumeAttributesClassName)),
		stringColumn(
			"Reason",
			"reason is a brief CamelCase string that describes any failure and is meant for machine parsing and tidy display in the CLI.",
			({ status }) => status?.reason ?? "",
		),
		ageColumn(),
		wide(
			stringColumn(
				"VolumeMode",
				"volumeMode defines if a volume is intended to be used with a formatted filesystem or to remain in raw block state.",
				({ spec }) => orUnset(spec?.volumeMode),
			),
		),
	],
});
