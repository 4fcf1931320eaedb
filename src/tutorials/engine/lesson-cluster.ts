/**
 * The cluster of a lesson, in this process and on a port of its own: it can be taken back to a moment, and all that happens in it is
 * seen, by what the learner does from anywhere and by what the cluster does.
 *
 *   open ─▶ running ──moment()──▶ bytes of the store, cluster time
 *              ▲                        │
 *              └────── restore() ◀──────┘   the same port, certificates and kubeconfig
 *
 * After a restore the containers that ran run again, with the same addresses and restart counts; what they wrote into their files since
 * they began is gone.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PacedClock } from "../../apimachinery/clock/paced-clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Client } from "../../client/client.ts";
import {
	type AuditEvent,
	type Cluster,
	type ClusterOptions,
	loadOrCreatePki,
	openCluster,
	type Pki,
	PortInUseError,
	Timeline,
	type TimelineEntry,
} from "../../cluster/index.ts";
import { standaloneKubeconfig } from "../../cluster/kubeconfig-entry.ts";
import type { Lesson } from "./lesson.ts";
import type { Lookout } from "./look.ts";

/** A cluster at one moment. */
export interface Moment {
	/** The store's snapshot. */
	readonly store: Uint8Array;
	/** Cluster time, Unix ms. */
	readonly atMs: number;
}

export interface LessonClusterOptions {
	readonly lesson: Lesson;
	/** Where kubeconfig and certificates are. */
	readonly directory: string;
	/** To begin at; default an empty cluster. */
	readonly moment?: Moment;
	/** The port it had before, if it is free; default any. */
	readonly port?: number;
	/** Cluster seconds a real second; default the lesson's. */
	readonly speed?: number;
	readonly log?: Logger;
	/** Told in a few words what is being done. */
	readonly onProgress?: (text: string) => void;
}

export type LessonClusterEvent =
	| { readonly type: "change"; readonly entry: TimelineEntry }
	| { readonly type: "request"; readonly event: AuditEvent }
	/** The cluster is another one now: `cluster`, `clock` and `timeline` are new. */
	| { readonly type: "restored" };

/** How many requests are kept, the newest. */
const maxRequests = 5_000;

/** As whom the engine looks at the cluster, and sets it up. */
const engineUser = { name: "kubesim-lesson", groups: ["system:masters", "system:authenticated"] };

/** All that people ask; of the cluster's own components what they write, Leases left out. */
const auditPolicy = {
	apiVersion: "audit.k8s.io/v1",
	kind: "Policy",
	omitStages: ["RequestReceived"],
	omitManagedFields: true,
	rules: [
		{ level: "None", users: [engineUser.name] },
		{ level: "None", resources: [{ group: "coordination.k8s.io", resources: ["leases"] }] },
		{ level: "None", userGroups: ["system:nodes", "system:serviceaccounts:kube-system"], verbs: ["get", "list", "watch"] },
		{ level: "None", users: ["system:kube-scheduler", "system:apiserver"], verbs: ["get", "list", "watch"] },
		{ level: "Metadata", userGroups: ["system:nodes", "system:serviceaccounts:kube-system"] },
		{ level: "Request" },
	],
};

interface Running {
	readonly cluster: Cluster;
	readonly client: Client;
	readonly clock: PacedClock;
	readonly timeline: Timeline;
	readonly requests: AuditEvent[];
	/** Ends the telling of what happens in it. */
	readonly fallSilent: () => void;
}

type Listener = (event: LessonClusterEvent) => void;

/** Who wants to know, whichever cluster it is just now. */
class Listeners {
	#all: readonly Listener[] = [];

	add(listener: Listener): () => void {
		this.#all = [...this.#all, listener];
		return () => {
			this.#all = this.#all.filter((known) => known !== listener);
		};
	}

	tell(event: LessonClusterEvent): void {
		for (const listener of this.#all) listener(event);
	}
}

export class LessonCluster {
	readonly kubeconfigFile: string;
	readonly #options: LessonClusterOptions;
	readonly #pki: Pki;
	readonly #listeners: Listeners;
	#running: Running;
	#address: Address;

	private constructor(parts: {
		readonly options: LessonClusterOptions;
		readonly pki: Pki;
		readonly listeners: Listeners;
		readonly running: Running;
		readonly address: Address;
	}) {
		this.#options = parts.options;
		this.#pki = parts.pki;
		this.#listeners = parts.listeners;
		this.#running = parts.running;
		this.#address = parts.address;
		this.kubeconfigFile = join(parts.options.directory, "kubeconfig");
	}

	/** Rejects as `openCluster`, and with ImageFileError. */
	static async open(options: LessonClusterOptions): Promise<LessonCluster> {
		const { moment, directory, lesson, speed = lesson.cluster.speed, port = 0 } = options;
		const pki = await loadOrCreatePki(join(directory, "pki"), { nowMs: moment?.atMs ?? new PacedClock().now() });
		const listeners = new Listeners();
		const running = await start(options, { pki, listeners, speed, moment });
		const address = await listen(running.cluster, port);
		const opened = new LessonCluster({ options, pki, listeners, running, address });
		await opened.writeKubeconfig();
		await running.cluster.whenNodesReady();
		return opened;
	}

	get cluster(): Cluster {
		return this.#running.cluster;
	}

	get clock(): PacedClock {
		return this.#running.clock;
	}

	/** Every change since the cluster began, or was taken back. */
	get timeline(): Timeline {
		return this.#running.timeline;
	}

	/** What people asked of the API, and what the cluster's components wrote, oldest first; since the cluster was taken back. */
	get requests(): readonly AuditEvent[] {
		return this.#running.requests;
	}

	/** For the engine to look and act, as nobody whom the lesson is about. */
	get lookout(): Lookout {
		const { cluster, client } = this.#running;
		return { cluster, client, namespace: this.#options.lesson.namespace };
	}

	get url(): string {
		return this.#address.url;
	}

	get port(): number {
		return this.#address.port;
	}

	/** Puts the kubeconfig back, as a learner who broke it needs it. */
	async writeKubeconfig(): Promise<void> {
		const entry = { name: `lesson-${this.#options.lesson.section}`, server: this.url, ...this.cluster.adminCredentials() };
		const text = standaloneKubeconfig(entry, this.#options.lesson.namespace);
		await writeFile(this.kubeconfigFile, text, { mode: 0o600 });
	}

	/** Calls `listener` with what happens from now on, also after the cluster was taken back. */
	subscribe(listener: Listener): () => void {
		return this.#listeners.add(listener);
	}

	/** All that is in the store, to come back to. */
	async moment(): Promise<Moment> {
		const { ownStore, clock } = this.#running.cluster;
		if (ownStore === undefined) throw new Error("a lesson's cluster has a store of its own");
		const chunks: Uint8Array[] = [];
		for await (const chunk of ownStore.snapshot()) chunks.push(chunk);
		return { store: Buffer.concat(chunks), atMs: clock.now() };
	}

	/** Ends the cluster and brings it back as it was at that moment. */
	async restore(moment: Moment): Promise<void> {
		const { speed } = this.clock;
		await this.close();
		this.#running = await start(this.#options, { pki: this.#pki, listeners: this.#listeners, speed, moment });
		this.#address = await listen(this.cluster, this.port);
		await this.writeKubeconfig();
		await this.cluster.whenNodesReady();
		this.#listeners.tell({ type: "restored" });
	}

	async close(): Promise<void> {
		const { cluster, clock, fallSilent } = this.#running;
		fallSilent();
		// Who ends in an orderly way may wait for time to pass.
		if (clock.speed === 0) clock.setSpeed(1);
		await cluster.close();
		clock.end();
	}
}

interface Address {
	readonly url: string;
	readonly port: number;
}

interface StartParts {
	readonly pki: Pki;
	readonly listeners: Listeners;
	readonly speed: number;
	readonly moment: Moment | undefined;
}

async function start({ lesson, log, onProgress }: LessonClusterOptions, { pki, listeners, speed, moment }: StartParts): Promise<Running> {
	const { cluster: spec } = lesson;
	// What is not at once while the cluster comes up would never be in a lesson whose time stands still.
	const clock = new PacedClock({ speed: speed === 0 ? 1 : speed, ...(moment === undefined ? {} : { startMs: moment.atMs }) });
	const requests: AuditEvent[] = [];
	let isSilent = false;
	const onEvent = (event: AuditEvent) => {
		if (isSilent) return;
		requests.push(event);
		if (requests.length > 2 * maxRequests) requests.splice(0, maxRequests);
		listeners.tell({ type: "request", event });
	};
	const options: ClusterOptions = {
		nodes: spec.nodes,
		latency: spec.latency,
		storeMembers: spec.storeMembers,
		clock,
		pki,
		audit: { policy: auditPolicy, onEvent },
		...(spec.controllers === undefined ? {} : { controllers: spec.controllers }),
		...(spec.featureGates === undefined ? {} : { featureGates: spec.featureGates }),
		...(spec.nodeTemplate === undefined ? {} : { nodeTemplate: { capacity: spec.nodeTemplate } }),
		...(moment === undefined ? {} : { storeSnapshot: moment.store }),
		...(log === undefined ? {} : { log }),
		...(onProgress === undefined ? {} : { onProgress }),
	};
	const cluster = await openCluster(options);
	const timeline = new Timeline(() => clock.now());
	try {
		if (spec.images !== undefined) await cluster.loadImages(await readFile(join(lesson.directory, spec.images), "utf8"));
		cluster.apiServer.observe(timeline);
		timeline.onEntry((entry) => {
			if (!isSilent) listeners.tell({ type: "change", entry });
		});
		await cluster.start();
	} catch (error) {
		await cluster.close();
		throw error;
	}
	if (speed === 0) clock.setSpeed(0);
	const fallSilent = () => {
		isSilent = true;
	};
	return { cluster, client: cluster.clientFor(engineUser), clock, timeline, requests, fallSilent };
}

/** On the port that it had, or another if somebody has taken that. */
async function listen(cluster: Cluster, port: number): Promise<Address> {
	try {
		return await cluster.listen({ port });
	} catch (error) {
		if (error instanceof PortInUseError) return await cluster.listen({ port: 0 });
		throw error;
	}
}
