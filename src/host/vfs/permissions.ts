/** Permission bits, as the kernel reads them. Source: https://man7.org/linux/man-pages/man7/path_resolution.7.html, inode(7) (the sticky bit) */
import type { DirectoryInode, FileCaller, Inode } from "./inode.ts";

const bits = { r: 4, w: 2, x: 1 } as const;

/** Root may everything, as does who is nobody: the runtime. */
export function mayAccess(inode: Inode, want: keyof typeof bits, caller: FileCaller | undefined): boolean {
	if (caller === undefined || caller.credentials.uid === 0 || inode.type === "symlink") return true;
	const { uid, gid, groups } = caller.credentials;
	const shift = uid === inode.uid ? 6 : gid === inode.gid || groups.includes(inode.gid) ? 3 : 0;
	return ((inode.mode >> shift) & bits[want]) !== 0;
}

/** Whether an entry may be taken out of a directory that one may write to: in one like /tmp by its owner alone. */
export function mayReplace(directory: DirectoryInode, inode: Inode, caller: FileCaller | undefined): boolean {
	const uid = caller?.credentials.uid ?? 0;
	return uid === 0 || (directory.mode & 0o1000) === 0 || uid === inode.uid || uid === directory.uid;
}
