import { beforeEach, expect, test } from "vitest";
import type { Job, JobSpec, Pod } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden, newInternalError } from "../../apimachinery/status-error.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { controllerOf } from "../../client/owner.ts";
import { jobs, pods } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { jobController } from "./job-controller.ts";

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

function job(spec: Partial<JobSpec> = {}): Job {
	return {
		metadata: { namespace: "default", name: "work" },
		spec: {
			parallelism: 1,
			completions: 1,
			backoffLimit: 6,
			selector: { matchLabels: { job: "work" } },
			template: { metadata: { labels: { job: "work" } }, spec: { containers: [{ name: "c", image: "busybox" }], restartPolicy: "Never" } },
			...spec,
		},
	};
}

async function create(spec: Partial<JobSpec> = {}): Promise<void> {
	await fixture.client.resource(jobs).create(job(spec));
	await settle();
}

/** As long as the controller gathers changes, and a little more: several times, for what follows from what. */
const settle = () => fixture.clock.advance(5_000);

const read = () => fixture.client.resource(jobs).get({ namespace: "default", name: "work" });
const status = async () => (await read()).status;

/** `Complete CompletionsReached`, of the conditions that hold. */
const conditions = async () =>
	((await status())?.conditions ?? []).filter(({ status: is }) => is === "True").map(({ type, reason }) => `${type} ${reason}`);

const active = async (): Promise<readonly Pod[]> =>
	(await fixture.list(pods)).filter(({ metadata, status: is }) => {
		const isOver = is?.phase === "Succeeded" || is?.phase === "Failed";
		return !isOver && metadata?.deletionTimestamp === undefined;
	});

const indexOf = ({ metadata }: Pod) => metadata?.labels?.["batch.kubernetes.io/job-completion-index"];

/** In place of a kubelet: the pod's container ends. */
async function end(pod: Pod | undefined, exitCode: number): Promise<void> {
	const state = { terminated: { exitCode, finishedAt: formatTime(fixture.clock.now()) } };
	await fixture.client.resource(pods).updateStatus({
		...pod,
		status: {
			phase: exitCode === 0 ? "Succeeded" : "Failed",
			containerStatuses: [{ name: "c", image: "", imageID: "", ready: false, restartCount: 0, state }],
		},
	});
	await settle();
}

test("one pod that succeeds completes the Job", async () => {
	await fixture.start(jobController);
	await create();
	const [pod] = await fixture.list(pods);
	expect(pod?.metadata).toMatchObject({ finalizers: ["batch.kubernetes.io/job-tracking"], labels: { job: "work" } });
	expect(pod?.metadata?.name).toMatch(/^work-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
	expect(controllerOf({ metadata: pod?.metadata ?? {} })).toMatchObject({ apiVersion: "batch/v1", kind: "Job", name: "work" });
	const startTime = "2026-01-01T00:00:00Z";
	expect(await status()).toEqual({ active: 1, ready: 0, terminating: 0, startTime, uncountedTerminatedPods: {} });
	await fixture.runPods();
	await settle();
	expect((await status())?.ready).toBe(1);
	const beforeMs = fixture.clock.now();
	await end((await fixture.list(pods))[0], 0);
	const ended = await status();
	const endTime = ended?.completionTime ?? "";
	expect(Date.parse(endTime) - beforeMs).toBeLessThanOrEqual(2_000);
	const why = { reason: "CompletionsReached", message: "Reached expected number of succeeded pods" };
	const when = { lastProbeTime: endTime, lastTransitionTime: endTime };
	expect(ended).toEqual({
		succeeded: 1,
		ready: 0,
		terminating: 0,
		startTime,
		completionTime: endTime,
		uncountedTerminatedPods: {},
		conditions: [
			{ type: "SuccessCriteriaMet", status: "True", ...why, ...when },
			{ type: "Complete", status: "True", ...why, ...when },
		],
	});
	expect((await fixture.list(pods))[0]?.metadata?.finalizers ?? []).toEqual([]);
	expect(await fixture.events()).toEqual([
		`Normal SuccessfulCreate Job/work: Created pod: ${pod?.metadata?.name}`,
		"Normal Completed Job/work: Job completed",
	]);
	expect(fixture.complaints).toEqual([]);
	fixture.takeWrites();
	await fixture.clock.advance(3_600_000);
	expect(fixture.takeWrites()).toEqual([]);
});

test("five completions, two at a time", async () => {
	await fixture.start(jobController);
	await create({ completions: 5, parallelism: 2 });
	const seen: number[] = [];
	for (let round = 0; round < 5; round++) {
		const running = await active();
		seen.push(running.length);
		await end(running[0], 0);
	}
	expect(seen).toEqual([2, 2, 2, 2, 1]);
	expect(await status()).toMatchObject({ succeeded: 5 });
	expect(await conditions()).toEqual(["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
	expect((await fixture.list(pods)).length).toBe(5);
});

test("failed pods are replaced later and later, until there are too many", async () => {
	await fixture.start(jobController);
	await create({ backoffLimit: 2 });
	const waits: number[] = [];
	for (let round = 0; round < 2; round++) {
		const [running] = await active();
		const failedMs = fixture.clock.now();
		await end(running, 1);
		expect(await active()).toEqual([]);
		while ((await active()).length === 0) await fixture.clock.advance(1_000);
		waits.push(Math.floor((fixture.clock.now() - failedMs) / 1_000));
	}
	expect(waits).toEqual([10, 20]);
	await end((await active())[0], 1);
	await settle();
	expect(await active()).toEqual([]);
	expect(await status()).toMatchObject({ failed: 3, uncountedTerminatedPods: {} });
	expect(await conditions()).toEqual(["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]);
	expect((await fixture.events()).at(-1)).toBe("Warning BackoffLimitExceeded Job/work: Job has reached the specified backoff limit");
});

test("an Indexed Job runs each index once it has not succeeded", async () => {
	await fixture.start(jobController);
	await create({ completions: 5, parallelism: 5, completionMode: "Indexed" });
	const running = await active();
	expect(running.map(indexOf).sort()).toEqual(["0", "1", "2", "3", "4"]);
	expect(running.map(({ metadata }) => metadata?.name?.replace(/.{5}$/, "")).sort()).toEqual([
		"work-0-",
		"work-1-",
		"work-2-",
		"work-3-",
		"work-4-",
	]);
	const pod = (index: number) => running.find((candidate) => indexOf(candidate) === String(index));
	for (const index of [0, 1, 3]) await end(pod(index), 0);
	expect(await status()).toMatchObject({ active: 2, succeeded: 3, completedIndexes: "0,1,3" });
	await end(pod(2), 1);
	expect((await status())?.failed).toBe(1);
	await fixture.clock.advance(20_000);
	expect((await active()).map(indexOf).sort()).toEqual(["2", "4"]);
	for (const left of await active()) await end(left, 0);
	expect(await status()).toMatchObject({ succeeded: 5, failed: 1, completedIndexes: "0-4" });
	expect(await conditions()).toEqual(["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
});

test("with a limit per index the others go on, and the Job fails at the end", async () => {
	await fixture.start(jobController);
	await create({ completions: 2, parallelism: 2, completionMode: "Indexed", backoffLimitPerIndex: 1, backoffLimit: 2 ** 31 - 1 });
	const podOf = async (index: string) => (await active()).find((candidate) => indexOf(candidate) === index);
	await end(await podOf("0"), 1);
	const failed = (await fixture.list(pods)).find(({ status: is }) => is?.phase === "Failed");
	expect(failed?.metadata?.finalizers).toEqual(["batch.kubernetes.io/job-tracking"]);
	await fixture.clock.advance(20_000);
	expect((await podOf("0"))?.metadata?.annotations?.["batch.kubernetes.io/job-index-failure-count"]).toBe("1");
	expect((await status())?.failed).toBe(1);
	await end(await podOf("0"), 1);
	expect(await status()).toMatchObject({ failedIndexes: "0", failed: 2, active: 1 });
	await end(await podOf("1"), 0);
	expect(await status()).toMatchObject({ failedIndexes: "0", completedIndexes: "1", failed: 2, succeeded: 1 });
	expect(await conditions()).toEqual(["FailureTarget FailedIndexes", "Failed FailedIndexes"]);
	expect((await fixture.events()).at(-1)).toBe("Warning FailedIndexes Job/work: Job has failed indexes");
});

test("a failure that the policy does not forgive ends the Job and its other pods", async () => {
	await fixture.start(jobController);
	await create({
		completions: 3,
		parallelism: 3,
		podReplacementPolicy: "Failed",
		podFailurePolicy: {
			rules: [
				{ action: "FailJob", onExitCodes: { operator: "In", values: [42] } },
				{ action: "Ignore", onExitCodes: { operator: "In", values: [7] } },
			],
		},
	});
	await end((await active())[0], 7);
	expect((await status())?.failed).toBe(undefined);
	await fixture.clock.advance(20_000);
	const [culprit, ...others] = await active();
	expect(others.length).toBe(2);
	await end(culprit, 42);
	const message = `Container c for pod default/${culprit?.metadata?.name} failed with exit code 42 matching FailJob rule at index 0`;
	expect((await status())?.conditions).toMatchObject([
		{ type: "FailureTarget", reason: "PodFailurePolicy", message },
		{ type: "Failed", reason: "PodFailurePolicy", message },
	]);
	expect(await active()).toEqual([]);
	expect((await fixture.events()).at(-1)).toBe(`Warning PodFailurePolicy Job/work: ${message}`);
});

test("a success policy that is met ends the Job with pods that still run", async () => {
	await fixture.start(jobController);
	const successPolicy = { rules: [{ succeededIndexes: "1", succeededCount: 1 }] };
	await create({ completions: 3, parallelism: 3, completionMode: "Indexed", successPolicy });
	await end(
		(await active()).find((pod) => indexOf(pod) === "1"),
		0,
	);
	expect(await conditions()).toEqual(["SuccessCriteriaMet SuccessPolicy", "Complete SuccessPolicy"]);
	expect(await status()).toMatchObject({ succeeded: 1, completedIndexes: "1" });
	expect((await status())?.failed).toBe(undefined);
	expect(await active()).toEqual([]);
});

test("the deadline ends a Job, and a pod that is slow to end holds its Failed back", async () => {
	await fixture.start(jobController);
	await create({ activeDeadlineSeconds: 60 });
	// Somebody else's finalizer stands for a kubelet that takes its time.
	const [pod] = await fixture.list(pods);
	await fixture.change(pods, `default/${pod?.metadata?.name}`, (old) => ({
		...old,
		metadata: { ...old.metadata, finalizers: [...(old.metadata?.finalizers ?? []), "example.com/slow"] },
	}));
	await fixture.clock.advance(50_000);
	expect(await conditions()).toEqual([]);
	await fixture.clock.advance(10_000);
	expect(await conditions()).toEqual(["FailureTarget DeadlineExceeded"]);
	expect(await status()).toMatchObject({ terminating: 1, failed: 1 });
	await fixture.change(pods, `default/${pod?.metadata?.name}`, (old) => ({ ...old, metadata: { ...old.metadata, finalizers: [] } }));
	await settle();
	expect(await conditions()).toEqual(["FailureTarget DeadlineExceeded", "Failed DeadlineExceeded"]);
	expect((await fixture.events()).at(-1)).toBe("Warning DeadlineExceeded Job/work: Job was active longer than specified deadline");
});

test("suspending takes the pods and the start time away, resuming brings both anew", async () => {
	await fixture.start(jobController);
	await create({ parallelism: 2, completions: 2, activeDeadlineSeconds: 100 });
	await fixture.change(jobs, "default/work", ({ spec, ...rest }) => ({ ...rest, spec: { template: {}, ...spec, suspend: true } }));
	await settle();
	expect(await fixture.list(pods)).toEqual([]);
	const suspended = await status();
	expect(suspended?.conditions).toMatchObject([{ type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended" }]);
	expect(suspended?.startTime).toBe(undefined);
	expect(suspended?.failed).toBe(undefined);
	await fixture.clock.advance(300_000);
	const resumedMs = fixture.clock.now();
	await fixture.change(jobs, "default/work", ({ spec, ...rest }) => ({ ...rest, spec: { template: {}, ...spec, suspend: false } }));
	await settle();
	expect(await status()).toMatchObject({
		active: 2,
		startTime: formatTime(resumedMs),
		conditions: [{ type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" }],
	});
	expect((await fixture.events()).filter((event) => !event.includes("pod"))).toEqual([
		"Normal Suspended Job/work: Job suspended",
		"Normal Resumed Job/work: Job resumed",
	]);
});

test("a Job that starts suspended has no pods and no start time", async () => {
	await fixture.start(jobController);
	await create({ suspend: true });
	expect(await fixture.list(pods)).toEqual([]);
	expect((await status())?.startTime).toBe(undefined);
	expect(await conditions()).toEqual(["Suspended JobSuspended"]);
});

test("another manager's Job, and its pods, are left alone", async () => {
	await fixture.start(jobController);
	await create({ managedBy: "example.com/queue" });
	expect(await status()).toBe(undefined);
	expect(await fixture.list(pods)).toEqual([]);
	expect(await fixture.events()).toEqual([]);
});

test("adopts a matching orphan and tracks it, releases a pod whose labels are changed", async () => {
	await fixture.client.resource(pods).create({ metadata: { namespace: "default", name: "orphan", labels: { job: "work" } } });
	await fixture.start(jobController);
	await create();
	const [orphan] = await fixture.list(pods);
	expect(orphan?.metadata?.finalizers).toEqual(["batch.kubernetes.io/job-tracking"]);
	expect(orphan?.metadata?.ownerReferences?.length).toBe(1);
	await fixture.change(pods, "default/orphan", (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { job: "other" } } }));
	await settle();
	const released = (await fixture.list(pods)).find(({ metadata }) => metadata?.name === "orphan");
	expect(released?.metadata?.ownerReferences ?? []).toEqual([]);
	expect(released?.metadata?.finalizers ?? []).toEqual([]);
	expect((await active()).length).toBe(2);
});

test("pods of a Job that is gone lose their finalizer", async () => {
	await fixture.start(jobController);
	await create({ parallelism: 2, completions: 2 });
	await fixture.client.resource(jobs).delete({ namespace: "default", name: "work" });
	await settle();
	expect((await fixture.list(pods)).map(({ metadata }) => metadata?.finalizers ?? [])).toEqual([[], []]);
});

test("a pod that is deleted counts as failed, and is replaced", async () => {
	await fixture.start(jobController);
	await create();
	const [pod] = await active();
	await fixture.client.resource(pods).delete({ namespace: "default", name: pod?.metadata?.name ?? "" });
	await fixture.clock.advance(20_000);
	expect((await status())?.failed).toBe(1);
	const left = await fixture.list(pods);
	expect(left.length).toBe(1);
	expect(left[0]?.metadata?.uid).not.toBe(pod?.metadata?.uid);
});

test("pods that are too many go uncounted", async () => {
	await fixture.start(jobController);
	await create({ parallelism: 3, completions: 3 });
	await fixture.change(jobs, "default/work", ({ spec, ...rest }) => ({ ...rest, spec: { template: {}, ...spec, parallelism: 1 } }));
	await settle();
	expect((await active()).length).toBe(1);
	expect(await status()).toMatchObject({ active: 1, terminating: 0 });
	expect((await status())?.failed).toBe(undefined);
});

test("a refused create is told, and tried again", async () => {
	fixture.api.intercept = ({ verb, resource }) => {
		if (verb === "create" && resource === "pods") throw newForbidden({ group: "", resource: "pods" }, "work-x", "exceeded quota: q");
	};
	await fixture.start(jobController);
	await create({ parallelism: 100, completions: 100 });
	expect((await fixture.events())[0]).toMatch(
		/^Warning FailedCreate Job\/work: Error creating: pods "work-x" is forbidden: exceeded quota: q/,
	);
	expect(fixture.api.requests.filter(({ verb, resource }) => verb === "create" && resource === "pods").length).toBeLessThan(10);
	fixture.api.intercept = undefined;
	await fixture.clock.advance(60_000);
	expect((await active()).length).toBe(100);
});

test("what a stopped controller has begun to count, the next one counts to its end, once", async () => {
	await fixture.start(jobController);
	await create({ parallelism: 3, completions: 5 });
	// The finalizers cannot be taken off: the uids stand in the status, and no further.
	fixture.api.intercept = ({ verb, resource }) => {
		if (verb === "patch" && resource === "pods") throw newInternalError("etcd is away");
	};
	const [first, second] = await active();
	await end(first, 0);
	await end(second, 1);
	const halfWay = await status();
	expect(halfWay?.uncountedTerminatedPods).toEqual({ succeeded: [first?.metadata?.uid], failed: [second?.metadata?.uid] });
	expect([halfWay?.succeeded, halfWay?.failed]).toEqual([undefined, undefined]);
	await fixture.stop();
	fixture.api.intercept = undefined;
	await fixture.restart(jobController);
	await settle();
	expect(await status()).toMatchObject({ succeeded: 1, failed: 1, uncountedTerminatedPods: {} });
});

test("10,000 Jobs whose pods end in one instant complete in a few writes each", async () => {
	const count = 10_000;
	await fixture.start(jobController);
	const client = fixture.client.resource(jobs);
	const podClient = fixture.client.resource(pods);
	await Promise.all(
		Array.from({ length: count }, (_, at) => {
			const labels = { job: `work-${at}` };
			const { spec } = job({ selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [] } } });
			return client.create({ metadata: { namespace: "default", name: `work-${at}` }, ...(spec === undefined ? {} : { spec }) });
		}),
	);
	await settle();
	const running = await fixture.list(pods);
	expect(running.length).toBe(count);
	fixture.takeWrites();
	await Promise.all(running.map((pod) => podClient.updateStatus({ ...pod, status: { phase: "Succeeded" } })));
	await settle();
	const ended = await fixture.list(jobs);
	expect(ended.filter(({ status: is }) => is?.succeeded === 1 && is.conditions?.some(({ type }) => type === "Complete")).length).toBe(
		count,
	);
	const writes = fixture.takeWrites();
	const per = (kind: string) => writes.filter((write) => write.startsWith(kind)).length / count;
	expect([per("update pods/status"), per("update jobs/status"), per("patch pods"), per("create events")]).toEqual([1, 2, 1, 1]);
	expect(fixture.complaints).toEqual([]);
}, 300_000);
