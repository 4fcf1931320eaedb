/**
 * What a controller is to the controller manager, and what it is given.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { MetricRegistry } from "../apimachinery/metrics/registry.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Client } from "../client/client.ts";
import { EventRecorder } from "../client/event-recorder.ts";
import type { Informers } from "../client/informer.ts";
import { type QueueObserver, WorkQueue, type WorkQueueOptions } from "../client/work-queue.ts";

export interface ControllerContext {
	/** With the controller's own identity: `system:serviceaccount:kube-system:replicaset-controller`. */
	readonly client: Client;
	/** Caches shared by all controllers, who are told of all that is in them anew twice a day or less often. */
	readonly informers: Informers;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
	/** Where it counts what it does; absent: nowhere. */
	readonly metrics?: MetricRegistry;
	/** Told of each queue that it makes; absent: nobody looks. */
	readonly observeQueue?: (name: string, queue: WorkQueue) => QueueObserver;
}

export interface Controller {
	/** As kube-controller-manager's `--controllers` names it. */
	readonly name: string;
	/** Works until the signal aborts; resolves when the last reconcile is over. Rejects only for a defect. */
	run(context: ControllerContext, signal: AbortSignal): Promise<void>;
}

/** The recorder of a controller's events. @param component what `kubectl describe` shows under From. */
export function recorderOf({ client, clock, random, log }: ControllerContext, component: string, signal: AbortSignal): EventRecorder {
	return new EventRecorder({ client, clock, random, component, log, signal });
}

/** A queue of a controller's keys. @param name the label that its metrics have, as upstream's */
export function queueOf(
	{ clock, observeQueue }: ControllerContext,
	name: string,
	limits: Omit<WorkQueueOptions, "clock" | "observe"> = {},
): WorkQueue {
	return new WorkQueue({ clock, ...limits, ...(observeQueue === undefined ? {} : { observe: (queue) => observeQueue(name, queue) }) });
}
