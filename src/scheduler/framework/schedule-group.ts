/**
 * The scheduling cycle of a group of pods: one after the other finds its node, as a pod by itself does, and counts there for those after
 * it; Permit says whether they are enough. Then everything is taken back: whoever runs the cycle has them bound, all of them, or none.
 *
 *   pods, most important first ─> Filter, Score ─> node set aside ─> Permit: enough? ─> next pod … ─> all set back
 *                                       └─ preemption would make room: the node counts without its victims, and the group waits for it
 *
 * Source: pkg/scheduler/schedule_one_podgroup.go of Kubernetes 1.36 (podGroupSchedulingDefaultAlgorithm); KEP-4671.
 */
import type { Cycle } from "./cycle.ts";
import type { PodInfo } from "./pod-info.ts";
import type { Scheduled, ScheduleOutcome, Unschedulable } from "./schedule-one.ts";
import { errorStatus, type Status, type Verdict } from "./status.ts";

/** What the cycle changes in what later pods see. */
export interface GroupTrial {
	schedule(pod: PodInfo): Cycle<ScheduleOutcome>;
	/**
	 * Sets the node aside for the pod, without the victims where preemption has to make room. Answers with what Permit says of that (Wait:
	 * not enough yet), and how to take it back; with a Status if it cannot be.
	 */
	setAside(
		pod: PodInfo,
		outcome: Scheduled | Unschedulable,
		nodeName: string,
	): { readonly permit: Verdict; readonly undo: () => void } | Status;
}

export interface MemberOutcome {
	/** As of a pod by itself. */
	readonly outcome: ScheduleOutcome;
	/** The node that it would have; absent: none. */
	readonly nodeName?: string;
	/** What Permit said of that. */
	readonly permit?: Verdict;
}

export interface GroupOutcome {
	/** In the order of the pods; fewer where a failure ended the cycle. */
	readonly members: readonly MemberOutcome[];
	/** - preempting: it would fit without the victims of preemption, and waits for that. */
	readonly kind: "scheduled" | "unschedulable" | "preempting" | "failed";
	/** Why the cycle failed. */
	readonly failure?: Status;
}

/** @param pods in the order in which they are tried. Throws nothing. */
export function* scheduleGroup(pods: readonly PodInfo[], trial: GroupTrial): Cycle<GroupOutcome> {
	const members: MemberOutcome[] = [];
	const undos: (() => void)[] = [];
	let isEnough = false;
	let needsPreemption = false;
	try {
		for (const pod of pods) {
			const member = yield* tryMember(pod, trial, undos);
			members.push(member);
			const { outcome, nodeName, permit } = member;
			if (outcome.kind === "failed" && !outcome.status.isRejected) {
				const failure = errorStatus("", `failed to schedule other pod from a pod group: ${outcome.status.message}`);
				return { members, kind: "failed", failure };
			}
			if (nodeName === undefined) continue;
			needsPreemption ||= outcome.kind === "unschedulable";
			isEnough ||= permit === undefined;
		}
	} finally {
		for (const undo of undos.toReversed()) undo();
	}
	if (!isEnough) return { members, kind: "unschedulable" };
	return { members, kind: needsPreemption ? "preempting" : "scheduled" };
}

function* tryMember(pod: PodInfo, trial: GroupTrial, undos: (() => void)[]): Cycle<MemberOutcome> {
	const outcome = yield* trial.schedule(pod);
	if (outcome.kind === "failed") return { outcome };
	const nodeName = outcome.kind === "scheduled" ? outcome.nodeName : (outcome.nominatedNodeName ?? "");
	if (nodeName === "") return { outcome };
	const aside = trial.setAside(pod, outcome, nodeName);
	if (!("undo" in aside)) return { outcome: { kind: "failed", status: aside } };
	undos.push(aside.undo);
	return { outcome, nodeName, permit: aside.permit };
}
