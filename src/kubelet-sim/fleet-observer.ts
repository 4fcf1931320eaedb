/** What the kubelets' own pages tell of nodes and pods, looked up when somebody asks. */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { quantityToNumber } from "../apimachinery/quantity.ts";
import { isStaticPod } from "./admission/critical-pods.ts";
import { measurePod, observe } from "./eviction/node-stats.ts";
import type { FleetInformers } from "./fleet-informers.ts";
import type { FleetWorkers } from "./fleet-workers.ts";
import { once } from "./images/image.ts";
import type { RunningPod } from "./kubelet-server.ts";
import type { SimNode } from "./node/sim-node.ts";
import type { UsedNode } from "./usage/fleet-usage.ts";
import type { KubeletState } from "./usage/kubelet-metrics.ts";
import type { ServiceLoads } from "./usage/service-loads.ts";
import type { ObservedNode } from "./usage/stats-pages.ts";

export interface FleetObserverOptions {
	readonly clock: Clock;
	readonly informers: FleetInformers;
	readonly workers: FleetWorkers;
	readonly loads: ServiceLoads;
}

export class FleetObserver {
	readonly #options: FleetObserverOptions;

	constructor(options: FleetObserverOptions) {
		this.#options = options;
	}

	/** For /stats/summary and /metrics/cadvisor. */
	observed(node: SimNode): ObservedNode {
		const { clock, informers, workers, loads } = this.#options;
		const { name, startedMs, endedCpuSeconds, allocatable, imageBytes } = node;
		loads.complete();
		const nowMs = clock.now();
		const pods = informers.pods.cache.byIndex("node", name).flatMap((pod) => {
			const worker = workers.of(pod);
			if (worker === undefined) return [];
			const measure = once(() => measurePod(worker, nowMs));
			const { usage: meter, endedCpuSeconds: ended } = worker;
			return [
				{
					pod,
					meter,
					endedCpuSeconds: ended,
					get stats() {
						return measure();
					},
				},
			];
		});
		const [cores, memoryBytes] = [quantityToNumber(allocatable.cpu ?? "0"), quantityToNumber(allocatable.memory ?? "0")];
		return {
			name,
			startedMs,
			endedCpuSeconds,
			cores,
			memoryBytes,
			imageBytes,
			pods,
			get observations() {
				return observe(
					node,
					pods.map(({ stats }) => stats),
				);
			},
		};
	}

	/** For /metrics and /metrics/probes. */
	state({ name, startedMs, counters, description }: SimNode): KubeletState {
		const { informers } = this.#options;
		const workers = [...this.#options.workers.on(name)];
		const pods = workers.map(({ pod, record, probeCounts }) => ({
			pod,
			probes: probeCounts,
			isStatic: isStaticPod(pod),
			isActive: !record.isOver && record.sandbox !== "stopped",
			hasSandbox: record.sandbox === "ready",
			containers: record.containers,
		}));
		const claims = workers.flatMap(({ pod, volumes }) => {
			const namespace = pod.metadata?.namespace ?? "";
			return [...volumes.claimUsage()].map(([claim, { bytes, inodes }]) => {
				const capacity = informers.claims.cache.get(`${namespace}/${claim}`)?.status?.capacity?.storage ?? "0";
				return { namespace, claim, capacityBytes: quantityToNumber(capacity), usedBytes: bytes, inodesUsed: inodes };
			});
		});
		return {
			node: name,
			cgroupVersion: description.cgroupVersion,
			startedMs,
			counters,
			pods,
			claims: [...new Map(claims.map((each) => [`${each.namespace}/${each.claim}`, each])).values()],
		};
	}

	/** Undefined while its kubelet does not run. */
	used(node: SimNode | undefined): UsedNode | undefined {
		if (node?.running !== true) return undefined;
		const { informers, workers } = this.#options;
		const own = informers.pods.cache.byIndex("node", node.name);
		return { startedMs: node.startedMs, pods: own.flatMap((pod) => workers.of(pod)?.usage ?? []) };
	}

	/** What runs on a node as its runtime has it, whatever the API says. */
	running(node: string): readonly RunningPod[] {
		return [...this.#options.workers.on(node)].flatMap(({ pod, record }) => {
			const { name = "", namespace = "", uid = "" } = pod.metadata ?? {};
			const containers = record.containers
				.filter(({ phase }) => phase === "running")
				.map((each) => ({ name: each.name, image: each.image }));
			return containers.length === 0 ? [] : [{ metadata: { name, namespace, uid }, containers }];
		});
	}
}
