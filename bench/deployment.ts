/** A Deployment of 300 pods to all Ready, with no simulated latency, on LevelDB and on memory. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Deployment } from "../src/apimachinery/schema/generated/types.ts";
import { deployments } from "../src/client/resources.ts";
import { type Cluster, type ClusterOptions, createCluster } from "../src/cluster/index.ts";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const replicas = 300;

async function untilAvailable(cluster: Cluster, name: string): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	const watch = await cluster.client.resource(deployments).watch(
		"default",
		{},
		{
			onEvent: ({ object }) => {
				if (object.metadata?.name === name && object.status?.readyReplicas === replicas) resolve();
			},
			onEnd: () => undefined,
		},
	);
	await promise;
	watch.stop();
}

async function run(options: ClusterOptions): Promise<number> {
	const cluster = await createCluster({ nodes: 3, latency: "none", ...options });
	await cluster.whenNodesReady();
	const labels = { app: "web" };
	const deployment: Deployment = {
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name: "web", namespace: "default" },
		spec: {
			replicas,
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx" }] } },
		},
	};
	const elapsed = await timeMs(async () => {
		const available = untilAvailable(cluster, "web");
		await cluster.client.resource(deployments).create(deployment);
		await available;
	});
	await cluster.close();
	return elapsed;
}

export async function benchDeployment(runs: number): Promise<Measurement[]> {
	const onMemory = await repeat(runs, () => run({}));
	const onDisk = await repeat(runs, async () => {
		const dataDir = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
		try {
			return await run({ dataDir });
		} finally {
			rmSync(dataDir, { recursive: true, force: true });
		}
	});
	return [
		{ name: `Deployment of ${replicas} pods to all Ready, LevelDB`, unit: "ms", values: onDisk, promise: 1000 },
		{ name: `Deployment of ${replicas} pods to all Ready, memory`, unit: "ms", values: onMemory },
	];
}
