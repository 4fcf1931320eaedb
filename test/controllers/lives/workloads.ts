/** Controllers of what runs for ever: Deployments, ReplicaSets, ReplicationControllers, StatefulSets, DaemonSets. */
import fc from "fast-check";
import { jsonEqual } from "../../../src/apimachinery/json.ts";
import type { KubeObject } from "../../../src/apimachinery/meta.ts";
import type {
	ControllerRevision,
	DaemonSet,
	Deployment,
	Pod,
	PodTemplateSpec,
	ReplicaSet,
	ReplicationController,
	StatefulSet,
} from "../../../src/apimachinery/schema/generated/types.ts";
import {
	controllerRevisions,
	daemonSets,
	deployments,
	nodes,
	pods,
	type ResourceRef,
	replicaSets,
	replicationControllers,
	statefulSets,
} from "../../../src/client/resources.ts";
import type { TimelineEntry } from "../../../src/cluster/timeline/timeline.ts";
import { daemonSetController } from "../../../src/controllers/daemonset/daemonset-controller.ts";
import { deploymentController } from "../../../src/controllers/deployment/deployment-controller.ts";
import { isPodActive, isPodReady } from "../../../src/controllers/pod-state.ts";
import { replicaSetController, replicationControllerController } from "../../../src/controllers/replicaset/replicaset-controller.ts";
import { statefulSetController } from "../../../src/controllers/statefulset/statefulset-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import { all, creating, deleting, isObserved, isOwnedBy, knowsItsDeeds, type Life, patching, toOneOf } from "../life.ts";

const labels = { app: "web" };
const selector = { matchLabels: labels };

function template(image: string): PodTemplateSpec {
	return { metadata: { labels }, spec: { terminationGracePeriodSeconds: 5, containers: [{ name: "c", image }] } };
}

const image = fc.constantFrom("v1", "v2", "v3");
const replicas = fc.nat(4);
const podDeleted = fc
	.nat(7)
	.map((which) =>
		toOneOf(pods, which, "delete", ({ metadata }, { client }) =>
			client.resource(pods).delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" }),
		),
	);

function ownedPods(present: readonly Pod[], owner: KubeObject): readonly Pod[] {
	return present.filter((pod) => isOwnedBy(pod, owner) && isPodActive(pod));
}

// ── ReplicaSets and ReplicationControllers ──

type Replicated = ReplicaSet | ReplicationController;

function hasItsPods(cluster: TestCluster, ref: ResourceRef<Replicated>): boolean {
	const allPods = all(cluster, pods);
	return all(cluster, ref).every((owner) => {
		const own = ownedPods(allPods, owner);
		const { replicas: count = 0, readyReplicas = 0, availableReplicas = 0 } = owner.status ?? {};
		const wanted = owner.spec?.replicas ?? 1;
		return isObserved(owner) && own.length === wanted && [count, readyReplicas, availableReplicas].every((each) => each === wanted);
	});
}

function replicaLife(ref: ResourceRef<Replicated>, controller: Life["controller"], podSelector: object): Life {
	const object = (count: number): Replicated =>
		({ metadata: { name: "web" }, spec: { replicas: count, selector: podSelector, template: template("v1") } }) as Replicated;
	const orphan: Pod = { metadata: { name: "orphan", labels }, spec: { containers: [{ name: "c", image: "v0" }] } };
	/** An owner of the right name that is not there any more. */
	const strangersPod: Pod = {
		...orphan,
		metadata: {
			name: "stranger",
			labels,
			ownerReferences: [
				{ apiVersion: "apps/v1", kind: ref.kind, name: "web", uid: "00000000-0000-4000-8000-000000000000", controller: true },
			],
		},
	};
	return {
		controller,
		machines: true,
		actions: fc.oneof(
			{ weight: 3, arbitrary: replicas.map((count) => creating(ref, object(count), `create with ${count} replicas`)) },
			{ weight: 3, arbitrary: replicas.map((count) => patching(ref, "web", { spec: { replicas: count } })) },
			{ weight: 1, arbitrary: fc.constant(deleting(ref, "web", "Background")) },
			{ weight: 2, arbitrary: podDeleted },
			{ weight: 1, arbitrary: fc.constantFrom(creating(pods, orphan), creating(pods, strangersPod)) },
			{
				weight: 1,
				arbitrary: fc.nat(5).map((which) =>
					toOneOf(pods, which, "relabel", ({ metadata }, { client }) => {
						const app = metadata?.labels?.app === "web" ? "other" : "web";
						const body = { metadata: { labels: { app } } };
						return client.resource(pods).patch({ namespace: "default", name: metadata?.name ?? "" }, "application/merge-patch+json", body);
					}),
				),
			},
		),
		converged: (cluster) => hasItsPods(cluster, ref),
		owns: ({ kind }) => kind === ref.kind || kind === "Pod",
	};
}

// ── Deployments ──

const strategies = [
	{ type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
	{ type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
	{ type: "RollingUpdate", rollingUpdate: { maxSurge: "50%", maxUnavailable: "25%" } },
	{ type: "Recreate" },
];

const deployment = fc.record({ count: replicas, image, strategy: fc.constantFrom(...strategies) }).map(
	({ count, image: its, strategy }): Deployment => ({
		metadata: { name: "web" },
		spec: { replicas: count, revisionHistoryLimit: 1, selector, strategy, template: template(its) } as NonNullable<Deployment["spec"]>,
	}),
);

function isRolledOut(cluster: TestCluster): boolean {
	const sets = all(cluster, replicaSets);
	return all(cluster, deployments).every((each) => {
		const own = sets.filter((set) => isOwnedBy(set, each));
		const { replicas: count = 0, readyReplicas = 0, availableReplicas = 0, updatedReplicas = 0 } = each.status ?? {};
		const specs = own.reduce((sum, { spec }) => sum + (spec?.replicas ?? 0), 0);
		if (!isObserved(each) || count !== specs || readyReplicas !== specs || availableReplicas !== specs) return false;
		// In the middle of a rollout there may be more of them, or fewer.
		if (each.spec?.paused === true) return true;
		const wanted = each.spec?.replicas ?? 1;
		if (specs !== wanted) return false;
		const isNew = ({ spec }: ReplicaSet) => jsonEqual(spec?.template?.spec, each.spec?.template.spec);
		const old = own.filter((set) => !isNew(set));
		return updatedReplicas === wanted && own.length - old.length === 1 && old.every(({ spec }) => spec?.replicas === 0) && old.length <= 1;
	});
}

/** What a rolling update may cost: of all the specs that a Deployment has had, the one that allows most. */
function rolloutIsSafe(cluster: TestCluster): (entry: TimelineEntry) => void {
	let uid: string | undefined;
	let mostPods = 0;
	let leastAvailable = Number.POSITIVE_INFINITY;
	let hasBeenAvailable = false;
	const isSure = knowsItsDeeds(cluster);
	const limits = ({ spec }: Deployment): { readonly most: number; readonly least: number } => {
		const wanted = spec?.replicas ?? 1;
		if (spec?.strategy?.type === "Recreate") return { most: wanted, least: 0 };
		const share = (value: number | string | undefined, round: (x: number) => number) =>
			typeof value === "string" ? round((Number.parseInt(value, 10) * wanted) / 100) : (value ?? 0);
		const surge = share(spec?.strategy?.rollingUpdate?.maxSurge, Math.ceil);
		const unavailable = share(spec?.strategy?.rollingUpdate?.maxUnavailable, Math.floor);
		return { most: wanted + surge, least: wanted - (surge === 0 ? Math.max(1, unavailable) : unavailable) };
	};
	return ({ kind, type, object }) => {
		const sure = isSure();
		if (kind === "Deployment") {
			if (object.metadata?.uid !== uid || type === "DELETED") {
				uid = type === "DELETED" ? undefined : object.metadata?.uid;
				mostPods = 0;
				leastAvailable = Number.POSITIVE_INFINITY;
				hasBeenAvailable = false;
			}
			const { most, least } = limits(object as Deployment);
			mostPods = Math.max(mostPods, most);
			leastAvailable = Math.min(leastAvailable, least);
		}
		if (uid === undefined || (kind !== "Pod" && kind !== "ReplicaSet")) return;
		const own = all(cluster, replicaSets).filter((set) => set.metadata?.ownerReferences?.some((owner) => owner.uid === uid));
		const specs = own.reduce((sum, { spec }) => sum + (spec?.replicas ?? 0), 0);
		if (specs > mostPods && sure) throw new Error(`its ReplicaSets are to have ${specs} pods, of at most ${mostPods}`);
		const allPods = all(cluster, pods);
		const available = own.flatMap((set) => ownedPods(allPods, set)).filter(isPodReady).length;
		if (available >= leastAvailable) hasBeenAvailable = true;
		else if (hasBeenAvailable && sure) throw new Error(`${available} pods are available, of at least ${leastAvailable}`);
	};
}

const deploymentLife: Life = {
	controller: () => deploymentController,
	companions: () => [replicaSetController],
	machines: true,
	actions: fc.oneof(
		{ weight: 3, arbitrary: deployment.map((each) => creating(deployments, each)) },
		{
			weight: 4,
			arbitrary: image.map((its) =>
				patching(deployments, "web", { spec: { template: { spec: { containers: [{ name: "c", image: its }] } } } }),
			),
		},
		{ weight: 3, arbitrary: replicas.map((count) => patching(deployments, "web", { spec: { replicas: count } })) },
		{ weight: 1, arbitrary: fc.boolean().map((paused) => patching(deployments, "web", { spec: { paused } })) },
		{ weight: 1, arbitrary: fc.constant(deleting(deployments, "web")) },
	),
	converged: isRolledOut,
	invariant: rolloutIsSafe,
	owns: ({ kind }) => kind === "Deployment" || kind === "ReplicaSet",
};

// ── StatefulSets ──

function hasItsOrdinals(cluster: TestCluster): boolean {
	const allPods = all(cluster, pods);
	const revisions = all(cluster, controllerRevisions);
	return all(cluster, statefulSets).every((set) => {
		const wanted = set.spec?.replicas ?? 1;
		const own = ownedPods(allPods, set);
		const names = own.map(({ metadata }) => metadata?.name).sort();
		const { replicas: count = 0, readyReplicas = 0, currentRevision, updateRevision } = set.status ?? {};
		const isUpToDate = own.every(({ spec }) => spec?.containers[0]?.image === set.spec?.template.spec?.containers[0]?.image);
		return (
			isObserved(set) &&
			jsonEqual(
				names,
				Array.from({ length: wanted }, (_, ordinal) => `web-${ordinal}`),
			) &&
			count === wanted &&
			readyReplicas === wanted &&
			isUpToDate &&
			// Nothing is rolled out of a set without pods, so that it may still name the revision before.
			(currentRevision === updateRevision || wanted === 0) &&
			revisions.filter((revision) => isOwnedBy(revision, set)).length <= 3
		);
	});
}

/** OrderedReady: a pod is made when those below it have been ready. That they still are, a cache that is behind cannot tell. */
function ordinalsAreInOrder(cluster: TestCluster): (entry: TimelineEntry) => void {
	const haveBeenReady = new Set<string>();
	return ({ kind, type, object }) => {
		if (kind !== "Pod") return;
		const { name = "" } = object.metadata ?? {};
		if (isPodReady(object as Pod)) haveBeenReady.add(name);
		const set = all(cluster, statefulSets).find((each) => isOwnedBy(object, each));
		if (type !== "ADDED" || set === undefined || set.spec?.podManagementPolicy === "Parallel") return;
		const ordinal = Number(name.split("-").at(-1));
		const early = Array.from({ length: ordinal }, (_, below) => `web-${below}`).find((below) => !haveBeenReady.has(below));
		if (early !== undefined) throw new Error(`${name} is made before ${early} has been ready`);
	};
}

const statefulSet = fc.record({ count: replicas, image, podManagementPolicy: fc.constantFrom("OrderedReady", "Parallel") }).map(
	({ count, image: its, podManagementPolicy }): StatefulSet => ({
		metadata: { name: "web" },
		spec: { replicas: count, revisionHistoryLimit: 1, serviceName: "web", podManagementPolicy, selector, template: template(its) },
	}),
);

const statefulSetLife: Life = {
	controller: () => statefulSetController,
	machines: true,
	actions: fc.oneof(
		{ weight: 3, arbitrary: statefulSet.map((each) => creating(statefulSets, each)) },
		{
			weight: 3,
			arbitrary: image.map((its) =>
				patching(statefulSets, "web", { spec: { template: { spec: { containers: [{ name: "c", image: its }] } } } }),
			),
		},
		{ weight: 3, arbitrary: replicas.map((count) => patching(statefulSets, "web", { spec: { replicas: count } })) },
		{ weight: 1, arbitrary: podDeleted },
	),
	converged: hasItsOrdinals,
	invariant: ordinalsAreInOrder,
	owns: ({ kind }) => kind === "StatefulSet" || kind === "Pod" || kind === "ControllerRevision" || kind === "PersistentVolumeClaim",
};

// ── DaemonSets ──

const nodeNames = ["node-1", "node-2", "node-3"];

function isOnItsNodes(cluster: TestCluster): boolean {
	const allPods = all(cluster, pods);
	const wanted = all(cluster, nodes)
		.filter(({ spec }) => (spec?.taints ?? []).length === 0)
		.map(({ metadata }) => metadata?.name);
	const revisions: readonly ControllerRevision[] = all(cluster, controllerRevisions);
	return all(cluster, daemonSets).every((set) => {
		const own = ownedPods(allPods, set).filter(({ spec }) => wanted.includes(spec?.nodeName));
		const image = set.spec?.template.spec?.containers[0]?.image;
		const { desiredNumberScheduled, numberReady, updatedNumberScheduled = 0 } = set.status ?? {};
		const counts = [desiredNumberScheduled, numberReady, updatedNumberScheduled];
		return (
			isObserved(set) &&
			jsonEqual(own.map(({ spec }) => spec?.nodeName).sort(), [...wanted].sort()) &&
			own.every(({ spec }) => spec?.containers[0]?.image === image) &&
			counts.every((count) => count === wanted.length) &&
			revisions.filter((revision) => isOwnedBy(revision, set)).length <= 3
		);
	});
}

const daemonSet = fc.record({ image, limits: fc.constantFrom({ maxUnavailable: 1 }, { maxUnavailable: 0, maxSurge: 1 }) }).map(
	({ image: its, limits }): DaemonSet => ({
		metadata: { name: "web" },
		spec: {
			revisionHistoryLimit: 1,
			selector,
			updateStrategy: { type: "RollingUpdate", rollingUpdate: limits },
			template: template(its),
		},
	}),
);

const daemonSetLife: Life = {
	controller: () => daemonSetController,
	machines: true,
	prepare: ({ client }) => client.resource(nodes).create({ metadata: { name: "node-1" } }),
	actions: fc.oneof(
		{ weight: 4, arbitrary: daemonSet.map((each) => creating(daemonSets, each)) },
		{
			weight: 3,
			arbitrary: image.map((its) =>
				patching(daemonSets, "web", { spec: { template: { spec: { containers: [{ name: "c", image: its }] } } } }),
			),
		},
		{ weight: 2, arbitrary: fc.constantFrom(...nodeNames).map((name) => creating(nodes, { metadata: { name } })) },
		{
			weight: 1,
			arbitrary: fc
				.tuple(fc.constantFrom(...nodeNames), fc.constantFrom(null, "NoExecute"))
				.map(([name, effect]) => patching(nodes, name, { spec: { taints: effect === null ? null : [{ key: "k", effect }] } })),
		},
		{ weight: 1, arbitrary: podDeleted },
	),
	converged: isOnItsNodes,
	owns: ({ kind }) => kind === "DaemonSet" || kind === "Pod" || kind === "ControllerRevision",
};

export const workloadLives: Readonly<Record<string, Life>> = {
	"deployment-controller": deploymentLife,
	"replicaset-controller": replicaLife(replicaSets as ResourceRef<Replicated>, () => replicaSetController, selector),
	"replicationcontroller-controller": replicaLife(
		replicationControllers as ResourceRef<Replicated>,
		() => replicationControllerController,
		labels,
	),
	"statefulset-controller": statefulSetLife,
	"daemonset-controller": daemonSetLife,
};
