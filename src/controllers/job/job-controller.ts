/**
 * job-controller: runs pods until as many as a Job asks for have succeeded, or too many have failed.
 *
 * Watches  Jobs, and pods (for owners and orphans)
 * Reads    the Job; pods that it manages or could adopt
 * Writes   pods (create, delete, adopt, release, take the tracking finalizer off), the Job's status; events on the Job
 *
 * A sync looks at the pods (assessment.ts), makes or deletes some (work.ts), and counts those that have ended
 * (accounting.ts). Changes of pods are gathered for a second, so that a Job is not synced for each of them.
 *
 * Invariants: each pod that ends is counted once (accounting.ts says how); as long as the cache does not show what an
 * earlier sync created or deleted (expectations), pods are counted, but none is made and the Job does not end.
 * Source of behaviour: pkg/controller/job, https://kubernetes.io/docs/concepts/workloads/controllers/job/
 */
import { jsonEqual } from "../../apimachinery/json.ts";
import { objectKey } from "../../apimachinery/meta.ts";
import type { Job, JobStatus, Pod } from "../../apimachinery/schema/generated/types.ts";
import { type LabelSelectorMatcher, labelSelectorFromObject } from "../../apimachinery/selector.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { parseTime } from "../../apimachinery/time.ts";
import type { ResourceClient } from "../../client/client.ts";
import { type ReconcileResult, requeueAfter, runController } from "../../client/controller.ts";
import type { EventRecorder } from "../../client/event-recorder.ts";
import { Expectations } from "../../client/expectations.ts";
import type { Informer } from "../../client/informer.ts";
import { OwnWrites } from "../../client/own-writes.ts";
import { claimObjects, controllerOf } from "../../client/owner.ts";
import { jobs, pods } from "../../client/resources.ts";
import type { WorkQueue } from "../../client/work-queue.ts";
import { type Controller, type ControllerContext, recorderOf } from "../controller.ts";
import { addControllerIndex, isBeingDeleted, managedBy, orphansIn } from "../pod-state.ts";
import { PodControl } from "../replicaset/pod-control.ts";
import { isOfKind } from "../replicaset/replica-kind.ts";
import { beginCounting, type Counting, finishCounting, type SyncOutcome } from "./accounting.ts";
import { type Assessment, assess } from "./assessment.ts";
import { FinalizerRemover } from "./finalizer-remover.ts";
import { JobMetrics } from "./job-metrics.ts";
import { finishedAs, isManagedElsewhere, isTracked, trackingFinalizer } from "./job-pods.ts";
import { jobQueue } from "./job-queue.ts";
import { OrphanPods } from "./orphan-pods.ts";
import { noBackoff, type PodBackoff } from "./pod-backoff.ts";
import { PodWork, type SyncDeeds } from "./pod-work.ts";

const name = "job-controller";
/** kube-controller-manager's --concurrent-job-syncs. */
const concurrency = 5;
/** For so long changes of a Job's pods and status are gathered before it is synced. */
const batchMs = 1_000;

export const jobController: Controller = {
	name,
	run: (context, signal) => new JobController(context, signal).run(signal),
};

class JobController {
	readonly #context: ControllerContext;
	readonly #jobs: Informer<Job>;
	readonly #pods: Informer<Pod>;
	readonly #queue: WorkQueue;
	readonly #expectations: Expectations;
	readonly #client: ResourceClient<Job>;
	readonly #podClient: ResourceClient<Pod>;
	readonly #recorder: EventRecorder;
	readonly #remover: FinalizerRemover;
	readonly #work: PodWork;
	readonly #orphans: OrphanPods;
	readonly #ownWrites = new OwnWrites<Job>();
	readonly #metrics: JobMetrics | undefined;
	/** By the Job's key; only of Jobs whose last pods failed. */
	readonly #backoffs = new Map<string, PodBackoff>();

	constructor(context: ControllerContext, signal: AbortSignal) {
		const { clock, log } = context;
		this.#context = context;
		this.#metrics = context.metrics && new JobMetrics(context.metrics);
		this.#jobs = context.informers.informer(jobs);
		this.#pods = context.informers.informer(pods);
		this.#queue = jobQueue(context, "job");
		this.#expectations = new Expectations(clock);
		this.#client = context.client.resource(jobs);
		this.#podClient = context.client.resource(pods);
		this.#recorder = recorderOf(context, name, signal);
		this.#remover = new FinalizerRemover(this.#podClient, this.#pods.cache);
		const control = new PodControl(this.#podClient, this.#recorder);
		this.#work = new PodWork({ control, remover: this.#remover, expectations: this.#expectations });
		const jobOf = (pod: Pod) => this.#jobOf(pod);
		this.#orphans = new OrphanPods({
			queue: jobQueue(context, "job_orphan_pod"),
			log,
			pods: this.#pods.cache,
			remover: this.#remover,
			jobOf,
		});
	}

	async run(signal: AbortSignal): Promise<void> {
		addControllerIndex(this.#pods.cache);
		await Promise.all([this.#jobs.whenSynced(), this.#pods.whenSynced()]);
		this.#watch(signal);
		const reconcile = (key: string) => this.#reconcile(key);
		const syncs = runController({ name, queue: this.#queue, concurrency, reconcile, log: this.#context.log, signal });
		await Promise.all([syncs, this.#orphans.run(signal)]);
	}

	// ── What wakes it ──

	#watch(signal: AbortSignal): void {
		this.#jobs.onChange(
			{
				added: (job) => {
					this.#queue.add(objectKey(job));
					// It ended while the controller was stopped, or just before.
					if (finishedAs(job) !== undefined) this.#freePodsOf(job);
				},
				updated: (old, job) => this.#jobUpdated(old, job),
				deleted: (job) => {
					this.#queue.add(objectKey(job));
					this.#freePodsOf(job);
				},
			},
			signal,
		);
		this.#pods.onChange(
			{
				added: (pod) => this.#podAdded(pod),
				updated: (old, pod) => this.#podUpdated(old, pod),
				deleted: (pod) => this.#podDeleted(pod, true),
			},
			signal,
		);
	}

	#jobUpdated(old: Job, job: Job): void {
		const key = objectKey(job);
		if (old.metadata?.generation === job.metadata?.generation) this.#queue.addAfter(key, batchMs);
		else this.#queue.add(key);
		if (finishedAs(job) !== undefined) this.#freePodsOf(job);
		const seconds = job.spec?.activeDeadlineSeconds;
		const { startTime } = job.status ?? {};
		if (startTime === undefined || seconds === undefined || seconds === old.spec?.activeDeadlineSeconds) return;
		this.#queue.addAfter(key, parseTime(startTime) + seconds * 1000 - this.#context.clock.now());
	}

	/** No sync will count these pods any more. */
	#freePodsOf(job: Job): void {
		for (const pod of managedBy(this.#pods.cache, job.metadata?.uid)) if (isTracked(pod)) this.#orphans.add(pod);
	}

	#podAdded(pod: Pod): void {
		if (isBeingDeleted(pod)) {
			this.#podDeleted(pod, false);
			return;
		}
		if (controllerOf(pod) === undefined) {
			this.#orphanSeen(pod);
			return;
		}
		const job = this.#jobOf(pod);
		if (job === undefined) return;
		this.#expectations.creationObserved(objectKey(job));
		this.#queue.addAfter(objectKey(job), batchMs);
	}

	#podUpdated(old: Pod, pod: Pod): void {
		this.#remover.observed(pod);
		if (isBeingDeleted(pod)) {
			this.#podDeleted(pod, false);
			return;
		}
		const ownerChanged = !jsonEqual(controllerOf(old), controllerOf(pod));
		const before = ownerChanged ? this.#jobOf(old) : undefined;
		if (before !== undefined) this.#queue.addAfter(objectKey(before), batchMs);
		const job = this.#jobOf(pod);
		if (job !== undefined) this.#queue.addAfter(objectKey(job), batchMs);
		if (controllerOf(pod) === undefined && (ownerChanged || isTracked(pod) || !jsonEqual(old.metadata?.labels, pod.metadata?.labels))) {
			this.#orphanSeen(pod);
		}
	}

	/** @param isFinal it is gone, not only marked. */
	#podDeleted(pod: Pod, isFinal: boolean): void {
		if (isFinal) this.#remover.deleted(pod);
		const job = this.#jobOf(pod);
		const owner = controllerOf(pod);
		const isOurs = owner === undefined || isOfKind(jobs, owner);
		if (isTracked(pod) && isOurs && (job === undefined || finishedAs(job) !== undefined)) this.#orphans.add(pod);
		if (job === undefined) return;
		this.#expectations.deletionObserved(objectKey(job), objectKey(pod));
		this.#queue.addAfter(objectKey(job), batchMs);
	}

	/** It may be adopted by any Job whose selector matches it; if it is tracked, it is so no longer. */
	#orphanSeen(pod: Pod): void {
		if (isTracked(pod)) this.#orphans.add(pod);
		for (const job of this.#jobs.cache.listNamespace(pod.metadata?.namespace ?? "")) {
			const selector = labelSelectorFromObject(job.spec?.selector);
			if (!selector.empty && selector.matches(pod.metadata?.labels)) this.#queue.addAfter(objectKey(job), batchMs);
		}
	}

	#jobOf(pod: Pod): Job | undefined {
		const reference = controllerOf(pod);
		if (reference === undefined || !isOfKind(jobs, reference)) return undefined;
		const job = this.#jobs.cache.get(`${pod.metadata?.namespace}/${reference.name}`);
		return job?.metadata?.uid === reference.uid ? job : undefined;
	}

	// ── What it does ──

	async #reconcile(key: string): Promise<ReconcileResult> {
		const cached = this.#jobs.cache.get(key);
		if (cached === undefined) {
			this.#forget(key);
			return undefined;
		}
		const job = this.#ownWrites.freshest(cached);
		if (isManagedElsewhere(job)) return undefined;
		if (finishedAs(job) !== undefined) {
			this.#backoffs.delete(key);
			return undefined;
		}
		// Read in one turn: what the cache shows later must not be mixed with what it shows now.
		const caughtUp = this.#expectations.satisfied(key);
		const candidates = [...managedBy(this.#pods.cache, job.metadata?.uid), ...orphansIn(this.#pods.cache, job.metadata?.namespace)];
		const released = this.#remover.releasedNow(candidates);
		const { clock } = this.#context;
		const nowMs = clock.now();
		const claimed = await this.#claim(job, candidates);
		const assessment = assess({ job, pods: claimed, released, backoff: this.#backoffs.get(key) ?? noBackoff, nowMs });
		const deeds = await this.#work.run(assessment, caughtUp);
		const synced = (result: "success" | "error") => this.#metrics?.synced(job, deeds.action, result, clock.now() - nowMs);
		try {
			await this.#account(assessment, deeds);
			if (deeds.error !== undefined) throw deeds.error;
		} catch (error) {
			synced("error");
			throw error;
		}
		synced("success");
		const againMs = deeds.waitMs === undefined ? undefined : Math.max(batchMs, deeds.waitMs);
		return requeueAfter(assessment.deadlineInMs, againMs, this.#expectations.expireInMs(key));
	}

	#forget(key: string): void {
		this.#expectations.delete(key);
		this.#ownWrites.delete(key);
		this.#backoffs.delete(key);
	}

	#claim(job: Job, candidates: readonly Pod[]): Promise<readonly Pod[]> {
		const { namespace, name: jobName = "" } = job.metadata ?? {};
		const selector: LabelSelectorMatcher = labelSelectorFromObject(job.spec?.selector);
		const readOwner = () => this.#client.get({ namespace, name: jobName });
		return claimObjects({ owner: job, selector, candidates, client: this.#podClient, readOwner, finalizers: [trackingFinalizer] });
	}

	/** Counts the pods that have ended, in the three steps that accounting.ts describes. */
	async #account(assessment: Assessment, { outcome, events }: SyncDeeds): Promise<void> {
		const counting = beginCounting(assessment, outcome);
		const written = await this.#writeStatus(assessment.job, counting.status);
		if (written === undefined) return;
		for (const { reason, message } of events) this.#recorder.event(written, "Normal", reason, message);
		this.#rememberBackoff(assessment);
		const { tracked, error } = await this.#release(counting);
		await this.#finish(written, assessment, outcome, { ...counting, status: written.status ?? {} }, tracked);
		if (error !== undefined) throw error;
	}

	#rememberBackoff({ job, nextBackoff }: Assessment): void {
		if (nextBackoff.failuresSinceSuccess === 0) this.#backoffs.delete(objectKey(job));
		else this.#backoffs.set(objectKey(job), nextBackoff);
	}

	/** Resolves to the uids that still have a finalizer then, and the first failure. */
	async #release({ release, tracked }: Counting): Promise<{ readonly tracked: ReadonlySet<string>; readonly error: unknown }> {
		const left = new Set(tracked);
		const errors: unknown[] = [];
		await Promise.all(
			release.map(async (pod) => {
				try {
					await this.#remover.remove(pod);
					left.delete(pod.metadata?.uid ?? "");
				} catch (error) {
					errors.push(error);
				}
			}),
		);
		return { tracked: left, error: errors[0] };
	}

	async #finish(job: Job, assessment: Assessment, outcome: SyncOutcome, counting: Counting, tracked: ReadonlySet<string>): Promise<void> {
		const { status, finished } = finishCounting(counting, tracked, outcome, assessment);
		const written = await this.#writeStatus(job, status);
		if (written === undefined) return;
		this.#metrics?.counted(written, assessment.job.status ?? {}, status);
		if (finished === undefined) return;
		this.#metrics?.finished(written, finished.type, finished.reason);
		if (finished.type === "Failed") {
			this.#recorder.event(written, "Warning", finished.reason, finished.message);
			return;
		}
		if ((status.succeeded ?? 0) > (job.spec?.completions ?? Number.POSITIVE_INFINITY)) {
			const message = "Too many succeeded pods running after completion count reached";
			this.#recorder.event(written, "Warning", "TooManySucceededPods", message);
		}
		this.#recorder.event(written, "Normal", "Completed", "Job completed");
	}

	/** Resolves to the Job as it is then, or to undefined if it has been deleted meanwhile: nobody to tell. */
	async #writeStatus(job: Job, status: JobStatus): Promise<Job | undefined> {
		if (jsonEqual(status, job.status)) return job;
		try {
			return this.#ownWrites.note(await this.#client.updateStatus({ ...job, status }));
		} catch (error) {
			if (isStatusError(error, "NotFound")) return undefined;
			throw error;
		}
	}
}
