/** The client of bench/https.ts, in a thread of its own, so that it does not share the server's event loop. */
import { Agent, request } from "node:https";
import { parentPort, workerData } from "node:worker_threads";
import type { AdminCredentials } from "../src/cluster/index.ts";

export interface ClientTask {
	readonly port: number;
	readonly credentials: AdminCredentials;
	readonly connections: number;
	readonly writes: number;
}

export interface ClientResult {
	readonly perSecond: number;
	/** 99th percentile of the time that a write takes. */
	readonly p99Ms: number;
}

const { port, credentials, connections, writes } = workerData as ClientTask;
const { ca, clientCertificate: cert, clientKey: key } = credentials;
const agent = new Agent({ keepAlive: true, maxSockets: connections, ca, cert, key });
const latencies: number[] = [];

function write(name: string): Promise<void> {
	const start = performance.now();
	const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { text: "x".repeat(500) } });
	const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
	const path = "/api/v1/namespaces/default/configmaps";
	return new Promise((resolve, reject) => {
		const call = request({ host: "127.0.0.1", port, agent, method: "POST", path, headers }, (response) => {
			response.resume();
			response.on("end", () => {
				latencies.push(performance.now() - start);
				if (response.statusCode === 201) resolve();
				else reject(new Error(`HTTP ${response.statusCode}`));
			});
		});
		call.on("error", reject);
		call.end(body);
	});
}

/** Each connection has one request under way. */
async function writeAll(prefix: string, count: number): Promise<void> {
	let next = 0;
	const worker = async () => {
		while (next < count) await write(`${prefix}-${next++}`);
	};
	await Promise.all(Array.from({ length: connections }, worker));
}

await writeAll("warm-up", connections * 20);
latencies.length = 0;
const start = performance.now();
await writeAll("object", writes);
const seconds = (performance.now() - start) / 1000;
agent.destroy();
latencies.sort((a, b) => a - b);
const result: ClientResult = { perSecond: writes / seconds, p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN };
parentPort?.postMessage(result);
