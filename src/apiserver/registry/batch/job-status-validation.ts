/**
 * What may be wrong with the status that a controller reports of a Job. Most rules hold only for what the report
 * changes: a status may break a rule for a moment after somebody changed the spec.
 * Source: validateJobStatus and ValidateJobStatusUpdate in pkg/apis/batch/validation/validation.go,
 * getStatusValidationOptions in pkg/registry/batch/job/strategy.go of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Job, JobStatus } from "../../../apimachinery/schema/generated/types.ts";
import { parseTime } from "../../../apimachinery/time.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldInvalid,
	fieldInvalidAsWhole,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { type InternalShape, internalValue } from "../validation/internal-value.ts";
import { type FieldErrors, validateNonnegative } from "../validation/primitives.ts";
import { countIndexes, firstCommonIndex } from "./index-intervals.ts";

const CONDITIONS = "status.conditions";

const uncountedShape: InternalShape = [
	["Succeeded", "succeeded", null],
	["Failed", "failed", null],
];

export function validateJobStatusUpdate(job: Job, old: Job): FieldErrors {
	const status = job.status ?? {};
	const before = old.status ?? {};
	return [
		...(["active", "succeeded", "failed", "ready", "terminating"] as const).flatMap((field) =>
			validateNonnegative(status[field], `status.${field}`),
		),
		...validateUncounted(status),
		...validateEnd(status, before),
		...validateFinished(job, before),
		...validateIndexes(job, before),
		...validateRunning(job, before),
		...validateSuccessCriteria(job),
		...validateProgress(job, before),
	];
}

const has = ({ conditions }: JobStatus, type: string): boolean =>
	(conditions ?? []).find((condition) => condition.type === type && condition.status === "True") !== undefined;

const isFinished = (status: JobStatus): boolean => has(status, "Complete") || has(status, "Failed");

/** Pods that ended and were not counted yet: each once. */
function validateUncounted({ uncountedTerminatedPods: pods }: JobStatus): FieldErrors {
	const seen = new Set<string>();
	return (["succeeded", "failed"] as const).flatMap((field) =>
		(pods?.[field] ?? []).flatMap((uid, index): FieldErrors => {
			const path = `status.uncountedTerminatedPods.${field}[${index}]`;
			if (uid === "") return [fieldInvalid(path, uid, "must not be empty")];
			if (seen.has(uid)) return [fieldDuplicate(path, uid)];
			seen.add(uid);
			return [];
		}),
	);
}

/** A Job ends in one way, and at one time. */
function validateEnd(status: JobStatus, before: JobStatus): FieldErrors {
	const errors: FieldError[] = [];
	const { startTime, completionTime } = status;
	const changes = (type: string) => has(status, type) !== has(before, type);
	const isMoved = completionTime !== before.completionTime;
	const isComplete = has(status, "Complete");
	if ((changes("Complete") || changes("Failed")) && isComplete && has(status, "Failed")) {
		errors.push(fieldInvalidAsWhole(CONDITIONS, "cannot set Complete=True and Failed=true conditions"));
	}
	if ((changes("Complete") || changes("FailureTarget")) && isComplete && has(status, "FailureTarget")) {
		errors.push(fieldInvalidAsWhole(CONDITIONS, "cannot set Complete=True and FailureTarget=true conditions"));
	}
	if ((changes("Complete") || isMoved) && completionTime !== undefined && !isComplete) {
		const text = "cannot set completionTime when there is no Complete=True condition";
		errors.push(fieldInvalid("status.completionTime", completionTime, text));
	}
	if ((changes("Complete") || isMoved) && completionTime === undefined && isComplete) {
		errors.push(fieldRequired("status.completionTime", "completionTime is required for Complete jobs"));
	}
	if ((startTime !== before.startTime || isMoved) && isBefore(completionTime, startTime)) {
		errors.push(fieldInvalid("status.completionTime", completionTime, "completionTime cannot be set before startTime"));
	}
	if ((changes("Failed") || changes("FailureTarget")) && has(status, "Failed") && !has(status, "FailureTarget")) {
		errors.push(fieldInvalidAsWhole(CONDITIONS, "cannot set Failed=True condition without the FailureTarget=true condition"));
	}
	if ((changes("Complete") || changes("SuccessCriteriaMet")) && isComplete && !has(status, "SuccessCriteriaMet")) {
		errors.push(fieldInvalidAsWhole(CONDITIONS, "cannot set Complete=True condition without the SuccessCriteriaMet=true condition"));
	}
	return errors;
}

function isBefore(time: string | undefined, other: string | undefined): boolean {
	return time !== undefined && other !== undefined && parseTime(time) < parseTime(other);
}

/** Nothing runs, ends or waits to be counted in a Job that finished. */
function validateFinished({ spec, status = {} }: Job, before: JobStatus): FieldErrors {
	if (!isFinished(status)) return [];
	const errors: FieldError[] = [];
	const isNews = !isFinished(before);
	const { active = 0, startTime, uncountedTerminatedPods: uncounted } = status;
	if ((isNews || active !== (before.active ?? 0)) && active > 0) {
		errors.push(fieldInvalid("status.active", active, "active>0 is invalid for finished job"));
	}
	// It has nothing to do, and completes without ever having started.
	const neverStarts = spec?.suspend === true && spec.completions === 0;
	if ((isNews || startTime !== before.startTime) && !neverStarts && startTime === undefined) {
		errors.push(fieldRequired("status.startTime", "startTime is required for finished job"));
	}
	const isWaiting = (uncounted?.succeeded ?? []).length + (uncounted?.failed ?? []).length > 0;
	if ((isNews || !jsonEqual(uncounted, before.uncountedTerminatedPods)) && isWaiting) {
		const text = "uncountedTerminatedPods needs to be empty for finished job";
		errors.push(fieldInvalid("status.uncountedTerminatedPods", internalValue(uncounted, uncountedShape), text));
	}
	return errors;
}

/** Indexes are those of the Job, and an index has completed or failed, not both. */
function validateIndexes({ spec, status = {} }: Job, before: JobStatus): FieldErrors {
	const errors: FieldError[] = [];
	const { completedIndexes: completed = "", failedIndexes: failed } = status;
	const { completions, backoffLimitPerIndex, completionMode } = spec ?? {};
	const completedChanged = completed !== (before.completedIndexes ?? "");
	const failedChanged = failed !== before.failedIndexes;
	if (completedChanged && completions !== undefined) {
		const count = countIndexes(completed, completions);
		if (typeof count === "string")
			errors.push(fieldInvalid("status.completedIndexes", completed, `error parsing completedIndexes: ${count}`));
	}
	if (failedChanged && completions !== undefined && backoffLimitPerIndex !== undefined && failed !== undefined) {
		const count = countIndexes(failed, completions);
		if (typeof count === "string") errors.push(fieldInvalid("status.failedIndexes", failed, `error parsing failedIndexes: ${count}`));
	}
	if (completedChanged && completed !== "" && completionMode !== "Indexed") {
		const text = "cannot set non-empty completedIndexes when non-indexed completion mode";
		errors.push(fieldInvalid("status.completedIndexes", completed, text));
	}
	if (failedChanged && backoffLimitPerIndex === undefined && failed !== undefined) {
		errors.push(fieldInvalid("status.failedIndexes", failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null"));
	}
	if ((completedChanged || failedChanged) && completions !== undefined && failed !== undefined) {
		const index = firstCommonIndex(completed, failed, completions);
		if (index !== undefined) {
			errors.push(fieldInvalid("status.failedIndexes", failed, `failedIndexes and completedIndexes overlap at index: ${index}`));
		}
	}
	return errors;
}

/** What ends has no place in a finished Job, and no more Pods are ready than run. */
function validateRunning({ status = {} }: Job, before: JobStatus): FieldErrors {
	const errors: FieldError[] = [];
	const { active = 0, ready, terminating = 0 } = status;
	const isNews = isFinished(status) !== isFinished(before) || status.terminating !== before.terminating;
	if (isNews && terminating > 0 && isFinished(status)) {
		errors.push(fieldInvalid("status.terminating", terminating, "terminating>0 is invalid for finished job"));
	}
	if ((ready !== before.ready || active !== (before.active ?? 0)) && (ready ?? 0) > active) {
		errors.push(fieldInvalid("status.ready", ready, "cannot set more ready pods than active"));
	}
	return errors;
}

/** Success is decided before a Job completes, and a Job that failed has not succeeded. */
function validateSuccessCriteria({ spec, status = {} }: Job): FieldErrors {
	const isMet = has(status, "SuccessCriteriaMet");
	const texts = [
		...(isMet && has(status, "Failed") ? ["cannot set SuccessCriteriaMet=True and Failed=true conditions"] : []),
		...(isMet && has(status, "FailureTarget") ? ["cannot set SuccessCriteriaMet=True and FailureTarget=true conditions"] : []),
		...(spec?.successPolicy !== undefined && !isMet && has(status, "Complete")
			? ["cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True"]
			: []),
	];
	return texts.map((text) => fieldInvalidAsWhole(CONDITIONS, text));
}

/** A Job only goes forward. */
function validateProgress({ spec, status = {} }: Job, before: JobStatus): FieldErrors {
	const errors: FieldError[] = [];
	const lost = (type: string) => has(before, type) && !has(status, type);
	for (const type of ["Failed", "Complete", "FailureTarget"].filter(lost)) {
		errors.push(fieldInvalidAsWhole(CONDITIONS, `cannot disable the terminal ${type}=True condition`));
	}
	const { failed = 0, succeeded = 0 } = status;
	if (failed < (before.failed ?? 0)) errors.push(fieldInvalid("status.failed", failed, "cannot decrease the failed counter"));
	// An elastic Job that shrinks has fewer indexes to count.
	const isElastic = spec?.completionMode === "Indexed" && spec.completions === spec.parallelism;
	if (!isElastic && succeeded < (before.succeeded ?? 0)) {
		errors.push(fieldInvalid("status.succeeded", succeeded, "cannot decrease the succeeded counter"));
	}
	const { startTime, completionTime } = status;
	if (completionTime !== undefined && before.completionTime !== undefined && completionTime !== before.completionTime) {
		errors.push(fieldInvalid("status.completionTime", completionTime, "completionTime cannot be mutated"));
	}
	// A Job that is resumed starts anew.
	const isResumed = has(before, "Suspended") && !has(status, "Suspended");
	if (before.startTime !== undefined && startTime !== before.startTime && spec?.suspend !== true && !isResumed) {
		errors.push(fieldRequired("status.startTime", "startTime cannot be removed for unsuspended job"));
	}
	if (lost("SuccessCriteriaMet")) errors.push(fieldInvalidAsWhole(CONDITIONS, "cannot disable the SuccessCriteriaMet=True condition"));
	if (has(before, "Complete") && !has(before, "SuccessCriteriaMet") && has(status, "SuccessCriteriaMet")) {
		const text = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
		errors.push(fieldInvalidAsWhole(CONDITIONS, text));
	}
	return errors;
}
