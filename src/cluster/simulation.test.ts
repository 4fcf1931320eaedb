import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import type { Pod, PodSpec } from "../apimachinery/schema/generated/types.ts";
import { persistentVolumeClaims, persistentVolumes, pods, priorityClasses, storageClasses } from "../client/resources.ts";
import { type Cluster, createCluster, imaginedNodes, SimulationError, simulatePlacement } from "./index.ts";

let clock: VirtualClock;
let cluster: Cluster;
beforeEach(async () => {
	clock = new VirtualClock();
	cluster = await createCluster({ nodes: 2, clock, seed: "simulation", latency: "none" });
	await clock.advance(1_000);
});
afterEach(() => cluster.close());

const asking = (cpu: string, rest: Partial<PodSpec> = {}): PodSpec => ({
	containers: [{ name: "c", image: "nginx", resources: { requests: { cpu } } }],
	...rest,
});
const podOf = (name: string, spec: PodSpec): Pod => ({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "default" }, spec });
const deployment = (replicas: number, spec: PodSpec): KubeObject =>
	({
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name: "web" },
		spec: { replicas, selector: { matchLabels: { app: "web" } }, template: { metadata: { labels: { app: "web" } }, spec } },
	}) as KubeObject;

const summary = async (...args: Parameters<typeof simulatePlacement> extends [unknown, ...infer Rest] ? Rest : never) =>
	(await simulatePlacement(cluster, ...args)).placements.map(({ pod, nodeName, preempts, message }) =>
		[pod, nodeName || message, ...preempts].join(" "),
	);

test("pods are placed one after the other, and nothing of it is true", async () => {
	const result = await summary([deployment(3, asking("3"))]);
	expect(
		result
			.slice(0, 2)
			.map((line) => line.split(" ")[1])
			.sort(),
	).toEqual(["node-1", "node-2"]);
	expect(result[2]).toContain("default/web-2 0/2 nodes are available: 2 Insufficient cpu.");
	expect((await cluster.client.resource(pods).list("default")).items).toEqual([]);
	// Once more: the first simulation has left nothing behind.
	expect(await summary([deployment(3, asking("3"))])).toEqual(result);
});

test("nodes can be imagined: more of the same, and others", async () => {
	expect(await summary([deployment(4, asking("3"))], { nodes: await imaginedNodes(cluster, 2) })).toEqual([
		expect.stringMatching(/web-0 (node|imagined)-\d$/),
		expect.stringMatching(/web-1 (node|imagined)-\d$/),
		expect.stringMatching(/web-2 (node|imagined)-\d$/),
		expect.stringMatching(/web-3 (node|imagined)-\d$/),
	]);
	const big: KubeObject = {
		apiVersion: "v1",
		kind: "Node",
		metadata: { name: "big" },
		status: { allocatable: { cpu: "64", memory: "64Gi", pods: "10" } },
	} as KubeObject;
	expect(await summary([big, podOf("huge", asking("32"))])).toEqual(["default/huge big"]);
});

test("a pod of higher priority says whom it would preempt, and comes first", async () => {
	await cluster.client.resource(priorityClasses).create({ metadata: { name: "high" }, value: 1000 });
	await Promise.all(["a", "b"].map((name) => cluster.client.resource(pods).create(podOf(name, asking("3")))));
	await clock.advance(1_000);
	const [high, low] = await summary([podOf("low", asking("3")), podOf("high", asking("3", { priorityClassName: "high" }))]);
	expect(high).toMatch(/^default\/high node-[12] default\/[ab]$/);
	expect(low).toContain("default/low 0/2 nodes are available");
	expect((await cluster.client.resource(pods).list("default")).items.map(({ metadata }) => metadata?.name)).toEqual(["a", "b"]);
});

test("what keeps a pod out is told: admission, gates, other schedulers", async () => {
	expect(
		await summary([
			podOf("nobody", asking("1", { priorityClassName: "unheard-of" })),
			podOf("gated", asking("1", { schedulingGates: [{ name: "example.com/wait" }] })),
			podOf("elsewhere", asking("1", { schedulerName: "mine" })),
		]),
	).toEqual([
		'default/nobody pods "nobody" is forbidden: no PriorityClass with name unheard-of was found',
		"default/gated waiting for scheduling gates: [example.com/wait]",
		'default/elsewhere no scheduler of this cluster is named "mine"',
	]);
	await expect(simulatePlacement(cluster, [{ apiVersion: "v1", kind: "ConfigMap" }])).rejects.toThrow(
		new SimulationError("no pods come from a ConfigMap of v1"),
	);
});

test("a DaemonSet's pods go to the nodes that it would choose", async () => {
	const set = { ...deployment(1, asking("1", { nodeSelector: { "kubernetes.io/hostname": "node-2" } })), kind: "DaemonSet" };
	expect(await summary([set])).toEqual(["default/web-0 node-2"]);
});

test("a pending pod is explained: by its attempts, and by one at this moment", async () => {
	const waiting = await cluster.client.resource(pods).create(podOf("waiting", asking("5")));
	await clock.advance(1_000);
	const { attempts, now, nodeName } = await cluster.scheduler.explain(waiting);
	expect(nodeName).toBe("");
	expect(attempts.map(({ result }) => result)).toEqual(["Unschedulable"]);
	expect(now?.nodes).toEqual(
		["node-1", "node-2"].map((name) => ({
			name,
			rejectedBy: { plugin: "NodeResourcesFit", code: "UnschedulableAndUnresolvable", reasons: ["Insufficient cpu"] },
			scores: [],
		})),
	);
	const placed = await cluster.client.resource(pods).create(podOf("placed", asking("1")));
	await clock.advance(1_000);
	const bound = await cluster.client.resource(pods).get({ namespace: "default", name: "placed" });
	const explanation = await cluster.scheduler.explain(bound);
	expect(explanation.now).toBeUndefined();
	expect(explanation.attempts.at(-1)?.nodes.map(({ total, rejectedBy }) => [typeof total, rejectedBy])).toEqual([
		["number", undefined],
		["number", undefined],
	]);
	expect(placed.spec?.nodeName).toBeUndefined();
});

const local = { provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "WaitForFirstConsumer" };

test("no two pods are promised the same volume, and nobody in the cluster is promised less", async () => {
	const { client } = cluster;
	await client.resource(storageClasses).create({ metadata: { name: "local" }, ...local });
	const volume = {
		capacity: { storage: "1Gi" },
		accessModes: ["ReadWriteOnce"],
		storageClassName: "local",
		nfs: { server: "s", path: "/" },
	};
	await client.resource(persistentVolumes).create({ metadata: { name: "only" }, spec: volume });
	for (const name of ["a", "b"]) {
		const spec = { accessModes: ["ReadWriteOnce"], storageClassName: "local", resources: { requests: { storage: "1Gi" } } };
		await client.resource(persistentVolumeClaims).create({ metadata: { namespace: "default", name }, spec });
	}
	await clock.advance(1_000);
	const using = (name: string) => podOf(name, asking("1", { volumes: [{ name: "v", persistentVolumeClaim: { claimName: name } }] }));
	const [first, second] = await summary([using("a"), using("b")]);
	expect(first).toMatch(/^default\/a node-\d$/);
	expect(second).toContain("2 node(s) didn't find available persistent volumes to bind");
	// The simulation speaks for nothing.
	expect(await summary([using("b")])).toEqual([expect.stringMatching(/^default\/b node-\d$/)]);
	await client.resource(pods).create(using("b"));
	await clock.advance(60_000);
	expect((await client.resource(pods).get({ namespace: "default", name: "b" })).spec?.nodeName).toMatch(/^node-/);
});
