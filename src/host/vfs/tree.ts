/**
 * One tree of inodes: an image with a container's changes on it (as overlayfs has them), or a volume.
 *
 * The lower tree is frozen and shared. The first change to one of its inodes copies that inode up; the tree remembers
 * the copy by the identity of the original, so hard links stay links. A container that changes nothing costs nothing.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { SharedDisk } from "./disk.ts";
import { type DeviceKind, type DirectoryInode, type FileContent, type FileInode, FsError, type FsErrorCode, type Inode } from "./inode.ts";
import { SparseBytes } from "./sparse-bytes.ts";

/** What files written to a tree may take that is on nobody's disk; more is ENOSPC. */
const defaultTreeLimitBytes = 100 * 1024 ** 3;
/** What they may take of this process's memory: what is not zeros. More is ENOSPC, too. */
const treeMemoryBytes = 64 * 1024 * 1024;
/** Files from this size on grow in pieces. */
const leastGrownBytes = 16 * 1024;

export interface TreeOptions {
	readonly clock: Clock;
	/** The lower tree; absent: an empty directory. May be a file, which a bind mount of a single file needs. */
	readonly lower?: Inode;
	/** What it may take; of one that can grow, asked again and again. Default: what its disk has, or 100 GiB. */
	readonly limitBytes?: number | (() => number);
	/** On which it is with others. */
	readonly disk?: Pick<SharedDisk, "take"> | undefined;
	/** Told when files or directories are written or removed. */
	readonly onWrite?: (() => void) | undefined;
	/** With which error every write fails, while the disk beneath is not well. */
	readonly writeFault?: (() => FsErrorCode | undefined) | undefined;
}

interface Taken {
	readonly diskBytes: number;
	readonly heldBytes: number;
}

const nothing: Taken = { diskBytes: 0, heldBytes: 0 };

export class Tree {
	readonly clock: Clock;
	readonly #lower: Inode;
	readonly #limitBytes: number | (() => number) | undefined;
	readonly #disk: TreeOptions["disk"];
	readonly #onWrite: (() => void) | undefined;
	readonly #writeFault: (() => FsErrorCode | undefined) | undefined;
	/** Lower inode -> this tree's copy. Absent until the first change. */
	#copies: Map<Inode, Inode> | undefined;
	#nextIno = 1_000_000;
	/** At least what the files written to this tree take: removals are noticed when it reaches a limit. */
	#used: Taken = { diskBytes: 0, heldBytes: 0 };

	constructor({ clock, lower, limitBytes, disk, onWrite, writeFault }: TreeOptions) {
		this.clock = clock;
		this.#onWrite = onWrite;
		this.#writeFault = writeFault;
		this.#limitBytes = limitBytes;
		this.#disk = disk;
		this.#lower = lower ?? this.newDirectory(0o755);
	}

	/** What its files may take, bytes. */
	get limitBytes(): number {
		if (this.#limitBytes === undefined) return this.#disk === undefined ? defaultTreeLimitBytes : Number.POSITIVE_INFINITY;
		return typeof this.#limitBytes === "number" ? this.#limitBytes : this.#limitBytes();
	}

	/** Somebody said how large it is: it is a disk of its own. */
	get isLimited(): boolean {
		return this.#limitBytes !== undefined;
	}

	get root(): Inode {
		return this.live(this.#lower);
	}

	/** What the files that were written to this tree and are still in it take of its disk, and how many inodes are its own. */
	written(): { readonly bytes: number; readonly inodes: number } {
		const { diskBytes, inodes } = this.#count();
		return { bytes: diskBytes, inodes };
	}

	#count(): Taken & { readonly inodes: number } {
		if (this.#copies === undefined && this.#lower.frozen) return { diskBytes: 0, heldBytes: 0, inodes: 0 };
		const seen = new Set<Inode>();
		let [diskBytes, heldBytes, inodes] = [0, 0, 0];
		const count = (entry: Inode): void => {
			const inode = this.live(entry);
			if (seen.has(inode)) return;
			seen.add(inode);
			if (!inode.frozen) inodes++;
			if (inode.type === "file" && !inode.frozen) {
				const taken = takenBy(inode.content);
				diskBytes += taken.diskBytes;
				heldBytes += taken.heldBytes;
			}
			if (inode.type === "directory" && inode.isView !== true) for (const child of inode.entries.values()) count(child);
		};
		count(this.#lower);
		return { diskBytes, heldBytes, inodes };
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

	newDevice(device: DeviceKind, mode: number): Inode {
		return { type: "device", ...this.#base(mode), device };
	}

	/** Puts `inode` into a directory under a name, in place of what was there. */
	setEntry(directory: DirectoryInode, name: string, inode: Inode): void {
		if (directory.computed !== undefined) {
			if (inode.type !== "directory") throw new FsError("EACCES", "open", name);
			directory.computed.makeDirectory(name);
			return;
		}
		this.#checkDisk(name);
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
		this.#checkDisk(name);
		const owned = this.own(directory);
		owned.entries.delete(name);
		owned.mtimeMs = this.clock.now();
		this.#onWrite?.();
	}

	/** Replaces a file's bytes; fails with ENOSPC over the tree's limits. */
	setContent(file: FileInode, content: FileContent, path: string): void {
		this.#checkDisk(path);
		const before = file.frozen ? nothing : takenBy(file.content);
		const after = takenBy(content);
		this.#take({ diskBytes: after.diskBytes - before.diskBytes, heldBytes: after.heldBytes - before.heldBytes }, path);
		const owned = this.own(file);
		owned.content = content;
		this.#changed(owned);
	}

	/** Adds to the end of a file; fails like `setContent`. */
	append(file: FileInode, bytes: Uint8Array, path: string): void {
		this.#checkDisk(path);
		const { content } = file;
		if (content instanceof SparseBytes) {
			const before = takenBy(content);
			// What is zero is found out by appending, so what does not fit is taken back.
			const length = content.byteLength;
			content.append(bytes);
			const after = takenBy(content);
			try {
				this.#take({ diskBytes: after.diskBytes - before.diskBytes, heldBytes: after.heldBytes - before.heldBytes }, path);
			} catch (error) {
				content.resize(length, false);
				throw error;
			}
			this.#changed(file);
			return;
		}
		const old = bytesOf(content);
		if (old.byteLength + bytes.byteLength < leastGrownBytes) {
			this.setContent(file, Buffer.concat([old, bytes]), path);
			return;
		}
		const grown = new SparseBytes();
		grown.append(old);
		grown.append(bytes);
		this.setContent(file, grown, path);
	}

	/** Makes a file so long, with zeros at its end; fails like `setContent`. @param isHole they take no disk */
	resize(file: FileInode, byteLength: number, isHole: boolean, path: string): void {
		const resized = file.content instanceof SparseBytes ? file.content.clone() : new SparseBytes();
		if (!(file.content instanceof SparseBytes)) resized.append(bytesOf(file.content));
		resized.resize(byteLength, isHole);
		if (!isHole) resized.fillHoles();
		this.setContent(file, resized, path);
	}

	#take({ diskBytes, heldBytes }: Taken, path: string): void {
		const { limitBytes } = this;
		const isOver = () =>
			(diskBytes > 0 && this.#used.diskBytes + diskBytes > limitBytes) ||
			(heldBytes > 0 && this.#used.heldBytes + heldBytes > treeMemoryBytes);
		if (isOver()) this.#used = this.#count();
		if (isOver() || this.#disk?.take(diskBytes) === false) throw new FsError("ENOSPC", "write", path);
		this.#used = { diskBytes: this.#used.diskBytes + diskBytes, heldBytes: this.#used.heldBytes + heldBytes };
	}

	#changed(file: FileInode): void {
		file.mtimeMs = this.clock.now();
		this.#onWrite?.();
	}

	/** Throws FsError. */
	#checkDisk(path: string): void {
		const fault = this.#writeFault?.();
		if (fault !== undefined) throw new FsError(fault, "write", path);
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
	if (typeof content === "string") return Buffer.byteLength(content);
	return "bytes" in content ? content.sizeBytes : content.byteLength;
}

function takenBy(content: FileContent): Taken {
	if (content instanceof SparseBytes) return { diskBytes: content.allocatedBytes, heldBytes: content.heldBytes };
	const bytes = sizeOfContent(content);
	return { diskBytes: bytes, heldBytes: bytes };
}

/** What a file takes of its disk, without holes. */
export function diskBytesOf(inode: Inode): number {
	return inode.type === "file" ? takenBy(inode.content).diskBytes : sizeOf(inode);
}

/** All of a file that is not large. */
export function bytesOf(content: FileContent): Uint8Array {
	if (content instanceof SparseBytes) return Buffer.concat([...content.read()]);
	const text = typeof content === "function" ? content(undefined) : content;
	if (typeof text === "string") return Buffer.from(text);
	return "bytes" in text ? text.bytes() : text;
}

/** For builders of trees: puts a file at a path relative to the tree's root, with its directories. */
export function putFile(tree: Tree, path: string, content: FileContent, mode = 0o644): void {
	const file = tree.newFile("", mode);
	putInode(tree, path, file);
	tree.setContent(file, content, path);
}

/** Puts an inode into a tree, with the directories above it. */
export function putInode(tree: Tree, path: string, inode: Inode): void {
	const parts = path.split("/").filter((part) => part !== "");
	const name = parts.pop();
	if (name === undefined || tree.root.type !== "directory") throw new FsError("EINVAL", "open", path);
	let directory = tree.own(tree.root);
	for (const part of parts) {
		const next = tree.child(directory, part) ?? tree.newDirectory(0o755);
		if (next.type !== "directory") throw new FsError("ENOTDIR", "open", path);
		tree.setEntry(directory, part, next);
		directory = tree.own(next);
	}
	tree.setEntry(directory, name, inode);
}
