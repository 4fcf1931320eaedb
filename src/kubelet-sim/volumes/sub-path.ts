/**
 * Where in a volume a container's mount begins: `subPath`, or `subPathExpr` with the container's own variables.
 * Source: makeMounts of pkg/kubelet/kubelet_pods.go and ExpandContainerVolumeMounts of pkg/kubelet/container/helpers.go.
 */
import type { VolumeMount } from "../../apimachinery/schema/generated/types.ts";
import { FileSystem, FsError, type Inode, Tree } from "../../host/index.ts";
import { expand } from "./environment.ts";
import { MissingObjectError } from "./objects.ts";
import type { MountedVolume } from "./volume-backing.ts";

/** "" for the whole volume. Throws `MissingObjectError` with the text of CreateContainerConfigError. */
export function subPathOf({ subPath = "", subPathExpr }: VolumeMount, variable: (name: string) => string | undefined): string {
	if (subPathExpr === undefined || subPathExpr === "") return subPath;
	const missing = new Set<string>();
	const path = expand(subPathExpr, (name) => {
		const value = variable(name);
		if (value === undefined || value === "") missing.add(name);
		return value;
	});
	if (missing.size > 0) throw new MissingObjectError(`missing value for ${[...missing].sort().join(", ")}`);
	if (path.startsWith("/")) throw new MissingObjectError(`error SubPath \`${path}\` must not be an absolute path`);
	if (path.split("/").includes("..")) throw new MissingObjectError(`unable to provision SubPath \`${path}\`: must not contain '..'`);
	return path;
}

/**
 * The inode of a path in a volume, made as a directory if it is not there. Throws `MissingObjectError`, which does not say what is in the way:
 * it could be the node's.
 */
export function prepareSubPath({ tree, inode }: MountedVolume, path: string, { name }: VolumeMount, container: string): Inode {
	try {
		return subInode(tree, inode, path);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		throw new MissingObjectError(
			`failed to prepare subPath for volumeMount ${JSON.stringify(name)} of container ${JSON.stringify(container)}`,
		);
	}
}

function subInode(tree: Tree, root: Inode | undefined, path: string): Inode {
	const files = new FileSystem(new Tree({ clock: tree.clock }));
	files.mount({ path: "/volume", tree, ...(root === undefined ? {} : { inode: root }), readOnly: false, source: "none", type: "bind" });
	const full = `/volume/${path}`;
	// As open as the volume is.
	if (!files.exists(full)) files.mkdir(full, { recursive: true, mode: files.stat("/volume").mode });
	return files.inode(full);
}
