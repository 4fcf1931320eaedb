/**
 * What can be wrong with a HorizontalPodAutoscaler. Source: pkg/apis/autoscaling/validation,
 * validationOptionsForHorizontalPodAutoscaler in pkg/registry/autoscaling/horizontalpodautoscaler of Kubernetes 1.36.
 */
import { compareQuantities } from "../../../apimachinery/quantity.ts";
import type {
	CrossVersionObjectReferenceV2,
	HorizontalPodAutoscalerSpecV2,
	HorizontalPodAutoscalerV2,
	HPAScalingPolicyV2,
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
import { isDns1123Label, isPathSegmentName } from "../../../apimachinery/validation/names.ts";
import {
	type FieldErrors,
	NO_ERRORS,
	NOT_NEGATIVE,
	POSITIVE,
	validateEach,
	validateNamed,
	validateOptionalEnum,
} from "../validation/primitives.ts";
import { validateContainerResourceName } from "../validation/resources.ts";

/** Longest period of a scaling policy, seconds. */
const maxPeriodSeconds = 1800;

/** Longest stabilisation window, seconds. */
const maxWindowSeconds = 3600;

/** Metric types and the field that each needs. */
const sources: Readonly<Record<string, Source>> = {
	ContainerResource: "containerResource",
	External: "external",
	Object: "object",
	Pods: "pods",
	Resource: "resource",
};
type Source = "containerResource" | "external" | "object" | "pods" | "resource";

/** In the order in which they are looked at. */
const sourceOrder: readonly Source[] = ["object", "external", "pods", "resource", "containerResource"];

/** What a reference's apiVersion may be. */
type VersionRule = "any" | "any group" | "named group";

/** The lowest count is 1, or 0 for one that could scale to zero before. */
export function validateAutoscaler(autoscaler: HorizontalPodAutoscalerV2, old?: HorizontalPodAutoscalerV2): FieldErrors {
	const spec: Partial<HorizontalPodAutoscalerSpecV2> = autoscaler.spec ?? {};
	const { minReplicas, maxReplicas = 0, metrics } = spec;
	const errors: FieldError[] = [];
	const lowest = old?.spec?.minReplicas === 0 ? 0 : 1;
	if (minReplicas !== undefined && minReplicas < lowest) {
		errors.push(fieldInvalid("spec.minReplicas", minReplicas, `must be greater than or equal to ${lowest}`));
	}
	if (maxReplicas < 1) errors.push(fieldInvalid("spec.maxReplicas", maxReplicas, "must be greater than 0"));
	if (minReplicas !== undefined && maxReplicas < minReplicas) {
		errors.push(fieldInvalid("spec.maxReplicas", maxReplicas, "must be greater than or equal to `minReplicas`"));
	}
	const objectRule = objectVersionRule(old);
	return [
		...errors,
		...validateReference(spec.scaleTargetRef, "spec.scaleTargetRef", targetVersionRule(spec, old)),
		...validateEach(metrics, "spec.metrics", (metric, path) => validateMetric(metric, path, objectRule)),
		...(minReplicas === 0 && !(metrics ?? []).some(({ type }) => type === "Object" || type === "External")
			? [fieldForbidden("spec.metrics", "must specify at least one Object or External metric to support scaling to zero replicas")]
			: []),
		...validateRules(spec.behavior?.scaleUp, "spec.behavior.scaleUp"),
		...validateRules(spec.behavior?.scaleDown, "spec.behavior.scaleDown"),
	];
}

/** Only ReplicationControllers scale and have no group; a target that stays may stay as it is. */
function targetVersionRule(
	{ scaleTargetRef: target }: Partial<HorizontalPodAutoscalerSpecV2>,
	old?: HorizontalPodAutoscalerV2,
): VersionRule {
	const before = old?.spec?.scaleTargetRef;
	if (old !== undefined && (before?.apiVersion ?? "") === (target?.apiVersion ?? "") && (before?.kind ?? "") === (target?.kind ?? "")) {
		return "any";
	}
	return target?.kind === "ReplicationController" ? "any group" : "named group";
}

/** Metrics that were wrong before may stay so. */
function objectVersionRule(old: HorizontalPodAutoscalerV2 | undefined): VersionRule {
	const wasWrong = (old?.spec?.metrics ?? []).some(
		({ type, object }) =>
			type === "Object" && object !== undefined && versionProblem(object.describedObject?.apiVersion, "any group") !== undefined,
	);
	return wasWrong ? "any" : "any group";
}

function versionProblem(apiVersion: string | undefined, rule: VersionRule): string | undefined {
	const [group = "", version, ...more] = (apiVersion ?? "").split("/");
	if (rule === "any") return undefined;
	if (more.length > 0) return `unexpected GroupVersion string: ${apiVersion}`;
	return rule === "named group" && (version === undefined || group === "") ? "apiVersion must specify API group" : undefined;
}

function validateReference(reference: Partial<CrossVersionObjectReferenceV2> | undefined, path: string, rule: VersionRule): FieldErrors {
	const problem = versionProblem(reference?.apiVersion, rule);
	return [
		...validateNamed(reference?.kind, `${path}.kind`, isPathSegmentName),
		...validateNamed(reference?.name, `${path}.name`, isPathSegmentName),
		...(problem === undefined ? [] : [fieldInvalid(`${path}.apiVersion`, reference?.apiVersion ?? "", problem)]),
	];
}

/** The type's own source is there, and no other one. Of several only the first is looked into. */
function validateMetric(metric: MetricSpecV2, path: string, objectRule: VersionRule): FieldErrors {
	const { type = "" } = metric;
	const expected = Object.hasOwn(sources, type) ? sources[type] : undefined;
	const unknown = expected === undefined ? [fieldNotSupported(`${path}.type`, type, Object.keys(sources))] : [];
	const present = sourceOrder.filter((source) => metric[source] !== undefined);
	const [first] = present;
	const MISSING = "must populate information for the given metric source";
	return [
		...(type === "" ? [fieldRequired(`${path}.type`, "must specify a metric source type")] : []),
		...unknown,
		...(first === undefined ? NO_ERRORS : validateSource(metric, first, `${path}.${first}`, objectRule)),
		...(expected !== undefined && metric[expected] === undefined ? [fieldRequired(`${path}.${expected}`, MISSING)] : []),
		// Said once of the type by itself, once for want of a source that would fit it.
		...unknown,
		...(present.length === 1 ? [] : present)
			.filter((source) => source !== expected)
			.map((source) => fieldForbidden(`${path}.${source}`, "must populate the given metric source only")),
	];
}

function validateSource(metric: MetricSpecV2, source: Source, path: string, objectRule: VersionRule): FieldErrors {
	const { value, averageValue } = metric[source]?.target ?? {};
	const missing = (text: string) => [fieldRequired(`${path}.target.averageValue`, text)];
	switch (source) {
		case "object":
			return [
				...validateReference(metric.object?.describedObject, `${path}.describedObject`, objectRule),
				...validateIdentified(metric.object, path),
				...(value === undefined && averageValue === undefined ? missing("must set either a target value or averageValue") : []),
			];
		case "external":
			return [
				...validateIdentified(metric.external, path),
				...(value === undefined && averageValue === undefined
					? missing("must set either a target value for metric or a per-pod target")
					: []),
				...(value !== undefined && averageValue !== undefined
					? [fieldForbidden(`${path}.target.value`, "may not set both a target value for metric and a per-pod target")]
					: []),
			];
		case "pods":
			return [
				...validateIdentified(metric.pods, path),
				...(averageValue === undefined ? missing("must specify a positive target averageValue") : []),
			];
		case "resource":
			return [...validateNamed(metric.resource?.name, `${path}.name`, () => [], NO_RESOURCE), ...validateShare(metric.resource, path)];
		case "containerResource": {
			const { name, container } = metric.containerResource ?? {};
			return [
				...(name === undefined || name === ""
					? [fieldRequired(`${path}.name`, NO_RESOURCE)]
					: validateContainerResourceName(name, `${path}.name`)),
				...validateNamed(container, `${path}.container`, isDns1123Label, "must specify a container"),
				...validateShare(metric.containerResource, path),
			];
		}
		default:
			return source satisfies never;
	}
}

const NO_RESOURCE = "must specify a resource name";

function validateIdentified(source: Partial<MetricIdentified> | undefined, path: string): FieldErrors {
	return [
		...validateNamed(source?.metric?.name, `${path}.metric.name`, isPathSegmentName, "must specify a metric name"),
		...validateTarget(source?.target, `${path}.target`),
	];
}

/** A share of what Pods request, or an amount for each. */
function validateShare(source: Partial<ResourceMetricSourceV2> | undefined, path: string): FieldErrors {
	const { averageUtilization, averageValue } = source?.target ?? {};
	const errors: FieldError[] = [...validateTarget(source?.target, `${path}.target`)];
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
	if (!["AverageValue", "Utilization", "Value"].includes(type)) {
		errors.push(fieldInvalid(`${path}.type`, type, "must be either Utilization, Value, or AverageValue"));
	}
	for (const [field, quantity] of Object.entries({ value, averageValue })) {
		if (quantity !== undefined && compareQuantities(quantity, "0") <= 0)
			errors.push(fieldInvalid(`${path}.${field}`, quantity, "must be positive"));
	}
	if (averageUtilization !== undefined && averageUtilization < 1) {
		errors.push(fieldInvalid(`${path}.averageUtilization`, averageUtilization, "must be greater than 0"));
	}
	return errors;
}

function validateRules(rules: HPAScalingRulesV2 | undefined, path: string): FieldErrors {
	if (rules === undefined) return NO_ERRORS;
	const { stabilizationWindowSeconds: window = 0, policies = [], tolerance } = rules;
	const errors: FieldError[] = [];
	if (window < 0) errors.push(fieldInvalid(`${path}.stabilizationWindowSeconds`, window, "must be greater than or equal to zero"));
	if (window > maxWindowSeconds) {
		errors.push(fieldInvalid(`${path}.stabilizationWindowSeconds`, window, `must be less than or equal to ${maxWindowSeconds}`));
	}
	errors.push(...validateOptionalEnum(rules.selectPolicy, `${path}.selectPolicy`, ["Disabled", "Max", "Min"]));
	if (policies.length === 0) errors.push(fieldRequired(`${path}.policies`, "must specify at least one Policy"));
	errors.push(...validateEach(policies, `${path}.policies`, validatePolicy));
	if (tolerance !== undefined && compareQuantities(tolerance, "0") < 0) {
		errors.push(fieldInvalid(`${path}.tolerance`, tolerance, NOT_NEGATIVE));
	}
	return errors;
}

function validatePolicy({ type = "", value = 0, periodSeconds = 0 }: Partial<HPAScalingPolicyV2>, path: string): FieldErrors {
	return [
		...validateOptionalEnum(type, `${path}.type`, ["Percent", "Pods"]),
		...(value <= 0 ? [fieldInvalid(`${path}.value`, value, POSITIVE)] : []),
		...(periodSeconds <= 0 ? [fieldInvalid(`${path}.periodSeconds`, periodSeconds, POSITIVE)] : []),
		...(periodSeconds > maxPeriodSeconds
			? [fieldInvalid(`${path}.periodSeconds`, periodSeconds, `must be less than or equal to ${maxPeriodSeconds}`)]
			: []),
	];
}
