/**
 * Conditions of a Job, with Kubernetes' reasons and messages. A Job ends in two steps: `FailureTarget` or
 * `SuccessCriteriaMet` says how it will end while pods still run; `Failed` or `Complete` says that none does any more.
 *
 *   (running) ──> FailureTarget ──────> Failed
 *       └───────> SuccessCriteriaMet ─> Complete
 *
 * Source: pkg/controller/job/job_controller.go, KEP-3939 (pod replacement policy), KEP-4368 (managed by).
 */
import type { Job, JobCondition } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";

/** How a Job is to end. */
export interface Ending {
	readonly type: "FailureTarget" | "SuccessCriteriaMet";
	readonly reason: string;
	readonly message: string;
}

export const completionsReached: Ending = {
	type: "SuccessCriteriaMet",
	reason: "CompletionsReached",
	message: "Reached expected number of succeeded pods",
};
export const backoffLimitExceeded = failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
export const deadlineExceeded = failure("DeadlineExceeded", "Job was active longer than specified deadline");
export const maxFailedIndexesExceeded = failure(
	"MaxFailedIndexesExceeded",
	"Job has exceeded the specified maximal number of failed indexes",
);
export const failedIndexes = failure("FailedIndexes", "Job has failed indexes");
export const failedByPolicy = (message: string): Ending => failure("PodFailurePolicy", message);
export const succeededByPolicy = (message: string): Ending => ({ type: "SuccessCriteriaMet", reason: "SuccessPolicy", message });

function failure(reason: string, message: string): Ending {
	return { type: "FailureTarget", reason, message };
}

/** The ending that an earlier sync wrote into the status. */
export function decidedEnding({ status }: Job): Ending | undefined {
	for (const type of ["SuccessCriteriaMet", "FailureTarget"] as const) {
		const condition = status?.conditions?.find((known) => known.type === type && known.status === "True");
		if (condition !== undefined) return { type, reason: condition.reason ?? "", message: condition.message ?? "" };
	}
	return undefined;
}

/** The condition that an ending leads to. */
export function finalConditionOf({ type, reason, message }: Ending) {
	return { type: type === "FailureTarget" ? ("Failed" as const) : ("Complete" as const), reason, message };
}

/**
 * The list with the condition set in its place, or at the end; the same list if it says so already, or if it would say
 * for the first time that something is not so.
 */
export function withJobCondition(
	conditions: readonly JobCondition[],
	{ type, status, reason, message }: Required<Omit<JobCondition, "lastProbeTime" | "lastTransitionTime">>,
	nowMs: number,
): readonly JobCondition[] {
	const now = formatTime(nowMs);
	const condition: JobCondition = { type, status, reason, message, lastProbeTime: now, lastTransitionTime: now };
	const at = conditions.findIndex((known) => known.type === type);
	const old = conditions[at];
	if (old === undefined) return status === "False" ? conditions : [...conditions, condition];
	const isSame = old.status === status && (old.reason ?? "") === reason && (old.message ?? "") === message;
	return isSame ? conditions : conditions.with(at, condition);
}
