/** Inodes that are worked out when somebody looks: what /proc, /sys and the tree of cgroups are made of. */
import type { ComputedDirectory, DirectoryInode, FileCaller, FileInode, Inode, SymlinkInode } from "../vfs/inode.ts";
import { FsError } from "../vfs/inode.ts";

export interface ComputedOptions {
	readonly mode?: number;
	readonly uid?: number;
	readonly gid?: number;
	/** Unix ms. */
	readonly mtimeMs?: number;
	readonly ino?: number;
}

function base(options: ComputedOptions, mode: number) {
	const { uid = 0, gid = 0, mtimeMs = 0, ino = 4_026_531_000 } = options;
	return { ino, frozen: false, mode: options.mode ?? mode, uid, gid, mtimeMs };
}

/** @param write what writing does; absent: it cannot be written */
export function computedFile(
	read: (caller: FileCaller | undefined) => string,
	options: ComputedOptions = {},
	write?: (text: string, caller: FileCaller | undefined) => void,
): FileInode {
	const refuse = (): void => {
		throw new FsError("EACCES", "open", "");
	};
	return { type: "file", ...base(options, write === undefined ? 0o444 : 0o644), content: read, onWrite: write ?? refuse };
}

export function computedLink(target: (caller: FileCaller | undefined) => string, options: ComputedOptions = {}): SymlinkInode {
	return { type: "symlink", ...base(options, 0o777), target };
}

const nothingToMake: ComputedDirectory = {
	makeDirectory: (name) => {
		throw new FsError("ENOENT", "mkdir", name);
	},
	removeDirectory: (name) => {
		throw new FsError("EPERM", "rmdir", name);
	},
};

export function computedDirectory(
	entries: () => Map<string, Inode>,
	options: ComputedOptions = {},
	computed: ComputedDirectory = nothingToMake,
): DirectoryInode {
	return {
		type: "directory",
		...base(options, 0o555),
		get entries() {
			return entries();
		},
		computed,
	};
}

/** A directory whose entries stay the same. */
export function fixedDirectory(entries: Readonly<Record<string, Inode>>, options: ComputedOptions = {}): DirectoryInode {
	const map = new Map(Object.entries(entries));
	return computedDirectory(() => map, options);
}
