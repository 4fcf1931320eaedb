import { afterEach, describe, expect, it } from "vitest";
import { nodes, pods } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;

afterEach(() => harness.stop());

async function started(): Promise<FleetHarness> {
	harness = new FleetHarness();
	await harness.start();
	return harness;
}

const asking = (cpu: string) => ({ image: "nginx", resources: { requests: { cpu } } });

describe("a pod that its node has no room for", () => {
	it("fails without having run, and holds nothing", async () => {
		const { clock, story } = await started();
		await harness.pod("first", asking("3"));
		await harness.pod("second", asking("2"));
		await harness.pod("third", asking("1"));
		await clock.advance(5_000);
		expect(await harness.events("second")).toEqual([
			"Warning OutOfcpu Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
		]);
		const { status } = await harness.get("second");
		expect(status).toEqual({
			observedGeneration: 1,
			phase: "Failed",
			reason: "OutOfcpu",
			message: "Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000",
			startTime: status?.startTime,
			qosClass: "BestEffort",
		});
		expect(story).toContain("third 1/1 Running 0");
		await harness.delete("second");
		await clock.advance(100);
		expect(story.at(-1)).toBe("second gone");
	});

	it("is let in where another one has ended", async () => {
		const { clock } = await started();
		await harness.pod("first", asking("3"), {
			restartPolicy: "Never",
			containers: [{ name: "c", command: ["sleep", "5"], ...asking("3") }],
		});
		await clock.advance(8_000);
		expect((await harness.get("first")).status?.phase).toBe("Succeeded");
		await harness.pod("second", asking("2"));
		await clock.advance(1_000);
		expect((await harness.get("second")).status?.phase).toBe("Running");
	});

	it("loses its conditions, of which its node says nothing", async () => {
		const { clock, client } = await started();
		await client.resource(pods).create({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name: "large", namespace: "default" },
			spec: { nodeName: "n1", containers: [{ name: "c", ...asking("5") }] },
			status: {
				phase: "Pending",
				conditions: [
					{ type: "PodScheduled", status: "True" },
					{ type: "custom.example/x", status: "True" },
				],
			},
		});
		await clock.advance(1_000);
		expect((await harness.get("large")).status?.conditions).toEqual([{ type: "custom.example/x", status: "True" }]);
	});

	it("stays as it is when the cluster comes up again", async () => {
		const { clock } = await started();
		await harness.pod("large", asking("5"));
		await clock.advance(1_000);
		const before = await harness.get("large");
		harness.stop();
		harness = new FleetHarness({}, harness);
		await harness.start();
		await harness.clock.advance(60_000);
		expect(await harness.get("large")).toEqual(before);
	});
});

describe("a running pod", () => {
	it("is not asked again after a restart, and has its place before new ones", async () => {
		await started();
		await harness.pod("old", asking("3"));
		await harness.clock.advance(1_000);
		harness.stop();
		await harness.pod("new", asking("3"));
		harness = new FleetHarness({}, harness);
		await harness.start();
		await harness.clock.advance(2_000);
		expect((await harness.get("old")).status?.phase).toBe("Running");
		expect((await harness.get("new")).status?.reason).toBe("OutOfcpu");
	});
});

describe("a label that the caches do not have yet", () => {
	it("counts: the Node is read before a pod is refused", async () => {
		const { clock, client, api } = await started();
		const reads = () => api.requests.filter(({ resource, verb }) => resource === "nodes" && verb === "get").length;
		const before = reads();
		const labelled = client
			.resource(nodes)
			.patch({ name: "n1" }, "application/merge-patch+json", { metadata: { labels: { disk: "ssd" } } });
		await Promise.all([labelled, harness.pod("picky", { image: "nginx" }, { nodeSelector: { disk: "ssd" } })]);
		await harness.pod("lost", { image: "nginx" }, { nodeSelector: { disk: "hdd" } });
		await clock.advance(1_000);
		expect((await harness.get("picky")).status?.phase).toBe("Running");
		expect((await harness.get("lost")).status?.reason).toBe("NodeAffinity");
		expect(reads()).toBeGreaterThan(before);
	});
});

describe("a critical pod", () => {
	it("is let in when others have made room", async () => {
		const { clock, story } = await started();
		await harness.pod("victim", { ...asking("3"), command: ["sleep", "1000"] }, { terminationGracePeriodSeconds: 10 });
		await clock.advance(1_000);
		await harness.pod("critical", asking("2"), { priority: 2_000_001_000 });
		await clock.advance(5_000);
		expect((await harness.get("critical")).status?.phase).toBe("Pending");
		await clock.advance(10_000);
		const { status } = await harness.get("victim");
		expect([status?.phase, status?.reason, status?.message]).toEqual(["Failed", "Preempting", "Preempted in order to admit critical pod"]);
		expect(status?.conditions?.find(({ type }) => type === "DisruptionTarget")).toMatchObject({
			status: "True",
			reason: "TerminationByKubelet",
			message: "Preempted in order to admit critical pod",
		});
		expect(story.at(-1)).toBe("critical 1/1 Running 0");
		expect(await harness.events("victim")).toContain("Warning Preempting Preempted in order to admit critical pod");
	});

	it("is refused where nobody can make room", async () => {
		const { clock } = await started();
		await harness.pod("critical", asking("5"), { priority: 2_000_001_000 });
		await clock.advance(1_000);
		const { status } = await harness.get("critical");
		expect(status?.reason).toBe("UnexpectedAdmissionError");
		expect(status?.message).toBe(
			"Pod was rejected: Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [(res: cpu, q: 1000), ]",
		);
	});
});
