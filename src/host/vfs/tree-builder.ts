/**
 * Builds the frozen tree of an image. The result is shared by all containers of all clusters in the process: it is
 * never written.
 */
import type { DirectoryInode, FileContent, Inode } from "./inode.ts";
import { baseName, parentPath } from "./path.ts";

export class TreeBuilder {
	readonly #mtimeMs: number;
	readonly #root: DirectoryInode;
	#nextIno = 2;

	/** @param mtimeMs when the image was built, Unix ms: the date that `ls -l` shows. */
	constructor(mtimeMs: number) {
		this.#mtimeMs = mtimeMs;
		this.#root = { type: "directory", ...this.#base(0o755), entries: new Map() };
	}

	directory(path: string, mode = 0o755): this {
		this.#directory(path).mode = mode;
		return this;
	}

	file(path: string, content: FileContent, mode = 0o644): this {
		return this.#put(path, { type: "file", ...this.#base(mode), content });
	}

	symlink(path: string, target: string): this {
		return this.#put(path, { type: "symlink", ...this.#base(0o777), target });
	}

	/** An executable that the simulation implements under the name `program`. */
	program(path: string, program = baseName(path)): this {
		return this.#put(path, { type: "file", ...this.#base(0o755), content: `\x7fELF\x02\x01\x01${program}`, program });
	}

	/** Executables of a directory, each named as its program. */
	programs(directory: string, names: readonly string[]): this {
		for (const name of names) this.program(`${directory}/${name}`);
		return this;
	}

	build(): DirectoryInode {
		return this.#root;
	}

	#put(path: string, inode: Inode): this {
		this.#directory(parentPath(path)).entries.set(baseName(path), inode);
		return this;
	}

	#directory(path: string): DirectoryInode {
		let at = this.#root;
		for (const name of path.split("/").filter((part) => part !== "")) {
			const next = at.entries.get(name);
			if (next?.type === "directory") {
				at = next;
				continue;
			}
			const made: DirectoryInode = { type: "directory", ...this.#base(0o755), entries: new Map() };
			at.entries.set(name, made);
			at = made;
		}
		return at;
	}

	#base(mode: number) {
		return { ino: this.#nextIno++, frozen: true, mode, uid: 0, gid: 0, mtimeMs: this.#mtimeMs };
	}
}
