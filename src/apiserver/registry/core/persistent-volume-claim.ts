/**
 * PersistentVolumeClaim. Source: pkg/apis/core/validation, pkg/registry/core/persistentvolumeclaim of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/storage/persistent-volumes/
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import { compareQuantities } from "../../../apimachinery/quantity.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, orUnset, stringColumn, wide } from "../printing/columns.ts";
import { type FieldErrors, NO_ERRORS, POSITIVE, validateOptionalEnum, validateOptionalSubdomain } from "../validation/primitives.ts";
import { validateQuantity } from "../validation/resources.ts";
import { mapField, withDefaults } from "./defaulting.ts";
import { accessModes, formatAccessModes, storageClassOf } from "./volume-columns.ts";
import { defaultClaimSpec } from "./volume-defaults.ts";

const IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

/** A claim's spec at `path`. */
function validateClaimSpec(spec: PersistentVolumeClaimSpec | undefined, path: string): FieldErrors {
	const modes = spec?.accessModes ?? [];
	const errors: FieldError[] = modes.length === 0 ? [fieldRequired(`${path}.accessModes`, "at least 1 access mode is required")] : [];
	errors.push(...validateLabelSelector(spec?.selector, `${path}.selector`));
	errors.push(...validateAccessModes(modes, `${path}.accessModes`));
	const storage = spec?.resources?.requests?.storage;
	if (storage === undefined) errors.push(fieldRequired(`${path}.resources[storage]`));
	else {
		const at = `${path}.resources[storage]`;
		const wrong = validateQuantity("storage", storage, at);
		errors.push(...wrong);
		if (wrong.length === 0 && compareQuantities(storage, "0") <= 0) errors.push(fieldInvalid(at, storage, POSITIVE));
	}
	return [
		...errors,
		...validateOptionalSubdomain(spec?.storageClassName, `${path}.storageClassName`),
		...validateOptionalEnum(spec?.volumeMode, `${path}.volumeMode`, ["Block", "Filesystem"]),
	];
}

/** Known modes, and the exclusive one alone. */
export function validateAccessModes(modes: readonly string[], path: string): FieldErrors {
	const errors: FieldError[] = modes
		.filter((mode) => !accessModes.includes(mode))
		.map((mode) => fieldNotSupported(path, mode, accessModes));
	if (modes.includes("ReadWriteOncePod") && modes.length > 1) {
		errors.push(fieldForbidden(path, "may not use ReadWriteOncePod with other access modes"));
	}
	return errors;
}

/** The binder may set volume and class once; a bound claim may grow. */
function validateUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldErrors {
	const spec = claim.spec ?? {};
	const before = old.spec ?? {};
	const isBound = old.status?.phase === "Bound";
	const allowed: PersistentVolumeClaimSpec = {
		...spec,
		...((before.volumeName ?? "") === "" ? { volumeName: before.volumeName } : {}),
		...(before.storageClassName === undefined ? { storageClassName: undefined } : {}),
		...(isBound ? { resources: before.resources, volumeAttributesClassName: before.volumeAttributesClassName } : {}),
	} as PersistentVolumeClaimSpec;
	if (!jsonEqual(allowed, before)) return [fieldForbidden("spec", IMMUTABLE)];
	const size = spec.resources?.requests?.storage;
	const capacity = old.status?.capacity?.storage;
	return size !== undefined && capacity !== undefined && compareQuantities(size, capacity) < 0
		? [fieldForbidden("spec.resources.requests.storage", "field can not be less than status.capacity")]
		: NO_ERRORS;
}

export const persistentVolumeClaimKind = defineKind<PersistentVolumeClaim>({
	group: "",
	kind: "PersistentVolumeClaim",
	resource: "persistentvolumeclaims",
	singular: "persistentvolumeclaim",
	shortNames: ["pvc"],
	versions: ["v1"],
	storageVersion: "v1",
	returnDeletedObject: true,
	setDefaults: (claim) => mapField(withDefaults(claim, { spec: {} }), "spec", defaultClaimSpec),
	prepareForCreate: (claim) => ({ ...claim, status: { phase: "Pending" } }),
	validate: ({ spec }) => validateClaimSpec(spec, "spec"),
	validateUpdate,
	columns: [
		nameColumn(),
		stringColumn("Status", "phase represents the current phase of PersistentVolumeClaim.", ({ metadata, status }) =>
			metadata?.deletionTimestamp === undefined ? (status?.phase ?? "") : "Terminating",
		),
		stringColumn(
			"Volume",
			"volumeName is the binding reference to the PersistentVolume backing this claim.",
			({ spec }) => spec?.volumeName ?? "",
		),
		stringColumn("Capacity", "capacity represents the actual resources of the underlying volume.", ({ spec, status }) =>
			(spec?.volumeName ?? "") === "" ? "" : (status?.capacity?.storage ?? "0"),
		),
		stringColumn("Access Modes", "accessModes contains the actual access modes the volume backing the PVC has.", ({ spec, status }) =>
			(spec?.volumeName ?? "") === "" ? "" : formatAccessModes(status?.accessModes),
		),
		stringColumn("StorageClass", "StorageClass of the pvc", ({ metadata, spec }) =>
			storageClassOf(metadata?.annotations, spec?.storageClassName),
		),
		stringColumn("VolumeAttributesClass", "VolumeAttributesClass of the pvc", ({ spec }) => orUnset(spec?.volumeAttributesClassName)),
		ageColumn(),
		wide(
			stringColumn("VolumeMode", "volumeMode defines what type of volume is required by the claim.", ({ spec }) =>
				orUnset(spec?.volumeMode),
			),
		),
	],
});
