import { beforeEach, describe, expect, test } from "vitest";
import type { ObjectMeta, PersistentVolumeClaimSpec, StorageClass } from "../../apimachinery/schema/generated/types.ts";
import { nodes, persistentVolumeClaims, persistentVolumes, storageClasses, volumeAttachments } from "../../client/resources.ts";
import { persistentVolumeBinder } from "../persistentvolume/binder-controller.ts";
import { expandController } from "../persistentvolume/expand-controller.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { csiDriver } from "./csi-driver.ts";

const provisioner = "disk.csi.kubesim.io";

let fixture: ControllerFixture;

beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(persistentVolumeBinder, expandController, csiDriver);
});

function storageClass(name: string, more: Partial<StorageClass> = {}): Promise<StorageClass> {
	return fixture.client
		.resource(storageClasses)
		.create({ metadata: { name }, provisioner, reclaimPolicy: "Delete", volumeBindingMode: "Immediate", ...more });
}

function node(name: string, zone: string): Promise<unknown> {
	return fixture.client.resource(nodes).create({ metadata: { name, labels: { "topology.kubernetes.io/zone": zone } } });
}

async function claim(
	name: string,
	storageClassName: string,
	spec: PersistentVolumeClaimSpec = {},
	metadata: ObjectMeta = {},
): Promise<void> {
	await fixture.settle();
	await fixture.client.resource(persistentVolumeClaims).create({
		metadata: { namespace: "default", name, ...metadata },
		spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage: "5Gi" } }, ...spec },
		status: { phase: "Pending" },
	});
	await fixture.settle();
}

const aClaim = async () => (await fixture.list(persistentVolumeClaims))[0];
const aVolume = async () => (await fixture.list(persistentVolumes))[0];
const zones = async () =>
	(await fixture.list(persistentVolumes)).map(
		({ spec }) => spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.[0]?.values,
	);

test("a claim gets a disk of its own, which goes with it", async () => {
	await storageClass("standard", { mountOptions: ["noatime"] });
	await claim("data", "standard");
	const { metadata: { uid } = {}, spec, status } = (await aClaim()) ?? {};
	expect(status?.phase).toBe("Bound");
	expect(spec?.volumeName).toBe(`pvc-${uid}`);
	const volume = await aVolume();
	expect(volume?.metadata?.annotations?.["pv.kubernetes.io/provisioned-by"]).toBe(provisioner);
	expect(volume?.metadata?.finalizers).toEqual(["external-provisioner.volume.kubernetes.io/finalizer"]);
	expect(volume?.spec).toMatchObject({
		capacity: { storage: "5Gi" },
		persistentVolumeReclaimPolicy: "Delete",
		storageClassName: "standard",
		mountOptions: ["noatime"],
		csi: { driver: provisioner, volumeHandle: `disk-${uid}`, fsType: "ext4" },
	});
	expect((await fixture.events()).filter((event) => !event.includes("ExternalProvisioning"))).toEqual([
		'Normal Provisioning PersistentVolumeClaim/data: External provisioner is provisioning volume for claim "default/data"',
		`Normal ProvisioningSucceeded PersistentVolumeClaim/data: Successfully provisioned volume pvc-${uid}`,
	]);
	await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name: "data" });
	await fixture.settle();
	expect(await fixture.list(persistentVolumes)).toEqual([]);
	expect(fixture.complaints).toEqual([]);
});

test("a disk of a class that keeps them is Released and stays", async () => {
	await storageClass("kept", { reclaimPolicy: "Retain" });
	await claim("data", "kept");
	expect((await aVolume())?.metadata?.finalizers).toEqual([]);
	await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name: "data" });
	await fixture.settle();
	expect((await aVolume())?.status?.phase).toBe("Released");
});

test("a disk that is attached is not deleted before it is detached", async () => {
	await storageClass("standard");
	await claim("data", "standard");
	const volume = (await aVolume())?.metadata?.name ?? "";
	await fixture.client
		.resource(volumeAttachments)
		.create({ metadata: { name: "a" }, spec: { attacher: provisioner, nodeName: "n1", source: { persistentVolumeName: volume } } });
	await fixture.settle();
	const attachment = (await fixture.list(volumeAttachments))[0];
	expect(attachment?.status).toEqual({ attached: true });
	expect(attachment?.metadata?.finalizers).toEqual(["external-attacher/disk-csi-kubesim-io"]);
	await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name: "data" });
	await fixture.settle();
	expect(await fixture.events()).toContain(
		`Warning VolumeFailedDelete PersistentVolume/${volume}: persistentvolume ${volume} is still attached to node n1`,
	);
	await fixture.client.resource(volumeAttachments).delete({ name: "a" });
	await fixture.clock.advance(5_000);
	expect(await fixture.list(volumeAttachments)).toEqual([]);
	expect(await fixture.list(persistentVolumes)).toEqual([]);
});

describe("topology", () => {
	beforeEach(async () => {
		await node("n1", "east");
		await node("n2", "west");
	});

	test("claims of a StatefulSet are spread over the zones", async () => {
		await storageClass("standard");
		for (const ordinal of [0, 1, 2, 3]) await claim(`data-web-${ordinal}`, "standard");
		const found = (await zones()).map((zone) => zone?.[0]);
		expect(found).toEqual([found[0], found[1], found[0], found[1]]);
		expect(found.slice(0, 2).sort()).toEqual(["east", "west"]);
	});

	test("a class allows some of them", async () => {
		const allowedTopologies = [{ matchLabelExpressions: [{ key: "topology.kubernetes.io/zone", values: ["west"] }] }];
		await storageClass("western", { allowedTopologies });
		await claim("a", "western");
		await claim("b", "western");
		expect(await zones()).toEqual([["west"], ["west"]]);
	});

	test("a claim that waits for a pod gets its disk where the pod is to run", async () => {
		await storageClass("late", { volumeBindingMode: "WaitForFirstConsumer" });
		await claim("data", "late");
		expect(await fixture.list(persistentVolumes)).toEqual([]);
		await fixture.change(persistentVolumeClaims, "default/data", (data) => ({
			...data,
			metadata: { ...data.metadata, annotations: { "volume.kubernetes.io/selected-node": "n2" } },
		}));
		await fixture.settle();
		expect(await zones()).toEqual([["west"]]);
		expect((await aClaim())?.status?.phase).toBe("Bound");
	});

	test("a selected node that is gone is taken back from the claim", async () => {
		await storageClass("late", { volumeBindingMode: "WaitForFirstConsumer" });
		await claim("data", "late", {}, { annotations: { "volume.kubernetes.io/selected-node": "gone" } });
		expect((await aClaim())?.metadata?.annotations).not.toHaveProperty("volume.kubernetes.io/selected-node");
		expect(await fixture.events()).toContain(
			'Warning ProvisioningFailed PersistentVolumeClaim/data: failed to provision volume with StorageClass "late": failed to get target node: node "gone" not found',
		);
	});
});

test.each<[string, PersistentVolumeClaimSpec]>([
	["claim Selector is not supported", { selector: { matchLabels: { tier: "gold" } } }],
	["CSI driver does not support clone operation", { dataSource: { kind: "PersistentVolumeClaim", name: "other" } }],
	[
		"CSI driver does not support snapshot restore",
		{ dataSource: { apiGroup: "snapshot.storage.k8s.io", kind: "VolumeSnapshot", name: "s" } },
	],
])("what the driver cannot do it says: %s", async (message, spec) => {
	await storageClass("standard");
	await claim("data", "standard", spec);
	expect(await fixture.events()).toContain(
		`Warning ProvisioningFailed PersistentVolumeClaim/data: failed to provision volume with StorageClass "standard": ${message}`,
	);
	expect((await aClaim())?.status?.phase).toBe("Pending");
});

test("a claim that asks for more makes its disk larger, and its file system waits for the kubelet", async () => {
	await storageClass("standard", { allowVolumeExpansion: true });
	await claim("data", "standard");
	await fixture.change(persistentVolumeClaims, "default/data", (data) => ({
		...data,
		spec: { ...data.spec, resources: { requests: { storage: "8Gi" } } },
	}));
	await fixture.settle();
	const volume = await aVolume();
	expect(volume?.spec?.capacity).toEqual({ storage: "8Gi" });
	expect((await aClaim())?.status).toMatchObject({
		phase: "Bound",
		capacity: { storage: "5Gi" },
		allocatedResources: { storage: "8Gi" },
		allocatedResourceStatuses: { storage: "NodeResizePending" },
		conditions: [
			{
				type: "FileSystemResizePending",
				status: "True",
				message: "Waiting for user to (re-)start a pod to finish file system resize of volume on node.",
			},
		],
	});
	expect((await fixture.events()).slice(-3).sort()).toEqual([
		"Normal ExternalExpanding PersistentVolumeClaim/data: waiting for an external controller to expand this PVC",
		"Normal FileSystemResizeRequired PersistentVolumeClaim/data: Require file system resize of volume on node",
		`Normal Resizing PersistentVolumeClaim/data: External resizer is resizing volume ${volume?.metadata?.name}`,
	]);
	expect(fixture.complaints).toEqual([]);
});
