/**
 * One thing wrong with one field, in the words of k8s.io/apimachinery/pkg/util/validation/field. Validation returns all
 * field errors of an object, never only the first.
 */

export type FieldErrorType =
	| "FieldValueNotFound"
	| "FieldValueRequired"
	| "FieldValueDuplicate"
	| "FieldValueInvalid"
	| "FieldValueNotSupported"
	| "FieldValueForbidden"
	| "FieldValueTooLong"
	| "FieldValueTooMany"
	| "InternalError"
	| "FieldValueTypeInvalid";

const typeTexts: Readonly<Record<FieldErrorType, string>> = {
	FieldValueNotFound: "Not found",
	FieldValueRequired: "Required value",
	FieldValueDuplicate: "Duplicate value",
	FieldValueInvalid: "Invalid value",
	FieldValueNotSupported: "Unsupported value",
	FieldValueForbidden: "Forbidden",
	FieldValueTooLong: "Too long",
	FieldValueTooMany: "Too many",
	InternalError: "Internal error",
	FieldValueTypeInvalid: "Invalid value",
};

/** Types whose text shows no value: it is missing, secret by nature, or too big. */
const valueless: ReadonlySet<FieldErrorType> = new Set(["FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong", "InternalError"]);

/** Stands for a value that the text leaves out: field.OmitValueType. */
const omitted = Symbol("omitted");

export class FieldError {
	/** Where the reason of a `StatusCause` comes from. */
	readonly type: FieldErrorType;
	/** Path, e.g. `spec.containers[0].image`. */
	readonly field: string;
	readonly value: unknown;
	readonly detail: string;

	constructor(type: FieldErrorType, field: string, value: unknown, detail: string) {
		this.type = type;
		this.field = field;
		this.value = value;
		this.detail = detail;
	}

	/** `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
	toString(): string {
		return `${this.field}: ${this.detailText()}`;
	}

	/** The text without the field, as a `StatusCause` carries it. */
	detailText(): string {
		const isBare = valueless.has(this.type) || this.value === omitted;
		const head = isBare ? typeTexts[this.type] : `${typeTexts[this.type]}: ${formatValue(this.value)}`;
		return this.detail === "" ? head : `${head}: ${this.detail}`;
	}
}

/** Go's %v for scalars, %q for strings and JSON for the rest, as field.Error prints bad values. */
function formatValue(value: unknown): string {
	if (value === undefined || value === null) return "null";
	return JSON.stringify(value);
}

export const fieldRequired = (field: string, detail = "") => new FieldError("FieldValueRequired", field, "", detail);
export const fieldInvalid = (field: string, value: unknown, detail: string) => new FieldError("FieldValueInvalid", field, value, detail);
/** Something is wrong with the field as a whole, and its value would not help to see what. */
export const fieldInvalidAsWhole = (field: string, detail: string) => new FieldError("FieldValueInvalid", field, omitted, detail);
export const fieldDuplicate = (field: string, value: unknown) => new FieldError("FieldValueDuplicate", field, value, "");
export const fieldForbidden = (field: string, detail: string) => new FieldError("FieldValueForbidden", field, "", detail);
export const fieldNotFound = (field: string, value: unknown, detail = "") => new FieldError("FieldValueNotFound", field, value, detail);
export const fieldTooLong = (field: string, maxBytes: number) =>
	new FieldError("FieldValueTooLong", field, "", `may not be more than ${maxBytes} ${maxBytes === 1 ? "byte" : "bytes"}`);
export const fieldTooMany = (field: string, count: number, max: number) =>
	new FieldError("FieldValueTooMany", field, count, `must have at most ${max} ${max === 1 ? "item" : "items"}`);
/** For what Kubernetes keeps as a set, which it lists in order. */
export const fieldNotSupported = (field: string, value: unknown, supported: readonly string[]) =>
	fieldNotOneOf(field, value, [...supported].sort());
/** For what Kubernetes keeps as a list, whose order the text follows. */
export const fieldNotOneOf = (field: string, value: unknown, supported: readonly string[]) =>
	new FieldError(
		"FieldValueNotSupported",
		field,
		value,
		`supported values: ${supported.map((candidate) => JSON.stringify(candidate)).join(", ")}`,
	);
