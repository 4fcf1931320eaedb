/**
 * Volumes whose files come from the API: config maps, secrets, the downward API, tokens, and several of them in one.
 * Source: validateKeyToPath, validateDownwardAPIVolumeFile, validateProjectionSources in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36. Trust bundles and Pod certificates are dropped before
 * validation: their feature gates are off by default.
 */
import type {
	ConfigMapVolumeSource,
	DownwardAPIVolumeFile,
	DownwardAPIVolumeSource,
	KeyToPath,
	ProjectedVolumeSource,
	SecretVolumeSource,
	ServiceAccountTokenProjection,
	VolumeProjection,
} from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { downwardVolumeFields, validateFieldRef, validateResourceFieldRef } from "./downward-api.ts";
import { validateFileMode, validateFilePath } from "./file-paths.ts";
import { type FieldErrors, validateEach, validateRequired } from "./primitives.ts";

/** Shortest and longest life of a token, seconds. */
const minTokenSeconds = 600;
const maxTokenSeconds = 2 ** 32;

export const validateConfigMapVolume = ({ name, defaultMode, items }: ConfigMapVolumeSource, path: string): FieldErrors => [
	...validateRequired(name, `${path}.name`),
	...validateFileMode(defaultMode, `${path}.defaultMode`),
	...validateEach(items, `${path}.items`, validateKeyToPath),
];

export const validateSecretVolume = ({ secretName, defaultMode, items }: SecretVolumeSource, path: string): FieldErrors => [
	...validateRequired(secretName, `${path}.secretName`),
	...validateFileMode(defaultMode, `${path}.defaultMode`),
	...validateEach(items, `${path}.items`, validateKeyToPath),
];

const validateKeyToPath = ({ key, path: file, mode }: KeyToPath, path: string): FieldErrors => [
	...validateRequired(key, `${path}.key`),
	...validateRequired(file, `${path}.path`),
	...validateFilePath(file, `${path}.path`),
	...validateFileMode(mode, `${path}.mode`),
];

/** Upstream's errors about the files name the volume's source, not the file. */
export const validateDownwardApiVolume = ({ defaultMode, items = [] }: DownwardAPIVolumeSource, path: string): FieldErrors => [
	...validateFileMode(defaultMode, `${path}.defaultMode`),
	...items.flatMap((file) => validateDownwardFile(file, path)),
];

function validateDownwardFile({ path: file, fieldRef, resourceFieldRef, mode }: DownwardAPIVolumeFile, path: string): FieldErrors {
	const errors: FieldError[] = [...validateRequired(file, `${path}.path`), ...validateFilePath(file, `${path}.path`)];
	if (fieldRef !== undefined) {
		errors.push(...validateFieldRef(fieldRef, downwardVolumeFields, `${path}.fieldRef`));
		if (resourceFieldRef !== undefined) {
			errors.push(fieldInvalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously"));
		}
	} else if (resourceFieldRef !== undefined) {
		errors.push(...validateResourceFieldRef(resourceFieldRef, `${path}.resourceFieldRef`, { needsContainer: true }));
	} else {
		errors.push(fieldRequired(path, "one of fieldRef and resourceFieldRef is required"));
	}
	return [...errors, ...validateFileMode(mode, `${path}.mode`)];
}

export function validateProjectedVolume({ defaultMode, sources }: ProjectedVolumeSource, path: string): FieldErrors {
	const taken = new Set<string>();
	/** Two sources may not write one file; `shown` is what the text names. */
	const claim = (file: string | undefined, shown: string | undefined): FieldErrors => {
		if (file === undefined || file === "") return [];
		if (taken.has(file)) return [fieldInvalid(path, shown ?? "", "conflicting duplicate paths")];
		taken.add(file);
		return [];
	};
	return [
		...validateFileMode(defaultMode, `${path}.defaultMode`),
		...validateEach(sources, `${path}.sources`, (source, at) => validateProjection(source, at, path, claim)),
	];
}

type ClaimFile = (file: string | undefined, shown: string | undefined) => FieldErrors;

function validateProjection(source: VolumeProjection, path: string, volumePath: string, claim: ClaimFile): FieldErrors {
	const errors: FieldError[] = [];
	for (const kind of ["secret", "configMap"] as const) {
		const projection = source[kind];
		if (projection === undefined) continue;
		errors.push(...validateRequired(projection.name, `${path}.${kind}.name`));
		for (const [index, item] of (projection.items ?? []).entries()) {
			errors.push(...validateKeyToPath(item, `${path}.${kind}.items[${index}]`), ...claim(item.path, projection.name));
		}
	}
	for (const file of source.downwardAPI?.items ?? []) {
		errors.push(...validateDownwardFile(file, `${path}.downwardAPI`), ...claim(file.path, file.path));
	}
	if (source.serviceAccountToken !== undefined)
		errors.push(...validateToken(source.serviceAccountToken, `${path}.serviceAccountToken`, volumePath));
	if (Object.values(source).filter((kind) => kind !== undefined).length > 1) {
		errors.push(fieldForbidden(path, "may not specify more than 1 volume type per source"));
	}
	return errors;
}

/** Upstream's errors about the file name the volume, not the token. */
function validateToken({ expirationSeconds, path: file }: ServiceAccountTokenProjection, path: string, volumePath: string): FieldErrors {
	const errors: FieldError[] = [];
	const at = `${path}.expirationSeconds`;
	if ((expirationSeconds ?? 0) < minTokenSeconds) {
		errors.push(fieldInvalid(at, expirationSeconds ?? 0, "may not specify a duration less than 10 minutes"));
	} else if ((expirationSeconds ?? 0) > maxTokenSeconds) {
		errors.push(fieldInvalid(at, expirationSeconds, "may not specify a duration larger than 2^32 seconds"));
	}
	const filePath = `${volumePath}.path`;
	return [...errors, ...(file === undefined || file === "" ? [fieldRequired(filePath)] : validateFilePath(file, filePath))];
}
