/**
 * The Jobs that a CronJob makes. Pure.
 * Source: getJobFromTemplate2 in pkg/controller/cronjob/utils.go.
 */
import type { CronJob, Job } from "../../apimachinery/schema/generated/types.ts";
import { formatTimeIn, type TimeZone } from "../../apimachinery/time-zone.ts";
import { controllerReference } from "../../client/owner.ts";

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#batch-kubernetes-io-cronjob-scheduled-timestamp */
const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/** One name for one time, so that no run is made twice: the minutes since 1970. */
export function jobNameAt({ metadata }: CronJob, scheduledMs: number): string {
	return `${metadata?.name}-${Math.floor(scheduledMs / 60_000)}`;
}

/** @param zone in which the Job is told its time. */
export function jobAt(cronJob: CronJob, scheduledMs: number, zone: TimeZone): Job {
	const { jobTemplate } = cronJob.spec;
	const { labels, annotations } = jobTemplate.metadata ?? {};
	return {
		apiVersion: "batch/v1",
		kind: "Job",
		metadata: {
			name: jobNameAt(cronJob, scheduledMs),
			...(cronJob.metadata?.namespace === undefined ? {} : { namespace: cronJob.metadata.namespace }),
			...(labels === undefined ? {} : { labels }),
			annotations: { ...annotations, [scheduledAnnotation]: formatTimeIn(scheduledMs, zone) },
			ownerReferences: [controllerReference(cronJob)],
		},
		...(jobTemplate.spec === undefined ? {} : { spec: jobTemplate.spec }),
	};
}
