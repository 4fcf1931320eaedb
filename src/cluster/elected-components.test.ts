/** Two servers of one cluster in one process, over kubesim's own etcd API. test/e2e/ha.test.ts has processes and a real etcd. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { WallClock } from "../apimachinery/clock/wall-clock.ts";
import { loadOrCreatePki, type Pki } from "../apiserver/pki/pki.ts";
import { deployments, leases, nodes } from "../client/resources.ts";
import { type EtcdApi, serveEtcdApi } from "../store/etcd-api/index.ts";
import { createMemoryStore, type MaintainedStore } from "../store/index.ts";
import { type Cluster, createCluster } from "./index.ts";

let store: MaintainedStore;
let api: EtcdApi;
let pki: Pki;
const clusters: Cluster[] = [];

beforeEach(async () => {
	const clock = new WallClock();
	store = await createMemoryStore({ clock });
	api = await serveEtcdApi({ store, clock, port: 0 });
	pki = await loadOrCreatePki(undefined, { nowMs: clock.now() });
});
afterEach(async () => {
	for (const cluster of clusters.splice(0)) await cluster.close();
	await api.close();
	await store.close();
});

async function serve(count: number): Promise<Cluster> {
	const cluster = await createCluster({ store: { type: "etcd", endpoints: [api.url] }, pki, nodes: count, latency: "none" });
	clusters.push(cluster);
	return cluster;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
	for (let attempt = 0; attempt < 600; attempt++) {
		if (await condition()) return;
		await new Promise<void>((resolve) => new WallClock().setTimeout(resolve, 25));
	}
	throw new Error("it did not happen");
}

const readyReplicas = async (cluster: Cluster) =>
	(await cluster.client.resource(deployments).get({ namespace: "default", name: "web" })).status?.readyReplicas ?? 0;

test("one runs everything, the other serves and takes over when the first one ends", async () => {
	const first = await serve(2);
	expect(await first.whenNodesReady()).toBe(2);
	const second = await serve(3);
	expect(await second.whenNodesReady()).toBe(2);
	expect(first.fleet.nodeNames()).toEqual(["node-1", "node-2"]);
	expect(() => second.fleet).toThrow("another server of this cluster runs it");
	expect(() => second.controllers.list()).toThrow("another server of this cluster runs its controllers");
	await expect(second.controllers.stop("deployment")).rejects.toThrow("another server of this cluster runs its controllers");
	await expect(first.controllers.setReplicas(2)).rejects.toThrow("the replicas of this cluster's controller manager are its servers");
	expect(await first.controllers.stop("cronjob")).toBe("cronjob-controller");
	expect(first.controllers.list().filter(({ state }) => state === "stopped")).toHaveLength(1);
	const before = await second.client.resource(nodes).get({ name: "node-2" });
	await second.client.resource(deployments).create({
		metadata: { name: "web", namespace: "default" },
		spec: {
			replicas: 4,
			selector: { matchLabels: { app: "web" } },
			template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
		},
	});
	await until(async () => (await readyReplicas(second)) === 4);

	await clusters.shift()?.close();
	await second.client
		.resource(deployments)
		.patch({ namespace: "default", name: "web" }, "application/merge-patch+json", { spec: { replicas: 6 } });
	await until(async () => (await readyReplicas(second)) === 6);
	// The nodes that were there are the same machines; one that was asked for here is added.
	await until(async () => second.fleet.nodeNames().length === 3);
	const after = await second.client.resource(nodes).get({ name: "node-2" });
	expect([after.metadata?.uid, after.spec?.podCIDR, after.status?.addresses, after.status?.nodeInfo?.machineID]).toEqual([
		before.metadata?.uid,
		before.spec?.podCIDR,
		before.status?.addresses,
		before.status?.nodeInfo?.machineID,
	]);
	for (const name of ["kube-controller-manager", "kube-scheduler", "kubesim-nodes"]) {
		const { spec } = await second.client.resource(leases).get({ namespace: "kube-system", name });
		// Given back, and taken again: two transitions.
		expect([name, spec?.leaseDurationSeconds, spec?.leaseTransitions]).toEqual([name, 15, 1]);
	}
});
