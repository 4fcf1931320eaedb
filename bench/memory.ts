/** What a running pod and an extra idle cluster cost in memory, measured on the heap after a garbage collection. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "../src/apimachinery/schema/generated/types.ts";
import { deployments } from "../src/client/resources.ts";
import { type Cluster, createCluster } from "../src/cluster/index.ts";
import { type Measurement, timeMs } from "./measure.ts";
import { usedBytes } from "./used-bytes.ts";

const pods = 1000;
const nodes = 10;
const clusters = 10;

async function untilReady(cluster: Cluster, replicas: number): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	const watch = await cluster.client.resource(deployments).watch(
		"default",
		{},
		{
			onEvent: ({ object }) => {
				if (object.status?.readyReplicas === replicas) resolve();
			},
			onEnd: () => undefined,
		},
	);
	await promise;
	watch.stop();
}

async function kibPerPod(): Promise<number> {
	const dataDir = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
	const cluster = await createCluster({ dataDir, nodes, latency: "none" });
	await cluster.whenNodesReady();
	const before = usedBytes();
	const labels = { app: "web" };
	const deployment: Deployment = {
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name: "web", namespace: "default" },
		spec: {
			replicas: pods,
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx" }] } },
		},
	};
	const ready = untilReady(cluster, pods);
	await cluster.client.resource(deployments).create(deployment);
	await ready;
	// What still waits for the disk is not the pods'.
	await sleep(1000);
	const after = usedBytes();
	await cluster.close();
	rmSync(dataDir, { recursive: true, force: true });
	return (after - before) / 1024 / pods;
}

async function idleCluster(): Promise<{ mib: number; ms: number }> {
	const made: Cluster[] = [await createCluster({ nodes: 3 })];
	const before = usedBytes();
	const ms = await timeMs(async () => {
		for (let index = 0; index < clusters; index++) {
			const cluster = await createCluster({ nodes: 3 });
			await cluster.whenNodesReady();
			made.push(cluster);
		}
	});
	const mib = (usedBytes() - before) / 2 ** 20 / clusters;
	await Promise.all(made.map((cluster) => cluster.close()));
	return { mib, ms: ms / clusters };
}

export async function benchMemory(runs: number): Promise<Measurement[]> {
	const perPod: number[] = [];
	const idle: { mib: number; ms: number }[] = [];
	for (let index = 0; index < runs; index++) {
		perPod.push(await kibPerPod());
		idle.push(await idleCluster());
	}
	return [
		{ name: `memory per running pod, all in, events too (${pods} pods)`, unit: "KiB", values: perPod, promise: 20 },
		{ name: "an extra idle cluster of 3 nodes in the same process", unit: "MiB", values: idle.map(({ mib }) => mib), promise: 5 },
		{ name: "… to its nodes Ready", unit: "ms", values: idle.map(({ ms }) => ms), promise: 50 },
	];
}
