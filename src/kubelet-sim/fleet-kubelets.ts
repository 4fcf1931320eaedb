/**
 * What the kubelets of a fleet do beside looking after pods of the API, and whether they do: heartbeats, pressure, memory, static pods,
 * power, faults, and the daemons that somebody in a shell on the node stops and starts.
 *
 *   power, faults, daemons, somebody who cuts it off ──> `refresh`: the node's kubelet begins or stops ──> all of the rest follows
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Client } from "../client/client.ts";
import { EvictionManager } from "./eviction/eviction-manager.ts";
import type { FleetInformers } from "./fleet-informers.ts";
import type { FleetNodes } from "./fleet-nodes.ts";
import type { FleetPods } from "./fleet-pods.ts";
import type { FleetWorkers } from "./fleet-workers.ts";
import type { KubeletWrites } from "./kubelet-writes.ts";
import { Heartbeats } from "./node/heartbeats.ts";
import { NodeDaemons } from "./node/node-daemons.ts";
import { NodeFaults } from "./node/node-faults.ts";
import { NodePower } from "./node/node-power.ts";
import type { SimNode } from "./node/sim-node.ts";
import { NodeMemory } from "./node-machine/node-memory.ts";
import type { NodeRuntimes } from "./runtime/node-runtimes.ts";
import { StaticPods } from "./static-pods/static-pods.ts";
import type { ClaimVolumes } from "./volumes/claim-volumes.ts";

export interface FleetKubeletsOptions {
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	readonly clientFor: (node: string) => Client;
	readonly informers: FleetInformers;
	readonly nodes: FleetNodes;
	readonly workers: FleetWorkers;
	readonly pods: FleetPods;
	readonly writes: KubeletWrites;
	readonly claims: ClaimVolumes;
	readonly runtimes: NodeRuntimes;
	/** `https://172.19.0.2:6443`. */
	readonly apiServer: string;
	readonly leaseRenewMs: number;
	readonly statusReportMs: number;
}

export class FleetKubelets {
	readonly heartbeats: Heartbeats;
	readonly eviction: EvictionManager;
	readonly memory: NodeMemory<SimNode>;
	readonly staticPods: StaticPods;
	readonly power: NodePower;
	readonly faults: NodeFaults;
	readonly daemons: NodeDaemons;
	readonly #options: FleetKubeletsOptions;

	constructor(options: FleetKubeletsOptions) {
		this.#options = options;
		const { clock, random, log, clientFor, informers, workers, pods, writes, runtimes } = options;
		const workersOf = (node: string) => workers.on(node);
		const cachedNode = (name: string) => informers.nodes.cache.get(name);
		const changed = (node: SimNode) => this.refresh(node);
		const reportStatus = (node: SimNode) => this.heartbeats.reportStatus(node);
		const event = (node: SimNode, type: "Normal" | "Warning", reason: string, message: string) =>
			writes.nodeEvent(node.name, reason, message, type);
		this.heartbeats = new Heartbeats({
			clock,
			random: random.fork("heartbeats"),
			log,
			clientFor,
			cachedNode,
			event: (node, reason, message, type) => writes.nodeEvent(node.name, reason, message, type),
			leaseRenewMs: options.leaseRenewMs,
			statusReportMs: options.statusReportMs,
		});
		this.eviction = new EvictionManager({
			clock,
			log,
			workers: workersOf,
			event,
			reportStatus: (node) => void reportStatus(node),
		});
		this.memory = new NodeMemory({ clock, workers: (node) => workers.on(node.name), event });
		this.staticPods = new StaticPods({
			clock,
			log,
			clientFor,
			node: cachedNode,
			cachedPod: (namespace, name) => informers.pods.cache.get(`${namespace}/${name}`),
			cachedPodsOf: (node) => informers.pods.cache.byIndex("node", node),
			start: (node, pod) => pods.start(node, pod),
			drop: (worker) => pods.drop(worker.pod.metadata?.uid ?? "", worker),
		});
		this.power = new NodePower({
			clock,
			random: random.fork("power"),
			workers: workersOf,
			changed,
			reportStatus,
			event,
			forgetStaticPods: (node) => this.staticPods.end(node),
		});
		this.faults = new NodeFaults({ press: (node, resource) => this.eviction.press(node, resource), changed });
		this.daemons = new NodeDaemons({
			clock,
			apiServer: options.apiServer,
			changed,
			reportStatus,
			event: (node, reason, message, type) => writes.nodeEvent(node.name, reason, message, type),
			power: (node, action) => void this.power.asked(node, action),
			workers: workersOf,
			runtimeStarted: (node) => runtimes.of(node).restart(),
		});
	}

	/** A node's kubelet begins or stops, if that is due; and it looks after its pods, or does not. */
	refresh(node: SimNode): void {
		const { nodes, pods, claims } = this.#options;
		if (!nodes.has(node)) return;
		const { name, running: before, shouldRun: running } = node;
		node.noteApi();
		node.running = running;
		if (running !== before) {
			if (running) void this.heartbeats.begin(node).then(() => this.heartbeats.reportStatus(node));
			else {
				this.heartbeats.end(node);
				this.eviction.end(node);
			}
		}
		pods.pauseOrGoOn(node);
		if (!running || running === before) return;
		claims.started(name);
		this.eviction.filesGrew(node);
		this.staticPods.begin(node);
	}

	/** The node is gone for good. */
	forget(node: SimNode): void {
		this.faults.forget(node);
		this.heartbeats.end(node);
		this.eviction.end(node);
		this.staticPods.end(node);
	}

	stop(): void {
		this.heartbeats.stop();
		this.eviction.stop();
		this.staticPods.stop();
	}
}
