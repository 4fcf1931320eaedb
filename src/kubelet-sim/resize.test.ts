/** In-place resize: what the kubelet does, and what it reports, when a pod's spec wants other resources. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Container, Pod, PodSpec, ResourceRequirements } from "../apimachinery/schema/generated/types.ts";
import { pods } from "../client/resources.ts";
import { latencyModel } from "./latency.ts";
import { FleetHarness } from "./testing/fleet-harness.ts";

let harness: FleetHarness;

afterEach(() => harness.stop());

async function start(options: ConstructorParameters<typeof FleetHarness>[0] = {}): Promise<void> {
	harness = new FleetHarness(options);
	await harness.start();
}

const cpu = (amount: string): ResourceRequirements => ({ requests: { cpu: amount } });

async function make(name: string, resources: ResourceRequirements, container: Partial<Container> = {}, spec: Partial<PodSpec> = {}) {
	await harness.pod(name, { image: "nginx", resources, ...container }, spec);
	await harness.clock.advance(0);
}

/** What pods/resize does to the object. */
async function resize(name: string, resources: ResourceRequirements): Promise<void> {
	const pod = await harness.get(name);
	const containers = (pod.spec?.containers ?? []).map((container, index) => (index === 0 ? { ...container, resources } : container));
	const generation = (pod.metadata?.generation ?? 1) + 1;
	await harness.client.resource(pods).update({ ...pod, metadata: { ...pod.metadata, generation }, spec: { ...pod.spec, containers } });
	await harness.clock.advance(0);
}

/** The resize conditions, shortened. */
async function conditions(name: string): Promise<readonly string[]> {
	const all = (await harness.get(name)).status?.conditions ?? [];
	return all
		.filter(({ type }) => type.startsWith("PodResize"))
		.map(({ type, reason = "", message = "", observedGeneration }) => `${type} ${observedGeneration} ${reason} ${message}`.trim());
}

const container = (pod: Pod) => pod.status?.containerStatuses?.[0];

async function resizeEvents(name: string): Promise<readonly string[]> {
	return (await harness.events(name)).filter((event) => /Resize|Killing/.test(event));
}

describe("with room on the node", () => {
	beforeEach(() => start());

	it("gives the running container what it wants, without a restart", async () => {
		await make("app", cpu("500m"));
		expect(container(await harness.get("app"))).toMatchObject({ allocatedResources: { cpu: "500m" }, resources: cpu("500m") });
		await resize("app", cpu("700m"));
		expect(container(await harness.get("app"))).toMatchObject({
			allocatedResources: { cpu: "700m" },
			resources: cpu("700m"),
			restartCount: 0,
		});
		expect(await conditions("app")).toEqual([]);
		expect(await resizeEvents("app")).toEqual([
			'Normal ResizeStarted Pod resize started: {"containers":[{"name":"c","resources":{"requests":{"cpu":"700m"}}}],"generation":2}',
			'Normal ResizeCompleted Pod resize completed: {"containers":[{"name":"c","resources":{"requests":{"cpu":"700m"}}}],"generation":2}',
		]);
	});

	it("restarts a container whose policy asks for it, without back-off and whatever the pod's restart policy", async () => {
		const resizePolicy = [{ resourceName: "memory", restartPolicy: "RestartContainer" }];
		const memory = (amount: string) => ({ requests: { cpu: "100m", memory: amount } });
		await make("app", memory("64Mi"), { resizePolicy }, { restartPolicy: "OnFailure" });
		await resize("app", { requests: { cpu: "200m", memory: "64Mi" } });
		expect(container(await harness.get("app"))?.restartCount).toBe(0);
		await resize("app", memory("128Mi"));
		await harness.clock.advance(100);
		expect(container(await harness.get("app"))).toMatchObject({ restartCount: 1, resources: memory("128Mi"), ready: true });
		expect((await resizeEvents("app")).at(-2)).toBe("Normal Killing Container c resize requires restart");
		expect((await harness.events("app")).filter((event) => event.includes("BackOff"))).toEqual([]);
	});

	it("goes on after a restart of the cluster with what the containers have", async () => {
		await make("app", cpu("500m"));
		await resize("app", cpu("5"));
		const before = harness;
		before.stop();
		harness = new FleetHarness({}, before);
		await harness.start();
		await harness.clock.advance(0);
		expect(container(await harness.get("app"))?.resources).toEqual(cpu("500m"));
		expect(await conditions("app")).toHaveLength(1);
		await resize("app", cpu("600m"));
		expect(container(await harness.get("app"))?.resources).toEqual(cpu("600m"));
	});
});

it("shows PodResizeInProgress for as long as it takes", async () => {
	await start({ latency: { ...latencyModel("none"), noticeMs: () => 1000 } });
	await make("app", cpu("500m"));
	await resize("app", cpu("700m"));
	expect(await conditions("app")).toEqual(["PodResizeInProgress 2"]);
	expect(container(await harness.get("app"))).toMatchObject({ allocatedResources: { cpu: "700m" }, resources: cpu("500m") });
	await harness.clock.advance(1000);
	expect(await conditions("app")).toEqual([]);
	expect(container(await harness.get("app"))?.resources).toEqual(cpu("700m"));
});

describe("without", () => {
	beforeEach(() => start());

	it("says Infeasible if the node is too small, until the spec wants less", async () => {
		await make("app", cpu("500m"));
		await resize("app", cpu("5"));
		expect(await conditions("app")).toEqual([
			"PodResizePending 2 Infeasible Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000",
		]);
		expect(container(await harness.get("app"))).toMatchObject({ allocatedResources: { cpu: "500m" }, resources: cpu("500m") });
		await resize("app", cpu("500m"));
		expect(await conditions("app")).toEqual([]);
		expect(await resizeEvents("app")).toEqual([
			`Warning ResizeInfeasible Pod resize Infeasible: {"containers":[{"name":"c","resources":{"requests":{"cpu":"5"}}}],"generation":2,"error":"Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000"}`,
		]);
	});

	it.each<[string, () => Promise<unknown>]>([
		["goes", () => harness.delete("other")],
		["takes less", () => resize("other", cpu("1"))],
	])("says Deferred if others are in the way, and tries again when one of them %s", async (_, free) => {
		await make("other", cpu("3"));
		await make("app", cpu("500m"));
		await resize("app", cpu("2"));
		expect(await conditions("app")).toEqual([
			"PodResizePending 2 Deferred Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
		]);
		await free();
		await harness.clock.advance(100);
		expect(await conditions("app")).toEqual([]);
		expect(container(await harness.get("app"))?.resources).toEqual(cpu("2"));
	});
});
