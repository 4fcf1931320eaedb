/**
 * Puts over gRPC against the store's etcd API and against a real etcd, in the same run on the same disk: 256 at a time,
 * 256 bytes each, synced, by the same client over eight connections. Each server is a process of its own.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GrpcClient } from "../src/store/etcd-api/grpc/client.ts";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const putsPerRun = 20_000;
const concurrency = 256;
const connections = 8;
const valueBytes = 256;

interface Server {
	readonly url: string;
	stop(): Promise<void>;
}

async function startServer(name: string, command: string, args: (directory: string) => readonly string[], url: string): Promise<Server> {
	const directory = mkdtempSync(join(tmpdir(), `kubesim-bench-${name}-`));
	const child: ChildProcess = spawn(command, args(directory), { stdio: "ignore" });
	for (let attempt = 0; ; attempt++) {
		const response = await fetch(`${url}/health`).catch(() => undefined);
		if (response?.ok === true) break;
		if (attempt === 200 || child.exitCode !== null) throw new Error(`${name} did not start`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	return {
		url,
		async stop() {
			const ended = new Promise((resolve) => child.once("exit", resolve));
			child.kill("SIGKILL");
			await ended;
			rmSync(directory, { recursive: true, force: true });
		},
	};
}

function startOurs(): Promise<Server> {
	const program = join(import.meta.dirname, "etcd-server.ts");
	return startServer("store", process.execPath, (directory) => [program, directory, "22379"], "http://127.0.0.1:22379");
}

function startEtcd(): Promise<Server> {
	const [clients, peers] = ["http://127.0.0.1:22479", "http://127.0.0.1:22480"];
	const args = (directory: string) => [
		`--data-dir=${directory}`,
		`--listen-client-urls=${clients}`,
		`--advertise-client-urls=${clients}`,
		`--listen-peer-urls=${peers}`,
		`--initial-advertise-peer-urls=${peers}`,
		`--initial-cluster=default=${peers}`,
		"--log-level=error",
	];
	return startServer("etcd", "etcd", args, clients);
}

/** Puts per second of one run. */
async function measurePuts(url: string): Promise<number> {
	const clients = Array.from({ length: connections }, () => new GrpcClient({ url }));
	const value = Buffer.alloc(valueBytes, "x");
	let next = 0;
	const worker = async (client: GrpcClient) => {
		while (next < putsPerRun) await client.call("/etcdserverpb.KV/Put", { key: `/bench/${next++}`, value });
	};
	const ms = await timeMs(() =>
		Promise.all(Array.from({ length: concurrency }, (_, index) => worker(clients[index % connections] ?? new GrpcClient({ url })))),
	);
	for (const client of clients) client.close();
	return (putsPerRun / ms) * 1000;
}

async function benchServer(start: () => Promise<Server>, runs: number): Promise<number[]> {
	const server = await start();
	try {
		await measurePuts(server.url);
		return await repeat(runs, () => measurePuts(server.url));
	} finally {
		await server.stop();
	}
}

export async function benchEtcd(runs: number): Promise<Measurement[]> {
	const name = `puts over gRPC, ${concurrency} at a time, ${valueBytes} bytes, synced`;
	const isInstalled = spawnSync("etcd", ["--version"]).status === 0;
	const theirs = isInstalled ? await benchServer(startEtcd, runs) : [];
	const ours = await benchServer(startOurs, runs);
	const promise = theirs.length === 0 ? {} : { promise: [...theirs].sort((a, b) => a - b)[Math.floor(theirs.length / 2)] ?? 0 };
	return [
		{ name: `${name}: the store's etcd API`, unit: "per second", values: ours, ...promise },
		...(theirs.length === 0 ? [] : [{ name: `${name}: etcd itself`, unit: "per second", values: theirs }]),
	];
}
