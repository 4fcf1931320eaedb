import { describe, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { ConfigMap, Deployment, Pod } from "../apimachinery/schema/generated/types.ts";
import { runController } from "../client/controller.ts";
import { configMaps, deployments } from "../client/resources.ts";
import { WorkQueue } from "../client/work-queue.ts";
import { loadOrCreatePki, type Pki } from "../cluster/index.ts";
import type { Controller } from "../controllers/controller.ts";
import { createCluster, NotReachedError, type TestCluster } from "./test-cluster.ts";

/** Making certificates is most of what a cluster costs; no test here looks at them. */
const pki: Pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });

const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.27"}]}
`;

const readyReplicas = async (cluster: TestCluster) => (await cluster.get<Deployment>("deploy", "web")).status?.readyReplicas;

describe("time", () => {
	test("passes when told to, up to a condition, and settles between", async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, pki });
		await cluster.apply(web);
		await cluster.settle();
		expect(cluster.clock.now()).toBe(cluster.startMs);
		// Everything that needs no time is done: the controllers have made what they make at once.
		expect(await cluster.list("ReplicaSet", { namespace: "default" })).toHaveLength(1);
		await cluster.runUntil(async () => (await readyReplicas(cluster)) === 3, { within: "1m" });
		const readyAtMs = cluster.clock.now();
		expect(readyAtMs - cluster.startMs).toBeGreaterThan(0);
		await cluster.advance("1h30m");
		expect(cluster.clock.now()).toBe(readyAtMs + 90 * 60_000);
	});

	test("what does not come is told with what happened last", async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0 });
		await cluster.apply(web);
		const waiting = cluster.runUntil(async () => (await readyReplicas(cluster)) === 3, { within: "5s" });
		await expect(waiting).rejects.toThrow(NotReachedError);
		await expect(waiting).rejects.toThrow(
			/not reached within 5s: .*readyReplicas(.|\n)*FailedScheduling: no nodes available to schedule pods/,
		);
		expect(cluster.clock.now()).toBe(cluster.startMs + 5_000);
	});

	test("passes by itself, faster than the machine's", async () => {
		await using cluster = await createCluster({ clock: { speed: 100 }, pki, nodes: 1 });
		await cluster.apply(web);
		await cluster.runUntil(async () => (await readyReplicas(cluster)) === 3, { within: "1h" });
		await expect(cluster.settle()).rejects.toThrow("only a cluster in virtual time settles");
	});
});

describe("objects", () => {
	test("are applied, read, listed and deleted by the names that kubectl takes", async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [] });
		const [map] = await cluster.apply<ConfigMap>({
			apiVersion: "v1",
			kind: "ConfigMap",
			metadata: { name: "a" },
			data: { k: "1" },
		} as ConfigMap);
		expect(map?.metadata?.namespace).toBe("default");
		await cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: '2'}");
		expect((await cluster.get(configMaps, "a")).data).toEqual({ k: "2" });
		const [generated] = await cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: b-}");
		expect(generated?.metadata?.name).toMatch(/^b-/);
		expect(await cluster.list("cm", { fieldSelector: "metadata.name=a" })).toHaveLength(1);
		await cluster.delete("configmaps", "a");
		await expect(cluster.get("cm", "a")).rejects.toThrow('configmaps "a" not found');
		await expect(cluster.apply("apiVersion: v1\nkind: Widget\nmetadata: {name: a}")).rejects.toThrow(
			'no matches for kind "Widget" in version "v1"',
		);
	});
});

describe("the timeline", () => {
	test("says what changed, when, and who asked for it", async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 1 });
		await cluster.advance("10s");
		await cluster.apply(web);
		await cluster.runUntil(async () => (await readyReplicas(cluster)) === 3);
		await cluster.delete("deploy", "web", { propagationPolicy: "Background" });
		await cluster.runUntil(async () => (await cluster.list("pods", { namespace: "default" })).length === 0);
		const actorsOf = (kind: string) => new Set(cluster.timeline.of(kind).map(({ type, actor }) => `${type} ${actor}`));
		const account = (name: string) => `system:serviceaccount:kube-system:${name}`;
		expect([...actorsOf("Deployment")].sort()).toEqual([
			"ADDED kubernetes-admin",
			"DELETED kubernetes-admin",
			expect.stringMatching(/^MODIFIED system:serviceaccount:kube-system:deployment/),
		]);
		expect(actorsOf("Pod")).toContain("MODIFIED system:kube-scheduler");
		// A binding each, and nothing of what the kubelet makes of it.
		const bindings = cluster.timeline.of("Pod").filter(({ type, actor }) => type === "MODIFIED" && actor === "system:kube-scheduler");
		expect(bindings).toHaveLength(3);
		expect(actorsOf("Pod")).toContain("MODIFIED system:node:node-1");
		expect(actorsOf("Pod")).toContain("DELETED system:node:node-1");
		expect([...actorsOf("ReplicaSet")].every((text) => text.includes(account("")))).toBe(true);
		expect(cluster.timeline.of("Pod", undefined, "default").filter(({ type }) => type === "ADDED")).toHaveLength(3);
		expect(cluster.story()).toMatch(/^\+10\.000s kubernetes-admin ADDED Deployment default\/web$/m);
		expect(cluster.story()).toMatch(
			/^\+10\.000s system:kube-scheduler ADDED Event default\/\S+: Pod\/\S+ Scheduled: Successfully assigned/m,
		);
		expect(cluster.timeline.entries.filter(({ actor }) => actor === undefined)).toEqual([]);
	});

	test("has custom resources, too, from the moment that they are defined", async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [] });
		const schema = "{ openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }";
		await cluster.apply(
			`apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: crontabs.stable.example.com }\nspec: { group: stable.example.com, scope: Namespaced, names: { plural: crontabs, singular: crontab, kind: CronTab }, versions: [{ name: v1, served: true, storage: true, schema: ${schema} }] }`,
		);
		await cluster.advance("10s");
		await cluster.apply("apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: { name: a }\nspec: { replicas: 1 }");
		await cluster.apply("apiVersion: stable.example.com/v1\nkind: CronTab\nmetadata: { name: a }\nspec: { replicas: 2 }");
		await cluster.delete("crontab", "a");
		expect(cluster.timeline.of("CronTab").map(({ type, actor }) => `${type} ${actor}`)).toEqual([
			"ADDED kubernetes-admin",
			"MODIFIED kubernetes-admin",
			"DELETED kubernetes-admin",
		]);
	});

	test("is the same for the same seed, faults and all", async () => {
		const run = async (seed: number) => {
			const faults = { conflict: 0.2, timeout: 0.05, watchBreak: 0.02, eventDelayMs: 50 };
			await using cluster = await createCluster({ clock: "virtual", seed, pki, nodes: 2, faults });
			await cluster.apply(web);
			await cluster.advance("2m");
			return cluster.story();
		};
		const [first, second, other] = [await run(3), await run(3), await run(4)];
		expect(second).toBe(first);
		expect(other).not.toBe(first);
		expect(first.length).toBeGreaterThan(5_000);
	});
});

/** Gives every ConfigMap a twin of the same data, in two writes: a label on the one that says so, then the twin. */
const twins: Controller = {
	name: "twins",
	async run({ client, informers, clock, log }, signal) {
		const queue = new WorkQueue({ clock });
		const informer = informers.informer(configMaps);
		const enqueue = ({ metadata }: ConfigMap) => {
			if (metadata?.namespace === "default" && metadata.name?.endsWith("-twin") === false) queue.add(metadata.name);
		};
		informer.onChange({ added: enqueue, updated: (_, object) => enqueue(object) }, signal);
		await informer.whenSynced();
		const maps = client.resource(configMaps);
		const reconcile = async (name: string) => {
			const map = informer.cache.get(`default/${name}`);
			if (map === undefined || informer.cache.get(`default/${name}-twin`) !== undefined) return;
			if (map.metadata?.labels?.twin === undefined) {
				await maps.patch({ namespace: "default", name }, "application/merge-patch+json", { metadata: { labels: { twin: "yes" } } });
			}
			await maps.create({
				metadata: { namespace: "default", name: `${name}-twin` },
				...(map.data === undefined ? {} : { data: map.data }),
			});
		};
		await runController({ name: "twins", queue, concurrency: 1, reconcile, log, signal });
	},
};

describe("a controller of one's own", () => {
	const map = (name: string) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: {k: v}`;
	const names = async (cluster: TestCluster) =>
		(await cluster.list(configMaps, { namespace: "default" }))
			.map(({ metadata }) => metadata?.name)
			.filter((name) => name !== "kube-root-ca.crt");

	test("runs in the cluster's time, under its own name", async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [] });
		const process = cluster.run(twins);
		await cluster.apply(map("a"));
		await cluster.settle();
		expect(await names(cluster)).toEqual(["a", "a-twin"]);
		expect(cluster.timeline.of("ConfigMap", "a-twin").map(({ actor }) => actor)).toEqual(["twins"]);
		expect(process.writes).toBe(2);
		await process.stop();
		await cluster.apply(map("b"));
		await cluster.advance("1m");
		expect(await names(cluster)).toEqual(["a", "a-twin", "b"]);
	});

	test("crashes between two writes, forgets what it knew, and finishes after a restart", async () => {
		await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes: 0, controllers: [] });
		const process = cluster.run(twins);
		await cluster.settle();
		process.crash({ afterWrites: 1 });
		await cluster.apply(map("a"));
		await cluster.advance("1m");
		expect([process.isRunning, process.writes]).toEqual([false, 1]);
		expect((await cluster.get(configMaps, "a")).metadata?.labels).toEqual({ twin: "yes" });
		expect(await names(cluster)).toEqual(["a"]);
		process.start();
		await cluster.advance("1s");
		expect(await names(cluster)).toEqual(["a", "a-twin"]);
		expect(process.writes).toBe(2);
	});

	test("gets through conflicts, timeouts, lost watches and late events", async () => {
		const faults = {
			conflict: 0.3,
			tooManyRequests: 0.1,
			timeout: 0.1,
			internalError: 0.1,
			watchBreak: 0.2,
			watchExpired: 0.2,
			eventDelayMs: 500,
		};
		await using cluster = await createCluster({ clock: "virtual", seed: 7, pki, nodes: 0, controllers: [], faults });
		cluster.run(twins);
		const all = Array.from({ length: 20 }, (_, index) => `m${index}`);
		await cluster.apply(all.map(map));
		await cluster.runUntil(async () => (await names(cluster)).length === 2 * all.length, { within: "1h" });
	});
});

test("a rollout with all its parts gets through the same faults", async () => {
	const faults = {
		conflict: 0.2,
		tooManyRequests: 0.05,
		timeout: 0.05,
		internalError: 0.05,
		watchBreak: 0.05,
		watchExpired: 0.1,
		eventDelayMs: 200,
	};
	await using cluster = await createCluster({ clock: "virtual", seed: 11, pki, nodes: 3, faults });
	await cluster.apply(web);
	await cluster.runUntil(async () => (await readyReplicas(cluster)) === 3, { within: "1h" });
	const image = { spec: { template: { spec: { containers: [{ name: "nginx", image: "nginx:1.28" }] } } } };
	await cluster.client.resource(deployments).patch({ namespace: "default", name: "web" }, "application/strategic-merge-patch+json", image);
	await cluster.runUntil(
		async () => {
			const pods = await cluster.list<Pod>("pods", { namespace: "default" });
			return (
				pods.length === 3 && pods.every(({ spec, status }) => spec?.containers[0]?.image === "nginx:1.28" && status?.phase === "Running")
			);
		},
		{ within: "1h" },
	);
});
