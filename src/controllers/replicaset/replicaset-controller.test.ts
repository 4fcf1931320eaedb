import { beforeEach, expect, test } from "vitest";
import type { Pod, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden, newInternalError } from "../../apimachinery/status-error.ts";
import { controllerOf } from "../../client/owner.ts";
import { pods, replicaSets, replicationControllers } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { replicaSetController, replicationControllerController } from "./replicaset-controller.ts";

let fixture: ControllerFixture;
beforeEach(() => {
	fixture = new ControllerFixture();
});

function replicaSet(replicas: number, spec: Partial<ReplicaSet["spec"]> = {}): ReplicaSet {
	return {
		metadata: { namespace: "default", name: "web" },
		spec: {
			replicas,
			selector: { matchLabels: { app: "web" } },
			template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
			...spec,
		},
	};
}

async function create(object: ReplicaSet): Promise<void> {
	await fixture.client.resource(replicaSets).create(object);
	await fixture.settle();
}

async function status(): Promise<ReplicaSet["status"]> {
	return (await fixture.client.resource(replicaSets).get({ namespace: "default", name: "web" })).status;
}

test("creates the missing pods once, tells of each, and counts them in its status", async () => {
	await fixture.start(replicaSetController);
	await create(replicaSet(3));
	const made = await fixture.list(pods);
	const names = made.map(({ metadata }) => metadata?.name ?? "");
	expect(names.every((name) => /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/.test(name))).toBe(true);
	expect(made.map(({ metadata }) => controllerOf({ metadata: metadata ?? {} })?.kind)).toEqual(["ReplicaSet", "ReplicaSet", "ReplicaSet"]);
	expect(await fixture.events()).toEqual(names.map((name) => `Normal SuccessfulCreate ReplicaSet/web: Created pod: ${name}`));
	expect(await status()).toEqual({ replicas: 3, fullyLabeledReplicas: 3, terminatingReplicas: 0, observedGeneration: 1 });
	await fixture.runPods();
	expect(await status()).toEqual({
		replicas: 3,
		fullyLabeledReplicas: 3,
		readyReplicas: 3,
		availableReplicas: 3,
		terminatingReplicas: 0,
		observedGeneration: 1,
	});
	expect(fixture.complaints).toEqual([]);
});

test("300 pods: each is created once, and readiness of all costs few status writes", async () => {
	await fixture.start(replicaSetController);
	await create(replicaSet(300));
	expect((await fixture.list(pods)).length).toBe(300);
	fixture.takeWrites();
	const waiting = await fixture.list(pods);
	const client = fixture.client.resource(pods);
	await Promise.all(
		waiting.map((pod) => client.updateStatus({ ...pod, status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } })),
	);
	await fixture.settle();
	expect((await status())?.readyReplicas).toBe(300);
	expect(fixture.takeWrites().filter((write) => write.startsWith("update replicasets/status")).length).toBeLessThan(10);
	expect(fixture.complaints).toEqual([]);
});

test("1,000 pods that become ready, and are gone, one after the other are not counted 1,000 times", async () => {
	const count = 1_000;
	await fixture.start(replicaSetController);
	await create(replicaSet(count));
	fixture.takeWrites();
	const client = fixture.client.resource(pods);
	const oneByOne = async (change: (pod: Pod) => Promise<unknown>) => {
		for (const pod of await fixture.list(pods)) {
			await change(pod);
			await fixture.clock.advance(1);
		}
		await fixture.settle();
		return fixture.takeWrites().filter((write) => write.startsWith("update replicasets/status")).length;
	};
	const becameReady = await oneByOne((pod) =>
		client.updateStatus({ ...pod, status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } }),
	);
	expect(becameReady).toBeLessThan(count / 5);
	expect((await status())?.readyReplicas).toBe(count);
	expect(await oneByOne(({ metadata }) => client.delete({ namespace: "default", name: metadata?.name ?? "" }))).toBeLessThan(count / 2);
	expect((await fixture.list(pods)).length).toBe(count);
	expect(await status()).toEqual({ replicas: count, fullyLabeledReplicas: count, terminatingReplicas: 0, observedGeneration: 1 });
	expect(fixture.complaints).toEqual([]);
});

test("replaces a pod that failed or was deleted, and only that one", async () => {
	await fixture.start(replicaSetController);
	await create(replicaSet(2));
	const [first, second] = await fixture.list(pods);
	await fixture.client.resource(pods).updateStatus({ ...first, status: { phase: "Failed" } } as Pod);
	await fixture.client.resource(pods).delete({ namespace: "default", name: second?.metadata?.name ?? "" });
	await fixture.settle();
	const left = await fixture.list(pods);
	expect(left.length).toBe(3);
	expect((await status())?.replicas).toBe(2);
});

test("shrinks by the least useful pods", async () => {
	await fixture.start(replicaSetController);
	await create(replicaSet(3));
	const made = await fixture.list(pods);
	const keep = made[1]?.metadata?.name;
	await fixture.runPods((pod) => pod.metadata?.name === keep);
	await fixture.change(replicaSets, "default/web", (object) => ({
		...object,
		spec: { ...replicaSet(1).spec, selector: { matchLabels: { app: "web" } } },
	}));
	await fixture.settle();
	expect((await fixture.list(pods)).map(({ metadata }) => metadata?.name)).toEqual([keep]);
	const deleted = (await fixture.events()).filter((event) => event.includes("SuccessfulDelete"));
	expect(deleted.sort()).toEqual(
		made
			.filter(({ metadata }) => metadata?.name !== keep)
			.map(({ metadata }) => `Normal SuccessfulDelete ReplicaSet/web: Deleted pod: ${metadata?.name}`)
			.sort(),
	);
});

test("adopts a matching orphan instead of creating, and releases a pod whose labels are changed", async () => {
	await fixture.client.resource(pods).create({ metadata: { namespace: "default", name: "orphan", labels: { app: "web" } } });
	await fixture.start(replicaSetController);
	await create(replicaSet(1));
	const [orphan] = await fixture.list(pods);
	expect(orphan?.metadata?.ownerReferences).toEqual([
		{
			apiVersion: "apps/v1",
			kind: "ReplicaSet",
			name: "web",
			uid: (await fixture.list(replicaSets))[0]?.metadata?.uid,
			controller: true,
			blockOwnerDeletion: true,
		},
	]);
	await fixture.change(pods, "default/orphan", (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { app: "debug" } } }));
	await fixture.settle();
	const after = await fixture.list(pods);
	expect(after.map(({ metadata }) => [metadata?.labels?.app, metadata?.ownerReferences?.length ?? 0])).toEqual([
		["debug", 0],
		["web", 1],
	]);
});

test("a refused create is told once per retry, shows in the status, and goes away when it works again", async () => {
	fixture.api.intercept = ({ verb, resource }) => {
		if (verb === "create" && resource === "pods") throw newForbidden({ group: "", resource: "pods" }, "web-x", "exceeded quota: q");
	};
	await fixture.start(replicaSetController);
	await create(replicaSet(100));
	expect((await status())?.conditions).toEqual([
		{
			type: "ReplicaFailure",
			status: "True",
			lastTransitionTime: "2026-01-01T00:00:00Z",
			reason: "FailedCreate",
			message: 'pods "web-x" is forbidden: exceeded quota: q',
		},
	]);
	// One try per retry, not a hundred: the slow start.
	expect(fixture.api.requests.filter(({ verb, resource }) => verb === "create" && resource === "pods").length).toBeLessThan(10);
	expect((await fixture.events())[0]).toMatch(
		/^Warning FailedCreate ReplicaSet\/web: Error creating: pods "web-x" is forbidden: exceeded quota: q/,
	);
	fixture.api.intercept = undefined;
	await fixture.clock.advance(60_000);
	expect((await status())?.conditions).toBe(undefined);
	expect((await fixture.list(pods)).length).toBe(100);
});

test("does nothing for a namespace that is going away but keep quiet", async () => {
	fixture.api.intercept = ({ verb, resource }) => {
		if (verb !== "create" || resource !== "pods") return;
		const error = newInternalError("namespace is going");
		throw Object.assign(error, { status: { ...error.status, details: { causes: [{ reason: "NamespaceTerminating" }] } } });
	};
	await fixture.start(replicaSetController);
	await create(replicaSet(2));
	expect(await fixture.events()).toEqual([]);
	expect(fixture.complaints).toEqual([]);
});

test("counts a ready pod as available only after minReadySeconds", async () => {
	await fixture.start(replicaSetController);
	await create(replicaSet(1, { minReadySeconds: 10 }));
	await fixture.runPods();
	expect((await status())?.availableReplicas).toBe(undefined);
	await fixture.clock.advance(9_000);
	expect((await status())?.availableReplicas).toBe(undefined);
	await fixture.clock.advance(2_000);
	expect((await status())?.availableReplicas).toBe(1);
});

test("a ReplicationController is kept in the same way, under its own name", async () => {
	await fixture.start(replicationControllerController);
	await fixture.client.resource(replicationControllers).create({
		metadata: { namespace: "default", name: "old" },
		spec: { replicas: 1, selector: { app: "old" }, template: { metadata: { labels: { app: "old" } }, spec: { containers: [] } } },
	});
	await fixture.settle();
	const [pod] = await fixture.list(pods);
	expect(await fixture.events()).toEqual([`Normal SuccessfulCreate ReplicationController/old: Created pod: ${pod?.metadata?.name}`]);
	expect((await fixture.list(replicationControllers))[0]?.status).toEqual({ replicas: 1, fullyLabeledReplicas: 1, observedGeneration: 1 });
});
