/**
 * What Kubernetes says of each wrong field of a PodDisruptionBudget, one row a rule.
 * Source: pkg/apis/policy/validation/validation.go of Kubernetes 1.36.
 */
import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, problems, statusProblems } from "../testing/kind-probe.ts";
import { podDisruptionBudgetKind as kind } from "./pod-disruption-budget.ts";

const budget = (spec: object, status: object = {}): KubeObject =>
	({ metadata: { name: "web", namespace: "default" }, spec, status }) as KubeObject;

it.each<readonly [spec: object, errors: readonly string[]]>([
	[{}, []],
	[{ minAvailable: 1 }, []],
	[{ maxUnavailable: "100%" }, []],
	[
		{ minAvailable: 1, maxUnavailable: 1, selector: { matchLabels: { b: "1", a: "2" } } },
		[
			'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"a":"2","b":"1"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
		],
	],
	[{ minAvailable: -1 }, ["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0"]],
	[{ maxUnavailable: "101%" }, ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%']],
	[
		{ minAvailable: "half" },
		[
			"spec.minAvailable: Invalid value: \"half\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
		],
	],
	[
		{ selector: { matchExpressions: [{ key: "a", operator: "In" }] } },
		["spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
	],
	[{ unhealthyPodEvictionPolicy: "AlwaysAllow" }, []],
	[
		{ unhealthyPodEvictionPolicy: "Never" },
		['spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"'],
	],
])("%j", (spec, errors) => {
	expect(problems(kind, budget(spec))).toEqual(errors);
});

describe("a PodDisruptionBudget's status", () => {
	const condition = { type: "DisruptionAllowed", status: "True", reason: "SufficientPods", message: "", lastTransitionTime: created };
	const at = "status.conditions[0]";

	it.each<readonly [status: object, errors: readonly string[]]>([
		[{ conditions: [condition] }, []],
		...["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"].map(
			(field) => [{ [field]: -1 }, [`status.${field}: Invalid value: -1: must be greater than or equal to 0`]] as const,
		),
		[{ conditions: [condition, condition] }, ['status.conditions[1].type: Duplicate value: "DisruptionAllowed"']],
		[
			{ conditions: [{ ...condition, status: "Yes" }] },
			[`${at}.status: Unsupported value: "Yes": supported values: "False", "True", "Unknown"`],
		],
		[
			{ conditions: [{ ...condition, observedGeneration: -1 }] },
			[`${at}.observedGeneration: Invalid value: -1: must be greater than or equal to zero`],
		],
		[{ conditions: [{ ...condition, lastTransitionTime: undefined }] }, [`${at}.lastTransitionTime: Required value: must be set`]],
		[{ conditions: [{ ...condition, reason: "" }] }, [`${at}.reason: Required value: must be set`]],
		[
			{ conditions: [{ ...condition, reason: "so what" }] },
			[
				`${at}.reason: Invalid value: "so what": a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')`,
			],
		],
		[{ conditions: [{ ...condition, reason: "a".repeat(1025) }] }, [`${at}.reason: Too long: may not be more than 1024 bytes`]],
		[{ conditions: [{ ...condition, message: "a".repeat(32_769) }] }, [`${at}.message: Too long: may not be more than 32768 bytes`]],
	])("%j", (status, errors) => {
		expect(statusProblems(kind, budget({}, status), budget({}))).toEqual(errors);
	});
});
