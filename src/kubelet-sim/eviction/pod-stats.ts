/** What a pod uses, as far as eviction looks at it: a snapshot of one moment. */
import type { Pod } from "../../apimachinery/schema/generated/types.ts";

export interface DiskStats {
	readonly bytes: number;
	readonly inodes: number;
}

export interface ContainerStats {
	readonly name: string;
	readonly memoryBytes: number;
	/** The writable layer. */
	readonly rootfs: DiskStats;
	readonly logs: DiskStats;
}

export interface PodStats {
	readonly pod: Pod;
	readonly processes: number;
	readonly containers: readonly ContainerStats[];
	/** Of emptyDir volumes and the like, by volume. */
	readonly volumes: ReadonlyMap<string, DiskStats>;
}

export const noDisk: DiskStats = { bytes: 0, inodes: 0 };

export function addDisk(a: DiskStats, b: DiskStats): DiskStats {
	return { bytes: a.bytes + b.bytes, inodes: a.inodes + b.inodes };
}

export function podMemoryBytes({ containers }: PodStats): number {
	return containers.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0);
}

/** All that the pod has on its node's disk. */
export function podDisk({ containers, volumes }: PodStats): DiskStats {
	let sum = noDisk;
	for (const { rootfs, logs } of containers) sum = addDisk(sum, addDisk(rootfs, logs));
	for (const volume of volumes.values()) sum = addDisk(sum, volume);
	return sum;
}
