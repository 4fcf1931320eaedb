/**
 * Static pods of a fleet: pods that come from files in a directory of their node. A file that comes, changes or goes is seen at once,
 * as by inotify; the API shows a mirror of each pod, which its node makes again when somebody deletes it.
 *
 *   file ──> pod and its worker ──> mirror in the API (status goes there)
 *   file gone or other ──> the pod ends ──> its mirror goes ──> the next pod of that name
 *
 * Source: pkg/kubelet/config/file.go, pkg/kubelet/pod/mirror_client.go; https://kubernetes.io/docs/tasks/configure-pod-container/static-pod/
 */
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Node, Pod, PodStatus } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import type { Client } from "../../client/client.ts";
import { pods } from "../../client/resources.ts";
import { FsError } from "../../host/index.ts";
import type { SimNode } from "../node/sim-node.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { statusPatch } from "../status-patch.ts";
import { mirroredHash, mirrorOf, readStaticPod, StaticManifestError } from "./static-manifest.ts";

/** staticPodPath of kubeadm's kubelets. */
export const manifestDirectory = "/etc/kubernetes/manifests";
/** Until files are looked at that have been written: whoever writes several is done by then. */
const scanDelayMs = 1_000;
/** Of a mirror that could not be made. */
const mirrorRetryMs = 10_000;

export interface StaticPodsOptions {
	readonly clock: Clock;
	readonly log: Logger;
	readonly clientFor: (node: string) => Client;
	readonly node: (name: string) => Node | undefined;
	/** The mirror as the caches have it. */
	readonly cachedPod: (namespace: string, name: string) => Pod | undefined;
	readonly cachedPodsOf: (node: string) => readonly Pod[];
	/** Makes a worker, which begins at once. */
	readonly start: (node: SimNode, pod: Pod) => PodWorker;
	readonly drop: (worker: PodWorker) => void;
}

/** A static pod that has a worker. */
interface Running {
	readonly node: SimNode;
	readonly worker: PodWorker;
	/** Its file is gone, or says something else. */
	isEnding: boolean;
	isMirroring: boolean;
	/** Of the mirror that was seen last. */
	mirrorUid: string | undefined;
}

export class StaticPods {
	readonly #options: StaticPodsOptions;
	/** By hash, which is the pod's uid. */
	readonly #running = new Map<string, Running>();
	/** What the files of a node say, by hash. */
	readonly #wanted = new Map<SimNode, ReadonlyMap<string, Pod>>();
	readonly #scans = new Map<SimNode, Timer>();

	constructor(options: StaticPodsOptions) {
		this.#options = options;
	}

	/** Files of the node were written or removed. */
	filesChanged(node: SimNode): void {
		if (!node.running || this.#scans.has(node)) return;
		this.#scans.set(
			node,
			this.#options.clock.setTimeout(() => {
				this.#scans.delete(node);
				if (node.running) void this.#scan(node);
			}, scanDelayMs),
		);
	}

	/** The node's kubelet begins: mirrors that no file stands behind go. */
	begin(node: SimNode): void {
		for (const pod of this.#options.cachedPodsOf(node.name)) if (mirroredHash(pod) !== undefined) this.mirrorChanged(pod);
		if (node.hasFiles) this.filesChanged(node);
	}

	/** The node is off or gone; its mirrors in the API stay for now. */
	end(node: SimNode): void {
		this.#scans.get(node)?.cancel();
		this.#scans.delete(node);
		this.#wanted.delete(node);
		for (const [hash, running] of this.#running) {
			if (running.node !== node) continue;
			this.#running.delete(hash);
			this.#options.drop(running.worker);
		}
	}

	stop(): void {
		for (const timer of this.#scans.values()) timer.cancel();
	}

	/** Whoever mirrors a pod of ours is in the API, or has changed there. */
	mirrorChanged(mirror: Pod): void {
		const running = this.#running.get(mirroredHash(mirror) ?? "");
		const isDeleting = mirror.metadata?.deletionTimestamp !== undefined;
		if (running === undefined || isDeleting) void this.#deleteMirror(mirror);
		else if (running.mirrorUid !== mirror.metadata?.uid) {
			running.mirrorUid = mirror.metadata?.uid;
			running.worker.reportAnew();
		}
	}

	/** A mirror is gone: it is made again, as long as its pod is there. */
	mirrorGone(mirror: Pod): void {
		const running = this.#running.get(mirroredHash(mirror) ?? "");
		if (running !== undefined && !running.isEnding) void this.#mirror(running);
	}

	/** Writes the status to the mirror. @returns undefined if there is none */
	async patchStatus(node: string, pod: Pod, status: PodStatus): Promise<Pod | undefined> {
		const { namespace = "", name = "", uid } = pod.metadata ?? {};
		const mirror = this.#options.cachedPod(namespace, name);
		if (mirror === undefined || mirroredHash(mirror) !== uid) return undefined;
		try {
			return await this.#options
				.clientFor(node)
				.resource(pods)
				.patch({ namespace, name }, "application/strategic-merge-patch+json", statusPatch(mirror, status), { subresource: "status" });
		} catch (error) {
			// It is being made anew, and the status goes there then.
			if (isStatusError(error, "NotFound") || isStatusError(error, "Conflict")) return undefined;
			throw error;
		}
	}

	/** Nothing of the pod is left on its node: its mirror goes, and whoever waits for its name comes. */
	async remove(pod: Pod): Promise<void> {
		const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
		const mirror = this.#options.cachedPod(namespace, name);
		if (mirror !== undefined && mirroredHash(mirror) === uid) await this.#deleteMirror(mirror);
		const running = this.#running.get(uid);
		if (running === undefined) return;
		this.#running.delete(uid);
		this.#options.drop(running.worker);
		this.#startWanted(running.node);
	}

	async #scan(node: SimNode): Promise<void> {
		const { clock } = this.#options;
		// Loading the reader of files is real I/O, which virtual time has to wait for.
		const loaded = clock instanceof VirtualClock ? clock.attend({ steps: 0, isPending: true }) : undefined;
		const wanted = await this.#readAll(node).finally(loaded);
		if (!node.running) return;
		this.#wanted.set(node, wanted);
		for (const [hash, running] of this.#running) {
			if (running.node !== node || running.isEnding || wanted.has(hash)) continue;
			running.isEnding = true;
			running.worker.terminate();
		}
		this.#startWanted(node);
	}

	/** Hidden files and directories are passed over, and what cannot be read is complained of. */
	async #readAll(node: SimNode): Promise<ReadonlyMap<string, Pod>> {
		const { clock, log } = this.#options;
		const files = node.hostFiles();
		const found = new Map<string, Pod>();
		const names = files.exists(manifestDirectory) ? files.readdir(manifestDirectory) : [];
		for (const name of names.filter((each) => !each.startsWith("."))) {
			const path = `${manifestDirectory}/${name}`;
			try {
				if (files.stat(path).type !== "file") {
					log.warn("Not recursing into manifest path", { node: node.name, path });
					continue;
				}
				const pod = await readStaticPod(files.readText(path), path, node.name, clock.now());
				found.set(pod.metadata?.uid ?? "", pod);
			} catch (error) {
				if (!(error instanceof StaticManifestError || error instanceof FsError)) throw error;
				log.warn("Could not process manifest file", { node: node.name, path, err: error.message });
			}
		}
		return found;
	}

	/** One after the other where they have the same name. */
	#startWanted(node: SimNode): void {
		for (const [hash, pod] of this.#wanted.get(node) ?? []) {
			if (this.#running.has(hash)) continue;
			const isTaken = [...this.#running.values()].some((other) => other.node === node && isSameName(other.worker.pod, pod));
			if (isTaken) continue;
			const running: Running = { node, worker: this.#options.start(node, pod), isEnding: false, isMirroring: false, mirrorUid: undefined };
			this.#running.set(hash, running);
			void this.#mirror(running);
		}
	}

	async #mirror(running: Running): Promise<void> {
		if (running.isMirroring) return;
		running.isMirroring = true;
		const { clock, log, clientFor, node: nodeOf } = this.#options;
		const { node, worker } = running;
		const pod = worker.pod;
		try {
			await clientFor(node.name)
				.resource(pods)
				.create(mirrorOf(pod, nodeOf(node.name)?.metadata?.uid ?? ""));
		} catch (error) {
			const { namespace = "", name = "", uid } = pod.metadata ?? {};
			const there = this.#options.cachedPod(namespace, name);
			if (isStatusError(error, "AlreadyExists") && there !== undefined && mirroredHash(there) === uid) return;
			log.warn("Failed creating a mirror pod", { pod: name, node: node.name, err: String(error) });
			// The pod runs all the same.
			clock.setTimeout(() => {
				if (this.#running.get(uid ?? "") === running && !running.isEnding && node.running) void this.#mirror(running);
			}, mirrorRetryMs);
		} finally {
			running.isMirroring = false;
		}
	}

	async #deleteMirror({ metadata, spec }: Pod): Promise<void> {
		const { namespace = "", name = "", uid } = metadata ?? {};
		const options = { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }) };
		try {
			await this.#options
				.clientFor(spec?.nodeName ?? "")
				.resource(pods)
				.delete({ namespace, name }, options);
		} catch (error) {
			if (isStatusError(error, "NotFound") || isStatusError(error, "Conflict")) return;
			this.#options.log.warn("Failed deleting a mirror pod", { pod: name, err: String(error) });
		}
	}
}

function isSameName({ metadata: a }: Pod, { metadata: b }: Pod): boolean {
	return a?.namespace === b?.namespace && a?.name === b?.name;
}
