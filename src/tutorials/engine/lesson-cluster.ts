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
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PacedClock } from "../../apimachinery/clock/paced-clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import { loadKubeconfig } from "../../client/kubeconfig.ts";
import { type AuditEvent, type Cluster, loadOrCreatePki, type Pki, type Timeline } from "../../cluster/index.ts";
import { standaloneKubeconfig } from "../../cluster/kubeconfig-entry.ts";
import { type Listener, Listeners, type Moment, type Running, type RunOptions, startRun } from "./cluster-run.ts";
import type { Lesson } from "./lesson.ts";
import type { Lookout } from "./look.ts";
import { checkFits, type OwnCluster } from "./own-cluster.ts";
import type { ControlMethods, Surroundings } from "./surroundings.ts";

export interface LessonClusterOptions {
	readonly lesson: Lesson;
	/** Where the lesson is held; default on a cluster of its own. */
	readonly own?: OwnCluster;
	/** Where kubeconfig and certificates are. */
	readonly directory: string;
	/** To begin at; default an empty cluster. */
	readonly moment?: Moment;
	/** The port it had before, if it is free; default any. */
	readonly port?: number;
	/** Cluster seconds a real second; default the lesson's. */
	readonly speed?: number;
	readonly surroundings: Surroundings;
	readonly log?: Logger;
	/** Told in a few words what is being done. */
	readonly onProgress?: (text: string) => void;
}

export class LessonCluster {
	readonly kubeconfigFile: string;
	readonly #options: LessonClusterOptions;
	readonly #pki: Pki | undefined;
	readonly #listeners: Listeners;
	#running: Running;

	private constructor(parts: {
		readonly options: LessonClusterOptions;
		readonly pki: Pki | undefined;
		readonly listeners: Listeners;
		readonly running: Running;
	}) {
		this.#options = parts.options;
		this.#pki = parts.pki;
		this.#listeners = parts.listeners;
		this.#running = parts.running;
		this.kubeconfigFile = join(parts.options.directory, "kubeconfig");
	}

	/** Rejects as `openCluster` or the learner's own cluster, and with ImageFileError and OwnClusterError. */
	static async open(options: LessonClusterOptions): Promise<LessonCluster> {
		const { moment, directory, lesson, speed = lesson.cluster.speed, port = 0 } = options;
		if (options.own !== undefined) checkFits(lesson, options.own);
		const nowMs = moment?.atMs ?? new PacedClock().now();
		const pki = options.own === undefined ? await loadOrCreatePki(join(directory, "pki"), { nowMs }) : undefined;
		const listeners = new Listeners();
		const running = await startRun({ ...runOptions(options, pki, listeners), speed, moment, port });
		const opened = new LessonCluster({ options, pki, listeners, running });
		await opened.writeKubeconfig();
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

	/** What can be asked of the cluster beside its API. */
	get methods(): ControlMethods {
		return this.#running.beside.methods;
	}

	/** For the engine to look and act, as nobody whom the lesson is about. */
	get lookout(): Lookout {
		const { cluster, client } = this.#running;
		return { cluster, client, namespace: this.#options.lesson.namespace };
	}

	get url(): string {
		return this.#running.url;
	}

	get port(): number {
		return this.#running.port;
	}

	/** Whether who uses the kubeconfig comes here. */
	leadsHere(): boolean {
		try {
			return loadKubeconfig(this.kubeconfigFile).server === this.url;
		} catch {
			return false;
		}
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

	/** All that is in the store, to come back to; undefined for a cluster of the learner's own, which is not taken back. */
	async moment(): Promise<Moment | undefined> {
		if (this.#options.own !== undefined) return undefined;
		const { ownStore, clock } = this.#running.cluster;
		if (ownStore === undefined) throw new Error("a lesson's cluster has a store of its own");
		const chunks: Uint8Array[] = [];
		for await (const chunk of ownStore.snapshot()) chunks.push(chunk);
		return { store: Buffer.concat(chunks), atMs: clock.now() };
	}

	/** Ends the cluster and brings it back as it was at that moment. */
	async restore(moment: Moment): Promise<void> {
		const { speed } = this.clock;
		const { port } = this;
		await this.close();
		this.#running = await startRun({ ...runOptions(this.#options, this.#pki, this.#listeners), speed, moment, port });
		await this.writeKubeconfig();
		this.#listeners.tell({ type: "restored" });
	}

	async close(): Promise<void> {
		const { clock, fallSilent, beside, close } = this.#running;
		fallSilent();
		await beside.close();
		// Who ends in an orderly way may wait for time to pass.
		if (clock.speed === 0) clock.setSpeed(1);
		await close();
		clock.end();
	}
}

function runOptions(
	{ lesson, own, directory, surroundings, log, onProgress }: LessonClusterOptions,
	pki: Pki | undefined,
	listeners: Listeners,
): Omit<RunOptions, "speed" | "moment" | "port"> {
	return { lesson, own, directory, surroundings, pki, listeners, log, onProgress };
}
