/**
 * What is wrong with labels and with LabelSelector objects in specs.
 * Source: k8s.io/apimachinery/pkg/apis/meta/v1/validation
 */
import type { LabelSelector, LabelSelectorRequirement } from "../schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "./field-error.ts";
import { isQualifiedName, isValidLabelValue } from "./names.ts";

export interface LabelSelectorOptions {
	/** Selectors of some old kinds may hold values that no label can have; they match nothing. */
	readonly allowInvalidValues?: boolean;
}

/** A label selector at `path`, e.g. `spec.selector`; an absent one has nothing wrong. */
export function validateLabelSelector(
	selector: LabelSelector | undefined,
	path: string,
	{ allowInvalidValues = false }: LabelSelectorOptions = {},
): FieldError[] {
	if (selector === undefined) return [];
	return [
		...validateLabels(selector.matchLabels, `${path}.matchLabels`),
		...(selector.matchExpressions ?? []).flatMap((requirement, index) =>
			validateRequirement(requirement, `${path}.matchExpressions[${index}]`, allowInvalidValues),
		),
	];
}

/** A set of labels at `path`, e.g. `metadata.labels`. */
export function validateLabels(labels: Readonly<Record<string, string>> | undefined, path: string): FieldError[] {
	return Object.entries(labels ?? {}).flatMap(([key, value]) => [
		...validateLabelName(key, path),
		...isValidLabelValue(value).map((text) => fieldInvalid(path, value, text)),
	]);
}

/** A label's key at `path`. */
export function validateLabelName(name: string, path: string): FieldError[] {
	return isQualifiedName(name).map((text) => fieldInvalid(path, name, text));
}

function validateRequirement(requirement: LabelSelectorRequirement, path: string, allowInvalidValues: boolean): FieldError[] {
	const { key = "", operator = "", values = [] } = requirement;
	const errors: FieldError[] = [];
	if (operator === "In" || operator === "NotIn") {
		if (values.length === 0) errors.push(fieldRequired(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
	} else if (operator === "Exists" || operator === "DoesNotExist") {
		if (values.length > 0) {
			errors.push(fieldForbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
		}
	} else {
		errors.push(fieldInvalid(`${path}.operator`, operator, "not a valid selector operator"));
	}
	errors.push(...validateLabelName(key, `${path}.key`));
	if (allowInvalidValues) return errors;
	values.forEach((value, index) => {
		errors.push(...isValidLabelValue(value).map((text) => fieldInvalid(`${path}.values[${index}]`, value, text)));
	});
	return errors;
}
