/**
 * Which limit on local storage a pod is above: that of an emptyDir, of the pod's containers together, or of one container. Pure.
 * Source: https://kubernetes.io/docs/concepts/storage/ephemeral-storage/, pkg/kubelet/eviction/eviction_manager.go (localStorageEviction)
 */
import { canonicalQuantity, formatQuantity, quantityFromNumber, quantityToNumber } from "../../apimachinery/quantity.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { podRequests } from "../pod-worker/footprint.ts";
import { findContainer } from "../pod-worker/pod-record.ts";
import { type PodStats, podDisk } from "./pod-stats.ts";

const resource = "ephemeral-storage";

/** Whether there is any limit to be above. */
export function limitsStorage({ spec }: Pod): boolean {
	return (
		(spec?.volumes ?? []).some(({ emptyDir }) => emptyDir?.sizeLimit !== undefined) ||
		[...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(({ resources }) => resources?.limits?.[resource] !== undefined)
	);
}

/** Why the pod is to be evicted, and as which signal that counts; undefined: it is not. */
export function exceededStorageLimit(stats: PodStats): { readonly signal: string; readonly message: string } | undefined {
	const ways = { "emptydirfs.limit": exceededVolume, "ephemeralpodfs.limit": exceededPod, "ephemeralcontainerfs.limit": exceededContainer };
	for (const [signal, exceeded] of Object.entries(ways)) {
		const message = exceeded(stats);
		if (message !== undefined) return { signal, message };
	}
	return undefined;
}

function exceededVolume({ pod, volumes }: PodStats): string | undefined {
	for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
		const limit = emptyDir?.sizeLimit;
		if (limit === undefined || quantityToNumber(limit) === 0 || (volumes.get(name)?.bytes ?? 0) <= quantityToNumber(limit)) continue;
		return `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(canonicalQuantity(limit))}. `;
	}
	return undefined;
}

function exceededPod(stats: PodStats): string | undefined {
	const { pod } = stats;
	// Limits add up as requests do.
	const limits = podRequests(pod, (name) => {
		const requests = findContainer(pod, name)?.resources?.limits;
		return requests === undefined ? undefined : { requests };
	});
	const limit = limits.get(resource);
	if (limit === undefined || podDisk(stats).bytes <= limit) return undefined;
	const text = formatQuantity(quantityFromNumber(limit, "BinarySI"));
	return `Pod ephemeral local storage usage exceeds the total limit of containers ${text}. `;
}

function exceededContainer({ pod, containers }: PodStats): string | undefined {
	for (const { name, rootfs, logs } of containers) {
		const limit = pod.spec?.containers.find((container) => container.name === name)?.resources?.limits?.[resource];
		if (limit === undefined || quantityToNumber(limit) === 0 || rootfs.bytes + logs.bytes <= quantityToNumber(limit)) continue;
		return `Container ${name} exceeded its local ephemeral storage limit ${JSON.stringify(canonicalQuantity(limit))}. `;
	}
	return undefined;
}
