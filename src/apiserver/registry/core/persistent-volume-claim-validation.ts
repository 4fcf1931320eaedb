/**
 * What can be wrong with a PersistentVolumeClaim. Source: ValidatePersistentVolumeClaimSpec,
 * ValidatePersistentVolumeClaimUpdate, ValidatePersistentVolumeClaimStatusUpdate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import { compareQuantities } from "../../../apimachinery/quantity.ts";
import type {
	PersistentVolumeClaim,
	PersistentVolumeClaimSpec,
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
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateImmutable,
	validateOptionalEnum,
	validateOptionalSubdomain,
	validateRequired,
} from "../validation/primitives.ts";
import { validateQuantity } from "../validation/resources.ts";
import { accessModes } from "./volume-columns.ts";
import { validateBasicQuantity, validatePositiveQuantity } from "./volume-quantities.ts";

const IMMUTABLE = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
const classAnnotation = "volume.beta.kubernetes.io/storage-class";

/** A claim's spec at `path`; `old` is the stored one in an update. */
export function validateClaimSpec(spec: PersistentVolumeClaimSpec, path: string, old?: PersistentVolumeClaimSpec): FieldErrors {
	const { accessModes: modes = [], dataSource, dataSourceRef, storageClassName, volumeMode, volumeAttributesClassName } = spec;
	// A selector that was malformed in the store may stay as it is.
	const wasMalformed = old !== undefined && validateLabelSelector(old.selector, "").length > 0;
	const isTolerant = old?.dataSource?.apiGroup !== undefined || old?.dataSourceRef?.apiGroup !== undefined;
	return [
		...(modes.length === 0 ? [fieldRequired(`${path}.accessModes`, "at least 1 access mode is required")] : []),
		...(wasMalformed ? [] : validateLabelSelector(spec.selector, `${path}.selector`)),
		...validateAccessModes(modes, `${path}.accessModes`),
		...validateSize(spec.resources?.requests?.storage, `${path}.resources[storage]`),
		...validateOptionalSubdomain(storageClassName, `${path}.storageClassName`),
		...validateOptionalEnum(volumeMode, `${path}.volumeMode`, ["Block", "Filesystem"]),
		...(dataSource === undefined ? [] : validateDataSource(dataSource, `${path}.dataSource`, isTolerant)),
		...(dataSourceRef === undefined ? [] : validateDataSource(dataSourceRef, `${path}.dataSourceRef`, isTolerant)),
		...validateSameSource(spec, path),
		...validateOptionalSubdomain(volumeAttributesClassName, `${path}.volumeAttributesClassName`),
	];
}

/** Known modes, and the exclusive one alone. */
export function validateAccessModes(modes: readonly string[], path: string): FieldErrors {
	const known = modes.filter((mode) => accessModes.includes(mode));
	const errors: FieldError[] = modes
		.filter((mode) => !accessModes.includes(mode))
		.map((mode) => fieldNotSupported(path, mode, accessModes));
	if (known.includes("ReadWriteOncePod") && known.some((mode) => mode !== "ReadWriteOncePod")) {
		errors.push(fieldForbidden(path, "may not use ReadWriteOncePod with other access modes"));
	}
	return errors;
}

function validateSize(size: string | undefined, path: string): FieldErrors {
	if (size === undefined) return [fieldRequired(path)];
	const errors = validatePositiveQuantity(size, path);
	return errors.length > 0 ? errors : validateQuantity("storage", size, path);
}

/** What fills the volume: a claim, a snapshot, or whatever a populator knows. */
function validateDataSource(source: Partial<TypedObjectReference>, path: string, isTolerant: boolean): FieldErrors {
	const { apiGroup = "", kind = "", name, namespace = "" } = source;
	const errors: FieldError[] = [...validateRequired(name, `${path}.name`), ...validateRequired(kind, `${path}.kind`)];
	if (apiGroup === "" && kind !== "PersistentVolumeClaim") {
		errors.push(fieldInvalid(path, kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
	}
	if (apiGroup !== "" && !isTolerant) errors.push(...invalidFor(`${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup)));
	return namespace === "" ? errors : [...errors, ...invalidFor(`${path}.namespace`, namespace, isDns1123Label(namespace))];
}

/** The old field and the new one say the same. */
function validateSameSource({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, path: string): FieldErrors {
	if (dataSource === undefined || dataSourceRef === undefined) return NO_ERRORS;
	// Go prints the path that it means as the struct that a path is: nothing of it is exported.
	const refuse = (text: string) => [fieldInvalid(path, {}, text)];
	if ((dataSourceRef.namespace ?? "") !== "") return refuse("may not be specified when dataSourceRef.namespace is specified");
	const { namespace: _, ...reference } = dataSourceRef;
	return jsonEqual(dataSource, reference) ? NO_ERRORS : refuse("must match dataSourceRef");
}

/** The binder may set the volume once, a class may come later, and a bound claim may grow. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): FieldErrors {
	const spec = claim.spec ?? {};
	const before = old.spec ?? {};
	const annotations = claim.metadata?.annotations ?? {};
	const annotationsBefore = old.metadata?.annotations ?? {};
	const errors: FieldError[] = [];
	if (!isMovedFromAnnotation(claim, old)) {
		const path = `metadata.annotations[${classAnnotation}]`;
		errors.push(...validateImmutable(annotations[classAnnotation] ?? "", annotationsBefore[classAnnotation] ?? "", path));
	}
	if (!jsonEqual(comparable(claim, old), before)) errors.push(fieldForbidden("spec", IMMUTABLE));
	errors.push(...validateShrinking(spec, old), ...validateImmutable(spec.volumeMode, before.volumeMode, "volumeMode"));
	return [...errors, ...validateClassChange(spec.volumeAttributesClassName, before.volumeAttributesClassName)];
}

/** The class was an annotation before it was a field. */
function isMovedFromAnnotation({ metadata, spec }: PersistentVolumeClaim, old: PersistentVolumeClaim): boolean {
	const before = old.metadata?.annotations?.[classAnnotation];
	const now = metadata?.annotations?.[classAnnotation];
	const isMoved = before !== undefined && old.spec?.storageClassName === undefined && spec?.storageClassName === before;
	return isMoved && (now === undefined || now === before);
}

/** The new spec with the old values of what may change. */
function comparable(claim: PersistentVolumeClaim, old: PersistentVolumeClaim): PersistentVolumeClaimSpec {
	const spec = claim.spec ?? {};
	const before = old.spec ?? {};
	const isBound = claim.status?.phase === "Bound";
	const annotation = old.metadata?.annotations?.[classAnnotation];
	const mayHaveClass = before.storageClassName === undefined && (annotation === undefined || annotation === spec.storageClassName);
	const allowed: { -readonly [K in keyof PersistentVolumeClaimSpec]: PersistentVolumeClaimSpec[K] | undefined } = { ...spec };
	if ((before.volumeName ?? "") === "") allowed.volumeName = before.volumeName;
	if (mayHaveClass) allowed.storageClassName = undefined;
	if (isBound && spec.resources?.requests !== undefined) {
		const { storage: _, ...requests } = spec.resources.requests;
		const size = before.resources?.requests?.storage;
		allowed.resources = { ...spec.resources, requests: size === undefined ? requests : { ...requests, storage: size } };
	}
	if (isBound && spec.volumeAttributesClassName !== undefined) allowed.volumeAttributesClassName = before.volumeAttributesClassName;
	return allowed as PersistentVolumeClaimSpec;
}

/** A claim that could not grow may ask for less again, but for more than it has. */
function validateShrinking(spec: PersistentVolumeClaimSpec, { spec: before, status }: PersistentVolumeClaim): FieldErrors {
	const size = spec.resources?.requests?.storage ?? "0";
	if (compareQuantities(size, before?.resources?.requests?.storage ?? "0") >= 0) return NO_ERRORS;
	if (compareQuantities(size, status?.capacity?.storage ?? "0") > 0) return NO_ERRORS;
	return [fieldForbidden("spec.resources.requests.storage", "field can not be less than status.capacity")];
}

function validateClassChange(name: string | undefined, old: string | undefined): FieldErrors {
	const path = "spec.volumeAttributesClassName";
	if (old === undefined || name === old) return NO_ERRORS;
	if (name === undefined) return [fieldForbidden(path, "update from non-nil value to nil is forbidden")];
	return name === "" ? [fieldForbidden(path, "update from non-nil value to an empty string is forbidden")] : NO_ERRORS;
}

const resizeStatuses = [
	"ControllerResizeInProgress",
	"ControllerResizeInfeasible",
	"NodeResizePending",
	"NodeResizeInProgress",
	"NodeResizeInfeasible",
];

export function validateClaimStatus({ spec, status = {} }: PersistentVolumeClaim): FieldErrors {
	const modes = spec?.accessModes ?? [];
	return [
		...(modes.length === 0 ? [fieldRequired("Spec.accessModes")] : []),
		...Object.entries(status.capacity ?? {}).flatMap(([resource, quantity]) =>
			validateBasicQuantity(quantity, `status.capacity[${resource}]`),
		),
		...Object.entries(status.allocatedResourceStatuses ?? {}).flatMap(([resource, value]) => [
			...validateClaimResource(resource, "status.allocatedResourceStatus"),
			...(resizeStatuses.includes(value) ? [] : [fieldNotSupported("status.allocatedResourceStatus", resource, resizeStatuses)]),
		]),
		...Object.entries(status.allocatedResources ?? {}).flatMap(([resource, quantity]) => validateAllocated(resource, quantity)),
	];
}

function validateAllocated(resource: string, quantity: string): FieldErrors {
	const path = "status.allocatedResources";
	const errors = validateClaimResource(resource, path);
	if (errors.length > 0) return errors;
	const wrong = validateBasicQuantity(quantity, `${path}[${resource}]`);
	return wrong.length > 0 ? wrong : validateQuantity("storage", quantity, `${path}[${resource}]`);
}

/** Of Kubernetes' own resources a claim has storage only. */
function validateClaimResource(resource: string, path: string): FieldErrors {
	const errors = invalidFor(path, resource, isQualifiedName(resource));
	const isNative = !resource.includes("/") || resource.includes("kubernetes.io/");
	return errors.length > 0 || !isNative || resource === "storage" ? errors : [fieldNotSupported(path, resource, ["storage"])];
}
