/** Writes through HTTPS, as clients outside the process make them: 32 connections, each with one request under way. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { createCluster } from "../src/cluster/index.ts";
import type { ClientResult, ClientTask } from "./https-client.ts";
import type { Measurement } from "./measure.ts";

const connections = 32;
const writes = 10_000;

async function run(): Promise<ClientResult> {
	const dataDir = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
	const cluster = await createCluster({ dataDir, nodes: 0 });
	const { port } = await cluster.listen();
	const workerData: ClientTask = { port, credentials: cluster.adminCredentials(), connections, writes };
	const client = new Worker(new URL("./https-client.ts", import.meta.url), { workerData });
	const [result] = (await once(client, "message")) as [ClientResult];
	await cluster.close();
	rmSync(dataDir, { recursive: true, force: true });
	return result;
}

export async function benchHttps(runs: number): Promise<Measurement[]> {
	const results: ClientResult[] = [];
	for (let index = 0; index < runs; index++) results.push(await run());
	const name = `writes through HTTPS, ${connections} connections, LevelDB`;
	return [
		{ name, unit: "per second", values: results.map(({ perSecond }) => perSecond), promise: 3000 },
		{ name: "… 99th percentile", unit: "ms", values: results.map(({ p99Ms }) => p99Ms), promise: 20 },
	];
}
