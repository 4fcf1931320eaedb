import { expect, test } from "vitest";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { backoffLeftMs, finishedAtMs, indexBackoffLeftMs, nextBackoff, noBackoff } from "./pod-backoff.ts";

const startMs = Date.UTC(2026, 0, 1);
const at = (second: number) => formatTime(startMs + second * 1000);

function ended(second: number, annotations: Readonly<Record<string, string>> = {}): Pod {
	const state = { terminated: { exitCode: 0, finishedAt: at(second) } };
	return {
		metadata: { annotations },
		status: { containerStatuses: [{ name: "c", image: "", imageID: "", ready: false, restartCount: 0, state }] },
	};
}

test.each([
	["nothing new", [], [], 2, 7],
	["failures add up", [], [9, 8], 4, 9],
	["a success starts anew", [9], [], 0, undefined],
	["failures before the last success do not count", [9], [8, 12, 11], 2, 12],
	["a failure at the time of the success does not count", [9], [9], 0, undefined],
])("%s", (_what, succeeded, failed, failures, lastSecond) => {
	const before = { failuresSinceSuccess: 2, lastFailureMs: startMs + 7_000 };
	const after = nextBackoff(
		before,
		succeeded.map((second) => ended(second)),
		failed.map((second) => ended(second)),
	);
	expect(after).toEqual({
		failuresSinceSuccess: failures,
		lastFailureMs: lastSecond === undefined ? undefined : startMs + lastSecond * 1000,
	});
});

test("each failure doubles the delay, up to ten minutes", () => {
	const delays = [0, 1, 2, 3, 4, 5, 6, 7, 8, 100].map((failuresSinceSuccess) =>
		backoffLeftMs({ failuresSinceSuccess, lastFailureMs: startMs }, startMs),
	);
	expect(delays.map((delay) => delay / 1000)).toEqual([0, 10, 20, 40, 80, 160, 320, 600, 600, 600]);
	expect(backoffLeftMs({ failuresSinceSuccess: 1, lastFailureMs: startMs }, startMs + 4_000)).toBe(6_000);
	expect(backoffLeftMs({ failuresSinceSuccess: 1, lastFailureMs: startMs }, startMs + 11_000)).toBe(0);
	expect(backoffLeftMs(noBackoff, startMs)).toBe(0);
});

test("an index counts its own failures, ignored ones too", () => {
	const pod = ended(0, { "batch.kubernetes.io/job-index-failure-count": "1", "batch.kubernetes.io/job-index-ignored-failure-count": "1" });
	expect(indexBackoffLeftMs(pod, startMs)).toBe(40_000);
	expect(indexBackoffLeftMs(ended(0, { "batch.kubernetes.io/job-index-failure-count": "many" }), startMs)).toBe(10_000);
	expect(indexBackoffLeftMs(undefined, startMs)).toBe(0);
});

const running = { name: "d", image: "", imageID: "", ready: false, restartCount: 0, state: { running: {} } };
const notReady = [{ type: "Ready", status: "False", lastTransitionTime: at(3) }];

test.each<[string, Pod, number]>([
	["its last container ended", ended(5), 5],
	[
		"it was not ready, while a container has no end",
		{ ...ended(5), status: { containerStatuses: [...(ended(5).status?.containerStatuses ?? []), running], conditions: notReady } },
		3,
	],
	["its deletion was asked for", { metadata: { deletionTimestamp: at(40), deletionGracePeriodSeconds: 30, creationTimestamp: at(1) } }, 10],
	["it was created", { metadata: { creationTimestamp: at(1) } }, 1],
])("a pod ended when %s", (_when, pod, second) => {
	expect(finishedAtMs(pod)).toBe(startMs + second * 1000);
});

test("a sidecar's end counts, an init container's does not", () => {
	const terminated = (name: string, second: number) => ({
		...running,
		name,
		state: { terminated: { exitCode: 0, finishedAt: at(second) } },
	});
	const pod: Pod = {
		spec: { containers: [], initContainers: [{ name: "init" }, { name: "sidecar", restartPolicy: "Always" }] },
		status: { containerStatuses: [terminated("c", 5)], initContainerStatuses: [terminated("init", 9), terminated("sidecar", 6)] },
	};
	expect(finishedAtMs(pod)).toBe(startMs + 6_000);
});
