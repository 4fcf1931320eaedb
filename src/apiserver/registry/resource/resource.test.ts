import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../../apimachinery/meta.ts";
import {
	changeProblems,
	created,
	createProblems,
	defaulted,
	kindOf,
	nowMs,
	printed,
	problems,
	updateProblems,
} from "../testing/kind-probe.ts";
import { resourceKinds } from "./index.ts";

const of = (resource: string) => kindOf(resourceKinds, resource);
const object = (fields: object): KubeObject => ({ metadata: { name: "gpu", creationTimestamp: created }, ...fields });
const claim = (requests: readonly object[], rest: object = {}) => object({ spec: { devices: { requests, ...rest } } });

describe("ResourceClaim", () => {
	const kind = of("resourceclaims");

	it("asks for one device", () => {
		expect(defaulted(kind, claim([{ name: "a", exactly: { deviceClassName: "gpu" } }]))).toEqual(
			claim([{ name: "a", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } }]),
		);
	});

	it("prints its state", () => {
		const allocation = { devices: {} };
		const row = (status: object) => printed(kind, object({ spec: {}, status }));
		expect(row({})).toBe("NAME | STATE | AGE\ngpu | pending | 5m");
		expect(row({ allocation, reservedFor: [{ uid: "1" }] })).toMatch(/\ngpu \| allocated,reserved \| 5m$/);
	});

	it("says what is wrong", () => {
		const requests = [{ name: "a" }, { name: "a", exactly: { deviceClassName: "", allocationMode: "All", count: 2, selectors: [{}] } }];
		expect(problems(kind, claim(requests, { constraints: [{ requests: ["b"] }] }))).toEqual([
			"spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
			"spec.devices.requests[1].exactly.deviceClassName: Required value",
			"spec.devices.requests[1].exactly.selectors[0].cel: Required value",
			"spec.devices.requests[1].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'",
			'spec.devices.requests[1]: Duplicate value: "a"',
			"spec.devices.constraints[0].requests[0]: Invalid value: \"b\": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
			'spec.devices.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set',
		]);
	});

	it("never changes its spec", () => {
		expect(updateProblems(kind, claim([{ name: "b" }]), claim([{ name: "a" }]))).toEqual([
			'spec: Invalid value: {"devices":{"requests":[{"name":"b"}]}}: field is immutable',
		]);
	});
});

describe("selectors", () => {
	const bad = { cel: { expression: "device.color" } };
	const problem = (path: string) =>
		`${path}.cel.expression: Invalid value: "device.color": compilation failed: ERROR: <input>:1:7: undefined field 'color'\n | device.color\n | ......^`;
	const request = { deviceClassName: "gpu", selectors: [{ cel: { expression: "true" } }, bad] };
	const spec = {
		devices: {
			requests: [
				{ name: "a", exactly: request },
				{ name: "b", firstAvailable: [{ name: "c", ...request }] },
			],
		},
	};
	const expressionProblems = async (resource: string, fields: object, old?: object) => {
		const kind = of(resource);
		const errors = await kind.validateExpressions?.(object(fields), old === undefined ? undefined : object(old), []);
		return errors?.map(String);
	};

	it.each([
		[
			"resourceclaims",
			{ spec },
			["spec.devices.requests[0].exactly.selectors[1]", "spec.devices.requests[1].firstAvailable[0].selectors[1]"],
		],
		[
			"resourceclaimtemplates",
			{ spec: { spec } },
			["spec.spec.devices.requests[0].exactly.selectors[1]", "spec.spec.devices.requests[1].firstAvailable[0].selectors[1]"],
		],
		["deviceclasses", { spec: { selectors: [bad] } }, ["spec.selectors[0]"]],
	])("of %s are compiled", async (resource, fields, paths) => {
		expect(await expressionProblems(resource, fields)).toEqual(paths.map(problem));
	});

	it("may not cost too much", async () => {
		const expression = `device.attributes.all(a, device.attributes.all(b, device.attributes.all(c, device.attributes.all(d, device.attributes.all(e, a != e)))))`;
		expect(await expressionProblems("deviceclasses", { spec: { selectors: [{ cel: { expression } }] } })).toEqual([
			"spec.selectors[0].cel.expression: Forbidden: too complex, exceeds cost limit",
		]);
	});

	it("cost nothing where there are none, and of a claim only once", () => {
		expect(of("deviceclasses").validateExpressions?.(object({ spec: {} }), undefined, [])).toBeUndefined();
		expect(of("resourceclaims").validateExpressions?.(object({ spec }), object({ spec }), [])).toBeUndefined();
	});
});

describe("ResourceSlice", () => {
	const kind = of("resourceslices");
	const spec = { driver: "gpu.example.com", pool: { name: "node-1", generation: 1, resourceSliceCount: 1 }, nodeName: "node-1" };

	it("prints, and can be found by node and driver", () => {
		expect(printed(kind, object({ spec }))).toBe("NAME | NODE | DRIVER | POOL | AGE\ngpu | node-1 | gpu.example.com | node-1 | 5m");
		expect(kind.selectableFields?.(object({ spec }))).toEqual({ "spec.driver": "gpu.example.com", "spec.nodeName": "node-1" });
	});

	it("stamps new taints", () => {
		const devices = (taint: object) =>
			object({ spec: { ...spec, devices: [{ name: "gpu-0", taints: [{ key: "broken", effect: "NoExecute", ...taint }] }] } });
		expect(kind.prepareForCreate?.(devices({}), { nowMs })).toEqual(devices({ timeAdded: "2026-01-01T00:05:00Z" }));
	});

	it("says where its devices are, in one way", () => {
		expect(problems(kind, object({ spec: { ...spec, allNodes: true } }))).toEqual([
			'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
		]);
	});
});

const subdomain =
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const identifier =
	"a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')";
const badReference = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

describe("a claim", () => {
	const kind = of("resourceclaims");
	const exactly = { deviceClassName: "gpu" };
	it.each<[string, object, readonly string[]]>([
		[
			"alternatives",
			claim([
				{
					name: "a",
					firstAvailable: [
						{ name: "big", deviceClassName: "gpu" },
						{ name: "big", deviceClassName: "A", count: -1 },
					],
				},
			]),
			[
				`spec.devices.requests[0].firstAvailable[1].deviceClassName: Invalid value: "A": ${subdomain}`,
				"spec.devices.requests[0].firstAvailable[1].count: Invalid value: -1: must be greater than zero",
				'spec.devices.requests[0].firstAvailable[1]: Duplicate value: "big"',
			],
		],
		[
			"both",
			claim([{ name: "a", exactly, firstAvailable: [{ name: "b", deviceClassName: "c" }] }]),
			[
				"spec.devices.requests[0]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set",
			],
		],
		[
			"tolerations",
			claim([
				{
					name: "a",
					exactly: {
						...exactly,
						allocationMode: "Some",
						tolerations: [{ operator: "Exists", value: "x" }, { operator: "Like" }, { key: "b", effect: "PreferNoSchedule" }],
					},
				},
			]),
			[
				'spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All", "ExactCount"',
				'spec.devices.requests[0].exactly.tolerations[0].value: Invalid value: "x": must be empty for operator `Exists`',
				'spec.devices.requests[0].exactly.tolerations[1].operator: Unsupported value: "Like": supported values: "Equal", "Exists"',
				'spec.devices.requests[0].exactly.tolerations[2].effect: Unsupported value: "PreferNoSchedule": supported values: "NoExecute", "NoSchedule"',
			],
		],
		[
			"constraints",
			claim([{ name: "a", exactly }], {
				constraints: [{ requests: ["a", "a", "a/b", "a/b/c"], matchAttribute: "memory" }, { distinctAttribute: "A.io/-" }],
			}),
			[
				`spec.devices.constraints[0].requests[2]: Invalid value: "a/b": ${badReference}`,
				`spec.devices.constraints[0].requests[3]: Invalid value: "a/b/c": ${badReference}`,
				'spec.devices.constraints[0].requests[1]: Duplicate value: "a"',
				'spec.devices.constraints[0].matchAttribute: Invalid value: "memory": must include a domain',
				`spec.devices.constraints[1].distinctAttribute: Invalid value: "-": ${identifier}`,
			],
		],
		[
			"configuration",
			claim([{ name: "a", exactly }], { config: [{}, { opaque: { driver: "a.io", parameters: [] } }] }),
			[
				"spec.devices.config[0].opaque: Required value",
				'spec.devices.config[1].opaque.parameters: Invalid value: "<value omitted>": parameters must be a valid JSON object',
			],
		],
		[
			"more requests than anybody needs",
			claim(Array.from({ length: 33 }, (_, index) => ({ name: `r${index}`, exactly }))),
			["spec.devices.requests: Too many: 33: must have at most 32 items"],
		],
	])("of %s", (_, object, expected) => {
		expect(createProblems(kind, object as KubeObject)).toEqual(expected);
	});

	const device = { driver: "a.io", pool: "p", device: "d" };
	const consumer = { resource: "pods", name: "web", uid: "1" };
	const spec = { devices: { requests: [{ name: "a", exactly }] } };
	const shares = ["1", "2"].map((shareID) => ({ ...device, shareID }));
	const results = [{ request: "a", ...device }];
	it.each<[string, object, object, readonly string[]]>([
		["allocated and reserved", { allocation: { devices: { results } }, reservedFor: [consumer] }, {}, []],
		["reserved only", { reservedFor: [consumer] }, {}, ["status.reservedFor: Forbidden: may not be specified when `allocated` is not set"]],
		[
			"reserved twice by nobody",
			{ allocation: {}, reservedFor: [{}, {}] },
			{},
			[
				"status.reservedFor[0].resource: Required value",
				"status.reservedFor[0].name: Required value",
				"status.reservedFor[0].uid: Required value",
				"status.reservedFor[1].resource: Required value",
				"status.reservedFor[1].name: Required value",
				"status.reservedFor[1].uid: Required value",
				'status.reservedFor[1]: Duplicate value: ""',
			],
		],
		[
			"allocated anew",
			{ allocation: { devices: { results } } },
			{ allocation: { devices: {} } },
			[
				'status.allocation: Invalid value: {"devices":{"results":[{"request":"a","driver":"a.io","pool":"p","device":"d"}]}}: field is immutable',
			],
		],
		[
			"allocated badly",
			{
				allocation: {
					devices: { results: [{ request: "b", driver: "a.io", pool: "P", device: "d" }], config: [{ source: "FromHeaven" }] },
				},
			},
			{},
			[
				`status.allocation.devices.results[0].request: Invalid value: "b": ${badReference}`,
				`status.allocation.devices.results[0].pool: Invalid value: "P": ${subdomain}`,
				'status.allocation.devices.config[0].source: Unsupported value: "FromHeaven": supported values: "FromClaim", "FromClass"',
				"status.allocation.devices.config[0].opaque: Required value",
			],
		],
		[
			"reported of two shares of a device",
			{
				allocation: { devices: { results: shares.map((share) => ({ request: "a", ...share })) } },
				devices: [...shares, { ...device, shareID: "3" }],
			},
			{},
			['status.devices[2]: Invalid value: "a.io/p/d/3": must be an allocated device in the claim'],
		],
		[
			"reported of a device that it was not given",
			{
				devices: [
					{
						...device,
						data: "x",
						networkData: { interfaceName: "x".repeat(257), hardwareAddress: "x".repeat(129), ips: ["10.0.0.1", "FD00::1/64"] },
					},
				],
			},
			{},
			[
				'status.devices[0]: Invalid value: "a.io/p/d": must be an allocated device in the claim',
				'status.devices[0].data: Invalid value: "<value omitted>": parameters must be a valid JSON object',
				"status.devices[0].networkData.interfaceName: Too long: may not be more than 256 bytes",
				"status.devices[0].networkData.hardwareAddress: Too long: may not be more than 128 bytes",
				'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
				'status.devices[0].networkData.ips[1]: Invalid value: "FD00::1/64": must be in canonical form ("fd00::1/64")',
			],
		],
	])("may be %s", (_, status, old, expected) => {
		expect(kind.validateStatusUpdate?.(object({ spec, status }), object({ spec, status: old })).map(String)).toEqual(expected);
	});

	it("that goes takes no new users", () => {
		const status = (reservedFor: readonly object[]) => ({ allocation: {}, reservedFor });
		const going = (reservedFor: readonly object[]) =>
			({ ...object({ spec, status: status(reservedFor) }), metadata: { name: "gpu", deletionTimestamp: created } }) as KubeObject;
		expect(kind.validateStatusUpdate?.(going([consumer]), going([consumer]))).toEqual([]);
		expect(kind.validateStatusUpdate?.(going([consumer]), going([])).map(String)).toEqual([
			"status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
		]);
	});
});

describe("a slice", () => {
	const kind = of("resourceslices");
	const spec = { driver: "gpu.example.com", pool: { name: "node-1", generation: 1, resourceSliceCount: 1 }, nodeName: "node-1" };
	const devices = (...list: readonly object[]) => ({ ...spec, devices: list });
	it.each<[string, object, readonly string[]]>([
		[
			"nothing",
			{},
			[
				"spec.driver: Required value",
				`spec.driver: Invalid value: "": ${subdomain}`,
				"spec.pool.name: Required value",
				"spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero",
				"spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required",
			],
		],
		[
			"a pool of parts",
			{ ...spec, pool: { ...spec.pool, name: "a/B", generation: -1 } },
			[
				`spec.pool.name: Invalid value: "B": ${subdomain}`,
				"spec.pool.generation: Invalid value: -1: must be greater than or equal to zero",
			],
		],
		["devices of one name", devices({ name: "a" }, { name: "a" }), ['spec.devices[1]: Duplicate value: "a"']],
		[
			"attributes",
			devices({
				name: "a",
				attributes: {
					"a/": { int: 1 },
					"1": {},
					b: { int: 1, bool: true },
					c: { version: "1.0" },
					d: { string: "x".repeat(65) },
					"e.io/f": { bool: true },
				},
			}),
			[
				`spec.devices[0].attributes[1]: Invalid value: "1": ${identifier}`,
				"spec.devices[0].attributes[1]: Required value: exactly one value must be specified",
				"spec.devices[0].attributes[a/]: Required value: the name must not be empty",
				'spec.devices[0].attributes[b]: Invalid value: {"int":1,"bool":true}: exactly one value must be specified',
				'spec.devices[0].attributes[c].version: Invalid value: "1.0": must be a string compatible with semver.org spec 2.0.0',
				"spec.devices[0].attributes[d].string: Too long: may not be more than 64 bytes",
			],
		],
		[
			"taints",
			devices({ name: "a", taints: [{ key: "k" }, { key: "k", effect: "PreferNoSchedule" }] }),
			[
				"spec.devices[0].taints[0].effect: Required value",
				'spec.devices[0].taints[1].effect: Unsupported value: "PreferNoSchedule": supported values: "NoExecute", "NoSchedule", "None"',
			],
		],
		[
			"too many that are tainted",
			devices(
				...Array.from({ length: 65 }, (_, index) => ({ name: `d${index}`, taints: index === 0 ? [{ key: "k", effect: "None" }] : [] })),
			),
			["spec.devices: Too many: 65: must have at most 64 items"],
		],
		[
			"devices on nodes of their own",
			{ ...devices({ name: "a" }, { name: "b", nodeName: "n", allNodes: true }), nodeName: undefined, perDeviceNodeSelection: true },
			[
				"spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec",
				'spec.devices[1]: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec, but multiple fields are set',
			],
		],
		[
			"no node",
			{ ...spec, nodeName: undefined, nodeSelector: { nodeSelectorTerms: [] } },
			[
				"spec.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term",
				"spec.nodeSelector.nodeSelectorTerms: Invalid value: []: must have exactly one node selector term",
			],
		],
	])("of %s", (_, fields, expected) => {
		expect(createProblems(kind, object({ spec: fields }))).toEqual(expected);
	});

	it("stays with its driver, its pool and its node", () => {
		const moved = { driver: "b.io", pool: { ...spec.pool, name: "b" }, nodeName: "b" };
		expect(changeProblems(kind, object({ spec: moved }), object({ spec }))).toEqual([
			'spec.driver: Invalid value: "b.io": field is immutable',
			'spec.pool.name: Invalid value: "b": field is immutable',
			'spec.nodeName: Invalid value: "b": field is immutable',
		]);
	});
});
