/**
 * The workloads of kube-scheduler's own scheduler_perf, with its numbers, its names and the thresholds of its CI. Each stands here twice:
 * with 500 nodes, to see how the cost of a pod grows, and in the size that has a threshold.
 * Source: k8s.io/kubernetes/test/integration/scheduler_perf (the files performance-config.yaml and templates/)
 *
 * Not here: volumes of in-tree drivers (their migration is not simulated), workloads without a threshold that measure single events, and those of
 * dynamic resources and of pod groups.
 */
import type { KubeObject } from "../src/apimachinery/meta.ts";
import type { Affinity, LabelSelector, Node, Pod, PodAffinityTerm, PodSpec } from "../src/apimachinery/schema/generated/types.ts";
import type { Client } from "../src/client/client.ts";
import {
	csiNodes,
	namespaces,
	nodes as nodesRef,
	persistentVolumeClaims,
	persistentVolumes,
	pods as podsRef,
	type ResourceRef,
	services,
} from "../src/client/resources.ts";

export interface Workload {
	readonly name: string;
	readonly nodes: readonly Node[];
	/** What is there beside nodes and pods before the first pod comes. */
	readonly objects?: readonly Creation[];
	/** Pods that are placed before. */
	readonly initial?: readonly Pod[];
	/** Pods that are there before and get no node. */
	readonly waiting?: readonly Pod[];
	/** Pods that come with the measured ones and do not count. */
	readonly beside?: readonly Pod[];
	/** What goes on meanwhile. */
	readonly churn?: Churn;
	/** The ones that count. */
	readonly measured: readonly Pod[];
	/** Pods a second in upstream's CI, below which it complains. Absent: for comparison only. */
	readonly upstream?: number;
	/** Pods a second that kubesim promises; default: upstream's. */
	readonly promise?: number;
	/** What all of it may take in the end, MiB: server, store in memory, informers and scheduler. Absent: nobody looks. */
	readonly memoryPromiseMiB?: number;
}

export interface Churn {
	readonly everyMs: number;
	/** @param turn 0, 1, 2 … */
	readonly act: (client: Client, turn: number) => Promise<unknown>;
}

interface Creation {
	readonly ref: ResourceRef<KubeObject>;
	readonly object: KubeObject;
}

const zoneKey = "topology.kubernetes.io/zone";
const hostKey = "kubernetes.io/hostname";
const image = "registry.k8s.io/pause:3.10.1";

interface NodeShape {
	/** Taken in turns; absent: the nodes have no zone. */
	readonly zones?: readonly string[];
	readonly prefix?: string;
	readonly pods?: string;
	readonly capacity?: Readonly<Record<string, string>>;
	readonly taints?: NonNullable<Node["spec"]>["taints"];
}

function makeNodes(
	count: number,
	{ zones = [], prefix = "node", pods = "110", capacity = {}, taints = [] }: NodeShape = {},
): readonly Node[] {
	const resources = { cpu: "4", memory: "32Gi", pods, ...capacity };
	return Array.from({ length: count }, (_, index) => {
		const name = `${prefix}-${index}`;
		const zone = zones[index % zones.length];
		return {
			metadata: { name, labels: { [hostKey]: name, ...(zone === undefined ? {} : { [zoneKey]: zone }) } },
			...(taints.length === 0 ? {} : { spec: { taints } }),
			status: {
				capacity: resources,
				allocatable: resources,
				conditions: [{ type: "Ready", status: "True", reason: "KubeletReady" }],
			},
		};
	});
}

interface PodShape {
	readonly namespace?: string;
	readonly labels?: Readonly<Record<string, string>>;
	readonly finalizers?: readonly string[];
	/** Both requests and limits; null: the pod asks for nothing. */
	readonly resources?: Readonly<Record<string, string>> | null;
	readonly spec?: Partial<PodSpec> | ((index: number) => Partial<PodSpec>);
}

const usual = { cpu: "100m", memory: "500Mi" };

function makePods(
	prefix: string,
	count: number,
	{ namespace = "default", labels = {}, finalizers = [], resources = usual, spec = {} }: PodShape = {},
) {
	const amounts = resources === null ? {} : { ports: [{ containerPort: 80 }], resources: { requests: resources, limits: resources } };
	return Array.from(
		{ length: count },
		(_, index): Pod => ({
			metadata: { name: `${prefix}-${index}`, namespace, labels, ...(finalizers.length === 0 ? {} : { finalizers }) },
			spec: { containers: [{ name: "pause", image, ...amounts }], ...(typeof spec === "function" ? spec(index) : spec) },
		}),
	);
}

type TermScope = Pick<PodAffinityTerm, "namespaces" | "namespaceSelector">;

const bothNamespaces: TermScope = { namespaces: ["sched-1", "sched-0"] };
const devops: TermScope = { namespaceSelector: { matchLabels: { team: "devops" } } };

const term = (topologyKey: string, color: string, scope: TermScope): PodAffinityTerm => ({
	topologyKey,
	labelSelector: { matchLabels: { color } },
	...scope,
});
const required = (podAffinityTerm: PodAffinityTerm) => ({ requiredDuringSchedulingIgnoredDuringExecution: [podAffinityTerm] });
const preferred = (podAffinityTerm: PodAffinityTerm) => ({
	preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm }],
});

/** The pods of scheduler_perf's templates about affinity: their label and what they want. */
const apart = (scope: TermScope): PodShape => shaped("green", { podAntiAffinity: required(term(hostKey, "green", scope)) });
const together = (scope: TermScope): PodShape => shaped("blue", { podAffinity: required(term(zoneKey, "blue", scope)) });
const drawn = (scope: TermScope): PodShape => shaped("red", { podAffinity: preferred(term(hostKey, "red", scope)) });
const averse = (scope: TermScope): PodShape => shaped("yellow", { podAntiAffinity: preferred(term(hostKey, "yellow", scope)) });

function shaped(color: string, affinity: Affinity): PodShape {
	return { labels: { color }, spec: { affinity } };
}

const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): Creation => ({
	ref: namespaces,
	object: { metadata: { name, labels } },
});
const twoNamespaces = [namespace("sched-0"), namespace("sched-1")];

/** One size of a workload. */
interface Size {
	readonly nodes: number;
	readonly initial: number;
	readonly measured: number;
	readonly upstream?: number;
	readonly promise?: number;
}

const oneZone = ["zone1"];
const moons = ["moon-1", "moon-2", "moon-3"];

function basic(name: string, size: Size, shape: PodShape = {}, objects: readonly Creation[] = []): Workload {
	return {
		...{ name, ...promisesOf(size), objects, nodes: makeNodes(size.nodes) },
		initial: makePods("init", size.initial, shape),
		measured: makePods("pod", size.measured, shape),
	};
}

function promisesOf({ upstream, promise }: Size): Pick<Workload, "upstream" | "promise"> {
	return { ...(upstream === undefined ? {} : { upstream }), ...(promise === undefined ? {} : { promise }) };
}

/** Initial pods in one namespace, measured ones in another; the latter shaped as the former if nothing else is said. */
function affine(name: string, size: Size, shape: PodShape, measured: PodShape = shape, zones: readonly string[] = []): Workload {
	return {
		...{ name, ...promisesOf(size), objects: twoNamespaces, nodes: makeNodes(size.nodes, { zones }) },
		initial: makePods("init", size.initial, { ...shape, namespace: "sched-0" }),
		measured: makePods("pod", size.measured, { ...measured, namespace: "sched-1" }),
	};
}

/** Terms that speak of namespaces by their labels. @param each initial pods in each namespace */
function affineByNamespace(
	name: string,
	size: Size & { readonly namespaces: number },
	shape: PodShape,
	zones: readonly string[] = [],
): Workload {
	const names = Array.from({ length: size.namespaces }, (_, index) => `init-ns-${index}`);
	const labels = { team: "devops" };
	return {
		...{ name, ...promisesOf(size), nodes: makeNodes(size.nodes, { zones }) },
		objects: [...names, "measure-ns-0"].map((each) => namespace(each, labels)),
		initial: names.flatMap((each) => makePods("init", size.initial, { ...shape, namespace: each })),
		measured: makePods("pod", size.measured, { ...shape, namespace: "measure-ns-0" }),
	};
}

function spread(name: string, size: Size, whenUnsatisfiable: "DoNotSchedule" | "ScheduleAnyway"): Workload {
	const labelSelector: LabelSelector = { matchLabels: { color: "blue" } };
	return {
		...{ name, ...promisesOf(size), nodes: makeNodes(size.nodes, { zones: moons }) },
		initial: makePods("init", size.initial),
		measured: makePods("pod", size.measured, {
			labels: { color: "blue" },
			spec: { topologySpreadConstraints: [{ maxSkew: 5, topologyKey: zoneKey, whenUnsatisfiable, labelSelector }] },
		}),
	};
}

/** The system's default constraints, by the selector of a Service. */
function spreadByDefault(name: string, size: Size): Workload {
	const service = {
		metadata: { name: "service", namespace: "service-ns" },
		spec: { selector: { app: "scheduler-perf" }, ports: [{ port: 80 }] },
	};
	return {
		...{ name, ...promisesOf(size), nodes: makeNodes(size.nodes, { zones: moons }) },
		objects: [namespace("service-ns"), { ref: services, object: service }],
		initial: makePods("init", size.initial),
		measured: makePods("pod", size.measured, { namespace: "service-ns", labels: { app: "scheduler-perf" }, resources: null }),
	};
}

/** One node in five has a taint, and does not count as a domain for those who do not tolerate it. */
function spreadOverUntainted(name: string, size: Size): Workload {
	const labels = { foo: "bar" };
	const constraint = { maxSkew: 1, topologyKey: hostKey, whenUnsatisfiable: "DoNotSchedule", labelSelector: { matchLabels: labels } };
	const taints = [{ key: "foo", effect: "NoSchedule" }];
	return {
		...{ name, ...promisesOf(size) },
		nodes: [...makeNodes(size.nodes * 0.8), ...makeNodes(size.nodes * 0.2, { prefix: "taint-node", taints })],
		measured: makePods("pod", size.measured, {
			labels,
			spec: { topologySpreadConstraints: [{ ...constraint, nodeAffinityPolicy: "Honor", nodeTaintsPolicy: "Honor" }] },
		}),
	};
}

const inZones: Affinity = {
	nodeAffinity: {
		requiredDuringSchedulingIgnoredDuringExecution: {
			nodeSelectorTerms: [{ matchExpressions: [{ key: zoneKey, operator: "In", values: ["zone1", "zone2"] }] }],
		},
	},
};
const onNode = (name: string): Affinity => ({
	nodeAffinity: {
		requiredDuringSchedulingIgnoredDuringExecution: {
			nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] }],
		},
	},
});

function mixed(name: string, size: Size): Workload {
	const shapes: Readonly<Record<string, PodShape>> = {
		plain: {},
		together: together(bothNamespaces),
		apart: apart(bothNamespaces),
		drawn: drawn(bothNamespaces),
		averse: averse(bothNamespaces),
	};
	return {
		...{ name, ...promisesOf(size), objects: twoNamespaces, nodes: makeNodes(size.nodes, { zones: oneZone }) },
		initial: Object.entries(shapes).flatMap(([prefix, shape]) => makePods(prefix, size.initial, { ...shape, namespace: "sched-0" })),
		measured: makePods("pod", size.measured),
	};
}

const important: Partial<PodSpec> = { priority: 10 };
const tooBig: PodShape = { resources: { cpu: "9", memory: "500Mi" }, spec: important };

/** A pod that fits nowhere, five times a second. */
function besideUnschedulable(name: string, size: Size): Workload {
	const act = (client: Client, turn: number) =>
		Promise.all(makePods(`huge-${turn}`, 1, tooBig).map((pod) => client.resource(podsRef).create(pod)));
	return { ...basic(name, size), churn: { everyMs: 200, act } };
}

/** A pod for which three others have to go, five times a second. Nodes are nearly full; the measured pods fit beside. */
function besidePreemption(name: string, size: Size): Workload {
	const high: PodShape = { resources: { cpu: "3", memory: "500Mi" }, spec: important };
	const low: PodShape = { resources: { cpu: "900m", memory: "500Mi" }, spec: { terminationGracePeriodSeconds: 0 } };
	const act = (client: Client, turn: number) =>
		Promise.all(makePods(`high-${turn}`, 1, high).map((pod) => client.resource(podsRef).create(pod)));
	return { ...basic(name, size), initial: makePods("low", size.initial, low), churn: { everyMs: 200, act } };
}

/** Once a second a node, a pod that fits nowhere and a Service come, and go when their successors come. */
function besideChurn(name: string, size: Size): Workload {
	const [node] = makeNodes(1, { prefix: "churn", pods: "0", capacity: { cpu: "0", memory: "0" } });
	const [pod] = makePods("churn", 1, tooBig);
	const service = { metadata: { name: "churn", namespace: "default" }, spec: { selector: { app: "foo" }, ports: [{ port: 80 }] } };
	const created: readonly Creation[] = [
		...(node === undefined ? [] : [{ ref: nodesRef, object: node }]),
		...(pod === undefined ? [] : [{ ref: podsRef, object: pod }]),
		{ ref: services, object: service },
	];
	const act = async (client: Client, turn: number) => {
		for (const { ref, object } of created) {
			const { name: objectName = "", namespace: objectNamespace } = object.metadata ?? {};
			if (turn > 0) await client.resource(ref).delete({ name: objectName, namespace: objectNamespace }, { gracePeriodSeconds: 0 });
			await client.resource(ref).create(object);
		}
	};
	return { ...basic(name, size), churn: { everyMs: 1000, act } };
}

const bigNode = makeNodes(1, { prefix: "scheduler-perf", pods: "90000" });
const light: PodShape = { resources: null, spec: { terminationGracePeriodSeconds: 0 } };

/** Half of the pods are gated for ever; placed ones are deleted, fifty a second. */
function besideGated(name: string, { gated, deleted, ...size }: Size & { readonly gated: number; readonly deleted: number }): Workload {
	const deleting = makePods("deleting", deleted, light);
	return {
		...{ name, ...promisesOf(size), nodes: bigNode },
		initial: deleting,
		waiting: makePods("gated", gated, { resources: null, spec: { schedulingGates: [{ name: "test.k8s.io/hold" }] } }),
		churn: { everyMs: 20, act: (client, turn) => deletePod(client, deleting[turn]) },
		measured: makePods("pod", size.measured, light),
	};
}

async function deletePod(client: Client, pod: Pod | undefined): Promise<void> {
	const { name, namespace: podNamespace } = pod?.metadata ?? {};
	if (name !== undefined) await client.resource(podsRef).delete({ name, namespace: podNamespace });
}

/** Gated pods that speak of those that are placed: each placement is an event that might concern them. */
function besideGatedAffinity(name: string, { gated, ...size }: Size & { readonly gated: number }): Workload {
	const labels = { app: "scheduler-perf" };
	const podAffinity = required({ topologyKey: hostKey, labelSelector: { matchLabels: labels } });
	return {
		...{ name, ...promisesOf(size), nodes: bigNode },
		waiting: makePods("gated", gated, {
			...{ labels, resources: null },
			spec: { affinity: { podAffinity }, schedulingGates: [{ name: "scheduling-gate-1" }] },
		}),
		measured: makePods("pod", size.measured, { labels, resources: null }),
	};
}

/** Pods that are deleted while they wait, and stay for their finalizer; a hundred a second. */
function besideDeleted(name: string, size: Size): Workload {
	const beside = makePods("deleting", size.measured, { resources: null, finalizers: ["test.k8s.io/finalizer"] });
	return {
		...{ name, ...promisesOf(size), nodes: makeNodes(size.nodes), beside },
		churn: { everyMs: 10, act: (client, turn) => deletePod(client, beside[turn]) },
		measured: makePods("pod", size.measured, light),
	};
}

function onOneNode(name: string, size: Size): Workload {
	return {
		...{ name, ...promisesOf(size), nodes: [...bigNode, ...makeNodes(size.nodes)] },
		measured: makePods("pod", size.measured, { resources: null, spec: { affinity: onNode("scheduler-perf-0") } }),
	};
}

/** Each pod wants a resource of its own, which one node has. */
function withExtendedResource(name: string, size: Size): Workload {
	const nodes = Array.from({ length: size.nodes }, (_, index) =>
		makeNodes(1, { prefix: `node-${index}`, capacity: { [`foo.com/bar-${index}`]: "1" } }),
	).flat();
	const measured = Array.from({ length: size.measured }, (_, index) =>
		makePods(`pod-${index}`, 1, { resources: { [`foo.com/bar-${index}`]: "1" } }),
	).flat();
	return { name, ...promisesOf(size), nodes, measured };
}

/** Each pod has a disk of its own, already bound; nodes take 39. */
function withDisks(name: string, size: Size): Workload {
	const driver = "ebs.csi.aws.com";
	const nodes = makeNodes(size.nodes, { capacity: { [`attachable-volumes-csi-${driver}`]: "39" } });
	const withDisk = (pods: readonly Pod[]) => ({
		objects: pods.flatMap(({ metadata }): readonly Creation[] => diskOf(metadata?.name ?? "", driver)),
		pods: pods.map((pod): Pod => {
			const { name: claimName = "" } = pod.metadata ?? {};
			return { ...pod, spec: { containers: [], ...pod.spec, volumes: [{ name: "vol", persistentVolumeClaim: { claimName } }] } };
		}),
	});
	const initial = withDisk(makePods("init", size.initial));
	const measured = withDisk(makePods("pod", size.measured));
	const csi = nodes.map(({ metadata }): Creation => {
		const nodeName = metadata?.name ?? "";
		const drivers = [{ name: driver, nodeID: nodeName, allocatable: { count: 39 } }];
		return { ref: csiNodes, object: { metadata: { name: nodeName }, spec: { drivers } } as KubeObject };
	});
	return {
		...{ name, ...promisesOf(size), nodes, objects: [...csi, ...initial.objects, ...measured.objects] },
		...{ initial: initial.pods, measured: measured.pods },
	};
}

/** A volume and a claim that are bound to each other. */
function diskOf(name: string, driver: string): readonly Creation[] {
	const claim = {
		metadata: { name, namespace: "default", annotations: { "pv.kubernetes.io/bind-completed": "true" } },
		spec: { accessModes: ["ReadOnlyMany"], resources: { requests: { storage: "1Gi" } }, volumeName: name, storageClassName: "" },
	};
	const volume = {
		metadata: { name },
		spec: {
			accessModes: ["ReadOnlyMany"],
			capacity: { storage: "1Gi" },
			csi: { driver, volumeHandle: name },
			persistentVolumeReclaimPolicy: "Retain",
			claimRef: { namespace: "default", name, kind: "PersistentVolumeClaim", apiVersion: "v1" },
		},
	};
	return [
		{ ref: persistentVolumes, object: volume as KubeObject },
		{ ref: persistentVolumeClaims, object: claim as KubeObject },
	];
}

const secretVolume: PodShape = { spec: { volumes: [{ name: "secret", secret: { secretName: "secret" } }] } };

/** Made one by one, when their turn comes: they are hundreds of thousands of objects. */
export const workloads: Readonly<Record<string, (name: string) => Workload>> = {
	"SchedulingBasic/500Nodes": (name) => basic(name, { nodes: 500, initial: 500, measured: 1_000 }),
	"SchedulingBasic/5000Nodes_10000Pods": (name) =>
		basic(name, { nodes: 5_000, initial: 1_000, measured: 10_000, upstream: 680, promise: 2_000 }),
	"SchedulingBasic/5000Nodes_50000Pods": (name) => ({
		...basic(name, { nodes: 5_000, initial: 5_000, measured: 50_000, upstream: 810, promise: 2_000 }),
		memoryPromiseMiB: 2_048,
	}),
	"SchedulingPodAntiAffinity/500Nodes": (name) => affine(name, { nodes: 500, initial: 100, measured: 400 }, apart(bothNamespaces)),
	"SchedulingPodAntiAffinity/5000Nodes_2000Pods": (name) =>
		affine(name, { nodes: 5_000, initial: 1_000, measured: 2_000, upstream: 60 }, apart(bothNamespaces)),
	"SchedulingPodMatchingAntiAffinity/500Nodes": (name) =>
		affine(name, { nodes: 500, initial: 100, measured: 400 }, apart(bothNamespaces), { labels: { color: "green" } }),
	"SchedulingPodMatchingAntiAffinity/5000Nodes_5000Pods": (name) =>
		affine(name, { nodes: 5_000, initial: 1_000, measured: 5_000, upstream: 595 }, apart(bothNamespaces), { labels: { color: "green" } }),
	"SchedulingPodAffinity/500Nodes": (name) => {
		const shape = together(bothNamespaces);
		return affine(name, { nodes: 500, initial: 500, measured: 1_000 }, shape, shape, oneZone);
	},
	"SchedulingPodAffinity/5000Nodes_5000Pods": (name) => {
		const shape = together(bothNamespaces);
		return affine(name, { nodes: 5_000, initial: 5_000, measured: 5_000, upstream: 35 }, shape, shape, oneZone);
	},
	"SchedulingPreferredPodAffinity/500Nodes": (name) => affine(name, { nodes: 500, initial: 500, measured: 1_000 }, drawn(bothNamespaces)),
	"SchedulingPreferredPodAffinity/5000Nodes_5000Pods": (name) =>
		affine(name, { nodes: 5_000, initial: 5_000, measured: 5_000, upstream: 90 }, drawn(bothNamespaces)),
	"SchedulingPreferredPodAntiAffinity/500Nodes": (name) =>
		affine(name, { nodes: 500, initial: 500, measured: 1_000 }, averse(bothNamespaces)),
	"SchedulingPreferredPodAntiAffinity/5000Nodes_5000Pods": (name) =>
		affine(name, { nodes: 5_000, initial: 5_000, measured: 5_000, upstream: 90 }, averse(bothNamespaces)),
	"SchedulingNodeAffinity/500Nodes": (name) => byZone(name, { nodes: 500, initial: 500, measured: 1_000 }),
	"SchedulingNodeAffinity/5000Nodes_10000Pods": (name) => byZone(name, { nodes: 5_000, initial: 5_000, measured: 10_000, upstream: 220 }),
	"MixedSchedulingBasePod/500Nodes": (name) => mixed(name, { nodes: 500, initial: 200, measured: 1_000 }),
	"MixedSchedulingBasePod/5000Nodes_5000Pods": (name) => mixed(name, { nodes: 5_000, initial: 2_000, measured: 5_000, upstream: 140 }),
	"SchedulingRequiredPodAntiAffinityWithNSSelector/500Nodes": (name) =>
		affineByNamespace(name, { nodes: 500, namespaces: 10, initial: 4, measured: 100 }, apart(devops)),
	"SchedulingRequiredPodAntiAffinityWithNSSelector/5000Nodes_2000Pods": (name) =>
		affineByNamespace(name, { nodes: 6_000, namespaces: 100, initial: 40, measured: 2_000, upstream: 24 }, apart(devops)),
	"SchedulingPreferredAntiAffinityWithNSSelector/500Nodes": (name) =>
		affineByNamespace(name, { nodes: 500, namespaces: 10, initial: 4, measured: 100 }, averse(devops)),
	"SchedulingPreferredAntiAffinityWithNSSelector/5000Nodes_2000Pods": (name) =>
		affineByNamespace(name, { nodes: 5_000, namespaces: 100, initial: 40, measured: 2_000, upstream: 55 }, averse(devops)),
	"SchedulingRequiredPodAffinityWithNSSelector/500Nodes": (name) =>
		affineByNamespace(name, { nodes: 500, namespaces: 10, initial: 4, measured: 100 }, together(devops), oneZone),
	"SchedulingRequiredPodAffinityWithNSSelector/5000Nodes_2000Pods": (name) =>
		affineByNamespace(name, { nodes: 5_000, namespaces: 100, initial: 50, measured: 2_000, upstream: 35 }, together(devops), oneZone),
	"SchedulingPreferredAffinityWithNSSelector/500Nodes": (name) =>
		affineByNamespace(name, { nodes: 500, namespaces: 10, initial: 4, measured: 100 }, drawn(devops)),
	"SchedulingPreferredAffinityWithNSSelector/5000Nodes_5000Pods": (name) =>
		affineByNamespace(name, { nodes: 5_000, namespaces: 100, initial: 50, measured: 5_000, upstream: 90 }, drawn(devops)),
	"SchedulingGatedPodsWithPodAffinityImpactForThroughput/1Node_10000GatedPods": (name) =>
		besideGatedAffinity(name, { nodes: 1, gated: 10_000, initial: 0, measured: 20_000, upstream: 110 }),
	"TopologySpreading/500Nodes": (name) => spread(name, { nodes: 500, initial: 1_000, measured: 1_000 }, "DoNotSchedule"),
	"TopologySpreading/5000Nodes_5000Pods": (name) =>
		spread(name, { nodes: 5_000, initial: 5_000, measured: 5_000, upstream: 460 }, "DoNotSchedule"),
	"PreferredTopologySpreading/500Nodes": (name) => spread(name, { nodes: 500, initial: 1_000, measured: 1_000 }, "ScheduleAnyway"),
	"PreferredTopologySpreading/5000Nodes_5000Pods": (name) =>
		spread(name, { nodes: 5_000, initial: 5_000, measured: 5_000, upstream: 340 }, "ScheduleAnyway"),
	"DefaultTopologySpreading/500Nodes": (name) => spreadByDefault(name, { nodes: 500, initial: 1_000, measured: 1_000 }),
	"DefaultTopologySpreading/5000Nodes_50000Pods": (name) =>
		spreadByDefault(name, { nodes: 5_000, initial: 5_000, measured: 50_000, upstream: 160 }),
	"SchedulingWithNodeInclusionPolicy/500Nodes": (name) => spreadOverUntainted(name, { nodes: 500, initial: 0, measured: 400 }),
	"SchedulingWithNodeInclusionPolicy/5000Nodes": (name) =>
		spreadOverUntainted(name, { nodes: 5_000, initial: 0, measured: 4_000, upstream: 270 }),
	"SchedulingDaemonset/15000Nodes": (name) => onOneNode(name, { nodes: 15_000, initial: 0, measured: 30_000, upstream: 1_100 }),
	"PreemptionAsync/500Nodes": (name) => besidePreemption(name, { nodes: 500, initial: 2_000, measured: 500 }),
	"PreemptionAsync/5000Nodes": (name) => besidePreemption(name, { nodes: 5_000, initial: 20_000, measured: 5_000, upstream: 570 }),
	"Unschedulable/500Nodes": (name) => besideUnschedulable(name, { nodes: 500, initial: 10, measured: 1_000 }),
	"Unschedulable/5kNodes_100Init_10kPods": (name) =>
		besideUnschedulable(name, { nodes: 5_000, initial: 100, measured: 10_000, upstream: 590 }),
	"Unschedulable/5kNodes_20kInit_10kPods": (name) =>
		besideUnschedulable(name, { nodes: 5_000, initial: 20_000, measured: 10_000, upstream: 600 }),
	"SchedulingWithMixedChurn/1000Nodes": (name) => besideChurn(name, { nodes: 1_000, initial: 0, measured: 1_000 }),
	"SchedulingWithMixedChurn/5000Nodes_10000Pods": (name) =>
		besideChurn(name, { nodes: 5_000, initial: 0, measured: 10_000, upstream: 710 }),
	"SchedulingWhileGated/1Node_10000GatedPods": (name) =>
		besideGated(name, { nodes: 1, gated: 10_000, deleted: 20_000, initial: 0, measured: 20_000, upstream: 910 }),
	"SchedulingDeletedPodsWithFinalizers/1000Nodes": (name) => besideDeleted(name, { nodes: 1_000, initial: 0, measured: 1_000 }),
	"SchedulingDeletedPodsWithFinalizers/5000Nodes": (name) =>
		besideDeleted(name, { nodes: 5_000, initial: 0, measured: 5_000, upstream: 830 }),
	"SchedulingWithExtendedResource/500Nodes": (name) => withExtendedResource(name, { nodes: 500, initial: 0, measured: 500 }),
	"SchedulingWithExtendedResource/5000Nodes": (name) =>
		withExtendedResource(name, { nodes: 5_000, initial: 0, measured: 5_000, upstream: 180 }),
	"SchedulingSecrets/500Nodes": (name) => basic(name, { nodes: 500, initial: 500, measured: 1_000 }, secretVolume),
	"SchedulingSecrets/5000Nodes_10000Pods": (name) =>
		basic(name, { nodes: 5_000, initial: 1_000, measured: 10_000, upstream: 790 }, secretVolume),
	"SchedulingCSIPVs/500Nodes": (name) => withDisks(name, { nodes: 500, initial: 500, measured: 1_000 }),
	"SchedulingCSIPVs/5000Nodes_5000Pods": (name) => withDisks(name, { nodes: 5_000, initial: 5_000, measured: 5_000, upstream: 100 }),
};

function byZone(name: string, size: Size): Workload {
	return {
		...{ name, ...promisesOf(size), nodes: makeNodes(size.nodes, { zones: oneZone }) },
		initial: makePods("init", size.initial),
		measured: makePods("pod", size.measured, { spec: { affinity: inZones } }),
	};
}
