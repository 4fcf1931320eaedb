/**
 * Environment variables of containers and where their values come from.
 * Source: ValidateEnv, ValidateEnvFrom in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	EnvFromSource,
	EnvVar,
	EnvVarSource,
	FileKeySelector,
	SecretKeySelector,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import {
	isConfigMapKey,
	isDns1123Label,
	isDns1123Subdomain,
	isEnvVarName,
	nameIsDnsSubdomain,
} from "../../../apimachinery/validation/names.ts";
import { envFields, validateFieldRef, validateResourceFieldRef } from "./downward-api.ts";
import { validateNoBacksteps } from "./file-paths.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateName, validateNamed, validateRequired } from "./primitives.ts";

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

function validateSource(
	{ fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef }: EnvVarSource,
	path: string,
): FieldErrors {
	return [
		...(fieldRef === undefined ? [] : validateFieldRef(fieldRef, envFields, `${path}.fieldRef`)),
		...(resourceFieldRef === undefined ? [] : validateResourceFieldRef(resourceFieldRef, `${path}.resourceFieldRef`)),
		...(configMapKeyRef === undefined ? [] : validateKeyRef(configMapKeyRef, `${path}.configMapKeyRef`)),
		...(secretKeyRef === undefined ? [] : validateKeyRef(secretKeyRef, `${path}.secretKeyRef`)),
		...(fileKeyRef === undefined ? [] : validateFileKeyRef(fileKeyRef, `${path}.fileKeyRef`)),
	];
}

const validateKeyRef = ({ name, key }: Partial<SecretKeySelector>, path: string): FieldErrors => [
	...validateName(name, `${path}.name`, isDns1123Subdomain),
	...validateNamed(key, `${path}.key`, isConfigMapKey),
];

const validateFileKeyRef = ({ key, volumeName, path: file }: FileKeySelector, path: string): FieldErrors => [
	...validateNamed(key, `${path}.key`, isEnvVarName),
	...validateNamed(volumeName, `${path}.volumeName`, isDns1123Label),
	...(file === undefined || file === "" ? validateRequired(file, `${path}.path`) : validateNoBacksteps(file, `${path}.path`)),
];

export function validateEnvFrom(sources: readonly EnvFromSource[] | undefined, path: string): FieldErrors {
	return validateEach(sources, path, ({ prefix = "", configMapRef, secretRef }, at) => {
		const errors = [...(prefix === "" ? [] : invalidFor(`${at}.prefix`, prefix, isEnvVarName(prefix)))];
		if (configMapRef !== undefined) errors.push(...validateNamed(configMapRef.name, `${at}.configMapRef.name`, isNamePrefix));
		if (secretRef !== undefined) errors.push(...validateNamed(secretRef.name, `${at}.secretRef.name`, isNamePrefix));
		// Upstream names the list here, not the item.
		if (configMapRef === undefined && secretRef === undefined) {
			errors.push(fieldInvalid(path, "", "must specify one of: `configMapRef` or `secretRef`"));
		} else if (configMapRef !== undefined && secretRef !== undefined) {
			errors.push(fieldInvalid(path, "", "may not have more than one field specified at a time"));
		}
		return errors;
	});
}

/** Upstream checks these names as if they were prefixes, which may end in a hyphen. */
const isNamePrefix = (name: string): readonly string[] => nameIsDnsSubdomain(name, true);
