import { beforeEach, expect, test } from "vitest";
import type { Toleration } from "../../apimachinery/schema/generated/types.ts";
import { formatMicroTime, formatTime } from "../../apimachinery/time.ts";
import { leases, nodes, pods } from "../../client/resources.ts";
import { taintEvictionController } from "../taint-eviction/taint-eviction-controller.ts";
import { ControllerFixture, runningPod } from "../testing/controller-fixture.ts";
import { nodeLifecycleController } from "./node-lifecycle-controller.ts";

let fixture: ControllerFixture;
/** Nodes whose kubelet renews its Lease. */
let alive: Set<string>;

beforeEach(() => {
	fixture = new ControllerFixture();
	alive = new Set();
	fixture.clock.setInterval(() => {
		for (const name of alive) void renew(name);
	}, 10_000);
});

async function renew(name: string): Promise<void> {
	const spec = { holderIdentity: name, renewTime: formatMicroTime(fixture.clock.now()) };
	const client = fixture.client.resource(leases);
	const metadata = { namespace: "kube-node-lease", name };
	await client.update({ metadata, spec }).catch(() => client.create({ metadata, spec }));
}

async function makeNodes(...names: readonly string[]): Promise<void> {
	for (const name of names) {
		const made = await fixture.client.resource(nodes).create({ metadata: { name } });
		await fixture.client.resource(nodes).updateStatus({
			...made,
			status: {
				conditions: ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].map((type) => ({
					type,
					status: type === "Ready" ? "True" : "False",
					lastHeartbeatTime: formatTime(fixture.clock.now()),
					lastTransitionTime: formatTime(fixture.clock.now()),
					reason: "KubeletSaysSo",
				})),
			},
		});
		alive.add(name);
		await renew(name);
	}
	await fixture.settle();
}

async function makePod(name: string, nodeName: string, tolerations: readonly Toleration[] = []): Promise<void> {
	const made = await fixture.client
		.resource(pods)
		.create({ metadata: { namespace: "default", name }, spec: { containers: [], nodeName, tolerations } });
	await fixture.client.resource(pods).updateStatus(runningPod(made, fixture.clock.now()));
	await fixture.settle();
}

async function setCondition(name: string, type: string, status: string): Promise<void> {
	const node = await fixture.client.resource(nodes).get({ name });
	const conditions = (node.status?.conditions ?? []).map((condition) => (condition.type === type ? { ...condition, status } : condition));
	await fixture.client.resource(nodes).updateStatus({ ...node, status: { ...node.status, conditions } });
	await fixture.settle();
}

async function taintsOf(name: string): Promise<readonly string[]> {
	return ((await fixture.client.resource(nodes).get({ name })).spec?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
}

test("a node that renews its Lease stays ready; one that falls silent is Unknown after 50 s, then tainted, its pods not ready", async () => {
	await fixture.start(nodeLifecycleController);
	await makeNodes("node-1", "node-2");
	await makePod("web", "node-1");
	await fixture.clock.advance(300_000);
	expect(await taintsOf("node-1")).toEqual([]);
	alive.delete("node-1");
	await fixture.clock.advance(45_000);
	expect(await taintsOf("node-1")).toEqual([]);
	await fixture.clock.advance(20_000);
	const node = await fixture.client.resource(nodes).get({ name: "node-1" });
	expect(node.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message])).toEqual(
		["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"].map((type) => [
			type,
			"Unknown",
			"NodeStatusUnknown",
			"Kubelet stopped posting node status.",
		]),
	);
	expect(await taintsOf("node-1")).toEqual(["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"]);
	expect(await taintsOf("node-2")).toEqual([]);
	const pod = await fixture.client.resource(pods).get({ namespace: "default", name: "web" });
	expect(pod.status?.conditions?.map(({ type, status }) => [type, status])).toEqual([["Ready", "False"]]);
	expect(await fixture.events()).toEqual([
		"Normal RegisteredNode Node/node-1: Node node-1 event: Registered Node node-1 in Controller",
		"Normal RegisteredNode Node/node-2: Node node-2 event: Registered Node node-2 in Controller",
		"Normal NodeNotReady Node/node-1: Node node-1 status is now: NodeNotReady",
		"Warning NodeNotReady Pod/web: Node is not ready",
	]);
	alive.add("node-1");
	await renew("node-1");
	for (const type of ["MemoryPressure", "DiskPressure", "PIDPressure"]) await setCondition("node-1", type, "False");
	await setCondition("node-1", "Ready", "True");
	await fixture.clock.advance(10_000);
	expect(await taintsOf("node-1")).toEqual([]);
});

test("a node that never said anything is Unknown after 60 s", async () => {
	await fixture.start(nodeLifecycleController);
	await fixture.client.resource(nodes).create({ metadata: { name: "ghost" } });
	await fixture.clock.advance(55_000);
	expect((await fixture.list(nodes))[0]?.status).toBe(undefined);
	await fixture.clock.advance(15_000);
	expect((await fixture.list(nodes))[0]?.status?.conditions?.map(({ type, reason, message }) => [type, reason, message])).toEqual(
		["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"].map((type) => [
			type,
			"NodeStatusNeverUpdated",
			"Kubelet never posted node status.",
		]),
	);
});

test("conditions and cordoning turn into taints at once, and back", async () => {
	await fixture.start(nodeLifecycleController);
	await makeNodes("node-1");
	await setCondition("node-1", "DiskPressure", "True");
	await setCondition("node-1", "Ready", "False");
	await fixture.change(nodes, "node-1", (node) => ({ ...node, spec: { ...node.spec, unschedulable: true } }));
	await fixture.settle();
	expect(await taintsOf("node-1")).toEqual([
		"node.kubernetes.io/disk-pressure:NoSchedule",
		"node.kubernetes.io/not-ready:NoSchedule",
		"node.kubernetes.io/unschedulable:NoSchedule",
	]);
	await setCondition("node-1", "DiskPressure", "False");
	await setCondition("node-1", "Ready", "True");
	await fixture.change(nodes, "node-1", ({ spec, ...node }) => ({ ...node, spec: { taints: spec?.taints ?? [] } }));
	await fixture.settle();
	expect(await taintsOf("node-1")).toEqual([]);
});

test("nodes of a zone are emptied one every ten seconds; when all are down, none", async () => {
	await fixture.start(nodeLifecycleController);
	await makeNodes("a", "b", "c", "d", "e", "f");
	const evicting = async () =>
		(await fixture.list(nodes)).filter(({ spec }) => spec?.taints?.some(({ effect }) => effect === "NoExecute")).length;
	await fixture.clock.advance(10_000);
	for (const name of ["a", "b"]) alive.delete(name);
	await fixture.clock.advance(65_000);
	expect(await evicting()).toBe(1);
	await fixture.clock.advance(10_000);
	expect(await evicting()).toBe(2);
	alive.clear();
	await fixture.clock.advance(120_000);
	expect(await evicting()).toBe(0);
});

test("a NoExecute taint evicts pods when their toleration ends, and not those that tolerate it for ever", async () => {
	await fixture.start(taintEvictionController);
	await makeNodes("node-1");
	const key = "node.kubernetes.io/unreachable";
	await makePod("intolerant", "node-1");
	await makePod("patient", "node-1", [{ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 }]);
	await makePod("stoic", "node-1", [{ operator: "Exists" }]);
	const names = async () => (await fixture.list(pods)).map(({ metadata }) => metadata?.name);
	const setTaints = (taints: { key: string; effect: string }[]) =>
		fixture.change(nodes, "node-1", (node) => ({ ...node, spec: { ...node.spec, taints } }));
	await setTaints([{ key, effect: "NoExecute" }]);
	await fixture.clock.advance(1_000);
	expect(await names()).toEqual(["patient", "stoic"]);
	await setTaints([]);
	await fixture.clock.advance(400_000);
	expect(await names()).toEqual(["patient", "stoic"]);
	await setTaints([{ key, effect: "NoExecute" }]);
	await fixture.clock.advance(299_000);
	expect(await names()).toEqual(["patient", "stoic"]);
	await fixture.clock.advance(2_000);
	expect(await names()).toEqual(["stoic"]);
	expect(await fixture.events()).toEqual([
		"Normal TaintManagerEviction Pod/intolerant: Marking for deletion Pod default/intolerant",
		"Normal TaintManagerEviction Pod/patient: Cancelling deletion of Pod default/patient",
		"Normal TaintManagerEviction Pod/patient: Marking for deletion Pod default/patient",
	]);
});
