/**
 * The control groups of a machine: one tree (version 2), in which every process is in one group. The kubelet's and systemd's groups are
 * given by a source when somebody looks; what is written by hand to them, and groups made by hand, is kept here. Nothing of this is in
 * memory until somebody looks at /sys/fs/cgroup.
 *
 *   limits of a process = the lowest of each limit on the way from its group to the root
 *
 * Simulated: cpu.max (work of the group's processes waits for its quota), memory.max (out-of-memory kills), pids.max is shown and not
 * enforced, as are weights, io limits and cpusets; memory.high counts and does not slow down.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { Cpu, type Throttling } from "../cpu.ts";
import type { KernelLog } from "../kernel-log.ts";
import type { Process } from "../process.ts";
import { FsError } from "../vfs/inode.ts";
import { chooseVictim, reportOom } from "./oom.ts";
import { type Controller, controllers, coresOf, limitOf, settingKinds } from "./settings.ts";

/** A group that the kubelet or systemd has made. */
export interface ProvidedGroup {
	/** From the root: `/kubepods.slice`. */
	readonly path: string;
	/** What they wrote to its files. */
	readonly settings: Readonly<Record<string, string>>;
	/** Of a container: what all its programs use, and have used. Absent: the sum of processes and groups below. */
	readonly usage?: (() => GroupUsage) | undefined;
	/** Told when its limits were changed by hand, its own or those of a group above it. */
	readonly onLimits?: (() => void) | undefined;
}

export interface GroupUsage {
	readonly cpuMs: number;
	readonly memoryBytes: number;
	readonly throttling: Throttling;
}

export interface CgroupTreeOptions {
	readonly clock: Clock;
	readonly log: KernelLog;
	/** All of the machine's. */
	readonly processes: () => readonly Process[];
	/** Groups that are there without anybody's doing, above before below. */
	readonly provided: () => Iterable<ProvidedGroup>;
	readonly memoryBytes: () => number;
	readonly cores: () => number;
}

export class Cgroup {
	/** "" of the root. */
	readonly name: string;
	readonly parent: Cgroup | undefined;
	readonly children = new Map<string, Cgroup>();
	provided: ProvidedGroup | undefined;
	/** By file, as it was written by hand. */
	readonly written = new Map<string, string>();
	/** Controllers of the groups below; undefined: as its maker has them. */
	subtree: Set<Controller> | undefined;
	isFrozen = false;
	/** Of a group with a quota of its own, or whose processes work. */
	cpu: Cpu | undefined;
	/** Counters of memory.events: its own. */
	oomKills = 0;
	oomEvents = 0;
	maxEvents = 0;
	highEvents = 0;
	groupKills = 0;
	peakMemoryBytes = 0;

	constructor(name: string, parent: Cgroup | undefined) {
		this.name = name;
		this.parent = parent;
	}

	/** From the root: `/`, `/a/b`. */
	get path(): string {
		if (this.parent === undefined) return "/";
		return this.parent.parent === undefined ? `/${this.name}` : `${this.parent.path}/${this.name}`;
	}

	/** Its own value of a file. */
	setting(file: string): string {
		return this.written.get(file) ?? this.provided?.settings[file] ?? settingKinds[file]?.default ?? "";
	}

	/** Itself, its parent, … the root. */
	*line(): Generator<Cgroup> {
		for (let group: Cgroup | undefined = this; group !== undefined; group = group.parent) yield group;
	}

	/** Itself and all below. */
	*subtreeGroups(): Generator<Cgroup> {
		yield this;
		for (const child of this.children.values()) yield* child.subtreeGroups();
	}

	/** Controllers that the groups below have. */
	get enabled(): ReadonlySet<Controller> {
		if (this.subtree !== undefined) return this.subtree;
		// systemd and the kubelet hand on all that there is, but to the groups of single services and containers.
		const handsOn = this.parent === undefined || (this.provided !== undefined && this.name.endsWith(".slice"));
		return handsOn ? new Set(this.available) : new Set();
	}

	/** Controllers that it has. */
	get available(): readonly Controller[] {
		if (this.parent === undefined) return controllers;
		const { enabled } = this.parent;
		return controllers.filter((name) => enabled.has(name));
	}
}

export class CgroupTree {
	readonly root = new Cgroup("", undefined);
	readonly #options: CgroupTreeOptions;

	constructor(options: CgroupTreeOptions) {
		this.#options = options;
		this.sync();
	}

	get memoryBytes(): number {
		return this.#options.memoryBytes();
	}

	get cores(): number {
		return this.#options.cores();
	}

	processes(): readonly Process[] {
		return this.#options.processes();
	}

	/** Brings in what the kubelet and systemd have made since somebody last looked, and takes away what is gone. */
	sync(): void {
		const present = new Set<Cgroup>([this.root]);
		for (const provided of this.#options.provided()) {
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
			const child = group.children.get(name) ?? new Cgroup(name, group);
			group.children.set(name, child);
			group = child;
		}
		return group;
	}

	/** `mkdir`. Throws FsError. */
	make(parent: Cgroup, name: string): Cgroup {
		if (parent.children.has(name)) throw new FsError("EEXIST", "mkdir", name);
		const group = new Cgroup(name, parent);
		parent.children.set(name, group);
		return group;
	}

	/** `rmdir`. Throws FsError. */
	remove(group: Cgroup): void {
		if (group.parent === undefined || group.children.size > 0 || this.members(group).length > 0)
			throw new FsError("EBUSY", "rmdir", group.path);
		group.parent.children.delete(group.name);
	}

	/** Processes in the group itself. */
	members(group: Cgroup): readonly Process[] {
		const { path } = group;
		return this.processes().filter((process) => process.cgroup === path && process.exit === undefined);
	}

	/** Processes in it and below. */
	population(group: Cgroup): readonly Process[] {
		const { path } = group;
		const below = path === "/" ? path : `${path}/`;
		return this.processes().filter(({ cgroup, exit }) => exit === undefined && (cgroup === path || cgroup.startsWith(below)));
	}

	/** Throws FsError: a group that hands controllers on has no processes of its own, but the root. */
	move(process: Process, group: Cgroup): void {
		if (group.parent !== undefined && group.enabled.size > 0) throw new FsError("EBUSY", "write", group.path);
		process.setTraits({ cgroup: group.path });
		this.enforceMemory(group.path, process);
	}

	/** Writes a value by hand. Throws FsError. */
	write(group: Cgroup, file: string, text: string): void {
		const kind = settingKinds[file];
		if (kind === undefined) throw new FsError("EINVAL", "write", file);
		group.written.set(file, kind.read(text.trim(), file, group.setting(file)));
		if (file === "memory.max" || file === "cpu.max" || file === "memory.high") this.#limitsChanged(group);
	}

	#limitsChanged(group: Cgroup): void {
		for (const each of group.subtreeGroups()) each.provided?.onLimits?.();
		this.enforceMemory(group.path, undefined);
	}

	/** What was set by hand, on the way up from a group. @param own of the group itself, where nobody wrote to it */
	effective(path: string, file: "cpu.max" | "memory.max", own: number): number {
		const read = file === "cpu.max" ? coresOf : limitOf;
		const group = this.find(path);
		let lowest = own;
		for (const each of group?.line() ?? []) {
			const written = each.written.get(file);
			if (each === group) lowest = written === undefined ? own : read(written);
			else lowest = Math.min(lowest, written === undefined ? Number.POSITIVE_INFINITY : read(written));
		}
		return lowest;
	}

	/** Where a process works that a quota set by hand holds back; undefined: as its machine has it. */
	cpuOf(process: Process): Cpu | undefined {
		const group = this.find(process.cgroup);
		if (group === undefined) return undefined;
		const isProvided = group.provided?.usage !== undefined;
		// A container's own quota is its machine's, which asks for what was written here.
		if (isProvided && process.machine.facts?.cgroup === process.cgroup) return undefined;
		group.cpu ??= new Cpu(this.#options.clock, () => this.#coresOf(group));
		return group.cpu;
	}

	#coresOf(group: Cgroup): number {
		let lowest = this.cores;
		for (const each of group.line()) lowest = Math.min(lowest, coresOf(each.setting("cpu.max")));
		return lowest;
	}

	/** Living processes by group. */
	#byGroup(): ReadonlyMap<string, readonly Process[]> {
		return Map.groupBy(
			this.processes().filter(({ exit }) => exit === undefined),
			({ cgroup }) => cgroup,
		);
	}

	/** Of a group and those below. */
	memoryOf(group: Cgroup, members = this.#byGroup()): number {
		const usage = group.provided?.usage;
		if (usage !== undefined) return usage().memoryBytes;
		let sum = 0;
		for (const process of members.get(group.path) ?? []) sum += process.rssBytes;
		for (const child of group.children.values()) sum += this.memoryOf(child, members);
		group.peakMemoryBytes = Math.max(group.peakMemoryBytes, sum);
		return sum;
	}

	/** CPU time of a group and those below, ms. */
	cpuMsOf(group: Cgroup, members = this.#byGroup()): number {
		const usage = group.provided?.usage;
		if (usage !== undefined) return usage().cpuMs;
		let sum = group.cpu?.totalMs ?? 0;
		if (group.cpu === undefined) for (const process of members.get(group.path) ?? []) sum += process.cpuMs;
		for (const child of group.children.values()) sum += this.cpuMsOf(child, members);
		return sum;
	}

	throttlingOf(group: Cgroup): Throttling | undefined {
		return group.cpu?.throttling ?? group.provided?.usage?.().throttling;
	}

	/**
	 * Somebody's memory grew, or a limit fell: whoever is over a limit that was set here loses a process, until it is within it. Limits of
	 * containers that nobody wrote to are the kubelet's affair.
	 * @param trigger who asked for memory; undefined: a limit was written
	 */
	enforceMemory(path: string, trigger: Process | undefined): void {
		const group = this.find(path);
		for (const each of group?.line() ?? []) {
			const limitBytes = limitOf(each.setting("memory.max"));
			if (limitBytes === Number.POSITIVE_INFINITY || (each.provided?.usage !== undefined && !each.written.has("memory.max"))) continue;
			for (;;) {
				const usageBytes = this.memoryOf(each);
				if (usageBytes <= limitBytes || !this.#oomKill(each, trigger, usageBytes, limitBytes)) break;
			}
		}
		for (const each of group?.line() ?? []) {
			const high = limitOf(each.setting("memory.high"));
			if (high !== Number.POSITIVE_INFINITY && this.memoryOf(each) > high) each.highEvents++;
		}
	}

	/** False: there is nobody to kill. */
	#oomKill(group: Cgroup, trigger: Process | undefined, usageBytes: number, limitBytes: number): boolean {
		const tasks = this.population(group);
		const victim = chooseVictim(tasks, limitBytes);
		if (victim === undefined) return false;
		group.maxEvents++;
		group.oomEvents++;
		const home = this.find(victim.cgroup) ?? group;
		const isGroupKill = home.setting("memory.oom.group") === "1";
		const all = isGroupKill ? this.population(home) : [victim];
		if (isGroupKill) home.groupKills++;
		for (const each of home.line()) {
			each.oomKills += all.length;
			if (each === group) break;
		}
		reportOom(this.#options.log, {
			nowMs: this.#options.clock.now(),
			trigger: trigger ?? victim,
			victims: all,
			tasks,
			group: { path: group.path, usageBytes, limitBytes, failures: group.maxEvents },
			isGroupKill,
		});
		for (const each of all) each.killForMemory();
		return true;
	}

	/** Processes were killed at once for a limit that the kubelet keeps. */
	countOomKill(path: string, kills: number): void {
		const group = this.find(path);
		if (group === undefined) return;
		group.oomEvents++;
		group.maxEvents++;
		for (const each of group.line()) if (each.parent !== undefined) each.oomKills += kills;
		group.groupKills++;
	}
}
