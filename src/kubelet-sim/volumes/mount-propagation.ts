/**
 * hostPath volumes and the node's mounts: a volume shows what is mounted below its path when its container starts, and what comes and goes
 * later as its `mountPropagation` says.
 *
 *   None             what is mounted later on either side is not seen on the other
 *   HostToContainer  the container is a slave of the node's mount (rslave)
 *   Bidirectional    they are peers (rshared)
 *
 * Source: https://kubernetes.io/docs/concepts/storage/volumes/#mount-propagation
 */
import type { VolumeMount } from "../../apimachinery/schema/generated/types.ts";
import { type FileSystem, resolvePath } from "../../host/index.ts";

/** `/var/lib` of a path of the node, as its file system has it: what the container's mount is the directory of. */
export function rootPathOf(node: FileSystem, hostPath: string): string {
	const path = node.realPath(hostPath);
	const mount = node.mountOf(path);
	const rest = mount.path === "/" ? path : path.slice(mount.path.length);
	return resolvePath(mount.rootPath ?? "/", `./${rest}`);
}

/** @param mountPath where the volume is in the container, already mounted */
export function joinNodeMounts(
	files: FileSystem,
	mountPath: string,
	node: FileSystem,
	hostPath: string,
	propagation: VolumeMount["mountPropagation"],
): void {
	const path = node.realPath(hostPath);
	const prefix = path === "/" ? "/" : `${path}/`;
	for (const mount of node.mounts()) {
		if (mount.path === "/" || !mount.path.startsWith(prefix)) continue;
		const at = resolvePath(mountPath, `./${mount.path.slice(path === "/" ? 0 : path.length)}`);
		files.mountTable.set(at, { ...mount, path: at });
	}
	if (propagation === "HostToContainer") files.mountTable.follow(mountPath, node.mountTable, path, "slave");
	else if (propagation === "Bidirectional") files.mountTable.follow(mountPath, node.mountTable, path, "shared");
}
