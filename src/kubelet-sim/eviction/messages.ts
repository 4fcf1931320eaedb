/** What the kubelet says of an eviction. Pure. Source: pkg/kubelet/eviction/helpers.go (evictionMessage and the formats above it) */
import { canonicalQuantity, quantityToNumber } from "../../apimachinery/quantity.ts";
import { findContainer } from "../pod-worker/pod-record.ts";
import { type PodStats, podMemoryBytes } from "./pod-stats.ts";
import { amountOf, amountText, type Observations, resourceOf, type StarvedResource, type Threshold } from "./thresholds.ts";

/** @param thresholds those that are met, the most urgent one first */
export function evictionMessage(
	resource: StarvedResource,
	stats: PodStats,
	thresholds: readonly Threshold[],
	observations: Observations,
): string {
	const threshold = thresholds.find(({ signal }) => resourceOf(signal) === resource);
	const parts = [`The node was low on resource: ${resource}. `];
	if (threshold !== undefined) {
		const { available, capacity } = observations[threshold.signal];
		const quantity = amountText(resource, amountOf(threshold.value, capacity));
		parts.push(`Threshold quantity: ${quantity}, available: ${amountText(resource, available)}. `);
	}
	parts.push(...podConsumption(resource, stats), ...containerConsumption(resource, stats));
	return parts.join("");
}

/** Where the pod as a whole asks for memory. */
function podConsumption(resource: StarvedResource, stats: PodStats): readonly string[] {
	const { metadata, spec } = stats.pod;
	const request = spec?.resources?.requests?.memory;
	if (resource !== "memory" || request === undefined) return [];
	const used = amountText(resource, podMemoryBytes(stats));
	return [`Pod ${metadata?.name} was using ${used}, request is ${canonicalQuantity(request)}, has larger consumption of ${resource}. `];
}

function containerConsumption(resource: StarvedResource, { pod, containers }: PodStats): readonly string[] {
	if (resource !== "memory" && resource !== "ephemeral-storage") return [];
	return containers.flatMap(({ name, memoryBytes, rootfs, logs }) => {
		const used = resource === "memory" ? memoryBytes : rootfs.bytes + logs.bytes;
		const spec = findContainer(pod, name);
		const request = spec?.resources?.requests?.[resource] ?? "0";
		// Of ephemeral containers nobody speaks: they ask for nothing.
		if (spec === undefined || "targetContainerName" in spec || used <= quantityToNumber(request)) return [];
		const text = `Container ${name} was using ${amountText(resource, used)}, request is ${canonicalQuantity(request)}`;
		return [`${text}, has larger consumption of ${resource}. `];
	});
}
