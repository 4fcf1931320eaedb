/**
 * Job. Its selector is made from its uid, so that no two Jobs share Pods. Source: pkg/apis/batch/v1/defaults.go,
 * pkg/registry/batch/job/strategy.go of Kubernetes 1.36. https://kubernetes.io/docs/concepts/workloads/controllers/job/
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Job, JobSpec, PodFailurePolicyRule } from "../../../apimachinery/schema/generated/types.ts";
import { formatDuration, parseTime } from "../../../apimachinery/time.ts";
import { eachItem, mapField, withDefaults, withField, withSpec } from "../core/defaulting.ts";
import { defaultPodTemplate } from "../core/pod-spec-defaults.ts";
import { defineKind, type PrintContext } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { containerColumns, selectorColumn } from "../printing/pod-template-columns.ts";
import { isUnchanged, podNameWarnings } from "../validation/workload-warnings.ts";
import { CONTROLLER_UID, generatedLabels } from "./job-labels.ts";
import { validateJobStatusUpdate } from "./job-status-validation.ts";
import { validateJob, validateJobUpdate } from "./job-validation.ts";
import { jobSpecWarnings } from "./job-warnings.ts";

const MAX_INT32 = 2 ** 31 - 1;

function setDefaults(job: Job): Job {
	const result = mapField(withSpec(job), "spec", defaultSpec);
	const labels = result.spec?.template?.metadata?.labels;
	if (labels === undefined || Object.keys(result.metadata?.labels ?? {}).length > 0) return result;
	return { ...result, metadata: { ...result.metadata, labels } };
}

function defaultSpec(spec: JobSpec): JobSpec {
	const isUnsized = spec.completions === undefined && spec.parallelism === undefined;
	const result = withDefaults(spec, {
		...(isUnsized ? { completions: 1 } : {}),
		parallelism: 1,
		backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : MAX_INT32,
		completionMode: "NonIndexed",
		suspend: false,
		manualSelector: false,
		podReplacementPolicy: spec.podFailurePolicy === undefined ? "TerminatingOrFailed" : "Failed",
	});
	const withPolicy = mapField(result, "podFailurePolicy", (policy) => mapField(policy, "rules", eachItem(defaultFailureRule)));
	return mapField(withPolicy, "template", defaultPodTemplate);
}

const defaultFailureRule = (rule: PodFailurePolicyRule): PodFailurePolicyRule =>
	mapField(
		rule,
		"onPodConditions",
		eachItem((pattern) => withDefaults(pattern, { status: "True" })),
	);

/** Labels the Pods with the Job's name and uid and selects by the uid, unless the author manages the selector. */
function prepareForCreate(job: Job): Job {
	const { spec, metadata = {} } = job;
	const created: Job = { ...job, status: {} };
	if (spec === undefined || spec.manualSelector === true) return created;
	const own = spec.template?.metadata?.labels;
	// Validation says if what the author gives does not fit.
	const labels = { ...generatedLabels(metadata), ...own };
	const template = { ...spec.template, metadata: { ...spec.template?.metadata, labels } };
	const selector = { ...spec.selector, matchLabels: { [CONTROLLER_UID]: metadata.uid ?? "", ...spec.selector?.matchLabels } };
	// A Job without labels of its own has its template's, those made here included.
	const inherits = metadata.labels === undefined || jsonEqual(metadata.labels, own ?? {});
	return { ...created, metadata: inherits ? { ...metadata, labels } : metadata, spec: { ...spec, template, selector } };
}

/** `1/3`; `0/1 of 5` for a work queue. */
function formatCompletions({ spec, status }: Job): string {
	const succeeded = status?.succeeded ?? 0;
	if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
	const parallelism = spec?.parallelism ?? 0;
	return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

/** From start to completion, or until now. */
function formatRuntime({ status }: Job, { nowMs }: PrintContext): string {
	if (status?.startTime === undefined) return "";
	const end = status.completionTime === undefined ? nowMs : parseTime(status.completionTime);
	return formatDuration(end - parseTime(status.startTime));
}

function formatStatus({ metadata, status }: Job): string {
	const has = (type: string) => status?.conditions?.find((condition) => condition.type === type)?.status === "True";
	if (has("Complete")) return "Complete";
	if (has("Failed")) return "Failed";
	if (metadata?.deletionTimestamp !== undefined) return "Terminating";
	if (has("Suspended")) return "Suspended";
	if (has("FailureTarget")) return "FailureTarget";
	return has("SuccessCriteriaMet") ? "SuccessCriteriaMet" : "Running";
}

export const jobKind = defineKind<Job>({
	group: "batch",
	kind: "Job",
	resource: "jobs",
	singular: "job",
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	// For the sake of old clients: who deletes a Job by name alone keeps its Pods.
	defaultDeletion: "orphan",
	setDefaults,
	prepareForCreate,
	prepareForUpdate: (job, old) => withField(job, "status", old.status),
	validate: validateJob,
	validateUpdate: validateJobUpdate,
	validateStatusUpdate: validateJobStatusUpdate,
	warnings: (job, old) => {
		if (isUnchanged(job, old)) return [];
		return [...(old === undefined ? podNameWarnings(job) : []), ...jobSpecWarnings(job.spec, "spec")];
	},
	columns: [
		nameColumn(),
		stringColumn("Status", "Status of the job.", formatStatus),
		stringColumn("Completions", "The number of pods which reached phase Succeeded.", formatCompletions),
		stringColumn("Duration", "Time required to complete the job.", formatRuntime),
		ageColumn(),
		...containerColumns<Job>(({ spec }) => spec?.template?.spec?.containers),
		selectorColumn(
			"A label query over pods that should match the pod count. Normally, the system sets this field for you.",
			({ spec }) => spec?.selector,
		),
	],
	selectableFields: ({ status }) => ({ "status.successful": String(status?.succeeded ?? 0) }),
});
