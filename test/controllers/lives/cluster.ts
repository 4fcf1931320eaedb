/** Controllers of what a cluster is made of: Services' endpoints, nodes, disruptions, storage. */
import fc from "fast-check";
import { jsonEqual } from "../../../src/apimachinery/json.ts";
import type { KubeObject } from "../../../src/apimachinery/meta.ts";
import type {
	EndpointSlice,
	Endpoints,
	Node,
	PersistentVolume,
	PersistentVolumeClaim,
	Pod,
	PodDisruptionBudget,
	ReplicaSet,
	Service,
	Toleration,
} from "../../../src/apimachinery/schema/generated/types.ts";
import { StatusError } from "../../../src/apimachinery/status-error.ts";
import { formatTime } from "../../../src/apimachinery/time.ts";
import {
	endpointSlices,
	endpoints,
	leases,
	nodes,
	persistentVolumeClaims,
	persistentVolumes,
	podDisruptionBudgets,
	pods,
	replicaSets,
	services,
} from "../../../src/client/resources.ts";
import { disruptionController } from "../../../src/controllers/disruption/disruption-controller.ts";
import { endpointsController } from "../../../src/controllers/endpoints/endpoints-controller.ts";
import { endpointSliceController } from "../../../src/controllers/endpointslice/endpointslice-controller.ts";
import { endpointSliceMirroringController } from "../../../src/controllers/endpointslice-mirroring/endpointslice-mirroring-controller.ts";
import { nodeIpamController } from "../../../src/controllers/node-ipam-controller.ts";
import { nodeLifecycleController } from "../../../src/controllers/node-lifecycle/node-lifecycle-controller.ts";
import { ephemeralVolumeController } from "../../../src/controllers/persistentvolume/ephemeral-volume-controller.ts";
import { podGarbageCollector } from "../../../src/controllers/pod-garbage-collector.ts";
import { isPodReady, isPodTerminal } from "../../../src/controllers/pod-state.ts";
import { replicaSetController } from "../../../src/controllers/replicaset/replicaset-controller.ts";
import { AddressPool, defaultAddressPool } from "../../../src/controllers/service-lb/address-pool.ts";
import { serviceLoadBalancerController } from "../../../src/controllers/service-lb/service-lb-controller.ts";
import { pvProtectionController } from "../../../src/controllers/storage-protection/pv-protection-controller.ts";
import { pvcProtectionController } from "../../../src/controllers/storage-protection/pvc-protection-controller.ts";
import { taintEvictionController } from "../../../src/controllers/taint-eviction/taint-eviction-controller.ts";
import type { TestCluster } from "../../../src/testbench/test-cluster.ts";
import type { TimelineEntry } from "../../../src/testbench/timeline.ts";
import { all, creating, deleting, isObserved, type Life, makeNamespace, patching, toOneOf } from "../life.ts";

const podDeleted = fc
	.nat(5)
	.map((which) =>
		toOneOf(pods, which, "delete", ({ metadata }, { client }) =>
			client.resource(pods).delete({ namespace: metadata?.namespace, name: metadata?.name ?? "" }),
		),
	);

function pod(name: string, app: string, spec: Partial<NonNullable<Pod["spec"]>> = {}): Pod {
	return {
		metadata: { name, labels: { app } },
		spec: { terminationGracePeriodSeconds: 5, containers: [{ name: "c", image: "i" }], ...spec },
	};
}

const apps = ["web", "db"];
const podNames = ["p0", "p1", "p2"];
const app = fc.constantFrom(...apps);
const podName = fc.constantFrom(...podNames);
const relabelled = fc.tuple(podName, app).map(([name, its]) => patching(pods, name, { metadata: { labels: { app: its } } }));

// ── Endpoints and EndpointSlices ──

const serviceNames = fc.constantFrom("s0", "s1");

function service(name: string, its: string): Service {
	return { metadata: { name }, spec: { selector: { app: its }, ports: [{ port: 80, targetPort: 8080 }] } };
}

const serviceActions = [
	{ weight: 3, arbitrary: fc.tuple(serviceNames, app).map(([name, its]) => creating(services, service(name, its))) },
	{
		weight: 1,
		arbitrary: fc.tuple(serviceNames, app).map(([name, its]) => patching(services, name, { spec: { selector: { app: its } } })),
	},
	{ weight: 1, arbitrary: serviceNames.map((name) => deleting(services, name)) },
	{ weight: 5, arbitrary: fc.tuple(podName, app).map(([name, its]) => creating(pods, pod(name, its))) },
	{ weight: 2, arbitrary: podDeleted },
	{ weight: 1, arbitrary: relabelled },
];

/** `ip ready`, for every pod behind the Service that has an address. */
function behind(cluster: TestCluster, { spec }: Service): readonly string[] {
	return all(cluster, pods)
		.filter(({ metadata, status }) => metadata?.labels?.app === spec?.selector?.app && status?.podIP !== undefined)
		.filter((each) => !isPodTerminal(each))
		.map((each) => `${each.status?.podIP} ${isPodReady(each) && each.metadata?.deletionTimestamp === undefined}`)
		.sort();
}

function haveEndpoints(cluster: TestCluster): boolean {
	const known = all(cluster, endpoints);
	const isRight = (each: Service) => {
		const found = known.find(({ metadata }) => metadata?.name === each.metadata?.name);
		const subsets = found?.subsets ?? [];
		const addresses = subsets.flatMap(({ addresses: ready = [], notReadyAddresses = [] }) => [
			...ready.map(({ ip }) => `${ip} true`),
			...notReadyAddresses.map(({ ip }) => `${ip} false`),
		]);
		// Of what is being deleted the older API says nothing.
		const alive = all(cluster, pods).filter(({ metadata }) => metadata?.deletionTimestamp === undefined);
		const wanted = behind(cluster, each).filter((line) => alive.some(({ status }) => line.startsWith(`${status?.podIP} `)));
		return found !== undefined && jsonEqual(addresses.sort(), wanted);
	};
	return all(cluster, services).every(isRight) && known.length === all(cluster, services).length;
}

const endpointsLife: Life = {
	controller: () => endpointsController,
	machines: true,
	actions: fc.oneof(...serviceActions, { weight: 1, arbitrary: serviceNames.map((name) => deleting(endpoints, name)) }),
	converged: haveEndpoints,
	owns: ({ kind }) => kind === "Endpoints",
};

function haveSlices(cluster: TestCluster): boolean {
	const known: readonly EndpointSlice[] = all(cluster, endpointSlices);
	return all(cluster, services).every((each) => {
		const own = known.filter(({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uid === each.metadata?.uid));
		const found = own.flatMap((slice) =>
			(slice.endpoints ?? []).map(({ addresses, conditions }) => `${addresses[0]} ${conditions?.ready === true}`),
		);
		return own.length > 0 && jsonEqual(found.sort(), behind(cluster, each));
	});
}

const endpointSliceLife: Life = {
	controller: () => endpointSliceController,
	machines: true,
	prepare: ({ client }) => client.resource(nodes).create({ metadata: { name: "node-1" } }),
	actions: fc.oneof(...serviceActions, {
		weight: 1,
		arbitrary: fc
			.nat(2)
			.map((which) =>
				toOneOf(endpointSlices, which, "delete", ({ metadata }, { client }) =>
					client.resource(endpointSlices).delete({ namespace: "default", name: metadata?.name ?? "" }),
				),
			),
	}),
	converged: haveSlices,
	owns: ({ kind }) => kind === "EndpointSlice",
	// Made and deleted between two lists: it is missed until all is looked at again.
	within: "25h",
};

// ── Nodes ──

const nodeNames = ["node-1", "node-2", "node-3"];
const leaseNamespace = "kube-node-lease";
const heartbeatMs = 40_000;
const stopped = "example.com/stopped";

/** Every node but those that were stopped renews its Lease, and says that it is ready when it reads otherwise. */
async function beatHearts(cluster: TestCluster): Promise<void> {
	await makeNamespace(cluster, leaseNamespace);
	const ignore = (error: unknown) => {
		if (!(error instanceof StatusError)) throw error;
	};
	const beat = async ({ metadata, status }: Node) => {
		const { name = "" } = metadata ?? {};
		const renewTime = formatTime(cluster.clock.now()).replace("Z", ".000000Z");
		const client = cluster.client.resource(leases);
		const hasOne = all(cluster, leases).some((lease) => lease.metadata?.name === name);
		if (hasOne) await client.patch({ namespace: leaseNamespace, name }, "application/merge-patch+json", { spec: { renewTime } });
		else await client.create({ metadata: { namespace: leaseNamespace, name }, spec: { holderIdentity: name, renewTime } });
		if (!status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True")) await sayReady(cluster, name);
	};
	const all_ = () => {
		for (const node of all(cluster, nodes)) if (node.metadata?.annotations?.[stopped] === undefined) void beat(node).catch(ignore);
	};
	cluster.clock.setInterval(all_, heartbeatMs);
	await cluster.client.resource(nodes).create({ metadata: { name: "node-1" } });
	await beat(all(cluster, nodes)[0] ?? {});
}

function sayReady(cluster: TestCluster, name: string): Promise<unknown> {
	const now = formatTime(cluster.clock.now());
	const condition = { type: "Ready", status: "True", reason: "KubeletReady", lastHeartbeatTime: now, lastTransitionTime: now };
	const body = { status: { conditions: [condition] } };
	return cluster.client.resource(nodes).patch({ name }, "application/strategic-merge-patch+json", body, { subresource: "status" });
}

/** Nodes say what they are, and are tainted for it. */
function areJudged(cluster: TestCluster): boolean {
	return all(cluster, nodes).every(({ metadata, spec, status }) => {
		const isStopped = metadata?.annotations?.[stopped] !== undefined;
		const ready = status?.conditions?.find(({ type }) => type === "Ready")?.status;
		const has = (key: string, effect: string) => spec?.taints?.some((taint) => taint.key === key && taint.effect === effect) === true;
		const unreachable = has("node.kubernetes.io/unreachable", "NoExecute") && has("node.kubernetes.io/unreachable", "NoSchedule");
		const isCordoned = has("node.kubernetes.io/unschedulable", "NoSchedule");
		if (isCordoned !== (spec?.unschedulable === true)) return false;
		if (isStopped) return ready === "Unknown" && unreachable;
		return (
			ready === "True" && !(spec?.taints ?? []).some(({ key }) => key.startsWith("node.kubernetes.io/") && !key.endsWith("unschedulable"))
		);
	});
}

/** The first node never stops: if all did, nobody would be evicted. */
const mortal = fc.constantFrom("node-2", "node-3");

const nodeLifecycleLife: Life = {
	controller: () => nodeLifecycleController,
	prepare: beatHearts,
	actions: fc.oneof(
		{ weight: 3, arbitrary: mortal.map((name) => creating(nodes, { metadata: { name } })) },
		{ weight: 3, arbitrary: mortal.map((name) => patching(nodes, name, { metadata: { annotations: { [stopped]: "yes" } } })) },
		{ weight: 2, arbitrary: mortal.map((name) => patching(nodes, name, { metadata: { annotations: { [stopped]: null } } })) },
		{ weight: 1, arbitrary: mortal.map((name) => deleting(nodes, name)) },
		{
			weight: 1,
			arbitrary: fc
				.tuple(fc.constantFrom(...nodeNames), fc.boolean())
				.map(([name, unschedulable]) => patching(nodes, name, { spec: { unschedulable } })),
		},
		{ weight: 1, arbitrary: mortal.map((name) => patching(nodes, name, { spec: { taints: null } })) },
	),
	converged: areJudged,
	within: "10m",
	quietFor: "2m",
	owns: ({ kind }) => kind === "Node" || kind === "Pod",
};

const staysFor: readonly (readonly [string, Toleration | undefined])[] = [
	["goes", undefined],
	["waits", { key: "k", operator: "Exists", effect: "NoExecute", tolerationSeconds: 20 }],
	["stays", { key: "k", operator: "Exists", effect: "NoExecute" }],
];

const taintEvictionLife: Life = {
	controller: () => taintEvictionController,
	machines: true,
	prepare: ({ client }) => client.resource(nodes).create({ metadata: { name: "node-1" } }),
	actions: fc.oneof(
		{
			weight: 4,
			arbitrary: fc
				.tuple(fc.constantFrom(...staysFor), fc.constantFrom(...nodeNames))
				.map(([[name, toleration], nodeName]) =>
					creating(
						pods,
						pod(`${name}-${nodeName}`, "web", { nodeName, ...(toleration === undefined ? {} : { tolerations: [toleration] }) }),
					),
				),
		},
		{
			weight: 4,
			arbitrary: fc
				.tuple(fc.constantFrom(...nodeNames), fc.constantFrom(null, "NoExecute", "NoSchedule"))
				.map(([name, effect]) => patching(nodes, name, { spec: { taints: effect === null ? null : [{ key: "k", effect }] } })),
		},
		{ weight: 2, arbitrary: fc.constantFrom(...nodeNames).map((name) => creating(nodes, { metadata: { name } })) },
	),
	converged: (cluster) => {
		const tainted = all(cluster, nodes)
			.filter(({ spec }) => spec?.taints?.some(({ effect }) => effect === "NoExecute"))
			.map(({ metadata }) => metadata?.name);
		return all(cluster, pods).every(({ metadata, spec }) => metadata?.name?.startsWith("stays") || !tainted.includes(spec?.nodeName));
	},
	invariant: () => {
		return ({ kind, name, object }) => {
			const isGoing = object.metadata?.deletionTimestamp !== undefined;
			if (kind === "Pod" && isGoing && name.startsWith("stays")) throw new Error(`${name} is evicted, which tolerates everything`);
		};
	},
	owns: ({ kind }) => kind === "Pod",
};

const podGcLife: Life = {
	controller: () => podGarbageCollector,
	actions: fc.oneof(
		{
			weight: 3,
			arbitrary: fc
				.tuple(podName, fc.constantFrom(...nodeNames, ""))
				.map(([name, nodeName]) => creating(pods, pod(name, "web", nodeName === "" ? {} : { nodeName }))),
		},
		{ weight: 1, arbitrary: podDeleted },
		{ weight: 2, arbitrary: fc.constantFrom(...nodeNames).map((name) => creating(nodes, { metadata: { name } })) },
		{ weight: 2, arbitrary: fc.constantFrom(...nodeNames).map((name) => deleting(nodes, name)) },
	),
	// Nobody stops containers here: what is being deleted on a node that is there stays.
	converged: (cluster) => {
		const known = all(cluster, nodes).map(({ metadata }) => metadata?.name);
		return all(cluster, pods).every(({ spec }) => spec?.nodeName === undefined || known.includes(spec.nodeName));
	},
	owns: ({ kind }) => kind === "Pod",
};

// ── Disruptions ──

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

// ── Claims and volumes in use ──

const claimNames = fc.constantFrom("c0", "c1");
const protection = "kubernetes.io/pvc-protection";

function claim(name: string): PersistentVolumeClaim {
	return { metadata: { name }, spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } };
}

function usesClaim({ spec }: Pod, name: string | undefined): boolean {
	const isNamed = spec?.volumes?.some((volume) => volume.persistentVolumeClaim?.claimName === name) === true;
	return isNamed && (spec?.nodeName ?? "") !== "";
}

/** Who used the claim when its deletion began has to be gone before it goes. */
function isKept(cluster: TestCluster): (entry: TimelineEntry) => void {
	const users = new Map<string, readonly string[]>();
	return ({ kind, type, object }) => {
		if (kind !== "PersistentVolumeClaim") return;
		const { uid = "", name, deletionTimestamp, finalizers = [] } = object.metadata ?? {};
		const present = all(cluster, pods).filter((each) => usesClaim(each, name));
		if (deletionTimestamp !== undefined && !users.has(uid) && finalizers.includes(protection))
			users.set(
				uid,
				present.map((each) => each.metadata?.uid ?? ""),
			);
		const isUsed = present.some((each) => users.get(uid)?.includes(each.metadata?.uid ?? ""));
		if (type === "DELETED" && isUsed) throw new Error(`${name} goes while a pod uses it`);
	};
}

const pvcLife: Life = {
	controller: () => pvcProtectionController,
	machines: true,
	actions: fc.oneof(
		{ weight: 4, arbitrary: claimNames.map((name) => creating(persistentVolumeClaims, claim(name))) },
		{
			weight: 4,
			arbitrary: fc
				.tuple(podName, claimNames)
				.map(([name, claimName]) => creating(pods, pod(name, "web", { volumes: [{ name: "v", persistentVolumeClaim: { claimName } }] }))),
		},
		{ weight: 3, arbitrary: claimNames.map((name) => deleting(persistentVolumeClaims, name)) },
		{ weight: 2, arbitrary: podDeleted },
		{ weight: 1, arbitrary: fc.constant(creating(persistentVolumeClaims, claim("loose"))) },
		{ weight: 1, arbitrary: fc.constant(patching(persistentVolumeClaims, "loose", { metadata: { finalizers: null } })) },
	),
	converged: (cluster) =>
		all(cluster, persistentVolumeClaims).every(({ metadata }) => {
			if (!metadata?.finalizers?.includes(protection)) return false;
			return metadata.deletionTimestamp === undefined || all(cluster, pods).some((each) => usesClaim(each, metadata.name));
		}),
	invariant: isKept,
	owns: ({ kind }) => kind === "PersistentVolumeClaim",
};

const volumeNames = fc.constantFrom("v0", "v1");

function volume(name: string): PersistentVolume {
	return {
		metadata: { name },
		spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: "", hostPath: { path: "/data" } },
	};
}

const pvLife: Life = {
	controller: () => pvProtectionController,
	actions: fc.oneof(
		volumeNames.map((name) => creating(persistentVolumes, volume(name))),
		volumeNames.map((name) => deleting(persistentVolumes, name)),
		fc
			.tuple(volumeNames, fc.constantFrom("Available", "Bound", "Released"))
			.map(([name, phase]) => patching(persistentVolumes, name, { status: { phase } }, "status")),
		volumeNames.map((name) => patching(persistentVolumes, name, { metadata: { finalizers: null } })),
	),
	converged: (cluster) =>
		all(cluster, persistentVolumes).every(
			({ metadata, status }) =>
				metadata?.finalizers?.includes("kubernetes.io/pv-protection") &&
				(metadata.deletionTimestamp === undefined || status?.phase === "Bound"),
		),
	owns: ({ kind }) => kind === "PersistentVolume",
};

// ── What pods and Services are given ──

const scratch: Partial<NonNullable<Pod["spec"]>> = {
	volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: claim("").spec ?? {} } } }],
};

const ephemeralLife: Life = {
	controller: () => ephemeralVolumeController,
	machines: true,
	actions: fc.oneof(
		{ weight: 4, arbitrary: podName.map((name) => creating(pods, pod(name, "web", scratch))) },
		{ weight: 2, arbitrary: podDeleted },
		{ weight: 2, arbitrary: podName.map((name) => deleting(persistentVolumeClaims, `${name}-scratch`)) },
		// Its finalizer is another controller's to take away.
		{
			weight: 2,
			arbitrary: podName.map((name) => patching(persistentVolumeClaims, `${name}-scratch`, { metadata: { finalizers: null } })),
		},
	),
	// One that is of a pod of this name that is gone is in the way until somebody collects it.
	converged: (cluster) => {
		const claims = all(cluster, persistentVolumeClaims);
		return all(cluster, pods).every(
			(each) =>
				each.metadata?.deletionTimestamp !== undefined ||
				claims.some(({ metadata }) => metadata?.name === `${each.metadata?.name}-scratch`),
		);
	},
	// Made and deleted between two lists: it is missed until all is looked at again.
	within: "25h",
	owns: ({ kind, type }) => kind === "PersistentVolumeClaim" && type === "ADDED",
};

const balanced = (name: string): Service => ({ metadata: { name }, spec: { type: "LoadBalancer", ports: [{ port: 80 }] } });
const cleanup = "service.kubernetes.io/load-balancer-cleanup";

const loadBalancerLife: Life = {
	controller: () => serviceLoadBalancerController(new AddressPool(defaultAddressPool)),
	actions: fc.oneof(
		{ weight: 4, arbitrary: serviceNames.map((name) => creating(services, balanced(name))) },
		{ weight: 2, arbitrary: serviceNames.map((name) => deleting(services, name)) },
		{
			weight: 3,
			arbitrary: fc
				.tuple(serviceNames, fc.constantFrom("LoadBalancer", "ClusterIP"))
				.map(([name, type]) => patching(services, name, { spec: { type } })),
		},
	),
	converged: (cluster) =>
		all(cluster, services).every(({ metadata, spec, status }) => {
			const has = (status?.loadBalancer?.ingress ?? []).length > 0;
			const isHeld = metadata?.finalizers?.includes(cleanup) === true;
			const wants = spec?.type === "LoadBalancer" && metadata?.deletionTimestamp === undefined;
			return metadata?.deletionTimestamp === undefined && has === wants && isHeld === wants;
		}),
	invariant: (cluster) => {
		return ({ kind }) => {
			if (kind !== "Service") return;
			const given = all(cluster, services).flatMap(({ status }) => (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip));
			if (new Set(given).size < given.length) throw new Error("two Services have one address");
		};
	},
	owns: ({ kind }) => kind === "Service",
};

const byHand = (name: string, ips: readonly string[], labels = {}): Endpoints => ({
	metadata: { name, labels },
	subsets: [{ addresses: ips.map((ip) => ({ ip })), ports: [{ name: "http", port: 8080 }] }],
});
const skipMirror = "endpointslice.kubernetes.io/skip-mirror";
const addresses = fc.uniqueArray(fc.constantFrom("192.0.2.1", "192.0.2.2", "192.0.2.3"), { minLength: 1, maxLength: 3 });

/** Endpoints that somebody writes for Services without a selector, which come and go by themselves. */
const mirroringLife: Life = {
	controller: () => endpointSliceMirroringController,
	actions: fc.oneof(
		{
			weight: 3,
			arbitrary: fc
				.tuple(serviceNames, fc.boolean())
				.map(([name, selects]) =>
					creating(services, { metadata: { name }, spec: { ports: [{ port: 80 }], ...(selects ? { selector: { app: name } } : {}) } }),
				),
		},
		{ weight: 4, arbitrary: fc.tuple(serviceNames, addresses).map(([name, ips]) => creating(endpoints, byHand(name, ips))) },
		{
			weight: 3,
			arbitrary: fc.tuple(serviceNames, addresses).map(([name, ips]) => patching(endpoints, name, { subsets: byHand(name, ips).subsets })),
		},
		{
			weight: 1,
			arbitrary: fc
				.tuple(serviceNames, fc.constantFrom("true", null))
				.map(([name, value]) => patching(endpoints, name, { metadata: { labels: { [skipMirror]: value } } })),
		},
		{ weight: 2, arbitrary: serviceNames.map((name) => deleting(endpoints, name)) },
		{ weight: 2, arbitrary: serviceNames.map((name) => deleting(services, name)) },
	),
	converged: (cluster) => {
		const selectorless = new Set(
			all(cluster, services)
				.filter(({ spec }) => spec?.selector === undefined)
				.map(({ metadata }) => metadata?.name),
		);
		const wanted = all(cluster, endpoints)
			.filter(({ metadata }) => selectorless.has(metadata?.name) && metadata?.labels?.[skipMirror] !== "true")
			.map(({ metadata, subsets }) => [metadata?.name, subsets?.flatMap(({ addresses: ready = [] }) => ready.map(({ ip }) => ip)).sort()]);
		const mirrored = all(cluster, endpointSlices).map(({ metadata, endpoints: listed }) => [
			metadata?.labels?.["kubernetes.io/service-name"],
			(listed ?? []).flatMap(({ addresses: ips }) => ips).sort(),
		]);
		const inOrder = (list: readonly unknown[]) => list.map((each) => JSON.stringify(each)).sort();
		return jsonEqual(inOrder(wanted), inOrder(mirrored));
	},
	owns: ({ kind }) => kind === "EndpointSlice",
	// Endpoints that went unseen between two lists leave their slices to the garbage collector, or until all is looked at again.
	within: "25h",
};

/** Nodes that somebody else registers, some with a range of their own. */
const nodeIpamLife: Life = {
	controller: () => nodeIpamController("10.8.0.0/21"),
	actions: fc.oneof(
		{
			weight: 4,
			arbitrary: fc.tuple(fc.nat(9), fc.option(fc.nat(7), { nil: undefined, freq: 4 })).map(([which, range]) =>
				creating(nodes, {
					metadata: { name: `n${which}` },
					...(range === undefined ? {} : { spec: { podCIDR: `10.8.${range}.0/24`, podCIDRs: [`10.8.${range}.0/24`] } }),
				}),
			),
		},
		{ weight: 3, arbitrary: fc.nat(9).map((which) => deleting(nodes, `n${which}`)) },
	),
	converged: (cluster) => {
		const present = all(cluster, nodes);
		const ranges = present.flatMap(({ spec }) => spec?.podCIDRs ?? []);
		// There are eight: who finds none waits.
		return present.every(({ spec }) => spec?.podCIDR !== undefined) || new Set(ranges).size === 8;
	},
	owns: ({ kind }) => kind === "Node",
};

export const clusterLives: Readonly<Record<string, Life>> = {
	"endpointslice-mirroring-controller": mirroringLife,
	"node-ipam-controller": nodeIpamLife,
	"endpoints-controller": endpointsLife,
	"endpointslice-controller": endpointSliceLife,
	"node-lifecycle-controller": nodeLifecycleLife,
	"taint-eviction-controller": taintEvictionLife,
	"pod-garbage-collector-controller": podGcLife,
	"disruption-controller": disruptionLife,
	"persistentvolumeclaim-protection-controller": pvcLife,
	"persistentvolume-protection-controller": pvLife,
	"ephemeral-volume-controller": ephemeralLife,
	"service-lb-controller": loadBalancerLife,
};
