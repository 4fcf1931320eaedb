/**
 * Pods that still have the tracking finalizer though no Job will count them: their Job is gone, has ended, or does not
 * manage them any more. They lose it, so that they can be deleted.
 * Source: syncOrphanPod in pkg/controller/job/job_controller.go.
 */
import type { Logger } from "../../apimachinery/log.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Job, Pod } from "../../apimachinery/schema/generated/types.ts";
import { runController } from "../../client/controller.ts";
import type { ObjectCache } from "../../client/object-cache.ts";
import { controllerOf } from "../../client/owner.ts";
import { jobs } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { isOfKind } from "../replicaset/replica-kind.ts";
import type { FinalizerRemover } from "./finalizer-remover.ts";
import { finishedAs, isManagedElsewhere, isTracked } from "./job-pods.ts";

export interface OrphanPodsOptions {
	readonly queue: WorkQueue;
	readonly log: Logger;
	readonly pods: ObjectCache<Pod>;
	readonly remover: FinalizerRemover;
	/** The Job that manages the pod, by name and uid. */
	readonly jobOf: (pod: Pod) => Job | undefined;
}

export class OrphanPods {
	readonly #options: OrphanPodsOptions;
	readonly #queue: WorkQueue;

	constructor(options: OrphanPodsOptions) {
		this.#options = options;
		this.#queue = options.queue;
	}

	/** Looks at the pod soon. */
	add(pod: Pod): void {
		this.#queue.add(objectKey(pod));
	}

	/** Resolves when the signal has aborted and the last pod is done. */
	run(signal: AbortSignal): Promise<void> {
		const reconcile = (key: string) => this.#reconcile(key);
		const { log } = this.#options;
		return runController({ name: "job-controller orphan pods", queue: this.#queue, concurrency: 1, reconcile, log, signal });
	}

	async #reconcile(key: string): Promise<void> {
		const pod = this.#options.pods.get(key);
		if (pod === undefined || !isTracked(pod) || this.#isCounted(pod)) return;
		await this.#options.remover.remove(pod);
	}

	/** Whether somebody else decides about the finalizer: another kind of owner, or a Job that has not ended. */
	#isCounted(pod: Pod): boolean {
		const owner = controllerOf(pod);
		if (owner === undefined) return false;
		if (!isOfKind(jobs, owner)) return true;
		const job = this.#options.jobOf(pod);
		return job !== undefined && (isManagedElsewhere(job) || finishedAs(job) === undefined);
	}
}
