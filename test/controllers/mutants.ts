/**
 * Variants of the built-in controllers with one defect each, made by a text replaced while they are loaded, and the property that has
 * to notice. What a property cannot notice it does not promise: there is at least one for every property, and one for every way in
 * which a controller commonly goes wrong.
 */

import type { Mutation } from "../tools/mutated-modules.ts";

export interface Mutant extends Mutation {
	/** Whose life is to fail. */
	readonly controller: string;
	/** The property that does not hold any more. */
	readonly breaks: RegExp;
	/** Lives until it is noticed, at most; of one that only some of them show. Default 400. */
	readonly runs?: number;
}

/** @param message of a condition that it has no need of. @param againMs when it looks again */
function lookedAt(message: string, againMs = "undefined"): Pick<Mutant, "file" | "from" | "to"> {
	return {
		file: "controllers/replicaset/replicaset-controller.ts",
		from: "const { status, nextAvailableMs } = planReplicaStatus(owner, observed);",
		to: `
			const nextAvailableMs = ${againMs};
			const condition = { type: "LookedAt", status: "True", message: ${message} };
			const status = { ...planReplicaStatus(owner, observed).status, conditions: [condition] };`,
	};
}

export const mutants: readonly Mutant[] = [
	{
		name: "a failed creation is not tried again",
		controller: "replicaset-controller",
		file: "controllers/replicaset/replicaset-controller.ts",
		from: "if (failure !== undefined) throw failure.error;",
		to: "",
		breaks: /^converges/,
	},
	{
		name: "creations are not expected: the cache is behind, and all pods are made twice",
		controller: "job-controller",
		file: "client/expectations.ts",
		from: "return this.expireInMs(controller) === 0;",
		to: "return true;",
		breaks: /^invariant: \d pods run at once/,
	},
	{
		name: "what was made and deleted unseen is waited for, for ever",
		controller: "statefulset-controller",
		file: "controllers/statefulset/statefulset-controller.ts",
		from: "if (!this.#expectations.satisfied(key)) return requeueAfter(this.#expectations.expireInMs(key));",
		to: "if (!this.#expectations.satisfied(key)) return undefined;",
		breaks: /^converges/,
	},
	{
		name: "the surge is not heeded",
		controller: "deployment-controller",
		file: "controllers/deployment/scaling.ts",
		from: "const room = wanted + maxSurge(deployment) - total;",
		to: "const room = wanted + 1 + maxSurge(deployment) - total;",
		breaks: /^invariant: its ReplicaSets are to have/,
	},
	{
		name: "pods that do not serve yet are counted as serving, and more go than may",
		controller: "deployment-controller",
		file: "controllers/deployment/scaling.ts",
		from: "take(sum(allReplicaSets(rollout), certainlyAvailable) - minAvailable, (_replicaSet, size) => size);",
		to: "take(sum(allReplicaSets(rollout), specReplicas) - minAvailable, (_replicaSet, size) => size);",
		breaks: /^invariant: \d pods are available/,
		// Only lives in which no answer is lost are judged by it.
		runs: 2_500,
	},
	{
		name: "the ordinals do not wait for each other",
		controller: "statefulset-controller",
		file: "controllers/statefulset/plan.ts",
		from: 'const isParallel = observed.set.spec?.podManagementPolicy === "Parallel";',
		to: "const isParallel = true;",
		breaks: /^invariant: web-\d is made before/,
	},
	{
		name: "a condition of its status speaks of the version that it was made from",
		controller: "replicaset-controller",
		...lookedAt("owner.metadata.resourceVersion"),
		breaks: /^no hot loop/,
	},
	{
		name: "a condition of its status says when it was last looked at, each minute",
		controller: "replicaset-controller",
		...lookedAt("String(Math.floor(this.#context.clock.now() / 60_000))", "60_000"),
		breaks: /^quiescent/,
	},
	{
		name: "a condition of its status says when the process began to run",
		controller: "replicaset-controller",
		...lookedAt("String((this.#queue.startMs ??= this.#context.clock.now()))"),
		breaks: /^idempotent/,
	},
	{
		name: "it sees to namespaces of the user's other accounts, too",
		controller: "serviceaccount-controller",
		file: "controllers/service-account-controller.ts",
		from: 'const defaultName = "default";',
		to: 'const defaultName = "other";',
		breaks: /^ownership/,
	},
	{
		name: "owners that the cache does not know are taken for gone",
		controller: "garbage-collector-controller",
		file: "controllers/garbage-collector/garbage-collector.ts",
		from: "if (solid.length === owners.length) return;",
		to: "if (solid.length === owners.length || owners.length === 1) return;",
		breaks: /^converges/,
	},
];
