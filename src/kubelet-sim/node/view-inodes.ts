/** Directories of a node that are views: nothing of them exists until somebody looks, and nobody can write there. */
import type { DirectoryInode, FileInode, Inode } from "../../host/index.ts";

/** The directory with something put into it, or into a directory that is in it. */
export function withEntry(directory: DirectoryInode, [name = "", ...below]: readonly string[], inode: Inode): DirectoryInode {
	const there = directory.entries.get(name);
	if (below.length > 0 && there?.type !== "directory") throw new Error(`${name} is no directory`);
	const entry = below.length > 0 && there?.type === "directory" ? withEntry(there, below, inode) : inode;
	return { ...directory, entries: new Map(directory.entries).set(name, entry) };
}

/** Makes inodes that are read only and made afresh. */
export class View {
	readonly #sinceMs: number;
	#nextIno: number;

	/** @param firstIno apart from those of other views */
	constructor(sinceMs: number, firstIno: number) {
		this.#sinceMs = sinceMs;
		this.#nextIno = firstIno;
	}

	directory(list: () => readonly (readonly [string, Inode])[], mode = 0o755): DirectoryInode {
		return {
			type: "directory",
			...this.#base(mode, this.#sinceMs),
			get entries() {
				return new Map(list());
			},
		};
	}

	file(content: FileInode["content"], modifiedMs = 0, mode = 0o644): Inode {
		return { type: "file", ...this.#base(mode, modifiedMs || this.#sinceMs), content };
	}

	link(target: string): Inode {
		return { type: "symlink", ...this.#base(0o777, this.#sinceMs), target };
	}

	#base(mode: number, mtimeMs: number) {
		return { ino: this.#nextIno++, frozen: true, isView: true, mode, uid: 0, gid: 0, mtimeMs } as const;
	}
}
