/**
 * What becomes of a pod that got no node: it goes back into the queue, with what may help it, and the cluster is told why by an event
 * and a condition. Source: pkg/scheduler/schedule_one.go, handleSchedulingFailure.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Pod } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import type { Client } from "../client/client.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import { pods } from "../client/resources.ts";
import type { AttemptRecorder } from "./framework/attempt-recorder.ts";
import { blame, fitErrorMessage, newDiagnosis } from "./framework/fit-error.ts";
import { PodInfo } from "./framework/pod-info.ts";
import type { Status } from "./framework/status.ts";
import { type NotScheduled, notScheduledPatch, truncateMessage } from "./pod-status.ts";
import type { Nominator } from "./queue/nominator.ts";
import type { QueuedPod } from "./queue/queued-pod.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";
import type { SchedulerMetrics } from "./scheduler-metrics.ts";

export interface FailureHandlerOptions {
	readonly client: Client;
	readonly clock: Clock;
	readonly log: Logger;
	readonly events: EventRecorder;
	readonly metrics: SchedulerMetrics | undefined;
	readonly queue: SchedulingQueue;
	readonly nominator: Nominator;
	/** A pod by "namespace/name" as it is now; undefined if it is gone. */
	readonly find: (key: string) => Pod | undefined;
	/** Undefined while attempts are not recorded. */
	readonly recorder: () => AttemptRecorder | undefined;
}

export class FailureHandler {
	readonly #options: FailureHandlerOptions;

	constructor(options: FailureHandlerOptions) {
		this.#options = options;
	}

	/** No node was found. @param startMs when the attempt began */
	unschedulable(queued: QueuedPod, why: NotScheduled, startMs: number): void {
		this.#attempted(queued, "unschedulable", startMs);
		this.#fail(queued, why);
	}

	/** A plugin rejected the pod, or failed. @param nodeName the node that it turned the pod down for after all. */
	failed(queued: QueuedPod, status: Status, startMs: number, nodeName?: string): void {
		this.#attempted(queued, status.isRejected ? "unschedulable" : "error", startMs);
		if (!status.isRejected) {
			this.#options.log.error("Error scheduling pod; retrying", { pod: queued.podInfo.key, error: status.message });
			this.#fail(queued, { reason: "SchedulerError", message: status.message, nominatedNodeName: "" });
			return;
		}
		if (nodeName === undefined) {
			this.#fail(queued, { reason: "Unschedulable", message: status.message, nominatedNodeName: "" });
			return;
		}
		const diagnosis = newDiagnosis();
		diagnosis.nodeToStatus.set(nodeName, status);
		blame(diagnosis, status);
		queued.unschedulablePlugins = diagnosis.unschedulablePlugins;
		queued.pendingPlugins = diagnosis.pendingPlugins;
		this.#fail(queued, { reason: "Unschedulable", message: fitErrorMessage(1, diagnosis), nominatedNodeName: "" });
	}

	#attempted({ podInfo }: QueuedPod, result: "unschedulable" | "error", startMs: number): void {
		this.#options.metrics?.attempted(podInfo.pod, result, this.#options.clock.now() - startMs);
	}

	/** Puts the pod back into the queue and says why, unless it is gone or has a node by now. */
	#fail(queued: QueuedPod, why: NotScheduled): void {
		const { recorder, find, queue, nominator, log, events } = this.#options;
		const { uid, key } = queued.podInfo;
		recorder()?.ended(uid, { isRejection: why.reason === "Unschedulable", message: why.message });
		const current = find(key);
		if (current === undefined || current.metadata?.uid !== uid || (current.spec?.nodeName ?? "") !== "") {
			queue.done(uid);
			return;
		}
		queued.podInfo = new PodInfo(current);
		queue.addUnschedulable(queued);
		if (why.nominatedNodeName === "") nominator.delete(uid);
		else if (why.nominatedNodeName !== undefined) nominator.add(queued.podInfo, why.nominatedNodeName);
		log.debug("Unable to schedule pod; waiting", { pod: key, reason: why.message });
		events.event(current, "Warning", "FailedScheduling", truncateMessage(why.message), { action: "Scheduling" });
		void this.#patchStatus(current, why);
	}

	/** Never rejects. */
	async #patchStatus(pod: Pod, why: NotScheduled): Promise<void> {
		const { client, clock, log } = this.#options;
		const { namespace, name = "" } = pod.metadata ?? {};
		const patch = notScheduledPatch(pod, why, clock.now());
		if (patch === undefined) return;
		try {
			await client.resource(pods).patch({ namespace, name }, "application/strategic-merge-patch+json", patch, { subresource: "status" });
		} catch (error) {
			if (!isStatusError(error, "NotFound", "Conflict"))
				log.error("Error updating pod", { pod: `${namespace}/${name}`, error: String(error) });
		}
	}
}
