/**
 * One tree of inodes: an image with a container's changes on it (as overlayfs has them), or a volume.
 *
 * The lower tree is frozen and shared. The first change to one of its inodes copies that inode up; the tree remembers
 * the copy by the identity of the original, so hard links stay links. A container that changes nothing costs nothing.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { type DirectoryInode, type FileContent, type FileInode, FsError, type Inode } from "./inode.ts";

/** What one tree may hold in files written to it; more is ENOSPC. */
const defaultTreeLimitBytes = 64 * 1024 * 1024;

export interface TreeOptions {
	readonly clock: Clock;
	/** The lower tree; absent: an empty directory. May be a file, which a bind mount of a single file needs. */
	readonly lower?: Inode;
	readonly limitBytes?: number;
	/** Told when files or directories are written or removed. */
	readonly onWrite?: (() => void) | undefined;
}

export class Tree {
	readonly clock: Clock;
	readonly #lower: Inode;
	readonly #limitBytes: number;
	readonly #onWrite: (() => void) | undefined;
	/** Lower inode -> this tree's copy. Absent until the first change. */
	#copies: Map<Inode, Inode> | undefined;
	#nextIno = 1_000_000;
	/** At least what the files written to this tree hold: removals are noticed when it reaches the limit. */
	#bytes = 0;

	constructor({ clock, lower, limitBytes = defaultTreeLimitBytes, onWrite }: TreeOptions) {
		this.clock = clock;
		this.#onWrite = onWrite;
		this.#limitBytes = limitBytes;
		this.#lower = lower ?? this.newDirectory(0o755);
	}

	/** What its files may take, bytes. */
	get limitBytes(): number {
		return this.#limitBytes;
	}

	get root(): Inode {
		return this.live(this.#lower);
	}

	/** The files that were written to this tree and are still in it, and how many inodes are its own. */
	written(): { readonly bytes: number; readonly inodes: number } {
		if (this.#copies === undefined && this.#lower.frozen) return { bytes: 0, inodes: 0 };
		const seen = new Set<Inode>();
		let bytes = 0;
		let inodes = 0;
		const count = (entry: Inode): void => {
			const inode = this.live(entry);
			if (seen.has(inode)) return;
			seen.add(inode);
			if (!inode.frozen) inodes++;
			if (inode.type === "file" && !inode.frozen) bytes += sizeOf(inode);
			if (inode.type === "directory") for (const child of inode.entries.values()) count(child);
		};
		count(this.#lower);
		return { bytes, inodes };
	}

	/** The inode as this tree has it now. */
	live(inode: Inode): Inode {
		return this.#copies?.get(inode) ?? inode;
	}

	/** The entry of a directory as this tree has it now. */
	child(directory: DirectoryInode, name: string): Inode | undefined {
		const entry = directory.entries.get(name);
		return entry === undefined ? undefined : this.live(entry);
	}

	/** This tree's own, changeable version of an inode. */
	own<T extends Inode>(inode: T): T {
		if (!inode.frozen) return inode;
		const known = this.#copies?.get(inode);
		if (known !== undefined) return known as T;
		const copy = { ...inode, frozen: false };
		if (copy.type === "directory") copy.entries = new Map(copy.entries);
		this.#copies ??= new Map();
		this.#copies.set(inode, copy);
		return copy;
	}

	newFile(content: FileContent, mode: number): FileInode {
		return { type: "file", ...this.#base(mode), content };
	}

	newDirectory(mode: number): DirectoryInode {
		return { type: "directory", ...this.#base(mode), entries: new Map() };
	}

	newSymlink(target: string): Inode {
		return { type: "symlink", ...this.#base(0o777), target };
	}

	/** Puts `inode` into a directory under a name, in place of what was there. */
	setEntry(directory: DirectoryInode, name: string, inode: Inode): void {
		if (directory.computed !== undefined) {
			if (inode.type !== "directory") throw new FsError("EACCES", "open", name);
			directory.computed.makeDirectory(name);
			return;
		}
		const owned = this.own(directory);
		owned.entries.set(name, inode);
		owned.mtimeMs = this.clock.now();
		this.#onWrite?.();
	}

	removeEntry(directory: DirectoryInode, name: string): void {
		if (directory.computed !== undefined) {
			directory.computed.removeDirectory(name);
			return;
		}
		const owned = this.own(directory);
		owned.entries.delete(name);
		owned.mtimeMs = this.clock.now();
		this.#onWrite?.();
	}

	/** Replaces a file's bytes; fails with ENOSPC over the tree's limit. */
	setContent(file: FileInode, content: FileContent, path: string): void {
		const growth = sizeOfContent(content) - (file.frozen ? 0 : sizeOf(file));
		if (this.#bytes + growth > this.#limitBytes) this.#bytes = this.written().bytes;
		if (this.#bytes + growth > this.#limitBytes) throw new FsError("ENOSPC", "write", path);
		this.#bytes += growth;
		const owned = this.own(file);
		owned.content = content;
		owned.mtimeMs = this.clock.now();
		this.#onWrite?.();
	}

	#base(mode: number) {
		return { ino: this.#nextIno++, frozen: false, mode, uid: 0, gid: 0, mtimeMs: this.clock.now() };
	}
}

/** In bytes. */
export function sizeOf(inode: Inode): number {
	switch (inode.type) {
		case "file":
			return sizeOfContent(inode.content);
		case "symlink":
			return typeof inode.target === "string" ? inode.target.length : 0;
		case "directory":
			return 4096;
		case "device":
			return 0;
		default:
			return inode satisfies never;
	}
}

function sizeOfContent(content: FileContent): number {
	// A generated file reports 0, as /proc does.
	if (typeof content === "function") return 0;
	return typeof content === "string" ? Buffer.byteLength(content) : content.byteLength;
}
