/**
 * Label selectors inside objects. Source: k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go.
 */
import type { LabelSelector, LabelSelectorRequirement } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isQualifiedName, isValidLabelValue } from "../../../apimachinery/validation/names.ts";

/** Keys are qualified names, values label values. */
export function validateLabelMap(labels: Readonly<Record<string, string>> | undefined, path: string): readonly FieldError[] {
	return Object.entries(labels ?? {}).flatMap(([key, value]) => [
		...isQualifiedName(key).map((text) => fieldInvalid(path, key, text)),
		...isValidLabelValue(value).map((text) => fieldInvalid(path, value, text)),
	]);
}

/** An absent selector is a valid one: whether it is required is for the caller to say. */
export function validateLabelSelector(selector: LabelSelector | undefined, path: string): readonly FieldError[] {
	return [
		...validateLabelMap(selector?.matchLabels, `${path}.matchLabels`),
		...(selector?.matchExpressions ?? []).flatMap((requirement, index) =>
			validateRequirement(requirement, `${path}.matchExpressions[${index}]`),
		),
	];
}

function validateRequirement({ key, operator, values = [] }: LabelSelectorRequirement, path: string): readonly FieldError[] {
	return [
		...validateOperator(operator, values, path),
		...isQualifiedName(key).map((text) => fieldInvalid(`${path}.key`, key, text)),
		...values.flatMap((value, index) => isValidLabelValue(value).map((text) => fieldInvalid(`${path}.values[${index}]`, value, text))),
	];
}

function validateOperator(operator: string, values: readonly string[], path: string): readonly FieldError[] {
	switch (operator) {
		case "In":
		case "NotIn":
			return values.length > 0 ? [] : [fieldRequired(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
		case "Exists":
		case "DoesNotExist":
			return values.length === 0
				? []
				: [fieldForbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
		default:
			return [fieldInvalid(`${path}.operator`, operator, "not a valid selector operator")];
	}
}
