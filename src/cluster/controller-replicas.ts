/**
 * Several replicas of kube-controller-manager in one process, of which one leads by the Lease kube-system/kube-controller-manager.
 *
 *   alone ──set(3)──> control-plane, control-plane-2, control-plane-3 stand for election ──set(1)──> alone
 *
 * A replica has informers of its own, as a process of its own would. One that is killed sends nothing any more and does not give
 * the Lease back: the others wait until it runs out.
 */
import type { ApiRequest, WatchSink } from "../apimachinery/api-request.ts";
import { sleep } from "../apimachinery/clock/clock.ts";
import { Client } from "../client/client.ts";
import type { Transport } from "../client/transport.ts";
import { campaign, untilEnd } from "./campaign.ts";
import type { ClusterControllers, ReplicaReport, Replicas } from "./cluster-controllers.ts";
import { type ComponentOptions, controllerManagerUser, createControllers, createInformers } from "./components.ts";

const lease = "kube-controller-manager";
/** How long an end waits for the Lease to be given back. */
const releaseLimitMs = 3_000;

export interface ControllerReplicasOptions {
	readonly options: ComponentOptions;
	readonly controllers: ClusterControllers;
	/** The controller manager that runs when there is one replica only. */
	readonly alone: { start(): void; stop(): Promise<void> };
	readonly signal: AbortSignal;
}

interface Replica {
	readonly name: string;
	readonly identity: string;
	readonly stop: AbortController;
	readonly crash: AbortController;
	readonly ended: Promise<void>;
	isLeader: boolean;
}

export class ControllerReplicas implements Replicas {
	readonly #options: ControllerReplicasOptions;
	/** None: the one that is alone runs. */
	#replicas: readonly Replica[] = [];
	/** How many were ever made: each has a random source of its own. */
	#made = 0;

	constructor(options: ControllerReplicasOptions) {
		this.#options = options;
	}

	report(): readonly ReplicaReport[] {
		if (this.#replicas.length === 0) return [{ name: nameOf(0), state: "alone" }];
		return this.#replicas.map(({ name, identity, crash, isLeader }) => ({
			name,
			identity,
			state: crash.signal.aborted ? "killed" : isLeader ? "leader" : "candidate",
		}));
	}

	/** Throws for a number below 1. */
	async set(count: number): Promise<void> {
		if (!Number.isInteger(count) || count < 1) throw new RangeError(`there can't be ${count} replicas`);
		const { alone } = this.#options;
		const wasAlone = this.#replicas.length === 0;
		const living = this.#replicas.filter(({ crash }) => !crash.signal.aborted);
		if (count === 1) {
			this.#replicas = [];
			await end(living);
			if (!wasAlone) alone.start();
			return;
		}
		if (wasAlone) await alone.stop();
		// Who leads stays, if somebody has to go.
		const ranked = [...living].sort((a, b) => Number(b.isLeader) - Number(a.isLeader));
		const kept = living.filter((replica) => ranked.indexOf(replica) < count);
		const names = Array.from({ length: count }, (_, index) => nameOf(index));
		const free = names.filter((name) => !kept.some((replica) => replica.name === name));
		const made = free.slice(0, count - kept.length).map((name) => this.#make(name));
		this.#replicas = [...kept, ...made].sort((a, b) => (a.name < b.name ? -1 : 1));
		await end(living.filter((replica) => !kept.includes(replica)));
	}

	/** Throws for a name that is none. */
	kill(name: string): void {
		const replica = this.#replicas.find((each) => each.name === name);
		if (replica === undefined) throw new Error(`there is no replica ${name}`);
		replica.crash.abort();
		if (replica.isLeader) this.#options.controllers.ledBy(undefined);
		replica.isLeader = false;
	}

	/** A store that does not answer is not waited for: the Lease runs out by itself. */
	async stopped(): Promise<void> {
		const living = this.#replicas.filter(({ crash }) => !crash.signal.aborted);
		if (living.length === 0) return;
		await Promise.race([Promise.all(living.map(({ ended }) => ended)), sleep(this.#options.options.clock, releaseLimitMs)]);
	}

	#make(name: string): Replica {
		const { options, controllers, signal } = this.#options;
		const random = options.random.fork(`controller manager ${++this.#made}`);
		const [stop, crash] = [new AbortController(), new AbortController()];
		const mine: ComponentOptions = {
			...options,
			random,
			clientFor: (user) => new Client(new MortalTransport(options.clientFor(user).transport, crash.signal)),
		};
		const ending = AbortSignal.any([signal, stop.signal]);
		const identity = `${name}_${random.uuid()}`;
		const ended = campaign({
			name: lease,
			identity,
			client: mine.clientFor(controllerManagerUser),
			clock: options.clock,
			random,
			log: options.log,
			metrics: options.metrics.registry,
			signal: ending,
			crash: crash.signal,
			lead: async (forked, term) => {
				const informers = createInformers({ ...mine, random: forked });
				const manager = createControllers({ ...mine, random: forked }, informers, controllers.chosen());
				replica.isLeader = true;
				manager.start(term);
				controllers.ledBy(manager);
				await untilEnd(term, informers.start(term));
				// Who was killed is forgotten already, and another may lead.
				if (crash.signal.aborted) return;
				replica.isLeader = false;
				controllers.ledBy(undefined);
				await manager.ended();
			},
		});
		const replica: Replica = { name, identity, stop, crash, ended, isLeader: false };
		return replica;
	}
}

function nameOf(index: number): string {
	return index === 0 ? "control-plane" : `control-plane-${index + 1}`;
}

async function end(replicas: readonly Replica[]): Promise<void> {
	for (const { stop } of replicas) stop.abort();
	await Promise.all(replicas.map(({ ended }) => ended));
}

/** Of a process that may die: then it sends nothing any more, and no answer reaches it. */
class MortalTransport implements Transport {
	readonly #transport: Transport;
	readonly #death: AbortSignal;

	constructor(transport: Transport, death: AbortSignal) {
		this.#transport = transport;
		this.#death = death;
	}

	async request(request: ApiRequest): ReturnType<Transport["request"]> {
		if (this.#death.aborted) return never();
		const answer = await this.#transport.request(request).catch((error: unknown) => {
			if (this.#death.aborted) return never<Awaited<ReturnType<Transport["request"]>>>();
			throw error;
		});
		return this.#death.aborted ? never() : answer;
	}

	async watch(request: ApiRequest, sink: WatchSink): ReturnType<Transport["watch"]> {
		if (this.#death.aborted) return never();
		// What watches it is ended by the replica's signal.
		return await this.#transport.watch(request, {
			onEvent: (event) => {
				if (!this.#death.aborted) sink.onEvent(event);
			},
			onEnd: (error) => {
				if (!this.#death.aborted) sink.onEnd(error);
			},
		});
	}
}

function never<T>(): Promise<T> {
	return new Promise(() => undefined);
}
