/**
 * Qualified names: keys of taints, names of gates, finalizers.
 */

import { fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor } from "./primitives.ts";

/** A qualified name is there: `example.com/gate`. */
export function validateQualified(name: string | undefined, path: string): FieldErrors {
	return name === undefined || name === "" ? [fieldRequired(path)] : invalidFor(path, name, isQualifiedName(name));
}
