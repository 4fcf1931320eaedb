import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, printed, problems, stored } from "../testing/kind-probe.ts";
import { podDisruptionBudgetKind as kind } from "./pod-disruption-budget.ts";

const metadata = { name: "web", namespace: "default", creationTimestamp: created };
const budget = (spec: object, status: object = {}): KubeObject => ({ metadata, spec, status }) as KubeObject;

describe("PodDisruptionBudget", () => {
	it("starts with no disruption allowed", () => {
		expect(stored(kind, { metadata })).toEqual({
			metadata,
			spec: {},
			status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
		});
	});

	it("prints its bound", () => {
		expect(printed(kind, budget({ minAvailable: "50%" }, { disruptionsAllowed: 2 }))).toBe(
			"NAME | MIN AVAILABLE | MAX UNAVAILABLE | ALLOWED DISRUPTIONS | AGE\nweb | 50% | N/A | 2 | 5m",
		);
	});

	it("has one bound, of at most everything", () => {
		expect(problems(kind, budget({ minAvailable: "101%", maxUnavailable: -1, unhealthyPodEvictionPolicy: "Always" }))).toEqual([
			'spec: Invalid value: {"MinAvailable":"101%","Selector":null,"MaxUnavailable":-1,"UnhealthyPodEvictionPolicy":"Always"}: minAvailable and maxUnavailable cannot be both set',
			'spec.minAvailable: Invalid value: "101%": must not be greater than 100%',
			"spec.maxUnavailable: Invalid value: -1: must be greater than or equal to 0",
			'spec.unhealthyPodEvictionPolicy: Unsupported value: "Always": supported values: "AlwaysAllow", "IfHealthyBudget"',
		]);
	});
});
