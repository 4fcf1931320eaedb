/**
 * https://kubernetes.io/docs/concepts/workloads/controllers/deployment/ from its top to its end, six times as fast as real time: its manifests,
 * its commands in its order, and what kubectl prints, whole.
 */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { expectAlong, rowsUntil, shows, steps } from "../tools/documentation.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

// What waits for rollouts in real time waits longer on a machine that has more to do.
vi.setConfig({ testTimeout: 180_000 });

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(6) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** https://k8s.io/examples/controllers/nginx-deployment.yaml */
const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: nginx-deployment
  labels:
    app: nginx
spec:
  replicas: 3
  selector:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
      - name: nginx
        image: nginx:1.14.2
        ports:
        - containerPort: 80
`;

const finishing = (state: string) => `Waiting for deployment "nginx-deployment" rollout to finish: ${state}...`;
const done = 'deployment "nginx-deployment" successfully rolled out';

const deployments = (row: string) => ["NAME READY UP-TO-DATE AVAILABLE AGE", `nginx-deployment ${row} AGE`];

/** Rows of `get rs`, oldest first: all of them have the same name once it is masked. */
const replicaSets = (...rows: readonly string[]) => [
	"NAME DESIRED CURRENT READY AGE",
	...rows.map((row) => `nginx-deployment-HASH ${row} AGE`),
];
const getReplicaSets = "get rs --sort-by={.metadata.annotations.deployment\\.kubernetes\\.io/revision}";

/** Template and conditions as describe prints them. */
async function described(): Promise<{ readonly head: readonly string[]; readonly events: readonly string[] }> {
	const lines = maskedLines(await run("describe deployments nginx-deployment"));
	const at = lines.indexOf("Events:");
	return {
		head: lines.slice(0, at),
		events: lines.slice(at + 3).map((line) => line.replace(/^ Normal ScalingReplicaSet AGE deployment-controller /, "")),
	};
}

test("Creating a Deployment", async () => {
	expect(await run("apply -f -", manifest)).toBe("deployment.apps/nginx-deployment created\n");
	expectAlong(steps(await run("rollout status deployment/nginx-deployment")), [
		finishing("0 out of 3 new replicas have been updated"),
		finishing("0 of 3 updated replicas are available"),
		finishing("1 of 3 updated replicas are available"),
		finishing("2 of 3 updated replicas are available"),
		done,
	]);
	expect(maskedLines(await run("get deployments"))).toEqual(deployments("3/3 3 3"));
	expect(maskedLines(await run("get rs"))).toEqual(replicaSets("3 3 3"));
	expect(maskedLines(await run("get pods --show-labels"))).toEqual([
		"NAME READY STATUS RESTARTS AGE LABELS",
		...Array(3).fill("nginx-deployment-HASH-RANDOM 1/1 Running 0 AGE app=nginx,pod-template-hash=HASH"),
	]);
	// "The HASH string is the same as the pod-template-hash label on the ReplicaSet."
	const hash = await run("get rs -o jsonpath={.items[0].metadata.labels.pod-template-hash}");
	expect(await run("get rs -o name")).toBe(`replicaset.apps/nginx-deployment-${hash}\n`);
});

test("Updating a Deployment", async () => {
	expect(await run("set image deployment.v1.apps/nginx-deployment nginx=nginx:1.16.1")).toBe(
		"deployment.apps/nginx-deployment image updated\n",
	);
	expectAlong(steps(await run("rollout status deployment/nginx-deployment")), [
		finishing("0 out of 3 new replicas have been updated"),
		finishing("1 out of 3 new replicas have been updated"),
		finishing("2 out of 3 new replicas have been updated"),
		finishing("2 old replicas are pending termination"),
		finishing("1 old replicas are pending termination"),
		finishing("2 of 3 updated replicas are available"),
		done,
	]);
	expect(maskedLines(await run("get deployments"))).toEqual(deployments("3/3 3 3"));
	expect(maskedLines(await run(getReplicaSets))).toEqual(replicaSets("0 0 0", "3 3 3"));
	await shows(cluster, "get pods", ["NAME READY STATUS RESTARTS AGE", ...Array(3).fill("nginx-deployment-HASH-RANDOM 1/1 Running 0 AGE")]);
	const { head, events } = await described();
	expect(head).toEqual([
		"Name: nginx-deployment",
		"Namespace: default",
		"CreationTimestamp: TIME",
		"Labels: app=nginx",
		"Annotations: deployment.kubernetes.io/revision: 2",
		"Selector: app=nginx",
		"Replicas: 3 desired | 3 updated | 3 total | 3 available | 0 unavailable",
		"StrategyType: RollingUpdate",
		"MinReadySeconds: 0",
		"RollingUpdateStrategy: 25% max unavailable, 25% max surge",
		"Pod Template:",
		" Labels: app=nginx",
		" Containers:",
		" nginx:",
		" Image: nginx:1.16.1",
		" Port: 80/TCP",
		" Host Port: 0/TCP",
		" Environment: <none>",
		" Mounts: <none>",
		" Volumes: <none>",
		" Node-Selectors: <none>",
		" Tolerations: <none>",
		"Conditions:",
		" Type Status Reason",
		" ---- ------ ------",
		" Available True MinimumReplicasAvailable",
		" Progressing True NewReplicaSetAvailable",
		"OldReplicaSets: nginx-deployment-HASH (0/0 replicas created)",
		"NewReplicaSet: nginx-deployment-HASH (3/3 replicas created)",
	]);
	expect(events).toEqual([
		"Scaled up replica set nginx-deployment-HASH from 0 to 3",
		"Scaled up replica set nginx-deployment-HASH from 0 to 1",
		"Scaled down replica set nginx-deployment-HASH from 3 to 2",
		"Scaled up replica set nginx-deployment-HASH from 1 to 2",
		"Scaled down replica set nginx-deployment-HASH from 2 to 1",
		"Scaled up replica set nginx-deployment-HASH from 2 to 3",
		"Scaled down replica set nginx-deployment-HASH from 1 to 0",
	]);
});

test("Rolling Back a Deployment: a typo gets stuck", async () => {
	await run("annotate deployment/nginx-deployment kubernetes.io/change-cause=image-updated-to-1.16.1");
	expect(await run("set image deployment/nginx-deployment nginx=nginx:1.161")).toBe("deployment.apps/nginx-deployment image updated\n");
	await run("annotate deployment/nginx-deployment kubernetes.io/change-cause=image-updated-to-1.161 --overwrite");
	await using stuck = new RunningTool(cluster.kubectl, "rollout status deployment/nginx-deployment");
	await stuck.sees(/1 out of 3 new replicas have been updated/);
	await shows(cluster, getReplicaSets, replicaSets("0 0 0", "3 3 3", "1 1 0"));
	const podTable = (table: readonly string[]) => [...table].sort();
	await eventually(
		async () => {
			const rows = podTable(maskedLines(await run("get pods --no-headers")));
			return rows.some((row) => / 0\/1 ImagePullBackOff 0 AGE$/.test(row)) || undefined;
		},
		{ limitMs: 30_000 },
	);
	expect(podTable(maskedLines(await run("get pods --no-headers"))).map((row) => row.replace("ErrImagePull", "ImagePullBackOff"))).toEqual([
		"nginx-deployment-HASH-RANDOM 0/1 ImagePullBackOff 0 AGE",
		...Array(3).fill("nginx-deployment-HASH-RANDOM 1/1 Running 0 AGE"),
	]);
	const { head } = await described();
	expect(head).toContain("Replicas: 3 desired | 1 updated | 4 total | 3 available | 1 unavailable");
	expect(head.slice(head.indexOf("Conditions:"))).toEqual([
		"Conditions:",
		" Type Status Reason",
		" ---- ------ ------",
		" Available True MinimumReplicasAvailable",
		" Progressing True ReplicaSetUpdated",
		"OldReplicaSets: nginx-deployment-HASH (0/0 replicas created), nginx-deployment-HASH (3/3 replicas created)",
		"NewReplicaSet: nginx-deployment-HASH (1/1 replicas created)",
	]);
	expect(steps(stuck.stdout).at(-1)).toBe(finishing("1 out of 3 new replicas have been updated"));
});

test("Checking Rollout History of a Deployment", async () => {
	expect(await run("rollout history deployment/nginx-deployment")).toBe(
		"deployment.apps/nginx-deployment \nREVISION  CHANGE-CAUSE\n1         <none>\n2         image-updated-to-1.16.1\n3         image-updated-to-1.161\n\n",
	);
	expect(maskedLines(await run("rollout history deployment/nginx-deployment --revision=2"))).toEqual([
		"deployment.apps/nginx-deployment with revision #2",
		"Pod Template:",
		" Labels: app=nginx",
		" pod-template-hash=HASH",
		" Annotations: kubernetes.io/change-cause: image-updated-to-1.16.1",
		" Containers:",
		" nginx:",
		" Image: nginx:1.16.1",
		" Port: 80/TCP",
		" Host Port: 0/TCP",
		" Environment: <none>",
		" Mounts: <none>",
		" Volumes: <none>",
		" Node-Selectors: <none>",
		" Tolerations: <none>",
	]);
});

test("Rolling Back to a Previous Revision", async () => {
	expect(await run("rollout undo deployment/nginx-deployment")).toBe("deployment.apps/nginx-deployment rolled back\n");
	expect(steps(await run("rollout status deployment/nginx-deployment")).at(-1)).toBe(done);
	expect(maskedLines(await run("get deployment nginx-deployment"))).toEqual(deployments("3/3 3 3"));
	const { head, events } = await described();
	expect(head.slice(4, 6)).toEqual([
		"Annotations: deployment.kubernetes.io/revision: 4",
		" kubernetes.io/change-cause: image-updated-to-1.16.1",
	]);
	// As in the page, the roll back only takes away the pod that could not start.
	expect(events.slice(-2)).toEqual([
		"Scaled up replica set nginx-deployment-HASH from 0 to 1",
		"Scaled down replica set nginx-deployment-HASH from 1 to 0",
	]);
	expect(await run("rollout undo deployment/nginx-deployment --to-revision=1")).toBe("deployment.apps/nginx-deployment rolled back\n");
	await run("rollout status deployment/nginx-deployment");
	expect(await run("rollout history deployment/nginx-deployment")).toBe(
		"deployment.apps/nginx-deployment \nREVISION  CHANGE-CAUSE\n3         image-updated-to-1.161\n4         image-updated-to-1.16.1\n5         <none>\n\n",
	);
	expect(await run("get deployment nginx-deployment -o jsonpath={.spec.template.spec.containers[0].image}")).toBe("nginx:1.14.2");
});

test("Scaling a Deployment, and Proportional scaling", async () => {
	expect(await run("scale deployment/nginx-deployment --replicas=10")).toBe("deployment.apps/nginx-deployment scaled\n");
	expect(await run("autoscale deployment/nginx-deployment --min=10 --max=15 --cpu=80%")).toBe(
		"horizontalpodautoscaler.autoscaling/nginx-deployment autoscaled\n",
	);
	await run("delete hpa nginx-deployment");
	await cluster.kubectl.run([
		"patch",
		"deployment",
		"nginx-deployment",
		"-p",
		'{"spec":{"strategy":{"rollingUpdate":{"maxSurge":3,"maxUnavailable":2}}}}',
	]);
	await run("rollout status deployment/nginx-deployment");
	expect(maskedLines(await run("get deploy"))).toEqual(deployments("10/10 10 10"));
	await run("set image deployment/nginx-deployment nginx=nginx:sometag");
	await shows(
		cluster,
		`${getReplicaSets} -l app=nginx --field-selector metadata.namespace=default`,
		replicaSets("0 0 0", "0 0 0", "8 8 8", "5 5 0"),
	);
	await run("scale deployment/nginx-deployment --replicas=15");
	// 3 of the 5 more go to the old ReplicaSet and 2 to the new one, by their sizes.
	await shows(cluster, "get deploy", deployments("11/15 7 11"));
	await shows(cluster, getReplicaSets, replicaSets("0 0 0", "0 0 0", "11 11 11", "7 7 0"));
	await run("rollout undo deployment/nginx-deployment");
	await run("rollout status deployment/nginx-deployment");
	await run("scale deployment/nginx-deployment --replicas=3");
	await run("rollout status deployment/nginx-deployment");
});

test("Pausing and Resuming a rollout of a Deployment", async () => {
	await cluster.kubectl.run([
		"patch",
		"deployment",
		"nginx-deployment",
		"-p",
		'{"spec":{"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"}}}}',
	]);
	const historyBefore = await run("rollout history deployment/nginx-deployment");
	expect(await run("rollout pause deployment/nginx-deployment")).toBe("deployment.apps/nginx-deployment paused\n");
	expect(await run("set image deployment/nginx-deployment nginx=nginx:1.16.2")).toBe("deployment.apps/nginx-deployment image updated\n");
	expect(await run("rollout history deployment/nginx-deployment")).toBe(historyBefore);
	expect(await run("set resources deployment/nginx-deployment -c=nginx --limits=cpu=200m,memory=512Mi")).toBe(
		"deployment.apps/nginx-deployment resource requirements updated\n",
	);
	const { head } = await described();
	expect(head.slice(head.indexOf("Conditions:"), -2)).toEqual([
		"Conditions:",
		" Type Status Reason",
		" ---- ------ ------",
		" Available True MinimumReplicasAvailable",
		" Progressing Unknown DeploymentPaused",
	]);
	// Begun while nothing moves, it tells every step of what comes.
	await using status = new RunningTool(cluster.kubectl, "rollout status deployment/nginx-deployment");
	await status.sees(/0 out of 3 new replicas have been updated/);
	await using watching = await RunningTool.watching(cluster.kubectl, "get rs --watch-only --no-headers");
	expect(await run("rollout resume deployment/nginx-deployment")).toBe("deployment.apps/nginx-deployment resumed\n");
	expect(await status.ended()).toBe(0);
	expect(steps(status.stdout)).toEqual([
		finishing("0 out of 3 new replicas have been updated"),
		finishing("1 out of 3 new replicas have been updated"),
		finishing("2 out of 3 new replicas have been updated"),
		finishing("1 old replicas are pending termination"),
		done,
	]);
	// What `get rs -w` shows of a rollout in the page: wanted, then there, then ready; and the old ones gone.
	const rows = (await rowsUntil(watching, /^nginx-deployment-HASH 0 0 0$/)).map((row) => row.replace("nginx-deployment-HASH ", ""));
	for (const step of ["1 0 0", "1 1 0", "1 1 1", "2 1 1", "2 2 2", "3 2 2", "3 3 3"]) expect(rows).toContain(step);
});

test("Failed Deployment", async () => {
	expect(await cluster.kubectl.run(["patch", "deployment/nginx-deployment", "-p", '{"spec":{"progressDeadlineSeconds":4}}'])).toBe(
		"deployment.apps/nginx-deployment patched\n",
	);
	// The quota counts pods that are still going, too.
	await shows(cluster, "get pods", ["NAME READY STATUS RESTARTS AGE", ...Array(3).fill("nginx-deployment-HASH-RANDOM 1/1 Running 0 AGE")]);
	await run("create quota none --hard=pods=3");
	await run("set image deployment/nginx-deployment nginx=nginx:1.17");
	const failed = await cluster.kubectl.try(["rollout", "status", "deployment/nginx-deployment"]);
	expect(failed.exitCode).toBe(1);
	expect(failed.stderr).toBe('error: deployment "nginx-deployment" exceeded its progress deadline\n');
	expect(steps(failed.stdout)).toEqual([finishing("0 out of 3 new replicas have been updated")]);
	const { head } = await described();
	expect(head.slice(head.indexOf("Conditions:"), head.indexOf("Conditions:") + 6)).toEqual([
		"Conditions:",
		" Type Status Reason",
		" ---- ------ ------",
		" Available True MinimumReplicasAvailable",
		" ReplicaFailure True FailedCreate",
		" Progressing False ProgressDeadlineExceeded",
	]);
	const messages = await run(
		"get deployment nginx-deployment -o jsonpath={range.status.conditions[*]}{.message}{'\\n'}{end}".replaceAll("'", '"'),
	);
	expect(maskedLines(messages)).toEqual([
		"Deployment has minimum availability.",
		'pods "nginx-deployment-HASH-RANDOM" is forbidden: exceeded quota: none, requested: pods=1, used: pods=3, limited: pods=3',
		'ReplicaSet "nginx-deployment-HASH" has timed out progressing.',
	]);
	// "You can address an issue of insufficient quota by … increasing quota in your namespace."
	await run("delete quota none");
	await cluster.kubectl.run(["patch", "deployment/nginx-deployment", "-p", '{"spec":{"progressDeadlineSeconds":600}}']);
	await shows(cluster, "get deployments", deployments("3/3 3 3"));
	expect(steps(await run("rollout status deployment/nginx-deployment")).at(-1)).toBe(done);
	const conditions = await described();
	expect(conditions.head.slice(-4, -2)).toEqual([" Available True MinimumReplicasAvailable", " Progressing True NewReplicaSetAvailable"]);
});

test("Rollover, and Clean up Policy", async () => {
	await run("scale deployment/nginx-deployment --replicas=5");
	await run("rollout status deployment/nginx-deployment");
	await run("set image deployment/nginx-deployment nginx=nginx:1.18");
	await run("set image deployment/nginx-deployment nginx=nginx:1.19");
	expect(steps(await run("rollout status deployment/nginx-deployment")).at(-1)).toBe(done);
	await shows(cluster, "get deployments", deployments("5/5 5 5"));
	await shows(cluster, "get pods -o jsonpath={.items[*].spec.containers[0].image}", [Array(5).fill("nginx:1.19").join(" ")]);
	await cluster.kubectl.run(["patch", "deployment/nginx-deployment", "-p", '{"spec":{"revisionHistoryLimit":1}}']);
	await shows(cluster, getReplicaSets, replicaSets("0 0 0", "5 5 5"));
});
