/**
 * What metrics-server makes of kubelets' counters: it looks at them every 15 seconds, keeps the last two looks, and tells the
 * difference. Here the looks are moments of the cluster's clock, and what it would have seen is worked out when somebody asks.
 *
 * A container that started between two looks, at least 10 s before the later one, is told of from its start; any other that was
 * not there twice, and with it its pod, is not told of yet.
 * Source: pkg/storage of sigs.k8s.io/metrics-server v0.8, its flag --metric-resolution.
 */
import type { NodeUsage, PodUsage } from "../../apimachinery/usage.ts";
import type { PodUsageMeter } from "./pod-usage.ts";

const resolutionMs = 15_000;
const freshContainerMs = 10_000;

/** What a node takes for itself: the system and its kubelet. */
const systemCores = 0.06;
export const systemMemoryBytes = 620 * 1024 * 1024;

export function podUsageAt(meter: PodUsageMeter, nowMs: number): PodUsage | undefined {
	const timestampMs = lastLook(nowMs);
	const seen = meter.containers().filter(({ startedMs }) => startedMs < timestampMs);
	const windows = seen.map(({ startedMs }) => windowOf(startedMs, timestampMs));
	if (seen.length === 0 || windows.includes(undefined)) return undefined;
	const containers = seen.map((container, index) => {
		const windowMs = windows[index] ?? resolutionMs;
		const cores = meter.cores(container, timestampMs - windowMs, timestampMs);
		return {
			name: container.name,
			cpuNanoCores: Math.round(cores * 1e9),
			memoryBytes: meter.memoryBytes(container, timestampMs),
		};
	});
	return { timestampMs, windowMs: windows[0] ?? resolutionMs, containers };
}

/** Undefined: it cannot be told of yet. */
function windowOf(startedMs: number, timestampMs: number): number | undefined {
	const ageMs = timestampMs - startedMs;
	if (ageMs > resolutionMs) return resolutionMs;
	return ageMs >= freshContainerMs ? ageMs : undefined;
}

/** @param startedMs when the node came up; @param pods of the node */
export function nodeUsageAt(pods: Iterable<PodUsageMeter>, startedMs: number, nowMs: number): NodeUsage | undefined {
	const timestampMs = lastLook(nowMs);
	const fromMs = timestampMs - resolutionMs;
	if (startedMs > fromMs) return undefined;
	const { cores, memoryBytes } = nodeUsage(pods, fromMs, timestampMs);
	return { timestampMs, windowMs: resolutionMs, cpuNanoCores: Math.round(cores * 1e9), memoryBytes };
}

function lastLook(nowMs: number): number {
	return Math.floor(nowMs / resolutionMs) * resolutionMs;
}

/** The system and all pods together, between two moments. */
export function nodeUsage(pods: Iterable<PodUsageMeter>, fromMs: number, untilMs: number): { cores: number; memoryBytes: number } {
	let cores = systemCores;
	let memoryBytes = systemMemoryBytes;
	for (const meter of pods) {
		for (const container of meter.containers()) {
			if (container.startedMs >= untilMs) continue;
			cores += meter.cores(container, fromMs, untilMs);
			memoryBytes += meter.memoryBytes(container, untilMs);
		}
	}
	return { cores, memoryBytes };
}

/** CPU seconds of a node's system since it came up. */
export function systemCpuSeconds(startedMs: number, atMs: number): number {
	return (systemCores * (atMs - startedMs)) / 1000;
}
