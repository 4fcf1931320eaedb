/** The plugin in a scheduler of its own, over a fake API. */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { claimFinalizer } from "../../apimachinery/devices/resource-claims.ts";
import { silentLog } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Pod, ResourceClaimStatus, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";
import { newConflict, newInternalError } from "../../apimachinery/status-error.ts";
import { Client } from "../../client/client.ts";
import { InformerFactory } from "../../client/informer.ts";
import { deviceClasses, events, nodes, pods, type ResourceRef, resourceClaims, resourceSlices } from "../../client/resources.ts";
import { FakeApi } from "../../client/testing/fake-api.ts";
import { Scheduler } from "../scheduler.ts";
import { BindingApi } from "../testing/binding-api.ts";
import { node, pod as plainPod, podWith } from "../testing/builders.ts";
import { cel, claim, deviceClass, driver, request, slice } from "../testing/devices.ts";

const refs: readonly ResourceRef<KubeObject>[] = [pods, nodes, deviceClasses, resourceClaims, resourceSlices];

async function setUp(...objects: readonly KubeObject[]) {
	const clock = new VirtualClock();
	const random = new SeededRandom("devices");
	const api = new BindingApi(new FakeApi({ clock, random: random.fork("api") }));
	const client = new Client(api);
	const informers = new InformerFactory({ client, clock });
	const scheduler = new Scheduler({ client, clock, random: random.fork("scheduler"), informers, log: silentLog });
	scheduler.recordAttempts(10);
	scheduler.start(new AbortController().signal);
	void informers.start(new AbortController().signal);
	await clock.advance(0);
	/** A status is written after the object, as the server has it. */
	const create = async (...more: readonly KubeObject[]) => {
		for (const object of more) {
			const ref = refs.find(({ kind }) => kind === object.kind);
			if (ref === undefined) throw new Error(`no resource of kind ${object.kind}`);
			const resource = client.resource<KubeObject & { status?: object }>(ref);
			const { status = {} } = object as { status?: object };
			const made = await resource.create(object);
			if (Object.keys(status).length > 0 && object.kind !== "Node") await resource.updateStatus({ ...made, status });
		}
		await clock.advance(100);
	};
	await create(...objects);
	const getPod = (name: string) => client.resource(pods).get({ namespace: "default", name });
	const getClaim = (name: string) => client.resource(resourceClaims).get({ namespace: "default", name });
	const placement = async (name: string) =>
		(await getPod(name)).spec?.nodeName ?? (await scheduler.explain(await getPod(name))).notScheduled ?? (await why(name));
	const why = async (name: string) =>
		(await getPod(name)).status?.conditions?.find(({ type }) => type === "PodScheduled")?.message ?? "waits";
	const told = async () => (await client.resource(events).list("default")).items.map(({ reason, message }) => `${reason}: ${message}`);
	return { clock, api, client, scheduler, create, getPod, getClaim, placement, told };
}

/** A pod that uses these claims. */
const pod = (name: string, ...claims: readonly string[]): Pod =>
	plainPod(name, { resourceClaims: claims.map((each) => ({ name: each, resourceClaimName: each })) });
const consumer = (name: string) => ({ resource: "pods", name, uid: expect.any(String) });
const base = [node("node-1"), node("node-2"), deviceClass()];
const here = { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["node-1"] }] }] };
const given = (device: string, rest: Partial<ResourceClaimStatus["allocation"]> = {}): ResourceClaimStatus => ({
	allocation: { devices: { results: [{ request: "gpu", driver, pool: "pool", device }] }, nodeSelector: here, ...rest },
});
const noDevices = (nodesCount: number) =>
	`0/${nodesCount} nodes are available: ${nodesCount} cannot allocate all claims. still not schedulable, preemption: 0/${nodesCount} nodes are available: ${nodesCount} Preemption is not helpful for scheduling.`;

describe("a pod with a claim", () => {
	it("goes where the device is, and the claim says so", async () => {
		const { placement, getClaim, clock } = await setUp(...base, slice("a", ["gpu-0"]), claim("c"), pod("p", "c"));
		expect(await placement("p")).toBe("node-1");
		const { metadata, status } = await getClaim("c");
		expect(metadata?.finalizers).toEqual([claimFinalizer]);
		expect(status).toEqual({
			...given("gpu-0", { allocationTimestamp: new Date(clock.now()).toISOString().replace(/\.\d+/, "") }),
			reservedFor: [consumer("p")],
		});
	});

	it("shares an allocated claim, and goes where that is", async () => {
		const { placement, getClaim } = await setUp(...base, slice("a", ["gpu-0"]), claim("c"), pod("p", "c"), pod("q", "c"));
		expect([await placement("p"), await placement("q")]).toEqual(["node-1", "node-1"]);
		expect((await getClaim("c")).status?.reservedFor).toEqual([consumer("p"), consumer("q")]);
	});

	it("waits for devices, and gets them when they come", async () => {
		const { placement, create, told, clock } = await setUp(...base, claim("c"), pod("p", "c"));
		expect(await placement("p")).toBe(noDevices(2));
		expect(await told()).toEqual([`FailedScheduling: ${noDevices(2)}`]);
		await create(slice("a", ["gpu-0"]));
		await clock.advance(1_000);
		expect(await placement("p")).toBe("node-1");
	});

	it("waits for its class", async () => {
		const { placement, create, clock } = await setUp(node("node-1"), slice("a", ["gpu-0"]), claim("c"), pod("p", "c"));
		expect(await placement("p")).toMatch(/^0\/1 nodes are available: request gpu: device class gpu does not exist\./);
		await create(deviceClass());
		await clock.advance(1_000);
		expect(await placement("p")).toBe("node-1");
	});

	it("waits for its claim, and then for the claim's name", async () => {
		const waiting = plainPod("p", { resourceClaims: [{ name: "device", resourceClaimTemplateName: "t" }] });
		const { placement, create, client, getPod, clock } = await setUp(...base, slice("a", ["gpu-0"]), pod("q", "later"), waiting);
		expect(await placement("q")).toBe('DynamicResources: could not find ResourceClaim "default/later"');
		expect(await placement("p")).toBe("DynamicResources: Pod default/p: ResourceClaim not created yet");
		const uid = (await getPod("p")).metadata?.uid ?? "";
		const owned = claim("made");
		await create({
			...owned,
			metadata: { ...owned.metadata, ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid, controller: true }] },
		} as KubeObject);
		const status = { resourceClaimStatuses: [{ name: "device", resourceClaimName: "made" }] };
		await client.resource(pods).updateStatus({ ...(await getPod("p")), status });
		await clock.advance(100);
		expect(await placement("p")).toBe("node-1");
		await create(slice("b", ["gpu-0"], { pool: { name: "other", generation: 1, resourceSliceCount: 1 } }), claim("later"));
		expect(await placement("q")).toBe("node-1");
	});

	it("does not take a claim that was made for another pod, or that is going", async () => {
		const foreign = claim("foreign");
		const going = claim("going");
		const { placement, client, create } = await setUp(
			...base,
			slice("a", ["gpu-0"]),
			foreign,
			{ ...going, metadata: { ...going.metadata, finalizers: [claimFinalizer] } } as KubeObject,
			plainPod(
				"p",
				{ resourceClaims: [{ name: "device", resourceClaimTemplateName: "t" }] },
				{},
				{ resourceClaimStatuses: [{ name: "device", resourceClaimName: "foreign" }] },
			),
		);
		expect(await placement("p")).toBe(
			"DynamicResources: ResourceClaim default/foreign was not created for Pod default/p (Pod is not owner)",
		);
		await client.resource(resourceClaims).delete({ namespace: "default", name: "going" });
		await create(pod("q", "going"));
		expect(await placement("q")).toMatch(/resourceclaim "going" is being deleted/);
	});

	it("waits for the language of selectors before it is looked at", async () => {
		const selecting = claim("c", { requests: [request("gpu", { selectors: [cel(`device.driver == "${driver}"`)] })] });
		const { placement, clock } = await setUp(...base, slice("a", ["gpu-0"]), selecting, pod("p", "c"));
		for (let tries = 0; tries < 200 && (await placement("p")) !== "node-1"; tries++) {
			await import("../../apimachinery/cel/index.ts");
			await clock.advance(10);
		}
		expect(await placement("p")).toBe("node-1");
	});

	it("tells of a selector that fails, and tries again", async () => {
		const selecting = claim("c", { requests: [request("gpu", { selectors: [cel(`device.attributes["x.example.com"].y == 1`)] })] });
		await import("../../apimachinery/cel/index.ts");
		const { placement, clock } = await setUp(node("node-1"), deviceClass(), slice("a", ["gpu-0"]), selecting, pod("p", "c"));
		await clock.advance(1_000);
		expect(await placement("p")).toBe(
			`running "DynamicResources" filter plugin: claim default/c: selector #0 on device ${driver}/pool/gpu-0: CEL runtime error: no such key: y`,
		);
	});
});

describe("two pods in flight", () => {
	it("never get the same device", async () => {
		const { placement, getClaim, api, clock } = await setUp(...base, slice("a", ["gpu-0", "gpu-1"]));
		// Writes take their time, so that the second pod is looked at while the first one's devices are only spoken for.
		api.fake.intercept = async ({ verb, resource }) => {
			if (resource === "resourceclaims" && verb === "update") await new Promise<void>((resolve) => clock.setTimeout(resolve, 50));
		};
		const client = new Client(api);
		for (const name of ["a", "b"]) await client.resource(resourceClaims).create(claim(name));
		for (const name of ["a", "b"]) await client.resource(pods).create(pod(name, name));
		await clock.advance(5_000);
		expect([await placement("a"), await placement("b")]).toEqual(["node-1", "node-1"]);
		const devices = await Promise.all(
			["a", "b"].map(async (name) => (await getClaim(name)).status?.allocation?.devices?.results?.[0]?.device),
		);
		expect(devices.sort()).toEqual(["gpu-0", "gpu-1"]);
	});

	it("wait for a claim that one of them is about to allocate", async () => {
		const { placement, getClaim, api, clock, told } = await setUp(...base, slice("a", ["gpu-0"]), claim("c"));
		api.fake.intercept = async ({ verb, resource }) => {
			if (resource === "resourceclaims" && verb === "update") await new Promise<void>((resolve) => clock.setTimeout(resolve, 500));
		};
		const client = new Client(api);
		for (const name of ["p", "q"]) await client.resource(pods).create(pod(name, "c"));
		await clock.advance(10_000);
		expect([await placement("p"), await placement("q")]).toEqual(["node-1", "node-1"]);
		expect((await getClaim("c")).status?.reservedFor).toHaveLength(2);
		expect((await told()).some((text) => text.includes("resource claim default/c is in the process of being allocated"))).toBe(true);
	});
});

describe("a write that fails", () => {
	it("is tried again where somebody else was faster", async () => {
		let conflicts = 2;
		const { placement, api, client, clock } = await setUp(...base, slice("a", ["gpu-0"]), claim("c"));
		api.fake.intercept = (asked) => {
			if (asked.resource === "resourceclaims" && asked.verb === "update" && conflicts-- > 0) throw newConflict(asked, "c", "changed");
		};
		await client.resource(pods).create(pod("p", "c"));
		await clock.advance(100);
		expect(await placement("p")).toBe("node-1");
	});

	it("gives the devices back to others", async () => {
		let refusals = 1;
		const { placement, api, client, clock, told } = await setUp(...base, slice("a", ["gpu-0"]), claim("c"), claim("d"));
		api.fake.intercept = async ({ verb, resource, name }) => {
			if (resource !== "resourceclaims" || verb !== "update" || name !== "c") return;
			await new Promise<void>((resolve) => clock.setTimeout(resolve, 2_000));
			if (refusals-- > 0) throw newInternalError("no");
		};
		await client.resource(pods).create(pod("p", "c"));
		await client.resource(pods).create(pod("q", "d"));
		await clock.advance(3_000);
		expect(await told()).toContain(
			'FailedScheduling: running PreBind plugin "DynamicResources": add finalizer to claim default/c: Internal error occurred: no',
		);
		expect(await placement("q")).toBe("node-1");
	});

	it("takes the reservation back when the pod cannot be bound", async () => {
		const { api, client, clock, getClaim, placement } = await setUp(...base, slice("a", ["gpu-0"]), claim("c"));
		api.refusals = 1;
		await client.resource(pods).create(pod("p", "c"));
		await clock.advance(100);
		expect((await getClaim("c")).status?.reservedFor).toEqual([]);
		await clock.advance(10_000);
		expect(await placement("p")).toBe("node-1");
		expect((await getClaim("c")).status?.reservedFor).toEqual([consumer("p")]);
	});
});

describe("an allocated claim that keeps the pod from every node", () => {
	it("gives its devices back if nobody else uses it", async () => {
		const { placement, clock, getClaim, told } = await setUp(
			node("node-2"),
			deviceClass(),
			slice("b", ["gpu-9"], { nodeName: "node-2" }),
			claim("c", undefined, given("gpu-0")),
			pod("p", "c"),
		);
		await clock.advance(10_000);
		expect((await told())[0]).toMatch(
			/^FailedScheduling: 0\/1 nodes are available: 1 resourceclaim not available on the node\. deallocation of ResourceClaim completed/,
		);
		expect(await placement("p")).toBe("node-2");
		expect((await getClaim("c")).status?.allocation?.devices?.results?.[0]?.device).toBe("gpu-9");
	});

	it("keeps them while somebody else uses it", async () => {
		const status = { ...given("gpu-0"), reservedFor: [{ resource: "pods", name: "other", uid: "other" }] };
		const { clock, getClaim, placement } = await setUp(node("node-2"), deviceClass(), claim("c", undefined, status), pod("p", "c"));
		await clock.advance(10_000);
		expect((await getClaim("c")).status).toEqual(status);
		expect(await placement("p")).toMatch(/1 resourceclaim not available on the node\. still not schedulable/);
	});
});

describe("devices that have to be prepared (KEP-5007)", () => {
	const fabric = slice("a", [{ name: "gpu-0", bindingConditions: ["Attached"], bindingFailureConditions: ["Broken"] }]);
	const device = { driver, pool: "pool", device: "gpu-0" };
	const condition = (type: string) => ({
		type,
		status: "True",
		reason: "Because",
		message: "x",
		lastTransitionTime: "2026-01-01T00:00:00Z",
	});
	const report = async ({ client, getClaim }: Awaited<ReturnType<typeof setUp>>, type: string) => {
		const current: ResourceResourceClaim = await getClaim("c");
		const devices = [{ ...device, conditions: [condition(type)] }];
		await client.resource(resourceClaims).updateStatus({ ...current, status: { ...current.status, devices } });
	};

	it("are waited for", async () => {
		const world = await setUp(...base, fabric, claim("c"), pod("p", "c"));
		await world.clock.advance(60_000);
		expect((await world.getPod("p")).spec?.nodeName).toBeUndefined();
		expect(await world.told()).toEqual(["BindingConditionsPending: waiting for binding conditions for device on node node-1"]);
		await report(world, "Attached");
		await world.clock.advance(6_000);
		expect(await world.placement("p")).toBe("node-1");
	});

	it("are given back when their driver fails", async () => {
		const world = await setUp(...base, fabric, claim("c"), pod("p", "c"));
		await world.clock.advance(6_000);
		await report(world, "Broken");
		await world.clock.advance(6_000);
		expect(await world.told()).toContain(
			'FailedScheduling: running PreBind plugin "DynamicResources": claim c binding failed: reason=Because, message="x"',
		);
		await world.clock.advance(20_000);
		// The next attempt has taken the device back, and begun anew.
		expect((await world.told()).filter((text) => text.startsWith("BindingConditionsPending"))).toHaveLength(1);
		expect((await world.getClaim("c")).status?.devices).toBeUndefined();
	});

	it("are given back when their time is up", async () => {
		const world = await setUp(...base, fabric, claim("c"), pod("p", "c"));
		await world.clock.advance(620_000);
		const texts = await world.told();
		expect(texts.some((text) => text.includes("binding timeout"))).toBe(true);
	});
});

it("prefers the node that gives what a request would rather have", async () => {
	const large = { name: "large", deviceClassName: "large", allocationMode: "ExactCount", count: 1 };
	const either = claim("c", { requests: [{ name: "gpu", firstAvailable: [large, { ...large, name: "small", deviceClassName: "gpu" }] }] });
	const selecting = deviceClass("large", { selectors: [cel(`has(device.attributes["${driver}"].large)`)] });
	await import("../../apimachinery/cel/index.ts");
	const { placement, clock } = await setUp(
		...base,
		selecting,
		slice("a", ["gpu-0"]),
		slice("b", [{ name: "gpu-1", attributes: { large: { bool: true } } }], {
			nodeName: "node-2",
			pool: { name: "other", generation: 1, resourceSliceCount: 1 },
		}),
		either,
		pod("p", "c"),
	);
	await clock.advance(1_000);
	expect(await placement("p")).toBe("node-2");
});

describe("a resource that a class stands for (KEP-5004)", () => {
	const gpu = "example.com/gpu";
	const backing = deviceClass("gpu", { extendedResourceName: gpu });
	const wanting = (name: string, count = "1") => podWith(name, { [gpu]: count });
	const claimsOf = async ({ client }: Awaited<ReturnType<typeof setUp>>) => (await client.resource(resourceClaims).list("default")).items;

	it("is a claim that the scheduler makes", async () => {
		const world = await setUp(node("node-1"), node("node-2"), backing, slice("a", ["gpu-0", "gpu-1"]), wanting("p"));
		expect(await world.placement("p")).toBe("node-1");
		const [made, ...others] = await claimsOf(world);
		expect(others).toEqual([]);
		const { metadata } = await world.getPod("p");
		expect(made?.metadata).toMatchObject({
			name: expect.stringMatching(/^p-extended-resources-[a-z0-9]{5}$/),
			annotations: { "resource.kubernetes.io/extended-resource-claim": "true" },
			ownerReferences: [{ apiVersion: "v1", kind: "Pod", name: "p", uid: metadata?.uid, controller: true }],
			finalizers: [claimFinalizer],
		});
		expect(made?.spec).toEqual({
			devices: {
				requests: [{ name: "container-0-request-0", exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1 } }],
			},
		});
		expect(made?.status?.reservedFor).toEqual([consumer("p")]);
		expect(made?.status?.allocation?.devices?.results?.map(({ device }) => device)).toEqual(["gpu-0"]);
		expect((await world.getPod("p")).status?.extendedResourceClaimStatus).toEqual({
			requestMappings: [{ containerName: "main", resourceName: gpu, requestName: "container-0-request-0" }],
			resourceClaimName: made?.metadata?.name,
		});
	});

	it("is taken from the node that has it by itself", async () => {
		const world = await setUp(node("node-1", { allocatable: { [gpu]: "1" } }), backing, wanting("p"));
		expect(await world.placement("p")).toBe("node-1");
		expect(await claimsOf(world)).toEqual([]);
	});

	it("keeps pods waiting that get no device, until there is a class and a device", async () => {
		const world = await setUp(node("node-1"), wanting("p"));
		expect(await world.placement("p")).toMatch(/1 Insufficient example\.com\/gpu/);
		await world.create(backing);
		await world.clock.advance(1_000);
		expect(await world.placement("p")).toBe(noDevices(1));
		await world.create(slice("a", ["gpu-0"]));
		await world.clock.advance(2_000);
		expect(await world.placement("p")).toBe("node-1");
	});

	it("never gives two pods the same device, however late the scheduler hears of the claims that it made", async () => {
		const world = await setUp(node("node-1"), backing, slice("a", ["gpu-0", "gpu-1"]));
		world.api.fake.watchDelayMs.set("resourceclaims", 700);
		for (const name of ["p", "q", "r"]) await world.client.resource(pods).create(wanting(name));
		await world.clock.advance(20_000);
		const claims = await claimsOf(world);
		const given = claims.flatMap(({ status }) => status?.allocation?.devices?.results?.map(({ device }) => device) ?? []);
		expect(given.sort()).toEqual(["gpu-0", "gpu-1"]);
	});

	it("is given back when the pod cannot be bound", async () => {
		const world = await setUp(node("node-1"), backing, slice("a", ["gpu-0"]));
		world.api.refusals = 1;
		await world.client.resource(pods).create(wanting("p"));
		await world.clock.advance(30_000);
		expect(await world.placement("p")).toBe("node-1");
		expect(await claimsOf(world)).toHaveLength(1);
	});
});
