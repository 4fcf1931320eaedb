/** Jobs and CronJobs with the real kubectl, in a cluster whose time runs 30 times as fast as ours. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(30) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** The Job's events as `Normal Reason message`, with `POD` for names of its pods. */
async function events(job: string): Promise<readonly string[]> {
	const template = '{range .items[*]}{.type} {.reason} {.message}{"\\n"}{end}';
	const lines = await cluster.kubectl.run(["events", "--for", `job/${job}`, "-o", `jsonpath=${template}`]);
	return lines
		.split("\n")
		.filter((line) => line !== "")
		.map((line) => line.replace(new RegExp(`${job}-(\\d+-)?[a-z0-9]{5}$`), "POD"));
}

const field = (resource: string, path: string) => run(`get ${resource} -o jsonpath={${path}}`);

const hasNone = async (what: string) => ((await run(`get ${what} -o name`)) === "" ? true : undefined);

const job = (name: string, spec: string, script: string, restartPolicy = "Never") => `
apiVersion: batch/v1
kind: Job
metadata: { name: ${name} }
spec:
  ${spec}
  template:
    spec:
      restartPolicy: ${restartPolicy}
      containers: [{ name: main, image: busybox, command: [sh, -c, ${JSON.stringify(script)}] }]
`;

test("a Job runs a pod to completion, and kubectl waits for it", async () => {
	await cluster.kubectl.run(["create", "job", "hello", "--image=busybox", "--", "sh", "-c", "echo hello from $HOSTNAME"]);
	expect(await run("wait --for=condition=complete job/hello --timeout=60s")).toBe("job.batch/hello condition met\n");
	expect(await run("get job hello")).toMatch(/^NAME +STATUS +COMPLETIONS +DURATION +AGE\nhello +Complete +1\/1 +\d+s +\S+\n$/);
	const podName = await field("pods -l job-name=hello", ".items[0].metadata.name");
	expect(await run("logs job/hello")).toBe(`hello from ${podName}\n`);
	expect(await run("get pods -l batch.kubernetes.io/job-name=hello --no-headers")).toMatch(/^hello-\w{5} +0\/1 +Completed +0 +\S+\n$/);
	const described = await run("describe job hello");
	expect(described).toContain("Pods Statuses:    0 Active (0 Ready) / 1 Succeeded / 0 Failed\n");
	expect(described).toMatch(/Normal +Completed +\S+ +job-controller +Job completed\n/);
	expect(await events("hello")).toEqual(["Normal SuccessfulCreate Created pod: POD", "Normal Completed Job completed"]);
	expect(await run("delete job hello")).toBe('job.batch "hello" deleted from default namespace\n');
	await eventually(() => hasNone("pods -l job-name=hello"), { limitMs: 60_000 });
});

test("a Job that fails too often fails", async () => {
	await run("apply -f -", job("never", "backoffLimit: 1", "exit 3"));
	expect(await run("wait --for=condition=failed job/never --timeout=60s")).toBe("job.batch/never condition met\n");
	expect(await run("get job never --no-headers")).toMatch(/^never +Failed +0\/1 /);
	expect(await field("pods -l job-name=never", ".items[*].status.containerStatuses[0].state.terminated.exitCode")).toBe("3 3");
	expect((await events("never")).at(-1)).toBe("Warning BackoffLimitExceeded Job has reached the specified backoff limit");
	expect(await cluster.kubectl.fail("wait --for=condition=complete job/never --timeout=1s")).toContain("timed out waiting");
});

test("with restartPolicy OnFailure the container is started again in its pod", async () => {
	await run("apply -f -", job("retry", "backoffLimit: 2", "exit 1", "OnFailure"));
	await run("wait --for=condition=failed job/retry --timeout=60s");
	expect(await field("job retry", ".status.failed")).toBe("1");
	expect(await events("retry")).toEqual([
		"Normal SuccessfulCreate Created pod: POD",
		"Normal SuccessfulDelete Deleted pod: POD",
		"Warning BackoffLimitExceeded Job has reached the specified backoff limit",
	]);
});

test("an Indexed Job tells its pods their index", async () => {
	const script = 'test "$JOB_COMPLETION_INDEX" != 1 || exit 42; echo I am $JOB_COMPLETION_INDEX on $(hostname)';
	const policy = "podFailurePolicy: { rules: [{ action: FailIndex, onExitCodes: { operator: In, values: [42] } }] }";
	await run(
		"apply -f -",
		job("parts", `completions: 3\n  parallelism: 3\n  completionMode: Indexed\n  backoffLimitPerIndex: 1\n  ${policy}`, script),
	);
	await run("wait --for=condition=failed job/parts --timeout=60s");
	expect(await field("job parts", ".status.completedIndexes}_{.status.failedIndexes")).toBe("0,2_1");
	expect((await run("logs -l job-name=parts")).split("\n").sort()).toEqual(["", "I am 0 on parts-0", "I am 2 on parts-2"]);
	const described = await run("describe job parts");
	expect(described).toContain("Completed Indexes:  0,2\n");
	expect((await events("parts")).at(-1)).toBe("Warning FailedIndexes Job has failed indexes");
});

test("a Job is suspended and resumed", async () => {
	await run("apply -f -", job("pause", "parallelism: 2\n  completions: 2", "sleep 100000"));
	await run("wait --for=jsonpath={.status.ready}=2 job/pause --timeout=60s");
	await cluster.kubectl.run(["patch", "job", "pause", "-p", '{"spec":{"suspend":true}}']);
	expect(await run("wait --for=condition=suspended job/pause --timeout=60s")).toBe("job.batch/pause condition met\n");
	expect(await run("get job pause --no-headers")).toMatch(/^pause +Suspended +0\/2 /);
	await eventually(() => hasNone("pods -l job-name=pause"), { limitMs: 60_000 });
	await cluster.kubectl.run(["patch", "job", "pause", "-p", '{"spec":{"suspend":false}}']);
	await run("wait --for=jsonpath={.status.ready}=2 job/pause --timeout=60s");
	expect(await field("job pause", ".status.failed")).toBe("");
	expect((await events("pause")).filter((event) => !event.includes("POD"))).toEqual([
		"Normal Suspended Job suspended",
		"Normal Resumed Job resumed",
	]);
	await run("delete job pause");
});

test("a Job with a time to live goes, and its pods with it", async () => {
	await run("apply -f -", job("brief", "ttlSecondsAfterFinished: 20", "true"));
	await eventually(() => hasNone("job brief --ignore-not-found"), { limitMs: 60_000 });
	await eventually(() => hasNone("pods -l job-name=brief"), { limitMs: 60_000 });
});

test("a CronJob makes Jobs by the clock, and by hand", async () => {
	await cluster.kubectl.run(["create", "cronjob", "tick", "--image=busybox", "--schedule=* * * * *", "--", "date"]);
	expect(await run("get cronjob tick --no-headers")).toMatch(/^tick +\* \* \* \* \* +<none> +False +\d +\S+ +\S+\n$/);
	await run("wait --for=jsonpath={.status.lastSuccessfulTime} cronjob/tick --timeout=60s");
	await cluster.kubectl.run(["patch", "cronjob", "tick", "-p", '{"spec":{"suspend":true}}']);
	const made = (await run("get jobs -o name")).split("\n").findLast((name) => name.startsWith("job.batch/tick-")) ?? "";
	const scheduled = await field(made, ".metadata.annotations.batch\\.kubernetes\\.io/cronjob-scheduled-timestamp");
	expect(made).toBe(`job.batch/tick-${Date.parse(scheduled) / 60_000}`);
	expect(await run("create job by-hand --from=cronjob/tick")).toBe("job.batch/by-hand created\n");
	expect(await run("wait --for=condition=complete job/by-hand --timeout=60s")).toBe("job.batch/by-hand condition met\n");
	const described = await run("describe cronjob tick");
	expect(described).toMatch(/Normal +SuccessfulCreate +.* +cronjob-controller +Created job tick-\d+\n/);
	expect(described).toMatch(/Normal +SawCompletedJob +.* +cronjob-controller +Saw completed job: tick-\d+, condition: Complete\n/);
	await run("delete cronjob tick");
	await eventually(async () => (/tick-|by-hand/.test(await run("get jobs -o name")) ? undefined : true), { limitMs: 60_000 });
});
