/**
 * cronjob-controller: makes Jobs by the clock.
 *
 * Watches  CronJobs, and Jobs (for owners)
 * Reads    the CronJob, its Jobs
 * Writes   Jobs (create, delete), the CronJob's status; events on the CronJob
 *
 * Each reconcile deletes Jobs beyond the history limits, brings the list of active Jobs up to date, starts the run that
 * is due, if any, and asks to be called at the next time.
 *
 * Invariant: a run's name is made of its time, so that it is made once, whatever broke off before.
 * Source of behaviour: pkg/controller/cronjob, https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
 */
import { CronError, type CronSchedule, parseCronSchedule } from "../../apimachinery/cron-schedule.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { CronJob, CronJobStatus, Job } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { type TimeZone, TimeZones, utc } from "../../apimachinery/time-zone.ts";
import type { ResourceClient } from "../../client/client.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import { type EventRecorder, referenceTo } from "../../client/event-recorder.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { controllerOf, isControlledBy } from "../../client/owner.ts";
import { cronJobs, jobs } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, queueOf, recorderOf } from "../controller.ts";
import { finishedAs } from "../job/job-pods.ts";
import { addControllerIndex, isBeingDeleted, managedBy } from "../pod-state.ts";
import { isNamespaceTerminating, messageOf } from "../replicaset/pod-control.ts";
import { isOfKind } from "../replicaset/replica-kind.ts";
import { outdatedJobs } from "./history.ts";
import { jobAt, jobNameAt } from "./job-from-template.ts";
import { isTooManyMissed, type MissedTimes, missedTimes, nextLookMs } from "./schedule-times.ts";

const name = "cronjob-controller";
/** kube-controller-manager's --concurrent-cron-job-syncs. */
const concurrency = 5;

export const cronJobController: Controller = {
	name,
	run: (context, signal) => new CronJobController(context, signal).run(signal),
};

/** A CronJob with the status that this reconcile has come to. */
type Draft = CronJob & { readonly status: CronJobStatus };

/** What a step has come to, also when it failed half-way. */
interface Step {
	readonly draft: Draft;
	readonly requeueAfterMs?: number | undefined;
	readonly error?: unknown;
}

class CronJobController {
	readonly #context: ControllerContext;
	readonly #cronJobs: Informer<CronJob>;
	readonly #jobs: Informer<Job>;
	readonly #queue: WorkQueue;
	readonly #client: ResourceClient<CronJob>;
	readonly #jobClient: ResourceClient<Job>;
	readonly #recorder: EventRecorder;
	readonly #ownWrites = new OwnWrites<CronJob>();
	readonly #zones = new TimeZones();
	/** By the CronJob's key: what its text means, read once. */
	readonly #schedules = new Map<string, { readonly text: string; readonly zone: TimeZone; readonly schedule: CronSchedule | string }>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		this.#context = context;
		this.#cronJobs = context.informers.informer(cronJobs);
		this.#jobs = context.informers.informer(jobs);
		this.#queue = queueOf(context, "cronjob");
		this.#client = context.client.resource(cronJobs);
		this.#jobClient = context.client.resource(jobs);
		this.#recorder = recorderOf(context, name, signal);
	}

	async run(signal: AbortSignal): Promise<void> {
		addControllerIndex(this.#jobs.cache);
		await Promise.all([this.#cronJobs.whenSynced(), this.#jobs.whenSynced()]);
		this.#watch(signal);
		const reconcile = (key: string) => this.#reconcile(key);
		await runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
	}

	// ── What wakes it ──

	#watch(signal: AbortSignal): void {
		this.#cronJobs.onChange(
			{
				added: (cronJob) => this.#queue.add(objectKey(cronJob)),
				updated: (old, cronJob) => this.#cronJobUpdated(old, cronJob),
				deleted: (cronJob) => this.#queue.add(objectKey(cronJob)),
			},
			signal,
		);
		this.#jobs.onChange(
			{
				added: (job) => this.#wakeOwner(job),
				updated: (old, job) => {
					if (!jsonEqual(controllerOf(old), controllerOf(job))) this.#wakeOwner(old);
					this.#wakeOwner(job);
				},
				deleted: (job) => this.#wakeOwner(job),
			},
			signal,
		);
	}

	/** A new schedule holds from its next time on. */
	#cronJobUpdated(old: CronJob, cronJob: CronJob): void {
		const key = objectKey(cronJob);
		if (old.spec.schedule === cronJob.spec.schedule && old.spec.timeZone === cronJob.spec.timeZone) {
			this.#queue.add(key);
			return;
		}
		const schedule = this.#scheduleOf(cronJob, this.#zoneOf(cronJob) ?? utc);
		if (typeof schedule === "string") {
			const message = `unparseable schedule for cronjob: ${cronJob.spec.schedule}`;
			this.#recorder.event(cronJob, "Warning", "UnParseableCronJobSchedule", message);
			return;
		}
		const delayMs = nextLookMs(cronJob, schedule, this.#context.clock.now());
		if (delayMs !== undefined) this.#queue.addAfter(key, delayMs);
	}

	#wakeOwner(job: Job): void {
		const reference = controllerOf(job);
		if (reference === undefined || !isOfKind(cronJobs, reference)) return;
		const cronJob = this.#cronJobs.cache.get(`${job.metadata?.namespace}/${reference.name}`);
		if (cronJob?.metadata?.uid === reference.uid && cronJob !== undefined) this.#queue.add(objectKey(cronJob));
	}

	// ── What it does ──

	async #reconcile(key: string): Promise<ReconcileResult> {
		const cached = this.#cronJobs.cache.get(key);
		if (cached === undefined) {
			this.#ownWrites.delete(key);
			this.#schedules.delete(key);
			return undefined;
		}
		const cronJob = this.#ownWrites.freshest(cached);
		const own = managedBy(this.#jobs.cache, cronJob.metadata?.uid);
		const { cleaned, isLeft } = await this.#cleanUp({ ...cronJob, status: cronJob.status ?? {} }, own);
		const { draft, requeueAfterMs, error } = await this.#sync(cleaned, own);
		if (!jsonEqual(draft.status, cronJob.status ?? {})) this.#ownWrites.note(await this.#client.updateStatus(draft));
		if (error !== undefined) throw error;
		// Upstream leaves them until something else happens, which is never if it is suspended.
		if (isLeft) throw new Error("Jobs beyond the limits of the history could not be deleted");
		return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
	}

	/** Deletes the Jobs that are beyond the limits of the history; tells whether some of them are still there. */
	async #cleanUp(draft: Draft, own: readonly Job[]): Promise<{ readonly cleaned: Draft; readonly isLeft: boolean }> {
		let cleaned = draft;
		let isLeft = false;
		for (const job of outdatedJobs(draft, own)) {
			if (isBeingDeleted(job)) continue;
			const outcome = await this.#deleteJob(draft, job);
			if (outcome === "deleted") cleaned = withoutActive(cleaned, job.metadata?.uid);
			isLeft ||= outcome === "failed";
		}
		return { cleaned, isLeft };
	}

	async #deleteJob(cronJob: CronJob, { metadata }: Job): Promise<"deleted" | "gone" | "failed"> {
		const { namespace, name: jobName = "" } = metadata ?? {};
		try {
			await this.#jobClient.delete({ namespace, name: jobName }, { propagationPolicy: "Background" });
		} catch (error) {
			this.#recorder.event(cronJob, "Warning", "FailedDelete", `Deleted job: ${messageOf(error)}`);
			return isStatusError(error, "NotFound") ? "gone" : "failed";
		}
		this.#recorder.event(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${jobName}`);
		return "deleted";
	}

	/** Never rejects: what it has come to when something failed is worth writing, too. */
	async #sync(cronJob: Draft, own: readonly Job[]): Promise<Step> {
		let draft = cronJob;
		try {
			for (const job of own) draft = await this.#seeJob(draft, job);
			for (const { uid, name: jobName = "" } of draft.status.active ?? []) {
				if (own.some(({ metadata }) => metadata?.uid === uid) || (await this.#readJob(draft, jobName)) !== undefined) continue;
				this.#recorder.event(draft, "Normal", "MissingJob", `Active job went missing: ${jobName}`);
				draft = withoutActive(draft, uid);
			}
		} catch (error) {
			return { draft, error };
		}
		if (isBeingDeleted(draft) || draft.spec.suspend === true) return { draft };
		return this.#runSchedule(draft);
	}

	/** Takes one of the CronJob's Jobs into the status. */
	async #seeJob(draft: Draft, job: Job): Promise<Draft> {
		const uid = job.metadata?.uid;
		const finished = finishedAs(job);
		if (finished === undefined) return isActive(draft, uid) ? draft : this.#seeUnexpected(draft, job);
		let seen = draft;
		if (isActive(draft, uid)) {
			seen = withoutActive(draft, uid);
			this.#recorder.event(draft, "Normal", "SawCompletedJob", `Saw completed job: ${job.metadata?.name}, condition: ${finished}`);
		}
		const { completionTime } = job.status ?? {};
		const { lastSuccessfulTime } = seen.status;
		if (finished === "Failed" || completionTime === undefined) return seen;
		if (lastSuccessfulTime !== undefined && lastSuccessfulTime >= completionTime) return seen;
		return { ...seen, status: { ...seen.status, lastSuccessfulTime: completionTime } };
	}

	/** A Job that is not in the list: made by hand, or by a controller that stopped before it could say so. */
	async #seeUnexpected(draft: Draft, job: Job): Promise<Draft> {
		const { namespace, name: ownName = "" } = draft.metadata ?? {};
		const fresh = await this.#client.get({ namespace, name: ownName });
		if (isActive(fresh, job.metadata?.uid)) return { ...fresh, status: fresh.status ?? {} };
		const message = `Saw a job that the controller did not create or forgot: ${job.metadata?.name}`;
		this.#recorder.event(draft, "Warning", "UnexpectedJob", message);
		return draft;
	}

	/** From the server: the cache may not have what was just made. Undefined: it is gone. */
	async #readJob({ metadata }: CronJob, jobName: string): Promise<Job | undefined> {
		try {
			return await this.#jobClient.get({ namespace: metadata?.namespace, name: jobName });
		} catch (error) {
			if (isStatusError(error, "NotFound")) return undefined;
			throw error;
		}
	}

	async #runSchedule(draft: Draft): Promise<Step> {
		const { schedule: text, timeZone } = draft.spec;
		const zone = this.#zoneOf(draft);
		if (zone === undefined) {
			const message = `invalid timeZone: ${JSON.stringify(timeZone)}: unknown time zone ${timeZone}`;
			this.#recorder.event(draft, "Warning", "UnknownTimeZone", message);
			return { draft };
		}
		if (text.includes("TZ")) this.#recorder.event(draft, "Warning", "UnsupportedSchedule", unsupportedMessage(text));
		const schedule = this.#scheduleOf(draft, zone);
		if (typeof schedule === "string") {
			this.#recorder.event(draft, "Warning", "UnparseableSchedule", `unparseable schedule: ${JSON.stringify(text)} : ${schedule}`);
			return { draft };
		}
		const nowMs = this.#context.clock.now();
		const missed = missedTimes(draft, schedule, nowMs, true);
		if (typeof missed === "string") {
			this.#recorder.event(draft, "Warning", "InvalidSchedule", `invalid schedule: ${text} : ${missed}`);
			return { draft };
		}
		const started = await this.#startDue(draft, missed);
		return started.error === undefined ? { ...started, requeueAfterMs: nextLookMs(started.draft, schedule, nowMs) } : started;
	}

	/** Undefined: there is no such zone. */
	#zoneOf({ spec }: CronJob): TimeZone | undefined {
		return spec.timeZone === undefined ? utc : this.#zones.get(spec.timeZone);
	}

	#scheduleOf(cronJob: CronJob, zone: TimeZone): CronSchedule | string {
		const key = objectKey(cronJob);
		const text = cronJob.spec.schedule;
		const known = this.#schedules.get(key);
		if (known?.text === text && known.zone === zone) return known.schedule;
		const schedule = readSchedule(text, zone);
		this.#schedules.set(key, { text, zone, schedule });
		return schedule;
	}

	/** Starts the latest run that was missed, unless there are reasons not to. */
	async #startDue(draft: Draft, missed: MissedTimes): Promise<Step> {
		const scheduledMs = missed.latestMs;
		if (scheduledMs === undefined) return { draft };
		if (isTooManyMissed(missed)) {
			const message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
			this.#recorder.event(draft, "Warning", "TooManyMissedTimes", message);
		}
		const active = draft.status.active ?? [];
		const isProcessed = active.some((reference) => reference.name === jobNameAt(draft, scheduledMs));
		if (isProcessed || draft.status.lastScheduleTime === formatTime(scheduledMs)) return { draft };
		if (draft.spec.concurrencyPolicy === "Forbid" && active.length > 0) {
			const message = "Not starting job because prior execution is running and concurrency policy is Forbid";
			this.#recorder.event(draft, "Normal", "JobAlreadyActive", message);
			return { draft };
		}
		const replaced = draft.spec.concurrencyPolicy === "Replace" ? await this.#stopActive(draft) : { draft };
		return replaced.error === undefined ? this.#start(replaced.draft, scheduledMs) : replaced;
	}

	async #stopActive(cronJob: Draft): Promise<Step> {
		let draft = cronJob;
		const { namespace } = cronJob.metadata ?? {};
		for (const { uid, name: jobName = "" } of cronJob.status.active ?? []) {
			try {
				const job = await this.#jobClient.get({ namespace, name: jobName });
				if ((await this.#deleteJob(draft, job)) !== "deleted")
					return { draft, error: new Error(`could not replace job ${namespace}/${jobName}`) };
			} catch (error) {
				this.#recorder.event(draft, "Warning", "FailedGet", `Get job: ${messageOf(error)}`);
				return { draft, error };
			}
			draft = withoutActive(draft, uid);
		}
		return { draft };
	}

	async #start(draft: Draft, scheduledMs: number): Promise<Step> {
		try {
			const job = await this.#createJob(draft, scheduledMs);
			if (job === undefined) return { draft };
			const active = [...(draft.status.active ?? []), referenceTo(job)];
			return { draft: { ...draft, status: { ...draft.status, active, lastScheduleTime: formatTime(scheduledMs) } } };
		} catch (error) {
			return { draft, error };
		}
	}

	/** Resolves to the Job of this time, made now or before, or to undefined where somebody else has one of its name. */
	async #createJob(draft: Draft, scheduledMs: number): Promise<Job | undefined> {
		try {
			const job = await this.#jobClient.create(jobAt(draft, scheduledMs, this.#zoneOf(draft) ?? utc));
			this.#recorder.event(draft, "Normal", "SuccessfulCreate", `Created job ${job.metadata?.name}`);
			return job;
		} catch (error) {
			if (isStatusError(error, "AlreadyExists")) {
				const job = await this.#readJob(draft, jobNameAt(draft, scheduledMs));
				return job !== undefined && isControlledBy(job, draft) && !isActive(draft, job.metadata?.uid) ? job : undefined;
			}
			if (!isNamespaceTerminating(error)) {
				this.#recorder.event(draft, "Warning", "FailedCreate", `Error creating job: ${messageOf(error)}`);
			}
			throw error;
		}
	}
}

/** What a schedule means; a text says what is wrong with it. A zone within it is one of old, and wins. */
function readSchedule(text: string, zone: TimeZone): CronSchedule | string {
	try {
		return parseCronSchedule(text, zone);
	} catch (error) {
		if (error instanceof CronError) return error.message;
		throw error;
	}
}

function isActive({ status }: CronJob, uid: string | undefined): boolean {
	return (status?.active ?? []).some((reference) => reference.uid === uid);
}

/** The draft without the Job in its list of active ones. An empty list is not there, as on the wire. */
function withoutActive(draft: Draft, uid: string | undefined): Draft {
	const { active = [], ...rest } = draft.status;
	const left = active.filter((reference) => reference.uid !== uid);
	return { ...draft, status: left.length === 0 ? rest : { ...rest, active: left } };
}

function unsupportedMessage(schedule: string): string {
	const page = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/";
	return `CRON_TZ or TZ used in schedule ${JSON.stringify(schedule)} is not officially supported, see ${page} for more details`;
}
