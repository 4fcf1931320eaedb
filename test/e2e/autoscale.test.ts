/**
 * The documentation's HorizontalPodAutoscaler walkthrough with the real kubectl, in a cluster whose time moves when the test says so.
 * https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";

/**
 * Kubectl counts ages on its own clock: an hour ago, so that none is below zero; and six seconds after metrics are looked at, so
 * that those of what starts now are there only after the autoscaler has asked for the first time.
 */
const clock = new VirtualClock(Math.floor((Date.now() - 3_600_000) / 60_000) * 60_000 + 6_000);
let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ clock, seed: 1 });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** https://k8s.io/examples/application/php-apache.yaml */
const application = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: php-apache
spec:
  selector:
    matchLabels:
      run: php-apache
  template:
    metadata:
      labels:
        run: php-apache
    spec:
      containers:
      - name: php-apache
        image: registry.k8s.io/hpa-example
        ports:
        - containerPort: 80
        resources:
          limits:
            cpu: 500m
          requests:
            cpu: 200m
---
apiVersion: v1
kind: Service
metadata:
  name: php-apache
  labels:
    run: php-apache
spec:
  ports:
  - port: 80
  selector:
    run: php-apache
`;

const row = async () =>
	(await run("get hpa --no-headers"))
		.replace(/ \S+\n$/, "")
		.replace(/ +/g, " ")
		.trim();

it("creates the autoscaler", async () => {
	await run("apply -f -", application);
	expect(await run("autoscale deployment php-apache --cpu=50% --min=1 --max=10")).toBe(
		"horizontalpodautoscaler.autoscaling/php-apache autoscaled\n",
	);
	expect(await run("get hpa")).toMatch(
		/^NAME +REFERENCE +TARGETS +MINPODS +MAXPODS +REPLICAS +AGE\nphp-apache +Deployment\/php-apache +cpu: <unknown>\/50% +1 +10 +0 +\S+\n$/,
	);
	await clock.advance(14_000);
	expect(await row()).toContain("cpu: <unknown>/50% 1 10 0");
});

it("says while there are no metrics yet", async () => {
	await clock.advance(2_000);
	const described = await run("describe hpa php-apache");
	expect(described).toMatch(/ {2}AbleToScale +True +SucceededGetScale +the HPA controller was able to get the target's current scale\n/);
	const text = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API";
	expect(described).toMatch(
		new RegExp(` {2}ScalingActive +False +FailedGetResourceMetric +the HPA was unable to compute the replica count: ${text}\n`),
	);
	expect(described).toMatch(new RegExp(` {2}Warning +FailedGetResourceMetric +\\S+ +horizontal-pod-autoscaler +${text}\n`));
	expect(described).toMatch(
		new RegExp(
			` {2}Warning +FailedComputeMetricsReplicas +\\S+ +horizontal-pod-autoscaler +invalid metrics \\(1 invalid out of 1\\), first error is: failed to get cpu resource metric value: ${text}\n`,
		),
	);
	await clock.advance(45_000);
	expect(await row()).toBe("php-apache Deployment/php-apache cpu: 0%/50% 1 10 1");
});

it("grows while there is load", async () => {
	await cluster.kubectl.run([
		"run",
		"load-generator",
		"--image=busybox:1.28",
		"--restart=Never",
		"--",
		"/bin/sh",
		"-c",
		"while sleep 0.01; do wget -q -O- http://php-apache; done",
	]);
	await clock.advance(90_000);
	expect(await run("get deployment php-apache --no-headers")).toMatch(/^php-apache +7\/7 +7 +7 +\S+\n$/);
	expect(await row()).toMatch(/^php-apache Deployment\/php-apache cpu: 4\d%\/50% 1 10 7$/);
	expect(await run("top pod -l run=php-apache --no-headers")).toMatch(/^(php-apache-\S+ +\d+m +10Mi +\n){7}$/);
	const described = await run("describe hpa php-apache");
	expect(described).toMatch(
		/Metrics: +\( current \/ target \)\n {2}resource cpu on pods {2}\(as a percentage of request\): +4\d% \(\d+m\) \/ 50%\n/,
	);
	expect(described).toMatch(
		/ {2}ScalingActive +True +ValidMetricFound +the HPA was able to successfully calculate a replica count from cpu resource utilization \(percentage of request\)\n/,
	);
	expect(described).toMatch(
		/ {2}Normal +SuccessfulRescale +\S+ +horizontal-pod-autoscaler +New size: \d; reason: cpu resource utilization \(percentage of request\) above target\n/,
	);
	expect(described).toMatch(/ {2}Normal +SuccessfulRescale +\S+ +horizontal-pod-autoscaler +New size: 7; reason:/);
});

it("is back to one pod five minutes after the load", async () => {
	await run("delete pod load-generator --now --wait=false");
	await clock.advance(6 * 60_000);
	expect(await row()).toBe("php-apache Deployment/php-apache cpu: 0%/50% 1 10 1");
	expect(await run("get deployment php-apache --no-headers")).toMatch(/^php-apache +1\/1 +1 +1 +\S+\n$/);
	expect(await run("describe hpa php-apache")).toMatch(
		/ {2}Normal +SuccessfulRescale +\S+ +horizontal-pod-autoscaler +New size: 1; reason: All metrics below target\n/,
	);
});

it("has the form of autoscaling/v1, too", async () => {
	const yaml = await run(
		"get horizontalpodautoscalers.v1.autoscaling php-apache -o jsonpath={.spec.targetCPUUtilizationPercentage},{.status.currentCPUUtilizationPercentage}",
	);
	expect(yaml).toBe("50,0");
});
