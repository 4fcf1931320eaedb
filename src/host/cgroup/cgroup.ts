/** A control group: its place, what was written to it, what it has counted. */
import { type Cpu, noThrottling, type Throttling } from "../cpu.ts";
import { type Controller, settingKinds } from "./settings.ts";

/** A tree of groups: the one of version 2, or one of several of version 1. */
export interface Hierarchy {
	readonly version: 1 | 2;
	/** As /proc/PID/cgroup numbers it; 0 of version 2. */
	readonly id: number;
	/** Of version 1: `systemd` of `name=systemd`; absent where controllers tell what it is. */
	readonly name?: string;
	readonly controllers: readonly Controller[];
}

/** A group that the kubelet or systemd has made. */
export interface ProvidedGroup {
	/** From the root: `/kubepods.slice`. */
	readonly path: string;
	/** What they wrote to its files, by the names of `settingKinds`. */
	readonly settings: Readonly<Record<string, string>>;
	/** Controllers are handed on to the groups below it. */
	readonly handsOn?: boolean;
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

/** Of memory.events and its kin of version 1: the group's own. */
export interface MemoryCounters {
	/** Processes of it and of groups below that the kernel killed. */
	oomKills: number;
	/** How often its limit was hit with nothing to reclaim. */
	oomEvents: number;
	maxEvents: number;
	highEvents: number;
	/** How often it was killed as a whole. */
	groupKills: number;
	peakBytes: number;
	/** For how long its processes waited because it is over memory.high, ms. */
	stalledMs: number;
}

/** What io.stat counts of the disk. */
export interface IoCounters {
	readBytes: number;
	writtenBytes: number;
	reads: number;
	writes: number;
}

export class Cgroup {
	/** "" of the root. */
	readonly name: string;
	readonly parent: Cgroup | undefined;
	readonly hierarchy: Hierarchy;
	readonly children = new Map<string, Cgroup>();
	provided: ProvidedGroup | undefined;
	/** By setting, as it was written by hand. */
	readonly written = new Map<string, string>();
	/** Controllers of the groups below; undefined: as its maker has them. Version 2 alone. */
	subtree: Set<Controller> | undefined;
	isFrozen = false;
	/** Of a group whose processes have worked, but a container's. */
	cpu: Cpu | undefined;
	/** Pieces of work under way: of its own processes, and of those below as well. 0 <= running <= busy */
	running = 0;
	busy = 0;
	/** How its quota, if it has one, held work of it and of those below up. */
	throttling: Throttling = noThrottling;
	/** Of all work of it and of those below: for how long it waited, of how long it lasted. waitedMs <= lastedMs */
	cpuPressure = { waitedMs: 0, lastedMs: 0 };
	readonly memory: MemoryCounters = {
		oomKills: 0,
		oomEvents: 0,
		maxEvents: 0,
		highEvents: 0,
		groupKills: 0,
		peakBytes: 0,
		stalledMs: 0,
	};
	/** How often its pids.max, or one above, kept it from forking. */
	refusedForks = 0;
	peakPids = 0;
	readonly io: IoCounters = { readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };

	constructor(name: string, parent: Cgroup | undefined, hierarchy: Hierarchy) {
		this.name = name;
		this.parent = parent;
		this.hierarchy = hierarchy;
	}

	/** From the root: `/`, `/a/b`. */
	get path(): string {
		if (this.parent === undefined) return "/";
		return this.parent.parent === undefined ? `/${this.name}` : `${this.parent.path}/${this.name}`;
	}

	/** Its own value. @param name one of `settingKinds` */
	setting(name: string): string {
		return this.written.get(name) ?? this.provided?.settings[name] ?? settingKinds[name]?.default ?? "";
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
		if (this.hierarchy.version === 1) return new Set(this.hierarchy.controllers);
		if (this.subtree !== undefined) return this.subtree;
		// systemd and the kubelet hand on all that there is, but to the groups of single services and containers.
		return this.parent === undefined || this.provided?.handsOn === true ? new Set(this.available) : new Set();
	}

	/** Controllers that it has. */
	get available(): readonly Controller[] {
		const { controllers } = this.hierarchy;
		if (this.parent === undefined) return controllers;
		const { enabled } = this.parent;
		return controllers.filter((name) => enabled.has(name));
	}
}
