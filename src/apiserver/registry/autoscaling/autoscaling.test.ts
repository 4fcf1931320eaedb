import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerV2, MetricSpecV2 } from "../../../apimachinery/schema/generated/types.ts";
import { created, printed, stored } from "../testing/kind-probe.ts";
import { autoscalerFromV1, autoscalerToV1 } from "./conversion.ts";
import { horizontalPodAutoscalerKind as kind } from "./horizontal-pod-autoscaler.ts";

const metadata = { name: "web", namespace: "default", creationTimestamp: created };
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
const cpu = (averageUtilization: number): MetricSpecV2 => ({
	type: "Resource",
	resource: { name: "cpu", target: { type: "Utilization", averageUtilization } },
});
const memory: MetricSpecV2 = { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } } };
const requests: MetricSpecV2 = { type: "Pods", pods: { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "100" } } };
const queue: MetricSpecV2 = { type: "External", external: { metric: { name: "depth" }, target: { type: "Value", value: "30" } } };
const autoscaler = (spec: object = {}, status?: object): KubeObject =>
	({ metadata, spec: { scaleTargetRef, maxReplicas: 5, ...spec }, ...(status === undefined ? {} : { status }) }) as KubeObject;

describe("HorizontalPodAutoscaler", () => {
	it("aims at 80 % of cpu and at least one Pod by default", () => {
		expect(stored(kind, autoscaler())).toEqual({
			metadata,
			spec: { scaleTargetRef, minReplicas: 1, maxReplicas: 5, metrics: [cpu(80)] },
			status: { desiredReplicas: 0 },
		});
	});

	it("fills in a behaviour that is begun", () => {
		expect(
			(stored(kind, autoscaler({ behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } })) as HorizontalPodAutoscalerV2).spec
				.behavior,
		).toEqual({
			scaleUp: {
				stabilizationWindowSeconds: 0,
				selectPolicy: "Max",
				policies: [
					{ type: "Pods", value: 4, periodSeconds: 15 },
					{ type: "Percent", value: 100, periodSeconds: 15 },
				],
			},
			scaleDown: { stabilizationWindowSeconds: 60, selectPolicy: "Max", policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
		});
	});

	it.each([
		[{}, undefined, "<none> | <unset> | 5 | 0"],
		[{ metrics: [cpu(80)], minReplicas: 2 }, undefined, "cpu: <unknown>/80% | 2 | 5 | 0"],
		[
			{ metrics: [cpu(80), memory] },
			{
				currentReplicas: 3,
				desiredReplicas: 3,
				currentMetrics: [
					{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 10 } } },
					{ type: "Resource", resource: { name: "memory", current: { averageValue: "20Mi" } } },
				],
			},
			"cpu: 10%/80%, memory: 20Mi/1Gi | <unset> | 5 | 3",
		],
		[{ metrics: [requests, queue, cpu(80)] }, undefined, "<unknown>/100, <unknown>/30 + 1 more... | <unset> | 5 | 0"],
	])("prints %j", (spec, status, expected) => {
		expect(printed(kind, autoscaler(spec, status))).toBe(
			`NAME | REFERENCE | TARGETS | MINPODS | MAXPODS | REPLICAS | AGE\nweb | Deployment/web | ${expected} | 5m`,
		);
	});
});

describe("autoscaling/v1", () => {
	it("has a field for the share of cpu and annotations for the rest", () => {
		const conditions = [{ type: "AbleToScale", status: "True" }];
		const status = {
			currentReplicas: 2,
			desiredReplicas: 3,
			conditions,
			currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 90, averageValue: "90m" } } }],
		};
		expect(autoscalerToV1(autoscaler({ metrics: [cpu(80), memory, requests] }, status) as HorizontalPodAutoscalerV2)).toEqual({
			apiVersion: "autoscaling/v1",
			kind: "HorizontalPodAutoscaler",
			metadata: {
				...metadata,
				annotations: {
					"autoscaling.alpha.kubernetes.io/metrics":
						'[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"1Gi"}},{"type":"Pods","pods":{"metricName":"rps","targetAverageValue":"100"}}]',
					"autoscaling.alpha.kubernetes.io/current-metrics":
						'[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":90,"currentAverageValue":"90m"}}]',
					"autoscaling.alpha.kubernetes.io/conditions": '[{"type":"AbleToScale","status":"True"}]',
				},
			},
			spec: { scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 80 },
			status: { currentReplicas: 2, desiredReplicas: 3, currentCPUUtilizationPercentage: 90 },
		});
	});

	it("reads what old clients write, and overlooks a broken annotation", () => {
		const sent: HorizontalPodAutoscaler = {
			metadata: { ...metadata, annotations: { mine: "1", "autoscaling.alpha.kubernetes.io/metrics": "[broken" } },
			spec: { scaleTargetRef, maxReplicas: 5, targetCPUUtilizationPercentage: 50 },
		};
		expect(autoscalerFromV1(sent)).toEqual({
			apiVersion: "autoscaling/v2",
			kind: "HorizontalPodAutoscaler",
			metadata: { ...metadata, annotations: { mine: "1" } },
			spec: { scaleTargetRef, maxReplicas: 5, metrics: [cpu(50)] },
		});
	});

	it("loses nothing on the way there and back", () => {
		const quantity = fc.constantFrom("1", "500m", "1Gi");
		const metric = { name: "m", selector: { matchLabels: { a: "b" } } };
		const share = fc.oneof(
			fc.integer({ min: 1, max: 100 }).map((averageUtilization) => ({ type: "Utilization", averageUtilization })),
			quantity.map((averageValue) => ({ type: "AverageValue", averageValue })),
		);
		const plain = quantity.map((value) => ({ type: "Value", value }));
		const average = quantity.map((averageValue) => ({ type: "AverageValue", averageValue }));
		const metrics: fc.Arbitrary<MetricSpecV2> = fc.oneof(
			share.map((target) => ({ type: "Resource", resource: { name: "memory", target } })),
			share.map((target) => ({ type: "ContainerResource", containerResource: { name: "cpu", container: "app", target } })),
			average.map((target) => ({ type: "Pods", pods: { metric, target } })),
			plain.map((target) => ({ type: "Object", object: { describedObject: scaleTargetRef, metric, target } })),
			fc.oneof(plain, average).map((target) => ({ type: "External", external: { metric, target } })),
		);
		const rules = fc.record(
			{
				stabilizationWindowSeconds: fc.integer({ min: 0, max: 3600 }),
				selectPolicy: fc.constantFrom("Max", "Min"),
				policies: fc.constant([{ type: "Pods", value: 1, periodSeconds: 5 }]),
			},
			{ requiredKeys: ["policies"] },
		);
		const behavior = fc.record({ scaleUp: rules, scaleDown: rules }, { requiredKeys: [] });
		fc.assert(
			fc.property(fc.array(metrics, { minLength: 1, maxLength: 3 }), behavior, (list, behaviour) => {
				const object = {
					apiVersion: "autoscaling/v2",
					kind: "HorizontalPodAutoscaler",
					...autoscaler({ metrics: [...list, cpu(70)], behavior: behaviour }),
				};
				expect(autoscalerFromV1(autoscalerToV1(object as HorizontalPodAutoscalerV2))).toEqual(object);
			}),
			{ seed: 11, numRuns: 100 },
		);
	});
});
