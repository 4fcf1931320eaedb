/**
 * One hierarchy of control groups: the only one of version 2, or one of several of version 1. The kubelet's and systemd's groups are given
 * by a source when somebody looks; what is written by hand to them, and groups made by hand, is kept here.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html
 */
import type { Process } from "../process.ts";
import { FsError } from "../vfs/inode.ts";
import { Cgroup, type Hierarchy, type ProvidedGroup } from "./cgroup.ts";
import { settingKinds } from "./settings.ts";

export interface CgroupTreeOptions {
	readonly hierarchy: Hierarchy;
	/** All of the machine's. */
	readonly processes: () => readonly Process[];
	/** Groups that are there without anybody's doing, above before below. */
	readonly provided: () => Iterable<ProvidedGroup>;
	/** Where in it a process is that nobody has moved here: its `cgroup`, as far as that is a group here. */
	readonly place: (path: string) => string;
	/** A limit was written, or a process has come into a group. */
	readonly changed: (tree: CgroupTree, group: Cgroup, process: Process | undefined) => void;
}

export class CgroupTree {
	readonly root: Cgroup;
	readonly hierarchy: Hierarchy;
	readonly #options: CgroupTreeOptions;

	constructor(options: CgroupTreeOptions) {
		this.#options = options;
		this.hierarchy = options.hierarchy;
		this.root = new Cgroup("", undefined, options.hierarchy);
		this.sync();
	}

	/** Brings in what the kubelet and systemd have made since somebody last looked, and takes away what is gone. */
	sync(): void {
		const present = new Set<Cgroup>([this.root]);
		for (const provided of this.#options.provided()) {
			if (this.#options.place(provided.path) !== provided.path) continue;
			const group = this.#ensure(provided.path);
			group.provided = provided;
			for (const each of group.line()) present.add(each);
		}
		const sweep = (group: Cgroup): void => {
			for (const child of group.children.values()) {
				sweep(child);
				if (child.provided !== undefined && !present.has(child)) group.children.delete(child.name);
			}
		};
		sweep(this.root);
	}

	find(path: string): Cgroup | undefined {
		let group: Cgroup | undefined = this.root;
		for (const name of path.split("/")) if (name !== "") group = group?.children.get(name);
		return group;
	}

	#ensure(path: string): Cgroup {
		let group = this.root;
		for (const name of path.split("/")) {
			if (name === "") continue;
			const child = group.children.get(name) ?? new Cgroup(name, group, this.hierarchy);
			group.children.set(name, child);
			group = child;
		}
		return group;
	}

	/** `mkdir`. Throws FsError. */
	make(parent: Cgroup, name: string): Cgroup {
		if (parent.children.has(name)) throw new FsError("EEXIST", "mkdir", name);
		const group = new Cgroup(name, parent, this.hierarchy);
		parent.children.set(name, group);
		return group;
	}

	/** `rmdir`. Throws FsError. */
	remove(group: Cgroup): void {
		if (group.parent === undefined || group.children.size > 0 || this.members(group).length > 0)
			throw new FsError("EBUSY", "rmdir", group.path);
		group.parent.children.delete(group.name);
	}

	processes(): readonly Process[] {
		return this.#options.processes();
	}

	/** Where a process is, from the root. */
	pathOf(process: Process): string {
		return process.traits.cgroups?.get(this.hierarchy.id) ?? this.#options.place(process.cgroup);
	}

	/** The group that a process is in; undefined: it is gone. */
	groupOf(process: Process): Cgroup | undefined {
		const path = this.pathOf(process);
		const known = this.find(path);
		if (known !== undefined) return known;
		this.sync();
		return this.find(path);
	}

	/** Processes in the group itself. */
	members(group: Cgroup): readonly Process[] {
		const { path } = group;
		return this.processes().filter((process) => process.exit === undefined && this.pathOf(process) === path);
	}

	/** Processes in it and below. */
	population(group: Cgroup): readonly Process[] {
		const { path } = group;
		const below = path === "/" ? path : `${path}/`;
		return this.processes().filter((process) => {
			if (process.exit !== undefined) return false;
			const at = this.pathOf(process);
			return at === path || at.startsWith(below);
		});
	}

	/** Living processes by group. */
	byGroup(): ReadonlyMap<string, readonly Process[]> {
		return Map.groupBy(
			this.processes().filter(({ exit }) => exit === undefined),
			(process) => this.pathOf(process),
		);
	}

	/** Throws FsError: in version 2 a group that hands controllers on has no processes of its own, but the root. */
	move(process: Process, group: Cgroup): void {
		const { version, id, controllers } = this.hierarchy;
		if (version === 2 && group.parent !== undefined && group.enabled.size > 0) throw new FsError("EBUSY", "write", group.path);
		// Nobody can run without a processor and memory.
		if (version === 1 && controllers.includes("cpuset") && group.parent !== undefined)
			for (const setting of ["cpuset.cpus", "cpuset.mems"])
				if (group.setting(setting) === "" && group.provided === undefined) throw new FsError("ENOSPC", "write", group.path);
		if (version === 2) process.setTraits({ cgroup: group.path });
		else process.setTraits({ cgroups: new Map([...(process.traits.cgroups ?? []), [id, group.path]]) });
		this.#options.changed(this, group, process);
	}

	/** Writes a value by hand. @param name one of `settingKinds`. Throws FsError. */
	write(group: Cgroup, name: string, text: string): void {
		const kind = settingKinds[name];
		if (kind === undefined) throw new FsError("EINVAL", "write", name);
		group.written.set(name, kind.read(text.trim(), name, group.setting(name)));
		if (name === "memory.max" || name === "cpu.max" || name === "memory.high") {
			for (const each of group.subtreeGroups()) each.provided?.onLimits?.();
			this.#options.changed(this, group, undefined);
		}
	}
}
