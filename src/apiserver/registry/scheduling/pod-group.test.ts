import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { gatedKinds, kindsFor } from "../gated-kinds.ts";
import { builtinKinds } from "../kinds.ts";
import { created, defaulted, kindOf, printed, problems, updateProblems } from "../testing/kind-probe.ts";

const groups = kindOf(gatedKinds, "podgroups");
const workloads = kindOf(gatedKinds, "workloads");
const object = (spec: object | undefined, rest: object = {}): KubeObject =>
	({ metadata: { name: "a", namespace: "default", creationTimestamp: created }, spec, ...rest }) as KubeObject;
const gang = (minCount: number) => ({ schedulingPolicy: { gang: { minCount } } });

describe("PodGroup", () => {
	it("prints its policy, where it is from, and what has become of it", () => {
		const podGroupTemplateRef = { workload: { workloadName: "training", podGroupTemplateName: "workers" } };
		const conditions = [{ type: "PodGroupScheduled", status: "True", reason: "Scheduled", message: "", lastTransitionTime: created }];
		expect(printed(groups, object({ ...gang(3), podGroupTemplateRef }, { status: { conditions } }))).toBe(
			"NAME | POLICY | WORKLOAD | STATUS | AGE\na | Gang | training | Scheduled | 5m",
		);
		expect(printed(groups, object({ schedulingPolicy: { basic: {} } }))).toContain("a | Basic | <none> | Pending | 5m");
	});

	it.each([
		[{ ...gang(1) }, []],
		[{ schedulingPolicy: { basic: {} } }, []],
		[undefined, ['spec.schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`']],
		[{}, ['spec.schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`']],
		[
			{ schedulingPolicy: { basic: {}, gang: { minCount: 1 } } },
			['spec.schedulingPolicy: Invalid value: "{`basic`, `gang`}": must specify exactly one of: `basic`, `gang`'],
		],
		[gang(0), ["spec.schedulingPolicy.gang.minCount: Required value"]],
		[gang(-1), ["spec.schedulingPolicy.gang.minCount: Invalid value: -1: must be greater than or equal to 1"]],
		[{ ...gang(1), podGroupTemplateRef: {} }, ['spec.podGroupTemplateRef: Invalid value: "": must specify one of: `workload`']],
		[
			{ ...gang(1), podGroupTemplateRef: { workload: { workloadName: "w" } } },
			["spec.podGroupTemplateRef.workload.podGroupTemplateName: Required value"],
		],
	])("%j: %j", (spec, expected) => {
		expect(problems(groups, object(spec))).toEqual(expected);
	});

	it("keeps its policy", () => {
		expect(updateProblems(groups, object(gang(2)), object(gang(3)))).toEqual([
			'spec.schedulingPolicy: Invalid value: {"gang":{"minCount":2}}: field is immutable',
		]);
	});

	it("has no fields of gates that are off", () => {
		const more = { priority: 5, priorityClassName: "high", disruptionMode: "Pod", schedulingConstraints: {}, resourceClaims: [] };
		expect(defaulted(groups, object({ ...gang(2), ...more }))).toMatchObject({ spec: gang(2) });
		expect(Object.keys((defaulted(groups, object({ ...gang(2), ...more })) as unknown as { spec: object }).spec)).toEqual([
			"schedulingPolicy",
		]);
	});
});

describe("Workload", () => {
	const template = (name: string) => ({ name, ...gang(2) });
	const many = Array.from({ length: 9 }, (_, index) => template(`t${index}`));
	it.each([
		[{ podGroupTemplates: [template("workers")] }, []],
		[{ podGroupTemplates: [] }, ["spec.podGroupTemplates: Required value"]],
		[{ podGroupTemplates: many }, ["spec.podGroupTemplates: Too many: 9: must have at most 8 items"]],
		[{ podGroupTemplates: [template("a"), template("a")] }, ['spec.podGroupTemplates[1]: Duplicate value: "a"']],
		[
			{ podGroupTemplates: [{ name: "a", schedulingPolicy: {} }] },
			['spec.podGroupTemplates[0].schedulingPolicy: Invalid value: "": must specify one of: `basic`, `gang`'],
		],
		[
			{ podGroupTemplates: [template("a")], controllerRef: { kind: "", name: "a/b" } },
			["spec.controllerRef.kind: Required value", "spec.controllerRef.name: Invalid value: \"a/b\": may not contain '/'"],
		],
	])("%j: %j", (spec, expected) => {
		expect(problems(workloads, object(spec))).toEqual(expected);
	});
});

describe("the group of a pod", () => {
	const gates = { genericWorkload: true, gangScheduling: false };
	const spec = { containers: [], schedulingGroup: { podGroupName: "workers" } };
	const shapes: readonly (readonly [string, object])[] = [
		["pods", object(spec)],
		["podtemplates", { metadata: {}, template: { spec } }],
		["deployments", object({ template: { spec } })],
		["cronjobs", object({ jobTemplate: { spec: { template: { spec } } } })],
	];

	it.each(shapes)("is kept with the gate on, and dropped without: %s", (resource, shape) => {
		const kept = defaulted(kindOf(kindsFor(gates), resource), shape as KubeObject);
		expect(JSON.stringify(kept)).toContain('"schedulingGroup":{"podGroupName":"workers"}');
		expect(JSON.stringify(defaulted(kindOf(builtinKinds, resource), shape as KubeObject))).not.toContain("schedulingGroup");
	});

	it("is a name", () => {
		const pods = kindOf(kindsFor(gates), "pods");
		const errorsOf = (schedulingGroup: object) =>
			problems(pods, defaulted(pods, object({ ...spec, schedulingGroup }))).filter((text) => text.startsWith("spec.schedulingGroup"));
		expect(errorsOf({ podGroupName: "workers" })).toEqual([]);
		expect(errorsOf({})).toEqual(['spec.schedulingGroup: Invalid value: "": must specify one of: `podGroupName`']);
		expect(errorsOf({ podGroupName: "A" })).toEqual([
			expect.stringMatching(/^spec\.schedulingGroup\.podGroupName: Invalid value: "A": a lowercase RFC 1123/),
		]);
	});
});
