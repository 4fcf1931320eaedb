/**
 * A cluster in a test: made in one line, spoken to in manifests, its time in the test's hand, everything that happens in it on a
 * timeline, and things that go wrong on demand.
 *
 *   await using cluster = await createCluster({ clock: "virtual", seed: 42 });
 *   await cluster.apply(manifest);
 *   await cluster.runUntil(async () => (await cluster.get("Deployment", "web")).status?.readyReplicas === 3, { within: "2m" });
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { type KindOfName, kindOfName, kindOfObject, type NamedKind } from "../apimachinery/kind-names.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import { type Manifest, preloadReader, readManifest } from "../apimachinery/manifests.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { createEntropyRandom, type Random, SeededRandom } from "../apimachinery/random.ts";
import type { DeleteOptions } from "../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { Client, ResourceClient } from "../client/client.ts";
import type { ResourceRef } from "../client/resources.ts";
import type { Transport } from "../client/transport.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { ClusterControllers } from "../cluster/cluster-controllers.ts";
import type { ClusterOptions as PlainOptions } from "../cluster/cluster-options.ts";
import type { ClusterNodes, LocalGroup } from "../cluster/index.ts";
import { createCluster as createPlainCluster } from "../cluster/open-cluster.ts";
import { renderEntry, Timeline, type TimelineEntry } from "../cluster/timeline/timeline.ts";
import { type Budget, type BudgetError, budgetCheck, defaultBudget } from "./budget.ts";
import { type FaultPlan, Faults, FaultyTransport } from "./faults.ts";
import { type KubeConfigLike, kubeConfigOver } from "./kube-config.ts";
import { advance, type ClockOption, clockOf, type Duration, durationMs, passUntil, settle } from "./pace.ts";
import { Resumption } from "./resumption.ts";
import { ControllerProcess, type RunnableController } from "./run-controller.ts";

export interface ClusterOptions extends Omit<PlainOptions, "clock" | "wayOf"> {
	/** Default `wall`: real time. With `virtual` and a `dataDir` that was used before, time goes on from where it was. */
	readonly clock?: ClockOption;
	/** What goes wrong between the cluster's components and its API server once all of them run; see `TestCluster.faults`. */
	readonly faults?: FaultPlan;
	/** In virtual time: what may happen before somebody is said never to rest. */
	readonly budget?: Budget;
}

/** Where an object is; `namespace` defaults to `default` for kinds that have one. */
export interface Place {
	readonly namespace?: string;
}

/** What a test waited for did not come. */
export class NotReachedError extends Error {
	override readonly name = "NotReachedError";
}

/** What one says of a kind: a name as kubectl takes it (`Deployment`, `deploy`, `deployments.apps`), or a typed reference. */
export type KindName<T extends KubeObject> = string | ResourceRef<T>;

const fieldManager = "kubesim-test";
/** A store gives up on a request after seven seconds, and whoever asked may ask again a few times. */
const answerWithin = "10m";
/** How much of the timeline an error shows. */
const shownEntries = 15;

/** Makes a cluster with everything in it running. */
export function createCluster(options: ClusterOptions = {}): Promise<TestCluster> {
	return createTestCluster(options, createPlainCluster);
}

/** @param make what the cluster is made by: one of which only a part runs is made in less time */
export async function createTestCluster(options: ClusterOptions, make: (options: PlainOptions) => Promise<Cluster>): Promise<TestCluster> {
	const { clock: clockOption = "wall", faults: plan, budget, seed, ...others } = options;
	const resumption = clockOption === "virtual" && others.dataDir !== undefined ? Resumption.begin(others.dataDir) : undefined;
	const clock = clockOf(clockOption, resumption?.startMs);
	resumption?.save(clock.now());
	const rest = { ...others, ...(seed === undefined ? {} : { seed: resumption?.seedOf(seed) ?? seed }) };
	if (clock instanceof VirtualClock) await preloadReader();
	const random = rest.seed === undefined ? createEntropyRandom() : new SeededRandom(`${rest.seed} test bench`);
	const faults = new Faults();
	/** One source of chance a user: a component may ask for its way again and again. */
	const chances = new Map<string, Random>();
	const chanceOf = (name: string) => {
		const chance = chances.get(name) ?? random.fork(name);
		chances.set(name, chance);
		return chance;
	};
	const cluster = await make({
		...rest,
		clock,
		wayOf: (user, transport) => new FaultyTransport({ transport, faults, clock, random: chanceOf(user.name) }),
	});
	// Only now: in virtual time nobody who tries again after a while would ever do so before somebody lets time pass.
	if (plan !== undefined) faults.set(plan);
	return new TestCluster(cluster, { random, faults, log: rest.log ?? silentLog, budget: { ...defaultBudget, ...budget }, resumption });
}

interface TestClusterParts {
	readonly random: Random;
	readonly faults: Faults;
	readonly log: Logger;
	readonly budget: Required<Budget>;
	/** For a cluster in virtual time that can be opened again. */
	readonly resumption: Resumption | undefined;
}

export class TestCluster implements AsyncDisposable {
	/** The cluster itself: its API server, controllers and nodes. */
	readonly inner: Cluster;
	/** What goes wrong for the cluster's components and for controllers that are run; change it at any time. */
	readonly faults: Faults;
	/** Every change since the cluster began to run. */
	readonly timeline: Timeline;
	/** Cluster time at which it began to run, Unix ms. */
	readonly startMs: number;
	readonly #random: Random;
	readonly #log: Logger;
	readonly #ending = new AbortController();
	readonly #budget: Required<Budget>;
	readonly #resumption: Resumption | undefined;
	/** A controller that was ended because it never rests. */
	#runaway: BudgetError | undefined;

	constructor(cluster: Cluster, { random, faults, log, budget, resumption }: TestClusterParts) {
		this.inner = cluster;
		this.#resumption = resumption;
		this.#budget = budget;
		this.faults = faults;
		this.#random = random;
		this.#log = log;
		this.startMs = cluster.clock.now();
		this.timeline = new Timeline(() => cluster.clock.now());
		cluster.apiServer.observe(this.timeline);
	}

	get clock(): Clock {
		return this.inner.clock;
	}

	/** The cluster's own controllers: to look at them, to stop and start them, to make replicas of them and kill one. */
	get controllers(): ClusterControllers {
		return this.inner.controllers;
	}

	/** An administrator's typed client, in process; nothing goes wrong on its way. */
	get client(): Client {
		return this.inner.client;
	}

	/**
	 * Applies what a manifest says, as `kubectl apply --server-side --force-conflicts` does, in its order. Objects with generateName
	 * are created.
	 * @returns the objects as the server has them now. Rejects with ManifestError, or a `StatusError`
	 */
	async apply<T extends KubeObject = KubeObject>(manifest: Manifest): Promise<readonly T[]> {
		const applied: T[] = [];
		for (const object of await readManifest(manifest)) {
			const kind = kindOfObject(this.#kinds(), object);
			const placed = kind.namespaced ? { ...object, metadata: { namespace: "default", ...object.metadata } } : object;
			const { name, namespace, generateName } = placed.metadata ?? {};
			const client = this.#clientOf<T>(kind);
			if (name === undefined && generateName !== undefined) applied.push(await client.create(placed as T));
			else
				applied.push(
					await client.patch({ namespace, name: name ?? "" }, "application/apply-patch+yaml", placed, { options: applyOptions }),
				);
		}
		return applied;
	}

	/** Rejects with a `StatusError`: NotFound if there is none. */
	get<T extends KubeObject = KubeObject>(kind: KindName<T>, name: string, place: Place = {}): Promise<T> {
		const found = this.#kindOf(kind);
		return this.#clientOf<T>(found).get({ namespace: namespaceOf(found, place), name });
	}

	/** Of all namespaces, unless one is named. */
	async list<T extends KubeObject = KubeObject>(
		kind: KindName<T>,
		{ namespace, labelSelector, fieldSelector }: Place & { readonly labelSelector?: string; readonly fieldSelector?: string } = {},
	): Promise<readonly T[]> {
		const options = {
			...(labelSelector === undefined ? {} : { labelSelector }),
			...(fieldSelector === undefined ? {} : { fieldSelector }),
		};
		return (await this.#clientOf<T>(this.#kindOf(kind)).list(namespace, options)).items;
	}

	/** Rejects with a `StatusError`: NotFound if there is none. */
	async delete(kind: KindName<KubeObject>, name: string, { namespace, ...options }: Place & DeleteOptions = {}): Promise<void> {
		const found = this.#kindOf(kind);
		const place = namespaceOf(found, namespace === undefined ? {} : { namespace });
		await this.#clientOf(found).delete({ namespace: place, name }, options);
	}

	/** Runs until nothing more is due at this instant. Rejects unless time is virtual. */
	settle(): Promise<void> {
		return this.#within((check) => settle(this.clock, check));
	}

	/** Lets cluster time pass: `5m`, `1h30m`, or milliseconds. */
	advance(duration: Duration): Promise<void> {
		return this.#within((check) => advance(this.clock, duration, check));
	}

	/**
	 * Lets time pass until the condition holds.
	 * @param options.within cluster time; default 10 minutes. Rejects with NotReachedError, which shows what happened last
	 */
	async runUntil(condition: () => boolean | Promise<boolean>, { within = "10m" }: { readonly within?: Duration } = {}): Promise<void> {
		if (await this.passes(condition, within)) return;
		const last = this.timeline.entries
			.filter(isTelling)
			.slice(-shownEntries)
			.map((entry) => `  ${renderEntry(entry, this.startMs)}`);
		const what = last.length === 0 ? "nothing changed" : `the last changes:\n${last.join("\n")}`;
		throw new NotReachedError(`not reached within ${within}: ${condition.toString()}\n${what}`);
	}

	/** Lets time pass until the condition holds. Resolves to whether it did within this much cluster time. */
	passes(condition: () => boolean | Promise<boolean>, within: Duration): Promise<boolean> {
		return this.#within((check) => passUntil(this.clock, condition, within, check));
	}

	/** Lets time pass for as long as nothing is found that never rests. Rejects with BudgetError. */
	async #within<R>(pass: (check: () => void) => Promise<R>): Promise<R> {
		const check = budgetCheck(this.#budget, this.timeline, this.clock);
		const checkAll = () => {
			if (this.#runaway !== undefined) throw this.#runaway;
			check();
		};
		try {
			const result = await pass(checkAll);
			checkAll();
			return result;
		} finally {
			this.#resumption?.save(this.clock.now());
		}
	}

	/**
	 * In virtual time: the clock is put forward at once, as on a machine that was asleep. What was due in between happens late.
	 * @throws Error unless time is virtual
	 */
	jumpClock(duration: Duration): void {
		if (!(this.clock instanceof VirtualClock)) throw new Error("only virtual time jumps");
		this.clock.jump(durationMs(duration));
		this.#resumption?.save(this.clock.now());
	}

	/** A node is lost: its kubelet falls silent, and in time its pods are given up. Its processes go on, as behind a broken network. */
	loseNode(name: string): void {
		this.inner.fleet.stopNode(name);
	}

	/** A node's power is cut: all that runs on it ends at once. */
	cutPower(name: string): void {
		this.inner.fleet.powerOffNode(name);
	}

	/** A node is shut down in good order, its pods first: 30 s at most, unless its kubelet is told otherwise. Resolves when it is off. */
	shutDownNode(name: string): Promise<void> {
		return this.inner.fleet.shutDownNode(name);
	}

	/** The node is back, with the pods that it had; if it had no power, their containers start anew. */
	returnNode(name: string): void {
		this.inner.fleet.startNode(name);
	}

	/** Nodes to add, to take away and to list: many at once, by a template. */
	get nodes(): ClusterNodes {
		return this.inner.nodes;
	}

	/**
	 * A member of the store is cut off from the others: where `storeMembers` is 3 or 5. Without a majority nothing is written until it is back.
	 * @param name default the leader
	 */
	loseStoreMember(name?: string): string {
		const group = this.#storeGroup();
		const lost = name ?? leaderOf(group);
		if (lost === undefined) throw new Error("the store has no leader at the moment");
		group.isolateMember(lost);
		return lost;
	}

	/** Whether a store of several members has a leader at the moment. */
	get hasStoreLeader(): boolean {
		const { storeGroup } = this.inner;
		return storeGroup !== undefined && leaderOf(storeGroup) !== undefined;
	}

	/** All members of the store reach each other again. */
	returnStoreMembers(): void {
		this.#storeGroup().heal();
	}

	#storeGroup(): LocalGroup {
		const { storeGroup } = this.inner;
		if (storeGroup === undefined) throw new Error("a store of one member has none to lose: createCluster({ storeMembers: 3 })");
		return storeGroup;
	}

	/**
	 * Runs a controller beside the cluster's own, as a process of its own that may crash and start again.
	 * @param options.user whom it acts as; default an administrator with the controller's name
	 */
	run(controller: RunnableController, { user }: { readonly user?: UserInfo } = {}): ControllerProcess {
		const identity = user ?? { name: controller.name, groups: ["system:masters", "system:authenticated"] };
		const process = new ControllerProcess({
			controller,
			transport: this.inner.wayFor(identity),
			kubeConfigOver: (KubeConfig, way) => this.#kubeConfig(KubeConfig, way, identity.name),
			clock: this.clock,
			random: this.#random.fork(`controller ${controller.name}`),
			log: this.#log,
			signal: this.#ending.signal,
			requestsAtOnce: this.#budget.requestsAtOnce,
			onRunaway: (error) => {
				this.#runaway ??= error;
			},
		});
		process.start();
		return process;
	}

	/**
	 * A KubeConfig of @kubernetes/client-node (2.x) that leads here without a socket, as an administrator for whom nothing goes wrong. A
	 * controller that is run gets one of its own in its context.
	 * @param KubeConfig client-node's class
	 */
	kubeConfig<C extends KubeConfigLike>(KubeConfig: new () => C): Promise<C> {
		return this.#kubeConfig(KubeConfig, this.client.transport, "kubernetes-admin");
	}

	async #kubeConfig<C extends KubeConfigLike>(KubeConfig: new () => C, way: Transport, user: string): Promise<C> {
		return kubeConfigOver(KubeConfig, await this.inner.dispatcherFor(way), user);
	}

	/** The timeline as text, times counted from the cluster's start. */
	story(): string {
		return this.timeline.render(this.startMs);
	}

	/** Opens the API over HTTPS, to kubectl and any other client. Rejects with PortInUseError. */
	serve(address: { readonly host?: string; readonly port?: number } = {}): Promise<{ readonly url: string; readonly port: number }> {
		return this.inner.listen(address);
	}

	/** Everything in the store, by key, as JSON texts: what two runs of one seed have in common. */
	dump(): Promise<ReadonlyMap<string, string>> {
		return this.inner.dump();
	}

	async close(): Promise<void> {
		this.#ending.abort();
		const { storeGroup } = this.inner;
		if (storeGroup === undefined || !(this.clock instanceof VirtualClock)) {
			await this.inner.close();
			return;
		}
		// What waits for a leader is answered, one way or the other, only while time passes.
		storeGroup.heal();
		await this.#passing(this.inner.close());
	}

	/**
	 * What `ask` comes to, asked in virtual time of a store of several members, which may need time to answer: while it elects a leader,
	 * or for as long as it has no majority. Elsewhere no time passes.
	 */
	async whileTimePasses<T>(ask: () => Promise<T>): Promise<T> {
		if (this.inner.storeGroup === undefined || !(this.clock instanceof VirtualClock)) return await ask();
		return await this.#passing(ask());
	}

	async #passing<T>(work: Promise<T>): Promise<T> {
		let isOver = false;
		const over = () => {
			isOver = true;
		};
		work.then(over, over);
		await passUntil(this.clock, () => isOver, answerWithin);
		return await work;
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	#kinds(): readonly NamedKind[] {
		return this.inner.apiServer.namedKinds();
	}

	#kindOf<T extends KubeObject>(kind: KindName<T>): KindOfName {
		if (typeof kind === "string") return kindOfName(this.#kinds(), kind);
		return kindOfObject(this.#kinds(), { apiVersion: kind.group === "" ? kind.version : `${kind.group}/${kind.version}`, kind: kind.kind });
	}

	#clientOf<T extends KubeObject>(kind: KindOfName): ResourceClient<T> {
		return this.client.resource<T>(kind);
	}
}

/** As most of its members see it: one that is cut off takes itself for the leader for a while. */
function leaderOf(group: LocalGroup): string | undefined {
	return group.members().find((member) => member.store?.group.status().leader === member.id)?.name;
}

/** Heartbeats go on whatever happens. */
function isTelling({ kind }: TimelineEntry): boolean {
	return kind !== "Lease" && kind !== "Node";
}

const applyOptions = { fieldManager, force: true };

function namespaceOf({ namespaced }: KindOfName, { namespace }: Place): string | undefined {
	return namespaced ? (namespace ?? "default") : undefined;
}
