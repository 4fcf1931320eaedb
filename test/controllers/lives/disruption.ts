/** PodDisruptionBudgets. */
import fc from "fast-check";
import { jsonEqual } from "../../../src/apimachinery/json.ts";
import type { KubeObject } from "../../../src/apimachinery/meta.ts";
import type { PodDisruptionBudget, ReplicaSet } from "../../../src/apimachinery/schema/generated/types.ts";
import { podDisruptionBudgets, pods, replicaSets } from "../../../src/client/resources.ts";
import { disruptionController } from "../../../src/controllers/disruption/disruption-controller.ts";
import { isPodReady } from "../../../src/controllers/pod-state.ts";
import { replicaSetController } from "../../../src/controllers/replicaset/replicaset-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, isObserved, type Life, patching, toOneOf } from "../life.ts";

const budgetSpecs = fc.constantFrom<object>({ minAvailable: 1 }, { maxUnavailable: 1 }, { minAvailable: "50%" }, { maxUnavailable: 0 });

function budget(spec: object): PodDisruptionBudget {
	return { metadata: { name: "budget" }, spec: { selector: { matchLabels: { app: "web" } }, ...spec } };
}

function isCounted(cluster: TestCluster): boolean {
	const wanted = all(cluster, replicaSets).reduce((sum, { spec }) => sum + (spec?.replicas ?? 1), 0);
	const own = all(cluster, pods).filter(({ metadata }) => metadata?.labels?.app === "web");
	const healthy = own.filter((each) => isPodReady(each) && each.metadata?.deletionTimestamp === undefined).length;
	// The ReplicaSet has to have come to rest, too.
	if (own.length !== wanted) return false;
	return all(cluster, podDisruptionBudgets).every((each) => {
		const { minAvailable, maxUnavailable } = each.spec ?? {};
		const expected = typeof minAvailable === "number" ? own.length : own.length === 0 ? 0 : wanted;
		const desired =
			typeof maxUnavailable === "number"
				? Math.max(0, expected - maxUnavailable)
				: typeof minAvailable === "string"
					? Math.ceil(expected / 2)
					: Number(minAvailable);
		const { expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed } = each.status ?? {};
		const allowed = expected <= 0 ? 0 : Math.max(0, healthy - desired);
		return (
			isObserved(each) &&
			jsonEqual([expectedPods, desiredHealthy, currentHealthy, disruptionsAllowed], [expected, desired, healthy, allowed])
		);
	});
}

const evicted = fc.nat(5).map((which) =>
	toOneOf(pods, which, "evict", ({ metadata }, { client }) => {
		const { name = "" } = metadata ?? {};
		const eviction: KubeObject = { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace: "default", name } };
		return client.resource(pods).createSubresource({ namespace: "default", name }, "eviction", eviction);
	}),
);

const webSet = (replicas: number): ReplicaSet => {
	const labels = { app: "web" };
	const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 5, containers: [{ name: "c", image: "i" }] } };
	return { metadata: { name: "web" }, spec: { replicas, selector: { matchLabels: labels }, template } };
};

const disruptionLife: Life = {
	controller: () => disruptionController,
	companions: () => [replicaSetController],
	machines: true,
	prepare: ({ client }) => client.resource(replicaSets).create({ ...webSet(2), metadata: { namespace: "default", name: "web" } }),
	actions: fc.oneof(
		{ weight: 3, arbitrary: budgetSpecs.map((spec) => creating(podDisruptionBudgets, budget(spec))) },
		{ weight: 1, arbitrary: fc.constant(deleting(podDisruptionBudgets, "budget")) },
		{ weight: 3, arbitrary: fc.nat(3).map((replicas) => patching(replicaSets, "web", { spec: { replicas } })) },
		{ weight: 3, arbitrary: evicted },
	),
	converged: isCounted,
	// Pods wake it, as upstream, and ReplicaSets do not: one whose size comes late is counted when all is looked at again.
	within: "25h",
	owns: ({ kind }) => kind === "PodDisruptionBudget" || kind === "Pod",
};

export const disruptionLives: Readonly<Record<string, Life>> = {
	"disruption-controller": disruptionLife,
};
