/**
 * Many nodes and many pods, in a server as a user starts it: what an idle fleet of 5,000 costs, whether its leases are renewed on time, how
 * long 10,000 pods take through the API, and what a node and a pod keep in memory.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "../src/apimachinery/schema/generated/types.ts";
import { Client, HttpTransport, loadKubeconfig, resources } from "../src/client/index.ts";
import { createCluster } from "../src/cluster/index.ts";
import { cpuMsOf, type Home, kubesim, makeHome, residentMiB, startServer } from "./kubesim-process.ts";
import { type Measurement, timeMs } from "./measure.ts";
import { usedBytes } from "./used-bytes.ts";

const fleetSize = 5_000;
/** Long enough for every lease to be renewed twice. */
const watchedMs = 20_000;
const renewMs = 10_000;
const podCount = 10_000;
const podNodes = 100;
const heapNodes = 1_000;

async function withServer<T>(nodes: number, use: (home: Home, client: Client) => Promise<T>): Promise<T> {
	const home = makeHome();
	try {
		await startServer(home, "--nodes", String(nodes));
		return await use(home, new Client(new HttpTransport(loadKubeconfig(join(home.directory, "kubeconfig")))));
	} finally {
		kubesim(home, "delete");
		rmSync(home.directory, { recursive: true, force: true });
	}
}

/** How much later than it should have been the latest lease is renewed, ms; 0 if none is late. */
async function latenessMs(client: Client): Promise<number> {
	const { items } = await client.resource(resources.leases).list("kube-node-lease");
	const now = Date.now();
	const ages = items.map(({ spec }) => now - Date.parse(spec?.renewTime ?? ""));
	return Math.max(0, ...ages.map((age) => age - renewMs));
}

interface FleetCost {
	readonly startMs: number;
	readonly mib: number;
	/** Of one core. */
	readonly percent: number;
	readonly lateMs: number;
}

async function idleFleet(): Promise<FleetCost> {
	const begin = performance.now();
	return await withServer(fleetSize, async (home, client) => {
		const startMs = performance.now() - begin;
		// The events of the start are still being written.
		await sleep(watchedMs);
		const before = cpuMsOf(home);
		const from = performance.now();
		await sleep(watchedMs);
		const percent = ((cpuMsOf(home) - before) / (performance.now() - from)) * 100;
		return { startMs, percent, mib: residentMiB(home), lateMs: await latenessMs(client) };
	});
}

/** With a tag, so that a node that has it asks no registry: of `latest` it asks for each pod, one after the other, half a second each. */
const image = "nginx:1.27";
const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "nginx", image }] } };

function deploymentOf(replicas: number): Deployment {
	const metadata = { name: "web", namespace: "default" };
	return { apiVersion: "apps/v1", kind: "Deployment", metadata, spec: { replicas, selector: { matchLabels: labels }, template } };
}

/**
 * Until every node has the image. Else all pods of a node that come while it is pulled would be pulled for, too, one after the other, as
 * the kubelet's `serializeImagePulls` has it: 100 of them for 50 s, however fast the server is.
 */
async function pullEverywhere(client: Client): Promise<void> {
	const daemonSets = client.resource(resources.daemonSets);
	const place = { namespace: "default", name: "pulled" };
	await daemonSets.create({
		apiVersion: "apps/v1",
		kind: "DaemonSet",
		metadata: place,
		spec: { selector: { matchLabels: labels }, template },
	});
	while ((await daemonSets.get(place)).status?.numberReady !== podNodes) await sleep(100);
}

/** Until every pod of a Deployment is Running and Ready, with the server's time and memory for it. */
async function manyPods(): Promise<{ readonly ms: number; readonly cpuMs: number; readonly kibPerPod: number }> {
	return await withServer(podNodes, async (home, client) => {
		await pullEverywhere(client);
		const deployments = client.resource(resources.deployments);
		const [mibBefore, cpuBefore] = [residentMiB(home), cpuMsOf(home)];
		const ms = await timeMs(async () => {
			await deployments.create(deploymentOf(podCount));
			while ((await deployments.get({ namespace: "default", name: "web" })).status?.readyReplicas !== podCount) await sleep(100);
		});
		return { ms, cpuMs: cpuMsOf(home) - cpuBefore, kibPerPod: ((residentMiB(home) - mibBefore) * 1024) / podCount };
	});
}

/** What a node that nobody visited keeps, its objects and events in the API too, KiB of heap and buffers. */
async function kibPerNode(): Promise<number> {
	const used = async (nodes: number) => {
		const cluster = await createCluster({ nodes });
		await cluster.whenNodesReady();
		await sleep(1_000);
		const bytes = usedBytes();
		await cluster.close();
		return bytes;
	};
	await used(1);
	const few = await used(1);
	return ((await used(heapNodes + 1)) - few) / 1024 / heapNodes;
}

export async function benchFleet(runs: number): Promise<Measurement[]> {
	const fleets: FleetCost[] = [];
	const pods: Awaited<ReturnType<typeof manyPods>>[] = [];
	const perNode: number[] = [];
	for (let run = 0; run < runs; run++) {
		fleets.push(await idleFleet());
		pods.push(await manyPods());
		perNode.push(await kibPerNode());
	}
	const of = (pick: (fleet: FleetCost) => number) => fleets.map(pick);
	return [
		{ name: `\`kubesim start --nodes ${fleetSize}\`, to all Ready`, unit: "ms", values: of(({ startMs }) => startMs) },
		{ name: "… resident memory, idle, 40 s after", unit: "MiB", values: of(({ mib }) => mib), promise: 150 },
		{ name: "… of one core, for renewing leases", unit: "%", values: of(({ percent }) => percent), promise: 10 },
		{ name: "… the latest lease, past its 10 s", unit: "ms", values: of(({ lateMs }) => lateMs), promise: 1_000 },
		{
			name: `${podCount} pods on ${podNodes} nodes to Running, through the API`,
			unit: "ms",
			values: pods.map(({ ms }) => ms),
			promise: 10_000,
		},
		{ name: "… processor time of the server", unit: "ms", values: pods.map(({ cpuMs }) => cpuMs) },
		{ name: "… what the server grew by, a pod", unit: "KiB", values: pods.map(({ kibPerPod }) => kibPerPod) },
		{ name: "memory per unvisited node, its objects and events too", unit: "KiB", values: perNode, promise: 10 },
	];
}
