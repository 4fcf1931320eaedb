/** Nodes with the real kubectl: cordon, drain, taint, labels, and a node that stops. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import { nodes, pods } from "../../src/client/resources.ts";
import { createCluster } from "../../src/cluster/index.ts";
import { startTestCluster, type TestCluster } from "../tools/cluster.ts";
import { eventually } from "../tools/eventually.ts";
import { maskedLines, maskedText } from "../tools/masked-text.ts";
import { RunningTool } from "../tools/running-tool.ts";

let cluster: TestCluster;

beforeAll(async () => {
	cluster = await startTestCluster({ nodes: 3 });
});

afterAll(async () => {
	await cluster[Symbol.asyncDispose]();
});

const run = (args: string, input?: string) => cluster.run(args, input);
const attempt = (args: string) => cluster.kubectl.try(args.split(" "));

const pod = (name: string, spec: string) =>
	`{ apiVersion: v1, kind: Pod, metadata: { name: ${name}, labels: { app: ${name} } }, spec: { containers: [{ name: main, image: nginx }], ${spec} } }`;

/** Where the pods of a label are, sorted. */
async function placesOf(app: string): Promise<string[]> {
	return (await run(`get pods -l app=${app} -o jsonpath={.items[*].spec.nodeName}`)).split(" ").toSorted();
}

/** The last event's message that `describe pod` shows. */
async function whyPending(name: string): Promise<string> {
	return eventually(
		async () => /FailedScheduling\s+\S+(?: \(.*\))?\s+default-scheduler\s+(.*)\n$/.exec(await run(`describe pod ${name}`))?.[1],
	);
}

test("get and describe", async () => {
	expect(maskedLines(await run("get nodes"))).toEqual([
		"NAME STATUS ROLES AGE VERSION",
		...["node-1", "node-2", "node-3"].map((name) => expect.stringMatching(new RegExp(`^${name} Ready <none> AGE v1\\.36\\.\\d+$`))),
	]);
	await run("label node node-1 node-role.kubernetes.io/control-plane=");
	expect(maskedLines(await run("get node node-1"))[1]).toMatch(/^node-1 Ready control-plane AGE/);
	await run("label node node-1 node-role.kubernetes.io/control-plane-");
	await run(
		"apply -f -",
		pod("sized", "nodeName: node-1").replace(
			"image: nginx",
			"image: nginx, resources: { requests: { cpu: 500m, memory: 1Gi }, limits: { memory: 2Gi } }",
		),
	);
	await run("wait --for=condition=Ready pod/sized");
	// Only blanks are masked: 500m is no age.
	const described = (await run("describe node node-1")).replace(/ +/g, " ");
	expect(described.replace(/(?<=2Gi \(25%\)) \d+s$/m, " 0s")).toContain(
		[
			"Non-terminated Pods: (1 in total)",
			" Namespace Name CPU Requests CPU Limits Memory Requests Memory Limits Age",
			" --------- ---- ------------ ---------- --------------- ------------- ---",
			" default sized 500m (12%) 0 (0%) 1Gi (12%) 2Gi (25%) 0s",
			"Allocated resources:",
			" (Total limits may be over 100 percent, i.e., overcommitted.)",
			" Resource Requests Limits",
			" -------- -------- ------",
			" cpu 500m (12%) 0 (0%)",
			" memory 1Gi (12%) 2Gi (25%)",
		].join("\n"),
	);
	expect(described).toMatch(/^ Ready True .* KubeletReady kubelet is posting ready status$/m);
	expect(described).toMatch(/^ Normal NodeReady \d+s kubelet Node node-1 status is now: NodeReady$/m);
	await run("delete pod sized --now");
});

test("cordon keeps new pods away, uncordon lets them in", async () => {
	expect(await run("cordon node-1")).toBe("node/node-1 cordoned\n");
	expect(await run("cordon node-1")).toBe("node/node-1 already cordoned\n");
	expect(maskedLines(await run("get node node-1"))[1]).toMatch(/^node-1 Ready,SchedulingDisabled /);
	await run("apply -f -", pod("kept-out", "nodeSelector: { kubernetes.io/hostname: node-1 }"));
	expect(await whyPending("kept-out")).toBe(
		"0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
	);
	expect(await run("uncordon node-1")).toBe("node/node-1 uncordoned\n");
	await run("wait --for=condition=Ready pod/kept-out --timeout=10s");
	await run("delete pod kept-out --now");
});

test("labels and nodeSelector; what does not fit says why", async () => {
	await run("apply -f -", pod("picky", "nodeSelector: { disk: ssd }"));
	expect(await whyPending("picky")).toBe(
		"0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
	);
	expect(maskedLines(await run("get pod picky"))[1]).toBe("picky 0/1 Pending 0 AGE");
	expect(await run("label node node-2 disk=ssd")).toBe("node/node-2 labeled\n");
	await run("wait --for=condition=Ready pod/picky --timeout=10s");
	expect(await placesOf("picky")).toEqual(["node-2"]);
	expect((await attempt("label node node-2 disk=hdd")).stderr).toBe("error: 'disk' already has a value (ssd), and --overwrite is false\n");
	expect(await run("get nodes -l disk=ssd -o name")).toBe("node/node-2\n");
	expect(await run("label node node-2 disk-")).toBe("node/node-2 unlabeled\n");
	await run("apply -f -", pod("huge", "nodeSelector: {}").replace("image: nginx", 'image: nginx, resources: { requests: { cpu: "64" } }'));
	expect(await whyPending("huge")).toBe(
		"0/3 nodes are available: 3 Insufficient cpu. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
	);
	await run("delete pod picky huge --now");
});

test("taint: added, tolerated, removed; NoExecute evicts", async () => {
	await run("apply -f -", pod("shy", "nodeSelector: { kubernetes.io/hostname: node-3 }"));
	await run("apply -f -", pod("bold", "nodeName: node-3, tolerations: [{ key: maintenance, operator: Exists }]"));
	await run("wait --for=condition=Ready pod/shy pod/bold --timeout=10s");
	expect(await run("taint nodes node-3 gpu=yes:NoSchedule")).toBe("node/node-3 tainted\n");
	expect((await attempt("taint nodes node-3 gpu=yes:NoSchedule")).stderr).toBe(
		"error: node node-3 already has gpu taint(s) with same effect(s) and --overwrite is false\n",
	);
	await run("apply -f -", pod("waiting", "nodeSelector: { kubernetes.io/hostname: node-3 }"));
	expect(await whyPending("waiting")).toBe(
		"0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
	);
	expect(await run("taint nodes node-3 gpu-")).toBe("node/node-3 untainted\n");
	await run("wait --for=condition=Ready pod/waiting --timeout=10s");
	expect((await attempt("taint nodes node-3 gpu-")).stderr).toBe('error: taint "gpu" not found\n');
	expect(await run("taint nodes node-3 maintenance=now:NoExecute")).toBe("node/node-3 tainted\n");
	await run("wait --for=delete pod/shy pod/waiting --timeout=10s");
	expect(maskedText(await run("events --for pod/shy --no-headers"))).toContain(
		"Normal TaintManagerEviction Pod/shy Marking for deletion Pod default/shy\n",
	);
	expect(maskedLines(await run("get pods --no-headers"))).toEqual(["bold 1/1 Running 0 AGE"]);
	expect(maskedText(await run("describe node node-3"))).toContain("Taints: maintenance=now:NoExecute\n");
	await run("taint nodes node-3 maintenance:NoExecute-");
	await run("delete pod bold --now");
});

describe("drain", () => {
	/** Name of the pod that the DaemonSet agent has on the node. */
	const daemonOn = (node: string) =>
		run(`get pods -l app=agent --field-selector=spec.nodeName=${node} -o jsonpath={.items[*].metadata.name}`);

	test("refuses what would be lost, and says which flag allows it", async () => {
		await run("create deployment site --image=nginx --replicas=6");
		await run("rollout status deployment/site");
		await run("apply -f -", pod("bare", "nodeName: node-1"));
		await run("apply -f -", pod("scratch", "nodeName: node-1, volumes: [{ name: tmp, emptyDir: {} }]"));
		await run(
			"create -f -",
			"{ apiVersion: apps/v1, kind: DaemonSet, metadata: { name: agent }, spec: { selector: { matchLabels: { app: agent } }, template: { metadata: { labels: { app: agent } }, spec: { containers: [{ name: main, image: nginx }] } } } }",
		);
		await run("rollout status daemonset/agent");
		await run("wait --for=condition=Ready pod/bare pod/scratch --timeout=10s");
		const agent = await daemonOn("node-1");
		const refused = await attempt("drain node-1");
		expect(refused.exitCode).toBe(1);
		expect(refused.stdout).toBe("node/node-1 cordoned\n");
		// kubectl gives the reasons in any order.
		const reasons = [
			`cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/${agent}`,
			"cannot delete Pods with local storage (use --delete-emptydir-data to override): default/scratch",
			"cannot delete cannot delete Pods that declare no controller (use --force to override): default/bare",
		];
		const [first, ...rest] = refused.stderr.trimEnd().split("\n");
		expect(first).toMatch(/^error: unable to drain node "node-1" due to error: \[cannot delete .*\], continuing command\.\.\.$/);
		expect(rest.slice(0, 2)).toEqual(["There are pending nodes to be drained:", " node-1"]);
		expect(rest.slice(2).toSorted()).toEqual(reasons);
	});

	test("evicts, waits for each pod to go, and leaves daemons", async () => {
		const agent = await daemonOn("node-1");
		const drained = await attempt("drain node-1 --ignore-daemonsets --delete-emptydir-data --force");
		expect(drained.exitCode).toBe(0);
		expect(drained.stderr.trimEnd().replace("Warning: ", "").split("; ").toSorted()).toEqual([
			"deleting Pods that declare no controller: default/bare, default/scratch",
			`ignoring DaemonSet-managed Pods: default/${agent}`,
		]);
		const lines = drained.stdout
			.trimEnd()
			.split("\n")
			.map((line) => maskedText(line));
		expect(lines[0]).toBe("node/node-1 already cordoned");
		expect(lines.at(-1)).toBe("node/node-1 drained");
		expect(lines).toEqual(
			expect.arrayContaining(["evicting pod default/bare", "pod/bare evicted", "evicting pod default/scratch", "pod/scratch evicted"]),
		);
		expect(lines).toEqual(expect.arrayContaining(["evicting pod default/site-HASH-RANDOM", "pod/site-HASH-RANDOM evicted"]));
		await run("rollout status deployment/site");
		expect(await placesOf("site")).not.toContain("node-1");
		expect(await daemonOn("node-1")).toBe(agent);
		await run("uncordon node-1");
		await run("delete daemonset agent");
	});

	test("heeds a disruption budget, and tries again until it allows", async () => {
		await run("create pdb site --selector=app=site --min-available=6");
		await run("wait --for=jsonpath={.status.currentHealthy}=6 pdb/site --timeout=20s");
		await using draining = new RunningTool(cluster.kubectl, "drain node-2 --force");
		await eventually(() => (/will retry after 5s/.test(draining.stderr) ? true : undefined));
		expect(maskedText(draining.stderr)).toMatch(
			/^error when evicting pods\/"site-HASH-RANDOM" -n "default" \(will retry after 5s\): Cannot evict pod as it would violate the pod's disruption budget\.$/m,
		);
		await cluster.kubectl.run(["patch", "pdb", "site", "--type=merge", "-p", '{"spec":{"minAvailable":0}}']);
		expect(await draining.ended()).toBe(0);
		expect(draining.stdout).toContain("node/node-2 drained\n");
		await run("uncordon node-2");
		await run("delete pdb/site deployment/site");
	});
});

test("delete node: its pods are collected", async () => {
	await run("apply -f -", pod("orphan", "nodeName: node-3"));
	await run("wait --for=condition=Ready pod/orphan --timeout=10s");
	expect(await run("delete node node-3")).toBe('node "node-3" deleted\n');
	expect((await attempt("get node node-3")).stderr).toBe('Error from server (NotFound): nodes "node-3" not found\n');
	expect(await run("get nodes -o name")).toBe("node/node-1\nnode/node-2\n");
});

test("a node that stops: NotReady after the grace period, taints, eviction after tolerationSeconds; and back", async () => {
	const clock = new VirtualClock();
	const simulated = await createCluster({ clock, seed: 1, nodes: 2, latency: "none" });
	const { client } = simulated;
	let ready = false;
	void simulated.whenNodesReady().then(() => {
		ready = true;
	});
	await clock.advanceUntil(() => ready, 60_000);
	const make = (name: string, tolerations: readonly object[]) =>
		client.resource(pods).create({
			apiVersion: "v1",
			kind: "Pod",
			metadata: { name, namespace: "default" },
			spec: { nodeName: "node-1", containers: [{ name: "main", image: "nginx" }], tolerations },
		});
	await make("usual", []);
	await make("hasty", [{ key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 10 }]);
	await make("loyal", [{ key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" }]);
	await clock.advance(5_000);
	const node = () => client.resource(nodes).get({ name: "node-1" });
	const readyCondition = async () => (await node()).status?.conditions?.find(({ type }) => type === "Ready");
	const going = async () =>
		(await client.resource(pods).list("default")).items
			.filter(({ metadata }) => metadata?.deletionTimestamp !== undefined)
			.map(({ metadata }) => metadata?.name);
	simulated.fleet.stopNode("node-1");
	await clock.advance(39_000);
	expect((await readyCondition())?.status).toBe("True");
	await clock.advance(21_000);
	expect(await readyCondition()).toMatchObject({
		status: "Unknown",
		reason: "NodeStatusUnknown",
		message: "Kubelet stopped posting node status.",
	});
	expect((await node()).spec?.taints?.map(({ key, effect }) => `${key}:${effect}`).toSorted()).toEqual([
		"node.kubernetes.io/unreachable:NoExecute",
		"node.kubernetes.io/unreachable:NoSchedule",
	]);
	const podReady = (await client.resource(pods).get({ namespace: "default", name: "usual" })).status?.conditions?.find(
		({ type }) => type === "Ready",
	);
	expect(podReady?.status).toBe("False");
	await clock.advance(15_000);
	expect(await going()).toEqual(["hasty"]);
	await clock.advance(300_000);
	expect((await going()).toSorted()).toEqual(["hasty", "usual"]);
	simulated.fleet.startNode("node-1");
	await clock.advance(60_000);
	expect((await readyCondition())?.status).toBe("True");
	expect((await node()).spec?.taints ?? []).toEqual([]);
	expect((await client.resource(pods).list("default")).items.map(({ metadata }) => metadata?.name)).toEqual(["loyal"]);
	await simulated.close();
});
