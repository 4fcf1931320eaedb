/**
 * CronJob. Source: pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
 */

import { cronScheduleError } from "../../../apimachinery/cron-schedule.ts";
import type { CronJob, CronJobSpec } from "../../../apimachinery/schema/generated/types.ts";
import { formatAge } from "../../../apimachinery/time.ts";
import { isTimeZone } from "../../../apimachinery/time-zone.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults, withSpec } from "../core/defaulting.ts";
import { defaultPodTemplate } from "../core/pod-spec-defaults.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanTextColumn, integerColumn, nameColumn, orNone, stringColumn } from "../printing/columns.ts";
import { containerColumns, selectorColumn } from "../printing/pod-template-columns.ts";
import { type FieldErrors, NO_ERRORS, validateEnum, validateNonnegative } from "../validation/primitives.ts";
import { isUnchanged, podNameWarnings } from "../validation/workload-warnings.ts";
import { validateJobTemplate } from "./job-validation.ts";
import { jobSpecWarnings } from "./job-warnings.ts";

/** The controller adds eleven characters to make a Job's name. */
const maxNameLength = 63 - 11;

function setDefaults(cronJob: CronJob): CronJob {
	return mapField(withSpec(cronJob), "spec", (spec) => {
		const result = withDefaults(spec, {
			concurrencyPolicy: "Allow",
			suspend: false,
			successfulJobsHistoryLimit: 3,
			failedJobsHistoryLimit: 1,
		});
		return mapField(result, "jobTemplate", (jobTemplate) =>
			mapField(withDefaults(jobTemplate, { metadata: {} }), "spec", (job) => mapField(job, "template", defaultPodTemplate)),
		);
	});
}

/** On an update a long name, a zone in the schedule and an unknown time zone may stay where they were before. */
function validate(cronJob: CronJob, old?: CronJob): FieldErrors {
	const { metadata } = cronJob;
	const spec: Partial<CronJobSpec> = cronJob.spec ?? {};
	const name = metadata?.name ?? "";
	const errors: FieldError[] = [
		...validateSchedule(spec, old?.spec?.schedule?.includes("TZ") === true),
		...validateNonnegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"),
		...(old !== undefined && old.spec?.timeZone === spec.timeZone ? NO_ERRORS : validateTimeZone(spec.timeZone)),
		...validateEnum(spec.concurrencyPolicy, "spec.concurrencyPolicy", ["Allow", "Forbid", "Replace"]),
		...validateJobTemplate(spec.jobTemplate, "spec.jobTemplate"),
		...validateNonnegative(spec.successfulJobsHistoryLimit, "spec.successfulJobsHistoryLimit"),
		...validateNonnegative(spec.failedJobsHistoryLimit, "spec.failedJobsHistoryLimit"),
	];
	if (old === undefined && Buffer.byteLength(name) > maxNameLength) {
		errors.push(fieldInvalid("metadata.name", name, `must be no more than ${maxNameLength} characters`));
	}
	return errors;
}

function validateSchedule({ schedule, timeZone }: Partial<CronJobSpec>, mayNameZone: boolean): FieldErrors {
	const path = "spec.schedule";
	if (schedule === undefined || schedule === "") return [fieldRequired(path)];
	const error = cronScheduleError(schedule);
	const errors = error === undefined ? [] : [fieldInvalid(path, schedule, error)];
	if (!schedule.includes("TZ")) return errors;
	if (!mayNameZone) return [...errors, fieldInvalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")];
	return timeZone === undefined
		? errors
		: [...errors, fieldInvalid(path, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule")];
}

function validateTimeZone(timeZone: string | undefined): FieldErrors {
	const path = "spec.timeZone";
	if (timeZone === undefined) return NO_ERRORS;
	if (timeZone === "") return [fieldInvalid(path, timeZone, "timeZone must be nil or non-empty string")];
	const errors: FieldError[] = [];
	if (timeZone.toLowerCase() === "local") {
		errors.push(fieldInvalid(path, timeZone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"));
	}
	// The machine's own zone is one that Go knows, by this name alone.
	if (timeZone !== "Local" && !isTimeZone(timeZone)) errors.push(fieldInvalid(path, timeZone, `unknown time zone ${timeZone}`));
	return errors;
}

function scheduleWarnings({ spec }: CronJob): readonly string[] {
	if (spec?.schedule?.includes("TZ") !== true) return [];
	return [
		"cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details",
	];
}

export const cronJobKind = defineKind<CronJob>({
	group: "batch",
	kind: "CronJob",
	resource: "cronjobs",
	singular: "cronjob",
	shortNames: ["cj"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults,
	prepareForCreate: (cronJob) => ({ ...cronJob, status: {} }),
	validate,
	warnings: (cronJob, old) => {
		if (isUnchanged(cronJob, old)) return [];
		const own = jobSpecWarnings(cronJob.spec?.jobTemplate?.spec, "spec.jobTemplate.spec");
		return old === undefined ? [...podNameWarnings(cronJob), ...own] : [...own, ...scheduleWarnings(cronJob)];
	},
	columns: [
		nameColumn(),
		stringColumn("Schedule", "The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.", ({ spec }) => spec?.schedule ?? ""),
		stringColumn(
			"Timezone",
			"The time zone name for the given schedule, see https://en.wikipedia.org/wiki/List_of_tz_database_time_zones.",
			({ spec }) => orNone(spec?.timeZone),
		),
		booleanTextColumn(
			"Suspend",
			"This flag tells the controller to suspend subsequent executions, it does not apply to already started executions.",
			({ spec }) => spec?.suspend,
		),
		integerColumn("Active", "A list of pointers to currently running jobs.", ({ status }) => (status?.active ?? []).length),
		stringColumn("Last Schedule", "Information when was the last time the job was successfully scheduled.", ({ status }, { nowMs }) =>
			status?.lastScheduleTime === undefined ? "<none>" : formatAge(status.lastScheduleTime, nowMs),
		),
		ageColumn(),
		...containerColumns<CronJob>(({ spec }) => spec?.jobTemplate?.spec?.template?.spec?.containers),
		selectorColumn("A label query over pods that should match the pod count.", ({ spec }) => spec?.jobTemplate?.spec?.selector),
	],
});
