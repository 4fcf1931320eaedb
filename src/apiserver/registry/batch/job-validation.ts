/**
 * What can be wrong with a Job's spec, in a Job and in a CronJob's template. Source: validateJobSpec and
 * ValidateJobSpecUpdate in pkg/apis/batch/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Job, JobSpec, PodFailurePolicyRule, PodTemplateSpec } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldInvalid, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Label } from "../../../apimachinery/validation/names.ts";
import { validatePodTemplate } from "../validation/pod-spec.ts";
import { validateSelectorMatches } from "../validation/pod-template.ts";
import {
	FIELD_IMMUTABLE,
	type FieldErrors,
	NO_ERRORS,
	validateEach,
	validateImmutable,
	validateNonnegative,
	validateOptionalEnum,
} from "../validation/primitives.ts";

/** Most Pods that an indexed Job runs at once. */
const maxIndexedParallelism = 100_000;

const counts = [
	"parallelism",
	"completions",
	"activeDeadlineSeconds",
	"backoffLimit",
	"ttlSecondsAfterFinished",
	"backoffLimitPerIndex",
	"maxFailedIndexes",
] as const;

export function validateJob({ metadata, spec }: Job): FieldErrors {
	if (spec === undefined) return [fieldRequired("spec.template")];
	const errors: FieldError[] = [...validateJobSpec(spec, "spec")];
	if (spec.selector === undefined) errors.push(fieldRequired("spec.selector"));
	errors.push(...validateLabelSelector(spec.selector, "spec.selector"));
	errors.push(...validateSelectorMatches(spec.template, spec.selector, "spec.template"));
	if (spec.completionMode === "Indexed" && (spec.completions ?? 0) > 0) {
		const lastHost = `${metadata?.name ?? ""}-${(spec.completions ?? 0) - 1}`;
		if (isDns1123Label(lastHost).length > 0) {
			errors.push(fieldInvalid("metadata.name", metadata?.name ?? "", `will not able to create pod with invalid DNS label: ${lastHost}`));
		}
	}
	return errors;
}

/** A Job's spec at `path`, without the selector, which a template of Jobs does not have. */
export function validateJobSpec(spec: JobSpec, path: string): FieldErrors {
	return [
		...counts.flatMap((field) => validateNonnegative(spec[field], `${path}.${field}`)),
		...validateCompletionMode(spec, path),
		...validateFailurePolicy(spec, `${path}.podFailurePolicy`),
		...(spec.successPolicy !== undefined && spec.completionMode !== "Indexed"
			? [fieldInvalid(`${path}.successPolicy`, spec.successPolicy, "requires indexed completion mode")]
			: []),
		...validateReplacementPolicy(spec, `${path}.podReplacementPolicy`),
		...validatePodTemplate(spec.template, `${path}.template`),
		...validateRestartPolicy(spec, `${path}.template.spec.restartPolicy`),
	];
}

function validateCompletionMode(spec: JobSpec, path: string): FieldErrors {
	const { completionMode: mode, completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec;
	const errors: FieldError[] = [...validateOptionalEnum(mode, `${path}.completionMode`, ["Indexed", "NonIndexed"])];
	if (maxFailedIndexes !== undefined && backoffLimitPerIndex === undefined) {
		errors.push(fieldRequired(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified"));
	}
	if (mode === "Indexed") {
		if (completions === undefined) errors.push(fieldRequired(`${path}.completions`, "when completion mode is Indexed"));
		if (parallelism > maxIndexedParallelism) {
			const text = `must be less than or equal to ${maxIndexedParallelism} when completion mode is Indexed`;
			errors.push(fieldInvalid(`${path}.parallelism`, parallelism, text));
		}
		if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions) {
			errors.push(fieldInvalid(`${path}.maxFailedIndexes`, maxFailedIndexes, "must be less than or equal to completions"));
		}
		return errors;
	}
	for (const [field, value] of Object.entries({ backoffLimitPerIndex, maxFailedIndexes })) {
		if (value !== undefined) errors.push(fieldInvalid(`${path}.${field}`, value, "requires indexed completion mode"));
	}
	return errors;
}

function validateRestartPolicy(spec: JobSpec, path: string): FieldErrors {
	const restartPolicy = spec.template?.spec?.restartPolicy ?? "";
	if (restartPolicy === "" || restartPolicy === "Always") return [fieldRequired(path, 'valid values: "OnFailure", "Never"')];
	if (restartPolicy !== "OnFailure" && restartPolicy !== "Never") return [fieldNotSupported(path, restartPolicy, ["OnFailure", "Never"])];
	return spec.podFailurePolicy !== undefined && restartPolicy !== "Never"
		? [fieldInvalid(path, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified')]
		: NO_ERRORS;
}

function validateReplacementPolicy({ podReplacementPolicy, podFailurePolicy }: JobSpec, path: string): FieldErrors {
	return validateOptionalEnum(podReplacementPolicy, path, podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"]);
}

function validateFailurePolicy(spec: JobSpec, path: string): FieldErrors {
	const containers = [...(spec.template?.spec?.containers ?? []), ...(spec.template?.spec?.initContainers ?? [])].map(
		({ name = "" }) => name,
	);
	return validateEach(spec.podFailurePolicy?.rules, `${path}.rules`, (rule, at) => [
		...validateFailureAction(rule, spec, at),
		...validateFailureRule(rule, containers, at),
	]);
}

function validateFailureAction({ action = "" }: PodFailurePolicyRule, spec: JobSpec, path: string): FieldErrors {
	const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
	if (action === "") return [fieldRequired(`${path}.action`, `valid values: [${actions.map((value) => `"${value}"`).join(" ")}]`)];
	if (!actions.includes(action)) return [fieldNotSupported(`${path}.action`, action, actions)];
	return action === "FailIndex" && spec.backoffLimitPerIndex === undefined
		? [fieldInvalid(`${path}.action`, action, "requires the backoffLimitPerIndex to be set")]
		: NO_ERRORS;
}

function validateFailureRule(
	{ onExitCodes, onPodConditions = [] }: PodFailurePolicyRule,
	containers: readonly string[],
	path: string,
): FieldErrors {
	const errors: FieldError[] = [];
	if (onExitCodes !== undefined) {
		const { containerName, operator, values = [] } = onExitCodes;
		const at = `${path}.onExitCodes`;
		if (operator !== "In" && operator !== "NotIn") errors.push(fieldNotSupported(`${at}.operator`, operator, ["In", "NotIn"]));
		if (containerName !== undefined && !containers.includes(containerName)) {
			const text = "must be one of the container or initContainer names in the pod template";
			errors.push(fieldInvalid(`${at}.containerName`, containerName, text));
		}
		if (values.length === 0) errors.push(fieldInvalid(`${at}.values`, values, "at least one value is required"));
		if (operator === "In" && values.includes(0)) {
			errors.push(fieldInvalid(`${at}.values[${values.indexOf(0)}]`, 0, "must not be 0 for the In operator"));
		}
		if (values.some((value, index) => index > 0 && (values[index - 1] ?? value) > value)) {
			errors.push(fieldInvalid(`${at}.values`, values, "must be ordered"));
		}
	}
	if (onExitCodes !== undefined && onPodConditions.length > 0) {
		errors.push(fieldInvalid(path, "", "specifying both OnExitCodes and OnPodConditions is not supported"));
	} else if (onExitCodes === undefined && onPodConditions.length === 0) {
		errors.push(fieldInvalid(path, "", "specifying one of OnExitCodes and OnPodConditions is required"));
	}
	return errors;
}

/** What makes a Job the Job it is stays; a suspended one that never ran may still move its Pods elsewhere. */
export function validateJobUpdate({ spec }: Job, old: Job): FieldErrors {
	const before = old.spec;
	if (spec === undefined || before === undefined) return NO_ERRORS;
	const canMove = before.suspend === true && old.status?.startTime === undefined;
	const template = canMove ? withSchedulingOf(spec.template, before.template) : spec.template;
	return [
		...validateCompletionsUpdate(spec, before),
		...validateImmutable(spec.selector, before.selector, "spec.selector"),
		...validateImmutable(template, before.template, "spec.template"),
		...validateImmutable(spec.completionMode, before.completionMode, "spec.completionMode"),
		...validateImmutable(spec.podFailurePolicy, before.podFailurePolicy, "spec.podFailurePolicy"),
		...validateImmutable(spec.backoffLimitPerIndex, before.backoffLimitPerIndex, "spec.backoffLimitPerIndex"),
		...validateImmutable(spec.managedBy, before.managedBy, "spec.managedBy"),
		...validateImmutable(spec.successPolicy, before.successPolicy, "spec.successPolicy"),
	];
}

/** An elastic indexed Job changes completions and parallelism together (KEP-3715). */
function validateCompletionsUpdate(spec: JobSpec, old: JobSpec): FieldErrors {
	const path = "spec.completions";
	if (spec.completions === old.completions) return NO_ERRORS;
	const isElastic = spec.completionMode === "Indexed" && spec.completions !== undefined && old.completions !== undefined;
	if (!isElastic) return [fieldInvalid(path, spec.completions ?? null, FIELD_IMMUTABLE)];
	return spec.completions === spec.parallelism && old.completions === old.parallelism
		? NO_ERRORS
		: [fieldInvalid(path, spec.completions, "can only be modified in tandem with spec.parallelism")];
}

function withSchedulingOf(template: PodTemplateSpec | undefined, old: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
	if (template?.spec === undefined || old?.spec === undefined) return template;
	const spec: Record<string, unknown> = { ...template.spec };
	for (const field of ["nodeSelector", "affinity", "tolerations", "schedulingGates"] as const) {
		if (old.spec[field] === undefined) delete spec[field];
		else spec[field] = old.spec[field];
	}
	const merged = { ...template, spec: spec as unknown as NonNullable<PodTemplateSpec["spec"]> };
	return jsonEqual(template.metadata, old.metadata) || old.metadata === undefined ? merged : { ...merged, metadata: old.metadata };
}
