/**
 * "Perform a Rolling Update on a DaemonSet" and "Perform a Rollback on a DaemonSet" from top to end, four times as fast as real time: the manifests,
 * the commands in their order, and what kubectl prints.
 * https://kubernetes.io/docs/tasks/manage-daemon/update-daemon-set/ and …/rollback-daemon-set/
 */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fastClock, startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { expectAlong, rowsOf, rowsUntil, shows, steps } from "../tools/documentation.ts";
import { maskedLines } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

// What waits for rollouts in real time waits longer on a machine that has more to do.
vi.setConfig({ testTimeout: 180_000 });

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ latency: "usual", clock: fastClock(4) });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(`${args} -n kube-system`, input);

/** https://k8s.io/examples/controllers/fluentd-daemonset.yaml, and fluentd-daemonset-update.yaml, which adds resources. */
const manifest = (resources = "") => `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: fluentd-elasticsearch
  namespace: kube-system
  labels:
    k8s-app: fluentd-logging
spec:
  selector:
    matchLabels:
      name: fluentd-elasticsearch
  updateStrategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 1
  template:
    metadata:
      labels:
        name: fluentd-elasticsearch
    spec:
      tolerations:
      - key: node-role.kubernetes.io/control-plane
        operator: Exists
        effect: NoSchedule
      - key: node-role.kubernetes.io/master
        operator: Exists
        effect: NoSchedule
      containers:
      - name: fluentd-elasticsearch
        image: quay.io/fluentd_elasticsearch/fluentd:v2.5.2
        ${resources}
        volumeMounts:
        - name: varlog
          mountPath: /var/log
        - name: varlibdockercontainers
          mountPath: /var/lib/docker/containers
          readOnly: true
      terminationGracePeriodSeconds: 30
      volumes:
      - name: varlog
        hostPath:
          path: /var/log
      - name: varlibdockercontainers
        hostPath:
          path: /var/lib/docker/containers
`;
const resources = "resources: { limits: { memory: 200Mi }, requests: { cpu: 100m, memory: 200Mi } }";

const updating = (count: number) =>
	`Waiting for daemon set "fluentd-elasticsearch" rollout to finish: ${count} out of 3 new pods have been updated...`;
const available = (count: number) =>
	`Waiting for daemon set "fluentd-elasticsearch" rollout to finish: ${count} of 3 updated pods are available...`;
const done = 'daemon set "fluentd-elasticsearch" successfully rolled out';
const table = (row: string) => [
	"NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE SELECTOR AGE",
	`fluentd-elasticsearch ${row} <none> AGE`,
];

const images = "get pods -l name=fluentd-elasticsearch -o jsonpath={.items[*].spec.containers[0].image}";
const fluentd = (version: string) => `quay.io/fluentd_elasticsearch/fluentd:${version}`;
const strategy = ["get", "ds/fluentd-elasticsearch", "-o", 'go-template={{.spec.updateStrategy.type}}{{"\\n"}}', "-n", "kube-system"];

test("Creating a DaemonSet with RollingUpdate update strategy", async () => {
	expect(await run("create -f -", manifest())).toBe("daemonset.apps/fluentd-elasticsearch created\n");
	expect(await cluster.kubectl.run(strategy)).toBe("RollingUpdate\n");
	const dryRun = ["apply", "-f", "-", "--dry-run=client", "-o", 'go-template={{.spec.updateStrategy.type}}{{"\\n"}}'];
	expect(await cluster.kubectl.run(dryRun, manifest())).toBe("RollingUpdate\n");
	expectAlong(steps(await run("rollout status ds/fluentd-elasticsearch")), [updating(0), available(0), available(1), available(2), done]);
	expect(maskedLines(await run("get ds fluentd-elasticsearch"))).toEqual(table("3 3 3 3 3"));
	const nodes =
		"get pods -l name=fluentd-elasticsearch --sort-by=.spec.nodeName -o custom-columns=NODE:.spec.nodeName,STATUS:.status.phase";
	expect(maskedLines(await run(nodes))).toEqual(["NODE STATUS", "node-1 Running", "node-2 Running", "node-3 Running"]);
});

test("Updating the template: with apply, with edit, with set image", async () => {
	await using watch = await RunningTool.watching(
		cluster.kubectl,
		"get pods -n kube-system -l name=fluentd-elasticsearch --watch-only -o custom-columns=NODE:.spec.nodeName,GOING:.metadata.deletionTimestamp,READY:.status.containerStatuses[0].ready --no-headers",
	);
	const applied = await cluster.kubectl.try(["apply", "-n", "kube-system", "-f", "-"], manifest(resources));
	expect(applied.stdout).toBe("daemonset.apps/fluentd-elasticsearch configured\n");
	expect(applied.stderr).toContain(
		"Warning: resource daemonsets/fluentd-elasticsearch is missing the kubectl.kubernetes.io/last-applied-configuration annotation which is required by kubectl apply.",
	);
	expectAlong(steps(await run("rollout status ds/fluentd-elasticsearch")), [updating(0), updating(1), updating(2), available(2), done]);
	// One node after the other: the next pod goes when the one before has been replaced and serves.
	await rowsUntil(watch, /^node-\d <none> true$/);
	const order = rowsOf(watch).flatMap((row) =>
		/^node-\d TIME (true|false)$/.test(row) ? ["gone"] : /^node-\d <none> true$/.test(row) ? ["ready"] : [],
	);
	expect(order.filter((word, index) => word !== order[index - 1])).toEqual(["gone", "ready", "gone", "ready", "gone", "ready"]);
	expect(await run(`set image ds/fluentd-elasticsearch fluentd-elasticsearch=${fluentd("v2.6.0")}`)).toBe(
		"daemonset.apps/fluentd-elasticsearch image updated\n",
	);
	expect(steps(await run("rollout status ds/fluentd-elasticsearch")).at(-1)).toBe(done);
	expect(maskedLines(await run("get ds fluentd-elasticsearch"))).toEqual(table("3 3 3 3 3"));
	await shows(cluster, `${images} -n kube-system`, [Array(3).fill(fluentd("v2.6.0")).join(" ")]);
});

test("a broken rollout is stuck, and the next update is not blocked by it", async () => {
	await run(`set image ds/fluentd-elasticsearch fluentd-elasticsearch=${fluentd("v2-does-not-exist")}`);
	await using stuck = new RunningTool(cluster.kubectl, "rollout status ds/fluentd-elasticsearch -n kube-system");
	await rowsUntil(stuck, updating(1));
	await shows(cluster, "get ds fluentd-elasticsearch -n kube-system", table("3 3 2 1 2"));
	// "Change cause is copied from DaemonSet annotation kubernetes.io/change-cause to its revisions upon creation."
	await run("annotate ds/fluentd-elasticsearch kubernetes.io/change-cause=2.6.1");
	await run(`set image ds/fluentd-elasticsearch fluentd-elasticsearch=${fluentd("v2.6.1")}`);
	expect(await stuck.ended()).toBe(0);
	expect(steps(stuck.stdout).at(-1)).toBe(done);
});

test("Performing a rollback: history, a revision's template, undo", async () => {
	expect(await run("rollout history daemonset fluentd-elasticsearch")).toBe(
		"daemonset.apps/fluentd-elasticsearch \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n3         <none>\n4         <none>\n5         2.6.1\n\n",
	);
	const revision = maskedLines(await run("rollout history daemonset fluentd-elasticsearch --revision=1"));
	expect(revision).toEqual([
		"daemonset.apps/fluentd-elasticsearch with revision #1",
		"Pod Template:",
		" Labels: name=fluentd-elasticsearch",
		" Containers:",
		" fluentd-elasticsearch:",
		" Image: quay.io/fluentd_elasticsearch/fluentd:v2.5.2",
		" Port: <none>",
		" Host Port: <none>",
		" Environment: <none>",
		" Mounts:",
		" /var/lib/docker/containers from varlibdockercontainers (ro)",
		" /var/log from varlog (rw)",
		" Volumes:",
		" varlog:",
		" Type: HostPath (bare host directory volume)",
		" Path: /var/log",
		" HostPathType:",
		" varlibdockercontainers:",
		" Type: HostPath (bare host directory volume)",
		" Path: /var/lib/docker/containers",
		" HostPathType:",
		" Node-Selectors: <none>",
		" Tolerations: node-role.kubernetes.io/control-plane:NoSchedule op=Exists",
		" node-role.kubernetes.io/master:NoSchedule op=Exists",
	]);
	expect(await run("rollout undo daemonset fluentd-elasticsearch --to-revision=1")).toBe(
		"daemonset.apps/fluentd-elasticsearch rolled back\n",
	);
	expectAlong(steps(await run("rollout status ds/fluentd-elasticsearch")), [updating(0), updating(1), updating(2), available(2), done]);
	// "DaemonSet revisions only roll forward": what was the first is the last now.
	expect(maskedLines(await run("get controllerrevision -l name=fluentd-elasticsearch --sort-by=.revision"))).toEqual([
		"NAME CONTROLLER REVISION AGE",
		...[2, 3, 4, 5, 6].map((number) => `fluentd-elasticsearch-HASH daemonset.apps/fluentd-elasticsearch ${number} AGE`),
	]);
	await shows(cluster, `${images} -n kube-system`, [Array(3).fill(fluentd("v2.5.2")).join(" ")]);
	expect(await run("rollout undo daemonset fluentd-elasticsearch --to-revision=6")).toBe(
		"daemonset.apps/fluentd-elasticsearch skipped rollback (current template already matches revision 6)\n",
	);
	expect(await cluster.kubectl.fail("rollout undo daemonset fluentd-elasticsearch --to-revision=9 -n kube-system")).toBe(
		"error: unable to find specified revision 9 in history\n",
	);
});

test("OnDelete: new pods come where the user deletes old ones", async () => {
	const patch = '{"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":null}}}';
	await cluster.kubectl.run(["patch", "ds", "fluentd-elasticsearch", "-n", "kube-system", "-p", patch]);
	await run(`set image ds/fluentd-elasticsearch fluentd-elasticsearch=${fluentd("v2.6.2")}`);
	expect(await cluster.kubectl.fail("rollout status ds/fluentd-elasticsearch -n kube-system")).toBe(
		"error: rollout status is only available for RollingUpdate strategy type\n",
	);
	await shows(cluster, "get ds fluentd-elasticsearch -n kube-system", table("3 3 3 0 3"));
	const pod = await run("get pods -l name=fluentd-elasticsearch -o jsonpath={.items[0].metadata.name}");
	expect(await run(`delete pod ${pod}`)).toBe(`pod "${pod}" deleted from kube-system namespace\n`);
	await shows(cluster, "get ds fluentd-elasticsearch -n kube-system", table("3 3 3 1 3"));
	expect((await run(images)).split(" ").sort()).toEqual([fluentd("v2.5.2"), fluentd("v2.5.2"), fluentd("v2.6.2")]);
	expect(await run("delete ds fluentd-elasticsearch")).toBe('daemonset.apps "fluentd-elasticsearch" deleted from kube-system namespace\n');
	await shows(cluster, "get pods,controllerrevisions -l name=fluentd-elasticsearch -o name -n kube-system", [""]);
});
