import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { PersistentVolumeSpec, Pod, PodSpec, Volume } from "../../apimachinery/schema/generated/types.ts";
import { newServiceUnavailable } from "../../apimachinery/status-error.ts";
import { attachmentName } from "../../apimachinery/storage/disk-driver.ts";
import { csiNodes, nodes, persistentVolumeClaims, persistentVolumes, volumeAttachments } from "../../client/resources.ts";
import { FleetHarness } from "../testing/fleet-harness.ts";
import { onNode } from "../testing/on-node.ts";

const driver = "disk.csi.kubesim.io";

let harness: FleetHarness;

beforeEach(async () => {
	harness = new FleetHarness();
	await harness.start();
});
afterEach(() => harness.stop());

const csi = (handle: string) => ({ csi: { driver, volumeHandle: handle } });

/** A claim that is bound to a volume of this kind. */
async function bound(name: string, spec: PersistentVolumeSpec): Promise<void> {
	const claim = await harness.client.resource(persistentVolumeClaims).create({
		metadata: { namespace: "default", name },
		spec: { volumeName: `pv-${name}` },
		status: { phase: "Bound", capacity: { storage: "1Gi" } },
	});
	await harness.client.resource(persistentVolumes).create({
		metadata: { name: `pv-${name}` },
		spec: {
			capacity: { storage: "1Gi" },
			accessModes: ["ReadWriteOnce"],
			claimRef: { namespace: "default", name, uid: claim.metadata?.uid ?? "" },
			...spec,
		},
		status: { phase: "Bound" },
	});
}

/** As the driver answers the attach/detach controller. */
async function attach(name: string, nodeName = "n1"): Promise<void> {
	await harness.client.resource(volumeAttachments).create({
		metadata: { name: `${nodeName}-${name}` },
		spec: { attacher: driver, nodeName, source: { persistentVolumeName: `pv-${name}` } },
		status: { attached: true },
	});
	const { csi } = (await harness.client.resource(persistentVolumes).get({ name: `pv-${name}` })).spec ?? {};
	const attached = [{ name: `kubernetes.io/csi/${csi?.driver}^${csi?.volumeHandle}`, devicePath: "" }];
	await showAttached(attached, nodeName);
	await harness.clock.advance(100);
}

async function showAttached(more: readonly { readonly name: string; readonly devicePath: string }[], nodeName = "n1"): Promise<void> {
	const node = await harness.client.resource(nodes).get({ name: nodeName });
	const volumesAttached = [...(node.status?.volumesAttached ?? []), ...more];
	await harness.client.resource(nodes).updateStatus({ ...node, status: { ...node.status, volumesAttached } });
}

const onClaim = (claimName: string, readOnly = false): Volume => ({ name: "data", persistentVolumeClaim: { claimName, readOnly } });

/** Runs a script with /data mounted, and says how the pod ended. */
async function run(name: string, script: string, volume: Volume, spec: Partial<PodSpec> = {}): Promise<string | undefined> {
	await harness.pod(
		name,
		{ command: ["sh", "-c", script], volumeMounts: [{ name: "data", mountPath: "/data" }] },
		{ restartPolicy: "Never", volumes: [volume], ...spec },
	);
	await harness.clock.advance(2_000);
	return phase(name);
}

const phase = async (name: string) => (await harness.get(name)).status?.phase;
const waiting = async (name: string) => (await harness.get(name)).status?.containerStatuses?.[0]?.state?.waiting?.reason;
const inUse = async () => (await harness.client.resource(nodes).get({ name: "n1" })).status?.volumesInUse ?? [];

test("a disk is mounted where the kubelet mounts a driver's", async () => {
	await bound("data", csi("handle"));
	await harness.pod(
		"writer",
		{ command: ["sh", "-c", "echo mine > /data/file; sleep 3600"], volumeMounts: [{ name: "data", mountPath: "/data" }] },
		{ volumes: [onClaim("data")] },
	);
	await harness.clock.advance(1_000);
	await attach("data");
	await harness.clock.advance(1_000);
	const at = `/var/lib/kubelet/pods/${(await harness.get("writer")).metadata?.uid}/volumes/kubernetes.io~csi/pv-data`;
	expect(await onNode(harness, `cat ${at}/mount/file`)).toBe("mine\n");
	expect(JSON.parse(await onNode(harness, `cat ${at}/vol_data.json`))).toEqual({
		attachmentID: attachmentName(driver, "handle", "n1"),
		driverName: driver,
		nodeName: "n1",
		specVolID: "pv-data",
		volumeHandle: "handle",
		volumeLifecycleMode: "Persistent",
	});
});

describe("what one pod writes, the next one reads", () => {
	test.each<[string, PersistentVolumeSpec]>([
		["a disk", csi("handle")],
		["a directory of the node", { hostPath: { path: "/mnt/data" } }],
		["a file server", { nfs: { server: "files", path: "/export" } }],
	])("%s", async (_what, spec) => {
		await bound("data", spec);
		await attach("data");
		expect(await run("writer", "echo hello > /data/greeting", onClaim("data"))).toBe("Succeeded");
		await harness.delete("writer");
		await harness.clock.advance(60_000);
		expect(await run("reader", 'test "$(cat /data/greeting)" = hello', onClaim("data"))).toBe("Succeeded");
		expect(await run("other", "test -e /data/greeting", { name: "data", emptyDir: {} })).toBe("Failed");
	});

	test("a disk that is kept is there again for whoever names its handle; one that is deleted is not", async () => {
		for (const [name, policy] of [
			["kept", "Retain"],
			["gone", "Delete"],
		] as const) {
			await bound(name, { ...csi(name), persistentVolumeReclaimPolicy: policy });
			await attach(name);
			expect(await run(`writer-${name}`, "echo hello > /data/greeting", onClaim(name))).toBe("Succeeded");
			const volume = await harness.client.resource(persistentVolumes).get({ name: `pv-${name}` });
			await harness.client.resource(persistentVolumes).updateStatus({ ...volume, status: { phase: "Released" } });
			await harness.client.resource(persistentVolumes).delete({ name: `pv-${name}` });
			await harness.clock.advance(0);
			await bound(`${name}-again`, csi(name));
			await attach(`${name}-again`);
		}
		expect(await run("reader-kept", "test -e /data/greeting", onClaim("kept-again"))).toBe("Succeeded");
		expect(await run("reader-gone", "test -e /data/greeting", onClaim("gone-again"))).toBe("Failed");
	});

	test("what a file server exports, with a claim and without", async () => {
		const nfs = { server: "files", path: "/export" };
		await bound("data", { nfs });
		expect(await run("writer", "echo hello > /data/greeting", { name: "data", nfs })).toBe("Succeeded");
		expect(await run("reader", "test -e /data/greeting", onClaim("data"))).toBe("Succeeded");
		expect(await run("other", "test -e /data/greeting", { name: "data", nfs: { ...nfs, path: "/other" } })).toBe("Failed");
	});

	test("below a path of the volume", async () => {
		await bound("data", { nfs: { server: "files", path: "/" } });
		const volumeMounts = [{ name: "data", mountPath: "/data", subPath: "web/html" }];
		const containers = [{ name: "c", image: "busybox:1.36", command: ["sh", "-c", "echo hello > /data/index"], volumeMounts }];
		await run("writer", "", onClaim("data"), { containers });
		expect(await run("reader", "test -e /data/web/html/index", onClaim("data"))).toBe("Succeeded");
	});
});

test.each<[string, PersistentVolumeSpec, Volume]>([
	["the pod says so", { nfs: { server: "files", path: "/" } }, onClaim("data", true)],
	["the volume says so", { nfs: { server: "files", path: "/", readOnly: true } }, onClaim("data")],
	["it has only readers", { ...csi("handle"), accessModes: ["ReadOnlyMany"] }, onClaim("data")],
])("nobody writes to a volume that is mounted to be read: %s", async (_why, spec, volume) => {
	await bound("data", spec);
	await attach("data");
	expect(await run("writer", "echo hello > /data/greeting", volume)).toBe("Failed");
});

describe("a pod waits", () => {
	test("until its volume is attached, and says so after two minutes", async () => {
		await bound("data", csi("handle"));
		expect(await run("web", "true", onClaim("data"))).toBe("Pending");
		expect(await waiting("web")).toBe("ContainerCreating");
		expect(await harness.events("web")).toEqual([]);
		await harness.clock.advance(123_000);
		expect(await harness.events("web")).toEqual([
			"Warning FailedMount Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[]: context deadline exceeded",
		]);
		await harness.fleet.addNode({ name: "n2" });
		await attach("data", "n2");
		expect(await phase("web")).toBe("Pending");
		await attach("data");
		expect(await phase("web")).toBe("Succeeded");
	});

	test("until the API has said that its volume is shown as in use, which is what keeps the volume attached", async () => {
		await bound("data", csi("handle"));
		await attach("data");
		harness.api.intercept = ({ verb, resource, body }) => {
			if (verb === "patch" && resource === "nodes" && JSON.stringify(body).includes("volumesInUse")) throw newServiceUnavailable("down");
		};
		expect(await run("web", "true", onClaim("data"))).toBe("Pending");
		expect(await inUse()).toEqual([]);
		harness.api.intercept = undefined;
		await harness.clock.advance(2_000);
		expect(await phase("web")).toBe("Succeeded");
	});

	test("until its node says that the volume is attached, whatever the attachment says", async () => {
		await bound("data", csi("handle"));
		await harness.client.resource(volumeAttachments).create({
			metadata: { name: "n1-data" },
			spec: { attacher: driver, nodeName: "n1", source: { persistentVolumeName: "pv-data" } },
			status: { attached: true },
		});
		expect(await run("web", "true", onClaim("data"))).toBe("Pending");
		await showAttached([{ name: `kubernetes.io/csi/${driver}^handle`, devicePath: "" }]);
		await harness.clock.advance(100);
		expect(await phase("web")).toBe("Succeeded");
	});

	test.each<[string, string, () => Promise<unknown>]>([
		["is not there", 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found', async () => undefined],
		[
			"is not bound",
			"PVC is not bound",
			() =>
				harness.client
					.resource(persistentVolumeClaims)
					.create({ metadata: { namespace: "default", name: "data" }, spec: {}, status: { phase: "Pending" } }),
		],
		[
			"is another's",
			"found PV spec.ClaimRef.UID other != expected UID",
			() => bound("data", { hostPath: { path: "/x" }, claimRef: { namespace: "default", name: "data", uid: "other" } }),
		],
	])("while its claim %s", async (_what, why, make) => {
		await make();
		await harness.clock.advance(0);
		expect(await run("web", "true", onClaim("data"))).toBe("Pending");
		const [first = ""] = await harness.events("web");
		expect(first).toContain(
			`Warning FailedMount Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: error processing PVC default/data: ${why}`,
		);
	});

	test("for a claim that the caches have not heard of only as long as the API takes to answer", async () => {
		harness.stop();
		harness = new FleetHarness();
		harness.api.watchDelayMs.set("persistentvolumeclaims", 60_000);
		harness.api.watchDelayMs.set("persistentvolumes", 60_000);
		await harness.start();
		await bound("data", { hostPath: { path: "/mnt/data" } });
		expect(await run("web", "true", onClaim("data"))).toBe("Succeeded");
	});

	test.each<[PersistentVolumeSpec, string]>([
		[
			{ hostPath: { path: "/nowhere", type: "Directory" } },
			'MountVolume.SetUp failed for volume "pv-data" : hostPath type check failed: /nowhere is not a directory',
		],
		[{ local: { path: "/nowhere" } }, 'MountVolume.NewMounter initialization failed for volume "pv-data" : path "/nowhere" does not exist'],
		[
			{ csi: { driver: "other.example.com", volumeHandle: "x" } },
			'MountVolume.MountDevice failed for volume "pv-data" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name other.example.com not found in the list of registered CSI drivers',
		],
	])("while its volume cannot be mounted: %j", async (spec, message) => {
		await bound("data", spec);
		await attach("data");
		expect(await run("web", "true", onClaim("data"))).toBe("Pending");
		expect((await harness.events("web"))[0]).toContain(`Warning FailedMount ${message}`);
	});
});

test.each<[string, string, string, string]>([
	["Directory", "/etc", "Succeeded", ""],
	["Directory", "/nowhere", "Pending", "/nowhere is not a directory"],
	["DirectoryOrCreate", "/var/new", "Succeeded", ""],
	["File", "/etc", "Pending", "/etc is not a file"],
	["FileOrCreate", "/var/file", "Succeeded", ""],
	["Socket", "/etc", "Pending", "/etc is not a socket file"],
	["", "/anywhere/at/all", "Succeeded", ""],
])("a hostPath of type %j at %s", async (type, path, expected, why) => {
	expect(await run("web", "true", { name: "data", hostPath: { path, type } })).toBe(expected);
	const text = `Warning FailedMount MountVolume.SetUp failed for volume "data" : hostPath type check failed: ${why}`;
	if (why !== "") expect((await harness.events("web"))[0]).toContain(text);
});

test("a directory in memory is as large as its limit", async () => {
	const volume: Volume = { name: "data", emptyDir: { medium: "Memory", sizeLimit: "1Ki" } };
	expect(await run("small", "echo hello > /data/file", volume)).toBe("Succeeded");
	const large = "head -c 5000 /dev/zero > /data/file";
	expect(await run("large", large, volume)).toBe("Failed");
	expect(await run("disk", large, { name: "data", emptyDir: { sizeLimit: "1Ki" } })).toBe("Succeeded");
});

describe("a node shows what it has mounted", () => {
	const name = `kubernetes.io/csi/${driver}^handle`;

	beforeEach(async () => {
		await bound("data", csi("handle"));
		await attach("data");
		await run("web", "sleep 1000", onClaim("data"));
	});

	test("until the pod is over", async () => {
		expect(await inUse()).toEqual([name]);
		await harness.delete("web");
		await harness.clock.advance(31_000);
		expect(await inUse()).toEqual([]);
	});

	test("also before it is attached, so that nobody detaches it meanwhile", async () => {
		await bound("log", csi("log"));
		await run("late", "true", onClaim("log"));
		expect(await inUse()).toEqual([name, `kubernetes.io/csi/${driver}^log`].sort());
	});

	test("and says nothing while its kubelet is stopped", async () => {
		harness.fleet.stopNode("n1");
		await harness.client
			.resource<Pod>({ group: "", version: "v1", resource: "pods", kind: "Pod" })
			.delete({ namespace: "default", name: "web" }, { gracePeriodSeconds: 0 });
		await harness.clock.advance(60_000);
		expect(await inUse()).toEqual([name]);
	});

	test("and its file system grows with the disk", async () => {
		const volume = await harness.client.resource(persistentVolumes).get({ name: "pv-data" });
		await harness.client.resource(persistentVolumes).update({ ...volume, spec: { ...volume.spec, capacity: { storage: "2Gi" } } });
		const claim = await harness.client.resource(persistentVolumeClaims).get({ namespace: "default", name: "data" });
		await harness.client.resource(persistentVolumeClaims).updateStatus({
			...claim,
			status: {
				...claim.status,
				allocatedResources: { storage: "2Gi" },
				allocatedResourceStatuses: { storage: "NodeResizePending" },
				conditions: [{ type: "FileSystemResizePending", status: "True" }],
			},
		});
		await harness.clock.advance(100);
		expect((await harness.client.resource(persistentVolumeClaims).get({ namespace: "default", name: "data" })).status).toEqual({
			phase: "Bound",
			capacity: { storage: "2Gi" },
			allocatedResources: { storage: "2Gi" },
		});
		expect((await harness.events("web")).at(-1)).toBe(
			'Normal FileSystemResizeSuccessful MountVolume.NodeExpandVolume succeeded for volume "pv-data" n1',
		);
	});
});

test("a node registers the driver, with its zone if it has one", async () => {
	await harness.fleet.addNode({ name: "n2", labels: { "topology.kubernetes.io/zone": "east" } });
	const { items } = await harness.client.resource(csiNodes).list();
	const allocatable = { count: 127 };
	expect(items.map(({ metadata, spec }) => [metadata?.ownerReferences?.[0]?.name, spec.drivers])).toEqual([
		["n1", [{ name: driver, nodeID: "n1", allocatable }]],
		["n2", [{ name: driver, nodeID: "n2", allocatable, topologyKeys: ["topology.kubernetes.io/zone"] }]],
	]);
});
