/**
 * Controllers, scheduler and nodes of a cluster whose store other servers use, too: each runs on one server at a time, on
 * whichever holds its Lease in kube-system.
 *
 *   candidate ──Lease is ours──> a term: own informers, own component ──lost, or it failed──> candidate again
 *
 * kube-controller-manager and kube-scheduler end their process when they lose the lead; here the process goes on as an API
 * server, so a term's parts are thrown away and the next term makes new ones. Names and durations are theirs (15 s, 10 s,
 * 2 s). The simulated nodes have one Lease for all of them: a simulated machine is memory of the process that runs it.
 */
import { hostname } from "node:os";
import { sleep } from "../apimachinery/clock/clock.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { InformerFactory } from "../client/informer.ts";
import { nodes } from "../client/resources.ts";
import type { Fleet } from "../kubelet-sim/index.ts";
import type { Scheduler } from "../scheduler/index.ts";
import { campaign, untilEnd } from "./campaign.ts";
import type { ClusterControllers } from "./cluster-controllers.ts";
import { nodesToRun } from "./cluster-nodes.ts";
import {
	type ComponentOptions,
	type Components,
	controllerManagerUser,
	createClusterControllers,
	createControllers,
	createFleet,
	createInformers,
	createScheduler,
	nodeNames,
	schedulerUser,
} from "./components.ts";

/** How long the end waits for the Leases to be given back. */
const releaseLimitMs = 3_000;
/** The Lease of all simulated nodes. */
export const nodesLease = "kubesim-nodes";

const nodesUser: UserInfo = { name: "system:kubesim-nodes", groups: ["system:masters", "system:authenticated"] };

export interface ElectedOptions extends ComponentOptions {
	/** Where this server answers, so that others can send clients there; undefined if it does not listen. */
	readonly url: () => string | undefined;
}

export class ElectedComponents implements Components {
	readonly informers: InformerFactory;
	readonly controllers: ClusterControllers;
	readonly #options: ElectedOptions;
	#scheduler: Scheduler | undefined;
	#fleet: Fleet | undefined;
	/** Who runs the nodes, by the name on the Lease; undefined until it is known. */
	#nodesHolder: string | undefined;
	/** Resolved when it is known who runs the nodes. */
	readonly #nodesDecided = Promise.withResolvers<void>();
	#campaigns: readonly Promise<void>[] = [];

	constructor(options: ElectedOptions) {
		this.#options = options;
		this.informers = createInformers(options);
		this.controllers = createClusterControllers(options);
		// Before the informers start: what `whenNodesReady` looks at.
		this.informers.informer(nodes);
	}

	get scheduler(): Scheduler | undefined {
		return this.#scheduler;
	}

	get fleet(): Fleet | undefined {
		return this.#fleet;
	}

	get areNodesElsewhere(): boolean {
		return this.#nodesHolder !== undefined;
	}

	/** Where the nodes are, if another server runs them and says where it answers. */
	get nodesUrl(): string | undefined {
		return /_(https:\/\/.*)$/.exec(this.#nodesHolder ?? "")?.[1];
	}

	async start(signal: AbortSignal): Promise<void> {
		const identity = `${hostname()}_${this.#options.random.fork("identity").uuid()}`;
		const url = this.#options.url();
		this.#campaigns = [
			this.#campaign("kube-controller-manager", controllerManagerUser, identity, signal, (term, end) => this.#manage(term, end)),
			this.#campaign("kube-scheduler", schedulerUser, identity, signal, (term, end) => this.#schedule(term, end)),
			this.#campaign(nodesLease, nodesUser, url === undefined ? identity : `${identity}_${url}`, signal, (term, end) =>
				this.#runNodes(term, end),
			),
		];
		signal.addEventListener("abort", () => this.#nodesDecided.resolve(), { once: true });
		await Promise.all([this.informers.start(signal), this.#nodesDecided.promise]);
	}

	async stopped(): Promise<void> {
		// A store that does not answer is not waited for: the Leases run out by themselves.
		await Promise.race([Promise.all(this.#campaigns), sleep(this.#options.clock, releaseLimitMs)]);
	}

	/** Stands for election again and again until the signal aborts. Never rejects. */
	#campaign(
		name: string,
		user: UserInfo,
		identity: string,
		signal: AbortSignal,
		lead: (options: ComponentOptions, term: AbortSignal) => Promise<void>,
	): Promise<void> {
		const { clock, random, log, clientFor, metrics } = this.#options;
		return campaign({
			name,
			identity,
			client: clientFor(user),
			clock,
			random,
			log,
			metrics: metrics.registry,
			signal,
			lead: (forked, end) => lead({ ...this.#options, random: forked }, end),
			onNewLeader: (holder) => {
				if (name === nodesLease) this.#nodesAreWith(holder);
			},
		});
	}

	/** @param holder undefined: this server. */
	#nodesAreWith(holder: string | undefined): void {
		this.#nodesHolder = holder;
		this.#nodesDecided.resolve();
	}

	async #manage(options: ComponentOptions, term: AbortSignal): Promise<void> {
		const informers = createInformers(options);
		const manager = createControllers(options, informers, this.controllers.chosen());
		manager.start(term);
		this.controllers.ledBy(manager);
		await untilEnd(term, informers.start(term));
		this.controllers.ledBy(undefined);
	}

	async #schedule(options: ComponentOptions, term: AbortSignal): Promise<void> {
		const informers = createInformers(options);
		const scheduler = createScheduler(options, informers);
		this.#scheduler = scheduler;
		scheduler.start(term);
		await untilEnd(term, informers.start(term));
		this.#scheduler = undefined;
	}

	async #runNodes(options: ComponentOptions, term: AbortSignal): Promise<void> {
		const informers = createInformers(options);
		const fleet = createFleet(options, informers);
		this.#fleet = fleet;
		this.#nodesAreWith(undefined);
		void fleet.start(term);
		await untilEnd(
			term,
			informers.start(term).then(() => {
				const all = nodesToRun(informers.informer(nodes).cache.list(), nodeNames(options.nodes), options.nodeTemplate);
				return fleet.addNodes(all);
			}),
		);
		this.#fleet = undefined;
	}
}
