/** How full the file systems of a machine are: what `df` and `stat -f` show. */
import type { DiskUsage } from "./kernel.ts";
import type { Machine } from "./machine.ts";
import type { Mount } from "./vfs/mount-table.ts";

const nothing: DiskUsage = { sizeBytes: 0, usedBytes: 0, availableBytes: 0, inodes: 0, usedInodes: 0 };

/** Of a machine of which nobody says how large its disk is. */
const usualDisk: DiskUsage = {
	sizeBytes: 20 * 1024 ** 3,
	usedBytes: 620 * 1024 ** 2,
	availableBytes: 20 * 1024 ** 3 - 620 * 1024 ** 2,
	inodes: 1_310_720,
	usedInodes: 40_000,
};

/** A tmpfs has an inode for each page of half the memory. */
const pageBytes = 4096;
/** ext4 makes one for so many bytes. */
const bytesPerInode = 16_384;

/** Everything that lies on the node's disk, images and container layers too, is as full as that; a disk of its own is as full as itself. */
export function diskUsageOf(machine: Machine, { source, type, tree }: Mount): DiskUsage {
	const isOnDisk = source.startsWith("/dev/") || type === "overlay" || type === "ext4";
	if (isOnDisk && !tree.isLimited) return machine.kernel.disk?.() ?? usualDisk;
	if (!isOnDisk && type !== "tmpfs") return nothing;
	const { bytes, inodes: usedInodes } = tree.written();
	const sizeBytes = tree.limitBytes;
	return {
		sizeBytes,
		usedBytes: bytes,
		availableBytes: Math.max(0, sizeBytes - bytes),
		inodes: Math.floor(sizeBytes / (isOnDisk ? bytesPerInode : pageBytes)),
		usedInodes,
	};
}
