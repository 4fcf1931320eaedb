import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Node, Pod } from "../apimachinery/schema/generated/types.ts";
import { leases, nodes, pods } from "../client/resources.ts";
import { type Cluster, createCluster, NodeRequestError } from "./index.ts";

let clock: VirtualClock;
let cluster: Cluster;
beforeEach(async () => {
	clock = new VirtualClock();
	cluster = await createCluster({ nodes: 2, clock, seed: "nodes", latency: "none" });
	await clock.advance(1_000);
});
afterEach(() => cluster.close());

const template: KubeObject = {
	apiVersion: "v1",
	kind: "Node",
	metadata: { name: "gpu", labels: { rack: "rack-{n}", gpu: "yes" } },
	...{
		spec: { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] },
		status: { capacity: { cpu: "32", "example.com/gpu": "8" } },
	},
} as KubeObject;

const podOf = (name: string, spec: Partial<Pod["spec"]> = {}): Pod => ({
	apiVersion: "v1",
	kind: "Pod",
	metadata: { namespace: "default", name },
	spec: { containers: [{ name: "c", image: "nginx" }], ...spec },
});
const onGpu = {
	nodeSelector: { rack: "rack-2" },
	tolerations: [{ key: "gpu", operator: "Exists" }],
	containers: [{ name: "c", image: "nginx", resources: { limits: { "example.com/gpu": "8" } } }],
};

test("nodes are added by a template, each with its number and its zone, and run pods", async () => {
	expect(await cluster.nodes.add({ count: 3, template, zones: ["a", "b"] })).toEqual(["gpu-1", "gpu-2", "gpu-3"]);
	await cluster.client.resource(pods).create(podOf("p", onGpu));
	await clock.advance(30_000);
	const added = await cluster.client.resource(nodes).list(undefined, { labelSelector: "gpu=yes" });
	const told = added.items.map(({ metadata, spec, status }) => [
		metadata?.labels?.rack,
		metadata?.labels?.["topology.kubernetes.io/zone"],
		spec?.taints?.map(({ key }) => key).join(),
		status?.allocatable?.["example.com/gpu"],
		status?.capacity?.memory,
	]);
	expect(told).toEqual([
		["rack-1", "a", "gpu", "8", "8Gi"],
		["rack-2", "b", "gpu", "8", "8Gi"],
		["rack-3", "a", "gpu", "8", "8Gi"],
	]);
	const pod = await cluster.client.resource(pods).get({ namespace: "default", name: "p" });
	expect([pod.spec?.nodeName, pod.status?.phase]).toEqual(["gpu-2", "Running"]);
	expect((await cluster.nodes.list()).find(({ name }) => name === "gpu-2")).toEqual({
		...{ name: "gpu-2", state: "Ready", isSimulated: true, zone: "b", cpu: "32", memory: "8Gi", pods: 1, maxPods: "110" },
	});
});

test("names that are taken are left out, and a name can have its number anywhere", async () => {
	expect(await cluster.nodes.add({ count: 2 })).toEqual(["node-3", "node-4"]);
	const named = { ...template, metadata: { name: "r{n}-big" } };
	expect(await cluster.nodes.add({ count: 2, template: named })).toEqual(["r1-big", "r2-big"]);
});

test("a node that is removed takes its kubelet and its pods with it", async () => {
	await cluster.nodes.add({ count: 2, template });
	await cluster.client.resource(pods).create(podOf("p", onGpu));
	await clock.advance(10_000);
	await expect(cluster.nodes.remove(["gpu-1", "gpu-9"])).rejects.toThrow(new NodeRequestError("no simulated node is named gpu-9"));
	expect(await cluster.nodes.selected("gpu=yes")).toEqual(["gpu-1", "gpu-2"]);
	await cluster.nodes.remove(["gpu-2"]);
	await clock.advance(120_000);
	expect(cluster.fleet.nodeNames()).toEqual(["node-1", "node-2", "gpu-1"]);
	expect((await cluster.client.resource(nodes).list()).items.map(({ metadata }) => metadata?.name)).toEqual(["gpu-1", "node-1", "node-2"]);
	expect((await cluster.client.resource(pods).list("default")).items).toEqual([]);
	const held = (await cluster.client.resource(leases).list("kube-node-lease")).items.map(({ metadata }) => metadata?.name);
	expect(held).toEqual(["gpu-1", "node-1", "node-2"]);
});

test.each<[string, KubeObject, string]>([
	["no Node", { apiVersion: "v1", kind: "Pod" }, "a template of nodes is a Node of v1, not a Pod of v1"],
	[
		"a label that no kubelet may set",
		{ ...template, metadata: { labels: { "node-role.kubernetes.io/control-plane": "" } } },
		"is not allowed to set the following labels: node-role.kubernetes.io/control-plane",
	],
	["a name that is none", { ...template, metadata: { name: "A B" } }, 'Node "A B-1" is invalid: metadata.name: Invalid value'],
])("a template is refused that makes no nodes: %s", async (_what, wrong, message) => {
	await expect(cluster.nodes.add({ count: 3, template: wrong })).rejects.toThrow(message);
	expect(cluster.fleet.nodeNames()).toEqual(["node-1", "node-2"]);
});

test("added nodes are there after a restart, as they were, and no two have one place in the network", async () => {
	const dataDir = mkdtempSync(join(tmpdir(), "cluster-nodes-"));
	const start = () => createCluster({ dataDir, nodes: 1, latency: "none" });
	const seen = async ({ client }: Cluster): Promise<ReadonlyMap<string | undefined, Node>> =>
		new Map((await client.resource(nodes).list()).items.map((node) => [node.metadata?.name, node]));
	const placeOf = (node: Node | undefined) => [node?.spec?.podCIDR, node?.status?.addresses?.[0]?.address, node?.status?.capacity?.cpu];
	try {
		let running = await start();
		await running.nodes.add({ count: 4, template });
		await running.nodes.remove(["gpu-1", "gpu-2"]);
		const before = await seen(running);
		await running.close();
		running = await start();
		expect(running.fleet.nodeNames().toSorted()).toEqual(["gpu-3", "gpu-4", "node-1"]);
		await running.nodes.add({ count: 4 });
		const after = await seen(running);
		for (const name of ["node-1", "gpu-3", "gpu-4"]) expect(placeOf(after.get(name))).toEqual(placeOf(before.get(name)));
		expect(new Set([...after.values()].map((node) => node.spec?.podCIDR)).size).toBe(7);
		expect(new Set([...after.values()].map((node) => node.status?.addresses?.[0]?.address)).size).toBe(7);
		await running.close();
	} finally {
		rmSync(dataDir, { recursive: true, force: true });
	}
}, 60_000);
