/**
 * How full a node is with a pod on it, as a score: the strategies of NodeResourcesFit.
 * Source: https://kubernetes.io/docs/concepts/scheduling-eviction/resource-bin-packing/,
 * https://kubernetes.io/docs/reference/config-api/kube-scheduler-config.v1/#kubescheduler-config-k8s-io-v1-ScoringStrategy
 */
import type { NodeInfo } from "../framework/node-info.ts";
import { maxNodeScore } from "../framework/plugin.ts";
import type { PodInfo } from "../framework/pod-info.ts";

export interface WeightedResource {
	readonly name: string;
	/** 1..100. */
	readonly weight: number;
}

export interface ShapePoint {
	/** In percent of what the node has, 0..100. */
	readonly utilization: number;
	/** 0..10. */
	readonly score: number;
}

export type ScoringStrategy =
	| { readonly type: "LeastAllocated" | "MostAllocated"; readonly resources: readonly WeightedResource[] }
	| {
			readonly type: "RequestedToCapacityRatio";
			readonly resources: readonly WeightedResource[];
			/** Utilizations rise. At least one point. */
			readonly shape: readonly ShapePoint[];
	  };

export const cpuAndMemory: readonly WeightedResource[] = [
	{ name: "cpu", weight: 1 },
	{ name: "memory", weight: 1 },
];

/** Scores a node in 0..100: the weighted mean over the resources that it has. */
export function resourceScorer(strategy: ScoringStrategy): (pod: PodInfo, node: NodeInfo) => number {
	const resources = strategy.resources.map(({ name, weight }) => ({ weight, usage: usageOf(name) }));
	const isRatio = strategy.type === "RequestedToCapacityRatio";
	const scoreOf = resourceScore(strategy);
	return (pod, node) => {
		let sum = 0;
		let weights = 0;
		for (const { weight, usage } of resources) {
			const capacity = usage.capacity(pod, node);
			if (capacity === 0) continue;
			const score = scoreOf(usage.requested(pod, node), capacity);
			// A shape may give nothing, and then the resource does not count.
			if (isRatio && score === 0) continue;
			sum += score * weight;
			weights += weight;
		}
		if (weights === 0) return 0;
		return isRatio ? Math.round(sum / weights) : Math.trunc(sum / weights);
	};
}

/** The score of one resource, 0..100. */
function resourceScore(strategy: ScoringStrategy): (requested: number, capacity: number) => number {
	switch (strategy.type) {
		case "LeastAllocated":
			return (requested, capacity) => (requested > capacity ? 0 : Math.trunc(((capacity - requested) * maxNodeScore) / capacity));
		case "MostAllocated":
			// Pods without requests count with assumed ones, and so a node can seem more than full.
			return (requested, capacity) => Math.trunc((Math.min(requested, capacity) * maxNodeScore) / capacity);
		case "RequestedToCapacityRatio": {
			const { shape } = strategy;
			return (requested, capacity) => onShape(shape, requested > capacity ? 100 : Math.trunc((requested * 100) / capacity));
		}
		default:
			return strategy satisfies never;
	}
}

/** On the line between the points; level before the first one and after the last. */
function onShape(shape: readonly ShapePoint[], utilization: number): number {
	const scale = maxNodeScore / 10;
	let before: ShapePoint | undefined;
	for (const point of shape) {
		if (utilization <= point.utilization) {
			if (before === undefined) return point.score * scale;
			const rise = (point.score - before.score) * scale * (utilization - before.utilization);
			return before.score * scale + Math.trunc(rise / (point.utilization - before.utilization));
		}
		before = point;
	}
	return (before?.score ?? 0) * scale;
}

/** Numbers one by one: an object of two for each node would be made half a million times a second. */
interface Usage {
	requested(pod: PodInfo, node: NodeInfo): number;
	/** 0: the resource does not count. */
	capacity(pod: PodInfo, node: NodeInfo): number;
}

const cpuUsage: Usage = {
	requested: (pod, node) => node.nonZeroMilliCpu + pod.nonZeroMilliCpu,
	capacity: (_pod, node) => node.allocatable.milliCpu,
};
const memoryUsage: Usage = {
	requested: (pod, node) => node.nonZeroMemoryBytes + pod.nonZeroMemoryBytes,
	capacity: (_pod, node) => node.allocatable.memoryBytes,
};

function usageOf(name: string): Usage {
	if (name === "cpu") return cpuUsage;
	if (name === "memory") return memoryUsage;
	const isExtended = name !== "ephemeral-storage";
	return {
		requested: (pod, node) => node.requested.get(name) + pod.requests.get(name),
		// A pod that does not ask for an extended resource is not drawn to it, nor away.
		capacity: (pod, node) => (isExtended && pod.requests.get(name) === 0 ? 0 : node.allocatable.get(name)),
	};
}
