/**
 * Conditions on nodes: labels by expression, names by field. Source: ValidateNodeSelector and its parts in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	NodeAffinity,
	NodeSelector,
	NodeSelectorRequirement,
	NodeSelectorTerm,
} from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isQualifiedName, isValidLabelValue } from "../../../apimachinery/validation/names.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateName } from "./primitives.ts";

export function validateNodeAffinity(affinity: NodeAffinity | undefined, path: string): FieldErrors {
	const { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution: preferred } =
		affinity ?? {};
	return [
		...(required === undefined ? [] : validateNodeSelector(required, `${path}.requiredDuringSchedulingIgnoredDuringExecution`)),
		...validateEach(preferred, `${path}.preferredDuringSchedulingIgnoredDuringExecution`, (term, at) => [
			...validateWeight(term.weight, at),
			// What no label can be matches no node, which a preference may say.
			...validateNodeTerm(term.preference, `${at}.preference`, { allowsInvalidValues: true }),
		]),
	];
}

/** Of a preference at `path`. */
export function validateWeight(weight: number | undefined, path: string): FieldErrors {
	return weight !== undefined && weight >= 1 && weight <= 100
		? NO_ERRORS
		: [fieldInvalid(`${path}.weight`, weight ?? 0, "must be in the range 1-100")];
}

/** At least one term, each of whole requirements. */
export function validateNodeSelector(selector: NodeSelector, path: string): FieldErrors {
	const terms = selector.nodeSelectorTerms ?? [];
	if (terms.length === 0) return [fieldRequired(`${path}.nodeSelectorTerms`, "must have at least one node selector term")];
	return validateEach(terms, `${path}.nodeSelectorTerms`, (term, at) => validateNodeTerm(term, at, { allowsInvalidValues: false }));
}

interface TermRules {
	readonly allowsInvalidValues: boolean;
}

const validateNodeTerm = (term: NodeSelectorTerm | undefined, path: string, rules: TermRules): FieldErrors => [
	...validateEach(term?.matchExpressions, `${path}.matchExpressions`, (requirement, at) => validateExpression(requirement, at, rules)),
	...validateEach(term?.matchFields, `${path}.matchFields`, validateField),
];

function validateExpression({ key, operator = "", values = [] }: NodeSelectorRequirement, path: string, rules: TermRules): FieldErrors {
	return [
		...validateOperator(operator, values, path),
		...validateName(key, `${path}.key`, isQualifiedName),
		...(rules.allowsInvalidValues
			? []
			: validateEach(values, `${path}.values`, (value, at) => invalidFor(at, value, isValidLabelValue(value)))),
	];
}

function validateOperator(operator: string, values: readonly string[], path: string): FieldErrors {
	switch (operator) {
		case "In":
		case "NotIn":
			return values.length > 0 ? NO_ERRORS : [fieldRequired(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
		case "Exists":
		case "DoesNotExist":
			return values.length === 0
				? NO_ERRORS
				: [fieldForbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
		case "Gt":
		case "Lt":
			return values.length === 1
				? NO_ERRORS
				: [fieldRequired(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'")];
		default:
			return [fieldInvalid(`${path}.operator`, operator, "not a valid selector operator")];
	}
}

/** Only metadata.name, and only one of it. */
function validateField({ key = "", operator = "", values = [] }: NodeSelectorRequirement, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (operator !== "In" && operator !== "NotIn") {
		errors.push(fieldInvalid(`${path}.operator`, operator, "not a valid selector operator"));
	} else if (values.length !== 1) {
		errors.push(fieldRequired(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
	}
	if (key !== "metadata.name") return [...errors, fieldInvalid(`${path}.key`, key, "not a valid field selector key")];
	return [...errors, ...validateEach(values, `${path}.values`, (value, at) => invalidFor(at, value, isDns1123Subdomain(value)))];
}
