/**
 * What can be wrong with a HorizontalPodAutoscaler. Source: pkg/apis/autoscaling/validation of Kubernetes 1.36.
 */
import { compareQuantities } from "../../../apimachinery/quantity.ts";
import type {
	CrossVersionObjectReferenceV2,
	HorizontalPodAutoscalerSpecV2,
	HorizontalPodAutoscalerV2,
	HPAScalingRulesV2,
	PodsMetricSourceV2 as MetricIdentified,
	MetricSpecV2,
	MetricTargetV2,
	ResourceMetricSourceV2,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { validateLabelSelector } from "../../../apimachinery/validation/label-selector.ts";
import { isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import {
	type FieldErrors,
	NO_ERRORS,
	POSITIVE,
	validateEach,
	validateNamed,
	validateOptionalEnum,
	validateRequired,
} from "../validation/primitives.ts";

/** Longest period of a scaling policy, seconds. */
const maxPeriodSeconds = 1800;

/** Longest stabilisation window, seconds. */
const maxWindowSeconds = 3600;

/** Metric types and the field that each needs. */
const sources = {
	ContainerResource: "containerResource",
	External: "external",
	Object: "object",
	Pods: "pods",
	Resource: "resource",
} as const;

/** The lowest count is 1, or 0 for one that was scaled to zero before. */
export function validateAutoscaler(autoscaler: HorizontalPodAutoscalerV2): FieldErrors {
	const spec: Partial<HorizontalPodAutoscalerSpecV2> = autoscaler.spec ?? {};
	const { minReplicas, maxReplicas = 0 } = spec;
	const errors: FieldError[] = [];
	if (minReplicas !== undefined && minReplicas < 1)
		errors.push(fieldInvalid("spec.minReplicas", minReplicas, "must be greater than or equal to 1"));
	if (maxReplicas < 1) errors.push(fieldInvalid("spec.maxReplicas", maxReplicas, "must be greater than 0"));
	if (minReplicas !== undefined && maxReplicas < minReplicas) {
		errors.push(fieldInvalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"));
	}
	return [
		...errors,
		...validateReference(spec.scaleTargetRef, "spec.scaleTargetRef"),
		...validateEach(spec.metrics, "spec.metrics", validateMetric),
		...validateRules(spec.behavior?.scaleUp, "spec.behavior.scaleUp"),
		...validateRules(spec.behavior?.scaleDown, "spec.behavior.scaleDown"),
	];
}

function validateReference(reference: Partial<CrossVersionObjectReferenceV2> | undefined, path: string): FieldErrors {
	return (["kind", "name"] as const).flatMap((field) => validateNamed(reference?.[field], `${path}.${field}`, isPathSegmentName));
}

function validateMetric(metric: MetricSpecV2, path: string): FieldErrors {
	const { type = "" } = metric;
	if (type === "") return [fieldRequired(`${path}.type`, "must specify a metric source type")];
	if (!Object.hasOwn(sources, type)) return [fieldNotSupported(`${path}.type`, type, Object.keys(sources))];
	const expected = sources[type as keyof typeof sources];
	const errors: FieldError[] = [];
	if (metric[expected] === undefined)
		errors.push(fieldRequired(`${path}.${expected}`, "must populate information for the given metric source"));
	for (const source of Object.values(sources)) {
		if (source !== expected && metric[source] !== undefined) {
			errors.push(fieldForbidden(`${path}.${source}`, "must populate the given metric source only"));
		}
	}
	return [...errors, ...validateSource(metric, path)];
}

function validateSource({ object, external, pods, resource, containerResource }: MetricSpecV2, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (object !== undefined) {
		const at = `${path}.object`;
		errors.push(...validateReference(object.describedObject, `${at}.describedObject`), ...validateIdentified(object, at));
		if (object.target?.value === undefined && object.target?.averageValue === undefined) {
			errors.push(fieldRequired(`${at}.target.averageValue`, "must set either a target value or averageValue"));
		}
	}
	if (external !== undefined) {
		const at = `${path}.external`;
		const { value, averageValue } = external.target ?? {};
		errors.push(...validateIdentified(external, at));
		if (value === undefined && averageValue === undefined) {
			errors.push(fieldRequired(`${at}.target.averageValue`, "must set either a target value for metric or a per-pod target"));
		} else if (value !== undefined && averageValue !== undefined) {
			errors.push(fieldForbidden(`${at}.target.value`, "may not set both a target value for metric and a per-pod target"));
		}
	}
	if (pods !== undefined) {
		errors.push(...validateIdentified(pods, `${path}.pods`));
		if (pods.target?.averageValue === undefined) {
			errors.push(fieldRequired(`${path}.pods.target.averageValue`, "must specify a positive target averageValue"));
		}
	}
	if (resource !== undefined) errors.push(...validateResource(resource, `${path}.resource`));
	if (containerResource !== undefined) {
		errors.push(...validateRequired(containerResource.container, `${path}.containerResource.container`, "must specify a container"));
		errors.push(...validateResource(containerResource, `${path}.containerResource`));
	}
	return errors;
}

function validateIdentified({ metric, target }: Partial<MetricIdentified>, path: string): FieldErrors {
	return [
		...validateNamed(metric?.name, `${path}.metric.name`, isPathSegmentName, "must specify a metric name"),
		...validateLabelSelector(metric?.selector, `${path}.metric.selector`),
		...validateTarget(target, `${path}.target`),
	];
}

function validateResource({ name, target }: Partial<ResourceMetricSourceV2>, path: string): FieldErrors {
	const { averageUtilization, averageValue } = target ?? {};
	const errors: FieldError[] = [
		...validateRequired(name, `${path}.name`, "must specify a resource name"),
		...validateTarget(target, `${path}.target`),
	];
	if (averageUtilization === undefined && averageValue === undefined) {
		errors.push(fieldRequired(`${path}.target.averageUtilization`, "must set either a target raw value or a target utilization"));
	} else if (averageUtilization !== undefined && averageValue !== undefined) {
		errors.push(fieldForbidden(`${path}.target.averageValue`, "may not set both a target raw value and a target utilization"));
	}
	return errors;
}

function validateTarget(target: MetricTargetV2 | undefined, path: string): FieldErrors {
	const { type = "", averageUtilization, value, averageValue }: Partial<MetricTargetV2> = target ?? {};
	const errors: FieldError[] = [];
	if (type === "") errors.push(fieldRequired(`${path}.type`, "must specify a metric target type"));
	else if (!["AverageValue", "Utilization", "Value"].includes(type)) {
		errors.push(fieldInvalid(`${path}.type`, type, "must be either Utilization, Value, or AverageValue"));
	}
	if (averageUtilization !== undefined && averageUtilization < 1) {
		errors.push(fieldInvalid(`${path}.averageUtilization`, averageUtilization, "must be greater than 0"));
	}
	for (const [field, quantity] of Object.entries({ value, averageValue })) {
		if (quantity !== undefined && compareQuantities(quantity, "0") <= 0)
			errors.push(fieldInvalid(`${path}.${field}`, quantity, "must be positive"));
	}
	return errors;
}

function validateRules(rules: HPAScalingRulesV2 | undefined, path: string): FieldErrors {
	if (rules === undefined) return NO_ERRORS;
	const { stabilizationWindowSeconds: window, policies = [] } = rules;
	const errors: FieldError[] = [];
	if (window !== undefined && window < 0) {
		errors.push(fieldInvalid(`${path}.stabilizationWindowSeconds`, window, "must be greater than or equal to zero"));
	} else if (window !== undefined && window > maxWindowSeconds) {
		errors.push(fieldInvalid(`${path}.stabilizationWindowSeconds`, window, `must be less than or equal to ${maxWindowSeconds}`));
	}
	errors.push(...validateOptionalEnum(rules.selectPolicy, `${path}.selectPolicy`, ["Disabled", "Max", "Min"]));
	if (policies.length === 0) errors.push(fieldRequired(`${path}.policies`, "must specify at least one Policy"));
	return [
		...errors,
		...validateEach(policies, `${path}.policies`, ({ type, value = 0, periodSeconds = 0 }, at) => [
			...validateOptionalEnum(type, `${at}.type`, ["Percent", "Pods"]),
			...(value <= 0 ? [fieldInvalid(`${at}.value`, value, POSITIVE)] : []),
			...(periodSeconds <= 0 ? [fieldInvalid(`${at}.periodSeconds`, periodSeconds, POSITIVE)] : []),
			...(periodSeconds > maxPeriodSeconds
				? [fieldInvalid(`${at}.periodSeconds`, periodSeconds, `must be less than or equal to ${maxPeriodSeconds}`)]
				: []),
		]),
	];
}
