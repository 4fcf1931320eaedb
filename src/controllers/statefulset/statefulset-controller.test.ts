import { beforeEach, expect, test } from "vitest";
import type { Pod, StatefulSet, StatefulSetSpec } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden, newInternalError } from "../../apimachinery/status-error.ts";
import { controllerOf } from "../../client/owner.ts";
import { controllerRevisions, persistentVolumeClaims, pods, statefulSets } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { statefulSetController } from "./statefulset-controller.ts";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(statefulSetController);
});

const key = "default/web";

async function create(spec: Partial<StatefulSetSpec> = {}, name = "web"): Promise<void> {
	await fixture.client.resource(statefulSets).create({
		metadata: { namespace: "default", name },
		spec: {
			replicas: 3,
			serviceName: "nginx",
			selector: { matchLabels: { app: name } },
			template: template("nginx:1", name),
			updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
			...spec,
		},
	});
	await fixture.settle();
}

function template(image: string, app = "web") {
	return { metadata: { labels: { app } }, spec: { containers: [{ name: "c", image }] } };
}

const parallel = { podManagementPolicy: "Parallel" };

async function changeSpec(spec: Partial<StatefulSetSpec>): Promise<void> {
	await fixture.change(statefulSets, key, (set) => ({ ...set, spec: { ...(set.spec as StatefulSetSpec), ...spec } }));
	await fixture.settle();
}

const scale = (replicas: number) => changeSpec({ replicas });
const setImage = (image: string) => changeSpec({ template: template(image) });

function set(): Promise<StatefulSet> {
	return fixture.client.resource(statefulSets).get({ namespace: "default", name: "web" });
}

const pod = (name: string): Promise<Pod> => fixture.client.resource(pods).get({ namespace: "default", name });

/** `web-0=nginx:1`, with a star if it is not ready. */
async function state(): Promise<readonly string[]> {
	const all = await fixture.list(pods);
	return all.map((pod) => `${pod.metadata?.name}=${pod.spec?.containers[0]?.image}${pod.status?.phase === "Running" ? "" : "*"}`).sort();
}

/** Runs pods until nothing waits any more. @param filter those that can run. */
async function runAll(filter: (pod: Pod) => boolean = () => true): Promise<void> {
	for (let round = 0; round < 20; round++) await fixture.runPods(filter);
}

async function setPhase(name: string, phase: string): Promise<void> {
	const client = fixture.client.resource(pods);
	await client.updateStatus({ ...(await pod(name)), status: { phase } });
	await fixture.settle();
}

async function podStory(): Promise<readonly string[]> {
	return (await fixture.events()).map((event) => event.replace(/^(\w+) (\w+) StatefulSet\/web: /, "$2: "));
}

async function revisions(): Promise<readonly string[]> {
	const images = (await fixture.list(controllerRevisions)).map(({ revision, data }) => ({
		revision,
		image: /"image":"([^"]*)"/.exec(JSON.stringify(data))?.[1],
	}));
	return images.sort((a, b) => a.revision - b.revision).map(({ revision, image }) => `${revision} ${image}`);
}

test("pods come in order, each with its name, labels and host name, when the one before is ready", async () => {
	await create();
	expect(await state()).toEqual(["web-0=nginx:1*"]);
	const [revision] = await fixture.list(controllerRevisions);
	const revisionName = revision?.metadata?.name ?? "";
	expect(revisionName).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
	const first = await pod("web-0");
	expect(first.metadata?.labels).toEqual({
		app: "web",
		"statefulset.kubernetes.io/pod-name": "web-0",
		"apps.kubernetes.io/pod-index": "0",
		"controller-revision-hash": revisionName,
	});
	expect(controllerOf(first)?.kind).toBe("StatefulSet");
	expect(first.spec?.hostname).toBe("web-0");
	expect(first.spec?.subdomain).toBe("nginx");
	await fixture.runPods();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1*"]);
	await fixture.runPods();
	await fixture.runPods();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:1"]);
	expect((await set()).status).toEqual({
		observedGeneration: 1,
		replicas: 3,
		readyReplicas: 3,
		currentReplicas: 3,
		updatedReplicas: 3,
		availableReplicas: 3,
		currentRevision: revisionName,
		updateRevision: revisionName,
		collisionCount: 0,
	});
	expect(await fixture.events()).toEqual([
		"Normal SuccessfulCreate StatefulSet/web: create Pod web-0 in StatefulSet web successful",
		"Normal SuccessfulCreate StatefulSet/web: create Pod web-1 in StatefulSet web successful",
		"Normal SuccessfulCreate StatefulSet/web: create Pod web-2 in StatefulSet web successful",
	]);
	expect(fixture.complaints).toEqual([]);
});

test("ordinals start where the set says", async () => {
	await create({ ordinals: { start: 5 }, replicas: 2 });
	await runAll();
	expect(await state()).toEqual(["web-5=nginx:1", "web-6=nginx:1"]);
	await changeSpec({ ordinals: { start: 6 } });
	await runAll();
	expect(await state()).toEqual(["web-6=nginx:1", "web-7=nginx:1"]);
});

test("scales down from the top, one at a time, and not while a pod below is not ready", async () => {
	await create();
	await runAll();
	await setPhase("web-0", "Pending");
	await scale(1);
	expect(await state()).toHaveLength(3);
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:1"]);
	expect((await podStory()).filter((event) => event.startsWith("SuccessfulDelete"))).toEqual([
		"SuccessfulDelete: delete Pod web-2 in StatefulSet web successful",
		"SuccessfulDelete: delete Pod web-1 in StatefulSet web successful",
	]);
});

test("Parallel brings and takes pods all at once", async () => {
	await create({ ...parallel, replicas: 5 });
	expect(await state()).toHaveLength(5);
	expect((await set()).status?.replicas).toBe(5);
	await scale(0);
	expect(await state()).toEqual([]);
	expect(fixture.complaints).toEqual([]);
});

test("300 parallel pods are each created once", async () => {
	await create({ ...parallel, replicas: 300 });
	expect(await state()).toHaveLength(300);
	expect(fixture.takeWrites().filter((write) => write.startsWith("create pods"))).toHaveLength(300);
	await fixture.runPods();
	expect((await set()).status?.readyReplicas).toBe(300);
	expect(fixture.complaints).toEqual([]);
});

test.each(["Failed", "Succeeded"])("a pod that %s is replaced by one of its name", async (phase) => {
	await create();
	await runAll();
	const before = await pod("web-1");
	await setPhase("web-1", phase);
	await runAll();
	expect((await pod("web-1")).metadata?.uid).not.toBe(before.metadata?.uid);
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:1"]);
});

test("a rolling update goes from the top down, waits for each pod, and ends with the update's revision as the current one", async () => {
	await create();
	await runAll();
	const before = await set();
	await setImage("nginx:2");
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:2*"]);
	const during = await set();
	expect(during.status?.currentRevision).toBe(before.status?.currentRevision);
	expect(during.status?.updateRevision).not.toBe(before.status?.currentRevision);
	expect(during.status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1, readyReplicas: 2 });
	await fixture.runPods();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:2*", "web-2=nginx:2"]);
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:2", "web-1=nginx:2", "web-2=nginx:2"]);
	const after = await set();
	expect(after.status?.currentRevision).toBe(during.status?.updateRevision);
	expect(after.status).toMatchObject({ currentReplicas: 3, updatedReplicas: 3, observedGeneration: 2 });
	expect(await revisions()).toEqual(["1 nginx:1", "2 nginx:2"]);
	expect(fixture.complaints).toEqual([]);
});

test("a template that comes back gets the newest number, and no new revision", async () => {
	await create({ replicas: 1 });
	await runAll();
	await setImage("nginx:2");
	await runAll();
	await setImage("nginx:1");
	await runAll();
	expect(await revisions()).toEqual(["2 nginx:2", "3 nginx:1"]);
	expect(await state()).toEqual(["web-0=nginx:1"]);
});

test("a partition holds the pods below it back, whoever deletes them", async () => {
	await create({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 2 } } });
	await runAll();
	await setImage("nginx:2");
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:2"]);
	await fixture.client.resource(pods).delete({ namespace: "default", name: "web-0" });
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:2"]);
	expect((await set()).status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
	await changeSpec({ updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } } });
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:2", "web-1=nginx:2", "web-2=nginx:2"]);
});

test("OnDelete leaves it to others when pods are replaced", async () => {
	await create({ updateStrategy: { type: "OnDelete" } });
	await runAll();
	await setImage("nginx:2");
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:1"]);
	await fixture.client.resource(pods).delete({ namespace: "default", name: "web-1" });
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:2", "web-2=nginx:1"]);
	expect((await set()).status?.updatedReplicas).toBe(1);
});

test("maxUnavailable updates several pods at a time", async () => {
	await create({ ...parallel, replicas: 5, updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0, maxUnavailable: 2 } } });
	await runAll();
	await setImage("nginx:2");
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:1", "web-3=nginx:2*", "web-4=nginx:2*"]);
	await runAll();
	expect(await state()).toEqual([0, 1, 2, 3, 4].map((ordinal) => `web-${ordinal}=nginx:2`));
});

test("a rollout to a broken template stays where it is, in order, until the broken pod is deleted by hand", async () => {
	await create();
	const healthy = ({ spec }: Pod) => spec?.containers[0]?.image !== "broken";
	await runAll(healthy);
	await setImage("broken");
	await runAll(healthy);
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=broken*"]);
	await setImage("nginx:1");
	await runAll(healthy);
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=broken*"]);
	await fixture.client.resource(pods).delete({ namespace: "default", name: "web-2" });
	await runAll(healthy);
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:1"]);
});

test("Parallel replaces the broken pod of a rollout that was taken back", async () => {
	await create(parallel);
	const healthy = ({ spec }: Pod) => spec?.containers[0]?.image !== "broken";
	await runAll(healthy);
	await setImage("broken");
	await runAll(healthy);
	await setImage("nginx:1");
	await runAll(healthy);
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1", "web-2=nginx:1"]);
});

test("minReadySeconds: the next pod waits until the one before has been ready for that long", async () => {
	await create({ minReadySeconds: 30, replicas: 2 });
	await fixture.runPods();
	await fixture.clock.advance(28_000);
	expect(await state()).toEqual(["web-0=nginx:1"]);
	expect((await set()).status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
	await fixture.clock.advance(3_000);
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1*"]);
	expect((await set()).status?.availableReplicas).toBe(1);
});

test("history keeps revisionHistoryLimit revisions besides those in use", async () => {
	await create({ replicas: 1, revisionHistoryLimit: 2 });
	await runAll();
	for (const version of [2, 3, 4, 5]) {
		await setImage(`nginx:${version}`);
		await runAll();
	}
	expect(await revisions()).toEqual(["3 nginx:3", "4 nginx:4", "5 nginx:5"]);
});

// ── Claims ──

const claimTemplates = {
	volumeClaimTemplates: [
		{
			metadata: { name: "data", labels: { tier: "db" } },
			spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
		},
	],
};

async function claims(): Promise<Record<string, readonly string[]>> {
	const all = await fixture.list(persistentVolumeClaims);
	return Object.fromEntries(
		all.map(({ metadata }) => [metadata?.name, (metadata?.ownerReferences ?? []).map(({ kind, name }) => `${kind}/${name}`)]),
	);
}

test("each pod has claims of its own, made before it, and keeps them", async () => {
	await create({ ...claimTemplates, replicas: 2 });
	await runAll();
	expect(await claims()).toEqual({ "data-web-0": [], "data-web-1": [] });
	const [claim] = await fixture.list(persistentVolumeClaims);
	expect(claim?.metadata?.labels).toEqual({ tier: "db", app: "web" });
	expect((await pod("web-1")).spec?.volumes).toEqual([{ name: "data", persistentVolumeClaim: { claimName: "data-web-1" } }]);
	expect((await podStory()).slice(0, 2)).toEqual([
		"SuccessfulCreate: create Claim data-web-0 Pod web-0 in StatefulSet web success",
		"SuccessfulCreate: create Pod web-0 in StatefulSet web successful",
	]);
	await scale(1);
	await scale(2);
	await runAll();
	expect((await fixture.list(persistentVolumeClaims)).map(({ metadata }) => metadata?.uid)).toContain(claim?.metadata?.uid);
	expect(await claims()).toEqual({ "data-web-0": [], "data-web-1": [] });
});

test("the claims of a scaled down pod become the pod's, those of the others the set's, as the retention policy says", async () => {
	const policy = (whenDeleted: string, whenScaled: string) => ({ persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
	await create({ ...claimTemplates, ...policy("Retain", "Retain"), replicas: 2 });
	await runAll();
	await changeSpec(policy("Delete", "Retain"));
	expect(await claims()).toEqual({ "data-web-0": ["StatefulSet/web"], "data-web-1": ["StatefulSet/web"] });
	await changeSpec(policy("Delete", "Delete"));
	expect(await claims()).toEqual({ "data-web-0": ["StatefulSet/web"], "data-web-1": ["StatefulSet/web"] });
	await scale(1);
	expect(await claims()).toEqual({ "data-web-0": ["StatefulSet/web"], "data-web-1": ["Pod/web-1"] });
	// The pod is gone and its claim will be: until then there is no new one.
	await scale(2);
	expect(await state()).toEqual(["web-0=nginx:1"]);
	await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name: "data-web-1" });
	await runAll();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1"]);
	await changeSpec(policy("Retain", "Retain"));
	expect(await claims()).toEqual({ "data-web-0": [], "data-web-1": [] });
	expect(fixture.complaints).toEqual([]);
});

test("a claim that goes missing while its pod is pending comes again", async () => {
	await create({ ...claimTemplates, replicas: 1 });
	await fixture.client.resource(persistentVolumeClaims).delete({ namespace: "default", name: "data-web-0" });
	await setPhase("web-0", "Pending");
	expect(await claims()).toEqual({ "data-web-0": [] });
});

// ── Others' pods, failures, ends ──

test("adopts orphans of its name only, and puts their identity right", async () => {
	const orphan = (name: string, labels: Record<string, string>): Pod => ({
		metadata: { namespace: "default", name, labels },
		spec: { containers: [] },
	});
	await fixture.client.resource(pods).create(orphan("web-1", { app: "web" }));
	await fixture.client.resource(pods).create(orphan("other-1", { app: "web" }));
	await create({ replicas: 2, updateStrategy: { type: "OnDelete" } });
	await runAll();
	expect(controllerOf(await pod("web-1"))?.name).toBe("web");
	expect((await pod("web-1")).metadata?.labels?.["statefulset.kubernetes.io/pod-name"]).toBe("web-1");
	expect(controllerOf(await pod("other-1"))).toBeUndefined();
	expect(await podStory()).toContain("SuccessfulUpdate: update Pod web-1 in StatefulSet web successful");
});

test("tells of pods that cannot be created, and tries again", async () => {
	let refuse = true;
	fixture.api.intercept = ({ verb, resource }) => {
		if (refuse && verb === "create" && resource === "pods") throw newForbidden({ group: "", resource: "pods" }, "web-0", "exceeded quota");
	};
	await create({ replicas: 1 });
	expect(await fixture.events()).toContain(
		'Warning FailedCreate StatefulSet/web: create Pod web-0 in StatefulSet web failed error: pods "web-0" is forbidden: exceeded quota (x5)',
	);
	refuse = false;
	await fixture.clock.advance(2_000);
	expect(await state()).toEqual(["web-0=nginx:1*"]);
});

test("a failed status write does not make a pod twice", async () => {
	let failures = 2;
	fixture.api.intercept = ({ subresource }) => {
		if (subresource === "status" && failures-- > 0) throw newInternalError("no");
	};
	await create({ replicas: 1 });
	await fixture.clock.advance(1_000);
	expect(fixture.takeWrites().filter((write) => write.startsWith("create pods"))).toEqual(["create pods default"]);
	expect((await set()).status?.replicas).toBe(1);
});

test.each(["OrderedReady", "Parallel"])("%s: a cache that lags behind makes no pod come or go twice", async (podManagementPolicy) => {
	fixture.api.watchDelayMs.set("pods", 40);
	await create({ podManagementPolicy });
	// The set changes while the cache does not show its pods.
	for (let count = 0; count < 3; count++)
		await fixture.change(statefulSets, key, (object) => ({
			...object,
			metadata: { ...object.metadata, labels: { count: String(count) } },
		}));
	await runAll();
	await setImage("nginx:2");
	await runAll();
	await scale(0);
	await fixture.clock.advance(1_000);
	const writes = fixture.takeWrites().filter((write) => /^(create|delete) pods/.test(write));
	expect(writes.filter((write) => write.startsWith("create"))).toHaveLength(6);
	expect(writes.filter((write) => write.startsWith("delete"))).toHaveLength(6);
	expect(fixture.complaints).toEqual([]);
});

test("a set that is being deleted is only looked at", async () => {
	await create();
	await runAll();
	await fixture.client.resource(statefulSets).delete({ namespace: "default", name: "web" }, { propagationPolicy: "Foreground" });
	await fixture.client.resource(pods).delete({ namespace: "default", name: "web-2" });
	await fixture.settle();
	expect(await state()).toEqual(["web-0=nginx:1", "web-1=nginx:1"]);
	expect((await set()).status?.replicas).toBe(2);
});
