/** What the pods of a fleet use, as metrics-server would find it. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Container, EndpointSlice, Pod, Service } from "../../apimachinery/schema/generated/types.ts";
import { endpointSlices, pods, services } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

const secondMs = 1_000;
let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
});

afterEach(() => harness.stop());

/** `container cores MiB` of each container, and the window in seconds. */
function usage(pod: string): string | undefined {
	const found = harness.fleet.usage.podUsage("default", pod);
	if (found === undefined) return undefined;
	const cells = found.containers.map(
		({ name, cpuNanoCores, memoryBytes }) => `${name} ${(cpuNanoCores / 1e9).toFixed(3)} ${Math.round(memoryBytes / 1_048_576)}`,
	);
	return [...cells, `${found.windowMs / 1000}s`].join(", ");
}

const seconds = (count: number) => harness.clock.advance(count * secondMs);

async function annotate(name: string, annotations: Readonly<Record<string, string>>): Promise<void> {
	await harness.client.resource(pods).patch({ namespace: "default", name }, "application/merge-patch+json", { metadata: { annotations } });
	await harness.clock.advance(0);
}

function create(name: string, container: Partial<Container>, annotations: Readonly<Record<string, string>> = {}): Promise<Pod> {
	const pod: Pod = {
		apiVersion: "v1",
		kind: "Pod",
		metadata: { name, namespace: "default", annotations },
		spec: { nodeName: "n1", containers: [{ name: "c", image: "registry.k8s.io/pause:3.10", ...container }] },
		status: { phase: "Pending", qosClass: "BestEffort" },
	};
	return harness.client.resource(pods).create(pod);
}

describe("a pod that is young", () => {
	it.each([
		// Looks are at every full 15 s; [start after a look, seconds later]
		[1, 13, undefined],
		[1, 14, "c 0.000 0, 14s"],
		[1, 29, "c 0.000 0, 15s"],
		[6, 23, undefined],
		[6, 24, "c 0.000 0, 15s"],
	])("which starts %i s after a look is told of %i s later: %s", async (startSeconds, laterSeconds, expected) => {
		await seconds(startSeconds);
		await create("young", {});
		await seconds(laterSeconds);
		expect(usage("young")).toBe(expected);
	});
});

describe("annotations", () => {
	it("say what is used, of one container or of all, and may change", async () => {
		await create("app", {}, { "kubesim.dev/cpu-usage": "300m", "kubesim.dev/memory-usage": "100Mi", "kubesim.dev/cpu-usage.other": "3" });
		await seconds(30);
		expect(usage("app")).toBe("c 0.300 100, 15s");
		await annotate("app", { "kubesim.dev/cpu-usage.c": "600m" });
		await seconds(15);
		expect(usage("app")).toBe("c 0.600 100, 15s");
		// Half of the window is of before.
		await seconds(7.5);
		await annotate("app", { "kubesim.dev/cpu-usage.c": "0" });
		await seconds(7.5);
		expect(usage("app")).toBe("c 0.300 100, 15s");
	});

	it("make curves over time, of which a limit cuts the processor off", async () => {
		const limits = { cpu: "500m", memory: "50Mi" };
		await create("app", { resources: { limits } }, { "kubesim.dev/cpu-usage": "30s=100m 30s=2", "kubesim.dev/memory-usage": "50Mi" });
		await seconds(30);
		expect(usage("app")).toBe("c 0.100 50, 15s");
		await seconds(30);
		expect(usage("app")).toBe("c 0.500 50, 15s");
	});

	it("that say more memory than the limit have the container killed, when they do", async () => {
		const resources = { limits: { memory: "100Mi" } };
		await create("grows", { resources }, { "kubesim.dev/memory-usage": "0s=50Mi 40s=50Mi 60s=150Mi" });
		await create("stays", { resources }, { "kubesim.dev/memory-usage": "0s=50Mi 60s=100Mi" });
		await seconds(49);
		expect((await harness.get("grows")).status?.containerStatuses?.[0]?.restartCount).toBe(0);
		await seconds(2);
		const { lastState, restartCount } = (await harness.get("grows")).status?.containerStatuses?.[0] ?? {};
		expect(lastState?.terminated).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
		expect(restartCount).toBe(1);
		// It wants as much again at once, so it is killed again.
		await seconds(30);
		expect(harness.story).toContain("grows 0/1 CrashLoopBackOff 1");
		expect((await harness.get("stays")).status?.containerStatuses?.[0]?.restartCount).toBe(0);
		await annotate("stays", { "kubesim.dev/memory-usage": "101Mi" });
		await seconds(1);
		expect((await harness.get("stays")).status?.containerStatuses?.[0]?.lastState?.terminated?.reason).toBe("OOMKilled");
	});

	it("are what counts against a limit, and an image's own use where it is known", async () => {
		await create("tight", { image: "nginx", resources: { limits: { memory: "2Mi" } } });
		await create("unknown", { image: "example.com/app", resources: { limits: { memory: "2Mi" } } });
		await seconds(5);
		expect((await harness.get("tight")).status?.containerStatuses?.[0]?.lastState?.terminated?.reason).toBe("OOMKilled");
		expect((await harness.get("unknown")).status?.containerStatuses?.[0]?.state?.running).toBeDefined();
	});

	it("that cannot be read count as absent, and are complained of once", async () => {
		await create("app", {}, { "kubesim.dev/cpu-usage": "a lot" });
		await seconds(30);
		expect(usage("app")).toBe("c 0.000 0, 15s");
		await seconds(15);
		usage("app");
		const complaint = 'Warning InvalidUsage annotation kubesim.dev/cpu-usage: "a lot": "a" is not of the form time=amount';
		expect((await harness.events("app")).filter((text) => text.startsWith("Warning"))).toEqual([complaint]);
	});
});

describe("work", () => {
	it("of a shell that loops takes a core, or what the limit leaves of one", async () => {
		const command = ["sh", "-c", "while true; do :; done"];
		await create("busy", { image: "busybox", command });
		await create("limited", { image: "busybox", command, resources: { limits: { cpu: "200m" } } });
		await seconds(15);
		// The slice that is under way is counted when it is done.
		expect(usage("busy")).toMatch(/^c (?:1\.000|0\.99\d) 1, 15s$/);
		expect(usage("limited")).toMatch(/^c 0\.(?:200|19\d) 1, 15s$/);
	});

	it("of the documentation's stress tests", async () => {
		await create("cpu-demo", { image: "vish/stress", args: ["-cpus", "2"], resources: { limits: { cpu: "1" } } });
		const args = ["--vm", "1", "--vm-bytes", "150M", "--vm-hang", "1"];
		await create("memory-demo", { image: "polinux/stress", command: ["stress"], args, resources: { limits: { memory: "200Mi" } } });
		await create("memory-demo-2", { image: "polinux/stress", command: ["stress"], args, resources: { limits: { memory: "100Mi" } } });
		await seconds(45);
		expect([usage("cpu-demo"), usage("memory-demo")]).toEqual(["c 1.000 1, 15s", "c 0.000 151, 15s"]);
		expect((await harness.get("memory-demo-2")).status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({
			reason: "OOMKilled",
			exitCode: 137,
		});
	});

	it("of the walkthrough's server, asked by its load generator", async () => {
		const loop = "while sleep 0.01; do wget -q -O- http://10.244.0.2; done";
		await create("php-apache", { image: "registry.k8s.io/hpa-example", resources: { limits: { cpu: "500m" } } });
		await harness.clock.advance(0);
		expect((await harness.get("php-apache")).status?.podIP).toBe("10.244.0.2");
		await create("load-generator", { image: "busybox:1.28", command: ["/bin/sh", "-c", loop] });
		await seconds(45);
		// It wants 0.61 of a core, and is throttled.
		expect(usage("php-apache")).toMatch(/^c 0\.(?:500|49\d) 11, 15s$/);
		expect(usage("load-generator")).toMatch(/^c 0\.0[2-9]\d 1, 15s$/);
	});
});

describe("the load of a Service", () => {
	const service = (load: string): Service => ({
		apiVersion: "v1",
		kind: "Service",
		metadata: { name: "web", namespace: "default", annotations: { "kubesim.dev/cpu-load": load } },
		spec: { ports: [{ port: 80 }] },
	});
	const slice = (...names: readonly string[]): EndpointSlice => ({
		apiVersion: "discovery.k8s.io/v1",
		kind: "EndpointSlice",
		metadata: { name: "web-1", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
		addressType: "IPv4",
		ports: [],
		endpoints: names.map((name) => ({ addresses: ["10.0.0.1"], conditions: { ready: true }, targetRef: { kind: "Pod", name } })),
	});

	it("is borne by the pods that are its ready endpoints, in equal parts", async () => {
		await create("a", {});
		await create("b", {});
		await harness.client.resource(services).create(service("800m"));
		await harness.client.resource(endpointSlices).create(slice("a"));
		await seconds(30);
		expect([usage("a"), usage("b")]).toEqual(["c 0.800 0, 15s", "c 0.000 0, 15s"]);
		await harness.client.resource(endpointSlices).update(slice("a", "b"));
		await seconds(15);
		expect([usage("a"), usage("b")]).toEqual(["c 0.400 0, 15s", "c 0.400 0, 15s"]);
		await harness.client.resource(services).update(service("200m"));
		await seconds(15);
		expect([usage("a"), usage("b")]).toEqual(["c 0.100 0, 15s", "c 0.100 0, 15s"]);
		await harness.client.resource(services).delete({ namespace: "default", name: "web" });
		await seconds(15);
		expect([usage("a"), usage("b")]).toEqual(["c 0.000 0, 15s", "c 0.000 0, 15s"]);
	});

	it("comes to pods that are there only after their endpoints", async () => {
		await harness.client.resource(services).create(service("800m"));
		await harness.client.resource(endpointSlices).create(slice("late"));
		await seconds(15);
		await create("late", {});
		await seconds(1);
		harness.fleet.usage.podUsage("default", "late");
		await seconds(45);
		expect(usage("late")).toBe("c 0.800 0, 15s");
	});
});

describe("a node", () => {
	it("uses what its pods use, and something for itself; it is told of when it was seen twice", async () => {
		expect(harness.fleet.usage.nodeUsage("n1")).toBeUndefined();
		await create("app", {}, { "kubesim.dev/cpu-usage": "340m", "kubesim.dev/memory-usage": "404Mi" });
		await seconds(45);
		expect(harness.fleet.usage.nodeUsage("n1")).toEqual({
			timestampMs: harness.clock.now(),
			windowMs: 15_000,
			cpuNanoCores: 400_000_000,
			memoryBytes: 1024 * 1_048_576,
		});
		expect(harness.fleet.usage.nodeUsage("n2")).toBeUndefined();
	});

	it("whose kubelet is stopped tells nothing", async () => {
		await create("app", {});
		await seconds(45);
		harness.fleet.stopNode("n1");
		expect([usage("app"), harness.fleet.usage.nodeUsage("n1")]).toEqual([undefined, undefined]);
	});
});
