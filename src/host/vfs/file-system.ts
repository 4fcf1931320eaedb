/**
 * The mount namespace of a machine or container: trees joined by mounts, and the file system calls on them. All calls
 * are synchronous; all paths are absolute. Whoever looks through `as` is held to ownership and permission bits, unless it is root.
 */
import { type DeviceKind, type DirectoryInode, type FileCaller, type FileInode, FsError, type Inode, targetOf } from "./inode.ts";
import { type Mount, MountTable, type Propagation } from "./mount-table.ts";
import { parentPath, resolvePath } from "./path.ts";
import { entryAt, PathWalker, type Slot } from "./path-walker.ts";
import { mayAccess, mayReplace } from "./permissions.ts";
import { SparseBytes } from "./sparse-bytes.ts";
import { bytesOf, diskBytesOf, sizeOf, type Tree } from "./tree.ts";

/** What is read of one file at once; who wants all of a larger one has no memory for it. */
const maxReadBytes = 64 * 1024 * 1024;

/** Of a directory: what is made in it gets its group. */
const setgid = 0o2000;

export interface FileStat {
	readonly type: Inode["type"];
	readonly ino: number;
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Names that it has; of a directory also `.`, and `..` of those in it. */
	readonly links: number;
	readonly sizeBytes: number;
	/** What it takes of its disk. */
	readonly diskBytes: number;
	readonly mtimeMs: number;
}

const overlay = { source: "overlay", type: "overlay" };

export class FileSystem {
	#mounts = new MountTable();
	/** What is mounted at `/`. */
	readonly rootTree: Tree;
	/** Who looks; undefined: the runtime, which may everything. */
	#caller: FileCaller | undefined;
	#paths: PathWalker;

	/**
	 * @param root the tree mounted at `/`
	 * @param device what it is on; default a container's layers
	 */
	constructor(root: Tree, readOnly = false, device: { readonly source: string; readonly type: string } = overlay) {
		this.rootTree = root;
		this.#mounts.set("/", { path: "/", tree: root, readOnly, ...device });
		this.#paths = new PathWalker(this.#mounts, undefined);
	}

	/** The same files, as somebody may use them. */
	as(caller: FileCaller): FileSystem {
		return this.#view(this.#mounts, caller);
	}

	/** A mount namespace of its own that has the same mounts now. */
	copy(propagation: Propagation | "unchanged" = "private"): FileSystem {
		return this.#view(this.#mounts.copy(propagation), undefined);
	}

	#view(mounts: MountTable, caller: FileCaller | undefined): FileSystem {
		const view = new FileSystem(this.rootTree);
		view.#mounts = mounts;
		view.#caller = caller;
		view.#paths = new PathWalker(mounts, caller);
		return view;
	}

	/** Its mounts, and how they spread. */
	get mountTable(): MountTable {
		return this.#mounts;
	}

	/** The mount in which a path lies. Throws FsError. */
	mountOf(path: string): Mount {
		return this.#mounts.containing(this.#paths.find(path, "stat", false).path);
	}

	/**
	 * Shows a directory or file a second time (`mount --bind`). Throws FsError.
	 * @param isRecursive with what is mounted below it
	 */
	bind(source: string, target: string, isRecursive = false): void {
		const from = this.realPath(source);
		const to = this.realPath(target);
		const place = this.#paths.find(from, "mount");
		const mount = this.#mounts.containing(from);
		if ((place.inode.type === "directory") !== (this.stat(to).type === "directory")) throw new FsError("ENOTDIR", "mount", target);
		const rest = from.slice(mount.path === "/" ? 0 : mount.path.length);
		const rootPath = resolvePath(mount.rootPath ?? "/", `.${rest === "" ? "/" : rest}`);
		const inner = isRecursive ? this.mounts().filter(({ path }) => path.startsWith(from === "/" ? "/" : `${from}/`) && path !== "/") : [];
		this.#mounts.set(to, { ...mount, path: to, tree: place.tree, inode: place.inode, rootPath });
		this.#mounts.follow(to, this.#mounts, from, "shared");
		for (const each of inner) {
			if (each.path === to || each.path.startsWith(`${to}/`)) continue;
			const at = to + each.path.slice(from === "/" ? 0 : from.length);
			this.#mounts.set(at, { ...each, path: at });
		}
	}

	/** Throws FsError: nothing is mounted there, or something below it. */
	unmount(path: string, isLazy = false): void {
		const at = this.realPath(path);
		if (at === "/" || !this.#mounts.has(at)) throw new FsError("EINVAL", "umount", path);
		const inner = this.mounts().filter((each) => each.path.startsWith(`${at}/`));
		if (inner.length > 0 && !isLazy) throw new FsError("EBUSY", "umount", path);
		for (const each of [...inner].reverse()) this.#mounts.remove(each.path);
		this.#mounts.remove(at);
	}

	/** Mounts over `mount.path`, made if it is not there. */
	mount(mount: Mount): void {
		const isDirectory = (mount.inode ?? mount.tree.root).type === "directory";
		if (!this.exists(mount.path)) {
			this.mkdir(isDirectory ? mount.path : parentPath(mount.path), { recursive: true, force: true });
			if (!isDirectory) this.#write(mount.path, "", 0o644, true);
		}
		this.#mounts.set(this.realPath(mount.path), mount);
	}

	mounts(): readonly Mount[] {
		return this.#mounts.values();
	}

	exists(path: string): boolean {
		return typeof this.#paths.walk(path) !== "string";
	}

	/** The inode itself, for readers that need more than its bytes (programs, devices). */
	inode(path: string): Inode {
		return this.#paths.find(path, "open").inode;
	}

	/** Where a path leads, as a thing to be mounted elsewhere. */
	place(path: string): { readonly tree: Tree; readonly inode: Inode } {
		const { tree, inode } = this.#paths.find(path, "open");
		return { tree, inode };
	}

	stat(path: string): FileStat {
		return statOf(this.#paths.find(path, "stat").inode);
	}

	/** Numbers the file systems that are mounted: with `ino`, whether two paths are one file. Throws FsError. */
	deviceOf(path: string): number {
		const { tree } = this.#paths.find(path, "stat");
		return [...new Set(this.#mounts.values().map((mount) => mount.tree))].indexOf(tree);
	}

	/** As stat, of a symbolic link itself. */
	lstat(path: string): FileStat {
		return statOf(this.#paths.find(path, "lstat", false).inode);
	}

	realPath(path: string): string {
		return this.#paths.find(path, "realpath").path;
	}

	/** All of a file; fails with ENOMEM if it is very large. */
	readBytes(path: string): Uint8Array {
		const { inode } = this.#paths.find(path, "open");
		if (inode.type === "directory") throw new FsError("EISDIR", "read", path);
		this.#require(inode, "r", "open", path);
		if (inode.type !== "file") return new Uint8Array();
		if (typeof inode.content === "function") return Buffer.from(inode.content(this.#caller));
		if (sizeOf(inode) > maxReadBytes) throw new FsError("ENOMEM", "read", path);
		return bytesOf(inode.content);
	}

	/** Throws FsError if one may not, or there is nothing. */
	checkAccess(path: string, want: "r" | "w" | "x"): void {
		this.#require(this.#paths.find(path, "access").inode, want, "access", path);
	}

	/** A file in pieces, which nobody may change. */
	*readPieces(path: string): Generator<Uint8Array> {
		const { inode } = this.#paths.find(path, "open");
		this.#require(inode, "r", "open", path);
		if (inode.type === "file" && inode.content instanceof SparseBytes) yield* inode.content.read();
		else yield this.readBytes(path);
	}

	readText(path: string): string {
		return Buffer.from(this.readBytes(path)).toString();
	}

	writeFile(path: string, content: string | Uint8Array): void {
		this.#write(path, content, 0o644, false);
	}

	appendFile(path: string, content: string | Uint8Array): void {
		if (!this.exists(path)) {
			this.writeFile(path, "");
		}
		const { inode } = this.#paths.find(path, "open");
		if (inode.type === "device") return;
		if (inode.type === "file" && inode.onWrite !== undefined) {
			this.writeFile(path, content);
			return;
		}
		const { tree, file } = this.#ownFile(path);
		tree.append(file, typeof content === "string" ? Buffer.from(content) : content, path);
	}

	/** Makes a file so long, with zeros at its end; it is made if it is not there. @param isHole they take no disk */
	resize(path: string, byteLength: number, isHole: boolean): void {
		if (!this.exists(path)) this.writeFile(path, "");
		const { tree, file } = this.#ownFile(path);
		tree.resize(file, byteLength, isHole, path);
	}

	/** A file's bytes, whatever its size, in another one. */
	copyFile(from: string, to: string): void {
		const { inode } = this.#paths.find(from, "open");
		if (inode.type !== "file" || !(inode.content instanceof SparseBytes)) {
			this.writeFile(to, this.readBytes(from));
			return;
		}
		this.writeFile(to, "");
		const { tree, file } = this.#ownFile(to);
		tree.setContent(file, inode.content.clone(), to);
	}

	#ownFile(path: string) {
		const place = this.#paths.find(path, "open");
		if (place.inode.type !== "file") throw new FsError("EISDIR", "open", path);
		if (place.readOnly) throw new FsError("EROFS", "open", path);
		this.#require(place.inode, "w", "open", path);
		return { tree: place.tree, file: place.tree.own(place.inode) };
	}

	readdir(path: string): string[] {
		const place = this.#paths.find(path, "scandir");
		if (place.inode.type !== "directory") throw new FsError("ENOTDIR", "scandir", path);
		this.#require(place.inode, "r", "scandir", path);
		return [...place.inode.entries.keys()].sort();
	}

	/** `force` makes mount points on read-only trees, as a container runtime does. */
	mkdir(path: string, options: { readonly recursive?: boolean; readonly mode?: number; readonly force?: boolean } = {}): void {
		if (options.recursive === true) {
			let made = "";
			for (const name of resolvePath("/", path).split("/").slice(1)) {
				made += `/${name}`;
				if (name !== "" && !this.exists(made)) this.mkdir(made, { ...options, recursive: false });
			}
			return;
		}
		const slot = this.#paths.slot(path, "mkdir");
		if (entryAt(slot) !== undefined || slot.name === "") throw new FsError("EEXIST", "mkdir", path);
		const { tree, directory } = this.#writable(slot, "mkdir", options.force);
		tree.setEntry(directory, slot.name, this.#adopt(tree.newDirectory(options.mode ?? 0o755), directory));
	}

	/** Removes a file, or with `recursive` a whole directory. */
	remove(path: string, options: { readonly recursive?: boolean } = {}): void {
		const slot = this.#paths.slot(path, "rm");
		const inode = entryAt(slot);
		if (inode === undefined) throw new FsError("ENOENT", "rm", path);
		if (this.#mounts.has(slot.path)) throw new FsError("EBUSY", "rm", path);
		const isComputed = inode.type === "directory" && inode.computed !== undefined;
		if (isComputed && options.recursive === true) throw new FsError("EPERM", "rm", path);
		if (inode.type === "directory" && !isComputed && inode.entries.size > 0 && options.recursive !== true)
			throw new FsError("ENOTEMPTY", "rm", path);
		const { tree, directory } = this.#writable(slot, "rm");
		if (!mayReplace(directory, inode, this.#caller)) throw new FsError("EPERM", "rm", path);
		if ((inode.links ?? 1) > 1) tree.own(inode).links = (inode.links ?? 2) - 1;
		tree.removeEntry(directory, slot.name);
	}

	rename(from: string, to: string): void {
		const source = this.#paths.slot(from, "rename");
		const inode = entryAt(source);
		if (inode === undefined) throw new FsError("ENOENT", "rename", from);
		const target = this.#paths.slot(to, "rename");
		if (target.path === source.path) return;
		if (target.path.startsWith(`${source.path}/`)) throw new FsError("EINVAL", "rename", from);
		const there = entryAt(target);
		if (there?.type === "directory" && inode.type !== "directory") throw new FsError("EISDIR", "rename", to);
		if (there?.type === "directory" && there.entries.size > 0) throw new FsError("ENOTEMPTY", "rename", to);
		const into = this.#writable(target, "rename");
		const outOf = this.#writable(source, "rename");
		outOf.tree.removeEntry(outOf.directory, source.name);
		into.tree.setEntry(into.tree.own(into.directory), target.name, inode);
	}

	symlink(target: string, path: string): void {
		const slot = this.#paths.slot(path, "symlink");
		if (entryAt(slot) !== undefined) throw new FsError("EEXIST", "symlink", path);
		const { tree, directory } = this.#writable(slot, "symlink");
		tree.setEntry(directory, slot.name, this.#adopt(tree.newSymlink(target), directory));
	}

	/** `mknod` of a character device. */
	makeDevice(path: string, device: DeviceKind, mode: number): void {
		const slot = this.#paths.slot(path, "mknod");
		if (entryAt(slot) !== undefined) throw new FsError("EEXIST", "mknod", path);
		const { tree, directory } = this.#writable(slot, "mknod");
		tree.setEntry(directory, slot.name, this.#adopt(tree.newDevice(device, mode), directory));
	}

	link(existing: string, path: string): void {
		const from = this.#paths.find(existing, "link");
		const slot = this.#paths.slot(path, "link");
		if (entryAt(slot) !== undefined) throw new FsError("EEXIST", "link", path);
		const { tree, directory } = this.#writable(slot, "link");
		if (from.inode.type === "directory") throw new FsError("EPERM", "link", path);
		if (tree !== from.tree) throw new FsError("EXDEV", "link", path);
		const inode = tree.own(from.inode);
		inode.links = (inode.links ?? 1) + 1;
		tree.setEntry(directory, slot.name, inode);
	}

	readlink(path: string): string {
		const { inode } = this.#paths.find(path, "readlink", false);
		if (inode.type !== "symlink") throw new FsError("EINVAL", "readlink", path);
		return targetOf(inode, this.#caller);
	}

	chmod(path: string, mode: number): void {
		this.#own(path, "chmod").mode = mode & 0o7777;
	}

	/** Of root alone; whoever owns a file may give it to a group of its own. */
	chown(path: string, uid: number, gid: number): void {
		const { credentials } = this.#caller ?? {};
		if (credentials !== undefined && credentials.uid !== 0) {
			const isOwn = uid === credentials.uid && (gid === credentials.gid || credentials.groups.includes(gid));
			if (!isOwn) throw new FsError("EPERM", "chown", path);
		}
		const inode = this.#own(path, "chown");
		inode.uid = uid;
		inode.gid = gid;
	}

	/** @param mtimeMs Unix ms. */
	setModifiedTime(path: string, mtimeMs: number): void {
		this.#own(path, "utime").mtimeMs = mtimeMs;
	}

	#own(path: string, operation: string): Inode {
		const place = this.#paths.find(path, operation);
		if (place.readOnly) throw new FsError("EROFS", operation, path);
		const uid = this.#caller?.credentials.uid ?? 0;
		if (uid !== 0 && uid !== place.inode.uid) throw new FsError("EPERM", operation, path);
		return place.tree.own(place.inode);
	}

	/** Throws EACCES if the caller may not. */
	#require(inode: Inode, want: "r" | "w" | "x", operation: string, path: string): void {
		if (!mayAccess(inode, want, this.#caller)) throw new FsError("EACCES", operation, path);
	}

	/** What a new file is, beside its content: its maker's; in a directory with setgid of the directory's group. Source: inode(7). */
	#adopt<T extends Inode>(inode: T, directory: DirectoryInode): T {
		const { credentials } = this.#caller ?? {};
		if (credentials !== undefined) {
			inode.uid = credentials.uid;
			inode.gid = credentials.gid;
		}
		if ((directory.mode & setgid) !== 0) {
			inode.gid = directory.gid;
			if (inode.type === "directory") inode.mode |= setgid;
		}
		return inode;
	}

	/** A file that shows something else than bytes takes what is written, and is not cut off. */
	#tell(file: FileInode, content: string | Uint8Array, path: string): void {
		if ((file.mode & 0o222) === 0) throw new FsError("EACCES", "open", path);
		if (content.length > 0) file.onWrite?.(typeof content === "string" ? content : Buffer.from(content).toString(), this.#caller);
	}

	#write(path: string, content: string | Uint8Array, mode: number, force: boolean): void {
		const slot = this.#paths.slot(path, "open");
		let entry = entryAt(slot);
		if (entry?.type === "symlink") {
			this.#write(this.#paths.endOfLinks(path), content, mode, force);
			return;
		}
		const mounted = this.#mounts.get(slot.path);
		if (mounted !== undefined) entry = mounted.tree.live(mounted.inode ?? mounted.tree.root);
		if (entry?.type === "directory" || slot.name === "") throw new FsError("EISDIR", "open", path);
		if (entry?.type === "device") return;
		if (entry !== undefined) this.#require(entry, "w", "open", path);
		if (entry?.type === "file" && entry.onWrite !== undefined) {
			if (slot.parent.readOnly) throw new FsError("EROFS", "open", path);
			this.#tell(entry, content, path);
			return;
		}
		if (mounted !== undefined && entry?.type === "file") {
			if (mounted.readOnly) throw new FsError("EROFS", "open", path);
			mounted.tree.setContent(entry, content, path);
			return;
		}
		if (entry !== undefined) {
			if (slot.parent.readOnly && !force) throw new FsError("EROFS", "open", path);
			slot.parent.tree.setContent(entry as FileInode, content, path);
			return;
		}
		const { tree, directory } = this.#writable(slot, "open", force);
		const file = this.#adopt(tree.newFile("", mode), directory);
		tree.setEntry(directory, slot.name, file);
		tree.setContent(file, content, path);
	}

	#writable({ parent, path }: Slot, operation: string, force = false) {
		if (parent.readOnly && !force) throw new FsError("EROFS", operation, path);
		if (parent.inode.type !== "directory") throw new FsError("ENOTDIR", operation, path);
		this.#require(parent.inode, "w", operation, path);
		return { tree: parent.tree, directory: parent.tree.own(parent.inode) };
	}
}

function linksOf(inode: Inode): number {
	if (inode.type !== "directory") return inode.links ?? 1;
	let links = 2;
	if (inode.computed === undefined) for (const child of inode.entries.values()) if (child.type === "directory") links++;
	return links;
}

function statOf(inode: Inode): FileStat {
	const { type, ino, mode, uid, gid, mtimeMs } = inode;
	return { type, ino, mode, uid, gid, mtimeMs, links: linksOf(inode), sizeBytes: sizeOf(inode), diskBytes: diskBytesOf(inode) };
}
