/** The container runtimes of nodes, each made when somebody first asks about it. */
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { Client } from "../../client/client.ts";
import { runtimeClasses } from "../../client/resources.ts";
import type { FleetNodes } from "../fleet-nodes.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import type { SandboxRuntime } from "../pod-worker/sandboxes.ts";
import type { WorkerHost } from "../pod-worker/worker-host.ts";
import { NodeRuntime } from "./node-runtime.ts";

export interface NodeRuntimesOptions {
	readonly host: () => WorkerHost;
	readonly clientFor: (node: string) => Client;
	readonly nodes: FleetNodes;
	readonly workers: (node: string) => Iterable<PodWorker>;
}

export class NodeRuntimes {
	readonly #options: NodeRuntimesOptions;
	readonly #known = new WeakMap<SimNode, NodeRuntime>();

	constructor(options: NodeRuntimesOptions) {
		this.#options = options;
	}

	of(node: SimNode): NodeRuntime {
		const known = this.#known.get(node);
		if (known !== undefined) return known;
		const { host, workers } = this.#options;
		const made = new NodeRuntime({ node, host: host(), workers: () => workers(node.name) });
		this.#known.set(node, made);
		return made;
	}

	/** Undefined if there is no such node or it has no power. */
	powered(name: string): NodeRuntime | undefined {
		const node = this.#options.nodes.powered(name);
		return node === undefined ? undefined : this.of(node);
	}

	/**
	 * What the node has for a RuntimeClass. Rejects with an Error that says why it has none.
	 * Source: pkg/kubelet/runtimeclass/runtimeclass_manager.go
	 */
	async sandboxRuntime(name: string, runtimeClass: string): Promise<SandboxRuntime> {
		const { clientFor, nodes } = this.#options;
		const { handler } = await clientFor(name)
			.resource(runtimeClasses)
			.get({ name: runtimeClass })
			.catch((error: unknown) => {
				throw isStatusError(error, "NotFound") ? new Error(`runtimeclass.node.k8s.io ${JSON.stringify(runtimeClass)} not found`) : error;
			});
		const node = nodes.get(name);
		if (node === undefined) throw new Error(`node ${JSON.stringify(name)} is gone`);
		return this.of(node).sandboxRuntime(handler);
	}
}
