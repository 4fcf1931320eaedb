import { beforeAll, describe, expect, it } from "vitest";
import type {
	AllocationResult,
	Device,
	DeviceClass,
	DeviceRequest,
	ResourceResourceClaim,
	ResourceSlice,
} from "../../apimachinery/schema/generated/types.ts";
import { cel, claim, deviceClass, driver, request, slice, taint } from "../testing/devices.ts";
import { AllocatedDevices } from "./allocated-devices.ts";
import { Allocator } from "./allocator.ts";
import { DevicePools } from "./device-pools.ts";
import { DeviceSelectors } from "./selectors.ts";

const selectors = new DeviceSelectors();
beforeAll(() => selectors.load());

interface World {
	readonly slices: readonly ResourceSlice[];
	readonly classes?: readonly DeviceClass[];
	/** Allocations of other claims. */
	readonly taken?: readonly AllocationResult[];
	readonly labels?: Readonly<Record<string, string>>;
	readonly maxSteps?: number;
}

function allocate({ slices, classes = [deviceClass()], taken = [], labels = {}, maxSteps }: World, ...claims: ResourceResourceClaim[]) {
	const allocated = new AllocatedDevices();
	for (const [index, allocation] of taken.entries()) allocated.set(`other-${index}`, allocation);
	let shares = 0;
	const allocator = new Allocator({
		pools: new DevicePools(slices),
		allocated,
		deviceClass: (name) => classes.find(({ metadata }) => metadata?.name === name),
		selectors,
		newShareId: () => `share-${shares++}`,
		...(maxSteps === undefined ? {} : { maxSteps }),
	});
	return allocator.allocate(claims, { name: "node-1", labels });
}

/** `request: device` of each claim; or why there is none. */
function devices(world: World, ...claims: ResourceResourceClaim[]): readonly string[] | string {
	try {
		const outcome = allocate(world, ...claims);
		if ("impossible" in outcome) return outcome.impossible;
		return outcome.results.map((result) =>
			(result.devices?.results ?? []).map(({ request: name, device }) => `${name}: ${device}`).join(", "),
		);
	} catch (error) {
		return String(error);
	}
}

const uses = (device: string, rest: object = {}): AllocationResult => ({
	devices: { results: [{ request: "gpu", driver, pool: "pool", device, ...rest }] },
});
const asking = (...requests: readonly DeviceRequest[]) => claim("claim", { requests });
const impossible = "cannot allocate all claims";
const two = [slice("a", ["gpu-0", "gpu-1"])];
const typed = (name: string, attributes: Device["attributes"], rest: Partial<Device> = {}): Device => ({
	name,
	attributes: attributes ?? {},
	...rest,
});

describe("counts", () => {
	it.each<[string, World, ResourceResourceClaim[], readonly string[] | string]>([
		["the first device", { slices: two }, [claim("a")], ["gpu: gpu-0"]],
		["the next one, where the first is taken", { slices: two, taken: [uses("gpu-0")] }, [claim("a")], ["gpu: gpu-1"]],
		["none, where all are taken", { slices: two, taken: [uses("gpu-0"), uses("gpu-1")] }, [claim("a")], impossible],
		["two", { slices: two }, [asking(request("gpu", { count: 2 }))], ["gpu: gpu-0, gpu: gpu-1"]],
		["more than there are", { slices: two }, [asking(request("gpu", { count: 3 }))], impossible],
		["two claims of one pod", { slices: two }, [claim("a"), claim("b")], ["gpu: gpu-0", "gpu: gpu-1"]],
		["all", { slices: two }, [asking(request("gpu", { allocationMode: "All" }))], ["gpu: gpu-0, gpu: gpu-1"]],
		["all, where one is taken", { slices: two, taken: [uses("gpu-0")] }, [asking(request("gpu", { allocationMode: "All" }))], impossible],
		["all, where there is none", { slices: [] }, [asking(request("gpu", { allocationMode: "All" }))], impossible],
		["a claim that asks for nothing", { slices: two }, [claim("a", {})], [""]],
		[
			"more than a claim can hold",
			{ slices: two },
			[asking(request("a", { count: 20 }), request("b", { count: 13 }))],
			"AllocationError: claim default/claim: number of requested devices 33 exceeds the claim limit of 32",
		],
		[
			"a class that is not there",
			{ slices: two, classes: [] },
			[claim("a")],
			'AllocationError: claim default/a, request gpu: could not retrieve device class gpu: deviceclass.resource.k8s.io "gpu" not found',
		],
	])("%s", (_name, world, claims, expected) => {
		expect(devices(world, ...claims)).toEqual(expected);
	});

	it("goes back where the first choice leads nowhere", () => {
		const slices = [slice("a", [typed("gpu-0", { big: { bool: true } }), typed("gpu-1", { big: { bool: false } })])];
		const big = request("big", { selectors: [cel(`device.attributes["${driver}"].big`)] });
		expect(devices({ slices }, asking(request("any"), big))).toEqual(["any: gpu-1, big: gpu-0"]);
	});

	it("gives up after so many steps", () => {
		const many = [
			slice(
				"a",
				Array.from({ length: 40 }, (_, index) => typed(`gpu-${index}`, { group: { int: index % 10 } })),
			),
		];
		const constraints = [{ distinctAttribute: `${driver}/group` }];
		const impossibleClaim = claim("c", { requests: [request("a", { count: 11 })], constraints });
		expect(devices({ slices: many, maxSteps: 1_000 }, impossibleClaim)).toBe("timed out trying to allocate devices");
	});
});

describe("selectors", () => {
	const slices = [
		slice("a", [
			typed("gpu-0", { model: { string: "t4" } }, { capacity: { memory: { value: "16Gi" } } }),
			typed("gpu-1", { model: { string: "a100" } }, { capacity: { memory: { value: "80Gi" } } }),
		]),
	];
	const classOf = (...expressions: string[]) => [deviceClass("gpu", { selectors: expressions.map(cel) })];
	it.each<[string, World, string[], readonly string[] | string]>([
		["of the claim", { slices }, [`device.attributes["${driver}"].model == "a100"`], ["gpu: gpu-1"]],
		["of the class", { slices, classes: classOf(`device.attributes["${driver}"].model == "a100"`) }, [], ["gpu: gpu-1"]],
		[
			"of both",
			{ slices, classes: classOf(`device.attributes["${driver}"].model == "t4"`) },
			[`device.capacity["${driver}"].memory.compareTo(quantity("40Gi")) >= 0`],
			impossible,
		],
		[
			"that fail",
			{ slices },
			[`device.attributes["${driver}"].color == "red"`],
			"AllocationError: claim default/claim: selector #0 on device gpu.example.com/pool/gpu-0: CEL runtime error: no such key: color",
		],
		[
			"of a class that fail",
			{ slices, classes: classOf("true", "1/0 == 1") },
			[],
			expect.stringContaining("class gpu: selector #1 on device"),
		],
	])("%s", (_name, world, expressions, expected) => {
		expect(devices(world, asking(request("gpu", { selectors: expressions.map(cel) })))).toEqual(expected);
	});
});

describe("alternatives (KEP-4816)", () => {
	const slices = [slice("a", [typed("big", { big: { bool: true } }), typed("small-0", {}), typed("small-1", {})])];
	const isBig = cel(`has(device.attributes["${driver}"].big)`);
	const isSmall = cel(`!has(device.attributes["${driver}"].big)`);
	const either: DeviceRequest = {
		name: "gpu",
		firstAvailable: [
			{ name: "large", deviceClassName: "gpu", allocationMode: "ExactCount", count: 1, selectors: [isBig] },
			{ name: "small", deviceClassName: "gpu", allocationMode: "ExactCount", count: 2, selectors: [isSmall] },
		],
	};
	it.each<[string, World, ResourceResourceClaim[], readonly string[] | string]>([
		["the best", { slices }, [asking(either)], ["gpu/large: big"]],
		["the next", { slices, taken: [uses("big")] }, [asking(either)], ["gpu/small: small-0, gpu/small: small-1"]],
		["none", { slices, taken: [uses("big"), uses("small-0")] }, [asking(either)], impossible],
		["the best for the first", { slices }, [asking(either), asking(either)], ["gpu/large: big", "gpu/small: small-0, gpu/small: small-1"]],
		[
			"not the best, if something else needs it",
			{ slices },
			[asking(either, request("big", { selectors: [isBig] }))],
			["gpu/small: small-0, gpu/small: small-1, big: big"],
		],
	])("%s", (_name, world, claims, expected) => {
		expect(devices(world, ...claims)).toEqual(expected);
	});
});

describe("constraints", () => {
	const on = (name: string, numa: number, rest: Device["attributes"] = {}) => typed(name, { numa: { int: numa }, ...rest });
	const slices = [slice("a", [on("gpu-0", 0), on("gpu-1", 1), on("gpu-2", 1)])];
	const pair = [request("a"), request("b")];
	const constrained = (constraint: object, requests: readonly DeviceRequest[] = pair) =>
		claim("c", { requests, constraints: [constraint] });
	it.each<[string, ResourceResourceClaim, readonly string[] | string]>([
		["the same", constrained({ matchAttribute: `${driver}/numa` }), ["a: gpu-1, b: gpu-2"]],
		["the same, for one request", constrained({ matchAttribute: `${driver}/numa`, requests: ["a"] }), ["a: gpu-0, b: gpu-1"]],
		["different", constrained({ distinctAttribute: `${driver}/numa` }, [request("a", { count: 2 })]), ["a: gpu-0, a: gpu-1"]],
		["different, for too many", constrained({ distinctAttribute: `${driver}/numa` }, [request("a", { count: 3 })]), impossible],
		["an attribute that they lack", constrained({ matchAttribute: `${driver}/slot` }), impossible],
		["an attribute of somebody else", constrained({ matchAttribute: "other.example.com/numa" }), impossible],
		[
			"that all devices break",
			constrained({ matchAttribute: `${driver}/numa` }, [request("a", { allocationMode: "All" })]),
			"AllocationError: claim default/c, request a: cannot add device gpu.example.com/pool/gpu-1 because a claim constraint would not be satisfied",
		],
	])("%s", (_name, each, expected) => {
		expect(devices({ slices }, each)).toEqual(expected);
	});

	it("tells types apart", () => {
		const mixed = [
			slice("a", [typed("gpu-0", { x: { int: 1 } }), typed("gpu-1", { x: { string: "1" } }), typed("gpu-2", { x: { int: 1 } })]),
		];
		expect(devices({ slices: mixed }, constrained({ matchAttribute: `${driver}/x` }))).toEqual(["a: gpu-0, b: gpu-2"]);
	});
});

describe("administrators' access (KEP-5018)", () => {
	const admin = request("admin", { adminAccess: true });
	it("needs no free device and takes none", () => {
		expect(devices({ slices: two, taken: [uses("gpu-0")] }, asking(admin))).toEqual(["admin: gpu-0"]);
		expect(devices({ slices: two, taken: [uses("gpu-0", { adminAccess: true })] }, claim("a"))).toEqual(["gpu: gpu-0"]);
	});

	it("sees each device once a claim", () => {
		expect(devices({ slices: two }, asking(request("admin", { adminAccess: true, count: 2 })))).toEqual(["admin: gpu-0, admin: gpu-1"]);
		expect(devices({ slices: two }, asking(request("admin", { adminAccess: true, count: 3 })))).toBe(impossible);
	});
});

describe("taints (KEP-5055)", () => {
	const withTaints = (...effects: readonly string[]) => [slice("a", [{ name: "gpu-0", taints: effects.map((effect) => taint(effect)) }])];
	it.each<[string, string[], object[], readonly string[] | string]>([
		["NoSchedule", ["NoSchedule"], [], impossible],
		["NoExecute", ["NoExecute"], [], impossible],
		["None", ["None"], [], ["gpu: gpu-0"]],
		["tolerated by key", ["NoSchedule"], [{ key: "broken", operator: "Exists" }], ["gpu: gpu-0"]],
		["tolerated, all of them", ["NoSchedule", "NoExecute"], [{ operator: "Exists" }], ["gpu: gpu-0"]],
		["tolerated in part", ["NoSchedule", "NoExecute"], [{ operator: "Exists", effect: "NoSchedule" }], impossible],
		["of another value", ["NoSchedule"], [{ key: "broken", operator: "Equal", value: "very" }], impossible],
	])("%s", (_name, effects, tolerations, expected) => {
		expect(devices({ slices: withTaints(...effects) }, asking(request("gpu", { tolerations })))).toEqual(expected);
	});
});

describe("pools", () => {
	const pool = (generation: number, resourceSliceCount: number) => ({ name: "pool", generation, resourceSliceCount });
	it.each<[string, readonly ResourceSlice[], DeviceRequest, readonly string[] | string]>([
		["the newest generation counts", [slice("a", ["old"]), slice("b", ["new"], { pool: pool(2, 1) })], request(), ["gpu: new"]],
		["an incomplete pool gives nothing", [slice("a", ["gpu-0"], { pool: pool(1, 2) })], request(), impossible],
		[
			"and cannot say what all is",
			[slice("a", ["gpu-0"], { pool: pool(1, 2) })],
			request("gpu", { allocationMode: "All" }),
			"AllocationError: claim default/claim, request gpu: asks for all devices, but resource pool gpu.example.com/pool is currently being updated",
		],
		[
			"a complete one of two slices",
			[slice("a", ["gpu-0"], { pool: pool(1, 2) }), slice("b", ["gpu-1"], { pool: pool(1, 2), nodeName: "node-2" })],
			request(),
			["gpu: gpu-0"],
		],
		[
			"a name twice makes it invalid",
			[slice("a", ["gpu-0"], { pool: pool(1, 2) }), slice("b", ["gpu-0"], { pool: pool(1, 2) })],
			request(),
			"invalid resource pools were encountered",
		],
		[
			"other pools go on",
			[slice("a", ["gpu-0", "gpu-0"]), slice("b", ["nic-0"], { pool: { ...pool(1, 1), name: "second" } })],
			request(),
			["gpu: nic-0"],
		],
		["another node's are out of reach", [slice("a", ["gpu-0"], { nodeName: "node-2" })], request(), impossible],
		[
			"devices that need preparation come last",
			[
				slice("a", [{ name: "fabric", bindingConditions: ["attached"] }]),
				slice("b", ["local"], { pool: { ...pool(1, 1), name: "second" } }),
			],
			request(),
			["gpu: local"],
		],
	])("%s", (_name, slices, asked, expected) => {
		expect(devices({ slices }, asking(asked))).toEqual(expected);
	});
});

describe("nodes with access", () => {
	const selectorOf = (key: string, ...values: string[]) => ({
		nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values }] }],
	});
	const here = { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["node-1"] }] }] };
	const zone = selectorOf("zone", "a");
	it.each<[string, readonly ResourceSlice[], object | undefined]>([
		["a node", two, here],
		["all nodes", [slice("a", ["gpu-0"], { allNodes: true })], undefined],
		["some nodes", [slice("a", ["gpu-0"], { nodeSelector: zone })], zone],
		["a device that binds to its node", [slice("a", [{ name: "gpu-0", bindsToNode: true }], { allNodes: true })], here],
		["each device for itself", [slice("a", [{ name: "gpu-0", nodeSelector: zone }], { perDeviceNodeSelection: true })], zone],
		["each device for itself, by name", [slice("a", [{ name: "gpu-0", nodeName: "node-1" }], { perDeviceNodeSelection: true })], here],
	])("%s", (_name, slices, expected) => {
		const outcome = allocate({ slices, labels: { zone: "a" } }, claim("a"));
		expect("results" in outcome && outcome.results[0]?.nodeSelector).toEqual(expected);
	});

	it("of devices in two places are those of both", () => {
		const slices = [
			slice("a", ["gpu-0"], { nodeSelector: zone }),
			slice("b", ["nic-0"], { nodeSelector: selectorOf("rack", "1"), pool: { name: "nics", generation: 1, resourceSliceCount: 1 } }),
		];
		const both = allocate({ slices, labels: { zone: "a", rack: "1" } }, asking(request("gpu", { count: 2 })));
		expect("results" in both && both.results[0]?.nodeSelector).toEqual({
			nodeSelectorTerms: [
				{
					matchExpressions: [
						{ key: "rack", operator: "In", values: ["1"] },
						{ key: "zone", operator: "In", values: ["a"] },
					],
				},
			],
		});
		expect(devices({ slices, labels: { zone: "a", rack: "2" } }, asking(request("gpu", { count: 2 })))).toBe(impossible);
	});
});

describe("configuration", () => {
	const opaque = (text: string) => ({ opaque: { driver, parameters: { text } } });
	const classes = [deviceClass("gpu", { config: [opaque("gpu")] }), deviceClass("nic", { config: [opaque("nic")] })];
	it("of classes comes once a class, that of the claim as far as it is for what was chosen", () => {
		const slices = [slice("a", ["d-0", "d-1", "d-2"])];
		const requests: DeviceRequest[] = [
			request("a"),
			request("b", { deviceClassName: "nic" }),
			{
				name: "c",
				firstAvailable: [
					{ name: "x", deviceClassName: "gpu" },
					{ name: "y", deviceClassName: "gpu" },
				],
			},
		];
		const config = [
			opaque("all"),
			{ requests: ["a"], ...opaque("a") },
			{ requests: ["c/x"], ...opaque("x") },
			{ requests: ["c/y"], ...opaque("y") },
			{ requests: ["c", "b"], ...opaque("c") },
		];
		const outcome = allocate({ slices, classes }, claim("claim", { requests, config }));
		expect("results" in outcome && outcome.results[0]?.devices?.config).toEqual([
			{ source: "FromClass", requests: ["a", "c/x"], ...opaque("gpu") },
			{ source: "FromClass", requests: ["b"], ...opaque("nic") },
			{ source: "FromClaim", ...opaque("all") },
			{ source: "FromClaim", requests: ["a"], ...opaque("a") },
			{ source: "FromClaim", requests: ["c/x"], ...opaque("x") },
			{ source: "FromClaim", requests: ["c", "b"], ...opaque("c") },
		]);
	});
});

describe("counters that devices share (KEP-4815)", () => {
	const takes = (memory: string) => [{ counterSet: "card", counters: { memory: { value: memory } } }];
	const counters = slice("counters", [], {
		sharedCounters: [{ name: "card", counters: { memory: { value: "40Gi" } } }],
		pool: { name: "pool", generation: 1, resourceSliceCount: 2 },
	});
	const parts = (...sizes: readonly string[]) => [
		counters,
		slice(
			"parts",
			sizes.map((size, index) => ({ name: `part-${index}`, consumesCounters: takes(size) })),
			{ pool: { name: "pool", generation: 1, resourceSliceCount: 2 } },
		),
	];
	it.each<[string, World, ResourceResourceClaim[], readonly string[] | string]>([
		["a whole card", { slices: parts("40Gi", "20Gi") }, [claim("a")], ["gpu: part-0"]],
		["no part of a card that is taken", { slices: parts("40Gi", "20Gi"), taken: [uses("part-0")] }, [claim("a")], impossible],
		["two halves", { slices: parts("40Gi", "20Gi", "20Gi") }, [asking(request("gpu", { count: 2 }))], ["gpu: part-1, gpu: part-2"]],
		["not three", { slices: parts("20Gi", "20Gi", "20Gi") }, [asking(request("gpu", { count: 3 }))], impossible],
		["the other half", { slices: parts("40Gi", "20Gi", "20Gi"), taken: [uses("part-1")] }, [claim("a")], ["gpu: part-2"]],
		[
			"a set that is not there",
			{ slices: [slice("parts", [{ name: "part-0", consumesCounters: takes("1") }])] },
			[claim("a")],
			"invalid resource pools were encountered",
		],
	])("%s", (_name, world, claims, expected) => {
		expect(devices(world, ...claims)).toEqual(expected);
	});
});

describe("capacity that requests share (KEP-5075)", () => {
	const nic = (bandwidth: object, rest: Partial<Device> = {}): readonly ResourceSlice[] => [
		slice("a", [{ name: "nic-0", allowMultipleAllocations: true, capacity: { bandwidth: { value: "10G", ...bandwidth } }, ...rest }]),
	];
	const wanting = (bandwidth?: string) => asking(request("nic", bandwidth === undefined ? {} : { capacity: { requests: { bandwidth } } }));
	const consumed = (world: World, ...claims: ResourceResourceClaim[]) => {
		const outcome = allocate(world, ...claims);
		return "impossible" in outcome
			? outcome.impossible
			: outcome.results.map(({ devices: d }) => d?.results?.[0]?.consumedCapacity?.bandwidth);
	};
	const range = { requestPolicy: { default: "1G", validRange: { min: "1G", step: "2G", max: "9G" } } };
	const values = { requestPolicy: { default: "1G", validValues: ["1G", "4G", "8G"] } };
	const taken = (bandwidth: string) => [uses("nic-0", { shareID: "s", consumedCapacity: { bandwidth } })];
	it.each<[string, World, ResourceResourceClaim[], unknown]>([
		["everything, without a policy or a wish", { slices: nic({}) }, [wanting()], ["10G"]],
		["what is asked for", { slices: nic({}) }, [wanting("3G"), wanting("7G")], ["3G", "7G"]],
		["no more than there is", { slices: nic({}) }, [wanting("3G"), wanting("8G")], impossible],
		["what others have left", { slices: nic({}), taken: taken("6G") }, [wanting("4G")], ["4G"]],
		["no more than others have left", { slices: nic({}), taken: taken("6G") }, [wanting("5G")], impossible],
		["the default", { slices: nic(range) }, [wanting()], ["1G"]],
		["the least", { slices: nic(range) }, [wanting("500M")], ["1G"]],
		["the next step", { slices: nic(range) }, [wanting("3500M")], ["5G"]],
		["no step behind the most", { slices: nic(range) }, [wanting("9500M")], impossible],
		["the next valid value", { slices: nic(values) }, [wanting("2G")], ["4G"]],
		["nothing above the valid values", { slices: nic(values) }, [wanting("9G")], impossible],
		["a capacity that it does not have", { slices: nic({}, { capacity: {} }) }, [wanting("1G")], impossible],
		[
			"of a device of one's own nothing is recorded",
			{ slices: nic({}, { allowMultipleAllocations: false }) },
			[wanting("3G")],
			[undefined],
		],
		["a device of one's own must be large enough", { slices: nic({}, { allowMultipleAllocations: false }) }, [wanting("30G")], impossible],
	])("%s", (_name, world, claims, expected) => {
		expect(consumed(world, ...claims)).toEqual(expected);
	});

	it("gives each share a name of its own", () => {
		const outcome = allocate({ slices: nic({}) }, wanting("3G"), wanting("7G"));
		const ids = "results" in outcome ? outcome.results.flatMap(({ devices: d }) => d?.results?.map(({ shareID }) => shareID)) : [];
		expect(new Set(ids).size).toBe(2);
	});
});
