/**
 * Carries out preemptions: tells each victim why (its DisruptionTarget condition and an event), deletes it, and takes
 * back what pods of lower priority were promised on that node.
 *
 * The preemptor stays out of the queue until all victims but the last have been asked to go; the last one's deletion is
 * the event that wakes it.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { formatTime } from "../apimachinery/time.ts";
import type { Client } from "../client/client.ts";
import type { EventRecorder } from "../client/event-recorder.ts";
import { pods } from "../client/resources.ts";
import type { PodInfo } from "./framework/pod-info.ts";
import type { Preemption } from "./plugins/default-preemption.ts";
import type { Nominator } from "./queue/nominator.ts";
import type { WaitingPods } from "./waiting-pods.ts";

export interface EvictorOptions {
	readonly client: Client;
	readonly clock: Clock;
	readonly events: EventRecorder;
	readonly log: Logger;
	readonly nominator: Nominator;
	readonly waitingPods: WaitingPods;
	/** Called when a preemption failed half-way: no deletion will wake the pod. */
	readonly onFailed: (uid: string) => void;
}

export class Evictor {
	readonly #options: EvictorOptions;
	/** Uids of pods whose victims are still being asked to go. */
	readonly #running = new Set<string>();

	constructor(options: EvictorOptions) {
		this.#options = options;
	}

	isEvicting(uid: string): boolean {
		return this.#running.has(uid);
	}

	/** Returns at once. */
	evict(preemption: Preemption): void {
		const { preemptor, nodeName } = preemption;
		this.#running.add(preemptor.uid);
		void this.#run(preemption).catch((error: unknown) => {
			this.#options.log.error("Error occurred during async preemption", { pod: preemptor.key, node: nodeName, error: String(error) });
			this.#running.delete(preemptor.uid);
			this.#options.onFailed(preemptor.uid);
		});
	}

	async #run({ preemptor, nodeName, victims }: Preemption): Promise<void> {
		const last = victims.at(-1);
		const clearing = this.#clearNominations(preemptor, nodeName);
		await Promise.all([clearing, ...victims.slice(0, -1).map((victim) => this.#evictOne(victim, preemptor, nodeName))]);
		this.#running.delete(preemptor.uid);
		if (last !== undefined) await this.#evictOne(last, preemptor, nodeName);
	}

	async #evictOne(victim: PodInfo, preemptor: PodInfo, nodeName: string): Promise<void> {
		const { client, events, waitingPods } = this.#options;
		if (!waitingPods.reject(victim.uid, "DefaultPreemption", "preempted")) {
			const { namespace, name, uid } = victim;
			const reference = { namespace, name };
			await tolerateGone(async () => {
				await client
					.resource(pods)
					.patch(reference, "application/strategic-merge-patch+json", this.#disruption(victim, preemptor), { subresource: "status" });
				await client.resource(pods).delete(reference, { preconditions: { uid } });
			});
		}
		events.event(victim.pod, "Normal", "Preempted", `Preempted by pod ${preemptor.uid} on node ${nodeName}`, { action: "Preempting" });
	}

	#disruption({ pod, uid }: PodInfo, preemptor: PodInfo): object {
		const condition = {
			type: "DisruptionTarget",
			status: "True",
			reason: "PreemptionByScheduler",
			message: `${preemptor.pod.spec?.schedulerName ?? "default-scheduler"}: preempting to accommodate a higher priority pod`,
			lastTransitionTime: formatTime(this.#options.clock.now()),
			...(pod.metadata?.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
		};
		return { metadata: { uid }, status: { conditions: [condition] } };
	}

	/** Pods of lower priority that were to have the room look for another place. */
	async #clearNominations(preemptor: PodInfo, nodeName: string): Promise<void> {
		const { client, nominator } = this.#options;
		const lower = nominator.forNode(nodeName).filter(({ priority }) => priority < preemptor.priority);
		await Promise.all(
			lower.map(({ uid, namespace, name }) => {
				nominator.delete(uid);
				const patch = { status: { nominatedNodeName: null } };
				return tolerateGone(async () => {
					await client
						.resource(pods)
						.patch({ namespace, name }, "application/strategic-merge-patch+json", patch, { subresource: "status" });
				});
			}),
		);
	}
}

/** A pod that is gone already needs no more done to it. A conflict may be with anybody: then the pod is still there. */
async function tolerateGone(act: () => Promise<void>): Promise<void> {
	try {
		await act();
	} catch (error) {
		if (!isStatusError(error, "NotFound")) throw error;
	}
}
