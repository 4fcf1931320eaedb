import { describe, expect, it } from "vitest";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { PersistentVolumeClaimSpec, Pod, PodSpec, Volume } from "../../apimachinery/schema/generated/types.ts";
import { csiNodes, persistentVolumeClaims, persistentVolumes } from "../../client/resources.ts";
import { ActionType, covers, objectEvent } from "../framework/cluster-event.ts";
import { CycleState } from "../framework/cycle-state.ts";
import { PodInfo } from "../framework/pod-info.ts";
import { cluster, filterVerdicts, node, pod } from "../testing/builders.ts";
import { boundClaim, claim, on, storageClass, using, type VolumeWorld, volume, volumeWorld } from "../testing/volumes.ts";
import { createNodeVolumeLimits } from "./node-volume-limits.ts";
import { createVolumeBinding } from "./volume-binding.ts";
import { createVolumeRestrictions } from "./volume-restrictions.ts";
import { createVolumeZone } from "./volume-zone.ts";

const two = [node("a"), node("b")];
const everywhere = (text: string) => ({ a: `UnschedulableAndUnresolvable: ${text}`, b: `UnschedulableAndUnresolvable: ${text}` });

describe("VolumeBinding", () => {
	const verdicts = async (spec: Partial<PodSpec>, ...objects: readonly KubeObject[]) =>
		filterVerdicts(createVolumeBinding(await volumeWorld(...objects)), pod("p", spec), cluster(two));

	it("says nothing of pods without claims", async () => {
		const volumes = [{ name: "tmp", emptyDir: {} }];
		const answer = createVolumeBinding(await volumeWorld()).preFilter(new CycleState(), new PodInfo(pod("p", { volumes })), cluster(two));
		expect(answer).toMatchObject({ code: "Skip" });
	});

	it.each<[string, readonly KubeObject[]]>([
		['persistentvolumeclaim "data" not found', []],
		["pod has unbound immediate PersistentVolumeClaims", [claim("data"), storageClass("late", "x", { volumeBindingMode: "Immediate" })]],
		["pod has unbound immediate PersistentVolumeClaims", [claim("data", { volumeName: "disk" }), storageClass("late", "x")]],
		[
			'persistentvolumeclaim "data" bound to non-existent persistentvolume "disk"',
			[{ ...boundClaim("data", "disk"), status: { phase: "Lost" } } as KubeObject],
		],
		["node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)", [boundClaim("data", "disk")]],
		["node(s) didn't find available persistent volumes to bind", [claim("data"), storageClass("late", "kubernetes.io/no-provisioner")]],
	])("turns a pod down everywhere: %s", async (reason, objects) => {
		expect(await verdicts(using("data"), ...objects)).toEqual(everywhere(reason));
	});

	it("waits for the claim of an ephemeral volume, and takes nobody else's", async () => {
		const volumes: readonly Volume[] = [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: {} } } }];
		expect(await verdicts({ volumes })).toEqual(
			everywhere('waiting for ephemeral volume controller to create the persistentvolumeclaim "p-scratch"'),
		);
		expect(await verdicts({ volumes }, claim("p-scratch"))).toEqual(
			everywhere("PVC default/p-scratch was not created for pod default/p (pod is not owner)"),
		);
	});

	it("lets a pod go where its volume is in reach", async () => {
		expect(await verdicts(using("data"), boundClaim("data", "disk"), volume("disk", on("a")))).toEqual({
			a: "ok",
			b: "UnschedulableAndUnresolvable: node(s) didn't match PersistentVolume's node affinity",
		});
	});

	it("finds volumes for claims that wait for their pod", async () => {
		const local = storageClass("late", "kubernetes.io/no-provisioner");
		expect(await verdicts(using("data"), claim("data"), local, volume("disk", on("b")))).toEqual({
			a: "UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind",
			b: "ok",
		});
		// One volume is not enough for two claims.
		expect(await verdicts(using("data", "log"), claim("data"), claim("log"), local, volume("disk", on("b")))).toEqual(
			everywhere("node(s) didn't find available persistent volumes to bind"),
		);
	});

	it("sends a claim where its class makes volumes, or where it was sent before", async () => {
		const term = { matchLabelExpressions: [{ key: "kubernetes.io/hostname", values: ["b"] }] };
		const onlyB = { a: "UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind", b: "ok" };
		expect(await verdicts(using("data"), claim("data"), storageClass("late", "x"))).toEqual({ a: "ok", b: "ok" });
		expect(await verdicts(using("data"), claim("data"), storageClass("late", "x", { allowedTopologies: [term] }))).toEqual(onlyB);
		const sent = claim("data", {}, { "volume.kubernetes.io/selected-node": "b" });
		expect(await verdicts(using("data"), sent, storageClass("late", "x"))).toEqual(onlyB);
	});

	/** Takes a pod through the cycle as far as PreBind on node a, which goes on in the background. */
	function bind(world: VolumeWorld, waiting: Pod) {
		const plugin = createVolumeBinding(world);
		const info = new PodInfo(waiting);
		const state = new CycleState();
		plugin.preFilter(state, info, cluster(two));
		const [first] = cluster(two).nodes;
		const verdict = first === undefined ? undefined : plugin.filter(state, info, first);
		expect(verdict).toBeUndefined();
		plugin.reserve(state, info, "a");
		let answer: string | undefined;
		void plugin.preBind(state, info, "a").then((result) => {
			answer = result === undefined ? "bound" : `${result.code}: ${result.message}`;
		});
		return { plugin, state, info, answer: () => answer };
	}

	it("writes a claim into its volume and waits for the binding controller", async () => {
		const world = await volumeWorld(claim("data"), storageClass("late", "kubernetes.io/no-provisioner"), volume("disk"));
		const { answer } = bind(world, pod("p", using("data")));
		await world.clock.advance(5_000);
		expect(answer()).toBeUndefined();
		const disk = await world.client.resource(persistentVolumes).get({ name: "disk" });
		expect(disk.spec?.claimRef).toMatchObject({ namespace: "default", name: "data" });
		expect(disk.metadata?.annotations).toEqual({ "pv.kubernetes.io/bound-by-controller": "yes" });
		const data = await world.client.resource(persistentVolumeClaims).get({ namespace: "default", name: "data" });
		const written = await world.client.resource(persistentVolumeClaims).update({
			...data,
			metadata: { ...data.metadata, annotations: { "pv.kubernetes.io/bind-completed": "yes" } },
			spec: { ...data.spec, volumeName: "disk" },
		});
		await world.clock.advance(0);
		// The kubelet goes by the claim's status: the pod does not come to it before.
		expect(answer()).toBeUndefined();
		await world.client.resource(persistentVolumeClaims).updateStatus({ ...written, status: { phase: "Bound" } });
		await world.clock.advance(0);
		expect(answer()).toBe("bound");
	});

	it("asks for a volume on the pod's node, and gives up when the provisioner does", async () => {
		const world = await volumeWorld(claim("data"), storageClass("late", "x"));
		const { answer } = bind(world, pod("p", using("data")));
		await world.clock.advance(0);
		const data = await world.client.resource(persistentVolumeClaims).get({ namespace: "default", name: "data" });
		expect(data.metadata?.annotations).toEqual({ "volume.kubernetes.io/selected-node": "a" });
		await world.client.resource(persistentVolumeClaims).update({ ...data, metadata: { ...data.metadata, annotations: {} } });
		await world.clock.advance(0);
		expect(answer()).toBe('Error: binding volumes: provisioning failed for PVC "data"');
	});

	it("waits ten minutes and no longer", async () => {
		const world = await volumeWorld(claim("data"), storageClass("late", "x"));
		const { answer } = bind(world, pod("p", using("data")));
		await world.clock.advance(599_000);
		expect(answer()).toBeUndefined();
		await world.clock.advance(1_000);
		expect(answer()).toBe("Error: binding volumes: context deadline exceeded");
	});

	it("gives one volume to one pod, and back when the pod does not come", async () => {
		const world = await volumeWorld(claim("data"), claim("log"), storageClass("late", "kubernetes.io/no-provisioner"), volume("disk"));
		const { plugin, state, info } = bind(world, pod("p", using("data")));
		const other = () => filterVerdicts(plugin, pod("q", using("log")), cluster([node("a")]));
		expect(other()).toEqual({ a: "UnschedulableAndUnresolvable: node(s) didn't find available persistent volumes to bind" });
		plugin.unreserve(state, info, "a");
		expect(other()).toEqual({ a: "ok" });
	});

	it("is woken by what can help: the pod's own claims, any volume, a class that opens other places", async () => {
		const plugin = createVolumeBinding(await volumeWorld());
		const waiting = pod("p", using("data"));
		const isWoken = (event: ReturnType<typeof objectEvent>, old: KubeObject | undefined, object: KubeObject) =>
			plugin.eventsToRegister?.().some((each) => covers(each, event) && (each.hint?.(waiting, old, object) ?? "Queue") === "Queue");
		expect(isWoken(objectEvent("PersistentVolumeClaim", "update"), claim("data"), claim("data"))).toBe(true);
		expect(isWoken(objectEvent("PersistentVolumeClaim", "update"), claim("other"), claim("other"))).toBe(false);
		expect(isWoken(objectEvent("PersistentVolume", "add"), undefined, volume("disk"))).toBe(true);
		expect(isWoken(objectEvent("PersistentVolume", "delete"), volume("disk"), volume("disk"))).toBe(false);
		expect(isWoken(objectEvent("StorageClass", "update"), storageClass("late", "x"), storageClass("late", "x"))).toBe(false);
		expect(isWoken(objectEvent("StorageClass", "add"), undefined, storageClass("late", "x"))).toBe(true);
	});
});

describe("VolumeRestrictions", () => {
	const taken =
		"Unschedulable: node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";
	const alone: PersistentVolumeClaimSpec = { accessModes: ["ReadWriteOncePod"] };

	it("gives a claim with ReadWriteOncePod to one pod of the cluster", async () => {
		const plugin = createVolumeRestrictions((await volumeWorld(boundClaim("data", "disk", alone), boundClaim("shared", "s"))).cache);
		const user = pod("first", { ...using("data", "shared"), nodeName: "a" });
		expect(filterVerdicts(plugin, pod("p", using("data")), cluster(two, [user]))).toEqual({ a: taken, b: taken });
		expect(filterVerdicts(plugin, pod("p", using("shared")), cluster(two, [user]))).toEqual({ a: "ok", b: "ok" });
		const elsewhere = pod("p", using("data"), { namespace: "other" });
		expect(filterVerdicts(plugin, elsewhere, cluster(two, [user]))).toEqual(everywhere('persistentvolumeclaim "data" not found'));
	});

	it("knows that preempting the other pod would help", async () => {
		const plugin = createVolumeRestrictions((await volumeWorld(boundClaim("data", "disk", alone))).cache);
		const user = pod("first", { ...using("data"), nodeName: "a" });
		const snapshot = cluster(two, [user]);
		const [first] = snapshot.nodes;
		if (first === undefined) throw new Error("no node");
		const state = new CycleState();
		const info = new PodInfo(pod("p", using("data")));
		plugin.preFilter(state, info, snapshot);
		const imagined = state.clone();
		plugin.preFilterExtensions?.removePod(imagined, info, new PodInfo(user), first);
		expect(plugin.filter(imagined, info, first)).toBeUndefined();
		expect(plugin.filter(state, info, first)?.code).toBe("Unschedulable");
	});

	it.each<[string, Volume, boolean]>([
		["another disk", { name: "v", gcePersistentDisk: { pdName: "other" } }, true],
		["the same to write", { name: "v", gcePersistentDisk: { pdName: "disk" } }, false],
		["the same, both to read", { name: "v", gcePersistentDisk: { pdName: "disk", readOnly: true } }, true],
	])("keeps disks of their own apart on a node: %s", async (_what, theirs, fits) => {
		const plugin = createVolumeRestrictions((await volumeWorld()).cache);
		const mine: Volume = { name: "v", gcePersistentDisk: { pdName: "disk", readOnly: true } };
		const user = pod("first", { volumes: [theirs], nodeName: "a" });
		expect(filterVerdicts(plugin, pod("p", { volumes: [mine] }), cluster(two, [user]))).toEqual({
			a: fits ? "ok" : "Unschedulable: node(s) had no available disk",
			b: "ok",
		});
	});
});

describe("VolumeZone", () => {
	const zone = (name: string, value: string) => node(name, { labels: { "topology.kubernetes.io/zone": value } });

	it.each(["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"])(
		"keeps a pod in the zones of its volume: %s",
		async (key) => {
			const plugin = createVolumeZone((await volumeWorld(boundClaim("data", "disk"), volume("disk", {}, { [key]: "east__north" }))).cache);
			const snapshot = cluster([zone("a", "east"), zone("b", "west"), zone("c", "north"), node("d")]);
			expect(filterVerdicts(plugin, pod("p", using("data")), snapshot)).toEqual({
				a: "ok",
				b: "UnschedulableAndUnresolvable: node(s) had no available volume zone",
				c: "ok",
				d: "ok",
			});
		},
	);

	it("says nothing of claims that wait for their pod", async () => {
		const plugin = createVolumeZone((await volumeWorld(claim("data"), storageClass("late", "x"))).cache);
		expect(filterVerdicts(plugin, pod("p", using("data")), cluster([zone("a", "east")]))).toEqual({ a: "ok" });
	});
});

describe("NodeVolumeLimits", () => {
	const csi = (handle: string) => ({ csi: { driver: "disk", volumeHandle: handle } });
	const csiNode = (name: string, count: number): KubeObject => ({
		...({ apiVersion: "storage.k8s.io/v1", kind: csiNodes.kind, metadata: { name } } as KubeObject),
		...{ spec: { drivers: [{ name: "disk", nodeID: name, allocatable: { count } }] } },
	});
	const attachment: KubeObject = {
		...({ apiVersion: "storage.k8s.io/v1", kind: "VolumeAttachment", metadata: { name: "att" } } as KubeObject),
		...{ spec: { attacher: "disk", nodeName: "a", source: { persistentVolumeName: "two" } } },
	};
	const full = "Unschedulable: node(s) exceed max volume count";
	const objects = [
		csiNode("a", 1),
		boundClaim("one", "one"),
		volume("one", csi("1")),
		boundClaim("two", "two"),
		volume("two", csi("2")),
		claim("new"),
		storageClass("late", "disk"),
	];

	it("counts the volumes of the node's pods, each once", async () => {
		const plugin = createNodeVolumeLimits((await volumeWorld(...objects)).cache);
		const user = pod("first", { ...using("one"), nodeName: "a" });
		const snapshot = cluster(two, [user]);
		expect(filterVerdicts(plugin, pod("p", using("two")), snapshot)).toEqual({ a: full, b: "ok" });
		expect(filterVerdicts(plugin, pod("p", using("one")), snapshot)).toEqual({ a: "ok", b: "ok" });
		// A claim without a volume will have one.
		expect(filterVerdicts(plugin, pod("p", using("new")), snapshot)).toEqual({ a: full, b: "ok" });
	});

	it("counts what is still attached", async () => {
		const plugin = createNodeVolumeLimits((await volumeWorld(...objects, attachment)).cache);
		expect(filterVerdicts(plugin, pod("p", using("one")), cluster(two))).toEqual({ a: full, b: "ok" });
		expect(filterVerdicts(plugin, pod("p", using("two")), cluster(two))).toEqual({ a: "ok", b: "ok" });
	});

	it("is woken when pods or attachments go", async () => {
		const plugin = createNodeVolumeLimits((await volumeWorld()).cache);
		const registered = plugin.eventsToRegister?.() ?? [];
		expect(registered.some(({ resource, action }) => resource === "AssignedPod" && action === ActionType.delete)).toBe(true);
		const hint = registered.find((each) => covers(each, objectEvent("VolumeAttachment", "delete")))?.hint;
		expect(hint?.(pod("p", using("data")), attachment, undefined)).toBe("Queue");
	});
});
