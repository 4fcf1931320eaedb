/**
 * Where paths lead: from the root on, across mounts and symbolic links, as far as who looks may go.
 * Source: https://man7.org/linux/man-pages/man7/path_resolution.7.html
 */
import { automountOf } from "./automount.ts";
import { type FileCaller, FsError, type FsErrorCode, type Inode, targetOf } from "./inode.ts";
import type { Mount, MountTable } from "./mount-table.ts";
import { baseName, joinPath, parentPath, resolvePath } from "./path.ts";
import { mayAccess } from "./permissions.ts";
import type { Tree } from "./tree.ts";

/** Linux's MAXSYMLINKS. */
const maxSymlinks = 40;
/** Linux's PATH_MAX, bytes. */
const maxPathBytes = 4096;
/** Linux's NAME_MAX, bytes. */
const maxNameBytes = 255;

/** An inode, and where it was found. */
export interface Place {
	readonly tree: Tree;
	readonly inode: Inode;
	/** Without symbolic links. */
	readonly path: string;
	readonly readOnly: boolean;
}

/** Where an entry is or would be. */
export interface Slot {
	readonly parent: Place;
	readonly name: string;
	readonly path: string;
}

export class PathWalker {
	readonly #mounts: MountTable;
	readonly #caller: FileCaller | undefined;

	/** @param caller who looks; undefined: the runtime, which may everything */
	constructor(mounts: MountTable, caller: FileCaller | undefined) {
		this.#mounts = mounts;
		this.#caller = caller;
	}

	/** What a path leads to. Throws FsError. @param operation for the error's text */
	find(path: string, operation: string, followLast = true): Place {
		const place = this.walk(path, followLast);
		if (typeof place === "string") throw new FsError(place, operation, path);
		return place;
	}

	/** The same, and why it leads nowhere, where it does. */
	walk(path: string, followLast = true): Place | FsErrorCode {
		if (path.length >= maxPathBytes) return "ENAMETOOLONG";
		let links = 0;
		let trail: Place[] = [this.#mounted("/")];
		let todo = path.split("/").filter((part) => part !== "" && part !== ".");
		for (let name = todo.shift(); name !== undefined; name = todo.shift()) {
			const here = trail.at(-1) as Place;
			if (name === "..") {
				if (trail.length > 1) trail.pop();
				continue;
			}
			if (here.inode.type !== "directory") return "ENOTDIR";
			if (!mayAccess(here.inode, "x", this.#caller)) return "EACCES";
			const at = joinPath(here.path, name);
			const entry = here.tree.child(here.inode, name);
			if (entry === undefined) return "ENOENT";
			if (entry.type === "symlink" && (followLast || todo.length > 0)) {
				links++;
				if (links > maxSymlinks) return "ELOOP";
				const target = targetOf(entry, this.#caller);
				todo = [...target.split("/").filter((part) => part !== "" && part !== "."), ...todo];
				if (target.startsWith("/")) trail = trail.slice(0, 1);
				continue;
			}
			const elsewhere = automountOf(entry);
			if (elsewhere !== undefined) {
				const { tree, inode = tree.root, readOnly = false } = elsewhere;
				trail.push({ tree, inode: tree.live(inode), path: at, readOnly });
				continue;
			}
			const readOnly = here.readOnly || entry.isView === true;
			trail.push(this.#mounts.has(at) ? this.#mounted(at) : { tree: here.tree, inode: entry, path: at, readOnly });
		}
		return trail.at(-1) as Place;
	}

	/** Where the last name of a path stands, or would. Throws FsError if its directory is not there. */
	slot(path: string, operation: string): Slot {
		const absolute = resolvePath("/", path);
		const name = baseName(absolute);
		if (Buffer.byteLength(name) > maxNameBytes || absolute.length >= maxPathBytes) throw new FsError("ENAMETOOLONG", operation, path);
		const parent = this.find(parentPath(absolute), operation);
		if (parent.inode.type !== "directory") throw new FsError("ENOTDIR", operation, path);
		return { parent, name, path: joinPath(parent.path, name) };
	}

	/** Where a chain of links ends; what is there need not exist. */
	endOfLinks(path: string): string {
		let at = path;
		for (let links = 0; links < maxSymlinks; links++) {
			const slot = this.slot(at, "open");
			const entry = entryAt(slot);
			if (entry?.type !== "symlink") return slot.path;
			at = resolvePath(slot.parent.path, targetOf(entry, this.#caller));
		}
		throw new FsError("ELOOP", "open", path);
	}

	#mounted(path: string): Place {
		const mount = this.#mounts.get(path) as Mount;
		const inode = mount.inode === undefined ? mount.tree.root : mount.tree.live(mount.inode);
		return { tree: mount.tree, inode, path, readOnly: mount.readOnly || inode.isView === true };
	}
}

/** What stands there in the directory itself, whatever is mounted over it; undefined: nothing. */
export function entryAt({ parent, name }: Slot): Inode | undefined {
	return parent.inode.type === "directory" ? parent.tree.child(parent.inode, name) : undefined;
}
