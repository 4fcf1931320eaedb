import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Container, ResourceClaimStatus } from "../../apimachinery/schema/generated/types.ts";
import { pods, resourceClaims } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
});
afterEach(() => harness.stop());

const driver = "gpu.example.com";
const results = [
	{ request: "gpus", driver, pool: "n1", device: "gpu-0" },
	{ request: "gpus", driver, pool: "n1", device: "gpu-1" },
	{ request: "nic/fast", driver, pool: "n1", device: "uplink" },
];

async function claim(name: string, status: ResourceClaimStatus): Promise<void> {
	await harness.client.resource(resourceClaims).create({ metadata: { namespace: "default", name }, spec: {}, status });
}

async function reserve(name: string, pod: string): Promise<void> {
	const client = harness.client.resource(resourceClaims);
	const uid = (await harness.get(pod)).metadata?.uid ?? "";
	const current = await client.get({ namespace: "default", name });
	await client.updateStatus({ ...current, status: { ...current.status, reservedFor: [{ resource: "pods", name: pod, uid }] } });
}

const printing = (claims: NonNullable<Container["resources"]>["claims"]): Partial<Container> => ({
	command: ["sh", "-c", "env | grep -E 'DRA|DEVICE' | sort > /dev/termination-log"],
	resources: claims === undefined ? {} : { claims },
});
const using = (name: string) => ({ resourceClaims: [{ name: "devices", resourceClaimName: name }], restartPolicy: "Never" });

describe("a pod with a claim", () => {
	test("runs when the claim is reserved for it, and says why it waits until then", async () => {
		await claim("c", { allocation: { devices: { results } } });
		await harness.pod("p", printing([{ name: "devices" }]), using("c"));
		await harness.clock.advance(1_000);
		const { metadata } = await harness.get("p");
		const claimUid = (await harness.client.resource(resourceClaims).get({ namespace: "default", name: "c" })).metadata?.uid;
		expect(await harness.events("p")).toEqual([
			`Warning FailedPrepareDynamicResources Failed to prepare dynamic resources: prepare dynamic resources: pod p (${metadata?.uid}) is not allowed to use ResourceClaim c (${claimUid})`,
		]);
		expect((await harness.get("p")).status?.phase).toBe("Pending");
		await reserve("c", "p");
		await harness.clock.advance(10_000);
		expect((await harness.get("p")).status?.phase).toBe("Succeeded");
	});

	test.each([
		[
			"all of them",
			[{ name: "devices" }],
			["DEVICE_UPLINK=uplink", `DRA_RESOURCE_DRIVER_NAME=${driver}`, "GPU_DEVICE_0=gpu-0", "GPU_DEVICE_1=gpu-1"],
		],
		["those of one request", [{ name: "devices", request: "nic" }], ["DEVICE_UPLINK=uplink", `DRA_RESOURCE_DRIVER_NAME=${driver}`]],
		["none, in a container that names none", undefined, []],
	])("sees %s", async (_what, claims, expected) => {
		await claim("c", { allocation: { devices: { results } } });
		await harness.pod("p", printing(claims), using("c"));
		await reserve("c", "p");
		await harness.clock.advance(11_000);
		const [status] = (await harness.get("p")).status?.containerStatuses ?? [];
		expect((status?.state?.terminated?.message ?? "").split("\n").filter((line) => line !== "")).toEqual(expected);
	});

	test("sees the devices that stand for an extended resource", async () => {
		await claim("c", { allocation: { devices: { results } } });
		const pod = await harness.pod("p", { ...printing([]), name: "c" }, { nodeName: "", restartPolicy: "Never" });
		const requestMappings = [{ containerName: "c", resourceName: "example.com/gpu", requestName: "gpus" }];
		await reserve("c", "p");
		const client = harness.client.resource(pods);
		const extendedResourceClaimStatus = { requestMappings, resourceClaimName: "c" };
		const told = await client.updateStatus({ ...pod, status: { ...pod.status, extendedResourceClaimStatus } });
		const containers = told.spec?.containers ?? [];
		await client.update({ ...told, spec: { ...told.spec, containers, nodeName: "n1" } });
		await harness.clock.advance(11_000);
		const [status] = (await harness.get("p")).status?.containerStatuses ?? [];
		expect(status?.state?.terminated?.message?.trim().split("\n")).toEqual([
			`DRA_RESOURCE_DRIVER_NAME=${driver}`,
			"GPU_DEVICE_0=gpu-0",
			"GPU_DEVICE_1=gpu-1",
		]);
	});

	test("waits for its claim", async () => {
		await harness.pod("p", {}, using("missing"));
		await harness.clock.advance(15_000);
		expect((await harness.events("p"))[0]).toBe(
			'Warning FailedPrepareDynamicResources Failed to prepare dynamic resources: prepare dynamic resources: fetch ResourceClaim missing: resourceclaims.resource.k8s.io "missing" not found (x2)',
		);
		await harness.client.resource(pods).delete({ namespace: "default", name: "p" });
		await harness.clock.advance(60_000);
		expect(harness.story.at(-1)).toBe("p gone");
	});
});
