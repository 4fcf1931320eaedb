/**
 * What the scheduler writes to the status of a pod that it could not place: the PodScheduled condition and the node
 * that preemption keeps for it.
 */
import type { Pod, PodCondition } from "../apimachinery/schema/generated/types.ts";
import { formatTime } from "../apimachinery/time.ts";

/** The PodScheduled condition's reasons: it fits nowhere, or something went wrong. */
type NotScheduledReason = "Unschedulable" | "SchedulerError";

export interface NotScheduled {
	readonly reason: NotScheduledReason;
	readonly message: string;
	/** "" takes a nomination back; absent leaves it alone. */
	readonly nominatedNodeName?: string | undefined;
}

/** A strategic merge patch of the pod's status, or undefined if it says all that already. */
export function notScheduledPatch(pod: Pod, { reason, message, nominatedNodeName }: NotScheduled, nowMs: number): object | undefined {
	const old = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
	const generation = pod.metadata?.generation;
	const condition: PodCondition = {
		type: "PodScheduled",
		status: "False",
		reason,
		message,
		...(generation === undefined ? {} : { observedGeneration: generation }),
		...(old?.status === "False" ? {} : { lastTransitionTime: formatTime(nowMs) }),
	};
	const conditionChanged =
		old?.status !== "False" || old.reason !== reason || old.message !== message || old.observedGeneration !== generation;
	const nominationChanged = nominatedNodeName !== undefined && nominatedNodeName !== (pod.status?.nominatedNodeName ?? "");
	if (!conditionChanged && !nominationChanged) return undefined;
	return {
		metadata: { uid: pod.metadata?.uid },
		status: {
			...(conditionChanged ? { conditions: [condition] } : {}),
			...(nominationChanged ? { nominatedNodeName: nominatedNodeName === "" ? null : nominatedNodeName } : {}),
		},
	};
}

/** The most characters that an event's message may have. */
const maxMessageLength = 1024;

export function truncateMessage(message: string): string {
	const ending = " ...";
	return message.length <= maxMessageLength ? message : `${message.slice(0, maxMessageLength - ending.length)}${ending}`;
}
