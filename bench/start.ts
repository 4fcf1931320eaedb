/**
 * `kubesim start` as a user meets it: the built bin, a new process, an empty disk.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Home, kubesim, makeHome, residentMiB, startServer, untilAnswering } from "./kubesim-process.ts";
import { type Measurement, repeat, timeMs } from "./measure.ts";

const idleObjects = 1000;

export async function benchStart(runs: number): Promise<Measurement[]> {
	const answering: number[] = [];
	const readyz: number[] = [];
	const memory: number[] = [];
	const restart: number[] = [];
	const toReady = await repeat(runs, async () => {
		const home = makeHome();
		const start = performance.now();
		const answers = untilAnswering("/livez/ping", start, [200, 403]).then(
			async (alive) => [alive, await untilAnswering("/readyz", start)] as const,
		);
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
