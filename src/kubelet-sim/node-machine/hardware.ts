/** What a node has and what of it is in use, as its kernel counts: the same figures as the kubelet's. */
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { DiskUsage, Hardware } from "../../host/index.ts";
import { type MeasuredNode, measurePod, observe } from "../eviction/node-stats.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { nodeUsage, systemCpuSeconds } from "../usage/scrape.ts";

/** Over which load is averaged. */
const loadMs = 60_000;

export interface HardwareNode extends MeasuredNode {
	readonly startedMs: number;
	readonly endedCpuSeconds: number;
	readonly description: { readonly identity: { readonly bootId: string } };
}

export function hardwareOf(node: HardwareNode, workers: Iterable<PodWorker>, nowMs: number): Hardware {
	const { capacity, startedMs, endedCpuSeconds, load } = node;
	const meters = [...workers].map(({ usage }) => usage);
	const used = nodeUsage(meters, Math.max(startedMs, nowMs - loadMs), nowMs);
	let cpuSeconds = systemCpuSeconds(startedMs, nowMs) + endedCpuSeconds;
	for (const meter of meters) for (const container of meter.containers()) cpuSeconds += meter.cpuSeconds(container, nowMs);
	return {
		cores: quantityToNumber(capacity.cpu ?? "1"),
		memoryBytes: quantityToNumber(capacity.memory ?? "0"),
		usedMemoryBytes: used.memoryBytes + load.memoryBytes,
		cpuMs: cpuSeconds * 1000,
		load: used.cores,
		bootMs: startedMs,
		bootId: node.description.identity.bootId,
	};
}

/** One file system holds all of a node; the kubelet's figures of it are these. */
export function diskOf(node: MeasuredNode, workers: Iterable<PodWorker>, nowMs: number): DiskUsage {
	const pods = [...workers].map((worker) => measurePod(worker, nowMs));
	const { "nodefs.available": bytes, "nodefs.inodesFree": inodes } = observe(node, pods);
	return {
		sizeBytes: bytes.capacity,
		usedBytes: bytes.capacity - bytes.available,
		availableBytes: bytes.available,
		inodes: inodes.capacity,
		usedInodes: inodes.capacity - inodes.available,
	};
}
