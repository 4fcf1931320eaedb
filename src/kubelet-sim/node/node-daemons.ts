/**
 * A node's kubelet and container runtime as somebody in a shell on it starts and stops them: what that means for the node, its pods
 * and what the API hears.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { PowerAction } from "../../host/index.ts";
import { dialError } from "../node-machine/dial-error.ts";
import { commonFields } from "../node-machine/kubelet-fields.ts";
import type { KubeletStart } from "../node-machine/kubelet-startup.ts";
import { containerdSocket } from "../node-machine/node-files.ts";
import type { NodeDaemonHooks } from "../node-machine/node-system.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { type KubeletConfiguration, readKubeletConfiguration } from "./kubelet-configuration.ts";
import { olderCgroupsWarning } from "./node-object.ts";
import { sliceNames, stopSlice } from "./pod-slices.ts";
import { RuntimeOutage } from "./runtime-health.ts";
import type { SimNode } from "./sim-node.ts";

export interface NodeDaemonsOptions {
	readonly clock: Clock;
	/** `https://172.19.0.2:6443`. */
	readonly apiServer: string;
	/** Whether the node's kubelet works may have changed. */
	readonly changed: (node: SimNode) => void;
	readonly reportStatus: (node: SimNode) => Promise<void>;
	readonly event: (node: SimNode, reason: string, message: string, type?: "Warning") => void;
	readonly power: (node: SimNode, action: PowerAction) => void;
	readonly workers: (node: string) => Iterable<PodWorker>;
	/** containerd has started anew, and read its configuration. */
	readonly runtimeStarted: (node: SimNode) => void;
}

/** Of a kubelet that starts on a node that is known already. Source: pkg/kubelet/kubelet_node_status.go */
const startEvents: readonly (readonly [reason: string, message: (node: string) => string])[] = [
	["Starting", () => "Starting kubelet."],
	["NodeHasSufficientMemory", (node) => `Node ${node} status is now: NodeHasSufficientMemory`],
	["NodeHasNoDiskPressure", (node) => `Node ${node} status is now: NodeHasNoDiskPressure`],
	["NodeHasSufficientPID", (node) => `Node ${node} status is now: NodeHasSufficientPID`],
	["NodeAllocatableEnforced", () => "Updated Node Allocatable limit across pods"],
];

export class NodeDaemons {
	readonly #options: NodeDaemonsOptions;

	constructor(options: NodeDaemonsOptions) {
		this.#options = options;
	}

	/** @param find undefined once the node has been taken away */
	hooksOf(find: () => SimNode | undefined): NodeDaemonHooks {
		const on = (act: (node: SimNode) => void) => {
			const node = find();
			if (node !== undefined) act(node);
		};
		return {
			kubeletStarted: (start) => on((node) => this.#kubeletStarted(node, start)),
			kubeletStopped: () => on((node) => this.#kubeletStopped(node)),
			containerdStarted: () => on((node) => this.#containerdStarted(node)),
			containerdStopped: (wasKilled) => on((node) => this.#containerdStopped(node, wasKilled)),
			power: (action) => on((node) => this.#options.power(node, action)),
			slices: {
				names: () => sliceNames(this.#workersOf(find())),
				stop: (name) => stopSlice(name, this.#workersOf(find()), this.#options.clock),
			},
		};
	}

	#workersOf(node: SimNode | undefined): Iterable<PodWorker> {
		return node === undefined ? [] : this.#options.workers(node.name);
	}

	/** Throws an Error for a configuration that cannot be. */
	#kubeletStarted(node: SimNode, { configuration, apiServer }: KubeletStart): void {
		const given = Object.fromEntries(Object.entries(configuration).filter(([key]) => !commonFields.has(key)));
		node.settings = readKubeletConfiguration(given as KubeletConfiguration);
		const isNews = !node.kubeletRuns;
		node.kubeletRuns = true;
		node.reachesApi = apiServer === this.#options.apiServer;
		node.apiServer = apiServer;
		this.#options.changed(node);
		if (!isNews || !node.registered || !node.running) return;
		const [first, ...others] = startEvents.map(([reason, message]) => [reason, message(node.name)] as const);
		if (first !== undefined) this.#options.event(node, ...first);
		if (node.description.cgroupVersion === 1) this.#options.event(node, "CgroupV1", olderCgroupsWarning, "Warning");
		for (const each of others) this.#options.event(node, ...each);
		if (node.hasRebooted) this.#options.event(node, ...node.rebootedEvent(), "Warning");
	}

	#kubeletStopped(node: SimNode): void {
		node.kubeletRuns = false;
		this.#options.changed(node);
	}

	#containerdStarted(node: SimNode): void {
		this.#options.runtimeStarted(node);
		if (node.outage === undefined) return;
		node.outage.end();
		node.outage = undefined;
		this.#noticed(node);
	}

	#containerdStopped(node: SimNode, wasKilled: boolean): void {
		if (node.outage !== undefined) return;
		const error = dialError(containerdSocket, wasKilled ? "connection refused" : "no such file or directory");
		node.outage = new RuntimeOutage(this.#options.clock, error, () => this.#noticed(node));
		this.#options.changed(node);
	}

	#noticed(node: SimNode): void {
		const err = node.outage?.notReady;
		if (err !== undefined) node.system.kubeletSays("E", "kubelet.go:2455", "Skipping pod synchronization", { err });
		this.#options.changed(node);
		void this.#options.reportStatus(node);
	}
}
