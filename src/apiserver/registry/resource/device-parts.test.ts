import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import { created, kindOf, problems } from "../testing/kind-probe.ts";
import { resourceKinds } from "./index.ts";

const kind = kindOf(resourceKinds, "resourceslices");
const object = (fields: object): KubeObject => ({ metadata: { name: "s", creationTimestamp: created }, ...fields });
const slice = (fields: object) =>
	object({ spec: { driver: "a.io", pool: { name: "p", generation: 1, resourceSliceCount: 1 }, nodeName: "n1", ...fields } });
const ofDevice = (device: object) => problems(kind, slice({ devices: [{ name: "d", ...device }] }));
const label = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'";

describe("a capacity that requests share", () => {
	const memory = "spec.devices[0].capacity[memory].requestPolicy";
	const values = `${memory}.validValues`;
	const range = `${memory}.validRange`;
	const notDefault = "default value is not valid according to the requestPolicy";

	it.each<[string, object, readonly string[]]>([
		["of a list", { default: "1Gi", validValues: ["1Gi", "2Gi", "10Gi"] }, []],
		["of a range", { default: "2Gi", validRange: { min: "1Gi", max: "9Gi", step: "1Gi" } }, []],
		["without a policy's kind", { default: "1Gi" }, []],
		[
			"of both kinds",
			{ default: "1Gi", validValues: ["1Gi"], validRange: { min: "1Gi" } },
			[`${memory}: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`],
		],
		["of a list without default", { validValues: ["1Gi"] }, [`${memory}.default: Required value: required when validValues is defined`]],
		[
			"of a range without default",
			{ validRange: { min: "1Gi" } },
			[`${memory}.default: Required value: required when validRange is defined`],
		],
		[
			"of a bad list",
			{ default: "3Gi", validValues: ["2Gi", "1Gi", "1024Mi", "11Gi"] },
			[
				`${values}[1]: Invalid value: "1Gi": values must be sorted in ascending order`,
				`${values}[3]: Invalid value: "11Gi": option is larger than capacity value: 10Gi`,
				`${values}[2]: Duplicate value: "1073741824"`,
				`${values}: Invalid value: "3Gi": ${notDefault}`,
			],
		],
		["of a range without least", { default: "1Gi", validRange: {} }, [`${range}.min: Required value: required when validRange is defined`]],
		[
			"of a range too high",
			{ default: "1Gi", validRange: { min: "11Gi", max: "12Gi" } },
			[
				`${range}.min: Invalid value: "11Gi": min is larger than capacity value: 10Gi`,
				`${range}.min: Invalid value: "1Gi": default is less than min: 11Gi`,
				`${range}.max: Invalid value: "12Gi": max is larger than capacity value: 10Gi`,
			],
		],
		[
			"of an empty range",
			{ default: "4Gi", validRange: { min: "3Gi", max: "2Gi" } },
			[
				`${range}.max: Invalid value: "3Gi": min is larger than max: 2Gi`,
				`${range}.max: Invalid value: "4Gi": default is more than max: 2Gi`,
			],
		],
		[
			"of uneven steps",
			{ default: "2Gi", validRange: { min: "1Gi", max: "4Gi", step: "2Gi" } },
			[
				`${range}.step: Invalid value: "2Gi": value is not a multiple of a given step (2Gi) from (1Gi)`,
				`${range}.step: Invalid value: "4Gi": value is not a multiple of a given step (2Gi) from (1Gi)`,
			],
		],
		[
			"of too wide a step",
			{ default: "1Gi", validRange: { min: "1Gi", step: "10Gi" } },
			[`${range}.step: Invalid value: "10Gi": one step 11Gi is larger than capacity value: 10Gi`],
		],
	])("%s", (_name, requestPolicy, expected) => {
		expect(ofDevice({ allowMultipleAllocations: true, capacity: { memory: { value: "10Gi", requestPolicy } } })).toEqual(expected);
	});

	it("needs a device that is shared", () => {
		const capacity = { memory: { value: "10Gi", requestPolicy: { default: "1Gi" } } };
		expect(ofDevice({ capacity })).toEqual([`${memory}: Forbidden: allowMultipleAllocations must be true`]);
	});
});

describe("counters", () => {
	it("stand in slices of their own", () => {
		const sharedCounters = [{ name: "c", counters: { memory: { value: "1" } } }];
		expect(problems(kind, slice({ sharedCounters }))).toEqual([]);
		expect(problems(kind, slice({ sharedCounters, devices: [] }))).toEqual([
			'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
		]);
	});

	it("have names, of which there are not too many", () => {
		const many = Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`c${index}`, { value: "1" }]));
		const counters = { a: { value: "1" } };
		expect(
			problems(kind, slice({ sharedCounters: [{ counters }, { name: "b" }, { name: "b", counters: many }, { name: "c", counters }] })),
		).toEqual([
			"spec.sharedCounters[0].name: Required value",
			"spec.sharedCounters[1].counters: Required value",
			"spec.sharedCounters[2].counters: Too many: 33: must have at most 32 items",
			'spec.sharedCounters[2]: Duplicate value: "b"',
		]);
		expect(problems(kind, slice({ sharedCounters: [{ name: "c", counters: { A: { value: "1" } } }] }))).toEqual([
			expect.stringContaining(`spec.sharedCounters[0].counters[A]: Invalid value: "A": ${label}`),
		]);
	});

	it("are taken by devices", () => {
		const taken = (counterSet: string) => ({ counterSet, counters: { memory: { value: "1" } } });
		expect(ofDevice({ consumesCounters: [taken("a"), taken("b")] })).toEqual([]);
		expect(ofDevice({ consumesCounters: [taken("a"), taken("a")] })).toEqual(['spec.devices[0].consumesCounters[1]: Duplicate value: "a"']);
		expect(ofDevice({ consumesCounters: [taken("a"), taken("b"), taken("c")] })).toEqual([
			"spec.devices[0].consumesCounters: Too many: 3: must have at most 2 items",
		]);
		expect(ofDevice({ consumesCounters: [{}] })).toEqual([
			"spec.devices[0].consumesCounters[0].counterSet: Required value",
			"spec.devices[0].consumesCounters[0].counters: Required value",
		]);
	});
});

describe("conditions of binding", () => {
	const wanted = "spec.devices[0].bindingConditions";
	const failures = "spec.devices[0].bindingFailureConditions";
	it.each<[object, readonly string[]]>([
		[{ bindingConditions: ["a.io/Ready"], bindingFailureConditions: ["Failed"] }, []],
		[
			{ bindingConditions: ["Ready"] },
			[`${failures}: Invalid value: null: bindingFailureConditions are required to use bindingConditions`],
		],
		[
			{ bindingFailureConditions: ["Failed"] },
			[`${wanted}: Invalid value: null: bindingConditions are required to use bindingFailureConditions`],
		],
		[
			{ bindingConditions: ["A", "A"], bindingFailureConditions: ["B", "A", "B"] },
			[
				`${wanted}[1]: Duplicate value: "A"`,
				`${failures}[1]: Invalid value: "A": bindingFailureConditions must not overlap with bindingConditions`,
				`${failures}[2]: Duplicate value: "B"`,
			],
		],
		[
			{ bindingConditions: ["A", "B", "C", "D", "E"], bindingFailureConditions: ["F"] },
			[`${wanted}: Too many: 5: must have at most 4 items`],
		],
	])("%j", (device, expected) => {
		expect(ofDevice(device)).toEqual(expected);
	});
});

it("a device is where its slice is, unless each says so for itself", () => {
	const text =
		"`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
	expect(ofDevice({ nodeName: "n1" })).toEqual([`spec.devices[0]: Invalid value: null: ${text}`]);
});
