/**
 * What a node and its pods use at a moment. One file system holds all of a node: images, containers, logs and volumes.
 * Simulated: memory and processes of what runs; the disk as far as files were written, images pulled, or annotations say so.
 * Not simulated: memory of the page cache, layers that images share, metadata of the file system.
 */
import { quantityToNumber } from "../../apimachinery/quantity.ts";
import type { ContainerWorker } from "../pod-worker/container-worker.ts";
import type { PodWorker } from "../pod-worker/pod-worker.ts";
import { saysDisk } from "../usage/pod-usage.ts";
import { systemMemoryBytes } from "../usage/scrape.ts";
import type { PeakSum } from "./pod-peaks.ts";
import { addDisk, type ContainerStats, type DiskStats, noDisk, type PodStats, podDisk, podMemoryBytes } from "./pod-stats.ts";
import type { Observations } from "./thresholds.ts";

/** How much of a disk the installed system takes. */
const systemDiskFraction = 0.03;
/** ext4 makes one inode for so many bytes. */
const bytesPerInode = 16_384;
/** kernel.pid_max. */
const maxProcesses = 32_768;
/** Those of the system and its kernel. */
const systemProcesses = 110;

/** What a node takes beyond what its pods do: as somebody who breaks it wants it. */
export interface NodeLoad {
	readonly memoryBytes: number;
	readonly diskBytes: number;
	readonly processes: number;
}

export interface MeasuredNode {
	/** Quantities. */
	readonly capacity: Readonly<Record<string, string>>;
	readonly load: NodeLoad;
	readonly imageBytes: number;
	/** Files that were written to the node itself. */
	writtenFiles(): DiskStats;
}

export interface MeasuredPod extends PodStats {
	readonly worker: PodWorker;
	/** What is on disk by annotation alone; the rest are files. */
	readonly saidDiskBytes: number;
}

export function measurePod(worker: PodWorker, nowMs: number): MeasuredPod {
	const containers = [...worker.containerWorkers()];
	return {
		worker,
		saidDiskBytes: containers.reduce((sum, container) => sum + saidDiskBytes(worker, container, nowMs), 0),
		pod: worker.pod,
		processes: containers.reduce((sum, { container }) => sum + (container?.machine.ownProcesses().length ?? 0), 0),
		containers: containers.flatMap((container) => containerStats(worker, container, nowMs) ?? []),
		volumes: worker.volumes.diskUsage(),
	};
}

/** Of one that runs, or whose files are still there. */
function containerStats(worker: PodWorker, container: ContainerWorker, nowMs: number): ContainerStats | undefined {
	const { container: instance, record } = container;
	if (instance === undefined) return undefined;
	const { used } = container.usage;
	const files = instance.machine.hasFiles ? instance.machine.files.rootTree.written() : noDisk;
	return {
		name: record.name,
		memoryBytes: used === undefined ? 0 : worker.usage.memoryBytes(used, nowMs),
		rootfs: addDisk(files, { bytes: saidDiskBytes(worker, container, nowMs), inodes: 0 }),
		logs: { bytes: instance.log.sizeBytes, inodes: 1 },
	};
}

function saidDiskBytes(worker: PodWorker, { record }: ContainerWorker, nowMs: number): number {
	return record.phase === "running" && saysDisk(worker.pod) ? worker.usage.diskBytes(record.name, nowMs) : 0;
}

export function observe(node: MeasuredNode, pods: readonly PodStats[]): Observations {
	const { load, capacity, imageBytes } = node;
	const memory = quantityToNumber(capacity.memory ?? "0");
	const disk = quantityToNumber(capacity["ephemeral-storage"] ?? "0");
	const inodes = Math.floor(disk / bytesPerInode);
	const files = [node.writtenFiles(), ...pods.map(podDisk)].reduce(addDisk, noDisk);
	const usedMemory = systemMemoryBytes + load.memoryBytes + pods.reduce((sum, stats) => sum + podMemoryBytes(stats), 0);
	const usedProcesses = systemProcesses + load.processes + pods.reduce((sum, { processes }) => sum + processes, 0);
	const imageInodes = Math.ceil(imageBytes / bytesPerInode);
	const left = (all: number, used: number) => ({ available: Math.max(0, all - used), capacity: all });
	const ofDisk = left(disk, systemDiskBytes(disk) + load.diskBytes + imageBytes + files.bytes);
	const ofInodes = left(inodes, Math.ceil(inodes * systemDiskFraction) + imageInodes + files.inodes);
	return {
		"memory.available": left(memory, usedMemory),
		"nodefs.available": ofDisk,
		"nodefs.inodesFree": ofInodes,
		"imagefs.available": ofDisk,
		"imagefs.inodesFree": ofInodes,
		"pid.available": left(maxProcesses, usedProcesses),
	};
}

function systemDiskBytes(capacity: number): number {
	return Math.ceil(capacity * systemDiskFraction);
}

/**
 * The least that memory and disk may come to be, whatever curves do; files are counted as they were when somebody last looked.
 * It costs no look at files.
 */
export function worstCase(node: MeasuredNode, pods: PeakSum, fileBytes: number) {
	const memoryBytes = systemMemoryBytes + node.load.memoryBytes + pods.memoryBytes;
	const diskBytes = node.load.diskBytes + node.imageBytes + fileBytes + pods.diskBytes;
	const [memory, disk] = [quantityToNumber(node.capacity.memory ?? "0"), quantityToNumber(node.capacity["ephemeral-storage"] ?? "0")];
	return {
		memory: { available: memory - memoryBytes, capacity: memory },
		disk: { available: disk - systemDiskBytes(disk) - diskBytes, capacity: disk },
	};
}
