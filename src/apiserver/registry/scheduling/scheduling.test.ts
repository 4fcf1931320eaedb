import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, defaulted, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";
import { schedulingKinds } from "./index.ts";

const kind = kindOf(schedulingKinds, "priorityclasses");
const named = (name: string, fields: object): KubeObject => ({ metadata: { name, creationTimestamp: created }, ...fields });

describe("PriorityClass", () => {
	it("preempts unless told otherwise, and prints", () => {
		expect(printed(kind, defaulted(kind, named("high", { value: 1000 })))).toBe(
			"NAME | VALUE | GLOBAL-DEFAULT | AGE | PREEMPTIONPOLICY\nhigh | 1000 | false | 5m | PreemptLowerPriority",
		);
	});

	it("keeps the system's names and values for the system", () => {
		expect(problems(kind, named("system-mine", { value: 1 }))).toEqual([
			"metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
		]);
		expect(problems(kind, named("system-node-critical", { value: 1 }))).toEqual([
			"metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000",
		]);
		expect(problems(kind, named("mine", { value: 1_000_000_001 }))).toEqual([
			"value: Forbidden: maximum allowed value of a user defined priority is 1000000000",
		]);
		expect(problems(kind, named("system-cluster-critical", { value: 2_000_000_000 }))).toEqual([]);
	});

	it("has a policy that Kubernetes knows", () => {
		expect(problems(kind, named("a", { value: 1, preemptionPolicy: "Always" }))).toEqual([
			'preemptionPolicy: Unsupported value: "Always": supported values: "PreemptLowerPriority", "Never"',
		]);
	});

	it("keeps its value and its policy", () => {
		expect(updateProblems(kind, named("a", { value: 2, preemptionPolicy: "Never" }), named("a", { value: 1 }))).toEqual([
			"value: Forbidden: may not be changed in an update.",
			'preemptionPolicy: Invalid value: "Never": field is immutable',
		]);
	});
});
