/**
 * The template of a workload together with the selector that must find its Pods. Source:
 * ValidatePodTemplateSpecForReplicaSet and its kin in pkg/apis/apps/validation/validation.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { LabelSelector, PodTemplateSpec } from "../../../apimachinery/schema/generated/types.ts";
import { labelSelectorFromObject, SelectorError, selectorFromMap } from "../../../apimachinery/selector.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { mapValue, selectorValue } from "./internal-value.ts";
import { type PodSpecOptions, validatePodTemplate } from "./pod-spec.ts";
import { FIELD_IMMUTABLE, type FieldErrors, NO_ERRORS } from "./primitives.ts";

export interface WorkloadTemplate extends PodSpecOptions {
	/** How texts name the workload: `ReplicaSet` in `activeDeadlineSeconds in ReplicaSet is not Supported`. */
	readonly workload: string;
	/** Where the template stands: `spec.template`. */
	readonly path: string;
	/** What is said of a selector that cannot be read, in whose place nothing is said of the template. */
	readonly unreadable?: { readonly path: string; readonly detail: string };
}

/** A selector is there, is not empty and is well formed. `noun` as in `empty selector is invalid for deployment`. */
export function validateWorkloadSelector(selector: LabelSelector | undefined, noun: string, path: string): FieldErrors {
	if (selector === undefined) return [fieldRequired(path)];
	const errors: FieldError[] = [...validateLabelSelector(selector, path)];
	if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0) {
		errors.push(fieldInvalid(path, selectorValue(selector), `empty selector is invalid for ${noun}`));
	}
	return errors;
}

/** A workload keeps its selector: its Pods would else be nobody's. */
export function validateSelectorKept(selector: LabelSelector | undefined, old: LabelSelector | undefined): FieldErrors {
	return jsonEqual(selector, old) ? NO_ERRORS : [fieldInvalid("spec.selector", selectorValue(selector), FIELD_IMMUTABLE)];
}

/** The selector finds the template's Pods, the template is sound, and its Pods always restart. */
export function validateWorkloadTemplate(
	template: PodTemplateSpec | undefined,
	selector: LabelSelector | undefined,
	options: WorkloadTemplate,
): FieldErrors {
	if (options.unreadable !== undefined && !isReadableSelector(selector)) {
		return [fieldInvalid(options.unreadable.path, selectorValue(selector), options.unreadable.detail)];
	}
	return [...validateSelectorMatches(template, selector, options.path), ...validateRestartingTemplate(template, options)];
}

/** The template is sound, and its Pods always restart. */
export function validateRestartingTemplate(template: PodTemplateSpec | undefined, options: WorkloadTemplate): FieldErrors {
	return [...validatePodTemplate(template, options.path, options), ...validateAlwaysRestarts(template, options)];
}

/** Whether a selector can be read: whether it selects anything at all. */
export function isReadableSelector(selector: LabelSelector | undefined): boolean {
	try {
		labelSelectorFromObject(selector);
		return true;
	} catch (error) {
		if (error instanceof SelectorError) return false;
		throw error;
	}
}

/** `selector` selects what the template makes. */
export function validateSelectorMatches(
	template: PodTemplateSpec | undefined,
	selector: LabelSelector | undefined,
	path: string,
): FieldErrors {
	const labels = template?.metadata?.labels;
	try {
		// A selector that is not there selects nothing, an empty one everything.
		const matcher = selector === undefined ? undefined : labelSelectorFromObject(selector);
		if (matcher?.empty === true || matcher?.matches(labels) === true) return NO_ERRORS;
	} catch (error) {
		// What is wrong with the selector has been said where it stands.
		if (error instanceof SelectorError) return NO_ERRORS;
		throw error;
	}
	return [fieldInvalid(`${path}.metadata.labels`, mapValue(labels), "`selector` does not match template `labels`")];
}

/** The same for ReplicationControllers, whose selector is a plain map. */
export function validateMapSelectorMatches(
	template: PodTemplateSpec | undefined,
	selector: Readonly<Record<string, string>> | undefined,
	path: string,
): FieldErrors {
	if (template === undefined || selector === undefined || selectorFromMap(selector).matches(template.metadata?.labels)) return NO_ERRORS;
	return [fieldInvalid(`${path}.metadata.labels`, mapValue(template.metadata?.labels), "`selector` does not match template `labels`")];
}

function validateAlwaysRestarts(template: PodTemplateSpec | undefined, { workload, path }: WorkloadTemplate): FieldErrors {
	const errors: FieldError[] = [];
	const restartPolicy = template?.spec?.restartPolicy;
	if (restartPolicy !== undefined && restartPolicy !== "Always") {
		errors.push(fieldNotSupported(`${path}.spec.restartPolicy`, restartPolicy, ["Always"]));
	}
	if (template?.spec?.activeDeadlineSeconds !== undefined) {
		errors.push(fieldForbidden(`${path}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${workload} is not Supported`));
	}
	return errors;
}
