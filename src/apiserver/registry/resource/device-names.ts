/**
 * Names in dynamic resource allocation, and lists of bounded length.
 * Source: pkg/apis/resource/validation/validation.go of Kubernetes 1.36.
 */
import {
	FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldRequired,
	fieldTooLong,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { isCIdentifier, isDns1123Subdomain } from "../../../apimachinery/validation/names.ts";
import { validateDriverName } from "../validation/csi.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach } from "../validation/primitives.ts";

/** Of a selector of devices. */
export const maxExpressionBytes = 10 * 1024;

const maxPoolNameBytes = 253;
const maxIdBytes = 32;
const maxDomainBytes = 63;
const maxKeyBytes = maxDomainBytes + 1 + maxIdBytes;

type Rule<T> = (item: T, path: string) => FieldErrors;

/** Every item is good, and there are not too many of them. */
export function validateList<T>(items: readonly T[] | undefined, max: number, path: string, rule: Rule<T>): FieldErrors {
	const count = items?.length ?? 0;
	return [...validateEach(items, path, rule), ...(count > max ? [fieldTooMany(path, count, max)] : [])];
}

/** The same, and no item is there twice. */
export function validateSet<T>(
	items: readonly T[] | undefined,
	max: number,
	path: string,
	rule: Rule<T>,
	keyOf: (item: T) => string,
): FieldErrors {
	const seen = new Set<string>();
	return [
		...validateList(items, max, path, rule),
		...validateEach(items, path, (item, at) => {
			const key = keyOf(item);
			const isRepeated = seen.has(key);
			seen.add(key);
			return isRepeated ? [fieldDuplicate(at, key)] : NO_ERRORS;
		}),
	];
}

/** Keys and values of a map whose keys are qualified names. */
export function validateQualifiedMap<T>(map: Readonly<Record<string, T>> | undefined, path: string, rule: Rule<T>): FieldErrors {
	return Object.entries(map ?? {}).flatMap(([key, value]) => {
		const at = `${path}[${shortened(key, maxKeyBytes)}]`;
		return [...validateQualifiedName(key, at), ...rule(value, at)];
	});
}

/** A key of a map as it stands in a path: cut in the middle if it is longer than keys may be. */
export function shortened(key: string, max: number): string {
	if (key.length <= max) return key;
	const remaining = max - 3;
	return `${key.slice(0, Math.floor((remaining + 1) / 2))}...${key.slice(key.length - Math.floor(remaining / 2))}`;
}

/** DNS subdomains with slashes between them. */
export function validatePoolName(name: string | undefined, path: string): FieldErrors {
	const text = name ?? "";
	if (text === "") return [fieldRequired(path)];
	return [
		...(Buffer.byteLength(text) > maxPoolNameBytes ? [fieldTooLong(path, maxPoolNameBytes)] : []),
		...text.split("/").flatMap((part) => invalidFor(path, part, isDns1123Subdomain(part))),
	];
}

/** `memory` or `gpu.example.com/memory`: a C identifier, with or without a domain. */
export function validateQualifiedName(name: string, path: string): FieldErrors {
	if (name === "") return [fieldRequired(path, "name required")];
	const parts = name.split("/");
	const [first = "", second = ""] = parts;
	if (parts.length === 1) return validateIdentifier(first, path);
	if (parts.length > 2) return NO_ERRORS;
	return [
		...(first === "" ? [fieldRequired(path, "the domain must not be empty")] : validateDriverName(first, path)),
		...(second === "" ? [fieldRequired(path, "the name must not be empty")] : validateIdentifier(second, path)),
	];
}

export function validateFullyQualifiedName(name: string, path: string): FieldErrors {
	const errors = validateQualifiedName(name, path);
	return name === "" || name.includes("/") ? errors : [...errors, fieldInvalid(path, name, "must include a domain")];
}

function validateIdentifier(id: string, path: string): FieldErrors {
	const errors: FieldError[] = Buffer.byteLength(id) > maxIdBytes ? [fieldTooLong(path, maxIdBytes)] : [];
	return [...errors, ...isCIdentifier(id).map((text) => new FieldError("FieldValueTypeInvalid", path, id, text))];
}
