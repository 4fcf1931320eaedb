/**
 * Who has to go first when a node is short of something: who uses more than it asked for, then the lower priority, then who is
 * furthest above its request. Pure. Source: pkg/kubelet/eviction/helpers.go (rank functions)
 */
import { priorityOf } from "../admission/critical-pods.ts";
import { podRequests } from "../pod-worker/footprint.ts";
import { findContainer } from "../pod-worker/pod-record.ts";
import { type PodStats, podDisk, podMemoryBytes } from "./pod-stats.ts";
import type { StarvedResource } from "./thresholds.ts";

export function rankForEviction<T extends PodStats>(pods: readonly T[], resource: StarvedResource): readonly T[] {
	const ranked = pods.map((stats) => {
		const used = usageOf(stats, resource);
		const requested = requestOf(stats, resource);
		return { stats, exceeds: resource !== "pids" && used > requested, priority: priorityOf(stats.pod), above: used - requested };
	});
	ranked.sort((a, b) => Number(b.exceeds) - Number(a.exceeds) || a.priority - b.priority || b.above - a.above);
	return ranked.map(({ stats }) => stats);
}

function usageOf(stats: PodStats, resource: StarvedResource): number {
	switch (resource) {
		case "memory":
			return podMemoryBytes(stats);
		case "ephemeral-storage":
			return podDisk(stats).bytes;
		case "inodes":
			return podDisk(stats).inodes;
		case "pids":
			return stats.processes;
		default:
			return resource satisfies never;
	}
}

/** Nobody asks for inodes or processes. */
function requestOf({ pod }: PodStats, resource: StarvedResource): number {
	if (resource !== "memory" && resource !== "ephemeral-storage") return 0;
	return podRequests(pod, (name) => findContainer(pod, name)?.resources).get(resource) ?? 0;
}
