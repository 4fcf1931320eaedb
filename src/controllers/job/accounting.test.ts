import { expect, test } from "vitest";
import type { Job, Pod } from "../../apimachinery/schema/generated/types.ts";
import { beginCounting, finishCounting, type SyncOutcome } from "./accounting.ts";
import { assess } from "./assessment.ts";
import { backoffLimitExceeded, completionsReached } from "./conditions.ts";
import { completionIndexKey, trackingFinalizer } from "./job-pods.ts";
import { noBackoff } from "./pod-backoff.ts";

const nowMs = Date.UTC(2026, 0, 1);

const pod = (name: string, phase: string, index?: number): Pod => ({
	metadata: {
		name,
		uid: name,
		finalizers: [trackingFinalizer],
		...(index === undefined ? {} : { annotations: { [completionIndexKey]: String(index) } }),
	},
	status: { phase },
});

const job = (completions: number, status: Job["status"] = {}, completionMode = "NonIndexed"): Job => ({
	metadata: { namespace: "ns", name: "work" },
	spec: { parallelism: completions, completions, completionMode, backoffLimit: 6, template: { spec: { containers: [] } } },
	status,
});

/** The two statuses that are written, and what happened between them, if the pods in `kept` keep their finalizer. */
function count(subject: Job, pods: readonly Pod[], ending?: SyncOutcome["ending"], kept: readonly string[] = []) {
	const assessment = assess({ job: subject, pods, released: new Set(), backoff: noBackoff, nowMs });
	const outcome: SyncOutcome = { active: 0, ready: 0, terminating: 0, ending, status: subject.status ?? {} };
	const counting = beginCounting(assessment, outcome);
	const { status, finished } = finishCounting(counting, new Set(kept), outcome, assessment);
	return { first: counting.status, released: counting.release.map(({ metadata }) => metadata?.name), second: status, finished };
}

test("uids stand in the status before the finalizers go, and in the counters after", () => {
	const { first, released, second, finished } = count(job(3, { succeeded: 1 }), [
		pod("a", "Succeeded"),
		pod("b", "Failed"),
		pod("c", "Running"),
	]);
	expect(first).toMatchObject({ succeeded: 1, uncountedTerminatedPods: { succeeded: ["a"], failed: ["b"] } });
	expect(released).toEqual(["a", "b"]);
	expect(second).toMatchObject({ succeeded: 2, failed: 1, uncountedTerminatedPods: {} });
	expect(finished).toBe(undefined);
});

test("what keeps its finalizer stays uncounted, and the Job does not end", () => {
	const { second, finished } = count(job(2), [pod("a", "Succeeded"), pod("b", "Succeeded")], completionsReached, ["b"]);
	expect(second).toMatchObject({ succeeded: 1, uncountedTerminatedPods: { succeeded: ["b"] } });
	expect(finished).toBe(undefined);
});

test("500 pods a sync: the Job ends with a later one", () => {
	const pods = Array.from({ length: 600 }, (_, at) => pod(`p-${at}`, "Succeeded"));
	const { first, released, second, finished } = count(job(600), pods, completionsReached);
	expect(first.uncountedTerminatedPods?.succeeded?.length).toBe(500);
	expect(released.length).toBe(500);
	expect(second.succeeded).toBe(500);
	expect(finished).toBe(undefined);
	const rest = count(job(600, second), pods.slice(500), completionsReached);
	expect(rest.second.succeeded).toBe(600);
	expect(rest.finished?.type).toBe("Complete");
});

test("an index counts once, however many pods of it succeed", () => {
	const pods = [pod("a", "Succeeded", 1), pod("b", "Succeeded", 1), pod("c", "Succeeded", 0), pod("d", "Succeeded", 9)];
	const { first, released, second } = count(job(5, {}, "Indexed"), pods);
	expect(first).toMatchObject({ succeeded: 2, completedIndexes: "0,1", uncountedTerminatedPods: {} });
	expect(released.sort()).toEqual(["a", "b", "c", "d"]);
	expect(second).toEqual(first);
});

test("fewer completions forget the indexes that there are no longer", () => {
	expect(count(job(3, { completedIndexes: "0,2,4-5", succeeded: 4 }, "Indexed"), []).second).toMatchObject({
		completedIndexes: "0,2",
		succeeded: 2,
	});
});

test.each([
	[backoffLimitExceeded, { failed: 1 }],
	[completionsReached, {}],
])("pods that run when a Job ends by %j", (ending, counters) => {
	const { released, second } = count(job(2), [pod("a", "Running")], ending);
	expect(released).toEqual(["a"]);
	expect({ failed: second.failed, succeeded: second.succeeded }).toEqual({ failed: undefined, succeeded: undefined, ...counters });
});

test.each([
	["that is suspended", 2, "2026-01-01T00:00:00Z"],
	["that has nothing to do", 0, undefined],
])("a Job %s ends with the start time that a finished Job needs", (_which, completions, startTime) => {
	const { second, finished } = count(job(completions), [], completionsReached);
	expect(finished?.type).toBe("Complete");
	expect(second.startTime).toBe(startTime);
});
