/**
 * A user's controller, run beside the cluster's own: with a client and caches of its own, as if it were a process of its own, which
 * can crash between any two writes and start again.
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import type { Clock } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import { Client } from "../client/client.ts";
import { controllerResyncMs, InformerFactory } from "../client/informer.ts";
import type { Transport } from "../client/transport.ts";
import type { ControllerContext } from "../controllers/controller.ts";
import { BudgetError } from "./budget.ts";
import type { KubeConfigLike } from "./kube-config.ts";

/** What a controller is given that is run beside the cluster's own. */
export interface RunContext extends ControllerContext {
	/** For programs written for @kubernetes/client-node: its KubeConfig, leading to this cluster. @param KubeConfig client-node's class */
	kubeConfig<C extends KubeConfigLike>(KubeConfig: new () => C): Promise<C>;
}

/** A `Controller` is one. */
export interface RunnableController {
	readonly name: string;
	/** Works until the signal aborts. Rejects only for a defect. */
	run(context: RunContext, signal: AbortSignal): Promise<void>;
}

export interface ProcessOptions {
	readonly controller: RunnableController;
	readonly kubeConfigOver: <C extends KubeConfigLike>(KubeConfig: new () => C, transport: Transport) => Promise<C>;
	/** The way to the API server: the controller's identity, and what goes wrong on it. */
	readonly transport: Transport;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** Ends it with the cluster. */
	readonly signal: AbortSignal;
	/** Requests in one instant; beyond them it is ended, and `onRunaway` told. */
	readonly requestsAtOnce: number;
	readonly onRunaway: (error: BudgetError) => void;
}

const reads: ReadonlySet<string> = new Set(["get", "list", "watch"]);

export class ControllerProcess {
	readonly #options: ProcessOptions;
	#life: Life | undefined;
	/** Writes of lives that are over. */
	#formerWrites = 0;

	constructor(options: ProcessOptions) {
		this.#options = options;
	}

	/** How many writes it has sent, in all its lives. */
	get writes(): number {
		return this.#formerWrites + (this.#life?.writes ?? 0);
	}

	get isRunning(): boolean {
		return this.#life?.isOver === false;
	}

	/** Does nothing while it runs. */
	start(): void {
		if (this.isRunning) return;
		this.#formerWrites = this.writes;
		this.#life = new Life(this.#options);
	}

	/**
	 * Kills it at once: nothing that it has not sent yet is sent, and it forgets what it knew.
	 * @param options.afterWrites only when it has sent so many writes more
	 */
	crash({ afterWrites = 0 }: { readonly afterWrites?: number } = {}): void {
		this.#life?.crashAfter(afterWrites);
	}

	/** A crash, if it runs, and a start. */
	restart(): void {
		this.crash();
		this.start();
	}

	/** Ends it in good order. Resolves when its last reconcile is over. */
	async stop(): Promise<void> {
		await this.#life?.stop();
	}
}

/** From a start to a crash or a stop. */
class Life implements Transport {
	readonly #options: ProcessOptions;
	readonly #transport: Transport;
	/** Requests of the present instant. */
	#atOnce = { ms: Number.NaN, requests: 0 };
	readonly #abort = new AbortController();
	readonly #ended: Promise<void>;
	readonly #watches = new Set<WatchHandle>();
	#isDead = false;
	#writesLeft = Number.POSITIVE_INFINITY;
	writes = 0;

	constructor(options: ProcessOptions) {
		const { controller, transport, kubeConfigOver, clock, random, log, signal } = options;
		this.#options = options;
		this.#transport = transport;
		const ending = AbortSignal.any([signal, this.#abort.signal]);
		const client = new Client(this);
		const informers = new InformerFactory({ client, clock, random: random.fork("informers"), log });
		const kubeConfig: RunContext["kubeConfig"] = (KubeConfig) => kubeConfigOver(KubeConfig, this);
		const resynced = informers.resynced(controllerResyncMs(random.fork("resync")));
		const context: RunContext = { client, informers: resynced, clock, random: random.fork("controller"), log, kubeConfig };
		this.#ended = controller.run(context, ending).catch((error: unknown) => {
			log.error(`${controller.name} failed`, { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
		});
		void informers.start(ending);
	}

	get isOver(): boolean {
		return this.#abort.signal.aborted;
	}

	crashAfter(writes: number): void {
		if (writes > 0) {
			this.#writesLeft = writes;
			return;
		}
		this.#isDead = true;
		this.#abort.abort();
		for (const watch of this.#watches) watch.stop();
	}

	async stop(): Promise<void> {
		this.#abort.abort();
		await this.#ended;
	}

	/** A dead process is never answered. */
	async request(request: ApiRequest): Promise<ApiResponse> {
		if (this.#isDead || this.#isRunaway()) return forever();
		if (!reads.has(request.verb)) {
			this.writes++;
			this.#writesLeft--;
		}
		const isLast = this.#writesLeft <= 0;
		const answering = this.#transport.request(request);
		if (isLast) this.crashAfter(0);
		const answer = await answering.catch((error: unknown) => {
			if (this.#isDead) return forever<ApiResponse>();
			throw error;
		});
		return this.#isDead ? forever() : answer;
	}

	/** A loop that needs no time would never let anybody else have a turn. */
	#isRunaway(): boolean {
		const { clock, controller, requestsAtOnce, onRunaway } = this.#options;
		if (!(clock instanceof VirtualClock)) return false;
		if (this.#atOnce.ms !== clock.now()) this.#atOnce = { ms: clock.now(), requests: 0 };
		if (++this.#atOnce.requests <= requestsAtOnce) return false;
		onRunaway(new BudgetError(`${controller.name} sent more than ${requestsAtOnce} requests in one instant, and was ended`));
		this.crashAfter(0);
		return true;
	}

	async watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		if (this.#isDead) return forever();
		const handle = await this.#transport.watch(request, {
			onEvent: (event) => {
				if (!this.#isDead) sink.onEvent(event);
			},
			onEnd: (error) => {
				if (!this.#isDead) sink.onEnd(error);
			},
		});
		if (this.#isDead) handle.stop();
		else this.#watches.add(handle);
		return {
			stop: () => {
				this.#watches.delete(handle);
				handle.stop();
			},
		};
	}
}

function forever<T>(): Promise<T> {
	return new Promise(() => undefined);
}
