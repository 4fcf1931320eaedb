/**
 * The controllers of a cluster, for those who look at them and turn them off: lessons, tests, `kubesim controllers`.
 *
 * Which are to run is known here and not by the one who runs them: a controller that was stopped stays so when another
 * replica of the controller manager takes the lead.
 */
import { chosenControllers, controllerNamed } from "../controllers/chosen.ts";
import type { ControllerManager, ControllerReport } from "../controllers/index.ts";

export interface ReplicaReport {
	readonly name: string;
	/** `alone`: there is nobody to elect against. */
	readonly state: "alone" | "leader" | "candidate" | "killed";
	/** On the Lease. */
	readonly identity?: string;
}

/** Replicas of the controller manager: see controller-replicas.ts. */
export interface Replicas {
	report(): readonly ReplicaReport[];
	set(count: number): Promise<void>;
	kill(name: string): void;
	stopped(): Promise<void>;
}

export interface ClusterControllersOptions {
	/** Of all that there are. */
	readonly names: readonly string[];
	/** Which run from the start: see controllers/chosen.ts. */
	readonly choice: readonly string[];
	/** What makes replicas; absent where other servers are the replicas. */
	readonly createReplicas?: (controllers: ClusterControllers) => Promise<Replicas>;
}

export class ClusterControllers {
	readonly #options: ClusterControllersOptions;
	readonly #on: Set<string>;
	/** Who runs them in this process; undefined while nobody does. */
	#manager: ControllerManager | undefined;
	#replicas: Replicas | undefined;

	/** @throws ControllerNameError for a choice of what is not there */
	constructor(options: ClusterControllersOptions) {
		this.#options = options;
		this.#on = new Set(chosenControllers(options.names, options.choice));
	}

	/** Those that are to run. */
	chosen(): readonly string[] {
		return [...this.#on];
	}

	/** For those who run them: who does from now on. */
	ledBy(manager: ControllerManager | undefined): void {
		this.#manager = manager;
	}

	/** How each controller and its queues are. Throws while another server of the same store runs them. */
	list(): readonly ControllerReport[] {
		if (this.#manager !== undefined) return this.#manager.report();
		this.#checkHere();
		return this.#options.names.map((name) => ({ name, state: this.#on.has(name) ? "waiting" : "stopped", queues: [] }));
	}

	/**
	 * Stops one until it is started again. Resolves to its full name when its last reconcile is over.
	 * @param name as `--controllers` takes it, or without "-controller". Rejects with ControllerNameError
	 */
	async stop(name: string): Promise<string> {
		const found = this.#find(name);
		this.#on.delete(found);
		await this.#manager?.stopController(found);
		return found;
	}

	/** Starts one that is stopped, or that failed. Rejects with ControllerNameError. */
	async start(name: string): Promise<string> {
		const found = this.#find(name);
		this.#on.add(found);
		this.#manager?.startController(found);
		return found;
	}

	/** Stops it and starts it: it forgets what it knew. Rejects with ControllerNameError. */
	async restart(name: string): Promise<string> {
		await this.stop(name);
		return await this.start(name);
	}

	/** Replicas of the controller manager: one, unless there were to be more. Throws where other servers are the replicas. */
	replicas(): readonly ReplicaReport[] {
		this.#checkReplicas();
		return this.#replicas?.report() ?? [{ name: "control-plane", state: "alone" }];
	}

	/**
	 * Makes the controller manager one of several replicas, of which one leads; with one replica there is no election. Replicas
	 * that were killed are forgotten. Resolves when as many stand for election.
	 */
	async setReplicas(count: number): Promise<void> {
		this.#checkReplicas();
		if (count === 1 && this.#replicas === undefined) return;
		this.#replicas ??= await this.#options.createReplicas?.(this);
		await this.#replicas?.set(count);
	}

	/** Kills a replica as `kill -9` would: its Lease runs out before another leads. Throws for a name that is none. */
	kill(name: string): void {
		this.#checkReplicas();
		if (this.#replicas === undefined) throw new Error("there is one replica only: make more of them first");
		this.#replicas.kill(name);
	}

	/** After the end of the cluster's signal: resolves when no replica has the Lease any more. */
	async stopped(): Promise<void> {
		await this.#replicas?.stopped();
	}

	#find(name: string): string {
		this.#checkHere();
		return controllerNamed(this.#options.names, name);
	}

	#checkHere(): void {
		if (this.#manager === undefined && this.#options.createReplicas === undefined)
			throw new Error("another server of this cluster runs its controllers");
	}

	#checkReplicas(): void {
		if (this.#options.createReplicas === undefined) throw new Error("the replicas of this cluster's controller manager are its servers");
	}
}
