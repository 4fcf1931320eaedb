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
	{
		name: "a claim has its volume before the volume knows of it",
		controller: "persistentvolume-binder-controller",
		file: "controllers/persistentvolume/binding-writes.ts",
		from: "const taken = bindVolume(volume, claim);",
		to: "const taken = volume;",
		breaks: /^invariant: c\d is bound to what is not its own/,
	},
	{
		name: "what is to be kept is deleted",
		controller: "persistentvolume-binder-controller",
		file: "controllers/persistentvolume/volume-sync.ts",
		from: "switch (policyOf(released)) {",
		to: 'switch (policyOf(released).replace("Retain", "Delete")) {',
		breaks: /^invariant: v\d is deleted, which was to be kept/,
	},
	{
		name: "volumes are used again and not emptied",
		controller: "persistentvolume-binder-controller",
		file: "controllers/persistentvolume/recycler.ts",
		from: "const users = this.#usersOf(volume);",
		to: 'const users = this.#usersOf(volume); if (users.length === 0) return { kind: "done" };',
		breaks: /^invariant: v\d is free again with what is on it/,
	},
	{
		name: "what was just attached and does not show yet is attached to another node, too",
		controller: "persistentvolume-attach-detach-controller",
		file: "controllers/persistentvolume/attachments.ts",
		from: "return unseen.length === 0 ? known : [...known, ...unseen];",
		to: "return known;",
		breaks: /^invariant: own is attached to .* at once/,
		runs: 2_500,
	},
	{
		name: "what is in use is detached",
		controller: "persistentvolume-attach-detach-controller",
		file: "controllers/persistentvolume/attach-plan.ts",
		from: "if (node === undefined || node.status?.volumesInUse?.includes(volume) !== true) return undefined;",
		to: "if (node?.status !== undefined) return undefined;",
		breaks: /^invariant: (own|shared) is detached from n\d, where it is mounted/,
	},
	{
		name: "a node that has said meanwhile that it needs a disk is not heeded",
		controller: "persistentvolume-attach-detach-controller",
		file: "controllers/persistentvolume/attach-detach-controller.ts",
		from: "await this.#showAttached(attachment.spec.nodeName, { isStrict: true });",
		to: "await this.#showAttached(attachment.spec.nodeName);",
		breaks: /^invariant: (own|shared) is detached from n\d, where it is mounted/,
		runs: 2_500,
	},
	{
		name: "disks are made away from the node that was chosen",
		controller: "kubesim-csi-driver",
		file: "controllers/csi-driver/provisioner.ts",
		from: "const zone = node.metadata?.labels?.[zoneLabel];",
		to: 'const zone = node.metadata?.labels === undefined ? undefined : "north";',
		breaks: /^invariant: pvc-\S+ is made in north/,
	},
	{
		name: "a chosen node that is gone is not given back",
		controller: "kubesim-csi-driver",
		file: "controllers/csi-driver/provisioner.ts",
		from: "if (error instanceof ProvisioningError && error.needsNode) await takeNodeBack(claim);",
		to: "",
		breaks: /^converges/,
	},
	{
		name: "a claim whose volume is not known yet is forgotten",
		controller: "persistentvolume-expander-controller",
		file: "controllers/persistentvolume/expand-controller.ts",
		from: "if (volume === undefined) throw",
		to: "if (volume === undefined) return; if (volume.metadata === undefined) throw",
		breaks: /^converges/,
	},
	{
		name: "the upper bound is not heeded",
		controller: "horizontal-pod-autoscaler-controller",
		file: "controllers/horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts",
		from: "bounds: { min: minReplicas, max: maxReplicas },",
		to: "bounds: { min: minReplicas, max: maxReplicas + 1 },",
		breaks: /^invariant: it is scaled to \d/,
	},
	{
		name: "it grows without need",
		controller: "horizontal-pod-autoscaler-controller",
		file: "controllers/horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts",
		from: "proposedReplicas: wish.replicas,",
		to: "proposedReplicas: wish.replicas > current ? wish.replicas + 2 : wish.replicas,",
		breaks: /^invariant: it grows from \d to \d/,
	},
	{
		name: "it shrinks under the load",
		controller: "horizontal-pod-autoscaler-controller",
		file: "controllers/horizontal-pod-autoscaler/horizontal-pod-autoscaler-controller.ts",
		from: "proposedReplicas: wish.replicas,",
		to: "proposedReplicas: wish.replicas < current ? Math.max(1, wish.replicas - 2) : wish.replicas,",
		breaks: /^invariant: it shrinks from \d to \d/,
	},
	{
		name: "a range goes whose addresses are in use",
		controller: "service-cidr-controller",
		file: "controllers/service-cidr-controller.ts",
		from: "if (isNeeded(range, staying, addresses.cache.list())) {",
		to: "if (isNeeded(range, staying, [])) {",
		breaks: /^invariant: \w+ is gone, and addresses of it are in use/,
	},
	{
		name: "of two ranges that have an address each relies on the other",
		controller: "service-cidr-controller",
		file: "controllers/service-cidr-controller.ts",
		from: 'freed.add(range.metadata?.uid ?? "");',
		to: "",
		breaks: /^invariant: \w+ is gone, and addresses of it are in use/,
		runs: 1_500,
	},
];
