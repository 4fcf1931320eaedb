/** The workers of a fleet's pods, by uid and by node, and who of them waits for room. */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import type { Informer } from "../client/informer.ts";
import type { ContainerLog } from "./container/container-log.ts";
import { addFootprints, type Footprint, noFootprint } from "./pod-worker/footprint.ts";
import type { PodWorker } from "./pod-worker/pod-worker.ts";
import type { RoomSeeker } from "./pod-worker/worker-host.ts";
import { mirroredHash } from "./static-pods/static-manifest.ts";

export class FleetWorkers {
	readonly #clock: Clock;
	readonly #pods: Informer<Pod>;
	readonly #byUid = new Map<string, PodWorker>();
	/** Nodes with none have no entry. */
	readonly #byNode = new Map<string, Set<PodWorker>>();
	/** By node: workers whose pods' resizes wait for room. */
	readonly #awaitingRoom = new Map<string, Set<RoomSeeker>>();

	constructor(clock: Clock, pods: Informer<Pod>) {
		this.#clock = clock;
		this.#pods = pods;
	}

	get(uid: string): PodWorker | undefined {
		return this.#byUid.get(uid);
	}

	all(): Iterable<readonly [string, PodWorker]> {
		return this.#byUid;
	}

	/** A mirror stands for a static pod, which has a uid of its own. */
	of(pod: Pod): PodWorker | undefined {
		return this.#byUid.get(mirroredHash(pod) ?? pod.metadata?.uid ?? "");
	}

	named(namespace: string, name: string): PodWorker | undefined {
		const pod = this.#pods.cache.get(`${namespace}/${name}`);
		return pod === undefined ? undefined : this.of(pod);
	}

	/** Undefined if the pod is on another node. */
	placed(namespace: string, name: string, node: string): PodWorker | undefined {
		const worker = this.named(namespace, name);
		return worker?.node.name === node ? worker : undefined;
	}

	on(node: string): Iterable<PodWorker> {
		return this.#byNode.get(node)?.values() ?? [];
	}

	add(worker: PodWorker): void {
		this.#byUid.set(worker.pod.metadata?.uid ?? "", worker);
		const { name } = worker.node;
		const others = this.#byNode.get(name);
		if (others === undefined) this.#byNode.set(name, new Set([worker]));
		else others.add(worker);
	}

	remove(uid: string, worker: PodWorker): void {
		this.#byUid.delete(uid);
		const { name } = worker.node;
		const others = this.#byNode.get(name);
		others?.delete(worker);
		if (others?.size === 0) this.#byNode.delete(name);
	}

	/** All end. */
	close(): void {
		for (const worker of this.#byUid.values()) worker.close();
		this.#byUid.clear();
		this.#byNode.clear();
	}

	*logs(): Iterable<ContainerLog> {
		for (const worker of this.#byUid.values()) {
			for (const { container, previousLog } of worker.containerWorkers()) {
				if (container !== undefined) yield container.log;
				if (previousLog !== undefined) yield previousLog;
			}
		}
	}

	promisedToOthers(node: string, self: RoomSeeker): Footprint {
		let sum = noFootprint;
		for (const worker of this.on(node)) if (worker !== self) sum = addFootprints(sum, worker.footprint);
		return sum;
	}

	awaitRoom(node: string, worker: RoomSeeker): void {
		const waiting = this.#awaitingRoom.get(node);
		if (waiting === undefined) this.#awaitingRoom.set(node, new Set([worker]));
		else waiting.add(worker);
	}

	roomFreed(node: string): void {
		const waiting = this.#awaitingRoom.get(node);
		if (waiting === undefined) return;
		this.#awaitingRoom.delete(node);
		// Not within the step that frees it.
		this.#clock.setTimeout(() => {
			for (const worker of waiting) worker.sync();
		}, 0);
	}
}
