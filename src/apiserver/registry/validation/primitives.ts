/**
 * The small rules that validation of every kind is made of, with Kubernetes' texts. Each gives the errors it finds.
 * Source: k8s.io/apimachinery/pkg/api/validation and pkg/apis/core/validation of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldNotOneOf,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import {
	isDns1123Label,
	isDns1123Subdomain,
	isValidPercent,
	isValidPortName,
	isValidPortNumber,
} from "../../../apimachinery/validation/names.ts";

export type FieldErrors = readonly FieldError[];

export const NO_ERRORS: FieldErrors = [];

export const FIELD_IMMUTABLE = "field is immutable";
export const NOT_NEGATIVE = "must be greater than or equal to 0";
export const POSITIVE = "must be greater than zero";

/** One Invalid for each text. */
export const invalidFor = (path: string, value: unknown, texts: readonly string[]): FieldErrors =>
	texts.map((text) => fieldInvalid(path, value, text));

/** A number, where it is given, is 0 or more. */
export function validateNonnegative(value: number | undefined, path: string): FieldErrors {
	return value !== undefined && value < 0 ? [fieldInvalid(path, value, NOT_NEGATIVE)] : NO_ERRORS;
}

/** A number, where it is given, is 1 or more. */
export function validatePositive(value: number | undefined, path: string): FieldErrors {
	return value !== undefined && value <= 0 ? [fieldInvalid(path, value, POSITIVE)] : NO_ERRORS;
}

/** A field keeps its value once set. */
export function validateImmutable(value: unknown, old: unknown, path: string): FieldErrors {
	return jsonEqual(value, old) ? NO_ERRORS : [fieldInvalid(path, value ?? null, FIELD_IMMUTABLE)];
}

/** A text is there. */
export function validateRequired(value: string | undefined, path: string, detail = ""): FieldErrors {
	return value === undefined || value === "" ? [fieldRequired(path, detail)] : NO_ERRORS;
}

/** A text is there and one of those supported. */
export function validateEnum(value: string | undefined, path: string, supported: readonly string[], detail = ""): FieldErrors {
	if (value === undefined || value === "") return [fieldRequired(path, detail)];
	return supported.includes(value) ? NO_ERRORS : [fieldNotSupported(path, value, supported)];
}

/** The same where upstream's list of values has an order of its own. */
export function validateEnumInOrder(value: string | undefined, path: string, supported: readonly string[]): FieldErrors {
	if (value === undefined || value === "") return [fieldRequired(path)];
	return supported.includes(value) ? NO_ERRORS : [fieldNotOneOf(path, value, supported)];
}

/** A text, where it is given, is one of those supported. */
export function validateOptionalEnum(value: string | undefined, path: string, supported: readonly string[]): FieldErrors {
	return value === undefined || supported.includes(value) ? NO_ERRORS : [fieldNotSupported(path, value, supported)];
}

/** A text is there and keeps a rule of names. */
export function validateNamed(
	value: string | undefined,
	path: string,
	rule: (value: string) => readonly string[],
	detail = "",
): FieldErrors {
	if (value === undefined || value === "") return [fieldRequired(path, detail)];
	return invalidFor(path, value, rule(value));
}

/** A text keeps a rule of names, the empty one too. */
export const validateName = (value: string | undefined, path: string, rule: (value: string) => readonly string[]): FieldErrors =>
	invalidFor(path, value ?? "", rule(value ?? ""));

/** A DNS label is there: names of containers, volumes. */
export const validateDnsLabel = (value: string | undefined, path: string): FieldErrors => validateNamed(value, path, isDns1123Label);

/** A DNS subdomain, where the text is not empty. */
export function validateOptionalSubdomain(value: string | undefined, path: string): FieldErrors {
	return value === undefined || value === "" ? NO_ERRORS : invalidFor(path, value, isDns1123Subdomain(value));
}

/** A DNS label, where the text is not empty. */
export function validateOptionalLabel(value: string | undefined, path: string): FieldErrors {
	return value === undefined || value === "" ? NO_ERRORS : invalidFor(path, value, isDns1123Label(value));
}

export const validatePortNumber = (port: number | undefined, path: string): FieldErrors =>
	invalidFor(path, port ?? 0, isValidPortNumber(port ?? 0));

/** A port by number, or by name: targets of Services and probes. */
export function validatePortNumberOrName(port: number | string | undefined, path: string): FieldErrors {
	if (typeof port === "string") return invalidFor(path, port, isValidPortName(port));
	return validatePortNumber(port, path);
}

/** 5 or "25%". */
export function validateIntOrPercent(value: number | string | undefined, path: string): FieldErrors {
	if (value === undefined) return NO_ERRORS;
	return typeof value === "string" ? invalidFor(path, value, isValidPercent(value)) : validateNonnegative(value, path);
}

/** Hundredths of a percentage, undefined for whatever is none. */
export function percentOf(value: number | string | undefined): number | undefined {
	return typeof value === "string" && isValidPercent(value).length === 0 ? Number.parseInt(value, 10) : undefined;
}

/** The number in 5 or "25%": 0 for a text that is neither. */
export function amountOf(value: number | string): number {
	return percentOf(value) ?? (typeof value === "number" ? value : 0);
}

export function validateNotMoreThan100Percent(value: number | string | undefined, path: string): FieldErrors {
	return (percentOf(value) ?? 0) > 100 ? [fieldInvalid(path, value, "must not be greater than 100%")] : NO_ERRORS;
}

/** Keys and values of labels, and of selectors that are maps. */
export { validateLabels } from "../../../apimachinery/validation/label-selector.ts";

/** Keys of annotations, and their size in all. */
export { validateAnnotations } from "../../../apimachinery/validation/object-meta.ts";

/** Every second and later item of a list whose key was there before. */
export function validateUnique<T>(items: readonly T[], key: (item: T) => string | undefined, path: (index: number) => string): FieldErrors {
	const seen = new Set<string>();
	return items.flatMap((item, index) => {
		const value = key(item) ?? "";
		if (value === "") return [];
		if (seen.has(value)) return [fieldDuplicate(path(index), value)];
		seen.add(value);
		return [];
	});
}

/** Runs a rule on each item with its path, `spec.containers[0]`. Most lists are sound, and cost no list of errors then. */
export function validateEach<T>(items: readonly T[] | undefined, path: string, rule: (item: T, path: string) => FieldErrors): FieldErrors {
	if (items === undefined) return NO_ERRORS;
	let errors: FieldError[] | undefined;
	for (const [index, item] of items.entries()) {
		const own = rule(item, `${path}[${index}]`);
		if (own.length > 0) errors = [...(errors ?? []), ...own];
	}
	return errors ?? NO_ERRORS;
}
