import { beforeEach, describe, expect, test } from "vitest";
import type {
	PersistentVolume,
	PersistentVolumeClaim,
	PersistentVolumeClaimSpec,
	PersistentVolumeSpec,
} from "../../apimachinery/schema/generated/types.ts";
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { persistentVolumeBinder } from "./binder-controller.ts";

let fixture: ControllerFixture;

beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(persistentVolumeBinder);
});

function volume(
	name: string,
	storage: string,
	spec: PersistentVolumeSpec = {},
	labels: Record<string, string> = {},
): Promise<PersistentVolume> {
	return fixture.client.resource(persistentVolumes).create({
		metadata: { name, labels },
		spec: {
			capacity: { storage },
			accessModes: ["ReadWriteOnce"],
			hostPath: { path: `/mnt/${name}` },
			persistentVolumeReclaimPolicy: "Retain",
			...spec,
		},
		status: { phase: "Pending" },
	});
}

function claim(name: string, storage: string, spec: PersistentVolumeClaimSpec = {}): Promise<PersistentVolumeClaim> {
	return fixture.client.resource(persistentVolumeClaims).create({
		metadata: { namespace: "default", name },
		spec: { accessModes: ["ReadWriteOnce"], storageClassName: "", resources: { requests: { storage } }, ...spec },
		status: { phase: "Pending" },
	});
}

function storageClass(name: string, provisioner: string, more: object = {}): Promise<unknown> {
	return fixture.client.resource(storageClasses).create({ metadata: { name }, provisioner, ...more });
}

/** `name phase -> claim` and `name phase -> volume`. */
async function state(): Promise<readonly string[]> {
	await fixture.settle();
	const of = (to: string | undefined) => (to === undefined ? "" : ` -> ${to}`);
	const ofVolumes = (await fixture.list(persistentVolumes)).map(
		({ metadata, spec, status }) => `${metadata?.name} ${status?.phase}${of(spec?.claimRef?.name)}`,
	);
	const ofClaims = (await fixture.list(persistentVolumeClaims)).map(
		({ metadata, spec, status }) => `${metadata?.name} ${status?.phase}${of(spec?.volumeName)}`,
	);
	return [...ofVolumes, ...ofClaims];
}

const aClaim = async () => (await fixture.list(persistentVolumeClaims))[0];
const aVolume = async () => (await fixture.list(persistentVolumes))[0];

/** Long enough for what waits to be looked at again. */
async function nextLook(): Promise<void> {
	await fixture.clock.advance(15_100);
}

describe("a claim gets", () => {
	test("the smallest volume that is large enough", async () => {
		await volume("large", "50Gi");
		await volume("fitting", "10Gi");
		await volume("small", "1Gi");
		await fixture.settle();
		await claim("data", "5Gi");
		expect(await state()).toEqual(["large Available", "fitting Bound -> data", "small Available", "data Bound -> fitting"]);
		const { metadata, status } = (await aClaim()) ?? {};
		expect(metadata?.annotations).toEqual({ "pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes" });
		expect(status).toEqual({ phase: "Bound", accessModes: ["ReadWriteOnce"], capacity: { storage: "10Gi" } });
	});

	test.each([
		["another class", { storageClassName: "slow" }],
		["other access modes", { accessModes: ["ReadWriteMany"] }],
		["another mode", { volumeMode: "Block" }],
		["labels that do not match", { selector: { matchLabels: { tier: "gold" } } }],
	])("no volume of %s", async (_why, spec) => {
		await volume("disk", "10Gi");
		await fixture.settle();
		await claim("data", "5Gi", spec);
		expect(await state()).toEqual(["disk Available", "data Pending"]);
	});

	test("the volume whose labels its selector names", async () => {
		await volume("plain", "10Gi");
		await volume("gold", "20Gi", {}, { tier: "gold" });
		await fixture.settle();
		await claim("data", "5Gi", { selector: { matchLabels: { tier: "gold" } } });
		expect(await state()).toContain("data Bound -> gold");
	});

	test("the one that is kept for it, be it larger than others", async () => {
		await volume("small", "5Gi");
		await volume("kept", "50Gi", { claimRef: { namespace: "default", name: "data" } });
		expect(await state()).toEqual(["small Available", "kept Available -> data"]);
		await claim("data", "5Gi");
		expect(await state()).toEqual(["small Available", "kept Bound -> data", "data Bound -> kept"]);
		expect((await fixture.list(persistentVolumes))[1]?.metadata?.annotations).toBeUndefined();
	});

	test("the one that it names, once that is there", async () => {
		await claim("data", "5Gi", { volumeName: "disk" });
		expect(await state()).toEqual(["data Pending -> disk"]);
		await volume("disk", "10Gi");
		await nextLook();
		expect(await state()).toEqual(["disk Bound -> data", "data Bound -> disk"]);
	});

	test("a volume that comes later, when it is looked at again", async () => {
		await claim("data", "5Gi");
		await fixture.settle();
		await volume("disk", "10Gi");
		await nextLook();
		expect(await state()).toEqual(["disk Bound -> data", "data Bound -> disk"]);
	});
});

test("two claims never get one volume", async () => {
	await volume("disk", "10Gi");
	await fixture.settle();
	await Promise.all([claim("a", "5Gi"), claim("b", "5Gi")]);
	expect(await state()).toEqual(["disk Bound -> a", "a Bound -> disk", "b Pending"]);
	expect(fixture.complaints).toEqual([]);
});

describe("a claim that waits says why", () => {
	test.each<[string, PersistentVolumeClaimSpec, string]>([
		[
			"no class",
			{},
			"Normal FailedBinding PersistentVolumeClaim/data: no persistent volumes available for this claim and no storage class is set",
		],
		[
			"no such class",
			{ storageClassName: "gone" },
			'Warning ProvisioningFailed PersistentVolumeClaim/data: storageclass.storage.k8s.io "gone" not found',
		],
		[
			"nobody makes volumes of the class",
			{ storageClassName: "local" },
			"Warning ProvisioningFailed PersistentVolumeClaim/data: no volume plugin matched name: kubernetes.io/no-provisioner",
		],
		[
			"a pod is to come first",
			{ storageClassName: "late" },
			"Normal WaitForFirstConsumer PersistentVolumeClaim/data: waiting for first consumer to be created before binding",
		],
		[
			"the volume that it names is another's",
			{ volumeName: "disk" },
			'Warning FailedBinding PersistentVolumeClaim/data: volume "disk" already bound to a different claim.',
		],
		[
			"the volume that it names is too small",
			{ volumeName: "tiny" },
			'Warning VolumeMismatch PersistentVolumeClaim/data: Cannot bind to requested volume "tiny": requested PV is too small',
		],
	])("%s", async (_why, spec, event) => {
		await storageClass("local", "kubernetes.io/no-provisioner", { volumeBindingMode: "Immediate" });
		await storageClass("late", "example.com/disk", { volumeBindingMode: "WaitForFirstConsumer" });
		await volume("disk", "10Gi", { claimRef: { namespace: "other", name: "theirs" }, storageClassName: "x" });
		await volume("tiny", "1Gi", { storageClassName: "y" });
		await fixture.settle();
		await claim("data", "5Gi", spec);
		await fixture.settle();
		expect(await fixture.events()).toContain(event);
		expect((await aClaim())?.status?.phase).toBe("Pending");
	});

	test("its pod waits to be scheduled", async () => {
		await storageClass("late", "example.com/disk", { volumeBindingMode: "WaitForFirstConsumer" });
		const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "data" } }];
		await fixture.client.resource(pods).create({ metadata: { namespace: "default", name: "web" }, spec: { containers: [], volumes } });
		await fixture.settle();
		await claim("data", "5Gi", { storageClassName: "late" });
		await fixture.settle();
		expect(await fixture.events()).toEqual(["Normal WaitForPodScheduled PersistentVolumeClaim/data: waiting for pod web to be scheduled"]);
	});
});

test("a provisioner is told by annotations, and the user by an event", async () => {
	await storageClass("fast", "example.com/disk", { volumeBindingMode: "Immediate" });
	await fixture.settle();
	await claim("data", "5Gi", { storageClassName: "fast" });
	await fixture.settle();
	expect((await aClaim())?.metadata?.annotations).toEqual({
		"volume.beta.kubernetes.io/storage-provisioner": "example.com/disk",
		"volume.kubernetes.io/storage-provisioner": "example.com/disk",
	});
	expect((await fixture.events())[0]).toMatch(
		/^Normal ExternalProvisioning PersistentVolumeClaim\/data: Waiting for a volume to be created either by the external provisioner 'example\.com\/disk' or manually by the system administrator\. /,
	);
});

test("a claim of a class that waits for a pod is bound by the scheduler only", async () => {
	await storageClass("local", "kubernetes.io/no-provisioner", { volumeBindingMode: "WaitForFirstConsumer" });
	await volume("disk", "10Gi", { storageClassName: "local" });
	await fixture.settle();
	await claim("data", "5Gi", { storageClassName: "local" });
	expect(await state()).toEqual(["disk Available", "data Pending"]);
	const ref = { namespace: "default", name: "data", uid: (await aClaim())?.metadata?.uid ?? "" };
	await fixture.change(persistentVolumes, "disk", (disk) => ({ ...disk, spec: { ...disk.spec, claimRef: ref } }));
	expect(await state()).toEqual(["disk Bound -> data", "data Bound -> disk"]);
});

test("a claim without a class gets the default one as soon as there is one, the newest", async () => {
	await claim("data", "5Gi", { storageClassName: undefined } as unknown as PersistentVolumeClaimSpec);
	await fixture.settle();
	const isDefault = { annotations: { "storageclass.kubernetes.io/is-default-class": "true" } };
	await storageClass("old", "example.com/disk", { metadata: { name: "old", ...isDefault } });
	await fixture.clock.advance(2_000);
	await storageClass("new", "example.com/disk", { metadata: { name: "new", ...isDefault } });
	await nextLook();
	expect((await aClaim())?.spec?.storageClassName).toBe("new");
});

describe("when the claim of a volume is deleted", () => {
	async function released(spec: PersistentVolumeSpec): Promise<readonly string[]> {
		await volume("disk", "10Gi", spec);
		await fixture.settle();
		await claim("data", "5Gi");
		await fixture.settle();
		expect(await state()).toEqual(["disk Bound -> data", "data Bound -> disk"]);
		await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name: "data" });
		return state();
	}

	test("a kept one is Released, and no later claim gets it, not even of that name", async () => {
		expect(await released({})).toEqual(["disk Released -> data"]);
		await claim("data", "5Gi");
		await nextLook();
		expect(await state()).toEqual(["disk Released -> data", "data Pending"]);
	});

	test("an administrator makes it Available again by taking the claim out of it", async () => {
		await released({});
		await fixture.change(persistentVolumes, "disk", ({ spec: { claimRef: _, ...spec } = {}, ...disk }) => ({ ...disk, spec }));
		expect(await state()).toEqual(["disk Available"]);
	});

	test("a directory below /tmp is deleted", async () => {
		expect(await released({ persistentVolumeReclaimPolicy: "Delete", hostPath: { path: "/tmp/disk" } })).toEqual([]);
	});

	test.each<[PersistentVolumeSpec, string]>([
		[{ hostPath: { path: "/mnt/disk" } }, "host_path deleter only supports /tmp/.+ but received provided /mnt/disk"],
		[
			{ nfs: { server: "files", path: "/" }, hostPath: undefined } as unknown as PersistentVolumeSpec,
			'error getting deleter volume plugin for volume "disk": no deletable volume plugin matched',
		],
	])("what nobody can delete is Failed: %j", async (spec, message) => {
		expect(await released({ ...spec, persistentVolumeReclaimPolicy: "Delete" })).toEqual(["disk Failed -> data"]);
		expect((await aVolume())?.status?.message).toBe(message);
		expect(await fixture.events()).toEqual([`Warning VolumeFailedDelete PersistentVolume/disk: ${message}`]);
	});

	test("a recycled one is emptied by a pod and Available again", async () => {
		await released({ persistentVolumeReclaimPolicy: "Recycle" });
		const [recycler] = await fixture.list(pods, "default");
		expect(recycler?.metadata?.name).toBe("recycler-for-disk");
		expect(await state()).toEqual(["disk Released -> data"]);
		await fixture.change(pods, "default/recycler-for-disk", (pod) => ({ ...pod, status: { phase: "Succeeded" } }));
		await fixture.client.resource(pods).updateStatus({ ...(await fixture.list(pods, "default"))[0], status: { phase: "Succeeded" } });
		await fixture.clock.advance(1_100);
		expect(await state()).toEqual(["disk Available"]);
		expect(await fixture.list(pods, "default")).toEqual([]);
		expect(await fixture.events()).toEqual(["Normal VolumeRecycled PersistentVolume/disk: Volume recycled"]);
	});

	test("a pod that emptied a volume of its name before does not count", async () => {
		await fixture.client
			.resource(pods)
			.create({ metadata: { namespace: "default", name: "recycler-for-disk" }, spec: { containers: [] }, status: { phase: "Succeeded" } });
		await released({ persistentVolumeReclaimPolicy: "Recycle" });
		await fixture.clock.advance(1_100);
		expect(await state()).toEqual(["disk Released -> data"]);
		const [recycler] = await fixture.list(pods, "default");
		expect(recycler?.status?.phase).not.toBe("Succeeded");
		await fixture.client.resource(pods).updateStatus({ ...recycler, status: { phase: "Succeeded" } });
		await fixture.clock.advance(1_100);
		expect(await state()).toEqual(["disk Available"]);
	});
});

describe("a bound claim is Lost", () => {
	beforeEach(async () => {
		await volume("disk", "10Gi");
		await fixture.settle();
		await claim("data", "5Gi");
		await fixture.settle();
	});

	test("when its volume is gone", async () => {
		await fixture.client.resource(persistentVolumes).delete({ name: "disk" });
		expect(await state()).toEqual(["data Lost -> disk"]);
		expect(await fixture.events()).toEqual([
			"Warning ClaimLost PersistentVolumeClaim/data: Bound claim has lost its PersistentVolume. Data on the volume is lost!",
		]);
	});

	test("when another claim has its volume", async () => {
		const other = await fixture.client.resource(persistentVolumeClaims).create({
			metadata: { namespace: "default", name: "other", annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
			spec: { accessModes: ["ReadWriteOnce"], volumeName: "disk" },
		});
		await fixture.settle();
		expect((await fixture.events()).at(-1)).toBe(
			"Warning ClaimMisbound PersistentVolumeClaim/other: Two claims are bound to the same volume, this one is bound incorrectly",
		);
		expect(other.metadata?.name).toBe("other");
	});
});

test("a bound claim keeps the size that it has when its volume grows: its file system is the kubelet's to grow", async () => {
	await volume("disk", "10Gi");
	await fixture.settle();
	await claim("data", "5Gi");
	await fixture.settle();
	await fixture.change(persistentVolumes, "disk", (disk) => ({ ...disk, spec: { ...disk.spec, capacity: { storage: "20Gi" } } }));
	await fixture.change(persistentVolumeClaims, "default/data", (data) => ({
		...data,
		metadata: { ...data.metadata, labels: { touched: "yes" } },
	}));
	await fixture.settle();
	expect((await aClaim())?.status?.capacity).toEqual({ storage: "10Gi" });
});
