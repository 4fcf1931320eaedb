/**
 * A user's controller, run beside the cluster's own: with a client and caches of its own, as if it were a process of its own, which
 * can crash between any two writes and start again.
 */
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Random } from "../apimachinery/random.ts";
import { Client } from "../client/client.ts";
import { controllerResyncMs, InformerFactory } from "../client/informer.ts";
import type { Transport } from "../client/transport.ts";
import type { Controller } from "../controllers/controller.ts";

export interface ProcessOptions {
	readonly controller: Controller;
	/** The way to the API server: the controller's identity, and what goes wrong on it. */
	readonly transport: Transport;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** Ends it with the cluster. */
	readonly signal: AbortSignal;
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
	readonly #transport: Transport;
	readonly #abort = new AbortController();
	readonly #ended: Promise<void>;
	readonly #watches = new Set<WatchHandle>();
	#isDead = false;
	#writesLeft = Number.POSITIVE_INFINITY;
	writes = 0;

	constructor({ controller, transport, clock, random, log, signal }: ProcessOptions) {
		this.#transport = transport;
		const ending = AbortSignal.any([signal, this.#abort.signal]);
		const client = new Client(this);
		const informers = new InformerFactory({ client, clock, random: random.fork("informers"), log });
		const resynced = informers.resynced(controllerResyncMs(random.fork("resync")));
		this.#ended = controller
			.run({ client, informers: resynced, clock, random: random.fork("controller"), log }, ending)
			.catch((error: unknown) => {
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
		if (this.#isDead) return forever();
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
