/**
 * Carries out what a sync is to do with a Job's pods, and says how the Job stands then.
 * Source: syncJob, manageJob, deleteActivePods and deleteJobPods in pkg/controller/job/job_controller.go.
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { Job, JobStatus, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import type { Expectations } from "../../client/expectations.ts";
import { isBeingDeleted, isPodReady } from "../pod-state.ts";
import { isNamespaceTerminating, type PodControl } from "../replicaset/pod-control.ts";
import { slowStart } from "../slow-start.ts";
import type { SyncOutcome } from "./accounting.ts";
import type { Assessment } from "./assessment.ts";
import { completionsReached, withJobCondition } from "./conditions.ts";
import type { FinalizerRemover } from "./finalizer-remover.ts";
import type { SyncAction } from "./job-metrics.ts";
import { isSuspended } from "./job-pods.ts";
import { indexedNamePrefix, indexedTemplate, trackedTemplate } from "./pod-template.ts";
import { planWork } from "./work.ts";

export interface PodWorkOptions {
	readonly control: PodControl;
	readonly remover: FinalizerRemover;
	readonly expectations: Expectations;
}

export interface SyncDeeds {
	readonly outcome: SyncOutcome;
	/** To be recorded when the status says the same. */
	readonly events: readonly { readonly reason: string; readonly message: string }[];
	/** How long failed pods wait to be replaced, ms. */
	readonly waitMs?: number | undefined;
	/** The first pod that could not be created or deleted. */
	readonly error?: unknown;
	readonly action: SyncAction;
}

/** How many pods run and end after some were created or deleted. */
interface PodCounts {
	readonly active: number;
	readonly ready: number;
	readonly terminating: number;
	readonly waitMs?: number;
	readonly error?: unknown;
	readonly action: SyncAction;
}

export class PodWork {
	readonly #options: PodWorkOptions;

	constructor(options: PodWorkOptions) {
		this.#options = options;
	}

	/** @param caughtUp the cache shows all pods that earlier syncs created and deleted. Never rejects. */
	async run(assessment: Assessment, caughtUp: boolean): Promise<SyncDeeds> {
		const { job, nowMs } = assessment;
		const { startTime = isSuspended(job) ? undefined : formatTime(nowMs), ...rest } = job.status ?? {};
		const status: JobStatus = startTime === undefined ? rest : { ...rest, startTime };
		if (assessment.ending !== undefined) return this.#end(assessment, caughtUp, status);
		const mayManage = caughtUp && !isBeingDeleted(job);
		const { waitMs, error, action, ...counts } = mayManage ? await this.#manage(assessment) : countsOf(assessment);
		if (isComplete(assessment, counts.active)) {
			return { outcome: { ...counts, ending: completionsReached, status }, events: [], waitMs, error, action };
		}
		const suspension = mayManage ? planSuspension(job, status, nowMs) : { status, events: [] };
		return { outcome: { ...counts, ending: undefined, status: suspension.status }, events: suspension.events, waitMs, error, action };
	}

	/** Deletes what runs. The Job ends only when all of it could be deleted, and nothing is left that the cache does not show. */
	async #end(assessment: Assessment, caughtUp: boolean, status: JobStatus): Promise<SyncDeeds> {
		const { job, active, ending } = assessment;
		const { done, error } = await attemptAll(active, (pod) => this.#options.control.delete(job, pod));
		const outcome = { ...withoutPods(assessment, done), status };
		return {
			outcome: { ...outcome, ending: done.length === active.length && caughtUp ? ending : undefined },
			events: [],
			error,
			action: "reconciling",
		};
	}

	async #manage(assessment: Assessment): Promise<PodCounts> {
		const work = planWork(assessment);
		switch (work.type) {
			case "nothing":
				return { ...countsOf(assessment), action: "tracking" };
			case "wait":
				return { ...countsOf(assessment), action: "tracking", waitMs: work.delayMs };
			case "create":
				return this.#create(assessment, work.indexes);
			case "delete":
				return this.#delete(assessment, work.pods);
			default:
				return work satisfies never;
		}
	}

	async #create(assessment: Assessment, indexes: readonly (number | undefined)[]): Promise<PodCounts> {
		const { expectations } = this.#options;
		const key = objectKey(assessment.job);
		const counts = countsOf(assessment);
		expectations.expectCreations(key, indexes.length);
		const result = await slowStart(indexes.length, async (at) => {
			try {
				await this.#createOne(assessment, indexes[at]);
			} catch (error) {
				if (!isNamespaceTerminating(error)) throw error;
				// The pods will not come, nor be wanted for long.
				expectations.creationObserved(key);
			}
		});
		const notMade = indexes.length - result.succeeded;
		if (notMade > 0) expectations.creationObserved(key, notMade);
		return { ...counts, active: counts.active + result.succeeded, error: result.error, action: "pods_created" };
	}

	#createOne({ job, toBeReplaced }: Assessment, index: number | undefined): Promise<void> {
		if (index === undefined) return this.#options.control.create(job, trackedTemplate(job));
		return this.#options.control.create(job, indexedTemplate(job, index, toBeReplaced.get(index)), indexedNamePrefix(job, index));
	}

	/** Pods that are too many are not counted: they lose their finalizer first. */
	async #delete(assessment: Assessment, pods: readonly Pod[]): Promise<PodCounts> {
		const { control, expectations, remover } = this.#options;
		const key = objectKey(assessment.job);
		expectations.expectDeletions(key, pods.map(objectKey));
		const { done, error } = await attemptAll(pods, async (pod) => {
			try {
				await remover.remove(pod);
				if (!(await control.delete(assessment.job, pod))) expectations.deletionObserved(key, objectKey(pod));
			} catch (failure) {
				expectations.deletionObserved(key, objectKey(pod));
				throw failure;
			}
		});
		return { ...withoutPods(assessment, done), error, action: "pods_deleted" };
	}
}

/** Tries it with every pod; resolves to those with which it worked, and the first failure. */
async function attemptAll(
	pods: readonly Pod[],
	attempt: (pod: Pod) => Promise<unknown>,
): Promise<{ readonly done: readonly Pod[]; readonly error: unknown }> {
	const results = await Promise.allSettled(pods.map(attempt));
	const failure = results.find((result) => result.status === "rejected");
	return { done: pods.filter((_, at) => results[at]?.status === "fulfilled"), error: failure?.reason };
}

/** As long as nothing has been done. */
function countsOf({ active, ready, terminating }: Assessment): PodCounts {
	return { active: active.length, ready, terminating: terminating.length, action: "reconciling" };
}

function withoutPods(assessment: Assessment, deleted: readonly Pod[]): Omit<PodCounts, "action"> {
	const { active, ready, terminating } = countsOf(assessment);
	return {
		active: active - deleted.length,
		ready: ready - deleted.filter(isPodReady).length,
		terminating: terminating + deleted.length,
	};
}

/** A work queue is done when a worker has succeeded and none runs any more. */
function isComplete({ job, succeeded }: Assessment, active: number): boolean {
	return active === 0 && succeeded >= (job.spec?.completions ?? 1);
}

/** A suspended Job has no start time; a resumed one starts anew, with all the time of its deadline. */
function planSuspension(job: Job, status: JobStatus, nowMs: number): Pick<SyncDeeds, "events"> & { readonly status: JobStatus } {
	const before = status.conditions ?? [];
	const suspended = isSuspended(job);
	const told = suspended
		? { status: "True", reason: "JobSuspended", message: "Job suspended" }
		: { status: "False", reason: "JobResumed", message: "Job resumed" };
	const conditions = withJobCondition(before, { type: "Suspended", ...told }, nowMs);
	if (conditions === before) return { status, events: [] };
	const { startTime: _, ...rest } = status;
	const next = suspended ? rest : { ...rest, startTime: formatTime(nowMs) };
	return { status: { ...next, conditions }, events: [{ reason: suspended ? "Suspended" : "Resumed", message: told.message }] };
}
