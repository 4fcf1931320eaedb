/**
 * What virtual time costs, in processor time: a cluster, one life of it under `checkController`, a day of a busy one, and Deployments
 * that are made and rolled. Everything is in memory, and nothing waits for anything but itself.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { VirtualClock } from "../src/apimachinery/clock/virtual-clock.ts";
import type { ConfigMap, Deployment } from "../src/apimachinery/schema/generated/types.ts";
import { isStatusError } from "../src/apimachinery/status-error.ts";
import { loadOrCreatePki, type Pki } from "../src/apiserver/pki/pki.ts";
import { runController } from "../src/client/controller.ts";
import { configMaps, deployments, pods } from "../src/client/resources.ts";
import { WorkQueue } from "../src/client/work-queue.ts";
import type { Controller } from "../src/controllers/controller.ts";
import { checkController } from "../src/testbench/check-controller.ts";
import { createCluster, type TestCluster } from "../src/testbench/index.ts";
import { applying, schedules } from "../src/testbench/schedules.ts";
import { type Measurement, repeat } from "./measure.ts";

const clusters = 20;
const lives = 100;
const objects = 10;
/** An hour stands for the day: Events and Jobs come and go in it at the day's rate. */
const day = { nodes: 50, cronJobs: 20, hours: 1, promiseMs: 10_000 / 24 };
/** What of it there is in an hour: all of it, or one part alone. */
interface Part {
	readonly name: string;
	readonly nodes: number;
	readonly cronJobs: number;
	readonly hasAutoscaler: boolean;
}
const wholeDay: Part = {
	name: `an hour of ${day.nodes} nodes, ${day.cronJobs} CronJobs every minute and one HPA (a day in 10 s)`,
	nodes: day.nodes,
	cronJobs: day.cronJobs,
	hasAutoscaler: true,
};
const dayParts: readonly Part[] = [
	{ name: `… ${day.nodes} idle nodes alone`, nodes: day.nodes, cronJobs: 0, hasAutoscaler: false },
	{ name: `… ${day.cronJobs} CronJobs every minute alone, on 3 nodes`, nodes: 3, cronJobs: day.cronJobs, hasAutoscaler: false },
	{ name: "… one HPA alone, on 3 nodes", nodes: 3, cronJobs: 0, hasAutoscaler: true },
];
const pods5000 = { replicas: 5_000, nodes: 50 };
const rolled = { replicas: 1_000, nodes: 10 };

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Processor time of the whole process, ms. */
async function cpuMs(action: () => Promise<unknown>): Promise<number> {
	const before = process.cpuUsage();
	await action();
	const { user, system } = process.cpuUsage(before);
	return (user + system) / 1000;
}

/** Heap and buffers in use, bytes. */
function usedBytes(): number {
	collectGarbage();
	const { heapUsed, arrayBuffers } = process.memoryUsage();
	return heapUsed + arrayBuffers;
}

/** Keys are the one thing that costs real time and that no seed decides. */
function makePki(): Promise<Pki> {
	return loadOrCreatePki(undefined, { nowMs: new VirtualClock().now() });
}

async function emptyClusters(pki: Pki): Promise<{ readonly ms: number; readonly mib: number }> {
	const made: TestCluster[] = [];
	const make = async (seed: number) => made.push(await createCluster({ clock: "virtual", seed, pki, nodes: 3 }));
	await make(0);
	const before = usedBytes();
	const ms = await cpuMs(async () => {
		for (let seed = 1; seed <= clusters; seed++) await make(seed);
	});
	const mib = (usedBytes() - before) / 2 ** 20;
	await Promise.all(made.map((cluster) => cluster.close()));
	return { ms: ms / clusters, mib: mib / clusters };
}

/** Keeps a copy of each ConfigMap, and waits for what happens. */
const copier: Controller = {
	name: "copier",
	async run({ client, informers, clock, log }, signal) {
		const queue = new WorkQueue({ clock });
		const informer = informers.informer(configMaps, { namespace: "default" });
		const enqueue = ({ metadata }: ConfigMap) => queue.add((metadata?.name ?? "").replace(/-copy$/, ""));
		informer.onChange({ added: enqueue, updated: (_, map) => enqueue(map), deleted: enqueue }, signal);
		await informer.whenSynced();
		const maps = client.resource(configMaps);
		const reconcile = async (name: string) => {
			const [map, copy] = [informer.cache.get(`default/${name}`), informer.cache.get(`default/${name}-copy`)];
			const data = map?.data ?? {};
			if (map === undefined) return;
			if (copy === undefined) {
				await maps.create({ metadata: { namespace: "default", name: `${name}-copy` }, data }).catch((error: unknown) => {
					if (!isStatusError(error, "AlreadyExists")) throw error;
				});
			} else if (JSON.stringify(copy.data) !== JSON.stringify(data)) await maps.update({ ...copy, data });
		};
		await runController({ name: "copier", queue, concurrency: 2, reconcile, log, signal });
	},
};

/** Lives of ten objects and their copies, with the faults of a bad day. */
async function lifeMs(): Promise<number> {
	const actions = fc.constantFrom("1", "2", "3").map((value) =>
		applying(
			`all with ${value}`,
			Array.from({ length: objects }, (_, index) => ({
				apiVersion: "v1",
				kind: "ConfigMap",
				metadata: { name: `map-${index}` },
				data: { value },
			})),
		),
	);
	const converged = async (cluster: TestCluster) => (await cluster.list(configMaps, { namespace: "default" })).length >= 2 * objects;
	const check = (runs: number) =>
		checkController({
			controller: () => copier,
			schedule: schedules(actions, { steps: { min: 1, max: 2 }, pauseMs: 5_000 }),
			converged,
			cluster: { controllers: [] },
			seed: 1,
			runs,
		});
	await check(5);
	return (await cpuMs(() => check(lives))) / lives;
}

function cronJob(index: number) {
	const container = { name: "work", image: "busybox", command: ["sh", "-c", "sleep 5"] };
	return {
		apiVersion: "batch/v1",
		kind: "CronJob",
		metadata: { name: `every-minute-${index}` },
		spec: {
			schedule: "* * * * *",
			jobTemplate: { spec: { template: { spec: { restartPolicy: "Never", containers: [container] } } } },
		},
	};
}

/** A Service whose load comes and goes, so that the autoscaler scales its Deployment up and down again within the hour. */
const autoscaled = [
	{
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name: "php-apache" },
		spec: {
			selector: { matchLabels: { run: "php-apache" } },
			template: {
				metadata: { labels: { run: "php-apache" } },
				spec: { containers: [{ name: "php-apache", image: "registry.k8s.io/hpa-example", resources: { requests: { cpu: "200m" } } }] },
			},
		},
	},
	{
		apiVersion: "v1",
		kind: "Service",
		metadata: { name: "php-apache", annotations: { "kubesim.dev/cpu-load": "0m=50m 30m=800m 60m=50m repeat=60m" } },
		spec: { selector: { run: "php-apache" }, ports: [{ port: 80 }] },
	},
	{
		apiVersion: "autoscaling/v2",
		kind: "HorizontalPodAutoscaler",
		metadata: { name: "php-apache" },
		spec: {
			scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "php-apache" },
			minReplicas: 1,
			maxReplicas: 10,
			metrics: [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } }],
		},
	},
];

interface Hour {
	readonly ms: number;
	/** What was written in it: revisions of the store. */
	readonly writes: number;
}

async function hourOf(pki: Pki, { nodes, cronJobs, hasAutoscaler }: Part): Promise<Hour> {
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes });
	await cluster.apply([...Array.from({ length: cronJobs }, (_, index) => cronJob(index)), ...(hasAutoscaler ? autoscaled : [])]);
	await cluster.advance("5m");
	const before = cluster.inner.apiServer.revision;
	const ms = (await cpuMs(() => cluster.advance(`${day.hours}h`))) / day.hours;
	return { ms, writes: (cluster.inner.apiServer.revision - before) / day.hours };
}

async function hourRows(pki: Pki, runs: number): Promise<Measurement[]> {
	const rows: Measurement[] = [];
	for (const part of [wholeDay, ...dayParts]) {
		const hours: Hour[] = [];
		for (let run = 0; run < runs; run++) hours.push(await hourOf(pki, part));
		const promise = part === wholeDay ? { promise: day.promiseMs } : {};
		rows.push({ name: part.name, unit: "ms of CPU", values: hours.map(({ ms }) => ms), ...promise });
		rows.push({ name: "  its writes", unit: "writes", values: hours.map(({ writes }) => writes) });
		rows.push({ name: "  each", unit: "µs of CPU", values: hours.map(({ ms, writes }) => (1000 * ms) / writes) });
	}
	return rows;
}

function deployment(replicas: number, image: string): Deployment & { readonly apiVersion: string; readonly kind: string } {
	const labels = { app: "web" };
	return {
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name: "web", namespace: "default" },
		spec: {
			replicas,
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [{ name: "nginx", image }] } },
		},
	};
}

/** All of them ready, and of the present template. */
async function rollOut(cluster: TestCluster, replicas: number, image: string): Promise<void> {
	await cluster.apply(deployment(replicas, image));
	const isDone = async () => {
		const { metadata, status } = await cluster.get(deployments, "web");
		if (status?.observedGeneration !== metadata?.generation) return false;
		return status?.updatedReplicas === replicas && status.readyReplicas === replicas && status.replicas === replicas;
	};
	await cluster.runUntil(isDone, { within: "30m" });
	const found = await cluster.list(pods, { namespace: "default" });
	if (found.length < replicas) throw new Error(`${found.length} pods of ${replicas}`);
}

async function deploymentMs(pki: Pki): Promise<number> {
	const { replicas, nodes } = pods5000;
	const nodeTemplate = { capacity: { pods: "250" } };
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes, nodeTemplate, latency: "none" });
	return await cpuMs(() => rollOut(cluster, replicas, "nginx:1.27"));
}

async function rollingMs(pki: Pki): Promise<number> {
	const { replicas, nodes } = rolled;
	const nodeTemplate = { capacity: { pods: "250" } };
	await using cluster = await createCluster({ clock: "virtual", seed: 1, pki, nodes, nodeTemplate, latency: "none" });
	await rollOut(cluster, replicas, "nginx:1.27");
	return await cpuMs(() => rollOut(cluster, replicas, "nginx:1.28"));
}

export async function benchTestbench(runs: number): Promise<Measurement[]> {
	const pki = await makePki();
	const empty: { readonly ms: number; readonly mib: number }[] = [];
	for (let run = 0; run < runs; run++) empty.push(await emptyClusters(pki));
	const unit = "ms of CPU";
	return [
		{ name: "virtual time: an empty cluster of 3 nodes", unit, values: empty.map(({ ms }) => ms), promise: 50 },
		{ name: "… its memory", unit: "MiB", values: empty.map(({ mib }) => mib), promise: 5 },
		{ name: `one life of a controller of ${objects} objects, with faults`, unit, values: await repeat(runs, lifeMs), promise: 10 },
		{
			name: `Deployment of ${pods5000.replicas} pods to all Ready, no latency`,
			unit,
			values: await repeat(runs, () => deploymentMs(pki)),
			promise: 5_000,
		},
		{
			name: `rolling update of ${rolled.replicas} pods, no latency`,
			unit,
			values: await repeat(runs, () => rollingMs(pki)),
			promise: 3_000,
		},
		...(await hourRows(pki, Math.min(runs, 2))),
	];
}
