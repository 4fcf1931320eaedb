/**
 * What can be wrong with a Job's spec, in a Job and in a CronJob's template. Source: ValidateJob, validateJobSpec and
 * ValidateJobSpecUpdate in pkg/apis/batch/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Job, JobSpec, JobTemplateSpec, SuccessPolicyRule } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldInvalid,
	fieldNotOneOf,
	fieldRequired,
	fieldTooLong,
	fieldTooMany,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Label } from "../../../apimachinery/validation/names.ts";
import { validateDomainPrefixedPath } from "../validation/domain-names.ts";
import { internalValue, mapValue, selectorValue } from "../validation/internal-value.ts";
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
import { failurePolicyShape, validateFailurePolicy } from "./failure-policy.ts";
import { countIndexes } from "./index-intervals.ts";
import { generatedLabels, isPrefixed } from "./job-labels.ts";
import { mutableTemplate } from "./template-update.ts";

/** Most Pods that an indexed Job runs at once, and most indexes that may fail. */
const maxIndexed = 100_000;

/** From here on a Job that counts failures for each index is kept smaller in other ways. */
const manyCompletions = 100_000;
const maxOfManyCompletions = 10_000;

const maxManagedByBytes = 63;
const maxSuccessRules = 20;
const maxSucceededIndexesBytes = 64 * 1024;

const successPolicyShape = [
	[
		"Rules",
		"rules",
		null,
		[
			["SucceededIndexes", "succeededIndexes", null],
			["SucceededCount", "succeededCount", null],
		],
	],
] as const;

const counts = [
	"parallelism",
	"completions",
	"activeDeadlineSeconds",
	"backoffLimit",
	"ttlSecondsAfterFinished",
	"backoffLimitPerIndex",
	"maxFailedIndexes",
] as const;

export function validateJob(job: Job, old?: Job): FieldErrors {
	const { metadata, spec } = job;
	if (spec === undefined) return [fieldRequired("spec.template")];
	const errors: FieldError[] = [...validateGeneratedSelector(job, old), ...validateJobSpec(spec, "spec")];
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

/** Labels and selector that the server makes fit the Job. A Job from before labels had a prefix may go without those. */
function validateGeneratedSelector({ metadata = {}, spec }: Job, old: Job | undefined): FieldErrors {
	if (spec === undefined || spec.manualSelector === true || spec.selector === undefined) return NO_ERRORS;
	const errors: FieldError[] = (metadata.uid ?? "") === "" ? [fieldRequired("metadata.uid")] : [];
	const all = generatedLabels(metadata);
	const before = old?.spec?.template?.metadata?.labels;
	const isLegacy = old !== undefined && Object.keys(all).some((key) => isPrefixed(key) && before?.[key] === undefined);
	const expected = Object.fromEntries(Object.entries(all).filter(([key]) => !isLegacy || !isPrefixed(key)));
	const labels = spec.template?.metadata?.labels;
	for (const [key, value] of Object.entries(expected)) {
		const path = `spec.template.metadata.labels[${key}]`;
		const detail = `must be '${value}'`;
		if (labels?.[key] === undefined) errors.push(fieldRequired(path, detail));
		else if (labels[key] !== value) errors.push(fieldInvalid(path, mapValue(labels), detail));
	}
	const isReadable = validateLabelSelector(spec.selector, "").length === 0;
	if (isReadable && validateSelectorMatches({ metadata: { labels: expected } }, spec.selector, "").length > 0) {
		errors.push(fieldInvalid("spec.selector", selectorValue(spec.selector), "`selector` not auto-generated"));
	}
	return errors;
}

/** A CronJob's template of Jobs at `path`: the selector is always the server's. */
export function validateJobTemplate(template: JobTemplateSpec | undefined, path: string): FieldErrors {
	const spec = template?.spec;
	const at = `${path}.spec`;
	return [
		...validateJobSpec(spec ?? { template: {} }, at),
		...(spec?.selector === undefined
			? []
			: [fieldInvalid(`${at}.selector`, selectorValue(spec.selector), "`selector` will be auto-generated")]),
		...(spec?.manualSelector === true ? [fieldNotOneOf(`${at}.manualSelector`, true, ["nil", "false"])] : []),
	];
}

/** A Job's spec at `path`, without the selector, which a template of Jobs does not have. */
function validateJobSpec(spec: JobSpec, path: string): FieldErrors {
	return [
		...counts.flatMap((field) => validateNonnegative(spec[field], `${path}.${field}`)),
		...(spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined
			? [fieldRequired(`${path}.backoffLimitPerIndex`, "when maxFailedIndexes is specified")]
			: []),
		...validateManagedBy(spec.managedBy, `${path}.managedBy`),
		...validateCompletionMode(spec, path),
		...validateFailurePolicy(spec, `${path}.podFailurePolicy`),
		...validateSuccessPolicy(spec, `${path}.successPolicy`),
		...validateReplacementPolicy(spec, `${path}.podReplacementPolicy`),
		...validatePodTemplate(spec.template, `${path}.template`),
		...validateRestartPolicy(spec, `${path}.template.spec.restartPolicy`),
	];
}

function validateManagedBy(managedBy: string | undefined, path: string): FieldErrors {
	if (managedBy === undefined) return NO_ERRORS;
	return [
		...validateDomainPrefixedPath(managedBy, path),
		...(Buffer.byteLength(managedBy) > maxManagedByBytes ? [fieldTooLong(path, maxManagedByBytes)] : []),
	];
}

function validateCompletionMode(spec: JobSpec, path: string): FieldErrors {
	const { completionMode: mode = "NonIndexed", backoffLimitPerIndex, maxFailedIndexes } = spec;
	if (mode === "Indexed") return validateIndexed(spec, path);
	if (mode !== "NonIndexed") return [fieldNotOneOf(`${path}.completionMode`, mode, ["NonIndexed", "Indexed"])];
	return Object.entries({ backoffLimitPerIndex, maxFailedIndexes }).flatMap(([field, value]) =>
		value === undefined ? [] : [fieldInvalid(`${path}.${field}`, value, "requires indexed completion mode")],
	);
}

function validateIndexed({ completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes }: JobSpec, path: string): FieldErrors {
	const errors: FieldError[] = [];
	const atMost = (field: string, value: number, max: number, when: string) => {
		if (value > max) errors.push(fieldInvalid(`${path}.${field}`, value, `must be less than or equal to ${max}${when}`));
	};
	if (completions === undefined) errors.push(fieldRequired(`${path}.completions`, "when completion mode is Indexed"));
	atMost("parallelism", parallelism, maxIndexed, " when completion mode is Indexed");
	if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions) {
		errors.push(fieldInvalid(`${path}.maxFailedIndexes`, maxFailedIndexes, "must be less than or equal to completions"));
	}
	atMost("maxFailedIndexes", maxFailedIndexes ?? 0, maxIndexed, "");
	if ((completions ?? 0) > manyCompletions && backoffLimitPerIndex !== undefined) {
		if (maxFailedIndexes === undefined) {
			errors.push(fieldRequired(`${path}.maxFailedIndexes`, `must be specified when completions is above ${manyCompletions}`));
		}
		const when = ` when completions are above ${manyCompletions} and used with backoff limit per index`;
		atMost("parallelism", parallelism, maxOfManyCompletions, when);
		atMost("maxFailedIndexes", maxFailedIndexes ?? 0, maxOfManyCompletions, when);
	}
	return errors;
}

/** KEP-3998: an indexed Job may succeed before all of its indexes do. */
function validateSuccessPolicy({ successPolicy, completionMode, completions }: JobSpec, path: string): FieldErrors {
	if (successPolicy === undefined) return NO_ERRORS;
	if (completionMode !== "Indexed") {
		return [fieldInvalid(path, internalValue(successPolicy, successPolicyShape), "requires indexed completion mode")];
	}
	const { rules = [] } = successPolicy;
	const errors: FieldError[] = [];
	if (rules.length === 0) {
		errors.push(fieldRequired(`${path}.rules`, "at least one rules must be specified when the successPolicy is specified"));
	}
	if (rules.length > maxSuccessRules) errors.push(fieldTooMany(`${path}.rules`, rules.length, maxSuccessRules));
	return [...errors, ...validateEach(rules, `${path}.rules`, (rule, at) => validateSuccessRule(rule, completions ?? 0, at))];
}

function validateSuccessRule({ succeededCount: count, succeededIndexes: indexes }: SuccessPolicyRule, completions: number, path: string) {
	const errors: FieldError[] = [];
	if (count === undefined && indexes === undefined) {
		errors.push(fieldRequired(path, "at least one of succeededCount or succeededIndexes must be specified"));
	}
	const total = indexes === undefined ? 0 : countIndexes(indexes, completions);
	if (indexes !== undefined) {
		const at = `${path}.succeededIndexes`;
		if (Buffer.byteLength(indexes) > maxSucceededIndexesBytes) errors.push(fieldTooLong(at, maxSucceededIndexesBytes));
		if (typeof total === "string") errors.push(fieldInvalid(at, indexes, `error parsing succeededIndexes: ${total}`));
	}
	if (count !== undefined) {
		const at = `${path}.succeededCount`;
		const atMost = (max: number, what: string) => {
			if (count > max) errors.push(fieldInvalid(at, count, `must be less than or equal to ${max} (the number of ${what})`));
		};
		errors.push(...validateNonnegative(count, at));
		atMost(completions, "specified completions");
		if (indexes !== undefined) atMost(typeof total === "string" ? 0 : total, "indexes in the specified succeededIndexes field");
	}
	return errors;
}

function validateRestartPolicy(spec: JobSpec, path: string): FieldErrors {
	const restartPolicy = spec.template?.spec?.restartPolicy ?? "";
	if (restartPolicy === "" || restartPolicy === "Always") return [fieldRequired(path, 'valid values: "OnFailure", "Never"')];
	if (restartPolicy !== "OnFailure" && restartPolicy !== "Never") return [fieldNotOneOf(path, restartPolicy, ["OnFailure", "Never"])];
	return spec.podFailurePolicy !== undefined && restartPolicy !== "Never"
		? [fieldInvalid(path, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified')]
		: NO_ERRORS;
}

function validateReplacementPolicy({ podReplacementPolicy, podFailurePolicy }: JobSpec, path: string): FieldErrors {
	return validateOptionalEnum(podReplacementPolicy, path, podFailurePolicy === undefined ? ["Failed", "TerminatingOrFailed"] : ["Failed"]);
}

/** What makes a Job the Job it is stays. */
export function validateJobUpdate(job: Job, old: Job): FieldErrors {
	const { spec } = job;
	const before = old.spec;
	if (spec === undefined || before === undefined) return NO_ERRORS;
	return [
		...validateCompletionsUpdate(spec, before),
		...(jsonEqual(spec.selector, before.selector) ? [] : [fieldInvalid("spec.selector", selectorValue(spec.selector), FIELD_IMMUTABLE)]),
		...(jsonEqual(spec.template, mutableTemplate(job, old)) ? [] : [fieldInvalid("spec.template", spec.template, FIELD_IMMUTABLE)]),
		...validateImmutable(spec.completionMode, before.completionMode, "spec.completionMode"),
		...(jsonEqual(spec.podFailurePolicy, before.podFailurePolicy)
			? []
			: [fieldInvalid("spec.podFailurePolicy", internalValue(spec.podFailurePolicy, failurePolicyShape), FIELD_IMMUTABLE)]),
		...validateImmutable(spec.backoffLimitPerIndex, before.backoffLimitPerIndex, "spec.backoffLimitPerIndex"),
		...validateImmutable(spec.managedBy, before.managedBy, "spec.managedBy"),
		...(jsonEqual(spec.successPolicy, before.successPolicy)
			? []
			: [fieldInvalid("spec.successPolicy", internalValue(spec.successPolicy, successPolicyShape), FIELD_IMMUTABLE)]),
	];
}

/** An elastic indexed Job changes completions and parallelism together (KEP-3715). */
function validateCompletionsUpdate(spec: JobSpec, old: JobSpec): FieldErrors {
	const path = "spec.completions";
	if (spec.completionMode !== "Indexed") return validateImmutable(spec.completions, old.completions, path);
	// That an indexed Job has none has been said.
	if (spec.completions === old.completions || spec.completions === undefined || spec.completions === spec.parallelism) return NO_ERRORS;
	return [fieldInvalid(path, spec.completions, "can only be modified in tandem with spec.parallelism")];
}
