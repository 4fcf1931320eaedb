/**
 * kube-controller-manager: runs the controllers, each with its own identity and its own fork of the random source, and
 * lets a test or a lesson stop and start one of them.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Client } from "../client/client.ts";
import type { InformerFactory } from "../client/informer.ts";
import { chosenControllers } from "./chosen.ts";
import type { Controller } from "./controller.ts";
import { type ControllerSetOptions, createControllers } from "./controllers.ts";
import { serviceAccountOf } from "./service-accounts.ts";

export interface ControllerManagerOptions extends ControllerSetOptions {
	/** A client with the controller's own identity: the service account of this name in kube-system. */
	clientFor(account: string): Client;
	/** Which run from the start: see chosen.ts. Default all. */
	readonly chosen?: readonly string[];
	readonly informers: InformerFactory;
	readonly clock: Clock;
	readonly random: Random;
	readonly log?: Logger;
}

interface Running {
	readonly stop: AbortController;
	readonly ended: Promise<void>;
}

export class ControllerManager {
	readonly #options: ControllerManagerOptions;
	readonly #log: Logger;
	readonly #controllers: ReadonlyMap<string, Controller>;
	readonly #running = new Map<string, Running>();
	#signal: AbortSignal | undefined;

	constructor(options: ControllerManagerOptions) {
		this.#options = options;
		this.#log = options.log ?? silentLog;
		this.#controllers = new Map(createControllers(options).map((controller) => [controller.name, controller]));
	}

	/** As `--controllers` names them. */
	get names(): readonly string[] {
		return [...this.#controllers.keys()];
	}

	isRunning(name: string): boolean {
		return this.#running.has(name);
	}

	/** Starts the chosen controllers, until the signal aborts. They wait for their informers, which somebody must start. */
	start(signal: AbortSignal): void {
		this.#signal = signal;
		for (const name of chosenControllers(this.names, this.#options.chosen ?? ["*"])) this.startController(name);
	}

	/** Does nothing if it runs. Throws for a name that is none, and before `start`. */
	startController(name: string): void {
		const controller = this.#controllers.get(name);
		if (controller === undefined) throw new Error(`"${name}" is not in the list of known controllers`);
		if (this.#signal === undefined) throw new Error("the controller manager has not been started");
		if (this.#running.has(name)) return;
		const stop = new AbortController();
		const ended = this.#run(controller, AbortSignal.any([this.#signal, stop.signal]));
		this.#running.set(name, { stop, ended: ended.then(() => void this.#running.delete(name)) });
	}

	/** Resolves when the controller's last reconcile is over; at once if it does not run. */
	async stopController(name: string): Promise<void> {
		const running = this.#running.get(name);
		if (running === undefined) return;
		running.stop.abort();
		await running.ended;
	}

	/** Never rejects. */
	async #run(controller: Controller, signal: AbortSignal): Promise<void> {
		const { clientFor, informers, clock, random } = this.#options;
		const { name } = controller;
		try {
			await controller.run(
				{ client: clientFor(serviceAccountOf(name)), informers, clock, random: random.fork(name), log: this.#log },
				signal,
			);
		} catch (error) {
			this.#log.error(`${name} failed`, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
		}
	}
}
