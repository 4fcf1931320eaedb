/** Volumes in a whole cluster: from a claim to files that outlive pods, with every component in its own role. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { PersistentVolumeClaimSpec, Volume } from "../apimachinery/schema/generated/types.ts";
import {
	events,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	pods,
	statefulSets,
	storageClasses,
	volumeAttachments,
} from "../client/resources.ts";
import type { Cluster } from "./cluster.ts";
import { createCluster } from "./open-cluster.ts";

let clock: VirtualClock;
let cluster: Cluster;
/** Requests of components that were not allowed. */
let refused: string[];

beforeEach(async () => {
	clock = new VirtualClock();
	cluster = await createCluster({ clock, seed: 1, nodes: 2, latency: "none" });
	const { authorization } = cluster.apiServer;
	const authorize = authorization.authorize.bind(authorization);
	refused = [];
	vi.spyOn(authorization, "authorize").mockImplementation((attributes) => {
		const decision = authorize(attributes);
		if (decision instanceof Promise || decision.verdict !== "allow") refused.push(JSON.stringify({ ...attributes, ...decision }));
		return decision;
	});
	await clock.advance(5_000);
});

afterEach(async () => {
	expect(refused).toEqual([]);
	await cluster.close();
});

const named = (name: string) => ({ namespace: "default", name });
const phase = async (name: string) => (await cluster.client.resource(pods).get(named(name))).status?.phase;
const nodeOf = async (name: string) => (await cluster.client.resource(pods).get(named(name))).spec?.nodeName ?? "";

async function claim(name: string, spec: PersistentVolumeClaimSpec = {}): Promise<void> {
	const resources = { requests: { storage: "1Gi" } };
	await cluster.client
		.resource(persistentVolumeClaims)
		.create({ metadata: named(name), spec: { accessModes: ["ReadWriteOnce"], resources, ...spec } });
	await clock.advance(100);
}

/** A pod that runs a script with /data mounted. */
async function pod(name: string, script: string, volume: Omit<Volume, "name">, more: object = {}): Promise<void> {
	const container = { name: "c", image: "busybox", command: ["sh", "-c", script], volumeMounts: [{ name: "data", mountPath: "/data" }] };
	const spec = { restartPolicy: "Never", containers: [container], volumes: [{ name: "data", ...volume }], ...more };
	await cluster.client.resource(pods).create({ metadata: named(name), spec });
	await clock.advance(5_000);
}

async function remove(name: string): Promise<void> {
	await cluster.client.resource(pods).delete(named(name), { gracePeriodSeconds: 1 });
	await clock.advance(5_000);
}

const onClaim = (claimName: string) => ({ persistentVolumeClaim: { claimName } });

const claimStatus = async (name: string) => (await cluster.client.resource(persistentVolumeClaims).get(named(name))).status;

test("a fresh cluster has a class of its own, the default one", async () => {
	const { items } = await cluster.client.resource(storageClasses).list();
	expect(items.map(({ metadata, provisioner, volumeBindingMode }) => [metadata?.name, provisioner, volumeBindingMode])).toEqual([
		["standard", "disk.csi.kubesim.io", "WaitForFirstConsumer"],
	]);
});

test("a claim gets its disk with its first pod, keeps its files for the next one on another node, grows, and takes the disk with it", async () => {
	await claim("data");
	expect(await claimStatus("data")).toEqual({ phase: "Pending" });
	await pod("writer", "echo hello > /data/greeting; sleep 3600", onClaim("data"));
	expect(await phase("writer")).toBe("Running");
	expect(await claimStatus("data")).toMatchObject({ phase: "Bound", capacity: { storage: "1Gi" } });
	const home = await nodeOf("writer");
	const node = await cluster.client.resource(nodes).get({ name: home });
	expect(node.status?.volumesInUse).toEqual(node.status?.volumesAttached?.map(({ name }) => name));
	expect(node.status?.volumesInUse).toHaveLength(1);

	await cluster.client
		.resource(persistentVolumeClaims)
		.patch(named("data"), "application/merge-patch+json", { spec: { resources: { requests: { storage: "3Gi" } } } });
	await clock.advance(1_000);
	const grown = await claimStatus("data");
	expect(grown).toMatchObject({ phase: "Bound", capacity: { storage: "3Gi" }, allocatedResources: { storage: "3Gi" } });
	expect([grown?.conditions ?? [], grown?.allocatedResourceStatuses ?? {}]).toEqual([[], {}]);

	const elsewhere = { nodeSelector: { "kubernetes.io/hostname": home === "node-1" ? "node-2" : "node-1" } };
	await pod("reader", 'test "$(cat /data/greeting)" = hello', onClaim("data"), elsewhere);
	expect(await phase("reader")).toBe("Pending");
	const texts = (await cluster.client.resource(events).list("default")).items.map(({ message }) => message);
	expect(texts.filter((text) => text?.startsWith("Multi-Attach"))).toEqual([
		expect.stringMatching(/^Multi-Attach error for volume "pvc-.*" Volume is already used by pod\(s\) writer$/),
	]);
	await remove("writer");
	expect(await phase("reader")).toBe("Succeeded");

	await remove("reader");
	await cluster.client.resource(persistentVolumeClaims).delete(named("data"));
	await clock.advance(10_000);
	expect((await cluster.client.resource(persistentVolumes).list()).items).toEqual([]);
	expect((await cluster.client.resource(volumeAttachments).list()).items).toEqual([]);
});

test("a claim that is deleted while a pod uses it stays until the pod is gone", async () => {
	await claim("data");
	await pod("web", "sleep 3600", onClaim("data"));
	await cluster.client.resource(persistentVolumeClaims).delete(named("data"));
	await clock.advance(5_000);
	expect(await claimStatus("data")).toMatchObject({ phase: "Bound" });
	await pod("late", "true", onClaim("data"));
	expect((await cluster.client.resource(pods).get(named("late"))).status?.conditions?.[0]?.message).toContain(
		'persistentvolumeclaim "data" is being deleted',
	);
	await remove("web");
	expect((await cluster.client.resource(persistentVolumeClaims).list("default")).items).toEqual([]);
});

test("an ephemeral volume comes and goes with its pod", async () => {
	const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
	await pod("job", "echo hello > /data/x; sleep 3600", { ephemeral: { volumeClaimTemplate: { spec } } });
	expect(await phase("job")).toBe("Running");
	expect(await claimStatus("job-data")).toMatchObject({ phase: "Bound" });
	await remove("job");
	await clock.advance(60_000);
	expect((await cluster.client.resource(persistentVolumeClaims).list("default")).items).toEqual([]);
	expect((await cluster.client.resource(persistentVolumes).list()).items).toEqual([]);
});

test("a pod goes to the node that has its volume, which is empty again when the claim is gone", async () => {
	await cluster.client.resource(storageClasses).create({
		metadata: { name: "local" },
		provisioner: "kubernetes.io/no-provisioner",
		volumeBindingMode: "WaitForFirstConsumer",
	});
	const requirement = { key: "kubernetes.io/hostname", operator: "In", values: ["node-2"] };
	const nfs = { server: "files", path: "/export" };
	await cluster.client.resource(persistentVolumes).create({
		metadata: { name: "disk" },
		spec: {
			capacity: { storage: "5Gi" },
			accessModes: ["ReadWriteOnce"],
			storageClassName: "local",
			persistentVolumeReclaimPolicy: "Recycle",
			nfs,
			nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [requirement] }] } },
		},
	});
	await claim("data", { storageClassName: "local" });
	expect(await claimStatus("data")).toEqual({ phase: "Pending" });
	await pod("web", "echo hello > /data/greeting", onClaim("data"));
	expect(await phase("web")).toBe("Succeeded");
	expect(await nodeOf("web")).toBe("node-2");
	await remove("web");
	await cluster.client.resource(persistentVolumeClaims).delete(named("data"));
	await clock.advance(60_000);
	expect((await cluster.client.resource(persistentVolumes).get({ name: "disk" })).status?.phase).toBe("Available");
	await claim("next", { storageClassName: "local" });
	await pod("look", 'test -z "$(ls /data)"', onClaim("next"));
	expect(await phase("look")).toBe("Succeeded");
});

test("pods of a StatefulSet find their files again after they were scaled away", async () => {
	const labels = { app: "db" };
	const script = "hostname >> /data/starts; sleep 3600";
	const container = { name: "c", image: "busybox", command: ["sh", "-c", script], volumeMounts: [{ name: "data", mountPath: "/data" }] };
	await cluster.client.resource(statefulSets).create({
		metadata: named("db"),
		spec: {
			serviceName: "db",
			replicas: 2,
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [container], terminationGracePeriodSeconds: 1 } },
			volumeClaimTemplates: [
				{ metadata: { name: "data" }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
			],
		},
	});
	await clock.advance(30_000);
	const ready = async () => (await cluster.client.resource(statefulSets).get(named("db"))).status?.readyReplicas ?? 0;
	expect(await ready()).toBe(2);
	const scale = async (replicas: number) => {
		await cluster.client.resource(statefulSets).patch(named("db"), "application/merge-patch+json", { spec: { replicas } });
		await clock.advance(30_000);
	};
	await scale(0);
	expect(await ready()).toBe(0);
	expect(await claimStatus("data-db-0")).toMatchObject({ phase: "Bound" });
	await scale(2);
	expect(await ready()).toBe(2);
	await scale(0);
	await pod("look", 'test "$(cat /data/starts)" = "db-1\ndb-1"', onClaim("data-db-1"));
	expect(await phase("look")).toBe("Succeeded");
});

test("while the driver is turned off, claims wait and say for whom", async () => {
	await cluster.controllers.stop("kubesim-csi-driver");
	await claim("data");
	await pod("web", "true", onClaim("data"));
	expect(await phase("web")).toBe("Pending");
	const reasons = (await cluster.client.resource(events).list("default")).items.map(({ reason }) => reason);
	expect(reasons).toContain("ExternalProvisioning");
	await cluster.controllers.start("kubesim-csi-driver");
	await clock.advance(5_000);
	expect(await phase("web")).toBe("Succeeded");
});
