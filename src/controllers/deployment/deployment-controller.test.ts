import { beforeEach, expect, test } from "vitest";
import type { Deployment, DeploymentSpec, ReplicaSet } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden } from "../../apimachinery/status-error.ts";
import { deployments, pods, replicaSets } from "../../client/resources.ts";
import { replicaSetController } from "../replicaset/replicaset-controller.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { deploymentController } from "./deployment-controller.ts";

let fixture: ControllerFixture;
beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(deploymentController, replicaSetController);
});

const key = "default/web";

async function create(spec: Partial<DeploymentSpec>): Promise<void> {
	await fixture.client.resource(deployments).create({
		metadata: { namespace: "default", name: "web", annotations: { note: "kept" } },
		spec: {
			replicas: 3,
			selector: { matchLabels: { app: "web" } },
			progressDeadlineSeconds: 600,
			revisionHistoryLimit: 10,
			strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
			template: template("nginx:1"),
			...spec,
		},
	});
	await fixture.settle();
}

function template(image: string) {
	return { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "c", image }] } };
}

async function changeSpec(spec: Partial<DeploymentSpec>): Promise<void> {
	await fixture.change(deployments, key, (object) => ({ ...object, spec: { ...(object.spec as DeploymentSpec), ...spec } }));
	await fixture.settle();
}

function deployment(): Promise<Deployment> {
	return fixture.client.resource(deployments).get({ namespace: "default", name: "web" });
}

async function sizes(): Promise<Record<string, number>> {
	const all = await fixture.list(replicaSets);
	return Object.fromEntries(all.map((object) => [imageOf(object), object.spec?.replicas ?? 1]));
}

function imageOf({ spec }: ReplicaSet): string {
	return spec?.template?.spec?.containers[0]?.image ?? "";
}

/** Names of ReplicaSets have hashes; their images are easier on the reader. */
async function storyOf(reason: string): Promise<readonly string[]> {
	const images = new Map((await fixture.list(replicaSets)).map((object) => [object.metadata?.name ?? "", imageOf(object)]));
	const named = (text: string) => [...images].reduce((result, [name, image]) => result.replaceAll(name, image), text);
	return (await fixture.events()).filter((event) => event.includes(` ${reason} `)).map(named);
}

function conditionsOf({ status }: Deployment) {
	return (status?.conditions ?? []).map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);
}

test("a new Deployment makes a ReplicaSet and is complete when its pods are available", async () => {
	await create({});
	const [replicaSet] = await fixture.list(replicaSets);
	const name = replicaSet?.metadata?.name ?? "";
	const hash = name.replace(/^web-/, "");
	expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
	expect(replicaSet?.metadata?.labels).toEqual({ app: "web", "pod-template-hash": hash });
	expect(replicaSet?.spec?.selector).toEqual({ matchLabels: { app: "web", "pod-template-hash": hash } });
	expect(replicaSet?.spec?.template?.metadata?.labels).toEqual({ app: "web", "pod-template-hash": hash });
	expect(replicaSet?.metadata?.annotations).toEqual({
		note: "kept",
		"deployment.kubernetes.io/revision": "1",
		"deployment.kubernetes.io/desired-replicas": "3",
		"deployment.kubernetes.io/max-replicas": "4",
	});
	const waiting = await deployment();
	expect(waiting.metadata?.annotations).toEqual({ note: "kept", "deployment.kubernetes.io/revision": "1" });
	const { conditions: _, ...counts } = waiting.status ?? {};
	expect(counts).toEqual({ observedGeneration: 1, replicas: 3, updatedReplicas: 3, unavailableReplicas: 3, terminatingReplicas: 0 });
	expect(conditionsOf(waiting)).toEqual([
		"Available=False MinimumReplicasUnavailable: Deployment does not have minimum availability.",
		`Progressing=True ReplicaSetUpdated: ReplicaSet "${name}" is progressing.`,
	]);
	await fixture.clock.advance(5_000);
	await fixture.runPods();
	const done = await deployment();
	expect(done.status).toEqual({
		observedGeneration: 1,
		replicas: 3,
		updatedReplicas: 3,
		readyReplicas: 3,
		availableReplicas: 3,
		terminatingReplicas: 0,
		conditions: [
			{
				type: "Available",
				status: "True",
				lastUpdateTime: "2026-01-01T00:00:05Z",
				lastTransitionTime: "2026-01-01T00:00:05Z",
				reason: "MinimumReplicasAvailable",
				message: "Deployment has minimum availability.",
			},
			{
				type: "Progressing",
				status: "True",
				lastUpdateTime: "2026-01-01T00:00:05Z",
				lastTransitionTime: "2026-01-01T00:00:00Z",
				reason: "NewReplicaSetAvailable",
				message: `ReplicaSet "${name}" has successfully progressed.`,
			},
		],
	});
	expect(await storyOf("ScalingReplicaSet")).toEqual([
		"Normal ScalingReplicaSet Deployment/web: Scaled up replica set nginx:1 from 0 to 3",
	]);
	expect(fixture.complaints).toEqual([]);
});

test("a rolling update never has too many pods nor too few, and tells each step", async () => {
	await create({});
	await fixture.runPods();
	await changeSpec({ template: template("nginx:2") });
	for (let step = 0; step < 10; step++) {
		const all = await fixture.list(pods);
		const available = all.filter(({ status }) => status?.phase === "Running");
		expect(all.length).toBeLessThanOrEqual(4);
		expect(available.length).toBeGreaterThanOrEqual(3);
		const [next] = all.filter(({ status }) => status?.phase !== "Running");
		if (next === undefined) break;
		await fixture.runPods((pod) => pod.metadata?.name === next.metadata?.name);
	}
	expect(await sizes()).toEqual({ "nginx:1": 0, "nginx:2": 3 });
	expect(await storyOf("ScalingReplicaSet")).toEqual([
		"Normal ScalingReplicaSet Deployment/web: Scaled up replica set nginx:1 from 0 to 3",
		"Normal ScalingReplicaSet Deployment/web: Scaled up replica set nginx:2 from 0 to 1",
		"Normal ScalingReplicaSet Deployment/web: Scaled down replica set nginx:1 from 3 to 2",
		"Normal ScalingReplicaSet Deployment/web: Scaled up replica set nginx:2 from 1 to 2",
		"Normal ScalingReplicaSet Deployment/web: Scaled down replica set nginx:1 from 2 to 1",
		"Normal ScalingReplicaSet Deployment/web: Scaled up replica set nginx:2 from 2 to 3",
		"Normal ScalingReplicaSet Deployment/web: Scaled down replica set nginx:1 from 1 to 0",
	]);
	expect((await deployment()).metadata?.annotations?.["deployment.kubernetes.io/revision"]).toBe("2");
	expect(conditionsOf(await deployment()).map((text) => text.split(":")[0])).toEqual([
		"Available=True MinimumReplicasAvailable",
		"Progressing=True NewReplicaSetAvailable",
	]);
	expect(fixture.complaints).toEqual([]);
});

test("going back to an old template reuses its ReplicaSet under a new revision", async () => {
	await create({ replicas: 1 });
	await fixture.runPods();
	await changeSpec({ template: template("nginx:2") });
	await fixture.runPods();
	await changeSpec({ template: template("nginx:1") });
	await fixture.runPods();
	expect(await sizes()).toEqual({ "nginx:1": 1, "nginx:2": 0 });
	const first = (await fixture.list(replicaSets)).find((object) => imageOf(object) === "nginx:1");
	expect(first?.metadata?.annotations).toMatchObject({
		"deployment.kubernetes.io/revision": "3",
		"deployment.kubernetes.io/revision-history": "1",
	});
});

test("Recreate ends every old pod before it makes a new one", async () => {
	await create({ strategy: { type: "Recreate" } });
	await fixture.runPods();
	await fixture.change(pods, `default/${(await fixture.list(pods))[0]?.metadata?.name}`, (pod) => ({
		...pod,
		metadata: { ...pod.metadata, finalizers: ["test/slow-to-die"] },
	}));
	await changeSpec({ template: template("nginx:2") });
	expect(await sizes()).toEqual({ "nginx:1": 0 });
	const [last] = await fixture.list(pods);
	await fixture.change(pods, `default/${last?.metadata?.name}`, (pod) => ({ ...pod, metadata: { ...pod.metadata, finalizers: [] } }));
	await fixture.settle();
	expect(await sizes()).toEqual({ "nginx:1": 0, "nginx:2": 3 });
});

test("a rollout without progress says so after the deadline, and goes on when it can", async () => {
	await create({ progressDeadlineSeconds: 60 });
	await fixture.clock.advance(59_000);
	expect(conditionsOf(await deployment())[1]).toMatch(/^Progressing=True ReplicaSetUpdated/);
	await fixture.clock.advance(3_000);
	const [replicaSet] = await fixture.list(replicaSets);
	expect(conditionsOf(await deployment())[1]).toBe(
		`Progressing=False ProgressDeadlineExceeded: ReplicaSet "${replicaSet?.metadata?.name}" has timed out progressing.`,
	);
	await fixture.runPods();
	expect(conditionsOf(await deployment()).map((text) => text.split(" ")[0])).toEqual(["Available=True", "Progressing=True"]);
});

test("a paused Deployment keeps its template but not its size; resumed, it rolls out", async () => {
	await create({});
	await fixture.runPods();
	await changeSpec({ paused: true, template: template("nginx:2") });
	expect(await sizes()).toEqual({ "nginx:1": 3 });
	expect(conditionsOf(await deployment())).toContain("Progressing=Unknown DeploymentPaused: Deployment is paused");
	await changeSpec({ replicas: 5 });
	expect(await sizes()).toEqual({ "nginx:1": 5 });
	await changeSpec({ paused: false });
	await fixture.runPods();
	await fixture.runPods();
	await fixture.runPods();
	expect((await sizes())["nginx:2"]).toBe(5);
});

test("scaled in the middle of a rollout, each ReplicaSet gets its part", async () => {
	await create({ replicas: 10, strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
	await fixture.runPods();
	await changeSpec({ template: template("nginx:broken") });
	expect(await sizes()).toEqual({ "nginx:1": 8, "nginx:broken": 5 });
	await changeSpec({ replicas: 15 });
	// The example of the documentation: of 5 more, 3 go to the old one and 2 to the new one.
	expect(await sizes()).toEqual({ "nginx:1": 11, "nginx:broken": 7 });
});

test("keeps only as many old ReplicaSets as revisionHistoryLimit says", async () => {
	await create({ replicas: 1, revisionHistoryLimit: 1 });
	for (const image of ["nginx:2", "nginx:3", "nginx:4"]) {
		await fixture.runPods();
		await changeSpec({ template: template(image) });
	}
	await fixture.runPods();
	expect(await sizes()).toEqual({ "nginx:3": 0, "nginx:4": 1 });
});

test("a ReplicaSet that cannot be made shows in condition and event", async () => {
	fixture.api.intercept = ({ verb, resource }) => {
		if (verb === "create" && resource === "replicasets") throw newForbidden({ group: "apps", resource: "replicasets" }, "web-x", "no");
	};
	await create({});
	const [condition] = conditionsOf(await deployment());
	expect(condition).toMatch(
		/^Progressing=False ReplicaSetCreateError: Failed to create new replica set "web-[^"]+": replicasets.apps "web-x" is forbidden: no$/,
	);
	expect((await fixture.events())[0]).toMatch(/^Warning ReplicaSetCreateError Deployment\/web: Failed to create new replica set "web-/);
});

test("another object of the ReplicaSet's name changes the hash, not the other object", async () => {
	await create({ replicas: 1 });
	const [first] = await fixture.list(replicaSets);
	await fixture.client.resource(deployments).delete({ namespace: "default", name: "web" });
	await fixture.change(replicaSets, `default/${first?.metadata?.name}`, (object) => ({
		...object,
		metadata: { ...object.metadata, ownerReferences: [], labels: { app: "other" } },
	}));
	await fixture.settle();
	await create({ replicas: 1 });
	expect((await deployment()).status?.collisionCount).toBe(1);
	expect((await fixture.list(replicaSets)).length).toBe(2);
});

test("an empty selector is refused with an event", async () => {
	await create({ selector: {} });
	expect(await fixture.events()).toEqual([
		"Warning SelectingAll Deployment/web: This deployment is selecting all pods. A non-empty selector is required. (x2)",
	]);
	expect(await fixture.list(replicaSets)).toEqual([]);
});
