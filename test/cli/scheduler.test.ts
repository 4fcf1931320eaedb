/** `kubesim explain`, `simulate` and `scheduler configure` on a cluster that runs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../tools/eventually.ts";
import { KubesimHome } from "../tools/kubesim.ts";

let home: KubesimHome;
beforeEach(() => {
	home = new KubesimHome();
});
afterEach(() => home[Symbol.asyncDispose]());

const file = (name: string, text: string): string => {
	const path = join(home.directory, name);
	writeFileSync(path, text);
	return path;
};

const pod = (name: string, cpu: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}}
spec:
  containers: [{name: c, image: nginx, resources: {requests: {cpu: "${cpu}"}}}]
---
`;

test("a pod that fits nowhere is explained, simulated elsewhere, and let in by another configuration", async () => {
	await home.run("start --nodes 2 --ephemeral --etcd-port 0");
	const big = file("big.yaml", pod("big", "5"));
	const tried = await home.try(["simulate", "-f", big]);
	expect(tried.exitCode).toBe(1);
	expect(tried.stdout).toContain("default/big   <none>   0/2 nodes are available: 2 Insufficient cpu.");
	expect(tried.stdout).toContain("\n0 of 1 pods fits.\n");
	const larger = file(
		"nodes.yaml",
		"{apiVersion: v1, kind: Node, metadata: {name: larger}, status: {allocatable: {cpu: '8', memory: 8Gi, pods: '9'}}}",
	);
	expect(await home.run(["simulate", "-f", big, "--nodes", larger])).toBe(
		"POD           NODE     WHY\ndefault/big   larger\n\n1 of 1 pods fits.\n",
	);

	await home.kubectl(["apply", "-f", big]);
	const explained = await eventually(async () => {
		const text = await home.run("explain pod big");
		return text.includes("Attempt 1 of") ? text : undefined;
	});
	expect(explained).toContain("Pod default/big has no node; its scheduler is default-scheduler.");
	expect(explained).toMatch(/^ {2}node-1 {3}NodeResourcesFit: Insufficient cpu {3}-$/m);
	expect(explained).toContain("An attempt at this moment: Unschedulable: 0/2 nodes are available: 2 Insufficient cpu.");
	const explanation = JSON.parse(await home.run("explain pod big --output json")) as { now: { result: string } };
	expect(explanation.now.result).toBe("Unschedulable");
	expect((await home.try("explain pod nobody")).stderr).toBe('error: pods "nobody" not found\n');

	const head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
	const wrong = file("wrong.yaml", `${head}profiles: [{plugins: {filter: {disabled: [{nam: x}]}}}]\n`);
	expect((await home.try(["scheduler", "configure", wrong])).stderr).toBe(
		'error: strict decoding error: unknown field "profiles[0].plugins.filter.disabled[0].nam"\n',
	);
	const bold = file("bold.yaml", `${head}profiles: [{plugins: {filter: {disabled: [{name: NodeResourcesFit}]}}}]\n`);
	expect(await home.run(["scheduler", "configure", bold])).toContain("The scheduler goes by");
	// The scheduler lets it in, and the node's kubelet, which counts for itself, does not.
	expect(await home.kubectl("wait --for=jsonpath={.status.reason}=OutOfcpu pod/big --timeout=60s")).toBe("pod/big condition met\n");
	expect(await home.run("explain pod big")).toMatch(/^\* node-[12] +fits +\d+ /m);
}, 120_000);

test("a start goes by a configuration file, and says what is wrong with one", async () => {
	const head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n";
	const wrong = file("wrong.yaml", `${head}profiles: [{plugins: {filter: {enabled: [{name: Nope}]}}}]\n`);
	const refused = await home.try(["start", "--nodes", "1", "--scheduler-config", wrong]);
	expect(refused.stderr).toContain(`error: the scheduler's configuration: FilterPlugin "Nope" does not exist`);
	const right = file("right.yaml", `${head}profiles: [{schedulerName: packer}]\n`);
	await home.run(["start", "--nodes", "1", "--etcd-port", "0", "--scheduler-config", right]);
	await home.kubectl([
		"apply",
		"-f",
		file("pods.yaml", pod("usual", "1") + pod("packed", "1").replace("spec:", "spec:\n  schedulerName: packer")),
	]);
	expect(await home.kubectl("wait --for=condition=PodScheduled pod/packed --timeout=60s")).toBe("pod/packed condition met\n");
	expect(await home.run("explain pod usual")).toContain('Nobody schedules it: no profile of this scheduler is named "default-scheduler"');
}, 120_000);

test("a pod of a gang that does not fit is explained with its gang; the feature gates are kept", async () => {
	const gates = "GenericWorkload=true,GangScheduling=true";
	const refused = await home.try("start --feature-gates Nope=true".split(" "));
	expect(refused.stderr).toContain("unrecognized feature gate: Nope");
	await home.run(`start --nodes 1 --ephemeral --etcd-port 0 --feature-gates ${gates}`);
	const changed = await home.try("start --feature-gates GenericWorkload=false".split(" "));
	expect(changed.stderr).toContain("--feature-gates");
	const member = (name: string) => pod(name, "3").replace("spec:\n", "spec:\n  schedulingGroup: {podGroupName: g}\n");
	const group =
		"{apiVersion: scheduling.k8s.io/v1alpha2, kind: PodGroup, metadata: {name: g}, spec: {schedulingPolicy: {gang: {minCount: 2}}}}";
	await home.kubectl(["apply", "-f", file("gang.yaml", `${member("one")}${member("two")}${group}\n`)]);
	const explained = await eventually(async () => {
		const text = await home.run("explain pod one");
		return text.includes("Attempt 1 of") ? text : undefined;
	});
	expect(explained).toContain(
		"It is one of the gang default/g, of which 2 must fit together: of 2 pods 0 have a node, and 1 of the other 2 would find one now.\n",
	);
}, 60_000);
