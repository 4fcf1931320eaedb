import { describe, expect, it } from "vitest";
import type {
	DeviceTaint,
	DeviceToleration,
	Pod,
	ResourceResourceClaim,
	ResourceSlice,
} from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { pods, resourceClaims, resourceSlices } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { deviceTaintEvictionController } from "./device-taint-eviction-controller.ts";

const driver = "gpu.example.com";

const slice = (name: string, taints: readonly DeviceTaint[], generation = 1): ResourceSlice => ({
	apiVersion: "resource.k8s.io/v1",
	kind: "ResourceSlice",
	metadata: { name },
	spec: {
		driver,
		nodeName: "node-1",
		pool: { name: "pool", generation, resourceSliceCount: 1 },
		devices: [{ name: "gpu-0", taints }, { name: "gpu-1" }],
	},
});

/** A pod that uses a device, and its claim. */
async function setUp(device: string, taints: readonly DeviceTaint[], tolerations: readonly DeviceToleration[] = []) {
	const fixture = new ControllerFixture();
	const pod = await fixture.client.resource<Pod>(pods).create({
		apiVersion: "v1",
		kind: "Pod",
		metadata: { namespace: "default", name: "web", finalizers: ["test/stay"] },
		spec: { nodeName: "node-1", containers: [{ name: "c", image: "c" }], resourceClaims: [{ name: "gpu", resourceClaimName: "gpu" }] },
	});
	await fixture.client.resource<ResourceResourceClaim>(resourceClaims).create({
		metadata: { namespace: "default", name: "gpu" },
		spec: {},
		status: {
			allocation: { devices: { results: [{ request: "gpu", driver, pool: "pool", device, tolerations }] } },
			reservedFor: [{ resource: "pods", name: "web", uid: pod.metadata?.uid ?? "" }],
		},
	});
	await fixture.client.resource(resourceSlices).create(slice("a", taints));
	await fixture.start(deviceTaintEvictionController);
	const isGoing = async () => {
		const { metadata } = await fixture.client.resource(pods).get({ namespace: "default", name: "web" });
		return metadata?.deletionTimestamp !== undefined;
	};
	return { fixture, isGoing };
}

const taint = (effect: string, addedSecondsAgo = 0): DeviceTaint => ({
	key: "broken",
	effect,
	timeAdded: formatTime(Date.UTC(2026, 0, 1) - addedSecondsAgo * 1000),
});
const tolerated = (rest: Partial<DeviceToleration> = {}): DeviceToleration => ({ key: "broken", operator: "Exists", ...rest });

describe("device taint eviction", () => {
	it.each<[string, string, DeviceTaint[], DeviceToleration[], boolean]>([
		["a taint that is not tolerated", "gpu-0", [taint("NoExecute")], [], true],
		["another device's taint", "gpu-1", [taint("NoExecute")], [], false],
		["a taint against new pods only", "gpu-0", [taint("NoSchedule")], [], false],
		["a taint without effect", "gpu-0", [taint("None")], [], false],
		["a taint that is tolerated", "gpu-0", [taint("NoExecute")], [tolerated()], false],
		["a taint that is tolerated for a time that is over", "gpu-0", [taint("NoExecute", 60)], [tolerated({ tolerationSeconds: 30 })], true],
		["of two tolerations the shorter", "gpu-0", [taint("NoExecute", 60)], [tolerated(), tolerated({ tolerationSeconds: 30 })], true],
		["a toleration of another effect", "gpu-0", [taint("NoExecute")], [tolerated({ effect: "NoSchedule" })], true],
	])("%s", async (_what, device, taints, tolerations, expected) => {
		const { isGoing } = await setUp(device, taints, tolerations);
		expect(await isGoing()).toBe(expected);
	});

	it("says why it deletes a pod", async () => {
		const { fixture } = await setUp("gpu-0", [taint("NoExecute")]);
		expect(await fixture.events()).toEqual(["Normal DeviceTaintManagerEviction Pod/web: Marking for deletion"]);
		const [pod] = await fixture.list(pods, "default");
		expect(pod?.status?.conditions).toEqual([
			{
				type: "DisruptionTarget",
				status: "True",
				reason: "DeletionByDeviceTaintManager",
				message: "Device Taint manager: deleting due to NoExecute taint",
				lastTransitionTime: "2026-01-01T00:00:00Z",
			},
		]);
	});

	it("waits as long as the taint is tolerated, and leaves the pod if the taint goes before", async () => {
		const { fixture, isGoing } = await setUp("gpu-0", [taint("NoExecute")], [tolerated({ tolerationSeconds: 300 })]);
		await fixture.clock.advance(200_000);
		expect(await isGoing()).toBe(false);
		await fixture.change(resourceSlices, "a", (old) => ({ ...old, spec: slice("a", []).spec }));
		await fixture.clock.advance(200_000);
		expect(await isGoing()).toBe(false);
		expect(await fixture.events()).toEqual(["Normal DeviceTaintManagerEviction Pod/web: Cancelling deletion"]);
		await fixture.change(resourceSlices, "a", (old) => ({ ...old, spec: slice("a", [taint("NoExecute")]).spec }));
		await fixture.settle();
		expect(await isGoing()).toBe(true);
	});

	it("does not look at slices that are out of date", async () => {
		const { fixture, isGoing } = await setUp("gpu-0", [taint("NoSchedule")]);
		await fixture.client.resource(resourceSlices).create(slice("old", [taint("NoExecute")], 0));
		await fixture.settle();
		expect(await isGoing()).toBe(false);
		await fixture.client.resource(resourceSlices).create(slice("new", [taint("NoExecute")], 2));
		await fixture.settle();
		expect(await isGoing()).toBe(true);
	});

	it("leaves a pod alone that the claim is not reserved for", async () => {
		const { fixture, isGoing } = await setUp("gpu-0", []);
		await fixture.change(resourceClaims, "default/gpu", (claim) => ({ ...claim, status: { ...claim.status, reservedFor: [] } }));
		const client = fixture.client.resource(resourceClaims);
		const claim = await client.get({ namespace: "default", name: "gpu" });
		await client.updateStatus({ ...claim, status: { ...claim.status, reservedFor: [{ resource: "pods", name: "web", uid: "before" }] } });
		await fixture.change(resourceSlices, "a", (old) => ({ ...old, spec: slice("a", [taint("NoExecute")]).spec }));
		await fixture.settle();
		expect(await isGoing()).toBe(false);
	});
});
