import { beforeEach, describe, expect, test } from "vitest";
import type { Pod, PodDisruptionBudgetSpec } from "../../apimachinery/schema/generated/types.ts";
import { formatTime } from "../../apimachinery/time.ts";
import { deployments, jobs, podDisruptionBudgets, pods, type ResourceRef, replicaSets, statefulSets } from "../../client/resources.ts";
import { ControllerFixture } from "../testing/controller-fixture.ts";
import { disruptionController } from "./disruption-controller.ts";

const namespace = "default";
const labels = { app: "web" };

let fixture: ControllerFixture;

beforeEach(async () => {
	fixture = new ControllerFixture();
	await fixture.start(disruptionController);
});

/** An owner with so many replicas; gives its uid. */
async function makeOwner(
	ref: ResourceRef<object & { metadata?: { uid?: string } }>,
	name: string,
	replicas: number,
	metadata: object = {},
) {
	const made = await fixture.client.resource(ref).create({ metadata: { namespace, name, ...metadata }, spec: { replicas } } as object);
	await fixture.settle();
	return made.metadata?.uid ?? "";
}

const ownedBy = (apiVersion: string, kind: string, name: string, uid: string) => ({
	ownerReferences: [{ apiVersion, kind, name, uid, controller: true }],
});

async function makePods(count: number, metadata: object, ready = true, prefix = "web"): Promise<void> {
	for (let index = 0; index < count; index++) {
		const status: Pod["status"] = { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] };
		await fixture.client
			.resource(pods)
			.create({ metadata: { namespace, name: `${prefix}-${index}`, labels, ...metadata }, spec: { containers: [] }, status });
	}
	await fixture.settle();
}

async function makeBudget(spec: Partial<PodDisruptionBudgetSpec>, status: object = {}): Promise<void> {
	const budget = { metadata: { namespace, name: "guard" }, spec: { selector: { matchLabels: labels }, ...spec }, status };
	await fixture.client.resource(podDisruptionBudgets).create(budget);
	await fixture.settle();
}

const statusNow = async () => (await fixture.client.resource(podDisruptionBudgets).get({ namespace, name: "guard" })).status;

/** `allowed: healthy/desired of expected, condition`. */
async function summary(): Promise<string> {
	const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods, conditions } = (await statusNow()) ?? {};
	const [condition] = conditions ?? [];
	return `${disruptionsAllowed}: ${currentHealthy}/${desiredHealthy} of ${expectedPods}, ${condition?.status} ${condition?.reason}`;
}

describe("counts", () => {
	test.each<[Partial<PodDisruptionBudgetSpec>, string]>([
		[{ minAvailable: 3 }, "1: 4/3 of 4, True SufficientPods"],
		[{ minAvailable: 4 }, "0: 4/4 of 4, False InsufficientPods"],
		[{ minAvailable: "50%" }, "1: 4/3 of 5, True SufficientPods"],
		[{ maxUnavailable: 1 }, "0: 4/4 of 5, False InsufficientPods"],
		[{ maxUnavailable: "40%" }, "1: 4/3 of 5, True SufficientPods"],
		[{ maxUnavailable: 9 }, "4: 4/0 of 5, True SufficientPods"],
		[{}, "0: 4/0 of 0, False InsufficientPods"],
	])("%o", async (spec, expected) => {
		const uid = await makeOwner(statefulSets, "web", 5);
		await makePods(4, ownedBy("apps/v1", "StatefulSet", "web", uid));
		await makeBudget(spec);
		expect(await summary()).toBe(expected);
	});

	test("a Deployment as one, whatever its ReplicaSets", async () => {
		const uid = await makeOwner(deployments, "web", 4);
		const owner = ownedBy("apps/v1", "Deployment", "web", uid);
		const old = await makeOwner(replicaSets, "web-1", 3, owner);
		const current = await makeOwner(replicaSets, "web-2", 2, owner);
		await makePods(3, ownedBy("apps/v1", "ReplicaSet", "web-1", old), true, "old");
		await makePods(2, ownedBy("apps/v1", "ReplicaSet", "web-2", current), true, "new");
		await makeBudget({ maxUnavailable: 1 });
		expect(await summary()).toBe("2: 5/3 of 4, True SufficientPods");
	});

	test("neither pods that are not ready nor pods that are going, and follows both", async () => {
		await makeBudget({ minAvailable: 1 });
		expect(await summary()).toBe("0: 0/1 of 0, False InsufficientPods");
		await makePods(2, { finalizers: ["example.com/hold"] });
		await makePods(1, {}, false, "unready");
		expect(await summary()).toBe("1: 2/1 of 3, True SufficientPods");
		await fixture.client.resource(pods).delete({ namespace, name: "web-0" });
		await fixture.settle();
		expect(await summary()).toBe("0: 1/1 of 3, False InsufficientPods");
		await fixture.change(pods, "default/web-1", (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: {} } }));
		await fixture.settle();
		expect(await summary()).toBe("0: 0/1 of 2, False InsufficientPods");
	});

	test("writes nothing when nothing has changed", async () => {
		await makePods(2, {});
		await makeBudget({ minAvailable: 1 });
		fixture.takeWrites();
		await fixture.change(pods, "default/web-0", (pod) => ({ ...pod, metadata: { ...pod.metadata, annotations: { a: "b" } } }));
		await fixture.settle();
		expect(fixture.takeWrites()).toEqual(["update pods default/web-0"]);
	});
});

describe("what it cannot count", () => {
	test("fails safe, and says why", async () => {
		const uid = await makeOwner(jobs, "once", 1);
		await makePods(2, ownedBy("batch/v1", "Job", "once", uid));
		await makeBudget({ maxUnavailable: 1 }, { disruptionsAllowed: 1 });
		expect(await summary()).toBe("0: 0/0 of 0, False SyncFailed");
		expect((await statusNow())?.conditions?.[0]?.message).toBe("jobs.batch does not implement the scale subresource");
		expect((await fixture.events())[0]).toContain(
			"Warning CalculateExpectedPodCountFailed PodDisruptionBudget/guard: Failed to calculate the number of expected pods: jobs.batch does not implement the scale subresource",
		);
	});

	test("pods whose controller is gone", async () => {
		await makePods(1, ownedBy("apps/v1", "ReplicaSet", "gone", "old"));
		await makeBudget({ maxUnavailable: 1 });
		expect((await statusNow())?.conditions?.[0]?.message).toBe('found no controllers for pod "web-0"');
	});

	test("pods that nobody manages are left out, and told", async () => {
		await makePods(1, {});
		await makeBudget({ maxUnavailable: 1 });
		expect(await summary()).toBe("0: 1/0 of 0, False InsufficientPods");
		expect((await fixture.events())[0]).toMatch(
			/^Warning UnmanagedPods PodDisruptionBudget\/guard: Pods selected by this PodDisruptionBudget \(selector: &LabelSelector\{MatchLabels:map\[string\]string\{app: web,\},MatchExpressions:\[\]LabelSelectorRequirement\{\},\}\) were found to be unmanaged\. /,
		);
	});
});

describe("evicted pods", () => {
	test("do not count until they are deleted, or for two minutes", async () => {
		await makePods(3, {});
		const disruptedPods = { "web-0": formatTime(fixture.clock.now()), nobody: formatTime(fixture.clock.now()) };
		await makeBudget({ minAvailable: 1 }, { disruptedPods });
		expect(await summary()).toBe("1: 2/1 of 3, True SufficientPods");
		expect(Object.keys((await statusNow())?.disruptedPods ?? {})).toEqual(["web-0"]);
		await fixture.clock.advance(121_000);
		expect(await summary()).toBe("2: 3/1 of 3, True SufficientPods");
		expect((await statusNow())?.disruptedPods).toBeUndefined();
		expect(await fixture.events()).toContain(
			"Warning NotDeleted Pod/web-0: Pod was expected by PDB default/default to be deleted but it wasn't",
		);
	});

	test("that live on lose their condition after two minutes", async () => {
		await makePods(1, {});
		const target = { type: "DisruptionTarget", status: "True", lastTransitionTime: formatTime(fixture.clock.now()) };
		const [pod] = await fixture.list(pods);
		await fixture.client.resource(pods).updateStatus({ ...pod, status: { ...pod?.status, conditions: [target] } } as Pod);
		await fixture.clock.advance(119_000);
		expect((await fixture.list(pods))[0]?.status?.conditions?.[0]?.status).toBe("True");
		await fixture.clock.advance(2000);
		expect((await fixture.list(pods))[0]?.status?.conditions?.[0]).toMatchObject({ type: "DisruptionTarget", status: "False" });
	});
});

test("a pod with several budgets is told", async () => {
	await makeBudget({ minAvailable: 1 });
	const other = { metadata: { namespace, name: "other" }, spec: { selector: {}, minAvailable: 1 } };
	await fixture.client.resource(podDisruptionBudgets).create(other);
	await fixture.settle();
	await makePods(1, {});
	expect(await fixture.events()).toContain(
		'Warning MultiplePodDisruptionBudgets Pod/web-0: Pod "default"/"web-0" matches multiple PodDisruptionBudgets.  Chose "guard" arbitrarily.',
	);
});
