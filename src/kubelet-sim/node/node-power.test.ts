import { afterEach, describe, expect, it } from "vitest";
import { nodes } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import type { NodeOptions } from "./new-nodes.ts";

let harness: FleetHarness;

afterEach(() => harness.stop());

async function started(node: Omit<NodeOptions, "name"> = {}): Promise<FleetHarness> {
	harness = new FleetHarness();
	await harness.start("n1", node);
	return harness;
}

const seconds = (count: number) => harness.clock.advance(count * 1_000);
const stubborn = { image: "busybox", command: ["sleep", "100000"] };

async function ready(): Promise<string> {
	const { status } = await harness.client.resource(nodes).get({ name: "n1" });
	const found = status?.conditions?.find(({ type }) => type === "Ready");
	return `${found?.status} ${found?.reason}: ${found?.message}`;
}

async function state(name: string): Promise<string> {
	const { status } = await harness.get(name);
	return [status?.phase, status?.reason].filter((part) => part !== undefined).join(" ");
}

describe("a node whose power is cut", () => {
	it("says nothing; when it comes on again, containers have ended, and start anew", async () => {
		const { fleet, api } = await started();
		await harness.pod("web", { image: "nginx" });
		await harness.pod("once", { image: "nginx" }, { restartPolicy: "Never" });
		await seconds(1);
		const bootId = async () => (await harness.client.resource(nodes).get({ name: "n1" })).status?.nodeInfo?.bootID;
		const before = await bootId();
		fleet.powerOffNode("n1");
		const requests = api.requests.length;
		await seconds(60);
		expect(api.requests.length).toBe(requests);
		expect(await state("web")).toBe("Running");
		fleet.startNode("n1");
		await seconds(2);
		const { status } = await harness.get("web");
		expect(status?.phase).toBe("Running");
		expect(status?.containerStatuses?.[0]).toMatchObject({
			restartCount: 1,
			ready: true,
			lastState: { terminated: { exitCode: 255, reason: "Unknown" } },
		});
		expect(await harness.events("web")).toContain("Normal SandboxChanged Pod sandbox changed, it will be killed and re-created.");
		expect(await state("once")).toBe("Failed");
		expect(await bootId()).not.toBe(before);
		expect(await harness.events("n1")).toContain(`Warning Rebooted Node n1 has been rebooted, boot id: ${await bootId()}`);
		expect(await ready()).toBe("True KubeletReady: kubelet is posting ready status");
	});

	it("forgets a start that was under way", async () => {
		harness = new FleetHarness({ latency: "usual" });
		await harness.start();
		await harness.pod("web", { image: "nginx" });
		await seconds(1.2);
		expect(harness.story.at(-1)).toBe("web 0/1 ContainerCreating 0");
		harness.fleet.powerOffNode("n1");
		harness.fleet.startNode("n1");
		await seconds(20);
		const { status } = await harness.get("web");
		expect(status?.containerStatuses?.[0]).toMatchObject({ restartCount: 0, ready: true });
		expect((await harness.events("web")).filter((text) => text.includes("Started"))).toEqual(["Normal Started Container started"]);
	});

	it("runs init containers again for the new sandbox", async () => {
		const { fleet } = await started();
		await harness.pod(
			"web",
			{},
			{ initContainers: [{ name: "init", image: "busybox", command: ["true"] }], containers: [{ name: "c", image: "nginx" }] },
		);
		await seconds(3);
		fleet.powerOffNode("n1");
		fleet.startNode("n1");
		await seconds(5);
		const { status } = await harness.get("web");
		expect([status?.phase, status?.initContainerStatuses?.[0]?.restartCount]).toEqual(["Running", 1]);
	});
});

describe("a node that is shut down", () => {
	it("ends ordinary pods, then critical ones, within their times, and is off then", async () => {
		const { fleet } = await started({ kubelet: { shutdownGracePeriod: "30s", shutdownGracePeriodCriticalPods: "10s" } });
		await harness.pod("polite", { image: "nginx" });
		await harness.pod("stubborn", stubborn, { terminationGracePeriodSeconds: 600 });
		await harness.pod("critical", stubborn, { priority: 2_000_001_000 });
		await seconds(1);
		let isOff = false;
		void fleet.shutDownNode("n1").then(() => {
			isOff = true;
		});
		await seconds(5);
		expect(await ready()).toBe("False KubeletNotReady: node is shutting down");
		expect([await state("polite"), await state("stubborn"), await state("critical")]).toEqual(["Failed Terminated", "Running", "Running"]);
		await harness.pod("late", { image: "nginx" });
		await seconds(1);
		const late = (await harness.get("late")).status;
		expect([late?.reason, late?.message]).toEqual(["NodeShutdown", "Pod was rejected: Pod was rejected as the node is shutting down."]);
		await seconds(17);
		expect([await state("stubborn"), await state("critical")]).toEqual(["Failed Terminated", "Running"]);
		const { status } = await harness.get("stubborn");
		const message = "Pod was terminated in response to imminent node shutdown.";
		expect(status?.message).toBe(message);
		expect(status?.conditions?.find(({ type }) => type === "DisruptionTarget")).toMatchObject({ reason: "TerminationByKubelet", message });
		expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
		await seconds(12);
		expect([await state("critical"), isOff]).toEqual(["Failed Terminated", true]);
		const before = harness.api.requests.length;
		await seconds(30);
		expect(harness.api.requests.length).toBe(before);
		fleet.startNode("n1");
		await seconds(2);
		expect([await ready(), await state("polite")]).toEqual(["True KubeletReady: kubelet is posting ready status", "Failed Terminated"]);
		await harness.pod("next", { image: "nginx" });
		await seconds(1);
		expect(await state("next")).toBe("Running");
	});

	it("is off as soon as nothing runs any more", async () => {
		const { fleet, clock } = await started();
		await harness.pod("polite", { image: "nginx" });
		await seconds(1);
		const beginMs = clock.now();
		let tookMs = 0;
		void fleet.shutDownNode("n1").then(() => {
			tookMs = clock.now() - beginMs;
		});
		await seconds(40);
		expect(tookMs).toBeGreaterThan(0);
		expect(tookMs).toBeLessThan(5_000);
	});

	it.each([["20s", "30s"]])("cannot give critical pods more than all: %s, %s", async (all, critical) => {
		await started();
		await expect(
			harness.fleet.addNode({ name: "n2", kubelet: { shutdownGracePeriod: all, shutdownGracePeriodCriticalPods: critical } }),
		).rejects.toThrow("invalid configuration: shutdownGracePeriodCriticalPods {30s} must be <= shutdownGracePeriod {20s}");
	});
});

it("static pods come back with their node", async () => {
	await started();
	harness.fleet
		.filesOf("n1")
		?.writeFile(
			"/etc/kubernetes/manifests/web.yaml",
			"apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec: { containers: [{ name: c, image: nginx }] }",
		);
	await seconds(2);
	harness.fleet.powerOffNode("n1");
	await seconds(10);
	harness.fleet.startNode("n1");
	await seconds(5);
	expect(await state("web-n1")).toBe("Running");
	expect((await harness.get("web-n1")).status?.containerStatuses?.[0]?.ready).toBe(true);
});
