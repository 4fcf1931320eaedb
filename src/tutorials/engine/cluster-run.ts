/**
 * One run of a lesson's cluster, from a moment on: it is opened with everything around it, tells what happens in it, and ends.
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PacedClock } from "../../apimachinery/clock/paced-clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Client } from "../../client/client.ts";
import {
	type AuditEvent,
	type Cluster,
	type ClusterOptions,
	openCluster,
	type Pki,
	PortInUseError,
	restoreSnapshot,
	Timeline,
	type TimelineEntry,
} from "../../cluster/index.ts";
import type { ClusterSpec, Lesson } from "./lesson.ts";
import type { Beside, Surroundings } from "./surroundings.ts";

/** A cluster at one moment. */
export interface Moment {
	/** The store's snapshot. */
	readonly store: Uint8Array;
	/** Cluster time, Unix ms. */
	readonly atMs: number;
}

export type LessonClusterEvent =
	| { readonly type: "change"; readonly entry: TimelineEntry }
	| { readonly type: "request"; readonly event: AuditEvent }
	/** A member of the store's group came, went, or sees another leader; or a link between them changed. */
	| { readonly type: "store" }
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

export interface Running {
	readonly cluster: Cluster;
	readonly client: Client;
	readonly clock: PacedClock;
	readonly timeline: Timeline;
	readonly requests: AuditEvent[];
	/** Ends the telling of what happens in it. */
	readonly fallSilent: () => void;
	readonly address: Address;
	readonly beside: Beside;
}

export type Listener = (event: LessonClusterEvent) => void;

/** Who wants to know, whichever cluster it is just now. */
export class Listeners {
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

export interface RunOptions {
	readonly lesson: Lesson;
	/** Where its files are. */
	readonly directory: string;
	readonly surroundings: Surroundings;
	readonly pki: Pki;
	readonly listeners: Listeners;
	/** Cluster seconds a real second; 0: time stands still once everything is there. */
	readonly speed: number;
	/** Undefined: an empty cluster. */
	readonly moment: Moment | undefined;
	/** 0: any. */
	readonly port: number;
	readonly log: Logger | undefined;
	readonly onProgress: ((text: string) => void) | undefined;
}

interface Address {
	readonly url: string;
	readonly port: number;
}

/** Rejects as `openCluster`, and with ImageFileError and ActionError. */
export async function startRun(options: RunOptions): Promise<Running> {
	const { lesson, directory, surroundings, pki, listeners, speed, moment, port, log, onProgress } = options;
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
	const cluster = await openCluster({
		...optionsOf(spec),
		...(await storeOf(spec, directory, moment)),
		clock,
		pki,
		audit: { policy: auditPolicy, onEvent },
		...(log === undefined ? {} : { log }),
		...(onProgress === undefined ? {} : { onProgress }),
	});
	try {
		const timeline = new Timeline(() => clock.now());
		cluster.apiServer.observe(timeline);
		timeline.onEntry((entry) => {
			if (!isSilent) listeners.tell({ type: "change", entry });
		});
		cluster.storeGroup?.watch(() => {
			if (!isSilent) listeners.tell({ type: "store" });
		});
		if (spec.images !== undefined) await cluster.loadImages(await readFile(join(lesson.directory, spec.images), "utf8"));
		const address = await listen(cluster, port);
		await cluster.start();
		const beside = await surroundings.open(cluster, { directory, url: address.url });
		await cluster.whenNodesReady();
		if (speed === 0) clock.setSpeed(0);
		const fallSilent = () => {
			isSilent = true;
		};
		return { cluster, client: cluster.clientFor(engineUser), clock, timeline, requests, fallSilent, address, beside };
	} catch (error) {
		await cluster.close();
		throw error;
	}
}

function optionsOf({ nodes, latency, controllers, featureGates, nodeTemplate }: ClusterSpec): ClusterOptions {
	return {
		nodes,
		latency,
		...(controllers === undefined ? {} : { controllers }),
		...(featureGates === undefined ? {} : { featureGates }),
		...(nodeTemplate === undefined ? {} : { nodeTemplate: { capacity: nodeTemplate } }),
	};
}

/** In memory; a group of several members in a directory that is made anew each time. */
async function storeOf({ storeMembers }: ClusterSpec, directory: string, moment: Moment | undefined): Promise<ClusterOptions> {
	if (storeMembers === 1) return moment === undefined ? {} : { storeSnapshot: moment.store };
	const dataDir = join(directory, "data");
	await rm(dataDir, { recursive: true, force: true });
	await mkdir(dataDir, { recursive: true });
	if (moment !== undefined) {
		const file = join(directory, "members-moment");
		await writeFile(file, moment.store, { mode: 0o600 });
		await restoreSnapshot({ file, directory: join(dataDir, "store"), members: storeMembers });
	}
	return { dataDir, storeMembers };
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
