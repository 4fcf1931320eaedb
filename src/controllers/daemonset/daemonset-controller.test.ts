import { beforeEach, expect, test } from "vitest";
import type { DaemonSet, DaemonSetSpec, Node, Pod, Taint } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden } from "../../apimachinery/status-error.ts";
import { controllerOf } from "../../client/owner.ts";
import { controllerRevisions, daemonSets, nodes, pods } from "../../client/resources.ts";
import { ControllerFixture, runningPod } from "../testing/controller-fixture.ts";
import { daemonSetController } from "./daemonset-controller.ts";
import { targetNode } from "./placement.ts";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(daemonSetController);
});

async function addNodes(...names: readonly string[]): Promise<void> {
	for (const name of names) await fixture.client.resource(nodes).create({ metadata: { name, labels: { "kubernetes.io/hostname": name } } });
	await fixture.settle();
}

async function create(spec: Partial<DaemonSetSpec> = {}): Promise<void> {
	await fixture.client.resource(daemonSets).create({
		metadata: { namespace: "default", name: "agent" },
		spec: {
			selector: { matchLabels: { app: "agent" } },
			template: template("agent:1"),
			updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
			revisionHistoryLimit: 10,
			...spec,
		},
	});
	await fixture.settle();
}

function template(image: string, spec: Partial<NonNullable<Pod["spec"]>> = {}) {
	return { metadata: { labels: { app: "agent" } }, spec: { containers: [{ name: "c", image }], ...spec } };
}

async function changeSpec(spec: Partial<DaemonSetSpec>): Promise<void> {
	await fixture.change(daemonSets, "default/agent", (set) => ({ ...set, spec: { ...(set.spec as DaemonSetSpec), ...spec } }));
	await fixture.settle();
}

const setImage = (image: string) => changeSpec({ template: template(image) });
const withTaints = (taints: readonly Taint[]) => (node: Node) => ({ ...node, spec: { ...node.spec, taints } });

function set(): Promise<DaemonSet> {
	return fixture.client.resource(daemonSets).get({ namespace: "default", name: "agent" });
}

/** `node-1=agent:1`, with a star if it is not ready. */
async function state(): Promise<readonly string[]> {
	const all = await fixture.list(pods);
	return all.map((pod) => `${targetNode(pod)}=${pod.spec?.containers[0]?.image}${pod.status?.phase === "Running" ? "" : "*"}`).sort();
}

/** Schedules and runs pods until nothing waits any more. */
async function runAll(filter: (pod: Pod) => boolean = () => true): Promise<void> {
	for (let round = 0; round < 20; round++) await fixture.runPods(filter);
}

async function podOn(nodeName: string): Promise<Pod> {
	const found = (await fixture.list(pods)).find((pod) => targetNode(pod) === nodeName);
	if (found === undefined) throw new Error(`no pod for ${nodeName}`);
	return found;
}

async function setPhase(nodeName: string, phase: string): Promise<void> {
	await fixture.client.resource(pods).updateStatus({ ...(await podOn(nodeName)), status: { phase } });
	await fixture.settle();
}

async function stories(reason: string): Promise<readonly string[]> {
	const named = (event: string) => event.replaceAll(/agent-[a-z0-9]{5}\b/g, "POD");
	return (await fixture.events()).filter((event) => event.includes(` ${reason} `)).map(named);
}

async function revisions(): Promise<readonly string[]> {
	const all = (await fixture.list(controllerRevisions)).map(({ revision, data }) => ({ revision, data: JSON.stringify(data) }));
	return all.sort((a, b) => a.revision - b.revision).map(({ revision, data }) => `${revision} ${/"image":"([^"]*)"/.exec(data)?.[1]}`);
}

test("every node has a pod of its own, made for it, that tolerates what troubles the node", async () => {
	await addNodes("node-1", "node-2");
	await create();
	expect(await state()).toEqual(["node-1=agent:1*", "node-2=agent:1*"]);
	const pod = await podOn("node-1");
	expect(pod.metadata?.name).toMatch(/^agent-[a-z0-9]{5}$/);
	expect(controllerOf(pod)).toMatchObject({ kind: "DaemonSet", name: "agent" });
	const [revision] = await fixture.list(controllerRevisions);
	const hash = revision?.metadata?.labels?.["controller-revision-hash"];
	expect(revision?.metadata?.name).toBe(`agent-${hash}`);
	expect(pod.metadata?.labels).toEqual({ app: "agent", "controller-revision-hash": hash });
	expect(pod.spec?.affinity).toEqual({
		nodeAffinity: {
			requiredDuringSchedulingIgnoredDuringExecution: {
				nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["node-1"] }] }],
			},
		},
	});
	expect(pod.spec?.tolerations).toEqual([
		{ key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
		{ key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
		{ key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
		{ key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
		{ key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
		{ key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
	]);
	expect((await set()).status).toEqual({
		currentNumberScheduled: 2,
		numberMisscheduled: 0,
		desiredNumberScheduled: 2,
		numberReady: 0,
		observedGeneration: 1,
		updatedNumberScheduled: 2,
		numberUnavailable: 2,
	});
	await fixture.runPods();
	expect((await set()).status).toEqual({
		currentNumberScheduled: 2,
		numberMisscheduled: 0,
		desiredNumberScheduled: 2,
		numberReady: 2,
		observedGeneration: 1,
		updatedNumberScheduled: 2,
		numberAvailable: 2,
	});
	expect(await stories("SuccessfulCreate")).toEqual(Array(2).fill("Normal SuccessfulCreate DaemonSet/agent: Created pod: POD"));
	expect(fixture.complaints).toEqual([]);
});

test("a pod on the host's network tolerates a network that is not there; a set's own tolerations come first", async () => {
	await addNodes("node-1");
	const own = { key: "gpu", operator: "Exists" };
	await create({ template: template("agent:1", { hostNetwork: true, tolerations: [own] }) });
	const tolerations = (await podOn("node-1")).spec?.tolerations ?? [];
	expect(tolerations[0]).toEqual(own);
	expect(tolerations.at(-1)).toEqual({ key: "node.kubernetes.io/network-unavailable", operator: "Exists", effect: "NoSchedule" });
	expect(tolerations).toHaveLength(8);
});

test("a node that comes gets a pod, one that no longer fits loses its own", async () => {
	await addNodes("node-1");
	await create({ template: template("agent:1", { nodeSelector: { disk: "ssd" } }) });
	expect(await state()).toEqual([]);
	expect((await set()).status?.desiredNumberScheduled).toBe(0);
	const label = (disk: string) => (node: Node) => ({ ...node, metadata: { ...node.metadata, labels: { disk } } });
	await fixture.change(nodes, "node-1", label("ssd"));
	await fixture.settle();
	expect(await state()).toEqual(["node-1=agent:1*"]);
	await fixture.client.resource(nodes).create({ metadata: { name: "node-2", labels: { disk: "ssd" } } });
	await fixture.settle();
	expect(await state()).toEqual(["node-1=agent:1*", "node-2=agent:1*"]);
	await fixture.change(nodes, "node-1", label("hdd"));
	await fixture.settle();
	expect(await state()).toEqual(["node-2=agent:1*"]);
	expect(await stories("SuccessfulDelete")).toEqual(["Normal SuccessfulDelete DaemonSet/agent: Deleted pod: POD"]);
});

test("NoSchedule keeps new pods off a node and lets its pod stay, NoExecute drives it away", async () => {
	await addNodes("node-1", "node-2");
	await create();
	await runAll();
	const taint = (effect: string) => withTaints([{ key: "k", effect }]);
	await fixture.change(nodes, "node-1", taint("NoSchedule"));
	await fixture.settle();
	expect(await state()).toEqual(["node-1=agent:1", "node-2=agent:1"]);
	expect((await set()).status).toMatchObject({
		desiredNumberScheduled: 1,
		currentNumberScheduled: 1,
		numberMisscheduled: 1,
		numberReady: 1,
	});
	await fixture.change(nodes, "node-1", taint("NoExecute"));
	await fixture.settle();
	expect(await state()).toEqual(["node-2=agent:1"]);
	await fixture.change(nodes, "node-1", withTaints([{ key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }]));
	await fixture.settle();
	expect(await state()).toEqual(["node-1=agent:1*", "node-2=agent:1"]);
});

test("a pod for a node that is no more, and never got there, goes", async () => {
	await addNodes("node-1", "node-2");
	await create();
	await fixture.client.resource(nodes).delete({ name: "node-1" });
	await setPhase("node-2", "Running");
	expect(await state()).toEqual(["node-2=agent:1"]);
});

test("a rolling update replaces one pod at a time, and waits for it", async () => {
	await addNodes("node-1", "node-2", "node-3");
	await create();
	await runAll();
	await setImage("agent:2");
	const updated = (await state()).filter((pod) => pod.endsWith("=agent:2*"));
	expect(updated).toHaveLength(1);
	expect((await set()).status).toMatchObject({
		updatedNumberScheduled: 1,
		numberAvailable: 2,
		numberUnavailable: 1,
		observedGeneration: 2,
	});
	await runAll();
	expect(await state()).toEqual(["node-1=agent:2", "node-2=agent:2", "node-3=agent:2"]);
	expect(await revisions()).toEqual(["1 agent:1", "2 agent:2"]);
	await setImage("agent:1");
	await runAll();
	expect(await revisions()).toEqual(["2 agent:2", "3 agent:1"]);
	expect(fixture.complaints).toEqual([]);
});

test("old pods that do not serve are replaced whatever maxUnavailable says", async () => {
	await addNodes("node-1", "node-2", "node-3");
	await create({ template: template("broken") });
	await setImage("agent:2");
	expect(await state()).toEqual(["node-1=agent:2*", "node-2=agent:2*", "node-3=agent:2*"]);
});

test("with maxSurge the new pod comes first, and the old one goes when it serves", async () => {
	await addNodes("node-1", "node-2");
	await create({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } } });
	await runAll();
	await setImage("agent:2");
	expect(await state()).toEqual(["node-1=agent:1", "node-1=agent:2*", "node-2=agent:1"]);
	expect((await set()).status).toMatchObject({ numberAvailable: 2, currentNumberScheduled: 2 });
	expect((await set()).status?.updatedNumberScheduled).toBeUndefined();
	await fixture.runPods();
	expect(await state()).toEqual(["node-1=agent:2", "node-2=agent:1", "node-2=agent:2*"]);
	await runAll();
	expect(await state()).toEqual(["node-1=agent:2", "node-2=agent:2"]);
});

test("OnDelete leaves it to others when pods are replaced", async () => {
	await addNodes("node-1", "node-2");
	await create({ updateStrategy: { type: "OnDelete" } });
	await runAll();
	await setImage("agent:2");
	await runAll();
	expect(await state()).toEqual(["node-1=agent:1", "node-2=agent:1"]);
	await fixture.client.resource(pods).delete({ namespace: "default", name: (await podOn("node-2")).metadata?.name ?? "" });
	await runAll();
	expect(await state()).toEqual(["node-1=agent:1", "node-2=agent:2"]);
});

test("a failed pod is told of and replaced, each time after a longer pause", async () => {
	await addNodes("node-1");
	await create();
	const startMs = fixture.clock.now();
	const replacedSeconds: number[] = [];
	for (let round = 0; round < 4; round++) {
		const { uid } = (await podOn("node-1")).metadata ?? {};
		await setPhase("node-1", "Failed");
		while ((await podOn("node-1")).metadata?.uid === uid) await fixture.clock.advance(100);
		replacedSeconds.push(Math.floor((fixture.clock.now() - startMs) / 1000));
	}
	// At once, and then 1, 2 and 4 seconds after the one before.
	expect(replacedSeconds).toEqual([0, 1, 3, 7]);
	expect(await stories("FailedDaemonPod")).toEqual(
		Array(4).fill("Warning FailedDaemonPod DaemonSet/agent: Found failed daemon pod default/POD on node node-1, will try to kill it"),
	);
});

test("a pod that succeeded is told of and replaced", async () => {
	await addNodes("node-1");
	await create();
	await setPhase("node-1", "Succeeded");
	expect(await state()).toEqual(["node-1=agent:1*"]);
	expect(await stories("SucceededDaemonPod")).toEqual([
		"Normal SucceededDaemonPod DaemonSet/agent: Found succeeded daemon pod default/POD on node node-1, will try to delete it",
	]);
});

test("minReadySeconds: a pod is available when it has been ready for that long", async () => {
	await addNodes("node-1");
	await create({ minReadySeconds: 30 });
	await fixture.runPods();
	expect((await set()).status).toMatchObject({ numberReady: 1, numberUnavailable: 1 });
	await fixture.clock.advance(31_000);
	expect((await set()).status).toMatchObject({ numberReady: 1, numberAvailable: 1 });
});

test("history keeps revisionHistoryLimit revisions besides those in use", async () => {
	await addNodes("node-1");
	await create({ revisionHistoryLimit: 2 });
	await runAll();
	for (const version of [2, 3, 4, 5]) {
		await setImage(`agent:${version}`);
		await runAll();
	}
	expect(await revisions()).toEqual(["3 agent:3", "4 agent:4", "5 agent:5"]);
});

test("adopts an orphan on its node, and keeps the oldest of several", async () => {
	await addNodes("node-1");
	const orphan: Pod = {
		metadata: { namespace: "default", name: "stray", labels: { app: "agent" } },
		spec: { nodeName: "node-1", containers: [{ name: "c", image: "stray" }] },
	};
	await create({ updateStrategy: { type: "OnDelete" } });
	await fixture.client.resource(pods).create(orphan);
	await fixture.settle();
	// The one that has its node stays, whatever its age.
	expect(await state()).toEqual(["node-1=stray*"]);
	expect(controllerOf(await podOn("node-1"))?.name).toBe("agent");
});

test("600 nodes: pods come in bursts, each once", async () => {
	const names = Array.from({ length: 600 }, (_, index) => `node-${index}`);
	await addNodes(...names);
	fixture.takeWrites();
	await create();
	expect(new Set(await state()).size).toBe(600);
	expect(fixture.takeWrites().filter((write) => write.startsWith("create pods"))).toHaveLength(600);
	expect(fixture.complaints).toEqual([]);
});

test("tells of pods that cannot be created, and tries again", async () => {
	await addNodes("node-1", "node-2", "node-3");
	let refuse = true;
	fixture.api.intercept = ({ verb, resource }) => {
		if (refuse && verb === "create" && resource === "pods") throw newForbidden({ group: "", resource: "pods" }, "", "exceeded quota");
	};
	await create();
	expect((await stories("FailedCreate"))[0]).toMatch(
		/^Warning FailedCreate DaemonSet\/agent: Error creating: pods is forbidden: exceeded quota/,
	);
	refuse = false;
	await fixture.clock.advance(2_000);
	expect(await state()).toHaveLength(3);
});

test("a cache that lags behind makes no pod come or go twice", async () => {
	fixture.api.watchDelayMs.set("pods", 40);
	await addNodes("node-1", "node-2");
	await create();
	// Nodes come while the cache does not show the pods of those before.
	await addNodes("node-3");
	await runAll();
	await setImage("agent:2");
	await runAll();
	const writes = fixture.takeWrites().filter((write) => /^(create|delete) pods/.test(write));
	expect(writes.filter((write) => write.startsWith("create"))).toHaveLength(6);
	expect(writes.filter((write) => write.startsWith("delete"))).toHaveLength(3);
	expect(await state()).toEqual(["node-1=agent:2", "node-2=agent:2", "node-3=agent:2"]);
});

test("two templates of one hash: the collision is counted, and the revision gets another name", async () => {
	await addNodes("node-1");
	await create();
	const [first] = await fixture.list(controllerRevisions);
	await fixture.client.resource(daemonSets).delete({ namespace: "default", name: "agent" });
	await fixture.client
		.resource(controllerRevisions)
		.update({ ...first, metadata: { ...first?.metadata, ownerReferences: [] }, data: "else", revision: 1 });
	await create();
	await fixture.clock.advance(1_000);
	expect((await set()).status?.collisionCount).toBe(1);
	const names = (await fixture.list(controllerRevisions)).map(({ metadata }) => metadata?.name);
	expect(names).toHaveLength(2);
	expect(await state()).toContain("node-1=agent:1*");
});

test("a set that selects everything is told so and does nothing", async () => {
	await addNodes("node-1");
	await create({ selector: {} });
	expect(await state()).toEqual([]);
	expect(await fixture.events()).toEqual([
		"Warning SelectingAll DaemonSet/agent: This daemon set is selecting all pods. A non-empty selector is required.",
	]);
});

test("on many nodes pods that become ready one after the other are counted together, and a burst waits for nobody", async () => {
	const names = Array.from({ length: 500 }, (_, index) => `node-${index}`);
	await addNodes(...names);
	await create();
	// Two bursts of 250, the second as soon as the first has shown up.
	expect((await fixture.list(pods)).length).toBe(500);
	fixture.takeWrites();
	for (const pod of (await fixture.list(pods)).slice(0, 200)) {
		await fixture.client.resource(pods).updateStatus(runningPod(pod, fixture.clock.now()));
		await fixture.clock.advance(1);
	}
	await fixture.settle();
	expect((await set()).status?.numberReady).toBe(200);
	// 200 ms, 5 ms a sync.
	const counted = fixture.takeWrites().filter((write) => write === "update daemonsets/status default/agent").length;
	expect(counted).toBeGreaterThan(10);
	expect(counted).toBeLessThanOrEqual(45);
});

test("nodes that come one after the other are looked at together, when they are many", async () => {
	await create();
	const late: string[] = [];
	for (let index = 0; index < 600; index++) {
		await fixture.client.resource(nodes).create({ metadata: { name: `node-${index}` } });
		await fixture.clock.advance(1);
		const writes = fixture.takeWrites();
		if (index >= 500) late.push(...writes);
	}
	await fixture.settle();
	expect((await fixture.list(pods)).length).toBe(600);
	// The last hundred in 100 ms: a sync in 5 or 6 ms, each of two statuses at the most.
	const counted = late.filter((write) => write === "update daemonsets/status default/agent").length;
	expect(counted).toBeGreaterThan(5);
	expect(counted).toBeLessThanOrEqual(45);
});
