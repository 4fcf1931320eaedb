/**
 * The Node and Lease objects as a kubelet writes them. Pure.
 * Source: pkg/kubelet/nodestatus/setters.go, https://kubernetes.io/docs/reference/node/node-status/
 */
import { kubernetesVersion } from "../../apimachinery/kubernetes-version.ts";
import type { CSINode, Lease, Node, NodeCondition, NodeStatus, NodeSystemInfo, Taint } from "../../apimachinery/schema/generated/types.ts";
import { diskDriver, maxVolumesPerNode, zoneLabel } from "../../apimachinery/storage/disk-driver.ts";
import { formatMicroTime, formatTime } from "../../apimachinery/time.ts";
import { kernelVersion } from "../../host/index.ts";

export const osImage = "Debian GNU/Linux 13 (trixie)";
const containerRuntimeVersion = "containerd://2.1.4";
export const leaseNamespace = "kube-node-lease";
/** A lease not renewed for so long makes its node NotReady. */
const leaseDurationSeconds = 40;

interface NodeIdentity {
	readonly machineId: string;
	readonly systemUuid: string;
	readonly bootId: string;
}

/** Annotation of a Node whose machine has version 1 of cgroups: `"1"`. */
export const cgroupVersionAnnotation = "kubesim.dev/cgroup-version";

/** Of a Node's event `CgroupV1`. Source: pkg/kubelet/kubelet_linux.go, KEP-5573 */
export const olderCgroupsWarning = "cgroup v1 support is unsupported and will be removed in a future release, please migrate to cgroup v2";

export interface NodeDescription {
	readonly name: string;
	/** That its machine has mounted. */
	readonly cgroupVersion: 1 | 2;
	readonly labels: Readonly<Record<string, string>>;
	readonly annotations: Readonly<Record<string, string>>;
	readonly taints: readonly Taint[];
	/** Quantities. */
	readonly capacity: Readonly<Record<string, string>>;
	readonly address: string;
	readonly podCidr: string;
	readonly identity: NodeIdentity;
}

/** What a simulated node has unless told otherwise. */
export const defaultCapacity: Readonly<Record<string, string>> = {
	cpu: "4",
	"ephemeral-storage": "100Gi",
	"hugepages-1Gi": "0",
	"hugepages-2Mi": "0",
	memory: "8Gi",
	pods: "110",
};

/** How a node is, beside what it has. */
export interface NodeHealth {
	/** MemoryPressure, DiskPressure, PIDPressure: those that there are. */
	readonly pressures: readonly string[];
	/** Why it is not ready; undefined: it is. */
	readonly notReady: string | undefined;
}

const healthy: NodeHealth = { pressures: [], notReady: undefined };

const pressureTexts = [
	["MemoryPressure", "Memory", "memory available"],
	["DiskPressure", "Disk", "disk pressure"],
	["PIDPressure", "PID", "PID available"],
] as const;

/** The reason of an event about a pressure that began or ended: `NodeHasInsufficientMemory`. */
export function pressureEvent(pressure: string, isUnder: boolean): string {
	const subject = pressureTexts.find(([type]) => type === pressure)?.[1] ?? pressure;
	if (subject === "Disk") return isUnder ? "NodeHasDiskPressure" : "NodeHasNoDiskPressure";
	return `NodeHas${isUnder ? "Insufficient" : "Sufficient"}${subject}`;
}

/** Type, status, reason, message. */
type ConditionTexts = readonly [string, "True" | "False", string, string];

function conditionTexts({ pressures, notReady }: NodeHealth): readonly ConditionTexts[] {
	const ofPressures = pressureTexts.map(([type, , subject]) => {
		const isUnder = pressures.includes(type);
		const what = type === "DiskPressure" ? (isUnder ? "" : "no ") : isUnder ? "insufficient " : "sufficient ";
		return [
			type,
			isUnder ? "True" : "False",
			pressureEvent(type, isUnder).replace("Node", "Kubelet"),
			`kubelet has ${what}${subject}`,
		] as const;
	});
	const ready =
		notReady === undefined
			? (["Ready", "True", "KubeletReady", "kubelet is posting ready status"] as const)
			: (["Ready", "False", "KubeletNotReady", notReady] as const);
	return [...ofPressures, ready];
}

/** Nearly always: every node has the same texts in memory. */
const healthyTexts = conditionTexts(healthy);

export function nodeObject(node: NodeDescription, nowMs: number): Node {
	return {
		apiVersion: "v1",
		kind: "Node",
		metadata: {
			name: node.name,
			labels: {
				"beta.kubernetes.io/arch": "amd64",
				"beta.kubernetes.io/os": "linux",
				"kubernetes.io/arch": "amd64",
				"kubernetes.io/hostname": node.name,
				"kubernetes.io/os": "linux",
				...node.labels,
			},
			annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true", ...node.annotations },
		},
		spec: {
			podCIDR: node.podCidr,
			podCIDRs: [node.podCidr],
			...(node.taints.length === 0 ? {} : { taints: node.taints }),
		},
		status: nodeStatus(node, [], undefined, nowMs),
	};
}

/** @param before the conditions last reported: their transition times stay as long as their status does. */
export function nodeStatus(
	node: NodeDescription,
	images: readonly NodeImage[],
	before: readonly NodeCondition[] | undefined,
	nowMs: number,
	health: NodeHealth = healthy,
): NodeStatus {
	const now = formatTime(nowMs);
	return {
		addresses: [
			{ type: "InternalIP", address: node.address },
			{ type: "Hostname", address: node.name },
		],
		capacity: node.capacity,
		allocatable: node.capacity,
		conditions: (isHealthy(health) ? healthyTexts : conditionTexts(health)).map(([type, status, reason, message]) => {
			const known = before?.find((condition) => condition.type === type);
			const lastTransitionTime = known?.status === status ? (known.lastTransitionTime ?? now) : now;
			return { type, status, lastHeartbeatTime: now, lastTransitionTime, reason, message };
		}),
		daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
		images: images.map(({ names, sizeBytes }) => ({ names, sizeBytes })),
		nodeInfo: nodeInfo(node.identity),
	};
}

function isHealthy({ pressures, notReady }: NodeHealth): boolean {
	return pressures.length === 0 && notReady === undefined;
}

export interface NodeImage {
	readonly names: readonly string[];
	readonly sizeBytes: number;
}

function nodeInfo({ machineId, systemUuid, bootId }: NodeIdentity): NodeSystemInfo {
	return {
		architecture: "amd64",
		bootID: bootId,
		containerRuntimeVersion,
		kernelVersion,
		kubeProxyVersion: "",
		kubeletVersion: kubernetesVersion,
		machineID: machineId,
		operatingSystem: "linux",
		osImage,
		systemUUID: systemUuid,
	};
}

/** What the CSI drivers of a node say of it: where its disks can come from, and how many it can have. */
export function csiNodeObject({ metadata }: Node): CSINode {
	const { name = "", uid = "", labels } = metadata ?? {};
	const topologyKeys = labels?.[zoneLabel] === undefined ? [] : [zoneLabel];
	return {
		apiVersion: "storage.k8s.io/v1",
		kind: "CSINode",
		metadata: { name, ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }] },
		spec: {
			drivers: [
				{
					name: diskDriver,
					nodeID: name,
					...(topologyKeys.length === 0 ? {} : { topologyKeys }),
					allocatable: { count: maxVolumesPerNode },
				},
			],
		},
	};
}

export function leaseObject(node: Node, nowMs: number): Lease {
	const { name = "", uid = "" } = node.metadata ?? {};
	return {
		apiVersion: "coordination.k8s.io/v1",
		kind: "Lease",
		metadata: { name, namespace: leaseNamespace, ownerReferences: [{ apiVersion: "v1", kind: "Node", name, uid }] },
		spec: { holderIdentity: name, leaseDurationSeconds, renewTime: formatMicroTime(nowMs) },
	};
}
