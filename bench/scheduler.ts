/**
 * How many pods a second the scheduler gives a node, through the API with binding, from the first binding to the last: the workloads of
 * kube-scheduler's own scheduler_perf. All pods are there before the scheduler hears of the first, so that creating them does not count; the API
 * server, its store in memory and the scheduler share one thread. Beside pods a second of the machine's time stand pods a second of processor time,
 * which a machine with other work does not change as much.
 */
import { WallClock } from "../src/apimachinery/clock/wall-clock.ts";
import { silentLog } from "../src/apimachinery/log.ts";
import { SeededRandom } from "../src/apimachinery/random.ts";
import type { Pod } from "../src/apimachinery/schema/generated/types.ts";
import { ApiServer } from "../src/apiserver/api-server.ts";
import { admin, makeTokenKeys } from "../src/apiserver/testing.ts";
import { Client } from "../src/client/client.ts";
import { InformerFactory } from "../src/client/informer.ts";
import { namespaces, nodes as nodesRef, pods as podsRef } from "../src/client/resources.ts";
import { InProcessTransport } from "../src/cluster/in-process-transport.ts";
import { readSchedulerConfiguration, Scheduler } from "../src/scheduler/index.ts";
import { createMemoryStore } from "../src/store/index.ts";
import type { Measurement } from "./measure.ts";
import { type Churn, type Workload, workloads } from "./scheduler-workloads.ts";
import { usedBytes } from "./used-bytes.ts";

/** Pods of this profile count; those beside them are of the other. The scheduler hears of both when all of them are there. */
const measuredProfile = "measured";
const besideProfile = "beside";

interface Rates {
	readonly perSecond: number;
	readonly perCpuSecond: number;
	/** In use in the end, MiB, of the machine's memory and of the heap; undefined: nobody looked. */
	readonly memory: { readonly resident: number; readonly used: number } | undefined;
}

async function measure(workload: Workload): Promise<Rates> {
	const { nodes, objects = [], initial = [], waiting = [], beside = [], churn, measured, memoryPromiseMiB } = workload;
	const clock = new WallClock();
	const random = new SeededRandom("bench");
	const server = new ApiServer({
		store: await createMemoryStore({ clock }),
		clock,
		random,
		log: silentLog,
		tokenKeys: makeTokenKeys(),
		admission: { disable: ["ServiceAccount", "TaintNodesByCondition", "Priority"] },
	});
	await server.start();
	const client = new Client(new InProcessTransport(server, admin));
	await client.resource(namespaces).create({ metadata: { name: "default" } });
	for (const node of nodes) await client.resource(nodesRef).create(node);
	for (const { ref, object } of objects) await client.resource(ref).create(object);
	for (const pod of [...waiting, ...initial]) await client.resource(podsRef).create(pod);
	const abort = new AbortController();
	const informers = new InformerFactory({ client, clock, random: random.fork("informers"), log: silentLog });
	const scheduler = new Scheduler({ client, clock, random: random.fork("scheduler"), informers, log: silentLog });
	const placed = new Counter();
	const counted = new Counter();
	const count = (pod: Pod) => (pod.spec?.schedulerName === measuredProfile ? counted : placed).add();
	const isPlaced = ({ spec }: Pod) => (spec?.nodeName ?? "") !== "";
	informers.informer(podsRef).onChange({ updated: (old, pod) => (!isPlaced(old) && isPlaced(pod) ? count(pod) : undefined) }, abort.signal);
	scheduler.start(abort.signal);
	await informers.start(abort.signal);
	await placed.reach(initial.length);
	for (const pod of beside) await client.resource(podsRef).create(ofProfile(pod, besideProfile));
	for (const pod of measured) await client.resource(podsRef).create(ofProfile(pod, measuredProfile));
	if (churn !== undefined) keepChurning(churn, client, abort.signal);
	const startMs = performance.now();
	const cpu = process.cpuUsage();
	scheduler.reconfigure(configurationOf("default-scheduler", besideProfile, measuredProfile));
	await counted.reach(measured.length);
	const seconds = (performance.now() - startMs) / 1000;
	const { user, system } = process.cpuUsage(cpu);
	const memory = memoryPromiseMiB === undefined ? undefined : memoryInUse();
	abort.abort();
	return { perSecond: measured.length / seconds, perCpuSecond: measured.length / ((user + system) / 1e6), memory };
}

/** MiB. */
function memoryInUse(): NonNullable<Rates["memory"]> {
	const used = usedBytes() / 2 ** 20;
	return { used, resident: process.memoryUsage().rss / 2 ** 20 };
}

function ofProfile(pod: Pod, schedulerName: string): Pod {
	return { ...pod, spec: { containers: [], ...pod.spec, schedulerName } };
}

/** A turn that comes late is not left out: scheduler_perf's rates hold whatever the machine does. */
function keepChurning({ everyMs, act }: Churn, client: Client, signal: AbortSignal): void {
	const startMs = performance.now();
	let turn = 0;
	const timer = setInterval(() => {
		for (const due = (performance.now() - startMs) / everyMs; turn < due; turn++) {
			act(client, turn).catch((error: unknown) => {
				if (!signal.aborted) throw error;
			});
		}
	}, everyMs);
	signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

function configurationOf(...names: readonly string[]) {
	return readSchedulerConfiguration({
		apiVersion: "kubescheduler.config.k8s.io/v1",
		kind: "KubeSchedulerConfiguration",
		profiles: names.map((schedulerName) => ({ schedulerName })),
	});
}

class Counter {
	count = 0;
	#wanted = Number.POSITIVE_INFINITY;
	#reached: () => void = () => undefined;

	add(): void {
		this.count++;
		if (this.count >= this.#wanted) this.#reached();
	}

	reach(wanted: number): Promise<void> {
		if (this.count >= wanted) return Promise.resolve();
		this.#wanted = wanted;
		return new Promise((resolve) => {
			this.#reached = resolve;
		});
	}
}

/** @param wanted the workloads whose names contain it; default: all */
export async function benchScheduler(runs: number, wanted = ""): Promise<Measurement[]> {
	const measurements: Measurement[] = [];
	for (const [name, make] of Object.entries(workloads)) {
		if (!name.includes(wanted)) continue;
		const workload = make(name);
		const rates: Rates[] = [];
		for (let run = 0; run < runs; run++) rates.push(await measure(workload));
		const { upstream, promise = upstream } = workload;
		const note = upstream === undefined ? "" : ` (kube-scheduler's threshold: ${upstream})`;
		measurements.push(
			{
				...{ name: `scheduler: ${name}${note}`, unit: "per second", values: rates.map(({ perSecond }) => perSecond) },
				...(promise === undefined ? {} : { promise }),
			},
			{ name: "… of processor time", unit: "per CPU second", values: rates.map(({ perCpuSecond }) => perCpuSecond) },
		);
		const memories = rates.flatMap(({ memory }) => memory ?? []);
		if (memories.length === 0 || workload.memoryPromiseMiB === undefined) continue;
		measurements.push(
			{
				...{ name: "… resident memory in the end", unit: "MiB", values: memories.map(({ resident }) => resident) },
				promise: workload.memoryPromiseMiB,
			},
			{ name: "… of which the heap and buffers use", unit: "MiB", values: memories.map(({ used }) => used) },
		);
	}
	return measurements;
}
