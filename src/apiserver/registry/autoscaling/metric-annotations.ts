/**
 * autoscaling/v1 knows one metric, the share of cpu. What else a HorizontalPodAutoscaler holds travels in four
 * annotations, as JSON in the form that metrics had before v2. Source: pkg/apis/autoscaling/v1/conversion.go of
 * Kubernetes 1.36.
 */

import { isJsonObject } from "../../../apimachinery/json.ts";
import type {
	HorizontalPodAutoscalerBehaviorV2,
	HPAScalingRulesV2,
	MetricIdentifierV2,
	MetricSpecV2,
	MetricStatusV2,
	MetricTargetV2,
	MetricValueStatusV2,
} from "../../../apimachinery/schema/generated/types.ts";

export const METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/metrics";
export const CURRENT_METRICS_ANNOTATION = "autoscaling.alpha.kubernetes.io/current-metrics";
export const CONDITIONS_ANNOTATION = "autoscaling.alpha.kubernetes.io/conditions";
export const BEHAVIOR_ANNOTATION = "autoscaling.alpha.kubernetes.io/behavior";

type Fields = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" ? String(value) : "");

/** The object without its undefined fields. */
function compact(fields: Fields): Fields {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Reads an annotation; undefined when it is absent or not the JSON it should be, which Kubernetes overlooks too. */
export function parseAnnotation(annotation: string | undefined): unknown {
	if (annotation === undefined || annotation === "") return undefined;
	try {
		return JSON.parse(annotation);
	} catch (error) {
		if (error instanceof SyntaxError) return undefined;
		throw error;
	}
}

/** A metric in the old form, whose field names depend on the source. */
export function metricToV1(metric: MetricSpecV2): Fields {
	const { type, object, pods, resource, containerResource, external } = metric;
	if (object !== undefined) {
		const { value = "0", averageValue } = object.target ?? {};
		return { type, object: compact({ target: object.describedObject, ...named(object.metric), targetValue: value, averageValue }) };
	}
	if (pods !== undefined) {
		return { type, pods: compact({ ...named(pods.metric), targetAverageValue: pods.target?.averageValue }) };
	}
	if (resource !== undefined) return { type, resource: compact({ name: resource.name, ...targetToV1(resource.target) }) };
	if (containerResource !== undefined) {
		const { name, container, target } = containerResource;
		return { type, containerResource: compact({ name, container, ...targetToV1(target) }) };
	}
	if (external === undefined) return { type };
	const { value, averageValue } = external.target ?? {};
	return { type, external: compact({ ...externallyNamed(external.metric), targetValue: value, targetAverageValue: averageValue }) };
}

const named = (metric: MetricIdentifierV2 | undefined): Fields => ({ metricName: metric?.name, selector: metric?.selector });

const externallyNamed = (metric: MetricIdentifierV2 | undefined): Fields => ({
	metricName: metric?.name,
	metricSelector: metric?.selector,
});

const targetToV1 = (target: MetricTargetV2 | undefined): Fields => ({
	targetAverageUtilization: target?.averageUtilization,
	targetAverageValue: target?.averageValue,
});

/** A measured value in the old form. */
export function metricStatusToV1(status: MetricStatusV2): Fields {
	const { type, object, pods, resource, containerResource, external } = status;
	if (object !== undefined) {
		const { value = "0", averageValue } = object.current ?? {};
		return { type, object: compact({ target: object.describedObject, ...named(object.metric), currentValue: value, averageValue }) };
	}
	if (pods !== undefined) {
		return { type, pods: compact({ ...named(pods.metric), currentAverageValue: pods.current?.averageValue }) };
	}
	if (resource !== undefined) return { type, resource: compact({ name: resource.name, ...currentToV1(resource.current) }) };
	if (containerResource !== undefined) {
		const { name, container, current } = containerResource;
		return { type, containerResource: compact({ name, container, ...currentToV1(current) }) };
	}
	if (external === undefined) return { type };
	const { value = "0", averageValue } = external.current ?? {};
	return { type, external: compact({ ...externallyNamed(external.metric), currentValue: value, currentAverageValue: averageValue }) };
}

const currentToV1 = (current: MetricValueStatusV2 | undefined): Fields => ({
	currentAverageUtilization: current?.averageUtilization,
	currentAverageValue: current?.averageValue,
});

function metricIdentifier(name: unknown, selector: unknown): MetricIdentifierV2 {
	return isJsonObject(selector) ? { name: text(name), selector } : { name: text(name) };
}

/** A target with what the old form gave; its type follows from that. */
function target(value: unknown, averageValue: unknown, averageUtilization: unknown): MetricTargetV2 {
	const type = typeof averageUtilization === "number" ? "Utilization" : text(averageValue) !== "" ? "AverageValue" : "Value";
	return {
		type,
		...(type === "Value" ? { value: text(value) } : {}),
		...(text(averageValue) === "" ? {} : { averageValue: text(averageValue) }),
		...(typeof averageUtilization === "number" ? { averageUtilization } : {}),
	};
}

function current(value: unknown, averageValue: unknown, averageUtilization: unknown): MetricValueStatusV2 {
	return {
		...(text(value) === "" ? {} : { value: text(value) }),
		...(text(averageValue) === "" ? {} : { averageValue: text(averageValue) }),
		...(typeof averageUtilization === "number" ? { averageUtilization } : {}),
	};
}

function describedObject(reference: unknown): { kind: string; name: string; apiVersion?: string } {
	const { kind, name, apiVersion } = isJsonObject(reference) ? reference : {};
	return { kind: text(kind), name: text(name), ...(text(apiVersion) === "" ? {} : { apiVersion: text(apiVersion) }) };
}

const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.filter(isJsonObject) : []);

const part = (metric: Fields, source: string): Fields | undefined => (isJsonObject(metric[source]) ? metric[source] : undefined);

/** Metrics in the old form, as v2 says them. */
export function metricsFromV1(value: unknown): readonly MetricSpecV2[] {
	return listOf(value).map((metric): MetricSpecV2 => {
		const type = text(metric.type);
		const object = part(metric, "object");
		if (object !== undefined) {
			const aim = target(object.targetValue, object.averageValue, undefined);
			return {
				type,
				object: {
					describedObject: describedObject(object.target),
					metric: metricIdentifier(object.metricName, object.selector),
					target: aim,
				},
			};
		}
		const pods = part(metric, "pods");
		if (pods !== undefined) {
			return {
				type,
				pods: { metric: metricIdentifier(pods.metricName, pods.selector), target: target(undefined, pods.targetAverageValue, undefined) },
			};
		}
		const resource = part(metric, "resource");
		if (resource !== undefined) {
			return {
				type,
				resource: { name: text(resource.name), target: target(undefined, resource.targetAverageValue, resource.targetAverageUtilization) },
			};
		}
		const contained = part(metric, "containerResource");
		if (contained !== undefined) {
			const aim = target(undefined, contained.targetAverageValue, contained.targetAverageUtilization);
			return { type, containerResource: { name: text(contained.name), container: text(contained.container), target: aim } };
		}
		const external = part(metric, "external");
		if (external === undefined) return { type };
		const aim = target(external.targetValue, external.targetAverageValue, undefined);
		return { type, external: { metric: metricIdentifier(external.metricName, external.metricSelector), target: aim } };
	});
}

/** Measured values in the old form, as v2 says them. */
export function metricStatusesFromV1(value: unknown): readonly MetricStatusV2[] {
	return listOf(value).map((metric): MetricStatusV2 => {
		const type = text(metric.type);
		const object = part(metric, "object");
		if (object !== undefined) {
			const now = current(object.currentValue, object.averageValue, undefined);
			return {
				type,
				object: {
					describedObject: describedObject(object.target),
					metric: metricIdentifier(object.metricName, object.selector),
					current: now,
				},
			};
		}
		const pods = part(metric, "pods");
		if (pods !== undefined) {
			return {
				type,
				pods: {
					metric: metricIdentifier(pods.metricName, pods.selector),
					current: current(undefined, pods.currentAverageValue, undefined),
				},
			};
		}
		const resource = part(metric, "resource");
		if (resource !== undefined) {
			return {
				type,
				resource: {
					name: text(resource.name),
					current: current(undefined, resource.currentAverageValue, resource.currentAverageUtilization),
				},
			};
		}
		const contained = part(metric, "containerResource");
		if (contained !== undefined) {
			const now = current(undefined, contained.currentAverageValue, contained.currentAverageUtilization);
			return { type, containerResource: { name: text(contained.name), container: text(contained.container), current: now } };
		}
		const external = part(metric, "external");
		if (external === undefined) return { type };
		const now = current(external.currentValue, external.currentAverageValue, undefined);
		return { type, external: { metric: metricIdentifier(external.metricName, external.metricSelector), current: now } };
	});
}

/** The behaviour annotation spells its fields with capitals: it is Kubernetes' internal type. */
export function behaviorToV1({ scaleUp, scaleDown }: HorizontalPodAutoscalerBehaviorV2): Fields {
	const rules = (value: HPAScalingRulesV2 | undefined) =>
		value === undefined
			? null
			: {
					StabilizationWindowSeconds: value.stabilizationWindowSeconds ?? null,
					SelectPolicy: value.selectPolicy ?? null,
					Policies: (value.policies ?? []).map(({ type, value: amount, periodSeconds }) => ({
						Type: type,
						Value: amount,
						PeriodSeconds: periodSeconds,
					})),
					Tolerance: value.tolerance ?? null,
				};
	return { ScaleUp: rules(scaleUp), ScaleDown: rules(scaleDown) };
}

export function behaviorFromV1(value: unknown): HorizontalPodAutoscalerBehaviorV2 | undefined {
	if (!isJsonObject(value)) return undefined;
	const rules = (fields: unknown): HPAScalingRulesV2 | undefined => {
		if (!isJsonObject(fields)) return undefined;
		const policies = listOf(fields.Policies).map((policy) => ({
			type: text(policy.Type),
			value: Number(policy.Value ?? 0),
			periodSeconds: Number(policy.PeriodSeconds ?? 0),
		}));
		return {
			...(typeof fields.StabilizationWindowSeconds === "number" ? { stabilizationWindowSeconds: fields.StabilizationWindowSeconds } : {}),
			...(text(fields.SelectPolicy) === "" ? {} : { selectPolicy: text(fields.SelectPolicy) }),
			...(policies.length === 0 ? {} : { policies }),
			...(text(fields.Tolerance) === "" ? {} : { tolerance: text(fields.Tolerance) }),
		};
	};
	const scaleUp = rules(value.ScaleUp);
	const scaleDown = rules(value.ScaleDown);
	return { ...(scaleUp === undefined ? {} : { scaleUp }), ...(scaleDown === undefined ? {} : { scaleDown }) };
}
