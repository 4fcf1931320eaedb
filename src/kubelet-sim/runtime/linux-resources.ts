/**
 * What the kubelet asks the runtime to set for a container, and where its control group is, by the pod's quality of service.
 * Source: pkg/kubelet/kuberuntime/kuberuntime_container_linux.go, pkg/kubelet/cm/helpers_linux.go, pkg/kubelet/qos/policy.go
 */
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Pod, ResourceRequirements } from "../../apimachinery/schema/generated/types.ts";
import { isCriticalPod } from "../admission/critical-pods.ts";

/** Microseconds. */
const cpuPeriod = 100_000;
const minQuota = 1_000;
const minShares = 2;

export interface LinuxResources {
	/** Microseconds. */
	readonly cpuPeriod: number;
	/** Microseconds of each period; 0: no limit. */
	readonly cpuQuota: number;
	readonly cpuShares: number;
	/** Bytes; 0: no limit. */
	readonly memoryLimitInBytes: number;
	/** -1000 to 1000: who is killed first when the node is out of memory. */
	readonly oomScoreAdj: number;
}

export function linuxResources(pod: Pod, resources: ResourceRequirements | undefined, nodeMemoryBytes: number): LinuxResources {
	const { limits = {}, requests = {} } = resources ?? {};
	const cpuRequest = requests.cpu ?? limits.cpu;
	const memoryRequest = quantityToNumber(requests.memory ?? limits.memory ?? "0");
	return {
		cpuPeriod,
		cpuQuota: limits.cpu === undefined ? 0 : Math.max(minQuota, Math.round(quantityToNumber(limits.cpu) * cpuPeriod)),
		cpuShares: cpuRequest === undefined ? minShares : Math.max(minShares, Math.floor(quantityToNumber(cpuRequest) * 1024)),
		memoryLimitInBytes: limits.memory === undefined ? 0 : quantityToNumber(limits.memory),
		oomScoreAdj: oomScoreAdj(pod, memoryRequest, nodeMemoryBytes),
	};
}

const guaranteedScore = -997;
const bestEffortScore = 1000;

function oomScoreAdj(pod: Pod, memoryRequestBytes: number, nodeMemoryBytes: number): number {
	if (isCriticalPod(pod) && pod.spec?.priorityClassName === "system-node-critical") return guaranteedScore;
	const qos = pod.status?.qosClass;
	if (qos === "Guaranteed") return guaranteedScore;
	if (qos !== "Burstable") return bestEffortScore;
	const score = 1000 - Math.floor((1000 * memoryRequestBytes) / Math.max(1, nodeMemoryBytes));
	if (score < 1000 + guaranteedScore) return 1000 + guaranteedScore;
	return score === bestEffortScore ? score - 1 : score;
}

/** `kubepods-burstable-pod….slice`, of systemd's driver. */
export function podSlice({ metadata, status }: Pod): string {
	const uid = (metadata?.uid ?? "").replaceAll("-", "_");
	const qos = status?.qosClass === "Guaranteed" ? "" : status?.qosClass === "Burstable" ? "-burstable" : "-besteffort";
	return `kubepods${qos}-pod${uid}.slice`;
}

/** Below the root of the control groups: `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod….slice`. */
export function podCgroup(pod: Pod): string {
	const slice = podSlice(pod);
	const qos = /^kubepods-(burstable|besteffort)-/.exec(slice)?.[1];
	return `/kubepods.slice/${qos === undefined ? "" : `kubepods-${qos}.slice/`}${slice}`;
}
