/**
 * The claim that a volume of a Pod makes for itself. Source: ValidatePersistentVolumeClaimTemplate,
 * ValidatePersistentVolumeClaimSpec in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { compareQuantities, QuantityError } from "../../../apimachinery/quantity.ts";
import type {
	ObjectMeta,
	PersistentVolumeClaimSpec,
	PersistentVolumeClaimTemplate,
	TypedLocalObjectReference,
	TypedObjectReference,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Label, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	POSITIVE,
	validateAnnotations,
	validateLabels,
	validateOptionalEnum,
	validateOptionalSubdomain,
	validateRequired,
} from "./primitives.ts";
import { validateQuantity } from "./resources.ts";

const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export const validateClaimTemplate = ({ metadata, spec }: PersistentVolumeClaimTemplate, path: string): FieldErrors => [
	...validateTemplateMeta(metadata, `${path}.metadata`),
	...validateClaimSpec(spec ?? {}, `${path}.spec`),
];

/** A template gives labels and annotations; the rest is not its to say. */
function validateTemplateMeta(metadata: ObjectMeta = {}, path: string): FieldErrors {
	const { labels, annotations, ...others } = metadata;
	const set = Object.entries(others).filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== 0);
	return [
		...validateAnnotations(annotations, `${path}.annotations`),
		...validateLabels(labels, `${path}.labels`),
		...set.map(([field]) => fieldForbidden(`${path}.${field === "uid" ? "uID" : field}`, "cannot be set")),
	];
}

function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: string): FieldErrors {
	const modes = spec.accessModes ?? [];
	return [
		...(modes.length === 0 ? [fieldRequired(`${path}.accessModes`, "at least 1 access mode is required")] : []),
		...validateLabelSelector(spec.selector, `${path}.selector`),
		...validateAccessModes(modes, `${path}.accessModes`),
		...validateStorage(spec.resources?.requests?.storage, `${path}.resources[storage]`),
		...validateOptionalSubdomain(spec.storageClassName, `${path}.storageClassName`),
		...validateOptionalEnum(spec.volumeMode, `${path}.volumeMode`, ["Block", "Filesystem"]),
		...validateDataSources(spec, path),
		...validateOptionalSubdomain(spec.volumeAttributesClassName, `${path}.volumeAttributesClassName`),
	];
}

function validateAccessModes(modes: readonly string[], path: string): FieldErrors {
	const known = modes.filter((mode) => accessModes.includes(mode));
	const mixes = known.includes("ReadWriteOncePod") && known.some((mode) => mode !== "ReadWriteOncePod");
	return [
		...modes.filter((mode) => !accessModes.includes(mode)).map((mode) => fieldNotSupported(path, mode, accessModes)),
		...(mixes ? [fieldForbidden(path, "may not use ReadWriteOncePod with other access modes")] : []),
	];
}

function validateStorage(storage: string | undefined, path: string): FieldErrors {
	if (storage === undefined) return [fieldRequired(path)];
	return isPositive(storage) ? validateQuantity("storage", storage, path) : [fieldInvalid(path, storage, POSITIVE)];
}

function isPositive(quantity: string): boolean {
	try {
		return compareQuantities(quantity, "0") > 0;
	} catch (error) {
		// What cannot be read is refused as such.
		if (error instanceof QuantityError) return true;
		throw error;
	}
}

/** What the volume is filled with, in its old and its new form. */
function validateDataSources({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, path: string): FieldErrors {
	const errors: FieldError[] = [
		...(dataSource === undefined ? [] : validateReference(dataSource, `${path}.dataSource`)),
		...(dataSourceRef === undefined ? [] : validateReference(dataSourceRef, `${path}.dataSourceRef`)),
	];
	if (dataSource === undefined || dataSourceRef === undefined) return errors;
	// Upstream hands the path over as the value; it prints as an empty struct.
	if ((dataSourceRef.namespace ?? "") !== "") {
		return [...errors, fieldInvalid(path, {}, "may not be specified when dataSourceRef.namespace is specified")];
	}
	const isSame = (["apiGroup", "kind", "name"] as const).every((field) => dataSource[field] === dataSourceRef[field]);
	return isSame ? errors : [...errors, fieldInvalid(path, {}, "must match dataSourceRef")];
}

function validateReference(reference: TypedLocalObjectReference & Pick<TypedObjectReference, "namespace">, path: string): FieldErrors {
	const { name, kind = "", apiGroup = "", namespace = "" } = reference;
	return [
		...validateRequired(name, `${path}.name`),
		...validateRequired(kind, `${path}.kind`),
		...(apiGroup === "" && kind !== "PersistentVolumeClaim"
			? [fieldInvalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup")]
			: NO_ERRORS),
		...(apiGroup === "" ? [] : invalidFor(`${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup))),
		...(namespace === "" ? [] : invalidFor(`${path}.namespace`, namespace, isDns1123Label(namespace))),
	];
}
