import { expect, test } from "vitest";
import type { Job, JobSpec, Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { assess } from "./assessment.ts";
import { completionIndexKey, trackingFinalizer } from "./job-pods.ts";
import { noBackoff } from "./pod-backoff.ts";
import { indexedNamePrefix, indexedTemplate, trackedTemplate } from "./pod-template.ts";
import { planWork } from "./work.ts";

const nowMs = Date.UTC(2026, 0, 1);

interface PodTraits {
	readonly phase?: string;
	readonly index?: number;
	readonly deleting?: boolean;
	readonly node?: string;
	readonly age?: number;
	readonly failures?: number;
	readonly endedAgo?: number;
}

function pod(name: string, { phase = "Running", index, deleting, node = "n", age = 60, failures, endedAgo = 600 }: PodTraits = {}): Pod {
	const terminated = { exitCode: 1, finishedAt: formatTime(nowMs - endedAgo * 1000) };
	return {
		metadata: {
			name,
			uid: name,
			finalizers: [trackingFinalizer],
			creationTimestamp: formatTime(nowMs - age * 1000),
			...(deleting ? { deletionTimestamp: formatTime(nowMs) } : {}),
			annotations: {
				...(index === undefined ? {} : { [completionIndexKey]: String(index) }),
				...(failures === undefined ? {} : { "batch.kubernetes.io/job-index-failure-count": String(failures) }),
			},
		},
		spec: { containers: [], nodeName: node },
		status: {
			phase,
			...(phase === "Failed"
				? { containerStatuses: [{ name: "c", image: "", imageID: "", ready: false, restartCount: 0, state: { terminated } }] }
				: {}),
		},
	};
}

function job(spec: Partial<JobSpec>, status: Job["status"] = {}): Job {
	return {
		metadata: { namespace: "ns", name: "work" },
		spec: { parallelism: 2, completions: 5, backoffLimit: 6, template: { spec: { containers: [{ name: "c" }] } }, ...spec },
		status,
	};
}

/** A Job that ends with the first success and the last worker. */
function workQueue(status?: Job["status"]): Job {
	const { completions: _, ...spec } = job({}).spec ?? { template: {} };
	return { ...job({}, status), spec };
}

const indexed = (spec: Partial<JobSpec>, status?: Job["status"]) => job({ completionMode: "Indexed", ...spec }, status);

/** `create 2`, `create 0,3`, `delete a,b`, `wait 10`, `nothing`. */
function plan(subject: Job, pods: readonly Pod[]): string {
	const work = planWork(assess({ job: subject, pods, released: new Set(), backoff: noBackoff, nowMs }));
	switch (work.type) {
		case "nothing":
			return "nothing";
		case "wait":
			return `wait ${work.delayMs / 1000}`;
		case "create":
			return `create ${work.indexes.some((index) => index === undefined) ? work.indexes.length : work.indexes.join(",")}`;
		case "delete":
			return `delete ${work.pods.map(({ metadata }) => metadata?.name).join(",")}`;
		default:
			return work satisfies never;
	}
}

const failed = (name: string, traits: PodTraits = {}) => pod(name, { phase: "Failed", ...traits });
const succeeded = (name: string, traits: PodTraits = {}) => pod(name, { phase: "Succeeded", ...traits });

test.each<[string, Job, readonly Pod[], string]>([
	["as many as may run at once", job({}), [], "create 2"],
	["no more than completions are left", job({}, { succeeded: 4 }), [], "create 1"],
	["none beyond", job({}), [pod("a"), pod("b")], "nothing"],
	["what has just ended counts", job({ completions: 3 }), [succeeded("a"), succeeded("b")], "create 1"],
	["a work queue fills up", workQueue(), [pod("a")], "create 1"],
	["a work queue with a success lets the rest finish", workQueue(), [succeeded("a"), pod("b")], "nothing"],
	["500 a sync", job({ parallelism: 2000, completions: 2000 }), [], "create 500"],
	["no more than may run at once: the pending one goes", job({ parallelism: 1 }), [pod("a"), pod("b", { phase: "Pending" })], "delete b"],
	["the one without a node goes first", job({ parallelism: 1 }), [pod("a", { node: "" }), pod("b", { phase: "Pending" })], "delete a"],
	["the younger goes", job({ parallelism: 1 }), [pod("a", { age: 9 }), pod("b", { age: 90 })], "delete a"],
	["parallelism 0 stops all", job({ parallelism: 0 }), [pod("a"), pod("b")], "delete a,b"],
	["a suspended Job has no pods", job({ suspend: true }), [pod("a"), pod("b")], "delete a,b"],
	["a suspended Job makes none", job({ suspend: true }), [], "nothing"],
	["a failure is waited out", job({ parallelism: 1 }), [failed("a", { endedAgo: 4 })], "wait 6"],
	["and then replaced", job({ parallelism: 1 }), [failed("a", { endedAgo: 10 })], "create 1"],
	[
		"one that is being deleted has failed, and is replaced after the back-off",
		job({ parallelism: 1 }),
		[pod("a", { deleting: true })],
		"wait 10",
	],
	[
		"with podReplacementPolicy Failed, not before it has ended",
		job({ parallelism: 1, podReplacementPolicy: "Failed" }),
		[pod("a", { deleting: true })],
		"nothing",
	],
	["the lowest indexes", indexed({}, { completedIndexes: "0,2", succeeded: 2 }), [pod("a", { index: 1 })], "create 3"],
	["two of one index: the younger goes", indexed({}), [pod("a", { index: 0, age: 9 }), pod("b", { index: 0, age: 90 })], "delete a"],
	["an index that the Job does not have", indexed({}), [pod("a", { index: 7 }), pod("b", { index: 0 })], "delete a"],
	["no index at all", indexed({}), [pod("a"), pod("b", { index: 0 })], "delete a"],
	[
		"an index that ends is not taken with podReplacementPolicy Failed",
		indexed({ podReplacementPolicy: "Failed", parallelism: 3 }),
		[pod("a", { index: 0, deleting: true })],
		"create 1,2",
	],
	[
		"each index waits for itself",
		indexed({ backoffLimitPerIndex: 3 }),
		[failed("a", { index: 0, failures: 0, endedAgo: 1 }), failed("b", { index: 1, failures: 1, endedAgo: 25 })],
		"create 1",
	],
	[
		"and if none is ready, for the first of them",
		indexed({ backoffLimitPerIndex: 3 }),
		[failed("a", { index: 0, failures: 0, endedAgo: 3 }), failed("b", { index: 1, failures: 1, endedAgo: 18 })],
		"wait 2",
	],
	[
		"an index that has failed too often is not tried again",
		indexed({ backoffLimitPerIndex: 1 }),
		[failed("a", { index: 0, failures: 1, endedAgo: 99 })],
		"create 1,2",
	],
])("%s", (_what, subject, pods, expected) => {
	expect(plan(subject, pods)).toBe(expected);
});

test.each<[string, Job, readonly Pod[], string | undefined]>([
	["too many failures", job({ backoffLimit: 1 }, { failed: 1 }), [failed("a")], "BackoffLimitExceeded"],
	["as many as allowed", job({ backoffLimit: 2 }, { failed: 1 }), [failed("a")], undefined],
	[
		"failures that wait to be counted",
		job({ backoffLimit: 1 }, { uncountedTerminatedPods: { failed: ["x", "y"] } }),
		[],
		"BackoffLimitExceeded",
	],
	[
		"one that waits to be counted is counted once",
		job({ backoffLimit: 1 }, { uncountedTerminatedPods: { failed: ["a"] } }),
		[failed("a")],
		undefined,
	],
	["the deadline", job({ activeDeadlineSeconds: 10 }, { startTime: formatTime(nowMs - 10_000) }), [], "DeadlineExceeded"],
	["before the deadline", job({ activeDeadlineSeconds: 10 }, { startTime: formatTime(nowMs - 9_000) }), [], undefined],
	["suspended Jobs have no deadline", job({ activeDeadlineSeconds: 1, suspend: true }, { startTime: formatTime(0) }), [], undefined],
	[
		"too many failed indexes",
		indexed({ backoffLimitPerIndex: 0, maxFailedIndexes: 1 }),
		[failed("a", { index: 0 }), failed("b", { index: 1 })],
		"MaxFailedIndexesExceeded",
	],
	[
		"nothing left to do but failed indexes",
		indexed({ backoffLimitPerIndex: 0, completions: 2 }),
		[failed("a", { index: 0 }), succeeded("b", { index: 1 })],
		"FailedIndexes",
	],
	["the success policy", indexed({ successPolicy: { rules: [{ succeededCount: 1 }] } }), [succeeded("a", { index: 3 })], "SuccessPolicy"],
	[
		"what was decided stays",
		job({ backoffLimit: 0 }, { conditions: [{ type: "SuccessCriteriaMet", status: "True", reason: "SuccessPolicy" }] }),
		[failed("a")],
		"SuccessPolicy",
	],
])("ends by %s: %s", (_what, subject, pods, reason) => {
	const { ending } = assess({ job: subject, pods, released: new Set(), backoff: noBackoff, nowMs });
	expect(ending?.reason).toBe(reason);
});

test("restarts of containers count against the limit with restartPolicy OnFailure", () => {
	const restarted = (restartCount: number): Pod => ({
		...pod("a"),
		status: { phase: "Running", containerStatuses: [{ name: "c", image: "", imageID: "", ready: true, restartCount }] },
	});
	const endingOf = (backoffLimit: number, restarts: number, restartPolicy = "OnFailure") =>
		assess({
			job: job({ backoffLimit, template: { spec: { containers: [], restartPolicy } } }),
			pods: [restarted(restarts)],
			released: new Set(),
			backoff: noBackoff,
			nowMs,
		}).ending?.reason;
	expect(endingOf(2, 1)).toBe(undefined);
	expect(endingOf(2, 2)).toBe("BackoffLimitExceeded");
	expect(endingOf(0, 0)).toBe(undefined);
	expect(endingOf(0, 1)).toBe("BackoffLimitExceeded");
	expect(endingOf(2, 9, "Never")).toBe(undefined);
});

test("pods know their index, and how often it failed before", () => {
	const env = [{ name: "JOB_COMPLETION_INDEX", value: "mine" }];
	const subject = indexed({ backoffLimitPerIndex: 3, template: { spec: { containers: [{ name: "c" }, { name: "d", env }] } } });
	const fieldRef = { fieldPath: "metadata.labels['batch.kubernetes.io/job-completion-index']" };
	expect(indexedTemplate(subject, 3, undefined)).toEqual({
		metadata: {
			finalizers: ["batch.kubernetes.io/job-tracking"],
			labels: { "batch.kubernetes.io/job-completion-index": "3" },
			annotations: { "batch.kubernetes.io/job-completion-index": "3", "batch.kubernetes.io/job-index-failure-count": "0" },
		},
		spec: {
			hostname: "work-3",
			containers: [
				{ name: "c", env: [{ name: "JOB_COMPLETION_INDEX", valueFrom: { fieldRef } }] },
				{ name: "d", env },
			],
		},
	});
	const replaced = failed("a", { index: 3, failures: 2 });
	expect(indexedTemplate(subject, 3, replaced).metadata?.annotations?.["batch.kubernetes.io/job-index-failure-count"]).toBe("3");
	const ignoring = indexed({
		backoffLimitPerIndex: 3,
		podFailurePolicy: { rules: [{ action: "Ignore", onExitCodes: { operator: "In", values: [1] } }] },
	});
	expect(indexedTemplate(ignoring, 3, replaced).metadata?.annotations).toMatchObject({
		"batch.kubernetes.io/job-index-failure-count": "2",
		"batch.kubernetes.io/job-index-ignored-failure-count": "1",
	});
	expect(trackedTemplate(job({ template: { metadata: { finalizers: ["mine", trackingFinalizer] } } })).metadata?.finalizers).toEqual([
		"mine",
		trackingFinalizer,
	]);
	expect(indexedNamePrefix(subject, 12)).toBe("work-12-");
	expect(indexedNamePrefix({ metadata: { name: "x".repeat(63) } }, 12)).toBe(`${"x".repeat(54)}-12-`);
});
