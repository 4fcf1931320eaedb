/**
 * How many pods a second the scheduler gives a node, through the API with binding, from the first binding to the last: the shapes of
 * kube-scheduler's own scheduler_perf, with the thresholds of its CI. All pods are there before the scheduler hears of the first, so that
 * creating them does not count; the API server, its store in memory and the scheduler share one thread.
 * Source: k8s.io/kubernetes/test/integration/scheduler_perf
 */
import { WallClock } from "../src/apimachinery/clock/wall-clock.ts";
import { silentLog } from "../src/apimachinery/log.ts";
import { SeededRandom } from "../src/apimachinery/random.ts";
import type { Affinity, Node, Pod, PodAffinityTerm, PodSpec } from "../src/apimachinery/schema/generated/types.ts";
import { ApiServer } from "../src/apiserver/api-server.ts";
import { admin, makeTokenKeys } from "../src/apiserver/testing.ts";
import { Client } from "../src/client/client.ts";
import { InformerFactory } from "../src/client/informer.ts";
import { namespaces, nodes as nodesRef, pods as podsRef, serviceAccounts } from "../src/client/resources.ts";
import { InProcessTransport } from "../src/cluster/in-process-transport.ts";
import { readSchedulerConfiguration, Scheduler } from "../src/scheduler/index.ts";
import { createMemoryStore } from "../src/store/index.ts";
import { type Measurement, repeat } from "./measure.ts";

interface Workload {
	readonly name: string;
	readonly nodes: number;
	/** Pods that are placed before. */
	readonly initial: readonly Pod[];
	/** The ones that count. */
	readonly measured: readonly Pod[];
	/** Pods that stay without a node meanwhile. */
	readonly waiting?: readonly Pod[];
	/** Pods a second; absent: for comparison only. */
	readonly promise?: number;
	readonly labels?: (index: number) => Readonly<Record<string, string>>;
}

const zones = 10;
const requests = { cpu: "100m", memory: "500Mi" };
const many = (prefix: string, count: number, spec: (index: number) => Partial<PodSpec> = () => ({}), labels = {}): readonly Pod[] =>
	Array.from({ length: count }, (_, index) => ({
		metadata: { name: `${prefix}-${index}`, namespace: "default", labels },
		spec: { containers: [{ name: "pause", image: "registry.k8s.io/pause:3.10", resources: { requests } }], ...spec(index) },
	}));

const zone = "topology.kubernetes.io/zone";
const hostname = "kubernetes.io/hostname";
const term = (topologyKey: string, color: string): PodAffinityTerm => ({ topologyKey, labelSelector: { matchLabels: { color } } });
const with_ = (affinity: Affinity) => (): Partial<PodSpec> => ({ affinity });
const required = (podAffinityTerm: PodAffinityTerm) => ({ requiredDuringSchedulingIgnoredDuringExecution: [podAffinityTerm] });
const preferred = (podAffinityTerm: PodAffinityTerm) => ({
	preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm }],
});
const inZones = (...values: readonly string[]): Affinity => ({
	nodeAffinity: {
		requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: "In", values }] }] },
	},
});

const workloads: readonly (() => Workload)[] = [
	() => ({ name: "SchedulingBasic, 500 nodes, 1000 pods", nodes: 500, initial: many("init", 500), measured: many("pod", 1_000) }),
	() => ({
		name: "SchedulingBasic, 5000 nodes, 10000 pods",
		nodes: 5_000,
		initial: many("init", 1_000),
		measured: many("pod", 10_000),
		promise: 2_000,
	}),
	() => ({
		name: "TopologySpreading, 5000 nodes, 5000 pods",
		nodes: 5_000,
		initial: many("init", 5_000),
		measured: many(
			"spread",
			5_000,
			() => ({
				topologySpreadConstraints: [
					{ maxSkew: 5, topologyKey: zone, whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: { color: "blue" } } },
				],
			}),
			{ color: "blue" },
		),
		promise: 710,
	}),
	() => ({
		name: "SchedulingNodeAffinity, 5000 nodes, 5000 pods",
		nodes: 5_000,
		initial: many("init", 5_000),
		measured: many("affine", 5_000, with_(inZones("zone-1", "zone-2"))),
		promise: 710,
	}),
	() => ({
		name: "SchedulingPodAffinity, 5000 nodes, 5000 pods",
		nodes: 5_000,
		initial: many("init", 5_000, with_({ podAffinity: required(term(zone, "blue")) }), { color: "blue" }),
		measured: many("together", 5_000, with_({ podAffinity: required(term(zone, "blue")) }), { color: "blue" }),
		promise: 710,
	}),
	() => ({
		name: "SchedulingPodAntiAffinity, 5000 nodes, 2000 pods",
		nodes: 5_000,
		initial: many("init", 1_000, with_({ podAntiAffinity: required(term(hostname, "green")) }), { color: "green" }),
		measured: many("apart", 2_000, with_({ podAntiAffinity: required(term(hostname, "green")) }), { color: "green" }),
		promise: 710,
	}),
	() => ({
		name: "PreferredPodAffinity, 5000 nodes, 5000 pods",
		nodes: 5_000,
		initial: many("init", 5_000),
		measured: many("drawn", 5_000, with_({ podAffinity: preferred(term(hostname, "red")) }), { color: "red" }),
		promise: 710,
	}),
	() => ({
		name: "PreferredPodAntiAffinity, 5000 nodes, 5000 pods",
		nodes: 5_000,
		initial: many("init", 5_000),
		measured: many("averse", 5_000, with_({ podAntiAffinity: preferred(term(hostname, "yellow")) }), { color: "yellow" }),
		promise: 710,
	}),
	() => ({
		name: "Unschedulable, 5000 nodes, 10000 pods among 200 that fit nowhere",
		nodes: 5_000,
		initial: [],
		waiting: many("huge", 200, () => ({
			containers: [{ name: "pause", image: "registry.k8s.io/pause:3.10", resources: { requests: { cpu: "9" } } }],
		})),
		measured: many("pod", 10_000),
		promise: 710,
	}),
	() => ({
		name: "SchedulingWhileGated, 5000 nodes, 10000 pods beside 10000 that are gated",
		nodes: 5_000,
		initial: [],
		waiting: many("gated", 10_000, () => ({ schedulingGates: [{ name: "example.com/wait" }] })),
		measured: many("pod", 10_000),
		promise: 910,
	}),
	() => ({
		name: "SchedulingDaemonset, 15000 nodes, 15000 pods",
		nodes: 15_000,
		initial: [],
		measured: many("daemon", 15_000, (index) => ({
			affinity: {
				nodeAffinity: {
					requiredDuringSchedulingIgnoredDuringExecution: {
						nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [`node-${index}`] }] }],
					},
				},
			},
		})),
		promise: 1_100,
	}),
];

/** Pods a second. */
async function rateOf({ nodes, initial, measured, waiting = [] }: Workload): Promise<number> {
	const clock = new WallClock();
	const random = new SeededRandom("bench");
	const server = new ApiServer({
		store: await createMemoryStore({ clock }),
		clock,
		random,
		log: silentLog,
		tokenKeys: makeTokenKeys(),
		admission: { disable: ["ServiceAccount", "TaintNodesByCondition"] },
	});
	await server.start();
	const client = new Client(new InProcessTransport(server, admin));
	await client.resource(namespaces).create({ metadata: { name: "default" } });
	await client.resource(serviceAccounts).create({ metadata: { name: "default", namespace: "default" } });
	for (let index = 0; index < nodes; index++) await client.resource(nodesRef).create(nodeOf(index));
	for (const pod of [...initial, ...waiting]) await client.resource(podsRef).create(pod);
	const abort = new AbortController();
	const informers = new InformerFactory({ client, clock, random: random.fork("informers"), log: silentLog });
	const scheduler = new Scheduler({ client, clock, random: random.fork("scheduler"), informers, log: silentLog });
	const bound = new Counter();
	informers.informer(podsRef).onChange(
		{
			updated: (old, pod) => {
				if ((old.spec?.nodeName ?? "") === "" && (pod.spec?.nodeName ?? "") !== "") bound.add();
			},
		},
		abort.signal,
	);
	scheduler.start(abort.signal);
	await informers.start(abort.signal);
	await bound.reach(initial.length);
	// They are another profile's, of which the scheduler hears when all of them are there.
	for (const pod of measured) {
		await client.resource(podsRef).create({ ...pod, spec: { containers: [], ...pod.spec, schedulerName: "measured" } });
	}
	const startMs = performance.now();
	scheduler.reconfigure(configurationOf("default-scheduler", "measured"));
	await bound.reach(initial.length + measured.length);
	const seconds = (performance.now() - startMs) / 1000;
	abort.abort();
	return measured.length / seconds;
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

function nodeOf(index: number): Node {
	const name = `node-${index}`;
	return {
		metadata: { name, labels: { [hostname]: name, [zone]: `zone-${index % zones}` } },
		status: {
			capacity: { cpu: "4", memory: "32Gi", pods: "110" },
			allocatable: { cpu: "4", memory: "32Gi", pods: "110" },
			conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
		},
	};
}

export async function benchScheduler(runs: number): Promise<Measurement[]> {
	const measurements: Measurement[] = [];
	for (const make of workloads) {
		const workload = make();
		const values = await repeat(runs, () => rateOf(workload));
		const { name, promise } = workload;
		measurements.push({ name: `scheduler: ${name}`, unit: "per second", values, ...(promise === undefined ? {} : { promise }) });
	}
	return measurements;
}
