/** Workloads, PodGroups and gangs with the real kubectl. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines } from "../tools/masked-text.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 2, featureGates: { GenericWorkload: true, GangScheduling: true } });
});
afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);

/** Three pods of a whole node each. */
const training = `
apiVersion: scheduling.k8s.io/v1alpha2
kind: Workload
metadata: {name: training}
spec:
  controllerRef: {apiGroup: batch, kind: Job, name: training}
  podGroupTemplates:
  - name: workers
    schedulingPolicy: {gang: {minCount: 3}}
---
apiVersion: scheduling.k8s.io/v1alpha2
kind: PodGroup
metadata: {name: training-workers}
spec:
  podGroupTemplateRef: {workload: {workloadName: training, podGroupTemplateName: workers}}
  schedulingPolicy: {gang: {minCount: 3}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: training}
spec:
  parallelism: 3
  completions: 3
  template:
    metadata: {labels: {job: training}}
    spec:
      restartPolicy: Never
      schedulingGroup: {podGroupName: training-workers}
      containers: [{name: c, image: busybox, command: [sleep, "1d"], resources: {requests: {cpu: "3"}}}]
`;

test("a gang waits until all of it fits, and is scheduled together", async () => {
	await run("apply -f -", training);
	expect(maskedLines(await run("get workloads"))).toEqual(["NAME AGE", "training AGE"]);
	const row = (status: string) => ["NAME POLICY WORKLOAD STATUS AGE", `training-workers Gang training ${status} AGE`];
	const lines = async () => maskedLines(await run("get podgroups"));
	await eventually(async () => (await lines())[1]?.includes("Unschedulable"));
	expect(await lines()).toEqual(row("Unschedulable"));
	const nodesOfPods = async () => (await run("get pods -l job=training -o jsonpath={.items[*].spec.nodeName}")).trim();
	expect(await nodesOfPods()).toBe("");
	expect(await run("describe podgroup training-workers")).toContain("pod group is unschedulable");
	await cluster.cluster.fleet.addNode({ name: "node-3" });
	await eventually(async () => (await nodesOfPods()).split(" ").length === 3);
	expect((await nodesOfPods()).split(" ").sort()).toEqual(["node-1", "node-2", "node-3"]);
	await eventually(async () => (await lines())[1]?.includes("Scheduled"));
	expect(await lines()).toEqual(row("Scheduled"));
});

test("kubectl finds, explains and applies them", async () => {
	const resources = await run("api-resources --api-group=scheduling.k8s.io --no-headers");
	expect(
		resources
			.split("\n")
			.filter(Boolean)
			.map((line) => line.split(/\s+/).slice(0, 2).join(" "))
			.sort(),
	).toEqual(["podgroups scheduling.k8s.io/v1alpha2", "priorityclasses pc", "workloads scheduling.k8s.io/v1alpha2"]);
	expect(await run("explain podgroup.spec.schedulingPolicy.gang.minCount")).toContain("FIELD: minCount <integer>");
	const group = (minCount: number) =>
		`{apiVersion: scheduling.k8s.io/v1alpha2, kind: PodGroup, metadata: {name: g}, spec: {schedulingPolicy: {gang: {minCount: ${minCount}}}}}`;
	expect(await run("apply --server-side -f -", group(2))).toBe("podgroup.scheduling.k8s.io/g serverside-applied\n");
	const changed = await cluster.kubectl.try(["apply", "--server-side", "-f", "-"], group(3));
	expect(changed.stderr).toBe(
		'The PodGroup "g" is invalid: spec.schedulingPolicy: Invalid value: {"gang":{"minCount":3}}: field is immutable\n',
	);
});

test("a pod of a gang whose PodGroup is not there says what it waits for", async () => {
	const spec = "{schedulingGroup: {podGroupName: nobody}, containers: [{name: c, image: nginx}]}";
	await run("apply -f -", `{apiVersion: v1, kind: Pod, metadata: {name: early}, spec: ${spec}}`);
	const explained = await eventually(async () => {
		const { notScheduled } = await cluster.cluster.explainPod("default", "early");
		return notScheduled;
	});
	expect(explained).toBe(`GangScheduling: waiting for pods's pod group "nobody" to appear in scheduling queue`);
});
