/**
 * Packages of a Debian machine: what is installed and what could be, out of a catalogue that every machine has; nothing comes over a
 * network. Installing one puts its programs where they belong.
 */

import type { FileSystem } from "../vfs/file-system.ts";
import type { FileInode } from "../vfs/inode.ts";
import { baseName } from "../vfs/path.ts";
import { putFile } from "../vfs/tree.ts";

export interface Package {
	readonly name: string;
	/** The newest first. */
	readonly versions: readonly string[];
	readonly description: string;
	/** Paths of its programs. */
	readonly programs: readonly string[];
	readonly sizeKb: number;
	/** It came with the machine. */
	readonly isInstalled: boolean;
}

export class Packages {
	readonly #files: () => FileSystem;
	readonly #catalogue: ReadonlyMap<string, Package>;
	/** Version by name. */
	readonly #installed: Map<string, string>;
	readonly held = new Set<string>();

	/** @param files of the machine, when something is installed or removed */
	constructor(catalogue: readonly Package[], files: () => FileSystem) {
		this.#files = files;
		this.#catalogue = new Map(catalogue.map((each) => [each.name, each]));
		this.#installed = new Map(
			catalogue.filter(({ isInstalled }) => isInstalled).map(({ name, versions: [newest = ""] }) => [name, newest]),
		);
	}

	find(name: string): Package | undefined {
		return this.#catalogue.get(name);
	}

	/** By name. */
	all(): readonly Package[] {
		return [...this.#catalogue.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
	}

	installedVersion(name: string): string | undefined {
		return this.#installed.get(name);
	}

	install({ name, programs }: Package, version: string): void {
		this.#installed.set(name, version);
		const { rootTree } = this.#files();
		for (const path of programs) {
			const program = baseName(path);
			putFile(rootTree, path, `\x7fELF\x02\x01\x01${program}`, 0o755);
			const inode = this.#files().inode(path) as FileInode;
			inode.program = program;
		}
	}

	remove({ name, programs }: Package): void {
		this.#installed.delete(name);
		const files = this.#files();
		for (const path of programs) if (files.exists(path)) files.remove(path);
	}

	/** Whose file it is. */
	ownerOf(path: string): string | undefined {
		for (const { name, programs } of this.#catalogue.values())
			if (this.#installed.has(name) && programs.some((program) => program === path || program.endsWith(`/${path}`))) return name;
		return undefined;
	}
}
