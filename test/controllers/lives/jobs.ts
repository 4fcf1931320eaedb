/** Controllers of what ends: Jobs, CronJobs, and what is left of Jobs. */
import fc from "fast-check";
import { SeededRandom } from "../../../src/apimachinery/random.ts";
import type { CronJob, Job, Pod } from "../../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../../src/apimachinery/status-error.ts";
import { formatTime, parseTime } from "../../../src/apimachinery/time.ts";
import { cronJobs, jobs, pods } from "../../../src/client/resources.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import { cronJobController } from "../../../src/controllers/cronjob/cronjob-controller.ts";
import { jobController } from "../../../src/controllers/job/job-controller.ts";
import { isPodTerminal } from "../../../src/controllers/pod-state.ts";
import { ttlAfterFinishedController } from "../../../src/controllers/ttl-after-finished/ttl-after-finished-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, isOwnedBy, knowsItsDeeds, type Life, patching, toOneOf } from "../life.ts";
import { images } from "../machines.ts";

const trackingFinalizer = "batch.kubernetes.io/job-tracking";
const jobNames = ["one", "two"];

function endOf({ status }: Job): "Complete" | "Failed" | undefined {
	const is = (type: string) => status?.conditions?.some((condition) => condition.type === type && condition.status === "True") === true;
	return is("Complete") ? "Complete" : is("Failed") ? "Failed" : undefined;
}

function podTemplate(image: string) {
	return { spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 5, containers: [{ name: "c", image }] } };
}

// ── Jobs ──

const job = fc
	.record({
		name: fc.constantFrom(...jobNames),
		completions: fc.integer({ min: 1, max: 3 }),
		parallelism: fc.integer({ min: 1, max: 3 }),
		completionMode: fc.constantFrom("NonIndexed", "Indexed"),
		image: fc.constantFrom(images.succeeds, images.succeeds, images.fails),
		suspend: fc.constantFrom(false, false, true),
		deadline: fc.constantFrom(undefined, undefined, 20),
	})
	.map(({ name, completions, parallelism, completionMode, image, suspend, deadline }): Job => {
		const limits = deadline === undefined ? {} : { activeDeadlineSeconds: deadline };
		return {
			metadata: { name },
			spec: { completions, parallelism, completionMode, suspend, backoffLimit: 1, ...limits, template: podTemplate(image) },
		};
	});

/** Every Job has come to its end or is suspended, its pods are counted, and none is held any more. */
function haveEnded(cluster: TestCluster): boolean {
	const allJobs = all(cluster, jobs);
	const allPods = all(cluster, pods);
	// What is left of a Job that is gone is the garbage collector's to delete; then it is let go.
	const isHeld = (pod: Pod) => isPodTerminal(pod) && pod.metadata?.finalizers?.includes(trackingFinalizer) === true;
	const isDue = (pod: Pod) => pod.metadata?.deletionTimestamp !== undefined || allJobs.some((each) => isOwnedBy(pod, each));
	if (allPods.some((pod) => isHeld(pod) && isDue(pod))) return false;
	return allJobs.every((each) => {
		const own = allPods.filter((pod) => isOwnedBy(pod, each));
		const { active = 0, terminating = 0, succeeded = 0, uncountedTerminatedPods } = each.status ?? {};
		if (active > 0 || terminating > 0 || own.some((pod) => !isPodTerminal(pod))) return false;
		if ([...(uncountedTerminatedPods?.succeeded ?? []), ...(uncountedTerminatedPods?.failed ?? [])].length > 0) return false;
		const end = endOf(each);
		if (end === "Complete") return succeeded >= (each.spec?.completions ?? 1);
		return end === "Failed" || each.spec?.suspend === true;
	});
}

/** Counted once, and never more at a time than was asked for at any time. */
function isCounted(cluster: TestCluster): (entry: TimelineEntry) => void {
	const mostParallel = new Map<string, number>();
	const isSure = knowsItsDeeds(cluster);
	return ({ kind, type, object, previous }) => {
		const sure = isSure();
		if (kind === "Job") {
			const { spec, status, metadata } = object as Job;
			const before = (previous as Job | undefined)?.status;
			const uid = metadata?.uid ?? "";
			mostParallel.set(uid, Math.max(mostParallel.get(uid) ?? 0, spec?.parallelism ?? 1));
			// A pod that was made without its maker's knowing runs, too, and counts: "the same program may sometimes be started twice".
			if (sure && (status?.succeeded ?? 0) > (spec?.completions ?? 1))
				throw new Error(`${status?.succeeded} pods are said to have succeeded`);
			if ((status?.succeeded ?? 0) < (before?.succeeded ?? 0)) throw new Error("a success is counted no more");
			if ((status?.failed ?? 0) < (before?.failed ?? 0)) throw new Error("a failure is counted no more");
			if (previous !== undefined && endOf(previous as Job) !== undefined && endOf(object as Job) !== endOf(previous as Job))
				throw new Error("it has ended, and ends otherwise");
		}
		if (kind !== "Pod" || type !== "ADDED") return;
		const owner = all(cluster, jobs).find((each) => isOwnedBy(object, each));
		if (owner === undefined) return;
		if (endOf(owner) !== undefined) throw new Error("a pod is made for a Job that has ended");
		const active = all(cluster, pods).filter(
			(pod: Pod) => isOwnedBy(pod, owner) && !isPodTerminal(pod) && pod.metadata?.deletionTimestamp === undefined,
		);
		const most = mostParallel.get(owner.metadata?.uid ?? "") ?? 0;
		if (active.length > most && sure) throw new Error(`${active.length} pods run at once, of at most ${most}`);
	};
}

const jobLife: Life = {
	controller: () => jobController,
	machines: true,
	actions: fc.oneof(
		{ weight: 4, arbitrary: job.map((each) => creating(jobs, each)) },
		{
			weight: 1,
			arbitrary: fc
				.tuple(fc.constantFrom(...jobNames), fc.integer({ min: 1, max: 3 }))
				.map(([name, parallelism]) => patching(jobs, name, { spec: { parallelism } })),
		},
		{
			weight: 2,
			arbitrary: fc.tuple(fc.constantFrom(...jobNames), fc.boolean()).map(([name, suspend]) => patching(jobs, name, { spec: { suspend } })),
		},
		{
			weight: 1,
			arbitrary: fc
				.nat(5)
				.map((which) =>
					toOneOf(pods, which, "delete", ({ metadata }, { client }) =>
						client.resource(pods).delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" }),
					),
				),
		},
		{ weight: 1, arbitrary: fc.constantFrom(...jobNames).map((name) => deleting(jobs, name, "Background")) },
	),
	converged: haveEnded,
	invariant: isCounted,
	owns: ({ kind }) => kind === "Job" || kind === "Pod",
};

// ── CronJobs ──

/** Four runs in the first minutes of the year, and then none for a year: the cluster's time begins with it. */
const schedule = "1-4 0 1 1 *";
const lastRunMs = Date.UTC(2026, 0, 1, 0, 4);

/** In place of the Job controller: each Job is complete some time after it was made. */
function completeJobs(cluster: TestCluster): Promise<void> {
	const random = new SeededRandom(`${cluster.startMs} jobs`);
	const client = cluster.client.resource(jobs);
	cluster.timeline.onEntry(({ kind, type, object }) => {
		if (kind !== "Job" || type !== "ADDED") return;
		const complete = () => {
			const ref = { namespace: object.metadata?.namespace, name: object.metadata?.name ?? "" };
			const body = {
				metadata: { uid: object.metadata?.uid },
				status: completeStatus(object.metadata?.creationTimestamp, cluster.clock.now()),
			};
			client.patch(ref, "application/merge-patch+json", body, { subresource: "status" }).catch((error: unknown) => {
				// It has been deleted meanwhile.
				if (!(error instanceof StatusError)) throw error;
			});
		};
		cluster.clock.setTimeout(complete, random.next() * 100_000);
	});
	return Promise.resolve();
}

function completeStatus(startTime: string | undefined, nowMs: number): object {
	const completionTime = formatTime(nowMs);
	const condition = (type: string) => ({ type, status: "True", lastProbeTime: completionTime, lastTransitionTime: completionTime });
	const conditions = [condition("SuccessCriteriaMet"), condition("Complete")];
	return { startTime, completionTime, succeeded: 1, conditions };
}

const cronJob = fc.constantFrom("Allow", "Forbid", "Replace").map(
	(concurrencyPolicy): CronJob => ({
		metadata: { name: "tick" },
		spec: {
			schedule,
			concurrencyPolicy,
			successfulJobsHistoryLimit: 1,
			jobTemplate: { spec: { template: podTemplate(images.succeeds) } },
		},
	}),
);

/** Whether the last run came to be is left open: after a gap, one of irregular times may be overlooked, as upstream does. */
function hasRun(cluster: TestCluster): boolean {
	if (cluster.clock.now() < lastRunMs) return false;
	return all(cluster, cronJobs).every((each) => {
		const own = all(cluster, jobs).filter((made) => isOwnedBy(made, each));
		return own.length <= 1 && (each.status?.active ?? []).length === 0 && own.every((made) => endOf(made) !== undefined);
	});
}

function doesNotOverlap(cluster: TestCluster): (entry: TimelineEntry) => void {
	const hasAlwaysForbidden = new Map<string, boolean>();
	return ({ kind, object }) => {
		if (kind === "CronJob") {
			const uid = object.metadata?.uid ?? "";
			const forbids = (object as CronJob).spec.concurrencyPolicy === "Forbid";
			hasAlwaysForbidden.set(uid, (hasAlwaysForbidden.get(uid) ?? true) && forbids);
		}
		if (kind !== "Job") return;
		const owner = all(cluster, cronJobs).find((each) => isOwnedBy(object, each));
		if (owner === undefined || hasAlwaysForbidden.get(owner.metadata?.uid ?? "") !== true) return;
		const running = all(cluster, jobs).filter((each) => isOwnedBy(each, owner) && endOf(each) === undefined);
		if (running.length > 1) throw new Error(`${running.length} Jobs run at once`);
	};
}

const cronJobLife: Life = {
	controller: () => cronJobController,
	prepare: completeJobs,
	actions: fc.oneof(
		{ weight: 4, arbitrary: cronJob.map((each) => creating(cronJobs, each)) },
		{ weight: 2, arbitrary: fc.boolean().map((suspend) => patching(cronJobs, "tick", { spec: { suspend } })) },
		{ weight: 1, arbitrary: fc.constant(deleting(cronJobs, "tick", "Background")) },
		{
			weight: 1,
			arbitrary: fc
				.nat(3)
				.map((which) =>
					toOneOf(jobs, which, "delete", ({ metadata }, { client }) =>
						client
							.resource(jobs)
							.delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" }, { propagationPolicy: "Background" }),
					),
				),
		},
	),
	pauseMs: 60_000,
	converged: hasRun,
	invariant: doesNotOverlap,
	owns: ({ kind }) => kind === "CronJob" || kind === "Job",
};

// ── What is left of Jobs ──

const finished = (which: number) =>
	toOneOf(jobs, which, "complete", ({ metadata }, cluster) => {
		const status = completeStatus(metadata?.creationTimestamp, cluster.clock.now());
		const ref = { namespace: "default", name: metadata?.name ?? "" };
		return cluster.client.resource(jobs).patch(ref, "application/merge-patch+json", { status }, { subresource: "status" });
	});

function endMs({ status }: Job): number {
	return parseTime(status?.completionTime ?? "");
}

const ttlLife: Life = {
	controller: () => ttlAfterFinishedController,
	actions: fc.oneof(
		{
			weight: 2,
			arbitrary: fc.tuple(fc.constantFrom(...jobNames), fc.constantFrom(undefined, 0, 10, 60)).map(([name, ttl]) => {
				const spec = { template: podTemplate(images.succeeds), ...(ttl === undefined ? {} : { ttlSecondsAfterFinished: ttl }) };
				return creating(jobs, { metadata: { name }, spec });
			}),
		},
		{ weight: 2, arbitrary: fc.nat(1).map(finished) },
		{
			weight: 1,
			arbitrary: fc
				.tuple(fc.constantFrom(...jobNames), fc.constantFrom(null, 5, 30))
				.map(([name, ttl]) => patching(jobs, name, { spec: { ttlSecondsAfterFinished: ttl } })),
		},
	),
	// Nobody collects garbage here, so that what is deleted stays, waiting for its pods.
	converged: (cluster) =>
		all(cluster, jobs).every((each) => {
			const ttl = each.spec?.ttlSecondsAfterFinished;
			const isDue = ttl !== undefined && endOf(each) !== undefined;
			return !isDue || each.metadata?.deletionTimestamp !== undefined;
		}),
	invariant: () => {
		const shortest = new Map<string, number>();
		return ({ kind, object, atMs }) => {
			if (kind !== "Job") return;
			const each = object as Job;
			const uid = each.metadata?.uid ?? "";
			const ttl = each.spec?.ttlSecondsAfterFinished ?? Number.POSITIVE_INFINITY;
			shortest.set(uid, Math.min(shortest.get(uid) ?? Number.POSITIVE_INFINITY, ttl));
			if (each.metadata?.deletionTimestamp === undefined) return;
			if (endOf(each) === undefined) throw new Error("a Job that has not ended is deleted");
			if (atMs < endMs(each) + (shortest.get(uid) ?? 0) * 1000) throw new Error("a Job is deleted before its time");
		};
	},
	owns: ({ kind }) => kind === "Job",
};

export const jobLives: Readonly<Record<string, Life>> = {
	"job-controller": jobLife,
	"cronjob-controller": cronJobLife,
	"ttl-after-finished-controller": ttlLife,
};
