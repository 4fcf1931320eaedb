/**
 * Which pods of the API have a worker on the fleet's nodes, and whether it works: one begins when a pod is bound to a node, follows its
 * object, and ends when that is gone.
 */
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import type { NodeAdmission } from "./admission/node-admission.ts";
import type { FleetNodes } from "./fleet-nodes.ts";
import type { FleetWorkers } from "./fleet-workers.ts";
import type { SimNode } from "./node/sim-node.ts";
import { PodWorker } from "./pod-worker/pod-worker.ts";
import type { WorkerHost } from "./pod-worker/worker-host.ts";
import { mirroredHash } from "./static-pods/static-manifest.ts";

/** Who looks after the mirrors of static pods. */
interface MirrorKeeper {
	mirrorChanged(mirror: Pod): void;
	mirrorGone(mirror: Pod): void;
}

export interface FleetPodsOptions {
	readonly nodes: FleetNodes;
	readonly workers: FleetWorkers;
	readonly admission: NodeAdmission;
	readonly host: () => WorkerHost;
	readonly mirrors: () => MirrorKeeper;
	/** The fleet works: it has started, and has not stopped. */
	readonly isWorking: () => boolean;
	/** A pod has come to the node. */
	readonly added: (node: SimNode, worker: PodWorker) => void;
}

export class FleetPods {
	readonly #options: FleetPodsOptions;

	constructor(options: FleetPodsOptions) {
		this.#options = options;
	}

	/** There is a pod, or it is another one than before. */
	changed(pod: Pod): void {
		const { nodes, workers, mirrors, isWorking } = this.#options;
		const node = nodes.get(pod.spec?.nodeName ?? "");
		if (node === undefined || !isWorking()) return;
		if (mirroredHash(pod) !== undefined) {
			if (node.running) mirrors().mirrorChanged(pod);
			return;
		}
		const worker = workers.get(pod.metadata?.uid ?? "");
		if (worker === undefined) this.start(node, pod);
		else worker.update(pod);
	}

	gone(pod: Pod): void {
		const { workers, mirrors } = this.#options;
		if (mirroredHash(pod) !== undefined) {
			mirrors().mirrorGone(pod);
			return;
		}
		const uid = pod.metadata?.uid ?? "";
		const worker = workers.get(uid);
		if (worker !== undefined) this.drop(uid, worker);
	}

	/** Whoever ran on the node already has its place before anybody new. @param all those that are bound to it */
	takeOver(all: readonly Pod[]): void {
		const hasStarted = ({ status }: Pod) => status?.startTime !== undefined;
		for (const pod of [...all.filter(hasStarted), ...all.filter((each) => !hasStarted(each))]) this.changed(pod);
	}

	start(node: SimNode, pod: Pod): PodWorker {
		const { host, workers, added } = this.#options;
		const made = new PodWorker(host(), node, pod);
		made.paused = !node.running || node.outage?.isNoticed === true;
		workers.add(made);
		added(node, made);
		made.sync();
		return made;
	}

	/** It ends at once. */
	drop(uid: string, worker: PodWorker): void {
		const { workers, admission } = this.#options;
		workers.remove(uid, worker);
		admission.forget(worker);
		worker.close();
	}

	/** The node is gone for good. */
	dropAll(node: SimNode): void {
		for (const [uid, worker] of this.#options.workers.all()) if (worker.node === node) this.drop(uid, worker);
	}

	/**
	 * Whether its kubelet looks after pods has changed. One that does not run, or can't reach its runtime, leaves them as they are; for a
	 * while it still tries to make new ones.
	 */
	pauseOrGoOn(node: SimNode): void {
		const { running, outage } = node;
		for (const worker of this.#options.workers.on(node.name)) {
			const paused = !running || (outage !== undefined && (outage.isNoticed || worker.record.sandbox === "ready"));
			if (paused === worker.paused && !running) continue;
			worker.paused = paused;
			worker.sync();
		}
	}
}
