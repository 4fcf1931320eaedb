/**
 * The same seed is the same run wherever the store is: in memory, or in a directory, whose disk takes its time.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import type { Deployment } from "../../src/apimachinery/schema/generated/types.ts";
import { loadOrCreatePki, type Pki } from "../../src/apiserver/pki/pki.ts";
import { runController } from "../../src/client/controller.ts";
import { configMaps } from "../../src/client/resources.ts";
import { WorkQueue } from "../../src/client/work-queue.ts";
import type { Controller } from "../../src/controllers/controller.ts";
import { type ClusterOptions, createCluster, type TestCluster } from "../../src/testbench/index.ts";

const pki: Pki = await loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });
const directories: string[] = [];

afterEach(async () => {
	await Promise.all(directories.splice(0).map((directory) => rm(directory, { recursive: true, force: true })));
});

async function temporaryDirectory(): Promise<string> {
	const directory = await mkdtemp(join(tmpdir(), "kubesim-engines-"));
	directories.push(directory);
	return directory;
}

/** Marks each ConfigMap, and crashes in between. */
const marker: Controller = {
	name: "marker",
	async run({ client, informers, clock, log }, signal) {
		const queue = new WorkQueue({ clock });
		const maps = informers.informer(configMaps, { namespace: "default" });
		maps.onChange({ added: ({ metadata }) => queue.add(metadata?.name ?? "") }, signal);
		await maps.whenSynced();
		const reconcile = async (name: string) => {
			const seen = maps.cache.get(`default/${name}`);
			if (seen === undefined || seen.metadata?.labels?.seen === "yes") return;
			const patch = { metadata: { labels: { seen: "yes" } } };
			await client.resource(configMaps).patch({ namespace: "default", name }, "application/merge-patch+json", patch);
		};
		await runController({ name: "marker", queue, concurrency: 2, reconcile, log, signal });
	},
};

const workload = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 5
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec: { containers: [{ name: nginx, image: "nginx:1.27" }] }
---
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ port: 80 }] }
---
apiVersion: batch/v1
kind: CronJob
metadata: { name: minutely }
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{ name: work, image: busybox, command: [sh, -c, "sleep 5"] }]
`;

const map = (name: string) => `{ apiVersion: v1, kind: ConfigMap, metadata: { name: ${name} } }`;

/** Twelve minutes with a rollout, lost requests, a lost node, a controller that crashes, and a compaction of the store's history. */
async function live(cluster: TestCluster): Promise<void> {
	const process = cluster.run(marker);
	await cluster.advance("5s");
	cluster.faults.set({ conflict: 0.1, timeout: 0.1, internalError: 0.1, watchBreak: 0.05, answerDelayMs: 20, eventDelayMs: 20 });
	await cluster.apply(workload);
	process.crash({ afterWrites: 1 });
	await cluster.apply([map("a"), map("b"), map("c")].join("\n---\n"));
	await cluster.advance("30s");
	process.start();
	await cluster.advance("30s");
	await cluster.apply(workload.replace("nginx:1.27", "nginx:1.28"));
	cluster.loseNode("node-2");
	await cluster.advance("5m");
	cluster.returnNode("node-2");
	cluster.faults.heal();
	await cluster.delete("Deployment", "web");
	await cluster.advance("1m");
}

/** Its timeline, and what is in its store at the end. */
async function lifeOf(options: ClusterOptions): Promise<{ readonly story: string; readonly dump: Readonly<Record<string, string>> }> {
	await using cluster = await createCluster({ clock: "virtual", pki, nodes: 3, ...options });
	await live(cluster);
	return { story: cluster.story(), dump: Object.fromEntries(await cluster.dump()) };
}

test.each([1, 2, 3])("a seed is one run in memory and on LevelDB: %i", async (seed) => {
	const inMemory = await lifeOf({ seed });
	const onDisk = await lifeOf({ seed, dataDir: await temporaryDirectory() });
	expect(onDisk.story).toBe(inMemory.story);
	expect(onDisk.dump).toEqual(inMemory.dump);
});

test("three members are one run in memory and on LevelDB, with one that is lost", async () => {
	const run = async (dataDir?: string) => {
		const where = dataDir === undefined ? {} : { dataDir };
		await using cluster = await createCluster({ clock: "virtual", pki, seed: 4, nodes: 2, storeMembers: 3, ...where });
		await cluster.apply(workload);
		await cluster.advance("30s");
		const lost = cluster.loseStoreMember();
		await cluster.advance("20s");
		cluster.returnStoreMembers();
		await cluster.advance("1m");
		return { lost, story: cluster.story(), dump: Object.fromEntries(await cluster.dump()) };
	};
	expect(await run(await temporaryDirectory())).toEqual(await run());
});

test("a cluster that is closed goes on where it was when it is opened again, twice the same way", async () => {
	const run = async () => {
		const dataDir = await temporaryDirectory();
		const options: ClusterOptions = { clock: "virtual", pki, seed: 5, nodes: 2, dataDir };
		const first = await createCluster(options);
		await first.apply(workload);
		await first.advance("90s");
		const closedMs = first.clock.now();
		const before = await first.list("pods", { namespace: "default" });
		await first.close();
		await using second = await createCluster(options);
		expect(second.startMs).toBe(closedMs);
		expect((await second.list("pods", { namespace: "default" })).map(({ metadata }) => metadata?.uid)).toEqual(
			before.map(({ metadata }) => metadata?.uid),
		);
		await second.apply(workload.replace("replicas: 5", "replicas: 7"));
		const isScaled = async () => (await second.get<Deployment>("deployment", "web")).status?.readyReplicas === 7;
		await second.runUntil(isScaled, { within: "2m" });
		await second.advance("2m");
		const objects = [...(await second.dump()).values()].map(
			(text) => JSON.parse(text) as { readonly metadata?: { readonly uid?: string } },
		);
		const uids = objects.map(({ metadata }) => metadata?.uid).filter((uid) => uid !== undefined);
		expect(new Set(uids).size).toBe(uids.length);
		return second.story();
	};
	expect(await run()).toBe(await run());
});
