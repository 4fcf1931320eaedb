/**
 * Fields that may not change once the object is there. Source: k8s.io/apimachinery/pkg/api/validation/objectmeta.go.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import { type FieldError, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";

export const IMMUTABLE_TEXT = "field is immutable";

/** `field is immutable` if the value changed; absent and null are the same. */
export function validateImmutable(path: string, value: unknown, old: unknown): readonly FieldError[] {
	return jsonEqual(value ?? undefined, old ?? undefined) ? [] : [fieldInvalid(path, value ?? null, IMMUTABLE_TEXT)];
}
