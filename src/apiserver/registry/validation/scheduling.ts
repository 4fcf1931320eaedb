/**
 * What a Pod says about where it may run: tolerations, affinity, spreading. Source: ValidateTolerations,
 * validateAffinity, validateTopologySpreadConstraints in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	Affinity,
	NodeSelector,
	NodeSelectorRequirement,
	NodeSelectorTerm,
	PodAffinityTerm,
	Toleration,
	TopologySpreadConstraint,
	WeightedPodAffinityTerm,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isQualifiedName, isValidLabelValue } from "../../../apimachinery/validation/names.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateEach,
	validateEnum,
	validateNamed,
	validateOptionalEnum,
	validatePositive,
} from "./primitives.ts";

export const taintEffects = ["NoExecute", "NoSchedule", "PreferNoSchedule"];

export function validateTolerations(tolerations: readonly Toleration[] | undefined, path: string): FieldErrors {
	return validateEach(tolerations, path, (toleration, at) => {
		const { key = "", operator = "", value = "", effect = "" } = toleration;
		const errors: FieldError[] = key === "" ? [] : [...invalidFor(`${at}.key`, key, isQualifiedName(key))];
		if (key === "" && operator !== "Exists") {
			const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
			errors.push(fieldInvalid(`${at}.operator`, operator, text));
		}
		if (toleration.tolerationSeconds !== undefined && effect !== "NoExecute") {
			errors.push(fieldInvalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
		}
		if (operator === "" || operator === "Equal") errors.push(...invalidFor(`${at}.operator`, value, isValidLabelValue(value)));
		else if (operator === "Exists") {
			if (value !== "") errors.push(fieldInvalid(`${at}.operator`, toleration, "value must be empty when `operator` is 'Exists'"));
		} else errors.push(fieldNotSupported(`${at}.operator`, operator, ["Equal", "Exists"]));
		return effect === "" ? errors : [...errors, ...validateEnum(effect, `${at}.effect`, taintEffects)];
	});
}

export function validateAffinity(affinity: Affinity | undefined, path: string): FieldErrors {
	if (affinity === undefined) return NO_ERRORS;
	const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
	const required = "requiredDuringSchedulingIgnoredDuringExecution";
	const preferred = "preferredDuringSchedulingIgnoredDuringExecution";
	const errors: FieldError[] = [];
	if (nodeAffinity?.[required] !== undefined)
		errors.push(...validateNodeSelector(nodeAffinity[required], `${path}.nodeAffinity.${required}`));
	errors.push(
		...validateEach(nodeAffinity?.[preferred], `${path}.nodeAffinity.${preferred}`, (term, at) => [
			...validateWeight(term.weight, at),
			...validateNodeTerm(term.preference, `${at}.preference`),
		]),
	);
	for (const [name, terms] of Object.entries({ podAffinity, podAntiAffinity })) {
		errors.push(...validateEach(terms?.[required], `${path}.${name}.${required}`, validatePodTerm));
		errors.push(...validateEach(terms?.[preferred], `${path}.${name}.${preferred}`, validateWeightedPodTerm));
	}
	return errors;
}

function validateWeight(weight: number | undefined, path: string): FieldErrors {
	return weight !== undefined && weight >= 1 && weight <= 100
		? NO_ERRORS
		: [fieldInvalid(`${path}.weight`, weight ?? 0, "must be in the range 1-100")];
}

/** At least one term, each of whole requirements. */
export function validateNodeSelector(selector: NodeSelector, path: string): FieldErrors {
	const terms = selector.nodeSelectorTerms ?? [];
	if (terms.length === 0) return [fieldRequired(`${path}.nodeSelectorTerms`, "must have at least one node selector term")];
	return validateEach(terms, `${path}.nodeSelectorTerms`, validateNodeTerm);
}

const validateNodeTerm = (term: NodeSelectorTerm | undefined, path: string): FieldErrors => [
	...validateEach(term?.matchExpressions, `${path}.matchExpressions`, validateNodeRequirement),
	...validateEach(term?.matchFields, `${path}.matchFields`, validateFieldRequirement),
];

function validateNodeRequirement({ key, operator, values = [] }: NodeSelectorRequirement, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (operator === "In" || operator === "NotIn") {
		if (values.length === 0) errors.push(fieldRequired(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
	} else if (operator === "Exists" || operator === "DoesNotExist") {
		if (values.length > 0) {
			errors.push(fieldForbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
		}
	} else if (operator === "Gt" || operator === "Lt") {
		if (values.length !== 1) errors.push(fieldRequired(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
	} else {
		errors.push(fieldInvalid(`${path}.operator`, operator, "not a valid selector operator"));
	}
	return [...errors, ...invalidFor(`${path}.key`, key ?? "", isQualifiedName(key ?? ""))];
}

/** Only metadata.name, and only one of it. */
function validateFieldRequirement({ key, operator, values = [] }: NodeSelectorRequirement, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (operator === "In" || operator === "NotIn") {
		if (values.length !== 1) {
			errors.push(fieldRequired(`${path}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
		}
	} else {
		errors.push(fieldInvalid(`${path}.operator`, operator, "not a valid selector operator"));
	}
	return key === "metadata.name" ? errors : [...errors, fieldInvalid(`${path}.key`, key, "not a valid field selector key")];
}

const validateWeightedPodTerm = (term: WeightedPodAffinityTerm, path: string): FieldErrors => [
	...validateWeight(term.weight, path),
	...validatePodTerm(term.podAffinityTerm, `${path}.podAffinityTerm`),
];

function validatePodTerm(term: PodAffinityTerm | undefined, path: string): FieldErrors {
	return [
		...validateLabelSelector(term?.labelSelector, `${path}.labelSelector`),
		...validateLabelSelector(term?.namespaceSelector, `${path}.namespaceSelector`),
		...validateTopologyKey(term?.topologyKey, path),
	];
}

const validateTopologyKey = (key: string | undefined, path: string): FieldErrors =>
	validateNamed(key, `${path}.topologyKey`, isQualifiedName, "can not be empty");

export function validateTopologySpreadConstraints(constraints: readonly TopologySpreadConstraint[] | undefined, path: string): FieldErrors {
	return validateEach(constraints, path, (constraint, at) => [
		...validatePositive(constraint.maxSkew, `${at}.maxSkew`),
		...validateTopologyKey(constraint.topologyKey, at),
		...validateEnum(constraint.whenUnsatisfiable, `${at}.whenUnsatisfiable`, ["DoNotSchedule", "ScheduleAnyway"]),
		...validatePositive(constraint.minDomains, `${at}.minDomains`),
		...validateOptionalEnum(constraint.nodeAffinityPolicy, `${at}.nodeAffinityPolicy`, ["Honor", "Ignore"]),
		...validateOptionalEnum(constraint.nodeTaintsPolicy, `${at}.nodeTaintsPolicy`, ["Honor", "Ignore"]),
		...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`),
	]);
}
