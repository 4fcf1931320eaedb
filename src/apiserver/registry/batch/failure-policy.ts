/**
 * Which failures of Pods count, and which end a Job. Source: validatePodFailurePolicy in
 * pkg/apis/batch/validation/validation.go of Kubernetes 1.36; KEP-3329.
 */
import type {
	JobSpec,
	PodFailurePolicyOnExitCodesRequirement,
	PodFailurePolicyOnPodConditionsPattern,
	PodFailurePolicyRule,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldInvalidAsWhole,
	fieldNotSupported,
	fieldRequired,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import type { InternalShape } from "../validation/internal-value.ts";
import { type FieldErrors, NO_ERRORS, validateEach } from "../validation/primitives.ts";
import { validateQualified } from "../validation/qualified.ts";

const maxRules = 20;
const maxExitCodes = 255;
const maxPatterns = 20;

const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
const operators = ["In", "NotIn"];
const statuses = ["False", "True", "Unknown"];

export const failurePolicyShape: InternalShape = [
	[
		"Rules",
		"rules",
		null,
		[
			["Action", "action", ""],
			[
				"OnExitCodes",
				"onExitCodes",
				null,
				[
					["ContainerName", "containerName", null],
					["Operator", "operator", ""],
					["Values", "values", null],
				],
			],
			[
				"OnPodConditions",
				"onPodConditions",
				null,
				[
					["Type", "type", ""],
					["Status", "status", ""],
				],
			],
		],
	],
];

export function validateFailurePolicy(spec: JobSpec, path: string): FieldErrors {
	if (spec.podFailurePolicy === undefined) return NO_ERRORS;
	const { rules = [] } = spec.podFailurePolicy;
	const containers = [...(spec.template?.spec?.containers ?? []), ...(spec.template?.spec?.initContainers ?? [])].map(
		({ name = "" }) => name,
	);
	return [
		...(rules.length > maxRules ? [fieldTooMany(`${path}.rules`, rules.length, maxRules)] : []),
		...validateEach(rules, `${path}.rules`, (rule, at) => [...validateAction(rule, spec, at), ...validateRule(rule, containers, at)]),
	];
}

/** One of several texts is there: `valid values: ["In" "NotIn"]`. */
function validateChoice(value: string | undefined, path: string, choices: readonly string[]): FieldErrors {
	if (value === undefined || value === "") {
		return [fieldRequired(path, `valid values: [${choices.map((choice) => JSON.stringify(choice)).join(" ")}]`)];
	}
	return choices.includes(value) ? NO_ERRORS : [fieldNotSupported(path, value, choices)];
}

function validateAction({ action }: PodFailurePolicyRule, spec: JobSpec, path: string): FieldErrors {
	return action === "FailIndex" && spec.backoffLimitPerIndex === undefined
		? [fieldInvalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set")]
		: validateChoice(action, `${path}.action`, actions);
}

function validateRule({ onExitCodes, onPodConditions = [] }: PodFailurePolicyRule, containers: readonly string[], path: string) {
	const errors: FieldError[] = [];
	if (onExitCodes !== undefined) errors.push(...validateExitCodes(onExitCodes, containers, `${path}.onExitCodes`));
	errors.push(...validateConditions(onPodConditions, `${path}.onPodConditions`));
	if (onExitCodes !== undefined && onPodConditions.length > 0) {
		errors.push(fieldInvalidAsWhole(path, "specifying both OnExitCodes and OnPodConditions is not supported"));
	} else if (onExitCodes === undefined && onPodConditions.length === 0) {
		errors.push(fieldInvalidAsWhole(path, "specifying one of OnExitCodes and OnPodConditions is required"));
	}
	return errors;
}

function validateConditions(patterns: readonly PodFailurePolicyOnPodConditionsPattern[], path: string): FieldErrors {
	return [
		...(patterns.length > maxPatterns ? [fieldTooMany(path, patterns.length, maxPatterns)] : []),
		...validateEach(patterns, path, ({ type, status }, at) => [
			...validateQualified(type, `${at}.type`),
			...validateChoice(status, `${at}.status`, statuses),
		]),
	];
}

function validateExitCodes(
	{ containerName, operator, values = [] }: PodFailurePolicyOnExitCodesRequirement,
	containers: readonly string[],
	path: string,
): FieldErrors {
	const errors: FieldError[] = [...validateChoice(operator, `${path}.operator`, operators)];
	if (containerName !== undefined && !containers.includes(containerName)) {
		const text = "must be one of the container or initContainer names in the pod template";
		errors.push(fieldInvalid(`${path}.containerName`, containerName, text));
	}
	if (values.length === 0) errors.push(fieldInvalid(`${path}.values`, null, "at least one value is required"));
	else if (values.length > maxExitCodes) errors.push(fieldTooMany(`${path}.values`, values.length, maxExitCodes));
	for (const [index, value] of values.entries()) {
		const at = `${path}.values[${index}]`;
		if (operator === "In" && value === 0) errors.push(fieldInvalid(at, value, "must not be 0 for the In operator"));
		if (values.indexOf(value) < index) errors.push(fieldDuplicate(at, value));
	}
	if (values.some((value, index) => index > 0 && (values[index - 1] ?? value) > value)) {
		errors.push(fieldInvalid(`${path}.values`, values, "must be ordered"));
	}
	return errors;
}
