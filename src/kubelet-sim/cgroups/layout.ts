/**
 * Where the kubelet and containerd put pods and containers in the tree of cgroups, what the kubelet asks of the runtime, and what is written
 * there. Pure.
 *
 *   /kubepods.slice                                          all pods
 *     /kubepods-burstable.slice, /kubepods-besteffort.slice    by quality of service; guaranteed ones stand beside them
 *       /kubepods-burstable-pod<uid>.slice                       a pod: what its containers may have together
 *         /cri-containerd-<id>.scope                               a container, or the sandbox
 *
 * (systemd as the driver; with cgroupfs /kubepods/burstable/pod<uid>/<id>.)
 * Source: pkg/kubelet/cm/{helpers_linux,qos_container_manager_linux,cgroup_manager_linux}.go and pkg/kubelet/qos/policy.go of Kubernetes 1.36;
 * the weight of shares: github.com/opencontainers/cgroups (as of runc 1.3.2)
 */
import { quantityToInteger, quantityToMilli } from "../../apimachinery/quantity.ts";
import type { Container, EphemeralContainer, Pod, ResourceRequirements } from "../../apimachinery/schema/generated/types.ts";
import { isNodeCriticalPod } from "../admission/critical-pods.ts";

export type CgroupDriver = "systemd" | "cgroupfs";

const minShares = 2;
const sharesPerCore = 1024;
/** Of CPU quotas, microseconds. */
const periodUs = 100_000;
const minQuotaUs = 1_000;

/** Of the sandbox's pause process: the kernel takes it last. */
export const pauseOomScoreAdj = -998;
const guaranteedOomScoreAdj = -997;
const bestEffortOomScoreAdj = 1000;

export function milliCpuToShares(milliCpu: number): number {
	return Math.max(minShares, Math.floor((milliCpu * sharesPerCore) / 1000));
}

/** `cpu.weight` of version 2 for the shares of version 1: 1 to 10000, 100 for a core. */
export function weightOfShares(shares: number): number {
	if (shares <= 2) return 1;
	if (shares >= 262_144) return 10_000;
	const exponent = Math.log2(shares);
	const weight = 10 ** ((exponent * exponent + 125 * exponent) / 612 - 7 / 34);
	// 1024 is 100 exactly, whatever rounding makes of it.
	return Math.ceil(Number(weight.toFixed(9)));
}

function quotaOf(milliCpu: number): number {
	return Math.max(minQuotaUs, Math.floor((milliCpu * periodUs) / 1000));
}

export function quotaText(milliCpu: number): string {
	return `${quotaOf(milliCpu)} ${periodUs}`;
}

/** What the kubelet asks the runtime to set for a container, in the terms of the CRI. */
export interface LinuxResources {
	/** Microseconds. */
	readonly cpuPeriod: number;
	/** Microseconds of each period; 0: no limit. */
	readonly cpuQuota: number;
	readonly cpuShares: number;
	/** Bytes; 0: no limit. */
	readonly memoryLimitInBytes: number;
}

export function linuxResources(resources: ResourceRequirements | undefined): LinuxResources {
	const { requests = {}, limits = {} } = resources ?? {};
	const requested = requests.cpu ?? limits.cpu;
	return {
		cpuPeriod: periodUs,
		cpuQuota: limits.cpu === undefined ? 0 : quotaOf(quantityToMilli(limits.cpu)),
		cpuShares: milliCpuToShares(requested === undefined ? 0 : quantityToMilli(requested)),
		memoryLimitInBytes: limits.memory === undefined ? 0 : quantityToInteger(limits.memory),
	};
}

/** The kubelet's own names: of the class, "" for guaranteed pods. */
type QosDirectory = "" | "burstable" | "besteffort";

function qosOf(pod: Pod): QosDirectory {
	const qos = pod.status?.qosClass ?? "BestEffort";
	return qos === "Guaranteed" ? "" : qos === "Burstable" ? "burstable" : "besteffort";
}

export function kubepodsPath(driver: CgroupDriver, qos: QosDirectory = ""): string {
	if (driver === "cgroupfs") return qos === "" ? "/kubepods" : `/kubepods/${qos}`;
	return qos === "" ? "/kubepods.slice" : `/kubepods.slice/kubepods-${qos}.slice`;
}

export function podCgroup(pod: Pod, driver: CgroupDriver): string {
	const uid = pod.metadata?.uid ?? "";
	const qos = qosOf(pod);
	const above = kubepodsPath(driver, qos);
	if (driver === "cgroupfs") return `${above}/pod${uid}`;
	return `${above}/kubepods-${qos === "" ? "" : `${qos}-`}pod${uid.replaceAll("-", "_")}.slice`;
}

/** @param id of a container or sandbox, 64 hexadecimal digits */
export function containerCgroup(pod: Pod, id: string, driver: CgroupDriver): string {
	const above = podCgroup(pod, driver);
	return driver === "cgroupfs" ? `${above}/${id}` : `${above}/cri-containerd-${id}.scope`;
}

/** The same, as the OCI runtime is told: of systemd the slice, a prefix and a name. */
export function ociCgroupsPath(pod: Pod, id: string, driver: CgroupDriver): string {
	return driver === "cgroupfs" ? containerCgroup(pod, id, driver) : `${podCgroup(pod, driver).split("/").at(-1)}:cri-containerd:${id}`;
}

/** Container specs with the resources that they run with. */
export type ResourcesOf = (container: string) => ResourceRequirements | undefined;

type Settings = Readonly<Record<string, string>>;

/** What the kubelet says in shares, and runc turns into a weight in version 2. */
function sharesSettings(shares: number): Settings {
	return { "cpu.shares": String(shares), "cpu.weight": String(weightOfShares(shares)) };
}

function cpuWeight(milliCpu: number): Settings {
	return sharesSettings(milliCpuToShares(milliCpu));
}

/** @param isKilledWhole when it takes too much memory: not in version 1, nor where the kubelet's singleProcessOOMKill is set */
export function containerSettings(resources: ResourceRequirements | undefined, isKilledWhole: boolean): Settings {
	const { cpuPeriod, cpuQuota, cpuShares, memoryLimitInBytes } = linuxResources(resources);
	return {
		...sharesSettings(cpuShares),
		...(cpuQuota === 0 ? {} : { "cpu.max": `${cpuQuota} ${cpuPeriod}` }),
		...(memoryLimitInBytes === 0 ? {} : { "memory.max": pagesOf(memoryLimitInBytes) }),
		"memory.swap.max": "0",
		"memory.oom.group": isKilledWhole ? "1" : "0",
	};
}

/**
 * @param containers the pod's own, without init and ephemeral ones
 * @param maxPids processes that it may have; undefined: no limit
 */
export function podSettings(
	pod: Pod,
	containers: readonly Container[],
	requestedMilliCpu: number,
	resourcesOf: ResourcesOf,
	maxPids?: number,
): Settings {
	const qos = qosOf(pod);
	const pids: Settings = maxPids === undefined ? {} : { "pids.max": String(maxPids) };
	if (qos === "besteffort") return { ...cpuWeight(0), ...pids };
	const limits = containers.map(({ name }) => resourcesOf(name)?.limits ?? {});
	const overhead = pod.spec?.overhead ?? {};
	const sum = (resource: "cpu" | "memory", read: (quantity: string) => number): number | undefined => {
		if (limits.some((each) => each[resource] === undefined)) return undefined;
		return [...limits, overhead].reduce((total, each) => total + read(each[resource] ?? "0"), 0);
	};
	const ofPod = pod.spec?.resources?.limits ?? {};
	const milliCpu = ofPod.cpu === undefined ? sum("cpu", quantityToMilli) : quantityToMilli(ofPod.cpu);
	const memoryBytes = ofPod.memory === undefined ? sum("memory", quantityToInteger) : quantityToInteger(ofPod.memory);
	return {
		...cpuWeight(requestedMilliCpu),
		...pids,
		...(milliCpu === undefined ? {} : { "cpu.max": quotaText(milliCpu) }),
		...(memoryBytes === undefined ? {} : { "memory.max": pagesOf(memoryBytes) }),
	};
}

/** @param milliCpu requested by all burstable pods of the node */
export function qosSettings(qos: "burstable" | "besteffort", milliCpu: number): Settings {
	return cpuWeight(qos === "besteffort" ? 0 : milliCpu);
}

/** @param allocatable of the node, quantities */
export function kubepodsSettings(allocatable: Readonly<Record<string, string>>): Settings {
	return {
		...cpuWeight(quantityToMilli(allocatable.cpu ?? "0")),
		"memory.max": pagesOf(quantityToInteger(allocatable.memory ?? "0")),
	};
}

function pagesOf(bytes: number): string {
	return String(Math.floor(bytes / 4096) * 4096);
}

/** Whom the kernel takes first when memory is short: -1000 (never) to 1000. @param nodeMemoryBytes the node's capacity */
export function oomScoreAdjOf(pod: Pod, container: Container | EphemeralContainer, nodeMemoryBytes: number): number {
	if (isNodeCriticalPod(pod) || pod.status?.qosClass === "Guaranteed") return guaranteedOomScoreAdj;
	if (pod.status?.qosClass !== "Burstable") return bestEffortOomScoreAdj;
	const requested = quantityToInteger(container.resources?.requests?.memory ?? "0");
	const adjust = 1000 - Math.floor((1000 * requested) / Math.max(1, nodeMemoryBytes));
	return Math.min(Math.max(adjust, 1000 + guaranteedOomScoreAdj), bestEffortOomScoreAdj - 1);
}
