/**
 * What Kubernetes says of each wrong field of a HorizontalPodAutoscaler, one row a rule.
 * Source: pkg/apis/autoscaling/validation/validation.go of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { changeProblems, kindOf, problems, statusProblems } from "../testing/kind-probe.ts";
import { autoscalingKinds } from "./index.ts";

const kind = kindOf(autoscalingKinds, "horizontalpodautoscalers");
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
const autoscaler = (spec: object = {}, status: object = {}): KubeObject =>
	({ metadata: { name: "web", namespace: "default" }, spec: { scaleTargetRef, maxReplicas: 5, ...spec }, status }) as KubeObject;
const target = (fields: object) => ({ scaleTargetRef: { ...scaleTargetRef, ...fields } });
const metric = (...metrics: object[]) => ({ metrics });
const share = { type: "Utilization", averageUtilization: 80 };
const amount = { type: "AverageValue", averageValue: "10" };
const cpu = (fields: object = {}) => ({ type: "Resource", resource: { name: "cpu", target: share, ...fields } });
const container = (fields: object) =>
	metric({ type: "ContainerResource", containerResource: { name: "cpu", container: "app", target: share, ...fields } });
const pods = (fields: object = {}) => ({ type: "Pods", pods: { metric: { name: "rps" }, target: amount, ...fields } });
const external = (fields: object = {}) => ({ type: "External", external: { metric: { name: "queue" }, target: amount, ...fields } });
const ofObject = (fields: object = {}) => ({
	type: "Object",
	object: {
		describedObject: { apiVersion: "v1", kind: "Service", name: "web" },
		metric: { name: "rps" },
		target: { type: "Value", value: "1" },
		...fields,
	},
});
const scaling = (rules: object) => ({ behavior: { scaleUp: rules } });
const policy = (fields: object) => scaling({ policies: [{ type: "Pods", value: 1, periodSeconds: 15, ...fields }] });

const TYPES = 'supported values: "ContainerResource", "External", "Object", "Pods", "Resource"';
const SEGMENT = "may not contain '/'";
const MISSING = "Required value: must populate information for the given metric source";
const ALONE = "Forbidden: must populate the given metric source only";
const TARGET_TYPE = "must be either Utilization, Value, or AverageValue";

describe("a HorizontalPodAutoscaler's spec", () => {
	it.each<readonly [spec: object, errors: readonly string[]]>([
		[{}, []],

		// Counts
		[{ minReplicas: -1 }, ["spec.minReplicas: Invalid value: -1: must be greater than or equal to 1"]],
		[
			{ maxReplicas: 0 },
			[
				"spec.maxReplicas: Invalid value: 0: must be greater than 0",
				"spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
			],
		],
		[{ minReplicas: 1, maxReplicas: 1 }, []],
		[{ minReplicas: 6 }, ["spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"]],
		[
			{ minReplicas: 0 },
			[
				"spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
				"spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
			],
		],
		[{ minReplicas: 0, metrics: [external()] }, ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"]],

		// What is scaled
		[target({ kind: "" }), ["spec.scaleTargetRef.kind: Required value"]],
		[target({ kind: "a/b" }), [`spec.scaleTargetRef.kind: Invalid value: "a/b": ${SEGMENT}`]],
		[target({ name: "" }), ["spec.scaleTargetRef.name: Required value"]],
		[target({ name: ".." }), [`spec.scaleTargetRef.name: Invalid value: "..": may not be '..'`]],
		[target({ apiVersion: undefined }), ['spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group']],
		[target({ apiVersion: "v1" }), ['spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group']],
		[target({ apiVersion: "a/b/c" }), ['spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c']],
		[target({ kind: "ReplicationController", apiVersion: "v1" }), []],
		[target({ kind: "ReplicationController", apiVersion: undefined }), []],

		// Which metric
		[metric(cpu(), pods(), external(), ofObject()), []],
		[
			metric({ type: "" }),
			[
				"spec.metrics[0].type: Required value: must specify a metric source type",
				`spec.metrics[0].type: Unsupported value: "": ${TYPES}`,
				`spec.metrics[0].type: Unsupported value: "": ${TYPES}`,
			],
		],
		[
			metric({ ...cpu(), type: "Guess" }),
			[`spec.metrics[0].type: Unsupported value: "Guess": ${TYPES}`, `spec.metrics[0].type: Unsupported value: "Guess": ${TYPES}`],
		],
		[metric({ type: "Resource" }), [`spec.metrics[0].resource: ${MISSING}`]],
		[metric({ type: "ContainerResource" }), [`spec.metrics[0].containerResource: ${MISSING}`]],
		[metric({ ...cpu(), type: "Pods" }), [`spec.metrics[0].pods: ${MISSING}`]],
		[metric({ ...cpu(), ...pods() }), [`spec.metrics[0].resource: ${ALONE}`]],
		[
			metric({ ...cpu({ name: "" }), ...pods({ metric: { name: "" } }), type: "Resource" }),
			["spec.metrics[0].pods.metric.name: Required value: must specify a metric name", `spec.metrics[0].pods: ${ALONE}`],
		],

		// Resource
		[metric(cpu({ name: "" })), ["spec.metrics[0].resource.name: Required value: must specify a resource name"]],
		[
			metric(cpu({ target: { type: "Utilization" } })),
			["spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization"],
		],
		[
			metric(cpu({ target: { ...share, averageValue: "1" } })),
			["spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization"],
		],
		[
			metric(cpu({ target: { type: "Utilization", averageUtilization: 0 } })),
			["spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"],
		],
		[
			metric(cpu({ target: { type: "AverageValue", averageValue: "-1" } })),
			['spec.metrics[0].resource.target.averageValue: Invalid value: "-1": must be positive'],
		],
		[
			metric(cpu({ target: { type: "", averageUtilization: 1 } })),
			[
				"spec.metrics[0].resource.target.type: Required value: must specify a metric target type",
				`spec.metrics[0].resource.target.type: Invalid value: "": ${TARGET_TYPE}`,
			],
		],
		[
			metric(cpu({ target: { type: "Half", averageUtilization: 1 } })),
			[`spec.metrics[0].resource.target.type: Invalid value: "Half": ${TARGET_TYPE}`],
		],

		// ContainerResource
		[container({}), []],
		[
			container({ target: { type: "Utilization" } }),
			[
				"spec.metrics[0].containerResource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
			],
		],
		[container({ name: "" }), ["spec.metrics[0].containerResource.name: Required value: must specify a resource name"]],
		[
			container({ name: "pods" }),
			['spec.metrics[0].containerResource.name: Invalid value: "pods": must be a standard resource for containers'],
		],
		[container({ container: "" }), ["spec.metrics[0].containerResource.container: Required value: must specify a container"]],
		[container({ container: "a.b" }), ['spec.metrics[0].containerResource.container: Invalid value: "a.b": must not contain dots']],

		// Pods, Object, External
		[
			metric(external({ metric: { name: "", selector: { matchLabels: { "": "a" } } } })),
			["spec.metrics[0].external.metric.name: Required value: must specify a metric name"],
		],
		[metric(pods({ metric: { name: "a/b" } })), [`spec.metrics[0].pods.metric.name: Invalid value: "a/b": ${SEGMENT}`]],
		[
			metric(pods({ target: { type: "Value", value: "1" } })),
			["spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue"],
		],
		[
			metric(ofObject({ describedObject: { kind: "", name: "" } })),
			["spec.metrics[0].object.describedObject.kind: Required value", "spec.metrics[0].object.describedObject.name: Required value"],
		],
		[
			metric(ofObject({ describedObject: { apiVersion: "a/b/c", kind: "Service", name: "web" } })),
			['spec.metrics[0].object.describedObject.apiVersion: Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c'],
		],
		[
			metric(ofObject({ target: { type: "Value" } })),
			["spec.metrics[0].object.target.averageValue: Required value: must set either a target value or averageValue"],
		],
		[
			metric(ofObject({ target: { type: "Value", value: "0" } })),
			['spec.metrics[0].object.target.value: Invalid value: "0": must be positive'],
		],
		[
			metric(external({ target: { type: "Value" } })),
			["spec.metrics[0].external.target.averageValue: Required value: must set either a target value for metric or a per-pod target"],
		],
		[
			metric(external({ target: { type: "Value", value: "1", averageValue: "1" } })),
			["spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target"],
		],

		// Behavior
		[scaling({ stabilizationWindowSeconds: 3600, selectPolicy: "Disabled", tolerance: "0" }), []],
		[
			scaling({ stabilizationWindowSeconds: -1 }),
			["spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero"],
		],
		[
			scaling({ stabilizationWindowSeconds: 3601 }),
			["spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600"],
		],
		[
			scaling({ selectPolicy: "Any" }),
			['spec.behavior.scaleUp.selectPolicy: Unsupported value: "Any": supported values: "Disabled", "Max", "Min"'],
		],
		[scaling({ tolerance: "-100m" }), ['spec.behavior.scaleUp.tolerance: Invalid value: "-100m": must be greater than or equal to 0']],
		[scaling({ policies: [] }), ["spec.behavior.scaleUp.policies: Required value: must specify at least one Policy"]],
		[policy({ type: "Some" }), ['spec.behavior.scaleUp.policies[0].type: Unsupported value: "Some": supported values: "Percent", "Pods"']],
		[policy({ value: 0 }), ["spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero"]],
		[policy({ periodSeconds: 0 }), ["spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 0: must be greater than zero"]],
		[policy({ periodSeconds: 1800 }), []],
		[
			policy({ periodSeconds: 1801 }),
			["spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800"],
		],
		[{ behavior: { scaleDown: { policies: [] } } }, ["spec.behavior.scaleDown.policies: Required value: must specify at least one Policy"]],
	])("%j", (spec, errors) => {
		expect(problems(kind, autoscaler(spec))).toEqual(errors);
	});
});

it.each<readonly [spec: object, old: object, errors: readonly string[]]>([
	[{ minReplicas: 0, ...metric(external()) }, { minReplicas: 0 }, []],
	[{ minReplicas: 0, ...metric(external()) }, {}, ["spec.minReplicas: Invalid value: 0: must be greater than or equal to 1"]],
	[{ ...target({ apiVersion: "v1" }), maxReplicas: 6 }, target({ apiVersion: "v1" }), []],
	[target({ apiVersion: "v1" }), {}, ['spec.scaleTargetRef.apiVersion: Invalid value: "v1": apiVersion must specify API group']],
	[
		metric(ofObject({ describedObject: { apiVersion: "a/b/c", kind: "Service", name: "web" } })),
		metric(ofObject({ describedObject: { apiVersion: "x/y/z", kind: "Service", name: "web" } })),
		[],
	],
])("lets stay what was there before: %j after %j", (spec, old, errors) => {
	expect(changeProblems(kind, autoscaler(spec), autoscaler(old))).toEqual(errors);
});

it("never reports fewer than no replicas", () => {
	expect(statusProblems(kind, autoscaler({}, { currentReplicas: -1, desiredReplicas: -1 }), autoscaler())).toEqual([
		"status.currentReplicas: Invalid value: -1: must be greater than or equal to 0",
		"status.desiredReplicas: Invalid value: -1: must be greater than or equal to 0",
	]);
});
