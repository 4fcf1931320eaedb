/**
 * `kubesim start` as a user meets it: the built bin, a new process, an empty disk.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const bin = join(import.meta.dirname, "../dist/kubesim.js");
const port = 26443;
const idleObjects = 1000;

interface Home {
	readonly directory: string;
	readonly env: NodeJS.ProcessEnv;
}

function makeHome(): Home {
	const directory = mkdtempSync(join(tmpdir(), "kubesim-bench-"));
	return { directory, env: { ...process.env, KUBESIM_HOME: join(directory, "home"), KUBECONFIG: join(directory, "kubeconfig") } };
}

function kubesim(home: Home, ...args: string[]): string {
	return execFileSync(process.execPath, [bin, ...args], { env: home.env, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

/** Asks until the API answers this path with 200; real milliseconds since `start`. */
async function untilAnswering(path: string, start: number): Promise<number> {
	for (;;) {
		const isReady = await new Promise<boolean>((resolve) => {
			const call = request({ host: "127.0.0.1", port, path, rejectUnauthorized: false, agent: false }, (response) => {
				response.resume();
				resolve(response.statusCode === 200);
			});
			call.on("error", () => resolve(false));
			call.end();
		});
		if (isReady) return performance.now() - start;
		await new Promise((resolve) => setTimeout(resolve, 5));
	}
}

async function startServer(home: Home, ...args: string[]): Promise<void> {
	const child = spawn(process.execPath, [bin, "start", "--port", String(port), ...args], {
		env: home.env,
		stdio: ["ignore", "ignore", "pipe"],
	});
	let stderr = "";
	child.stderr.on("data", (chunk: Buffer) => {
		stderr += chunk.toString("utf8");
	});
	const code = await new Promise<number | null>((resolve, reject) => {
		child.on("error", reject);
		child.on("exit", resolve);
	});
	if (code !== 0) throw new Error(`kubesim start exited with ${code}: ${stderr}`);
}

function residentMiB(home: Home): number {
	const { pid } = JSON.parse(kubesim(home, "status", "--output", "json")) as { pid: number };
	return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

export async function benchStart(runs: number): Promise<Measurement[]> {
	const answering: number[] = [];
	const readyz: number[] = [];
	const memory: number[] = [];
	const restart: number[] = [];
	const toReady = await repeat(runs, async () => {
		const home = makeHome();
		const start = performance.now();
		const answers = untilAnswering("/livez/ping", start).then(async (alive) => [alive, await untilAnswering("/readyz", start)] as const);
		const ready = await timeMs(() => startServer(home));
		const [alive, bootstrapped] = await answers;
		answering.push(alive);
		readyz.push(bootstrapped);
		await new Promise((resolve) => setTimeout(resolve, 5000));
		memory.push(residentMiB(home));
		await fill(home);
		kubesim(home, "stop");
		restart.push(await timeMs(() => startServer(home)));
		kubesim(home, "delete");
		rmSync(home.directory, { recursive: true, force: true });
		return ready;
	});
	return [
		{ name: "`kubesim start`, empty disk, to 3 Ready nodes", unit: "ms", values: toReady, promise: 1000 },
		{ name: "… to the API answering (/livez/ping)", unit: "ms", values: answering, promise: 500 },
		{ name: "… to /readyz: namespaces, roles and the rest of the bootstrap are there", unit: "ms", values: readyz },
		{ name: `restart with ${idleObjects} ConfigMaps, to 3 Ready nodes`, unit: "ms", values: restart, promise: 1000 },
		{ name: "resident memory, idle, 3 nodes, 5 s after the start", unit: "MiB", values: memory, promise: 150 },
	];
}

async function fill(home: Home): Promise<void> {
	const { Client, HttpTransport, loadKubeconfig, resources } = await import("../src/client/index.ts");
	const client = new Client(new HttpTransport(loadKubeconfig(join(home.directory, "kubeconfig"))));
	const configMaps = client.resource(resources.configMaps);
	const names = Array.from({ length: idleObjects }, (_, index) => `object-${index}`);
	const data = { text: "x".repeat(500) };
	await Promise.all(
		names.map((name) => configMaps.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data })),
	);
}
