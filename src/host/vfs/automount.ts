/** Directories that lead into another tree, which is found when somebody goes there: mounts that nobody has to make. */
import type { DirectoryInode, Inode } from "./inode.ts";
import type { Tree } from "./tree.ts";

const leadsTo = Symbol("leads to");

/** Where it leads. */
export interface Automount {
	readonly tree: Tree;
	/** Default: the tree's root. */
	readonly inode?: Inode;
	readonly readOnly?: boolean;
}

interface AutomountDirectory extends DirectoryInode {
	readonly [leadsTo]: () => Automount;
}

/** The directory, leading elsewhere from now on. Whoever walks over it is there; nothing of its own is seen. */
export function leading(directory: DirectoryInode, open: () => Automount): DirectoryInode {
	const made: AutomountDirectory = Object.assign(directory, { [leadsTo]: open });
	return made;
}

/** Where a directory leads; undefined if it leads nowhere but into itself. */
export function automountOf(inode: Inode): Automount | undefined {
	return leadsTo in inode ? (inode as AutomountDirectory)[leadsTo]() : undefined;
}
