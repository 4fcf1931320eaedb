/**
 * ttl-after-finished-controller: deletes Jobs some time after they have ended, as they say themselves.
 *
 * Watches  Jobs
 * Writes   Jobs (deletes them, after their pods)
 *
 * Source of behaviour: pkg/controller/ttlafterfinished,
 * https://kubernetes.io/docs/concepts/workloads/controllers/ttlafterfinished/
 */
import { objectKey } from "../../apimachinery/meta.ts";
import type { Job } from "../../apimachinery/schema/generated/types.ts";
import { isStatusError } from "../../apimachinery/status-error.ts";
import { parseTime } from "../../apimachinery/time.ts";
import { type ReconcileResult, runController } from "../../client/controller.ts";
import { jobs } from "../../client/resources.ts";
import { type Controller, type ControllerContext, queueOf } from "../controller.ts";
import { finishedAs } from "../job/job-pods.ts";
import { isBeingDeleted } from "../pod-state.ts";

const name = "ttl-after-finished-controller";
/** kube-controller-manager's --concurrent-ttl-after-finished-syncs. */
const concurrency = 5;

export const ttlAfterFinishedController: Controller = { name, run };

async function run(context: ControllerContext, signal: AbortSignal): Promise<void> {
	const { clock, informers, log } = context;
	const informer = informers.informer(jobs);
	const queue = queueOf(context, "ttl_jobs_to_delete");
	await informer.whenSynced();
	const wake = (job: Job) => {
		if (timeLeftMs(job, clock.now()) !== undefined) queue.add(objectKey(job));
	};
	informer.onChange({ added: wake, updated: (_old, job) => wake(job) }, signal);
	const reconcile = async (key: string) => {
		const job = informer.cache.get(key);
		return job === undefined ? undefined : deleteInTime(context, job);
	};
	await runController({ name, queue, concurrency, reconcile, log, signal });
}

async function deleteInTime(context: ControllerContext, cached: Job): Promise<ReconcileResult> {
	const early = whenToLook(context, cached);
	if (early !== "now") return early;
	// The time may have been changed, or the Job made anew, since the cache saw it.
	const client = context.client.resource(jobs);
	const { namespace, name: jobName = "" } = cached.metadata ?? {};
	try {
		const fresh = await client.get({ namespace, name: jobName });
		const late = whenToLook(context, fresh);
		if (late !== "now") return late;
		const preconditions = fresh.metadata?.uid === undefined ? {} : { preconditions: { uid: fresh.metadata.uid } };
		await client.delete({ namespace, name: jobName }, { propagationPolicy: "Foreground", ...preconditions });
	} catch (error) {
		if (!isStatusError(error, "NotFound")) throw error;
	}
	return undefined;
}

/** "now": its time is up. */
function whenToLook({ clock }: ControllerContext, job: Job): "now" | ReconcileResult {
	const leftMs = timeLeftMs(job, clock.now());
	if (leftMs === undefined) return undefined;
	return leftMs <= 0 ? "now" : { requeueAfterMs: leftMs };
}

/** How long the Job may stay, ms; undefined: as long as it likes, or it goes already. */
function timeLeftMs(job: Job, nowMs: number): number | undefined {
	const seconds = job.spec?.ttlSecondsAfterFinished;
	const type = finishedAs(job);
	if (seconds === undefined || type === undefined || isBeingDeleted(job)) return undefined;
	const finished = job.status?.conditions?.find((condition) => condition.type === type)?.lastTransitionTime;
	return finished === undefined ? undefined : parseTime(finished) + seconds * 1000 - nowMs;
}
