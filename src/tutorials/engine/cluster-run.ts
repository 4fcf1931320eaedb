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
	type AuditOptions,
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
import type { OpenedCluster, OwnCluster } from "./own-cluster.ts";
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
	readonly url: string;
	readonly port: number;
	readonly beside: Beside;
	/** Ends the cluster, not what stands beside it. */
	readonly close: () => Promise<void>;
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
	/** Where the lesson is held; undefined: on a cluster of its own. */
	readonly own: OwnCluster | undefined;
	/** Where its files are. */
	readonly directory: string;
	readonly surroundings: Surroundings;
	/** Of a cluster of the lesson's own. */
	readonly pki: Pki | undefined;
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

/** Rejects as `openCluster` or the learner's own cluster, and with ImageFileError and ActionError. */
export async function startRun(options: RunOptions): Promise<Running> {
	const { lesson, own, directory, surroundings, listeners, speed, onProgress } = options;
	const requests: AuditEvent[] = [];
	let timeline: Timeline | undefined;
	let isSilent = false;
	const onEvent = (event: AuditEvent) => {
		if (isSilent) return;
		requests.push(event);
		if (requests.length > 2 * maxRequests) requests.splice(0, maxRequests);
		listeners.tell({ type: "request", event });
	};
	const onOpen = async (cluster: Cluster) => {
		timeline = new Timeline(() => cluster.clock.now());
		cluster.apiServer.observe(timeline);
		timeline.onEntry((entry) => {
			if (!isSilent) listeners.tell({ type: "change", entry });
		});
		cluster.storeGroup?.watch(() => {
			if (!isSilent) listeners.tell({ type: "store" });
		});
		if (lesson.cluster.images !== undefined)
			await cluster.loadImages(await readFile(join(lesson.directory, lesson.cluster.images), "utf8"));
	};
	// What is not at once while the cluster comes up would never be in a lesson whose time stands still.
	const clockAt = (startMs?: number) => new PacedClock({ speed: speed === 0 ? 1 : speed, ...(startMs === undefined ? {} : { startMs }) });
	const audit = { policy: auditPolicy, onEvent };
	const opened =
		own === undefined
			? await openLessonCluster(options, { clock: clockAt(options.moment?.atMs), audit, onOpen })
			: await own.open({ clockAt, audit, onOpen, onProgress: onProgress ?? (() => undefined) });
	const { cluster, clock, url, port, close } = opened;
	try {
		const beside = await surroundings.open(cluster, { directory, url });
		await cluster.whenNodesReady();
		if (speed === 0) clock.setSpeed(0);
		if (timeline === undefined) throw new Error("a cluster was opened, and nobody was told");
		const fallSilent = () => {
			isSilent = true;
		};
		return { cluster, client: cluster.clientFor(engineUser), clock, timeline, requests, fallSilent, url, port, beside, close };
	} catch (error) {
		await close();
		throw error;
	}
}

interface OpenOptions {
	readonly clock: PacedClock;
	readonly audit: AuditOptions;
	readonly onOpen: (cluster: Cluster) => Promise<void>;
}

/** A cluster that is there for the lesson alone. */
async function openLessonCluster(
	{ lesson: { cluster: spec }, directory, pki, moment, port, log, onProgress }: RunOptions,
	{ clock, audit, onOpen }: OpenOptions,
): Promise<OpenedCluster> {
	const cluster = await openCluster({
		...optionsOf(spec),
		...(await storeOf(spec, directory, moment)),
		clock,
		...(pki === undefined ? {} : { pki }),
		audit,
		...(log === undefined ? {} : { log }),
		...(onProgress === undefined ? {} : { onProgress }),
	});
	try {
		await onOpen(cluster);
		const address = await listen(cluster, port);
		await cluster.start();
		return { cluster, clock, ...address, close: () => cluster.close() };
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
async function listen(cluster: Cluster, port: number): Promise<{ readonly url: string; readonly port: number }> {
	try {
		return await cluster.listen({ port });
	} catch (error) {
		if (error instanceof PortInUseError) return await cluster.listen({ port: 0 });
		throw error;
	}
}
