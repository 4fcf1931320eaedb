/**
 * Which Jobs a CronJob has kept for long enough. Pure.
 * Source: cleanupFinishedJobs in pkg/controller/cronjob/cronjob_controllerv2.go and
 * https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#jobs-history-limits
 */
import type { CronJob, Job } from "../../apimachinery/schema/generated/types.ts";
import { finishedAs } from "../job/job-pods.ts";

/** The Jobs beyond the limits, oldest first: of those that succeeded, then of those that failed. */
export function outdatedJobs({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
	const oldest = (type: "Complete" | "Failed", limit: number | undefined) => {
		const ended = jobs.filter((job) => finishedAs(job) === type).sort(compareStarts);
		return limit === undefined ? [] : ended.slice(0, Math.max(0, ended.length - limit));
	};
	return [...oldest("Complete", spec.successfulJobsHistoryLimit), ...oldest("Failed", spec.failedJobsHistoryLimit)];
}

/** Jobs that never started come last; Jobs that started at once, by name. */
function compareStarts(a: Job, b: Job): number {
	const [startA, startB] = [a.status?.startTime ?? "~", b.status?.startTime ?? "~"];
	if (startA !== startB) return startA < startB ? -1 : 1;
	return (a.metadata?.name ?? "") < (b.metadata?.name ?? "") ? -1 : 1;
}
