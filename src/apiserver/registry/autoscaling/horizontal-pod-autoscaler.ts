/**
 * HorizontalPodAutoscaler, stored as autoscaling/v2 and served as v1 too. Source: pkg/apis/autoscaling/v2/defaults.go,
 * printHorizontalPodAutoscaler of Kubernetes 1.36.
 * https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
 */
import type {
	HorizontalPodAutoscaler,
	HorizontalPodAutoscalerSpecV2,
	HorizontalPodAutoscalerV2,
	HPAScalingRulesV2,
	MetricSpecV2,
	MetricStatusV2,
	MetricTargetV2,
	MetricValueStatusV2,
	ResourceMetricSourceV2,
} from "../../../apimachinery/schema/generated/types.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, integerColumn, nameColumn, orUnset, stringColumn } from "../printing/columns.ts";
import { validateNonnegative } from "../validation/primitives.ts";
import { autoscalerFromV1, autoscalerToV1 } from "./conversion.ts";
import { validateAutoscaler } from "./validation.ts";

/** How many metrics the TARGETS column shows. */
const maxShown = 2;

/** The target of an autoscaler that names no metric: 80 % of the requested cpu. */
const defaultMetrics: readonly MetricSpecV2[] = [
	{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
];

/** Up: at once, by four Pods or by doubling each 15 s, whichever is more. */
const scaleUpRules: HPAScalingRulesV2 = {
	stabilizationWindowSeconds: 0,
	selectPolicy: "Max",
	policies: [
		{ type: "Pods", value: 4, periodSeconds: 15 },
		{ type: "Percent", value: 100, periodSeconds: 15 },
	],
};

/** Down: to nothing if need be; the window is the controller's own. */
const scaleDownRules: HPAScalingRulesV2 = { selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] };

function defaultSpec(spec: HorizontalPodAutoscalerSpecV2): HorizontalPodAutoscalerSpecV2 {
	let result = withDefaults(spec, { minReplicas: 1 });
	if ((result.metrics ?? []).length === 0) result = { ...result, metrics: defaultMetrics };
	return mapField(result, "behavior", (behavior) => {
		const both = withDefaults(behavior, { scaleUp: scaleUpRules, scaleDown: scaleDownRules });
		const up = mapField(both, "scaleUp", (rules) => withDefaults(rules, scaleUpRules));
		return mapField(up, "scaleDown", (rules) => withDefaults(rules, scaleDownRules));
	});
}

/** `cpu: 10%/80%, memory: <unknown>/1Gi + 1 more...`. */
function formatTargets({ spec, status }: HorizontalPodAutoscalerV2): string {
	const metrics = spec?.metrics ?? [];
	if (metrics.length === 0) return "<none>";
	const cells = metrics.map((metric, index) => formatMetric(metric, status?.currentMetrics?.[index]));
	const shown = cells.slice(0, maxShown).join(", ");
	return cells.length > maxShown ? `${shown} + ${cells.length - maxShown} more...` : shown;
}

function formatMetric(metric: MetricSpecV2, status: MetricStatusV2 | undefined): string {
	switch (metric.type) {
		case "External":
			return formatValue(metric.external?.target, status?.external?.current);
		case "Object":
			return formatValue(metric.object?.target, status?.object?.current);
		case "Pods":
			return `${status?.pods === undefined ? "<unknown>" : (status.pods.current?.averageValue ?? "0")}/${metric.pods?.target?.averageValue ?? "0"}`;
		case "Resource":
			return formatShare(metric.resource, status?.resource?.current);
		case "ContainerResource":
			return formatShare(metric.containerResource, status?.containerResource?.current);
		default:
			return "<unknown type>";
	}
}

/** `3/10`, `300m/1 (avg)`. */
function formatValue(target: MetricTargetV2 | undefined, current: MetricValueStatusV2 | undefined): string {
	if (target?.averageValue !== undefined) return `${current?.averageValue ?? "<unknown>"}/${target.averageValue} (avg)`;
	return `${current === undefined ? "<unknown>" : (current.value ?? "0")}/${target?.value ?? "0"}`;
}

/** `cpu: 10%/80%`, `memory: 20Mi/1Gi`. */
function formatShare(source: Partial<ResourceMetricSourceV2> | undefined, current: MetricValueStatusV2 | undefined): string {
	const { averageValue, averageUtilization } = source?.target ?? {};
	if (averageValue !== undefined) {
		return `${source?.name ?? ""}: ${current === undefined ? "<unknown>" : (current.averageValue ?? "0")}/${averageValue}`;
	}
	const percent = (value: number | undefined, none: string) => (value === undefined ? none : `${value}%`);
	return `${source?.name ?? ""}: ${percent(current?.averageUtilization, "<unknown>")}/${percent(averageUtilization, "<auto>")}`;
}

export const horizontalPodAutoscalerKind = defineKind<HorizontalPodAutoscalerV2>({
	group: "autoscaling",
	kind: "HorizontalPodAutoscaler",
	resource: "horizontalpodautoscalers",
	singular: "horizontalpodautoscaler",
	shortNames: ["hpa"],
	categories: ["all"],
	versions: ["v2", "v1"],
	storageVersion: "v2",
	setDefaults: (autoscaler) => mapField(autoscaler, "spec", defaultSpec),
	// The count that Kubernetes' encoder always writes.
	prepareForCreate: (autoscaler) => ({ ...autoscaler, status: { desiredReplicas: 0 } }),
	validate: validateAutoscaler,
	validateStatusUpdate: ({ status }) =>
		(["currentReplicas", "desiredReplicas"] as const).flatMap((field) => validateNonnegative(status?.[field], `status.${field}`)),
	columns: [
		nameColumn(),
		stringColumn(
			"Reference",
			"scaleTargetRef points to the target resource to scale, and is used to the pods for which metrics should be collected, as well as to actually change the replica count.",
			({ spec }) => `${spec?.scaleTargetRef?.kind ?? ""}/${spec?.scaleTargetRef?.name ?? ""}`,
		),
		stringColumn(
			"Targets",
			"metrics contains the specifications for which to use to calculate the desired replica count (the maximum replica count across all metrics will be used).",
			formatTargets,
		),
		stringColumn(
			"MinPods",
			"minReplicas is the lower limit for the number of replicas to which the autoscaler can scale down.",
			({ spec }) => orUnset(spec?.minReplicas),
		),
		integerColumn(
			"MaxPods",
			"maxReplicas is the upper limit for the number of replicas to which the autoscaler can scale up. It cannot be less that minReplicas.",
			({ spec }) => spec?.maxReplicas,
		),
		integerColumn(
			"Replicas",
			"currentReplicas is current number of replicas of pods managed by this autoscaler, as last seen by the autoscaler.",
			({ status }) => status?.currentReplicas,
		),
		ageColumn(),
	],
	fromStorage: (stored, version) => (version === "v1" ? autoscalerToV1(stored) : stored),
	toStorage: (sent, version) =>
		version === "v1" ? autoscalerFromV1(sent as HorizontalPodAutoscaler) : (sent as HorizontalPodAutoscalerV2),
});
