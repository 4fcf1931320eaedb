/**
 * HorizontalPodAutoscaler between autoscaling/v2, which is stored, and autoscaling/v1.
 * Source: pkg/apis/autoscaling/v1/conversion.go of Kubernetes 1.36.
 */
import type {
	HorizontalPodAutoscaler,
	HorizontalPodAutoscalerConditionV2,
	HorizontalPodAutoscalerSpecV2,
	HorizontalPodAutoscalerStatusV2,
	HorizontalPodAutoscalerV2,
	MetricSpecV2,
	MetricStatusV2,
	ObjectMeta,
} from "../../../apimachinery/schema/generated/types.ts";
import {
	BEHAVIOR_ANNOTATION,
	behaviorFromV1,
	behaviorToV1,
	CONDITIONS_ANNOTATION,
	CURRENT_METRICS_ANNOTATION,
	METRICS_ANNOTATION,
	metricStatusesFromV1,
	metricStatusToV1,
	metricsFromV1,
	metricToV1,
	parseAnnotation,
} from "./metric-annotations.ts";

const annotationNames: readonly string[] = [METRICS_ANNOTATION, CURRENT_METRICS_ANNOTATION, CONDITIONS_ANNOTATION, BEHAVIOR_ANNOTATION];

/** What stands for a spec that the client left out; validation says what it lacks. */
const NO_SPEC: HorizontalPodAutoscalerSpecV2 & HorizontalPodAutoscaler["spec"] = { maxReplicas: 0, scaleTargetRef: { kind: "", name: "" } };

/** The one metric that v1 has a field for. */
const isCpuShare = ({ type, resource }: MetricSpecV2): boolean =>
	type === "Resource" && resource?.name === "cpu" && resource.target?.averageUtilization !== undefined;

const cpuShareOf = (statuses: readonly MetricStatusV2[]): number | undefined =>
	statuses.find(({ type, resource }) => type === "Resource" && resource?.name === "cpu")?.resource?.current?.averageUtilization;

/** What a client of v1 sees. */
export function autoscalerToV1(stored: HorizontalPodAutoscalerV2): HorizontalPodAutoscaler {
	const { status } = stored;
	const spec = stored.spec ?? NO_SPEC;
	const metrics = spec.metrics ?? [];
	const others = metrics.filter((metric) => !isCpuShare(metric));
	const cpu = metrics.find(isCpuShare)?.resource?.target?.averageUtilization;
	const annotations: Record<string, string> = { ...withoutOurs(stored.metadata) };
	if (others.length > 0) annotations[METRICS_ANNOTATION] = JSON.stringify(others.map(metricToV1));
	if ((status?.currentMetrics ?? []).length > 0) {
		annotations[CURRENT_METRICS_ANNOTATION] = JSON.stringify((status?.currentMetrics ?? []).map(metricStatusToV1));
	}
	if (spec.behavior !== undefined) annotations[BEHAVIOR_ANNOTATION] = JSON.stringify(behaviorToV1(spec.behavior));
	if ((status?.conditions ?? []).length > 0) annotations[CONDITIONS_ANNOTATION] = JSON.stringify(status?.conditions);
	const { metrics: _, behavior: __, ...scaling } = spec;
	return {
		apiVersion: "autoscaling/v1",
		kind: "HorizontalPodAutoscaler",
		metadata: withAnnotations(stored.metadata, annotations),
		spec: { ...scaling, ...(cpu === undefined ? {} : { targetCPUUtilizationPercentage: cpu }) },
		...(status === undefined ? {} : { status: statusToV1(status) }),
	};
}

function statusToV1(status: HorizontalPodAutoscalerStatusV2): NonNullable<HorizontalPodAutoscaler["status"]> {
	const { currentMetrics = [], conditions: _, currentReplicas = 0, ...rest } = status;
	const cpu = cpuShareOf(currentMetrics);
	return { ...rest, currentReplicas, ...(cpu === undefined ? {} : { currentCPUUtilizationPercentage: cpu }) };
}

/** What is stored for an object that a client of v1 wrote. */
export function autoscalerFromV1(sent: HorizontalPodAutoscaler): HorizontalPodAutoscalerV2 {
	const annotations = sent.metadata?.annotations ?? {};
	const { targetCPUUtilizationPercentage: cpu, ...scaling } = sent.spec ?? NO_SPEC;
	const share: readonly MetricSpecV2[] =
		cpu === undefined ? [] : [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpu } } }];
	const metrics = [...metricsFromV1(parseAnnotation(annotations[METRICS_ANNOTATION])), ...share];
	const behavior = behaviorFromV1(parseAnnotation(annotations[BEHAVIOR_ANNOTATION]));
	const spec: HorizontalPodAutoscalerSpecV2 = {
		...scaling,
		...(metrics.length === 0 ? {} : { metrics }),
		...(behavior === undefined ? {} : { behavior }),
	};
	return {
		apiVersion: "autoscaling/v2",
		kind: "HorizontalPodAutoscaler",
		metadata: withAnnotations(sent.metadata, withoutOurs(sent.metadata)),
		spec,
		...(sent.status === undefined ? {} : { status: statusFromV1(sent.status, annotations) }),
	};
}

function statusFromV1(
	{ currentCPUUtilizationPercentage: cpu, ...rest }: NonNullable<HorizontalPodAutoscaler["status"]>,
	annotations: Readonly<Record<string, string>>,
): HorizontalPodAutoscalerStatusV2 {
	const saved = metricStatusesFromV1(parseAnnotation(annotations[CURRENT_METRICS_ANNOTATION]));
	const share: readonly MetricStatusV2[] =
		cpu === undefined || cpuShareOf(saved) !== undefined
			? []
			: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: cpu } } }];
	const currentMetrics = [...saved, ...share];
	const conditions = parseAnnotation(annotations[CONDITIONS_ANNOTATION]);
	return {
		...rest,
		...(currentMetrics.length === 0 ? {} : { currentMetrics }),
		...(Array.isArray(conditions) ? { conditions: conditions as readonly HorizontalPodAutoscalerConditionV2[] } : {}),
	};
}

function withoutOurs(metadata: ObjectMeta | undefined): Readonly<Record<string, string>> {
	return Object.fromEntries(Object.entries(metadata?.annotations ?? {}).filter(([name]) => !annotationNames.includes(name)));
}

function withAnnotations(metadata: ObjectMeta | undefined, annotations: Readonly<Record<string, string>>): ObjectMeta {
	const { annotations: _, ...rest } = metadata ?? {};
	return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
}
