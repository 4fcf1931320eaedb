/** Writes through HTTPS, as clients outside the process make them: 32 connections, each with one request under way. */
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCluster } from "../src/cluster/index.ts";
import type { Measurement } from "./measure.ts";

const connections = 32;
const writes = 6000;

interface Result {
	readonly perSecond: number;
	/** 99th percentile of the time a write takes. */
	readonly p99Ms: number;
}

async function run(): Promise<Result> {
	const dataDir = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
	const cluster = await createCluster({ dataDir, nodes: 0 });
	const { port } = await cluster.listen();
	const { ca, clientCertificate, clientKey } = cluster.adminCredentials();
	const agent = new Agent({ keepAlive: true, maxSockets: connections, ca, cert: clientCertificate, key: clientKey });
	const latencies: number[] = [];
	let next = 0;
	const write = (name: string) =>
		new Promise<void>((resolve, reject) => {
			const start = performance.now();
			const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { text: "x".repeat(500) } });
			const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
			const call = request(
				{ host: "127.0.0.1", port, agent, method: "POST", path: "/api/v1/namespaces/default/configmaps", headers },
				(response) => {
					response.resume();
					response.on("end", () => {
						latencies.push(performance.now() - start);
						if (response.statusCode === 201) resolve();
						else reject(new Error(`HTTP ${response.statusCode}`));
					});
				},
			);
			call.on("error", reject);
			call.end(body);
		});
	const worker = async () => {
		while (next < writes) await write(`object-${next++}`);
	};
	const start = performance.now();
	await Promise.all(Array.from({ length: connections }, worker));
	const seconds = (performance.now() - start) / 1000;
	agent.destroy();
	await cluster.close();
	rmSync(dataDir, { recursive: true, force: true });
	latencies.sort((a, b) => a - b);
	return { perSecond: writes / seconds, p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN };
}

/** Client and server share the process, so the rate is a lower bound of what the server does. */
export async function benchHttps(runs: number): Promise<Measurement[]> {
	const results: Result[] = [];
	for (let index = 0; index < runs; index++) results.push(await run());
	return [
		{
			name: `writes through HTTPS, ${connections} connections, LevelDB`,
			unit: "per second",
			values: results.map(({ perSecond }) => perSecond),
			promise: 3000,
		},
		{ name: "… 99th percentile", unit: "ms", values: results.map(({ p99Ms }) => p99Ms), promise: 20 },
	];
}
