/** What the kubelet does when the image of a container is changed while its pod is there. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PodSpec } from "../apimachinery/schema/generated/types.ts";
import { pods } from "../client/resources.ts";
import { FleetHarness } from "./testing/fleet-harness.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
});

afterEach(() => harness.stop());

/** What `kubectl set image` does. */
async function setImage(name: string, image: string, list: "containers" | "initContainers" = "containers"): Promise<void> {
	const pod = await harness.get(name);
	const spec = { ...pod.spec, [list]: pod.spec?.[list]?.map((container) => ({ ...container, image })) } as PodSpec;
	await harness.client.resource(pods).update({ ...pod, spec });
	await harness.clock.advance(60_000);
}

async function told(name: string) {
	const pod = await harness.get(name);
	const [status] = pod.status?.containerStatuses ?? [];
	const killing = (await harness.events(name)).filter((event) => event.includes("Killing"));
	return {
		ip: pod.status?.podIP,
		phase: pod.status?.phase,
		restarts: status?.restartCount,
		image: status?.image,
		ready: status?.ready,
		killing,
	};
}

describe("another image", () => {
	it.each(["Always", "Never"] as const)("restarts the container in its pod, with the restart policy %s", async (restartPolicy) => {
		await harness.pod("web", { image: "nginx:1.25" }, { restartPolicy });
		await harness.clock.advance(60_000);
		const { ip } = await told("web");
		await setImage("web", "nginx:1.27");
		expect(await told("web")).toEqual({
			ip,
			phase: "Running",
			restarts: 1,
			image: "docker.io/library/nginx:1.27",
			ready: true,
			killing: ["Normal Killing Container c definition changed, will be restarted"],
		});
	});

	it("ends the wait for an image that cannot be had", async () => {
		await harness.pod("web", { image: "Bad Name" });
		await harness.clock.advance(60_000);
		expect(await told("web")).toMatchObject({ phase: "Pending", restarts: 0, ready: false });
		await setImage("web", "nginx:1.27");
		expect(await told("web")).toMatchObject({ phase: "Running", restarts: 0, ready: true, killing: [] });
	});

	it("restarts a sidecar, and leaves the others alone", async () => {
		const sidecar = { name: "side", image: "nginx:1.25", restartPolicy: "Always" };
		await harness.pod("web", { image: "redis:7" }, { initContainers: [sidecar] });
		await harness.clock.advance(60_000);
		await setImage("web", "nginx:1.27", "initContainers");
		expect((await harness.get("web")).status?.initContainerStatuses?.[0]).toMatchObject({ restartCount: 1, ready: true });
		expect(await told("web")).toMatchObject({
			restarts: 0,
			ready: true,
			killing: ["Normal Killing Init container side definition changed"],
		});
	});

	it("leaves the container alone if nothing else than a label changed", async () => {
		await harness.pod("web", { image: "nginx:1.25" });
		await harness.clock.advance(60_000);
		const pod = await harness.get("web");
		await harness.client.resource(pods).update({ ...pod, metadata: { ...pod.metadata, labels: { a: "b" } } });
		await harness.clock.advance(60_000);
		expect(await told("web")).toMatchObject({ restarts: 0, killing: [] });
	});
});
