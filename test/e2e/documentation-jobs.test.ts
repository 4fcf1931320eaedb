/**
 * The documentation's pages about Jobs and CronJobs six times as fast as real time: their manifests, their commands, and what kubectl prints, whole.
 *  - https://kubernetes.io/docs/concepts/workloads/controllers/job/
 *  - https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/
 *  - https://kubernetes.io/docs/tasks/job/pod-failure-policy/
 *  - https://kubernetes.io/docs/tasks/job/automated-tasks-with-cron-jobs/
 */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { rowsOf, rowsUntil, shows } from "../tools/documentation.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

// What waits for pods in real time waits longer on a machine that has more to do.
vi.setConfig({ testTimeout: 180_000 });

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(6) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** A Job's name without what makes a pod of it: `pi-x7k2p`. */
const podNames = (lines: readonly string[]) =>
	lines.map((line) => line.replace(/\b(pi|indexed-job-\d|myjob)-[bcdf-hj-np-tv-z2456789]{5}\b/g, "$1-RANDOM"));

/** https://kubernetes.io/examples/controllers/job.yaml */
const pi = `
apiVersion: batch/v1
kind: Job
metadata:
  name: pi
spec:
  template:
    spec:
      containers:
      - name: pi
        image: perl:5.34.0
        command: ["perl",  "-Mbignum=bpi", "-wle", "print bpi(2000)"]
      restartPolicy: Never
  backoffLimit: 4
`;

test("Running an example Job", async () => {
	await using watch = await RunningTool.watching(cluster.kubectl, "get jobs --watch-only --no-headers");
	expect(await run("apply -f -", pi)).toBe("job.batch/pi created\n");
	expect(await run("wait --for=condition=complete job/pi --timeout=120s")).toBe("job.batch/pi condition met\n");
	expect(podNames(maskedLines(await run("describe job pi")))).toEqual([
		"Name: pi",
		"Namespace: default",
		"Selector: batch.kubernetes.io/controller-uid=UID",
		"Labels: batch.kubernetes.io/controller-uid=UID",
		" batch.kubernetes.io/job-name=pi",
		" controller-uid=UID",
		" job-name=pi",
		"Annotations: <none>",
		"Parallelism: 1",
		"Completions: 1",
		"Completion Mode: NonIndexed",
		"Suspend: false",
		"Backoff Limit: 4",
		"Start Time: TIME",
		"Completed At: TIME",
		"Duration: AGE",
		"Pods Statuses: 0 Active (0 Ready) / 1 Succeeded / 0 Failed",
		"Pod Template:",
		" Labels: batch.kubernetes.io/controller-uid=UID",
		" batch.kubernetes.io/job-name=pi",
		" controller-uid=UID",
		" job-name=pi",
		" Containers:",
		" pi:",
		" Image: perl:5.34.0",
		" Port: <none>",
		" Host Port: <none>",
		" Command:",
		" perl",
		" -Mbignum=bpi",
		" -wle",
		" print bpi(2000)",
		" Environment: <none>",
		" Mounts: <none>",
		" Volumes: <none>",
		" Node-Selectors: <none>",
		" Tolerations: <none>",
		"Events:",
		" Type Reason Age From Message",
		" ---- ------ ---- ---- -------",
		" Normal SuccessfulCreate AGE job-controller Created pod: pi-RANDOM",
		" Normal Completed AGE job-controller Job completed",
	]);
	expect(maskedLines(await run("get job pi"))).toEqual(["NAME STATUS COMPLETIONS DURATION AGE", "pi Complete 1/1 AGE AGE"]);
	const rows = await rowsUntil(watch, /^pi Complete 1\/1/);
	expect(rows.map((row) => row.replace(/ AGE$/, "").replace(/ $/, "")).filter((row, index, all) => row !== all[index - 1])).toEqual([
		"pi Running 0/1",
		"pi SuccessCriteriaMet 0/1",
		"pi Complete 1/1",
	]);
	const pods = (await run("get pods --selector=batch.kubernetes.io/job-name=pi --output=jsonpath={.items[*].metadata.name}")).trim();
	expect(podNames([pods])).toEqual(["pi-RANDOM"]);
	expect(podNames(maskedLines(await run("get pods")))).toEqual(["NAME READY STATUS RESTARTS AGE", "pi-RANDOM 0/1 Completed 0 AGE"]);
	const digits = await run(`logs ${pods}`);
	expect(digits).toMatch(/^3\.1415926535897932384626433832795028841971\d+\n$/);
	expect(digits).toMatch(/133904780275901\n$/);
	expect(await run("logs jobs/pi")).toBe(digits);
	expect(await run("delete jobs/pi")).toBe('job.batch "pi" deleted from default namespace\n');
	await shows(cluster, "get pods -o name", [""]);
});

/** https://kubernetes.io/examples/application/job/indexed-job.yaml */
const indexed = `
apiVersion: batch/v1
kind: Job
metadata:
  name: 'indexed-job'
spec:
  completions: 5
  parallelism: 3
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      initContainers:
      - name: 'input'
        image: 'docker.io/library/bash'
        command:
        - "bash"
        - "-c"
        - |
          items=(foo bar baz qux xyz)
          echo \${items[$JOB_COMPLETION_INDEX]} > /input/data.txt
        volumeMounts:
        - mountPath: /input
          name: input
      containers:
      - name: 'worker'
        image: 'docker.io/library/busybox'
        command:
        - "rev"
        - "/input/data.txt"
        volumeMounts:
        - mountPath: /input
          name: input
      volumes:
      - name: input
        emptyDir: {}
`;

test("Indexed Job for parallel processing with static work assignment", async () => {
	expect(await run("apply -f -", indexed)).toBe("job.batch/indexed-job created\n");
	await run("wait --for=condition=complete job/indexed-job --timeout=120s");
	expect(maskedLines(await run("get job indexed-job"))).toEqual([
		"NAME STATUS COMPLETIONS DURATION AGE",
		"indexed-job Complete 5/5 AGE AGE",
	]);
	const lines = podNames(maskedLines(await run("describe jobs/indexed-job")));
	expect(lines.slice(8, 19)).toEqual([
		"Parallelism: 3",
		"Completions: 5",
		"Completion Mode: Indexed",
		"Suspend: false",
		"Backoff Limit: 6",
		"Start Time: TIME",
		"Completed At: TIME",
		"Duration: AGE",
		"Pods Statuses: 0 Active (0 Ready) / 5 Succeeded / 0 Failed",
		"Completed Indexes: 0-4",
		"Pod Template:",
	]);
	// Three at once, and one more for each that is through.
	expect(lines.slice(lines.indexOf("Events:") + 3)).toEqual([
		...[0, 1, 2, 3, 4].map((index) => ` Normal SuccessfulCreate AGE job-controller Created pod: indexed-job-${index}-RANDOM`),
		" Normal Completed AGE job-controller Job completed",
	]);
	const words: string[] = [];
	for (const index of [0, 1, 2, 3, 4]) words.push(await run(`logs -l batch.kubernetes.io/job-completion-index=${index}`));
	expect(words).toEqual(["oof\n", "rab\n", "zab\n", "xuq\n", "zyx\n"]);
	await run("delete job indexed-job");
});

const sleeper = `
apiVersion: batch/v1
kind: Job
metadata: { name: myjob }
spec:
  parallelism: 1
  completions: 5
  template:
    spec:
      restartPolicy: Never
      containers: [{ name: main, image: busybox, command: [sleep, "1000"] }]
`;

test("Suspending a Job", async () => {
	await run("apply -f -", sleeper);
	await shows(cluster, "get pods -l job-name=myjob -o jsonpath={.items[*].status.phase}", ["Running"]);
	const patch = (suspend: boolean) =>
		cluster.kubectl.run(["patch", "job/myjob", "--type=strategic", "--patch", JSON.stringify({ spec: { suspend } })]);
	expect(await patch(true)).toBe("job.batch/myjob patched\n");
	await run("wait --for=condition=Suspended job/myjob --timeout=60s");
	const conditions =
		"get jobs/myjob -o jsonpath={.status.conditions[*].type}:{.status.conditions[*].status}:{.status.conditions[*].reason}:{.status.conditions[*].message}";
	expect(await run(conditions)).toBe("Suspended:True:JobSuspended:Job suspended");
	expect(maskedLines(await run("get job myjob"))).toEqual(["NAME STATUS COMPLETIONS DURATION AGE", "myjob Suspended 0/5 AGE"]);
	expect(await patch(false)).toBe("job.batch/myjob patched\n");
	await shows(cluster, "get pods -l job-name=myjob --field-selector=status.phase=Running -o jsonpath={.items[*].status.phase}", [
		"Running",
	]);
	expect(await run(conditions)).toBe("Suspended:False:JobResumed:Job resumed");
	const lines = podNames(maskedLines(await run("describe jobs/myjob")));
	expect(lines.slice(lines.indexOf("Events:") + 3)).toEqual([
		" Normal SuccessfulCreate AGE job-controller Created pod: myjob-RANDOM",
		" Normal SuccessfulDelete AGE job-controller Deleted pod: myjob-RANDOM",
		" Normal Suspended AGE job-controller Job suspended",
		" Normal SuccessfulCreate AGE job-controller Created pod: myjob-RANDOM",
		" Normal Resumed AGE job-controller Job resumed",
	]);
	await run("delete job myjob");
});

/** https://k8s.io/examples/controllers/job-pod-failure-policy-failjob.yaml, without its 30 s of sleep. */
const failing = `
apiVersion: batch/v1
kind: Job
metadata:
  name: job-pod-failure-policy-failjob
spec:
  completions: 8
  parallelism: 2
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: main
        image: docker.io/library/bash:5
        command: ["bash"]
        args:
        - -c
        - echo "Hello world! I'm going to exit with 42 to simulate a software bug." && exit 42
  backoffLimit: 6
  podFailurePolicy:
    rules:
    - action: FailJob
      onExitCodes:
        containerName: main
        operator: In
        values: [42]
`;

test("Using Pod failure policy to avoid unnecessary Pod retries; a back-off limit that is reached", async () => {
	await run("create -f -", failing);
	await run("wait --for=condition=Failed job/job-pod-failure-policy-failjob --timeout=60s");
	const told = (job: string) =>
		run(`get job ${job} -o jsonpath={.status.conditions[?(@.type=="Failed")].reason}:{.status.conditions[?(@.type=="Failed")].message}`);
	expect((await told("job-pod-failure-policy-failjob")).replace(/failjob-\w{5} /, "failjob-RANDOM ")).toBe(
		"PodFailurePolicy:Container main for pod default/job-pod-failure-policy-failjob-RANDOM failed with exit code 42 matching FailJob rule at index 0",
	);
	expect(maskedLines(await run("get jobs job-pod-failure-policy-failjob"))).toEqual([
		"NAME STATUS COMPLETIONS DURATION AGE",
		"job-pod-failure-policy-failjob Failed 0/8 AGE AGE",
	]);
	await run("delete jobs/job-pod-failure-policy-failjob");
	await cluster.kubectl
		.run(["create", "job", "limited", "--image=busybox", "--dry-run=client", "-o", "yaml", "--", "false"])
		.then((yaml) => run("create -f -", yaml.replace("spec:\n", "spec:\n  backoffLimit: 0\n")));
	await run("wait --for=condition=Failed job/limited --timeout=60s");
	expect(await told("limited")).toBe("BackoffLimitExceeded:Job has reached the specified backoff limit");
	expect(maskedLines(await run("get jobs limited"))[1]).toBe("limited Failed 0/1 AGE AGE");
	await run("delete job limited");
});

/** https://k8s.io/examples/application/job/cronjob.yaml */
const cronJob = `
apiVersion: batch/v1
kind: CronJob
metadata:
  name: hello
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          containers:
          - name: hello
            image: busybox:1.28
            imagePullPolicy: IfNotPresent
            command:
            - /bin/sh
            - -c
            - date; echo Hello from the Kubernetes cluster
          restartPolicy: OnFailure
`;

test("Running automated tasks with a CronJob", async () => {
	await using other = await startTestCluster({ latency: "usual", clock: fastClock(4, 20_000) });
	const { run } = other;
	await using watch = await RunningTool.watching(other.kubectl, "get jobs --watch-only --no-headers");
	expect(await run("create -f -", cronJob)).toBe("cronjob.batch/hello created\n");
	const header = "NAME SCHEDULE TIMEZONE SUSPEND ACTIVE LAST SCHEDULE AGE";
	expect(maskedLines(await run("get cronjob hello"))[0]).toBe(header);
	expect(maskedLines(await run("get cronjob hello"))[1]).toMatch(/^hello \* \* \* \* \* <none> False [01] (<none>|AGE) AGE$/);
	// On a machine that is very slow it is a quarter of a minute until the next begins.
	await eventually(() => (/hello-\d+ +Complete +1\/1 /.test(watch.stdout) ? true : undefined), {
		limitMs: 150_000,
		what: () => watch.stdout,
	});
	const scheduled = await run("get cronjob hello -o jsonpath={.status.lastScheduleTime}");
	const job = await run("get jobs --sort-by=.metadata.creationTimestamp -o jsonpath={.items[0].metadata.name}");
	// Named by the minutes since 1970 of the time it was meant for.
	const meant = await run(`get job ${job} -o jsonpath={.metadata.annotations.batch\\.kubernetes\\.io/cronjob-scheduled-timestamp}`);
	expect(job).toBe(`hello-${Date.parse(meant) / 60_000}`);
	expect(Date.parse(scheduled)).toBeGreaterThanOrEqual(Date.parse(meant));
	const shown = rowsOf(watch, job).map((row) =>
		row
			.replace(job, "hello-N")
			.replace(/( AGE)?$/, "")
			.trim(),
	);
	expect(shown.filter((row, index) => row !== shown[index - 1])).toEqual([
		"hello-N Running 0/1",
		"hello-N SuccessCriteriaMet 0/1",
		"hello-N Complete 1/1",
	]);
	expect(maskedLines(await run("get cronjob hello"))[1]).toMatch(/^hello \* \* \* \* \* <none> False [01] AGE AGE$/);
	const pod = await run(`get pods --selector=job-name=${job} --output=jsonpath={.items[*].metadata.name}`);
	expect(await run(`logs ${pod}`)).toMatch(
		/^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d UTC \d{4}\nHello from the Kubernetes cluster\n$/,
	);
	expect(await run("delete cronjob hello")).toBe('cronjob.batch "hello" deleted from default namespace\n');
	await shows(other, "get jobs,pods -o name", [""]);
});
