/**
 * Controllers, scheduler and nodes of a cluster of one server: they all run here, on one set of informers, from the start: there is
 * nobody to elect against, unless somebody asks for more replicas of the controller manager.
 */
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { InformerFactory } from "../client/informer.ts";
import { nodes as nodesRef } from "../client/resources.ts";
import type { ControllerManager } from "../controllers/index.ts";
import { Fleet } from "../kubelet-sim/index.ts";
import type { Scheduler } from "../scheduler/index.ts";
import type { ClusterControllers, Replicas } from "./cluster-controllers.ts";
import { nodesToRun } from "./cluster-nodes.ts";
import {
	type ComponentOptions,
	type Components,
	createClusterControllers,
	createControllers,
	createFleet,
	createInformers,
	createScheduler,
	nodeNames,
} from "./components.ts";

export class OwnComponents implements Components {
	readonly informers: InformerFactory;
	readonly controllers: ClusterControllers;
	readonly scheduler: Scheduler;
	readonly fleet: Fleet;
	readonly areNodesElsewhere = false;
	readonly #options: ComponentOptions;
	/** The controller manager while there is one replica of it. */
	#alone: { readonly manager: ControllerManager; readonly stop: AbortController } | undefined;
	#signal: AbortSignal | undefined;

	constructor(options: ComponentOptions) {
		this.#options = options;
		this.informers = createInformers(options);
		this.controllers = createClusterControllers(options, (controllers) => this.#createReplicas(controllers));
		this.scheduler = createScheduler(options, this.informers);
		this.fleet = createFleet(options, this.informers);
	}

	async start(signal: AbortSignal): Promise<void> {
		const { clock, nodes, nodeTemplate } = this.#options;
		this.#signal = signal;
		this.#manage(signal);
		this.scheduler.start(signal);
		void this.fleet.start(signal);
		// Loading the shell is real I/O, which virtual time does not wait for.
		if (clock instanceof VirtualClock) await Fleet.preload();
		await this.informers.start(signal);
		const known = this.informers.informer(nodesRef).cache.list();
		await this.fleet.addNodes(nodesToRun(known, nodeNames(nodes), nodeTemplate));
	}

	async stopped(): Promise<void> {
		// What the others still write, the closed store refuses.
		await this.controllers.stopped();
	}

	#manage(signal: AbortSignal): void {
		const stop = new AbortController();
		const manager = createControllers(this.#options, this.informers, this.controllers.chosen());
		this.#alone = { manager, stop };
		this.controllers.ledBy(manager);
		manager.start(AbortSignal.any([signal, stop.signal]));
	}

	async #createReplicas(controllers: ClusterControllers): Promise<Replicas> {
		const signal = this.#signal;
		if (signal === undefined) throw new Error("the cluster has not been started");
		const { ControllerReplicas } = await import("./controller-replicas.ts");
		const alone = {
			start: () => this.#manage(signal),
			stop: async () => {
				const { manager, stop } = this.#alone ?? {};
				stop?.abort();
				await manager?.ended();
				controllers.ledBy(undefined);
			},
		};
		return new ControllerReplicas({ options: this.#options, controllers, alone, signal });
	}
}
