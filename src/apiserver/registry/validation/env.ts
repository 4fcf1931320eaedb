/**
 * Environment variables of containers and where their values come from.
 * Source: ValidateEnv, ValidateEnvFrom in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	EnvFromSource,
	EnvVar,
	EnvVarSource,
	ObjectFieldSelector,
	SecretKeySelector,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isConfigMapKey, isEnvVarName, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateNamed, validateRequired } from "./primitives.ts";

/** Fields of a Pod that a variable may show. */
const envFields: ReadonlySet<string> = new Set([
	"metadata.name",
	"metadata.namespace",
	"metadata.uid",
	"spec.nodeName",
	"spec.serviceAccountName",
	"status.hostIP",
	"status.hostIPs",
	"status.podIP",
	"status.podIPs",
]);

/** Fields of a Pod that a file of a downwardAPI volume may show. */
export const downwardVolumeFields: ReadonlySet<string> = new Set([
	"metadata.name",
	"metadata.namespace",
	"metadata.labels",
	"metadata.annotations",
	"metadata.uid",
]);

/** Resources of a container that the downward API can tell. */
const resourceFields = ["limits", "requests"].flatMap((side) => [`${side}.cpu`, `${side}.memory`, `${side}.ephemeral-storage`]);

export function validateEnv(variables: readonly EnvVar[] | undefined, path: string): FieldErrors {
	return validateEach(variables, path, (variable, at) => [
		...validateNamed(variable.name, `${at}.name`, isEnvVarName),
		...validateValueFrom(variable, `${at}.valueFrom`),
	]);
}

function validateValueFrom({ value, valueFrom }: EnvVar, path: string): FieldErrors {
	if (valueFrom === undefined) return NO_ERRORS;
	const sources = Object.values(valueFrom).filter((source) => source !== undefined).length;
	const errors = [...validateSource(valueFrom, path)];
	if (sources === 0) {
		errors.push(
			fieldInvalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"),
		);
	} else if (value !== undefined && value !== "") {
		errors.push(fieldInvalid(path, "", "may not be specified when `value` is not empty"));
	} else if (sources > 1) {
		errors.push(fieldInvalid(path, "", "may not have more than one field specified at a time"));
	}
	return errors;
}

function validateSource(source: EnvVarSource, path: string): FieldErrors {
	return [
		...(source.fieldRef === undefined ? [] : validateFieldRef(source.fieldRef, envFields, `${path}.fieldRef`)),
		...(source.resourceFieldRef === undefined ? [] : validateResourceField(source.resourceFieldRef.resource, `${path}.resourceFieldRef`)),
		...(source.configMapKeyRef === undefined ? [] : validateKeyRef(source.configMapKeyRef, `${path}.configMapKeyRef`)),
		...(source.secretKeyRef === undefined ? [] : validateKeyRef(source.secretKeyRef, `${path}.secretKeyRef`)),
	];
}

/** A field of the Pod by path; labels and annotations by key. */
export function validateFieldRef({ fieldPath }: ObjectFieldSelector, fields: ReadonlySet<string>, path: string): FieldErrors {
	if (fieldPath === undefined || fieldPath === "") return [fieldRequired(`${path}.fieldPath`)];
	const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
	if (subscript !== null) {
		const key = subscript[2] ?? "";
		return invalidFor(path, key, isQualifiedName(subscript[1] === "annotations" ? key.toLowerCase() : key));
	}
	if (fields.has(fieldPath)) return NO_ERRORS;
	if (envFields.has(fieldPath) || downwardVolumeFields.has(fieldPath))
		return [fieldNotSupported(`${path}.fieldPath`, fieldPath, [...fields])];
	return [fieldInvalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`)];
}

export function validateResourceField(resource: string | undefined, path: string): FieldErrors {
	if (resource === undefined || resource === "") return [fieldRequired(`${path}.resource`)];
	const known = resourceFields.includes(resource) || /^(limits|requests)\.hugepages-/.test(resource);
	return known ? NO_ERRORS : [fieldNotSupported(`${path}.resource`, resource, resourceFields)];
}

function validateKeyRef({ name, key }: Partial<SecretKeySelector>, path: string): FieldErrors {
	return [...validateRequired(name, `${path}.name`), ...validateNamed(key, `${path}.key`, isConfigMapKey)];
}

export function validateEnvFrom(sources: readonly EnvFromSource[] | undefined, path: string): FieldErrors {
	return validateEach(sources, path, (source, at) => {
		const prefix = source.prefix ?? "";
		const errors = [...(prefix === "" ? [] : invalidFor(`${at}.prefix`, prefix, isEnvVarName(prefix)))];
		const { configMapRef, secretRef } = source;
		if (configMapRef !== undefined) errors.push(...validateRequired(configMapRef.name, `${at}.configMapRef.name`));
		if (secretRef !== undefined) errors.push(...validateRequired(secretRef.name, `${at}.secretRef.name`));
		if (configMapRef === undefined && secretRef === undefined) {
			errors.push(fieldInvalid(at, "", "must specify one of: `configMapRef` or `secretRef`"));
		} else if (configMapRef !== undefined && secretRef !== undefined) {
			errors.push(fieldInvalid(at, "", "may not have more than one field specified at a time"));
		}
		return errors;
	});
}
