import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, defaulted, kindOf, printed, problems } from "../testing/kind-probe.ts";
import { flowcontrolKinds } from "./index.ts";

const object = (fields: object): KubeObject => ({ metadata: { name: "mine", creationTimestamp: created }, ...fields });
const flowSchema = kindOf(flowcontrolKinds, "flowschemas");
const level = kindOf(flowcontrolKinds, "prioritylevelconfigurations");

describe("FlowSchema", () => {
	const spec = { priorityLevelConfiguration: { name: "workload-low" } };

	it("prints, with ? until its priority level was looked up", () => {
		expect(printed(flowSchema, defaulted(flowSchema, object({ spec })))).toBe(
			"NAME | PRIORITYLEVEL | MATCHINGPRECEDENCE | DISTINGUISHERMETHOD | AGE | MISSINGPL\nmine | workload-low | 1000 | <none> | 5m | ?",
		);
	});

	it("stands in order of precedence", () => {
		const schema = (name: string, matchingPrecedence: number): KubeObject =>
			({ metadata: { name }, spec: { matchingPrecedence } }) as KubeObject;
		const list = [schema("c", 100), schema("b", 100), schema("a", 900), schema("exempt", 1)];
		expect(list.sort(flowSchema.compareRows).map(({ metadata }) => metadata?.name)).toEqual(["exempt", "b", "c", "a"]);
	});

	it("says what is wrong", () => {
		const rules = [
			{ subjects: [{ kind: "User", group: { name: "g" } }], resourceRules: [{ verbs: ["*", "get"], apiGroups: ["*"], resources: ["*"] }] },
		];
		expect(problems(flowSchema, object({ spec: { priorityLevelConfiguration: { name: "" }, matchingPrecedence: 1, rules } }))).toEqual([
			"spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
			"spec.priorityLevelConfiguration.name: Required value: must reference a priority level",
			"spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
			"spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
			'spec.rules[0].resourceRules[0].verbs: Invalid value: ["*","get"]: if \'*\' is present, must not specify other verbs',
			"spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace",
		]);
	});
});

describe("PriorityLevelConfiguration", () => {
	const limited = { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: {} } } };

	it("has queues of its own", () => {
		expect(printed(level, defaulted(level, object({ spec: limited })))).toBe(
			"NAME | TYPE | NOMINALCONCURRENCYSHARES | QUEUES | HANDSIZE | QUEUELENGTHLIMIT | AGE\nmine | Limited | 30 | 64 | 8 | 50 | 5m",
		);
		expect(printed(level, object({ spec: { type: "Exempt" } })).split("\n")[1]).toBe(
			"mine | Exempt | <none> | <none> | <none> | <none> | 5m",
		);
	});

	it("says what is wrong", () => {
		expect(problems(level, object({ spec: { type: "Exempt" } }))).toEqual([
			"spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'",
		]);
		const queuing = { queues: 4, handSize: 6 };
		expect(problems(level, object({ spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing } } } }))).toEqual([
			"spec.limited.limitResponse.queuing.handSize: Invalid value: 6: should not be greater than queues (4)",
		]);
	});
});
