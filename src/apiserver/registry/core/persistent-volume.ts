/**
 * PersistentVolume. Source: pkg/apis/core/validation, pkg/registry/core/persistentvolume of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import { compareQuantities } from "../../../apimachinery/quantity.ts";
import type { PersistentVolume, PersistentVolumeSpec } from "../../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../../apimachinery/time.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, orUnset, stringColumn, wide } from "../printing/columns.ts";
import {
	type FieldErrors,
	NO_ERRORS,
	POSITIVE,
	validateOptionalEnum,
	validateOptionalSubdomain,
	validateRequired,
} from "../validation/primitives.ts";
import { validateResourceList } from "../validation/resources.ts";
import { validateNodeSelector } from "../validation/scheduling.ts";
import { validateHostPath } from "../validation/volumes.ts";
import { mapField, withDefaults } from "./defaulting.ts";
import { validateAccessModes } from "./persistent-volume-claim.ts";
import { formatAccessModes, storageClassOf } from "./volume-columns.ts";

/** Everything in a spec that is not a volume source. */
const ownFields: ReadonlySet<string> = new Set([
	"accessModes",
	"capacity",
	"claimRef",
	"mountOptions",
	"nodeAffinity",
	"persistentVolumeReclaimPolicy",
	"storageClassName",
	"volumeAttributesClassName",
	"volumeMode",
]);

function sourceOf(spec: PersistentVolumeSpec | undefined): Readonly<Record<string, unknown>> {
	return Object.fromEntries(Object.entries(spec ?? {}).filter(([field, value]) => !ownFields.has(field) && value !== undefined));
}

function validate({ spec }: PersistentVolume): FieldErrors {
	return [
		...validateAccess(spec?.accessModes ?? []),
		...validateCapacity(spec?.capacity),
		...validateSource(spec),
		...validateOptionalEnum(spec?.persistentVolumeReclaimPolicy, "spec.persistentVolumeReclaimPolicy", ["Delete", "Recycle", "Retain"]),
		...validateOptionalSubdomain(spec?.storageClassName, "spec.storageClassName"),
		...validateOptionalEnum(spec?.volumeMode, "spec.volumeMode", ["Block", "Filesystem"]),
		...(spec?.nodeAffinity?.required === undefined ? [] : validateNodeSelector(spec.nodeAffinity.required, "spec.nodeAffinity.required")),
	];
}

const validateAccess = (modes: readonly string[]): FieldErrors =>
	modes.length === 0 ? [fieldRequired("spec.accessModes")] : validateAccessModes(modes, "spec.accessModes");

function validateCapacity(capacity: PersistentVolumeSpec["capacity"]): FieldErrors {
	const resources = Object.keys(capacity ?? {});
	if (resources.length === 0) return [fieldRequired("spec.capacity")];
	if (capacity?.storage === undefined || resources.length > 1) {
		return [fieldNotSupported("spec.capacity", capacity, ["storage"])];
	}
	const errors = validateResourceList(capacity, "spec.capacity");
	if (errors.length > 0 || compareQuantities(capacity.storage, "0") > 0) return errors;
	return [fieldInvalid("spec.capacity[storage]", capacity.storage, POSITIVE)];
}

function validateSource(spec: PersistentVolumeSpec | undefined): FieldErrors {
	const [first, ...others] = Object.keys(sourceOf(spec));
	if (first === undefined) return [fieldRequired("spec", "must specify a volume type")];
	const errors: FieldError[] = others.map((other) => fieldForbidden(`spec.${other}`, "may not specify more than 1 volume type"));
	if (spec?.hostPath !== undefined) errors.push(...validateHostPath(spec.hostPath.path, spec.hostPath.type, "spec.hostPath"));
	if (spec?.nfs !== undefined)
		errors.push(...validateRequired(spec.nfs.server, "spec.nfs.server"), ...validateRequired(spec.nfs.path, "spec.nfs.path"));
	if (spec?.csi !== undefined) {
		errors.push(
			...validateRequired(spec.csi.driver, "spec.csi.driver"),
			...validateRequired(spec.csi.volumeHandle, "spec.csi.volumeHandle"),
		);
	}
	if (spec?.local !== undefined) {
		errors.push(...validateRequired(spec.local.path, "spec.local.path"));
		if (spec.nodeAffinity === undefined) errors.push(fieldRequired("spec.nodeAffinity", "Local volume requires node affinity"));
	}
	if (spec?.hostPath?.path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle") {
		errors.push(fieldForbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'"));
	}
	return errors;
}

function validateUpdate({ spec }: PersistentVolume, { spec: old }: PersistentVolume): FieldErrors {
	const errors: FieldError[] = [];
	if (!jsonEqual(sourceOf(spec), sourceOf(old))) {
		errors.push(fieldForbidden("spec.persistentvolumesource", "spec.persistentvolumesource is immutable after creation"));
	}
	if (spec?.volumeMode !== old?.volumeMode) errors.push(fieldInvalid("spec.volumeMode", spec?.volumeMode ?? null, "field is immutable"));
	if (old?.nodeAffinity !== undefined && !jsonEqual(spec?.nodeAffinity, old.nodeAffinity)) {
		errors.push(
			fieldInvalid("spec.nodeAffinity", spec?.nodeAffinity ?? null, "field is immutable, except for updating from beta label to GA"),
		);
	}
	return errors.length === 0 ? NO_ERRORS : errors;
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
	setDefaults: (volume) =>
		mapField(volume, "spec", (spec) => {
			const result = withDefaults(spec, { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" });
			const typed = mapField(result, "hostPath", (source) => (source.type === undefined ? { ...source, type: "" } : source));
			return mapField(typed, "iscsi", (source) => withDefaults(source, { iscsiInterface: "default" }));
		}),
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
