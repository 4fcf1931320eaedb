import { beforeEach, expect, test } from "vitest";
import type { Pod, ServiceSpec } from "../../apimachinery/schema/generated/types.ts";
import { endpointSlices, endpoints, nodes, pods, services } from "../../client/resources.ts";
import { endpointsController } from "../endpoints/endpoints-controller.ts";
import { ControllerFixture, runningPod } from "../testing/controller-fixture.ts";
import { endpointSliceController } from "./endpointslice-controller.ts";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.client.resource(nodes).create({ metadata: { name: "node-1", labels: { "topology.kubernetes.io/zone": "z1" } } });
	await fixture.start(endpointSliceController, endpointsController);
});

async function makeService(spec: Partial<ServiceSpec> = {}): Promise<void> {
	await fixture.client.resource(services).create({
		metadata: { namespace: "default", name: "web", labels: { team: "a" } },
		spec: {
			clusterIP: "10.96.0.10",
			ipFamilies: ["IPv4"],
			selector: { app: "web" },
			ports: [{ name: "http", port: 80, targetPort: "http", protocol: "TCP" }],
			...spec,
		},
	});
	await fixture.settle();
}

async function makePod(name: string, podIP: string, spec: Partial<Pod["spec"]> = {}): Promise<Pod> {
	const container = { name: "c", image: "nginx", ports: [{ name: "http", containerPort: 8080 }] };
	const made = await fixture.client.resource(pods).create({
		metadata: { namespace: "default", name, labels: { app: "web" } },
		spec: { containers: [container], nodeName: "node-1", ...spec },
	});
	const running = await fixture.client.resource(pods).updateStatus(runningPod(made, fixture.clock.now(), podIP));
	await fixture.settle();
	return running;
}

test("a Service's ready pod is an endpoint, with the pod's own port, node and zone", async () => {
	await makeService();
	const pod = await makePod("p", "10.0.0.1");
	const [slice] = await fixture.list(endpointSlices);
	expect(slice?.metadata?.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
	expect(slice?.metadata?.labels).toEqual({
		team: "a",
		"kubernetes.io/service-name": "web",
		"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
	});
	expect(slice?.metadata?.ownerReferences?.map(({ kind, name, controller }) => [kind, name, controller])).toEqual([
		["Service", "web", true],
	]);
	const targetRef = { kind: "Pod", namespace: "default", name: "p", uid: pod.metadata?.uid };
	expect([slice?.addressType, slice?.ports, slice?.endpoints]).toEqual([
		"IPv4",
		[{ name: "http", port: 8080, protocol: "TCP" }],
		[
			{
				addresses: ["10.0.0.1"],
				conditions: { ready: true, serving: true, terminating: false },
				targetRef,
				nodeName: "node-1",
				zone: "z1",
			},
		],
	]);
	const [legacy] = await fixture.list(endpoints);
	expect(legacy?.metadata?.labels).toEqual({ team: "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller" });
	expect(legacy?.subsets).toEqual([
		{ addresses: [{ ip: "10.0.0.1", nodeName: "node-1", targetRef }], ports: [{ name: "http", port: 8080, protocol: "TCP" }] },
	]);
	expect(fixture.complaints).toEqual([]);
});

test("a pod that is not ready, then one that is terminating, shows in its conditions", async () => {
	await makeService();
	await makePod("p", "10.0.0.1");
	const conditions = async () => (await fixture.list(endpointSlices))[0]?.endpoints?.map((endpoint) => endpoint.conditions);
	await fixture.change(pods, "default/p", (pod) => ({ ...pod, metadata: { ...pod.metadata, finalizers: ["test/hold"] } }));
	const [pod] = await fixture.list(pods);
	await fixture.client
		.resource(pods)
		.updateStatus({ ...pod, status: { ...pod?.status, conditions: [{ type: "Ready", status: "False" }] } } as Pod);
	await fixture.settle();
	expect(await conditions()).toEqual([{ ready: false, serving: false, terminating: false }]);
	expect(
		(await fixture.list(endpoints))[0]?.subsets?.map(({ addresses, notReadyAddresses }) => [addresses?.length, notReadyAddresses?.length]),
	).toEqual([[undefined, 1]]);
	const [unready] = await fixture.list(pods);
	await fixture.client.resource(pods).updateStatus(runningPod(unready ?? {}, fixture.clock.now()));
	await fixture.client.resource(pods).delete({ namespace: "default", name: "p" });
	await fixture.settle();
	expect(await conditions()).toEqual([{ ready: false, serving: true, terminating: true }]);
	expect((await fixture.list(endpoints))[0]?.subsets).toBe(undefined);
});

test("publishNotReadyAddresses makes every pod ready; a headless Service is marked and gives hostnames", async () => {
	await makeService({ clusterIP: "None", publishNotReadyAddresses: true });
	const pod = await makePod("p", "10.0.0.1", { hostname: "p-0", subdomain: "web" });
	await fixture.client.resource(pods).updateStatus({ ...pod, status: { ...pod.status, conditions: [] } });
	await fixture.settle();
	const [slice] = await fixture.list(endpointSlices);
	expect(slice?.metadata?.labels?.["service.kubernetes.io/headless"]).toBe("");
	expect(slice?.endpoints?.map(({ conditions, hostname }) => [conditions?.ready, conditions?.serving, hostname])).toEqual([
		[true, false, "p-0"],
	]);
	expect((await fixture.list(endpoints))[0]?.subsets?.[0]?.addresses?.[0]?.hostname).toBe("p-0");
});

test("300 pods that become ready at once cost few writes, in three slices", async () => {
	await makeService();
	fixture.takeWrites();
	const client = fixture.client.resource(pods);
	await Promise.all(
		Array.from({ length: 300 }, async (_, index) => {
			const made = await client.create({
				metadata: { namespace: "default", name: `p-${index}`, labels: { app: "web" } },
				spec: { containers: [{ name: "c", ports: [{ name: "http", containerPort: 8080 }] }], nodeName: "node-1" },
			});
			await client.updateStatus(runningPod(made, fixture.clock.now(), `10.0.${index >> 8}.${index & 255}`));
		}),
	);
	await fixture.settle();
	expect((await fixture.list(endpointSlices)).map((slice) => slice.endpoints?.length)).toEqual([100, 100, 100]);
	const written = fixture.takeWrites().filter((write) => write.includes("endpoint"));
	expect(written.length).toBeLessThan(12);
	expect(fixture.complaints).toEqual([]);
});

test("a Service without pods has one empty slice; without a selector it has none", async () => {
	await makeService();
	expect((await fixture.list(endpointSlices)).map(({ endpoints: list, ports }) => [list, ports])).toEqual([[[], []]]);
	await fixture.client.resource(services).create({ metadata: { namespace: "default", name: "manual" }, spec: { clusterIP: "10.96.0.11" } });
	await fixture.settle();
	expect((await fixture.list(endpointSlices)).length).toBe(1);
	expect((await fixture.list(endpoints)).map(({ metadata }) => metadata?.name)).toEqual(["web"]);
});

test("what somebody else changed or deleted is put right, and Endpoints go with their Service", async () => {
	await makeService();
	await makePod("p", "10.0.0.1");
	const [slice] = await fixture.list(endpointSlices);
	await fixture.change(endpointSlices, `default/${slice?.metadata?.name}`, (object) => ({ ...object, endpoints: [] }));
	await fixture.settle();
	expect((await fixture.list(endpointSlices))[0]?.endpoints?.length).toBe(1);
	await fixture.client.resource(endpointSlices).delete({ namespace: "default", name: slice?.metadata?.name ?? "" });
	await fixture.client.resource(endpoints).delete({ namespace: "default", name: "web" });
	await fixture.settle();
	expect((await fixture.list(endpointSlices)).length).toBe(1);
	expect((await fixture.list(endpoints)).length).toBe(1);
	await fixture.client.resource(services).delete({ namespace: "default", name: "web" });
	await fixture.settle();
	expect(await fixture.list(endpoints)).toEqual([]);
});

test("with more than 1000 addresses Endpoints are cut off, and say so", async () => {
	await makeService();
	const client = fixture.client.resource(pods);
	for (let index = 0; index < 1001; index++) {
		const made = await client.create({
			metadata: { namespace: "default", name: `p-${index}`, labels: { app: "web" } },
			spec: { containers: [{ name: "c", ports: [{ name: "http", containerPort: 8080 }] }], nodeName: "node-1" },
		});
		await client.updateStatus(runningPod(made, fixture.clock.now(), `10.0.${index >> 8}.${index & 255}`));
	}
	await fixture.settle();
	const [legacy] = await fixture.list(endpoints);
	expect(legacy?.metadata?.annotations).toEqual({ "endpoints.kubernetes.io/over-capacity": "truncated" });
	expect(legacy?.subsets?.[0]?.addresses?.length).toBe(1000);
});

test("a pod on a node that is not known yet becomes an endpoint when the node is", async () => {
	await makeService();
	await makePod("p", "10.0.0.1", { nodeName: "node-2" });
	expect((await fixture.list(endpointSlices))[0]?.endpoints).toEqual([]);
	await fixture.client.resource(nodes).create({ metadata: { name: "node-2" } });
	await fixture.clock.advance(10_000);
	expect((await fixture.list(endpointSlices))[0]?.endpoints?.map(({ nodeName }) => nodeName)).toEqual(["node-2"]);
});
