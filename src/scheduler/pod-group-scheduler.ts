/**
 * Schedules the pods of a group together: takes those that wait out of the queue, runs the group's cycle, has its pods bound or sends them
 * back, and writes what came of it to the PodGroup.
 *
 *   a pod of the group is next ─> the others that wait ─> scheduleGroup ─┬─ enough fit: each goes on to be bound, waiting at Permit for the rest
 *                                                                        ├─ with preemption: victims are evicted, the nodes are kept in mind
 *                                                                        └─ too few, or a failure: all back to the queue
 *
 * Nobody is evicted for a group that does not fit even then.
 * Source: pkg/scheduler/schedule_one_podgroup.go of Kubernetes 1.36; KEP-4671.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Logger } from "../apimachinery/log.ts";
import type { Condition, Pod, PodGroupV1alpha2 } from "../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../apimachinery/status-error.ts";
import { formatTime } from "../apimachinery/time.ts";
import type { Client } from "../client/client.ts";
import { podGroups } from "../client/resources.ts";
import type { SchedulerCache } from "./cache/cache.ts";
import type { Cycle } from "./framework/cycle.ts";
import type { Framework } from "./framework/framework.ts";
import { type PodInfo, podUid } from "./framework/pod-info.ts";
import { type GroupOutcome, type GroupTrial, type MemberOutcome, scheduleGroup } from "./framework/schedule-group.ts";
import type { Scheduled, ScheduleOutcome } from "./framework/schedule-one.ts";
import { errorStatus, type Status } from "./framework/status.ts";
import type { Preemption } from "./plugins/default-preemption.ts";
import { gangSchedulingName, isTrial } from "./plugins/gang-scheduling.ts";
import type { PodGroups } from "./pod-groups.ts";
import type { NotScheduled } from "./pod-status.ts";
import type { Nominator } from "./queue/nominator.ts";
import type { QueuedPod } from "./queue/queued-pod.ts";
import type { SchedulingQueue } from "./queue/scheduling-queue.ts";

const unschedulableText = "pod group is unschedulable";
const preemptingText = `${unschedulableText}, pod group is waiting for preemption to complete`;

/** What the scheduler does for one pod. */
export interface PodGroupSchedulerOptions {
	readonly client: Client;
	readonly clock: Clock;
	readonly log: Logger;
	readonly groups: PodGroups;
	readonly cache: SchedulerCache;
	readonly nominator: Nominator;
	readonly queue: SchedulingQueue;
	readonly frameworkFor: (pod: Pod) => Framework | undefined;
	/** Whether the pod need not be scheduled any more; then it is done with. */
	readonly skip: (queued: QueuedPod) => boolean;
	/** The cycle of one pod, on the cache as it is. */
	readonly schedule: (pod: PodInfo, framework: Framework) => Cycle<ScheduleOutcome>;
	readonly reserve: (queued: QueuedPod, framework: Framework, scheduled: Scheduled) => void;
	readonly fail: (queued: QueuedPod, why: NotScheduled) => void;
	readonly failWith: (queued: QueuedPod, status: Status) => void;
	readonly evict: (preemption: Preemption) => void;
}

/** A group whose turn it is. */
export interface GroupAttempt {
	readonly key: string;
	readonly framework: Framework;
	readonly members: readonly QueuedPod[];
	readonly cycle: Cycle<GroupOutcome>;
}

export class PodGroupScheduler {
	readonly #options: PodGroupSchedulerOptions;
	/** What preemption would do, while a group is being tried. */
	#postponed: Preemption[] | undefined;

	constructor(options: PodGroupSchedulerOptions) {
		this.#options = options;
	}

	/** Takes note of a preemption for a group that is being tried; false if none is. */
	postpone(preemption: Preemption): boolean {
		this.#postponed?.push(preemption);
		return this.#postponed !== undefined;
	}

	/** What is to be tried together with a pod that was popped; undefined if there is nothing to try. */
	begin(key: string, first: QueuedPod): GroupAttempt | undefined {
		const { groups, queue, skip } = this.#options;
		const others = groups.unscheduled(key).flatMap((pod) => (podUid(pod) === first.podInfo.uid ? [] : (queue.take(podUid(pod)) ?? [])));
		const all = [first, ...others].sort(byImportance);
		const framework = this.#commonFramework(all);
		if (framework === undefined) return undefined;
		const members = all.filter((queued) => !skip(queued));
		if (members.length === 0) return undefined;
		const pods = members.map(({ podInfo }) => podInfo);
		return { key, framework, members, cycle: this.#tried(scheduleGroup(pods, this.#trialOf(framework))) };
	}

	/** What follows from the cycle of an attempt. */
	conclude({ key, framework, members }: GroupAttempt, outcome: GroupOutcome): void {
		const preemptions = this.#postponed ?? [];
		this.#postponed = undefined;
		if (outcome.kind === "preempting") for (const preemption of preemptions) this.#options.evict(preemption);
		for (const [index, queued] of members.entries()) this.#concludeOne(queued, framework, outcome, outcome.members[index]);
		void this.#report(key, outcome);
	}

	/** All pods of a group have to be for the same profile. */
	#commonFramework(all: readonly QueuedPod[]): Framework | undefined {
		const { frameworkFor, queue, failWith } = this.#options;
		const names = [...new Set(all.map(({ podInfo }) => podInfo.pod.spec?.schedulerName ?? ""))];
		const [first] = all;
		if (names.length === 1) {
			const framework = first === undefined ? undefined : frameworkFor(first.podInfo.pod);
			if (framework === undefined) for (const { podInfo } of all) queue.done(podInfo.uid);
			return framework;
		}
		const [one = "", other = ""] = names;
		const message = `all pods in a single pod group should have the same .spec.schedulerName set, got: "${one}" and "${other}"`;
		for (const queued of all) failWith(queued, errorStatus("", message));
		return undefined;
	}

	*#tried(cycle: Cycle<GroupOutcome>): Cycle<GroupOutcome> {
		this.#postponed = [];
		return yield* cycle;
	}

	#trialOf(framework: Framework): GroupTrial {
		const { cache, nominator, schedule } = this.#options;
		return {
			schedule: (pod) => schedule(pod, framework),
			setAside: (pod, outcome, nodeName) => {
				const { state } = outcome;
				const victims =
					outcome.kind === "scheduled" ? [] : (this.#postponed?.find(({ preemptor }) => preemptor.uid === pod.uid)?.victims ?? []);
				const undos = [nominator.setAside(pod), ...victims.map(({ uid }) => cache.setAside(uid))];
				const undo = () => {
					cache.forget(pod.uid);
					for (const each of undos.toReversed()) each();
				};
				cache.assume(pod, nodeName);
				// Who waits for victims to go has passed no filter: nothing is reserved yet.
				const refused = outcome.kind === "scheduled" ? framework.runReserve(state, pod, nodeName) : undefined;
				const unreserve = () => {
					if (outcome.kind === "scheduled") framework.runUnreserve(state, pod, nodeName);
					undo();
				};
				state.write(isTrial, true);
				const permit = refused ?? framework.runPermit(state, pod, nodeName).status;
				state.write(isTrial, false);
				if (permit === undefined || permit.code === "Wait") return { permit, undo: unreserve };
				unreserve();
				return permit;
			},
		};
	}

	#concludeOne(queued: QueuedPod, framework: Framework, group: GroupOutcome, member: MemberOutcome | undefined): void {
		const { reserve, fail, failWith } = this.#options;
		const own = member?.outcome;
		if (group.kind === "failed") {
			const status = own?.kind === "failed" && !own.status.isRejected ? own.status : group.failure;
			failWith(queued, status ?? errorStatus("", unschedulableText));
			return;
		}
		if (group.kind === "scheduled" && own?.kind === "scheduled") {
			reserve(queued, framework, own);
			return;
		}
		const nodeName = member?.nodeName;
		if (nodeName !== undefined && group.kind === "unschedulable") {
			// It would fit; the gang does not. What can help the others wakes it, too: they take it along.
			queued.unschedulablePlugins = new Set([gangSchedulingName]);
			const message = `${unschedulableText}, ${member?.permit?.message ?? ""}`;
			fail(queued, { reason: "Unschedulable", message, nominatedNodeName: "" });
			return;
		}
		if (group.kind === "preempting" && own?.kind === "scheduled") {
			queued.unschedulablePlugins = new Set([gangSchedulingName]);
			fail(queued, { reason: "Unschedulable", message: preemptingText, nominatedNodeName: nodeName });
			return;
		}
		if (own?.kind === "failed") failWith(queued, own.status);
		else if (own?.kind === "unschedulable") {
			queued.unschedulablePlugins = own.diagnosis.unschedulablePlugins;
			queued.pendingPlugins = own.diagnosis.pendingPlugins;
			fail(queued, { reason: "Unschedulable", message: own.message, nominatedNodeName: own.nominatedNodeName });
		} else failWith(queued, errorStatus("", unschedulableText));
	}

	/** Writes the group's condition. Never rejects. */
	async #report(key: string, outcome: GroupOutcome): Promise<void> {
		const { client, clock, groups, log } = this.#options;
		const group = groups.find(key);
		const patch = group === undefined ? undefined : conditionPatch(group, outcome, clock.now());
		if (group === undefined || patch === undefined) return;
		const { namespace = "", name = "" } = group.metadata ?? {};
		try {
			const type = "application/strategic-merge-patch+json";
			await client.resource(podGroups).patch({ namespace, name }, type, patch, { subresource: "status" });
		} catch (error) {
			if (!isStatusError(error, "NotFound", "Conflict"))
				log.error("Failed to update PodGroup status", { podGroup: key, error: String(error) });
		}
	}
}

/** By priority, then who was tried first; of equals always in one order, so that a group that fails again says the same of each. */
function byImportance(a: QueuedPod, b: QueuedPod): number {
	const byAge = (a.initialAttemptMs ?? 0) - (b.initialAttemptMs ?? 0);
	return b.podInfo.priority - a.podInfo.priority || byAge || (a.podInfo.key < b.podInfo.key ? -1 : 1);
}

/** Undefined if the condition says so already, or that the group was scheduled once, which later pods do not undo. */
function conditionPatch({ metadata, status }: PodGroupV1alpha2, outcome: GroupOutcome, nowMs: number): object | undefined {
	const old = status?.conditions?.find(({ type }) => type === "PodGroupScheduled");
	const wanted = conditionOf(outcome);
	if (old?.status === "True" && wanted.status !== "True") return undefined;
	if (old?.status === wanted.status && old.reason === wanted.reason && old.message === wanted.message) return undefined;
	const since = old?.status === wanted.status ? old.lastTransitionTime : formatTime(nowMs);
	const condition: Condition = {
		type: "PodGroupScheduled",
		...wanted,
		lastTransitionTime: since,
		...(metadata?.generation === undefined ? {} : { observedGeneration: metadata.generation }),
	};
	return { metadata: { uid: metadata?.uid }, status: { conditions: [condition] } };
}

function conditionOf({ kind, failure }: GroupOutcome): Pick<Condition, "status" | "reason" | "message"> {
	switch (kind) {
		case "scheduled":
			return { status: "True", reason: "Scheduled", message: "" };
		case "unschedulable":
			return { status: "False", reason: "Unschedulable", message: unschedulableText };
		case "preempting":
			return { status: "False", reason: "Unschedulable", message: preemptingText };
		case "failed":
			return { status: "False", reason: "SchedulerError", message: failure?.message ?? "" };
		default:
			return kind satisfies never;
	}
}
