/**
 * What a Pod says about where it may run: tolerations, affinity, spreading, gates. Source: ValidateTolerations,
 * validateAffinity, validateTopologySpreadConstraints in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	Affinity,
	LabelSelector,
	PodAffinity,
	PodAffinityTerm,
	PodSchedulingGate,
	Toleration,
	TopologySpreadConstraint,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotOneOf,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Label, isQualifiedName, isValidLabelValue } from "../../../apimachinery/validation/names.ts";
import { validateNodeAffinity, validateWeight } from "./node-selector.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateEach,
	validateName,
	validateOptionalEnum,
	validatePositive,
} from "./primitives.ts";

export { validateNodeSelector } from "./node-selector.ts";

export const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateTolerations(tolerations: readonly Toleration[] | undefined, path: string): FieldErrors {
	return validateEach(tolerations, path, ({ key = "", operator = "", value = "", effect = "", tolerationSeconds }, at) => {
		const errors: FieldError[] = key === "" ? [] : [...invalidFor(`${at}.key`, key, isQualifiedName(key))];
		if (key === "" && operator !== "Exists") {
			const text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
			errors.push(fieldInvalid(`${at}.operator`, operator, text));
		}
		if (tolerationSeconds !== undefined && effect !== "NoExecute") {
			errors.push(fieldInvalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
		}
		errors.push(...validateTolerationOperator(operator, value, `${at}.operator`));
		if (effect !== "" && !taintEffects.includes(effect)) errors.push(fieldNotOneOf(`${at}.effect`, effect, taintEffects));
		return errors;
	});
}

/** Errors of the value are told of the operator. */
function validateTolerationOperator(operator: string, value: string, path: string): FieldErrors {
	switch (operator) {
		case "":
		case "Equal": {
			const texts = isValidLabelValue(value);
			return texts.length === 0 ? NO_ERRORS : [fieldInvalid(path, value, texts.join(";"))];
		}
		case "Exists":
			return value === "" ? NO_ERRORS : [fieldInvalid(path, value, "value must be empty when `operator` is 'Exists'")];
		case "Lt":
		case "Gt":
			// The feature gate TaintTolerationComparisonOperators is off by default.
			return [fieldNotOneOf(path, operator, ["Equal", "Exists", "Lt", "Gt"])];
		default:
			return [fieldNotOneOf(path, operator, ["Equal", "Exists"])];
	}
}

export function validateAffinity(affinity: Affinity | undefined, path: string): FieldErrors {
	return [
		...validateNodeAffinity(affinity?.nodeAffinity, `${path}.nodeAffinity`),
		...validatePodAffinity(affinity?.podAffinity, `${path}.podAffinity`),
		...validatePodAffinity(affinity?.podAntiAffinity, `${path}.podAntiAffinity`),
	];
}

/** To Pods, or away from them. */
function validatePodAffinity(affinity: PodAffinity | undefined, path: string): FieldErrors {
	const { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution: preferred } =
		affinity ?? {};
	return [
		...validateEach(required, `${path}.requiredDuringSchedulingIgnoredDuringExecution`, validatePodTerm),
		...validateEach(preferred, `${path}.preferredDuringSchedulingIgnoredDuringExecution`, ({ weight, podAffinityTerm }, at) => [
			...validateWeight(weight, at),
			...validatePodTerm(podAffinityTerm, `${at}.podAffinityTerm`),
		]),
	];
}

function validatePodTerm(term: PodAffinityTerm | undefined, path: string): FieldErrors {
	const { labelSelector, namespaceSelector, namespaces = [], matchLabelKeys, mismatchLabelKeys, topologyKey = "" } = term ?? {};
	return [
		...validateLabelSelector(labelSelector, `${path}.labelSelector`),
		...validateLabelSelector(namespaceSelector, `${path}.namespaceSelector`),
		...namespaces.flatMap((name) => invalidFor(`${path}.namespace`, name, isDns1123Label(name))),
		...validateLabelKeys({ matchLabelKeys, mismatchLabelKeys, labelSelector }, path),
		...(topologyKey === "" ? [fieldRequired(`${path}.topologyKey`, "can not be empty")] : []),
		...validateName(topologyKey, `${path}.topologyKey`, isQualifiedName),
	];
}

interface LabelKeys {
	readonly matchLabelKeys?: readonly string[] | undefined;
	readonly mismatchLabelKeys?: readonly string[] | undefined;
	readonly labelSelector?: LabelSelector | undefined;
}

/**
 * Keys of labels whose values come from the Pod itself. Creation has already added them to the selector's expressions
 * (KEP-3633, KEP-3243), so a key that the selector has twice was there before.
 */
function validateLabelKeys({ matchLabelKeys = [], mismatchLabelKeys = [], labelSelector }: LabelKeys, path: string): FieldErrors {
	const errors: FieldError[] = [];
	for (const [field, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
		if (keys.length === 0) continue;
		if (labelSelector === undefined) {
			errors.push(fieldForbidden(`${path}.${field}`, "must not be specified when labelSelector is not set"));
		} else errors.push(...validateEach(keys, `${path}.${field}`, (key, at) => invalidFor(at, key, isQualifiedName(key))));
	}
	const selected = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
	for (const { key = "" } of labelSelector?.matchExpressions ?? []) {
		const index = matchLabelKeys.lastIndexOf(key);
		// Upstream's path lacks the field's name here.
		if (index >= 0 && selected.has(key))
			errors.push(fieldInvalid(`${path}[${index}]`, key, "exists in both matchLabelKeys and labelSelector"));
		selected.add(key);
	}
	return [
		...errors,
		...validateEach(matchLabelKeys, `${path}.matchLabelKeys`, (key, at) =>
			mismatchLabelKeys.includes(key) ? [fieldInvalid(at, key, "exists in both matchLabelKeys and mismatchLabelKeys")] : NO_ERRORS,
		),
	];
}

const DO_NOT_SCHEDULE = "DoNotSchedule";
const scheduleActions = [DO_NOT_SCHEDULE, "ScheduleAnyway"];
const nodePolicies = ["Honor", "Ignore"];

export function validateTopologySpreadConstraints(constraints: readonly TopologySpreadConstraint[] | undefined, path: string): FieldErrors {
	const all = constraints ?? [];
	return all.flatMap((constraint, index) => {
		const at = `${path}[${index}]`;
		const { topologyKey = "", whenUnsatisfiable: action = "", minDomains } = constraint;
		const isRepeated = all
			.slice(index + 1)
			.some((other) => (other.topologyKey ?? "") === topologyKey && (other.whenUnsatisfiable ?? "") === action);
		return [
			...validatePositive(constraint.maxSkew ?? 0, `${at}.maxSkew`),
			...(topologyKey === "" ? [fieldRequired(`${at}.topologyKey`, "can not be empty")] : []),
			...(scheduleActions.includes(action) ? [] : [fieldNotSupported(`${at}.whenUnsatisfiable`, action, scheduleActions)]),
			...(isRepeated ? [fieldDuplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${action}}`)] : []),
			...validatePositive(minDomains, `${at}.minDomains`),
			...(minDomains !== undefined && action !== DO_NOT_SCHEDULE
				? [fieldInvalid(`${at}.minDomains`, minDomains, `can only use minDomains if whenUnsatisfiable=${DO_NOT_SCHEDULE}, not ${action}`)]
				: []),
			...validateOptionalEnum(constraint.nodeAffinityPolicy, `${at}.nodeAffinityPolicy`, nodePolicies),
			...validateOptionalEnum(constraint.nodeTaintsPolicy, `${at}.nodeTaintsPolicy`, nodePolicies),
			...validateLabelKeys({ matchLabelKeys: constraint.matchLabelKeys, labelSelector: constraint.labelSelector }, at),
			...validateLabelSelector(constraint.labelSelector, `${at}.labelSelector`),
		];
	});
}

/** Names of gates, each once. */
export function validateSchedulingGates(gates: readonly PodSchedulingGate[] | undefined, path: string): FieldErrors {
	const seen = new Set<string>();
	return validateEach(gates, path, ({ name = "" }, at) => {
		const errors = [...invalidFor(at, name, isQualifiedName(name)), ...(seen.has(name) ? [fieldDuplicate(at, name)] : [])];
		seen.add(name);
		return errors;
	});
}
