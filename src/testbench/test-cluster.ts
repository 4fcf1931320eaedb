/**
 * A cluster in a test: made in one line, spoken to in manifests, its time in the test's hand, everything that happens in it on a
 * timeline, and things that go wrong on demand.
 *
 *   await using cluster = await createCluster({ clock: "virtual", seed: 42 });
 *   await cluster.apply(manifest);
 *   await cluster.runUntil(async () => (await cluster.get("Deployment", "web")).status?.readyReplicas === 3, { within: "2m" });
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { KubeObject } from "../apimachinery/meta.ts";
import { createEntropyRandom, type Random, SeededRandom } from "../apimachinery/random.ts";
import type { DeleteOptions } from "../apimachinery/schema/generated/types.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { Client, ResourceClient } from "../client/client.ts";
import type { ResourceRef } from "../client/resources.ts";
import { type Cluster, createCluster as createPlainCluster, type ClusterOptions as PlainOptions } from "../cluster/cluster.ts";
import type { ClusterControllers } from "../cluster/cluster-controllers.ts";
import type { Controller } from "../controllers/controller.ts";
import { type FaultPlan, Faults, FaultyTransport } from "./faults.ts";
import { type KindOfName, kindOfName, kindOfObject, type NamedKind } from "./kind-names.ts";
import { type Manifest, readManifest } from "./manifests.ts";
import { advance, type ClockOption, clockOf, type Duration, passUntil, settle } from "./pace.ts";
import { ControllerProcess } from "./run-controller.ts";
import { renderEntry, Timeline, type TimelineEntry } from "./timeline.ts";

export interface ClusterOptions extends Omit<PlainOptions, "clock" | "wayOf"> {
	/** Default `wall`: real time. */
	readonly clock?: ClockOption;
	/** What goes wrong between the cluster's components and its API server once all of them run; see `TestCluster.faults`. */
	readonly faults?: FaultPlan;
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
/** How much of the timeline an error shows. */
const shownEntries = 15;

/** Makes a cluster with everything in it running. */
export function createCluster(options: ClusterOptions = {}): Promise<TestCluster> {
	return createTestCluster(options, createPlainCluster);
}

/** @param make what the cluster is made by: one of which only a part runs is made in less time */
export async function createTestCluster(options: ClusterOptions, make: (options: PlainOptions) => Promise<Cluster>): Promise<TestCluster> {
	const { clock: clockOption = "wall", faults: plan, ...rest } = options;
	const clock = clockOf(clockOption);
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
	return new TestCluster(cluster, { random, faults, log: rest.log ?? silentLog });
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

	constructor(cluster: Cluster, { random, faults, log }: { readonly random: Random; readonly faults: Faults; readonly log: Logger }) {
		this.inner = cluster;
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
		return settle(this.clock);
	}

	/** Lets cluster time pass: `5m`, `1h30m`, or milliseconds. */
	advance(duration: Duration): Promise<void> {
		return advance(this.clock, duration);
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
		return passUntil(this.clock, condition, within);
	}

	/**
	 * Runs a controller beside the cluster's own, as a process of its own that may crash and start again.
	 * @param options.user whom it acts as; default an administrator with the controller's name
	 */
	run(controller: Controller, { user }: { readonly user?: UserInfo } = {}): ControllerProcess {
		const identity = user ?? { name: controller.name, groups: ["system:masters", "system:authenticated"] };
		const process = new ControllerProcess({
			controller,
			transport: this.inner.wayFor(identity),
			clock: this.clock,
			random: this.#random.fork(`controller ${controller.name}`),
			log: this.#log,
			signal: this.#ending.signal,
		});
		process.start();
		return process;
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
		await this.inner.close();
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

/** Heartbeats go on whatever happens. */
function isTelling({ kind }: TimelineEntry): boolean {
	return kind !== "Lease" && kind !== "Node";
}

const applyOptions = { fieldManager, force: true };

function namespaceOf({ namespaced }: KindOfName, { namespace }: Place): string | undefined {
	return namespaced ? (namespace ?? "default") : undefined;
}
