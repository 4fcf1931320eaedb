/**
 * The data of ConfigMaps and Secrets: keys that can be file names, one mebibyte at most, frozen when immutable.
 * Source: ValidateConfigMap, ValidateSecret in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import { fieldForbidden, fieldInvalid, fieldTooLong } from "../../../apimachinery/validation/field-error.ts";
import { isConfigMapKey } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS } from "./primitives.ts";

/** Bytes of data that a ConfigMap or a Secret may hold. */
const maxDataBytes = 1024 * 1024;

type Data = Readonly<Record<string, string>> | undefined;

export const validateDataKeys = (data: Data, path: string): FieldErrors =>
	Object.keys(data ?? {}).flatMap((key) => invalidFor(`${path}[${key}]`, key, isConfigMapKey(key)));

/** Keys of text that stand among the binary ones, too. */
export const validateDisjoint = (data: Data, binaryData: Data): FieldErrors =>
	Object.keys(data ?? {}).flatMap((key) =>
		binaryData !== undefined && Object.hasOwn(binaryData, key)
			? [fieldInvalid(`data[${key}]`, key, "duplicate of key present in binaryData")]
			: [],
	);

const textEncoder = new TextEncoder();

/** Bytes of values that are text. */
export const textBytes = (data: Data): number =>
	Object.values(data ?? {}).reduce((sum, value) => sum + textEncoder.encode(value).length, 0);

/** Bytes that base64 values decode to. */
export const base64Bytes = (data: Data): number =>
	Object.values(data ?? {}).reduce((sum, value) => sum + Math.floor((value.replace(/=+$/, "").length * 3) / 4), 0);

export const validateDataSize = (bytes: number, path: string): FieldErrors =>
	bytes > maxDataBytes ? [fieldTooLong(path, maxDataBytes)] : NO_ERRORS;

interface Freezable {
	readonly immutable?: boolean;
	readonly data?: Data;
	readonly binaryData?: Data;
}

/** Once immutable, always immutable, and the data with it. */
export function validateFrozen(object: Freezable, old: Freezable): FieldErrors {
	if (old.immutable !== true) return NO_ERRORS;
	const errors = object.immutable === true ? [] : [fieldForbidden("immutable", "field is immutable when `immutable` is set")];
	for (const field of ["data", "binaryData"] as const) {
		if (!jsonEqual(object[field] ?? {}, old[field] ?? {})) errors.push(fieldForbidden(field, "field is immutable when `immutable` is set"));
	}
	return errors;
}
