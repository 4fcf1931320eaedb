import { beforeEach, describe, expect, test } from "vitest";
import type { Endpoint, Node, Service } from "../../apimachinery/schema/generated/types.ts";
import { endpointSlices, nodes, pods, services } from "../../client/resources.ts";
import { ControllerFixture, runningPod } from "../testing/controller-fixture.ts";
import { endpointSliceController } from "./endpointslice-controller.ts";
import { wantsTopologyHints, withTopologyHints, type ZoneRatios, zoneRatios } from "./topology-hints.ts";

const node = (name: string, zone: string, cpu = "4", ready = "True"): Node => ({
	metadata: { name, labels: { "topology.kubernetes.io/zone": zone } },
	status: { allocatable: { cpu }, conditions: [{ type: "Ready", status: ready }] },
});
const endpoint = (address: string, zone: string, ready = true): Endpoint => ({ addresses: [address], zone, conditions: { ready } });
const many = (counts: Readonly<Record<string, number>>): readonly Endpoint[] =>
	Object.entries(counts).flatMap(([zone, count]) => Array.from({ length: count }, (_, index) => endpoint(`${zone}${index}`, zone)));

test.each<readonly [Readonly<Record<string, string>>, boolean]>([
	[{ "service.kubernetes.io/topology-mode": "Auto" }, true],
	[{ "service.kubernetes.io/topology-aware-hints": "auto" }, true],
	[{ "service.kubernetes.io/topology-mode": "Auto", "service.kubernetes.io/topology-aware-hints": "Disabled" }, false],
	[{ "service.kubernetes.io/topology-mode": "PreferZone" }, false],
	[{}, false],
])("%j wants hints: %s", (annotations, expected) => {
	expect(wantsTopologyHints({ metadata: { annotations } } as Service)).toBe(expected);
});

describe("zones", () => {
	test("are weighed by the CPUs of nodes that are ready and not of the control plane", () => {
		const control: Node = { ...node("c", "c"), metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } } };
		const ratios = zoneRatios([node("1", "b", "3"), node("2", "a", "500m"), node("3", "a", "500m"), node("4", "d", "9", "False"), control]);
		expect([...(ratios ?? [])]).toEqual([
			["a", 0.25],
			["b", 0.75],
		]);
	});

	test.each([
		["one zone", [node("1", "a"), node("2", "a")]],
		["a node without a zone", [node("1", "a"), node("2", "b"), node("3", "")]],
		["a node without CPUs", [node("1", "a"), node("2", "b", "0")]],
	])("are not known with %s", (_, list) => {
		expect(zoneRatios(list)).toBe(undefined);
	});
});

describe("hints", () => {
	const ratios = zoneRatios([node("1", "a"), node("2", "b"), node("3", "c")]);
	/** How many endpoints there are for each zone, and how many of them are of another. */
	const hinted = (endpoints: readonly Endpoint[], of: ZoneRatios) => {
		const { groups, problems } = withTopologyHints([{ addressType: "IPv4", ports: [], endpoints }], of);
		const list = groups.flatMap((group) => group.endpoints);
		const counts: Record<string, number> = {};
		for (const { hints } of list) for (const { name } of hints?.forZones ?? []) counts[name] = (counts[name] ?? 0) + 1;
		return {
			counts,
			problem: problems.get("IPv4"),
			lent: list.filter(({ hints, zone }) => hints && hints.forZones?.[0]?.name !== zone).length,
		};
	};

	test.each<readonly [string, Readonly<Record<string, number>>, Readonly<Record<string, number>>, number]>([
		["each zone its own", { a: 2, b: 2, c: 2 }, { a: 2, b: 2, c: 2 }, 0],
		["those that have too many lend", { a: 4, b: 2 }, { a: 2, b: 2, c: 2 }, 2],
		["a little too many is nothing", { a: 4, b: 3, c: 3 }, { a: 4, b: 3, c: 3 }, 0],
	])("%s", (_, counts, expected, lent) => {
		expect(hinted(many(counts), ratios)).toEqual({ counts: expected, problem: undefined, lent });
	});

	test("by the zones' CPUs", () => {
		const uneven = zoneRatios([node("1", "a", "6"), node("2", "b", "2")]);
		expect(hinted(many({ a: 4, b: 4 }), uneven)).toEqual({ counts: { a: 6, b: 2 }, problem: undefined, lent: 2 });
	});

	test("nothing is lent to zones that each need less than half an endpoint", () => {
		const four = zoneRatios([node("1", "a", "28"), node("2", "b", "24"), node("3", "c", "24"), node("4", "d", "24")]);
		expect(hinted(many({ a: 4, b: 2, c: 2, d: 2 }), four)).toEqual({ counts: { a: 4, b: 2, c: 2, d: 2 }, problem: undefined, lent: 0 });
	});

	test.each<readonly [string, readonly Endpoint[], ZoneRatios]>([
		["Insufficient Node information: allocatable CPU or zone not specified on one or more nodes", many({ a: 3 }), undefined],
		["Insufficient number of endpoints (2 endpoints, 3 zones)", many({ a: 2 }), ratios],
		[
			"Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (4 endpoints, 3 zones)",
			many({ a: 4 }),
			ratios,
		],
		["One or more endpoints do not have a zone specified", [...many({ a: 2, b: 2, c: 1 }), endpoint("x", "")], ratios],
	])("none: %s", (problem, endpoints, of) => {
		expect(hinted(endpoints, of)).toEqual({ counts: {}, problem, lent: 0 });
	});

	test("endpoints that are not ready have none, and do not count", () => {
		expect(hinted([...many({ a: 1, b: 1, c: 1 }), endpoint("x", "a", false)], ratios).counts).toEqual({ a: 1, b: 1, c: 1 });
	});

	test("come out the same whatever the order", () => {
		const endpoints = many({ a: 4, b: 2 });
		const zones = (list: readonly Endpoint[]) =>
			Object.fromEntries(
				withTopologyHints([{ addressType: "IPv4", ports: [], endpoints: list }], ratios).groups.flatMap((group) =>
					group.endpoints.map(({ addresses, hints }) => [addresses[0], hints?.forZones?.[0]?.name]),
				),
			);
		expect(zones([...endpoints].reverse())).toEqual(zones(endpoints));
	});
});

describe("the controller", () => {
	let fixture: ControllerFixture;
	beforeEach(async () => {
		fixture = new ControllerFixture();
		for (const each of [node("node-a", "a"), node("node-b", "b")]) await fixture.client.resource(nodes).create(each);
		await fixture.start(endpointSliceController);
		await fixture.client.resource(services).create({
			metadata: { namespace: "default", name: "web", annotations: { "service.kubernetes.io/topology-mode": "Auto" } },
			spec: { clusterIP: "10.96.0.10", ipFamilies: ["IPv4"], selector: { app: "web" }, ports: [{ port: 80 }] },
		});
		for (const [index, nodeName] of ["node-a", "node-b"].entries()) {
			const made = await fixture.client.resource(pods).create({
				metadata: { namespace: "default", name: `p-${index}`, labels: { app: "web" } },
				spec: { containers: [{ name: "c" }], nodeName },
			});
			await fixture.client.resource(pods).updateStatus(runningPod(made, fixture.clock.now(), `10.0.0.${index + 1}`));
		}
		await fixture.settle();
	});
	const zones = async () =>
		(await fixture.list(endpointSlices)).flatMap(({ endpoints }) => endpoints?.map(({ hints }) => hints?.forZones?.[0]?.name) ?? []);

	test("hints, takes them away when the nodes change, and says so once", async () => {
		expect(await zones()).toEqual(["a", "b"]);
		await fixture.client.resource(nodes).updateStatus(node("node-b", "b", "4", "False"));
		await fixture.settle();
		expect(await zones()).toEqual([undefined, undefined]);
		await fixture.client.resource(nodes).updateStatus(node("node-b", "b"));
		await fixture.settle();
		expect(await zones()).toEqual(["a", "b"]);
		await fixture.change(services, "default/web", (service) => ({ ...service, metadata: { ...service.metadata, annotations: {} } }));
		await fixture.settle();
		expect(await zones()).toEqual([undefined, undefined]);
		expect((await fixture.events()).filter((text) => !text.includes("endpoints, 2 zones"))).toEqual([
			"Normal TopologyAwareHintsEnabled Service/web: Topology Aware Hints has been enabled, addressType: IPv4 (x2)",
			"Warning TopologyAwareHintsDisabled Service/web: Insufficient Node information: allocatable CPU or zone not specified on one or more nodes, addressType: IPv4",
			"Warning TopologyAwareHintsDisabled Service/web: Topology Aware Hints has been disabled, addressType: IPv4",
		]);
		expect(fixture.complaints).toEqual([]);
	});
});
