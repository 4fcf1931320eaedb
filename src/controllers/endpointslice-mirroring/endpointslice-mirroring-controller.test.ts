import { beforeEach, expect, test } from "vitest";
import type { EndpointSlice, Endpoints } from "../../apimachinery/schema/generated/types.ts";
import { endpointSlices, endpoints, services } from "../../client/resources.ts";
import { endpointsController } from "../endpoints/endpoints-controller.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { endpointSliceMirroringController } from "./endpointslice-mirroring-controller.ts";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(endpointSliceMirroringController, endpointsController);
});

const meta = { namespace: "default", name: "db" };
const ports = [{ name: "sql", port: 5432, protocol: "TCP" }];

async function makeService(selector?: Readonly<Record<string, string>>): Promise<void> {
	const spec = { clusterIP: "10.96.0.10", ports: [{ port: 5432 }], ...(selector === undefined ? {} : { selector }) };
	await fixture.client.resource(services).create({ metadata: meta, spec });
	await fixture.settle();
}

async function makeEndpoints({ metadata, ...rest }: Partial<Endpoints> = {}): Promise<void> {
	await fixture.client.resource(endpoints).create({
		metadata: { ...meta, ...metadata },
		subsets: [{ addresses: [{ ip: "192.0.2.1", hostname: "a" }], notReadyAddresses: [{ ip: "192.0.2.2" }], ports }],
		...rest,
	});
	await fixture.settle();
}

const slices = () => fixture.list(endpointSlices);
const shape = ({ addressType, ports: slicePorts, endpoints: list }: EndpointSlice) => [
	addressType,
	slicePorts?.map(({ port }) => port),
	list?.map(({ addresses }) => addresses[0]),
];

test("Endpoints written by hand have a slice, with their labels and annotations but for those of others", async () => {
	await makeService();
	await makeEndpoints({
		metadata: {
			...meta,
			labels: { team: "a" },
			annotations: {
				note: "n",
				"kubectl.kubernetes.io/last-applied-configuration": "{}",
				"endpoints.kubernetes.io/last-change-trigger-time": "t",
			},
		},
	});
	const [slice, ...others] = await slices();
	expect(others).toEqual([]);
	expect(slice?.metadata?.name).toMatch(/^db-[a-z0-9]{5}$/);
	expect(slice?.metadata?.labels).toEqual({
		team: "a",
		"kubernetes.io/service-name": "db",
		"endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
	});
	expect(slice?.metadata?.annotations).toEqual({ note: "n" });
	expect(slice?.metadata?.ownerReferences?.map(({ kind, controller }) => [kind, controller])).toEqual([["Endpoints", true]]);
	expect([slice?.ports, slice?.endpoints]).toEqual([
		ports,
		[
			{ addresses: ["192.0.2.1"], conditions: { ready: true }, hostname: "a" },
			{ addresses: ["192.0.2.2"], conditions: { ready: false } },
		],
	]);
	expect(fixture.complaints).toEqual([]);
});

test("each address type and set of ports has a slice of its own; a change costs one write", async () => {
	await makeService();
	await makeEndpoints({
		subsets: [
			{ addresses: [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }], ports },
			{ addresses: [{ ip: "192.0.2.3" }], ports: [{ port: 9 }] },
		],
	});
	expect((await slices()).map(shape).sort()).toEqual([
		["IPv4", [5432], ["192.0.2.1"]],
		["IPv4", [9], ["192.0.2.3"]],
		["IPv6", [5432], ["2001:db8::1"]],
	]);
	fixture.takeWrites();
	await fixture.change(endpoints, "default/db", (object) => ({ ...object, subsets: [{ addresses: [{ ip: "192.0.2.9" }], ports }] }));
	await fixture.settle();
	expect((await slices()).map(shape)).toEqual([["IPv4", [5432], ["192.0.2.9"]]]);
	expect(fixture.takeWrites().filter((write) => write.includes("endpointslices"))).toHaveLength(3);
});

test.each<readonly [string, () => Promise<void>]>([
	["Endpoints go", () => fixture.client.resource(endpoints).delete(meta)],
	["Service goes", () => fixture.client.resource(services).delete(meta)],
	[
		"Service has a selector",
		() => fixture.change(services, "default/db", (object) => ({ ...object, spec: { ...object.spec, selector: { a: "b" } } })),
	],
	[
		"label says so",
		() =>
			fixture.change(endpoints, "default/db", (object) => ({
				...object,
				metadata: { ...object.metadata, labels: { "endpointslice.kubernetes.io/skip-mirror": "true" } },
			})),
	],
	[
		"lock of an election",
		() =>
			fixture.change(endpoints, "default/db", (object) => ({
				...object,
				metadata: { ...object.metadata, annotations: { "control-plane.alpha.kubernetes.io/leader": "{}" } },
			})),
	],
])("the slices go when the %s", async (_, change) => {
	await makeService();
	await makeEndpoints();
	expect(await slices()).toHaveLength(1);
	await change();
	await fixture.settle();
	expect(await slices()).toEqual([]);
});

test("a Service that comes later is mirrored, too; what somebody changed or deleted is put right", async () => {
	await makeEndpoints();
	expect(await slices()).toEqual([]);
	await makeService();
	const [slice] = await slices();
	await fixture.change(endpointSlices, `default/${slice?.metadata?.name}`, (object) => ({ ...object, endpoints: [] }));
	await fixture.settle();
	expect((await slices())[0]?.endpoints).toHaveLength(2);
	await fixture.client.resource(endpointSlices).delete({ namespace: "default", name: slice?.metadata?.name ?? "" });
	await fixture.settle();
	expect(await slices()).toHaveLength(1);
});

test("more than 1,000 addresses are cut off, and an event says so", async () => {
	await makeService();
	await makeEndpoints({
		subsets: [{ addresses: Array.from({ length: 1_002 }, (_, index) => ({ ip: `10.1.${index >> 8}.${index & 255}` })), ports }],
	});
	expect((await slices()).map((slice) => slice.endpoints?.length)).toEqual([1_000]);
	expect(await fixture.events()).toEqual([
		"Warning TooManyAddressesToMirror Endpoints/db: A max of 1000 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 addresses were skipped",
	]);
});
