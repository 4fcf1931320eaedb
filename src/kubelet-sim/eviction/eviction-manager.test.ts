import { afterEach, describe, expect, it } from "vitest";
import type { Container, Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";
import { nodes, pods } from "../../client/resources.ts";
import type { NodeOptions } from "../node/new-nodes.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;

afterEach(() => harness.stop());

async function started(node: Omit<NodeOptions, "name"> = {}): Promise<FleetHarness> {
	harness = new FleetHarness();
	await harness.start("n1", node);
	return harness;
}

interface Usage {
	readonly memory?: string;
	readonly disk?: string;
}

async function create(name: string, usage: Usage, spec: Partial<PodSpec> = {}, container: Partial<Container> = {}): Promise<Pod> {
	const annotations = {
		...(usage.memory === undefined ? {} : { "kubesim.dev/memory-usage": usage.memory }),
		...(usage.disk === undefined ? {} : { "kubesim.dev/disk-usage": usage.disk }),
	};
	return harness.client.resource(pods).create({
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name, namespace: "default", annotations },
		spec: { nodeName: "n1", containers: [{ name: "c", image: "registry.k8s.io/pause:3.10", ...container }], ...spec },
		status: { phase: "Pending", qosClass: container.resources === undefined ? "BestEffort" : "Burstable" },
	});
}

const seconds = (count: number) => harness.clock.advance(count * 1_000);
const asks = (memory: string) => ({ resources: { requests: { memory } } });

async function state(name: string): Promise<string> {
	const { status } = await harness.get(name);
	return [status?.phase, status?.reason].filter((part) => part !== undefined).join(" ");
}

async function condition(type: string): Promise<string> {
	const { status } = await harness.client.resource(nodes).get({ name: "n1" });
	const found = status?.conditions?.find((each) => each.type === type);
	return `${found?.status} ${found?.reason}: ${found?.message}`;
}

describe("a node that runs out of memory", () => {
	it("ends the pod that is furthest above what it asked for, and no more than has to go", async () => {
		await started();
		await create("promised", { memory: "3Gi" }, {}, asks("4Gi"));
		await create("modest", { memory: "1Gi" }, {}, asks("512Mi"));
		await create("greedy", { memory: "0s=100Mi 1m=100Mi 1m=4Gi" });
		await seconds(59);
		expect([await state("greedy"), await condition("MemoryPressure")]).toEqual([
			"Running",
			"False KubeletHasSufficientMemory: kubelet has sufficient memory available",
		]);
		await seconds(14);
		expect([await state("promised"), await state("modest"), await state("greedy")]).toEqual(["Running", "Running", "Failed Evicted"]);
		const { status } = await harness.get("greedy");
		// 8 Gi are less than the three and the system's 620 Mi.
		const message =
			"The node was low on resource: memory. Threshold quantity: 100Mi, available: 0. Container c was using 4Gi, request is 0, has larger consumption of memory. ";
		expect(status?.message).toBe(message);
		expect(status?.conditions?.find(({ type }) => type === "DisruptionTarget")).toMatchObject({
			status: "True",
			reason: "TerminationByKubelet",
			message,
		});
		expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 0, reason: "Completed" });
		expect(await harness.events("greedy")).toContain(`Warning Evicted ${message}`);
		const events = await harness.events("n1");
		expect(events).toContain("Warning EvictionThresholdMet Attempting to reclaim memory");
		expect(events).toContain("Normal NodeHasInsufficientMemory Node n1 status is now: NodeHasInsufficientMemory");
	});

	it("says so in its condition until that has not been for five minutes, and keeps out who promises nothing", async () => {
		await started();
		await create("greedy", { memory: "0s=8Gi" });
		await seconds(11);
		expect(await condition("MemoryPressure")).toBe("True KubeletHasInsufficientMemory: kubelet has insufficient memory available");
		await create("late", {});
		await create("serious", {}, {}, asks("64Mi"));
		await create("tolerant", {}, { tolerations: [{ key: "node.kubernetes.io/memory-pressure", operator: "Exists" }] });
		await seconds(1);
		expect([await state("late"), await state("serious"), await state("tolerant")]).toEqual(["Failed Evicted", "Running", "Running"]);
		expect((await harness.get("late")).status?.message).toBe("Pod was rejected: The node had condition: [MemoryPressure]. ");
		await seconds(280);
		expect(await condition("MemoryPressure")).toMatch(/^True /);
		await seconds(40);
		expect(await condition("MemoryPressure")).toMatch(/^False KubeletHasSufficientMemory/);
		expect(await harness.events("n1")).toContain("Normal NodeHasSufficientMemory Node n1 status is now: NodeHasSufficientMemory (x2)");
	});

	it("spares pods of a higher priority, and never touches critical ones", async () => {
		await started();
		await create("low", { memory: "3Gi" });
		await create("high", { memory: "4Gi" }, { priority: 1000 });
		await create("system", { memory: "2Gi" }, { priority: 2_000_001_000 });
		await seconds(15);
		expect([await state("low"), await state("high"), await state("system")]).toEqual(["Failed Evicted", "Running", "Running"]);
		await create("more", { memory: "5Gi" }, {}, asks("5Gi"));
		await seconds(40);
		expect([await state("high"), await state("system"), await state("more")]).toEqual(["Failed Evicted", "Running", "Running"]);
	});

	it("gives pods time on a soft threshold, and waits for it", async () => {
		const kubelet = {
			evictionSoft: { "memory.available": "2Gi" },
			evictionSoftGracePeriod: { "memory.available": "1m" },
			evictionMaxPodGracePeriod: 20,
		};
		await started({ kubelet });
		await create("stubborn", { memory: "6Gi" }, {}, { image: "busybox", command: ["sleep", "1000"] });
		await seconds(55);
		expect([await state("stubborn"), await condition("MemoryPressure")]).toEqual([
			"Running",
			"True KubeletHasInsufficientMemory: kubelet has insufficient memory available",
		]);
		await seconds(16);
		expect(await harness.events("stubborn")).toContainEqual(
			expect.stringContaining("Warning Evicted The node was low on resource: memory."),
		);
		expect(await state("stubborn")).toBe("Running");
		await seconds(20);
		expect(await state("stubborn")).toBe("Failed Evicted");
	});
});

describe("a node whose disk fills", () => {
	it("deletes unused images first, and then ends who has most", async () => {
		await started({ capacity: { "ephemeral-storage": "1Gi" } });
		// 72 MB of images, two minutes old.
		await create("first", {}, { restartPolicy: "Never" }, { image: "nginx" });
		await seconds(1);
		await harness.delete("first");
		await seconds(150);
		const images = async () => (await harness.client.resource(nodes).get({ name: "n1" })).status?.images?.length;
		await create("small", { disk: "100Mi" });
		await create("large", { disk: "0s=0 30s=0 30s=720Mi" });
		await seconds(45);
		expect([await state("small"), await state("large")]).toEqual(["Running", "Running"]);
		expect(await condition("DiskPressure")).toBe("True KubeletHasDiskPressure: kubelet has disk pressure");
		expect(await images()).toBe(1);
		await create("largest", { disk: "1Gi" }, { priority: 2_000_001_000 });
		await seconds(15);
		expect([await state("small"), await state("large"), await state("largest")]).toEqual(["Failed Evicted", "Failed Evicted", "Running"]);
		expect(harness.story).toContain("large 0/1 Completed 0");
		expect(harness.story.indexOf("large 0/1 Completed 0")).toBeLessThan(harness.story.indexOf("small 0/1 Completed 0"));
		expect((await harness.get("large")).status?.message).toMatch(
			/^The node was low on resource: ephemeral-storage\. Threshold quantity: 107374182, available: 0\. Container c was using 720Mi, request is 0, has larger consumption of ephemeral-storage\. $/,
		);
		await create("anybody", {}, {}, asks("64Mi"));
		await seconds(1);
		expect((await harness.get("anybody")).status?.message).toBe("Pod was rejected: The node had condition: [DiskPressure]. ");
	});

	it("complains when there are not enough images to delete", async () => {
		await started({ capacity: { "ephemeral-storage": "1Gi" }, kubelet: { evictionHard: {} } });
		await create("large", { disk: "900Mi" });
		await seconds(320);
		expect(await harness.events("n1")).toContainEqual(
			expect.stringMatching(
				/^Warning FreeDiskSpaceFailed Failed to garbage collect required amount of images\. Attempted to free \d+ bytes, but only found 0 bytes eligible to free\.$/,
			),
		);
	});
});

describe("a pod above its own limits of storage", () => {
	it.each<[string, Usage, Partial<PodSpec>, Partial<Container>, string]>([
		[
			"of a container",
			{ disk: "20Mi" },
			{},
			{ resources: { limits: { "ephemeral-storage": "10Mi" } } },
			"Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ",
		],
		[
			"of an emptyDir",
			{},
			{ volumes: [{ name: "cache", emptyDir: { sizeLimit: "1Mi" } }] },
			{
				image: "busybox",
				command: ["sh", "-c", "head -c 1500000 /dev/zero > /cache/data; sleep 1000"],
				volumeMounts: [{ name: "cache", mountPath: "/cache" }],
			},
			'Usage of EmptyDir volume "cache" exceeds the limit "1Mi". ',
		],
	])("%s is evicted", async (_, usage, spec, container, message) => {
		await started();
		await create("writer", usage, spec, container);
		await create("other", {}, { volumes: [{ name: "cache", emptyDir: { sizeLimit: "10Mi" } }] });
		await seconds(15);
		expect([await state("writer"), await state("other")]).toEqual(["Failed Evicted", "Running"]);
		expect((await harness.get("writer")).status?.message).toBe(message);
		expect(await harness.events("writer")).toContain(`Warning Evicted ${message}`);
	});
});

describe("a node that somebody puts a load on", () => {
	it.each([
		["memory", "MemoryPressure"],
		["disk", "DiskPressure"],
	] as const)("of %s is short of it until it is relieved", async (resource, type) => {
		const { fleet } = await started();
		await create("system", {}, { priority: 2_000_001_000 });
		await seconds(1);
		fleet.pressNode("n1", resource);
		await seconds(15);
		expect(await condition(type)).toMatch(/^True /);
		fleet.relieveNode("n1");
		await seconds(320);
		expect(await condition(type)).toMatch(/^False /);
	});

	it("of processes, only where the kubelet minds", async () => {
		const { fleet } = await started();
		expect(() => fleet.pressNode("n1", "pid")).toThrow("the kubelet of n1 has no hard threshold of pid.available (evictionHard)");
		await fleet.addNode({ name: "n2", kubelet: { evictionHard: { "pid.available": "1000" } } });
		await create("many", {}, { nodeName: "n2" });
		await seconds(1);
		fleet.pressNode("n2", "pid");
		await seconds(12);
		expect((await harness.get("many")).status?.message).toBe(
			"The node was low on resource: pids. Threshold quantity: 1k, available: 500. ",
		);
	});
});

it("a node on which nothing can come near a threshold is not looked at", async () => {
	await started();
	await create("app", { memory: "100Mi" });
	await create("plain", {});
	await seconds(30);
	// Lease and status.
	expect(harness.clock.pendingTimers()).toBe(2);
	await create("large", { memory: "0s=0 1h=10Gi" });
	await seconds(30);
	expect(harness.clock.pendingTimers()).toBe(3);
});
