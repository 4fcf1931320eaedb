/** What is said of a rule that does not hold. Source: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go. */
import type { ValidationRule } from "../../schema/generated/types.ts";
import { type FieldError, fieldDuplicate, fieldForbidden, fieldInvalid, fieldRequired } from "../../validation/field-error.ts";

/** A message that an expression made may be so long. */
const maxMessageBytes = 5 * 1024;

/** The rule as errors of its evaluation name it. */
export function ruleText({ rule, message = "" }: ValidationRule): string {
	return message === "" ? rule.trim() : message.trim();
}

export function defaultMessage({ rule, message = "" }: ValidationRule): string {
	return message === "" ? `failed rule: ${rule.trim()}` : message.trim();
}

/** Undefined for a message that is none: then the default is used. */
export function usableMessage(text: string): string | undefined {
	const trimmed = text.trim();
	return trimmed === "" || trimmed.includes("\n") || Buffer.byteLength(trimmed) > maxMessageBytes ? undefined : trimmed;
}

/** The error has the rule's reason, and shows the type instead of the value. */
export function errorForReason(field: string, type: string, detail: string, reason: string | undefined): FieldError {
	switch (reason) {
		case "FieldValueForbidden":
			return fieldForbidden(field, detail);
		case "FieldValueRequired":
			return fieldRequired(field, detail);
		case "FieldValueDuplicate":
			return fieldDuplicate(field, type);
		default:
			return fieldInvalid(field, type, detail);
	}
}

/** The place of a rule's `fieldPath`, `.spec['a.b']`, below its own: `spec.a.b` in errors. */
export function fieldBelow(field: string, fieldPath: string): string {
	const names = [...fieldPath.matchAll(/\.([^.[\]]+)|\['((?:[^'\\]|\\.)*)'\]/g)].map(
		(match) => match[1] ?? (match[2] ?? "").replace(/\\(.)/g, "$1"),
	);
	return names.reduce(childField, field);
}

/** The root has no name of its own. */
export const rootField = "<nil>";
export const childField = (field: string, name: string): string => (field === rootField ? name : `${field}.${name}`);
export const keyField = (field: string, key: string): string => `${field === rootField ? "" : field}[${key}]`;
