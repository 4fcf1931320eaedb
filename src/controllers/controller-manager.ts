/**
 * kube-controller-manager: runs the controllers, each with its own identity and its own fork of the random source, and
 * lets a test or a lesson stop and start one of them and look into its queues.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Client } from "../client/client.ts";
import { controllerResyncMs, type InformerFactory } from "../client/informer.ts";
import type { QueueMetrics } from "../client/queue-metrics.ts";
import type { QueueFailure, QueueObserver, WorkQueue } from "../client/work-queue.ts";
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
	/** Where controllers and their queues are counted: one place for all managers of a process. Default nowhere. */
	readonly metrics?: ControllerMetrics;
}

export interface ControllerMetrics {
	readonly registry: MetricRegistry;
	readonly queues: QueueMetrics;
}

/** How a controller's queue is. */
export interface QueueReport {
	/** The label that its metrics have. */
	readonly name: string;
	/** Keys that wait for a worker. */
	readonly depth: number;
	/** Keys that are being worked on. */
	readonly active: number;
	/** Keys that are to come back at some moment. */
	readonly delayed: number;
	/** Keys whose last reconcile failed. */
	readonly failing: number;
	/** Since the controller started. */
	readonly adds: number;
	readonly retries: number;
	readonly lastFailure?: QueueFailure;
}

export interface ControllerReport {
	/** As `--controllers` names it. */
	readonly name: string;
	/** `failed`: it ended with a defect; `waiting`: it is to run, and nobody leads. */
	readonly state: "running" | "stopped" | "failed" | "waiting";
	/** Absent for a controller that has no queue, and while it does not run. */
	readonly queues: readonly QueueReport[];
}

interface TrackedQueue {
	readonly name: string;
	readonly queue: WorkQueue;
	adds: number;
	retries: number;
}

interface Running {
	readonly stop: AbortController;
	readonly ended: Promise<void>;
	readonly queues: readonly TrackedQueue[];
}

export class ControllerManager {
	readonly #options: ControllerManagerOptions;
	readonly #log: Logger;
	readonly #controllers: ReadonlyMap<string, Controller>;
	readonly #running = new Map<string, Running>();
	/** Those that ended by themselves. */
	readonly #failed = new Set<string>();
	#signal: AbortSignal | undefined;

	constructor(options: ControllerManagerOptions) {
		this.#options = options;
		this.#log = options.log ?? silentLog;
		this.#controllers = new Map(createControllers(options).map((controller) => [controller.name, controller]));
	}

	/** As `--controllers` names them. */
	static namesOf(options: ControllerSetOptions): readonly string[] {
		return createControllers(options).map(({ name }) => name);
	}

	/** Starts the chosen controllers, until the signal aborts. They wait for their informers, which somebody must start. */
	start(signal: AbortSignal): void {
		this.#signal = signal;
		for (const name of chosenControllers([...this.#controllers.keys()], this.#options.chosen ?? ["*"])) this.startController(name);
	}

	/** Does nothing if it runs. Throws for a name that is none, and before `start`. */
	startController(name: string): void {
		const controller = this.#controllers.get(name);
		if (controller === undefined) throw new Error(`"${name}" is not in the list of known controllers`);
		if (this.#signal === undefined) throw new Error("the controller manager has not been started");
		if (this.#running.has(name)) return;
		this.#failed.delete(name);
		const stop = new AbortController();
		const queues: TrackedQueue[] = [];
		const ended = this.#run(controller, AbortSignal.any([this.#signal, stop.signal]), queues);
		this.#running.set(name, { stop, queues, ended: ended.then(() => void this.#running.delete(name)) });
	}

	/** Resolves when the controller's last reconcile is over; at once if it does not run. */
	async stopController(name: string): Promise<void> {
		const running = this.#running.get(name);
		if (running === undefined) return;
		running.stop.abort();
		await running.ended;
	}

	/** After the signal of `start` has aborted: resolves when the last reconcile of all is over. */
	async ended(): Promise<void> {
		await Promise.all([...this.#running.values()].map(({ ended }) => ended));
	}

	report(): readonly ControllerReport[] {
		return [...this.#controllers.keys()].map((name) => {
			const running = this.#running.get(name);
			if (running === undefined) return { name, state: this.#failed.has(name) ? "failed" : "stopped", queues: [] };
			return { name, state: "running", queues: running.queues.map(reportQueue) };
		});
	}

	/** Never rejects. */
	async #run(controller: Controller, signal: AbortSignal, queues: TrackedQueue[]): Promise<void> {
		const { clientFor, clock, random, metrics } = this.#options;
		const informers = this.#options.informers.resynced(controllerResyncMs(random.fork(`${controller.name} resync`)));
		const { name } = controller;
		const observeQueue = (label: string, queue: WorkQueue) => this.#observe(label, queue, queues);
		try {
			const context = { informers, clock, random: random.fork(name), log: this.#log, observeQueue };
			const counting = metrics === undefined ? {} : { metrics: metrics.registry };
			await controller.run({ client: clientFor(serviceAccountOf(name)), ...context, ...counting }, signal);
		} catch (error) {
			this.#failed.add(name);
			this.#log.error(`${name} failed`, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
		}
	}

	#observe(name: string, queue: WorkQueue, queues: TrackedQueue[]): QueueObserver {
		const tracked: TrackedQueue = { name, queue, adds: 0, retries: 0 };
		queues.push(tracked);
		const counted = this.#options.metrics?.queues.observe(name, queue);
		return {
			added: () => {
				tracked.adds++;
				counted?.added();
			},
			taken: (waitedMs) => counted?.taken(waitedMs),
			done: (workedMs) => counted?.done(workedMs),
			retried: () => {
				tracked.retries++;
				counted?.retried();
			},
		};
	}
}

function reportQueue({ name, queue, adds, retries }: TrackedQueue): QueueReport {
	const { depth, delayed, failing, lastFailure } = queue;
	const active = queue.workingSinceMs().length;
	return { name, depth, active, delayed, failing, adds, retries, ...(lastFailure === undefined ? {} : { lastFailure }) };
}
