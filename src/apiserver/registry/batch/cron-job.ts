/**
 * CronJob. Source: pkg/apis/batch/v1/defaults.go, pkg/apis/batch/validation of Kubernetes 1.36.
 * https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
 */
import type { CronJob, CronJobSpec, JobSpec } from "../../../apimachinery/schema/generated/types.ts";
import { formatAge } from "../../../apimachinery/time.ts";
import { type FieldError, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { mapField, withDefaults } from "../core/defaulting.ts";
import { defaultPodTemplate } from "../core/pod-spec-defaults.ts";
import { podTemplateWarnings } from "../core/pod-warnings.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, booleanTextColumn, integerColumn, nameColumn, orNone, stringColumn } from "../printing/columns.ts";
import { containerColumns, selectorColumn } from "../printing/pod-template-columns.ts";
import { type FieldErrors, NO_ERRORS, validateEnum, validateNonnegative } from "../validation/primitives.ts";
import { cronScheduleError, isTimeZone } from "./cron-schedule.ts";
import { validateJobSpec } from "./job-validation.ts";

/** The controller adds eleven characters to make a Job's name. */
const maxNameLength = 63 - 11;

function setDefaults(cronJob: CronJob): CronJob {
	return mapField(cronJob, "spec", (spec) => {
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

/** A template of jobs that says nothing. */
const emptyJob: JobSpec = { template: {} };

function validate(cronJob: CronJob): FieldErrors {
	const { metadata } = cronJob;
	const spec: Partial<CronJobSpec> = cronJob.spec ?? {};
	const name = metadata?.name ?? "";
	const errors: FieldError[] =
		name.length > maxNameLength ? [fieldInvalid("metadata.name", name, `must be no more than ${maxNameLength} characters`)] : [];
	errors.push(
		...validateSchedule(spec),
		...validateNonnegative(spec.startingDeadlineSeconds, "spec.startingDeadlineSeconds"),
		...validateTimeZone(spec.timeZone),
		...validateEnum(spec.concurrencyPolicy, "spec.concurrencyPolicy", ["Allow", "Forbid", "Replace"]),
		...validateJobSpec(spec.jobTemplate?.spec ?? emptyJob, "spec.jobTemplate.spec"),
		...validateNonnegative(spec.successfulJobsHistoryLimit, "spec.successfulJobsHistoryLimit"),
		...validateNonnegative(spec.failedJobsHistoryLimit, "spec.failedJobsHistoryLimit"),
	);
	return errors;
}

function validateSchedule({ schedule }: Partial<CronJobSpec>): FieldErrors {
	const path = "spec.schedule";
	if (schedule === undefined || schedule === "") return [fieldRequired(path)];
	const error = cronScheduleError(schedule);
	if (error !== undefined) return [fieldInvalid(path, schedule, error)];
	return schedule.includes("TZ")
		? [fieldInvalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")]
		: NO_ERRORS;
}

function validateTimeZone(timeZone: string | undefined): FieldErrors {
	const path = "spec.timeZone";
	if (timeZone === undefined) return NO_ERRORS;
	if (timeZone === "") return [fieldInvalid(path, timeZone, "must be nil or non-empty string")];
	if (timeZone.toLowerCase() === "local")
		return [fieldInvalid(path, timeZone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones")];
	return isTimeZone(timeZone) ? NO_ERRORS : [fieldInvalid(path, timeZone, `unknown time zone ${timeZone}`)];
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
	warnings: ({ spec }) => podTemplateWarnings(spec?.jobTemplate?.spec?.template, "spec.jobTemplate.spec.template"),
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
