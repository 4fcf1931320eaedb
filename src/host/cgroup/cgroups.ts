/**
 * The control groups of a machine: one tree (version 2), in which every process is in one group, or a tree for each set of controllers
 * (version 1), in each of which it is in one. Both are faces of the same limits: what is kept, and what is done about it, is said once, by
 * controller. Nothing of this is in memory until somebody looks at /sys/fs/cgroup, or programs want more of the processors than there is.
 *
 *   limits of a process = the lowest of each limit on the way from its group to the root
 *
 * Done: cpu.max and weights (cpu-controller.ts), memory.max and memory.high (memory-controller.ts), pids.max, io.max as far as `dd` writes
 * past the cache, freezing and killing. Kept and shown only: devices, net_cls, hugetlb, protection of memory (min, low, soft limits).
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Process } from "../process.ts";
import type { Cgroup, Hierarchy, ProvidedGroup } from "./cgroup.ts";
import { CgroupTree } from "./cgroup-tree.ts";
import { CpuController } from "./cpu-controller.ts";
import { MemoryController } from "./memory-controller.ts";
import type { OomReporter } from "./oom.ts";
import { type Controller, controllers, type IoLimit, ioLimitOf, limitOf } from "./settings.ts";

export interface CgroupsOptions {
	readonly clock: Clock;
	readonly kernel: OomReporter;
	/** All of the machine's. */
	readonly processes: () => readonly Process[];
	/** Groups that are there without anybody's doing, above before below. */
	readonly provided: () => Iterable<ProvidedGroup>;
	/** Of version 1: where in a hierarchy something is that systemd or the kubelet has put at a path; default the same everywhere. */
	readonly place?: (path: string, hierarchy: Hierarchy) => string;
	readonly cores: () => number;
}

/** By what they control, after systemd's own, which controls nothing. */
const olderHierarchies: readonly (readonly Controller[])[] = [
	["cpuset"],
	["cpu", "cpuacct"],
	["io"],
	["memory"],
	["devices"],
	["freezer"],
	["net_cls", "net_prio"],
	["perf_event"],
	["hugetlb"],
	["pids"],
	["rdma"],
	["misc"],
];

/** As systemd mounts them. */
export function systemHierarchies(version: 1 | 2): readonly Hierarchy[] {
	if (version === 2) return [{ version, id: 0, controllers }];
	return [
		{ version, id: 1, name: "systemd", controllers: [] },
		...olderHierarchies.map((own, index): Hierarchy => ({ version, id: index + 2, controllers: own })),
	];
}

/** `cpu,cpuacct`, `blkio`, `name=systemd`: as version 1 names a hierarchy. */
export function hierarchyName({ controllers: own, name }: Hierarchy): string {
	return [...own.map((controller) => (controller === "io" ? "blkio" : controller)), ...(name === undefined ? [] : [`name=${name}`])].join(
		",",
	);
}

export class Cgroups {
	readonly version: 1 | 2;
	readonly cpu: CpuController;
	readonly memory: MemoryController;
	readonly #options: CgroupsOptions;
	/** By id. */
	readonly #trees: CgroupTree[] = [];

	constructor(options: CgroupsOptions) {
		this.#options = options;
		this.version = options.kernel.cgroupVersion;
		for (const hierarchy of systemHierarchies(this.version)) this.#add(hierarchy);
		this.cpu = new CpuController(this.tree("cpu"), options.clock, options.cores);
		this.memory = new MemoryController(this.tree("memory"), options.clock, options.kernel);
	}

	/** Cores of the machine. */
	get cores(): number {
		return this.#options.cores();
	}

	/** In the order in which they were mounted. */
	get trees(): readonly CgroupTree[] {
		return this.#trees;
	}

	/** The one with a controller. */
	tree(controller: Controller): CgroupTree {
		const found = this.#trees.find(({ hierarchy }) => hierarchy.version === 2 || hierarchy.controllers.includes(controller));
		if (found === undefined) throw new Error(`no hierarchy has the controller ${controller}`);
		return found;
	}

	/** Version 1's hierarchy of a name alone, which is made when it is first mounted: everybody is in its root. */
	named(name: string): CgroupTree {
		const known = this.#trees.find(({ hierarchy }) => hierarchy.name === name);
		return known ?? this.#add({ version: 1, id: Math.max(...this.#trees.map(({ hierarchy }) => hierarchy.id)) + 1, name, controllers: [] });
	}

	#add(hierarchy: Hierarchy): CgroupTree {
		const { processes, provided, place = (path: string) => path } = this.#options;
		// Nobody but who mounts it knows of one that has only a name.
		const isPrivate = hierarchy.controllers.length === 0 && hierarchy.name !== "systemd";
		const tree = new CgroupTree({
			hierarchy,
			processes,
			provided: isPrivate ? () => [] : provided,
			place: isPrivate ? () => "/" : hierarchy.version === 2 ? (path) => path : (path) => place(path, hierarchy),
			changed: (changed, group, process) => this.#changed(changed, group, process),
		});
		this.#trees.push(tree);
		return tree;
	}

	#has(tree: CgroupTree, controller: Controller): boolean {
		return tree.hierarchy.controllers.includes(controller) || tree.hierarchy.version === 2;
	}

	/** A limit was written, or a process has come. */
	#changed(tree: CgroupTree, group: Cgroup, process: Process | undefined): void {
		if (this.#has(tree, "memory")) this.memory.enforce(group, process);
		if (process !== undefined && this.#has(tree, "freezer")) this.#applyFreezer(process, isFrozen(group));
	}

	/** Throws FsError for what is no state of a group. */
	freeze(tree: CgroupTree, group: Cgroup, isToFreeze: boolean): void {
		group.isFrozen = isToFreeze;
		for (const process of tree.population(group)) {
			const home = tree.groupOf(process);
			this.#applyFreezer(process, home !== undefined && isFrozen(home));
		}
	}

	#applyFreezer(process: Process, isToStand: boolean): void {
		if (isToStand) process.hold(this.version === 1 ? "older freezer" : "freezer");
		else {
			process.release("older freezer");
			process.release("freezer");
		}
	}

	/** Whether somebody may have one more process; it counts those that may not. */
	mayFork(parent: Process): boolean {
		const tree = this.tree("pids");
		const line = [...(tree.groupOf(parent)?.line() ?? [])];
		for (const group of line) {
			const limit = limitOf(group.setting("pids.max"));
			if (limit === Number.POSITIVE_INFINITY) continue;
			const count = tree.population(group).length;
			group.peakPids = Math.max(group.peakPids, Math.min(limit, count + 1));
			if (count < limit) continue;
			group.refusedForks++;
			return false;
		}
		return true;
	}

	/** The lowest of a limit of the disk that counts for a process, a second; infinity: none. */
	ioLimit(process: Process, limit: IoLimit): number {
		const line = [...(this.tree("io").groupOf(process)?.line() ?? [])];
		return Math.min(Number.POSITIVE_INFINITY, ...line.map((group) => ioLimitOf(group.setting("io.max"), limit)));
	}

	/** A process has used the disk. */
	countIo(process: Process, counted: Cgroup["io"]): void {
		for (const { io } of this.tree("io").groupOf(process)?.line() ?? []) {
			io.readBytes += counted.readBytes;
			io.writtenBytes += counted.writtenBytes;
			io.reads += counted.reads;
			io.writes += counted.writes;
		}
	}

	/** `/proc/PID/cgroup`, by hierarchy, the newest first. @param root from where the viewer's cgroup namespace sees it */
	membership(process: Process, seen: (path: string) => string): string {
		return this.#trees
			.toReversed()
			.map((tree) => {
				const { version, id } = tree.hierarchy;
				return `${id}:${version === 2 ? "" : hierarchyName(tree.hierarchy)}:${seen(tree.pathOf(process))}\n`;
			})
			.join("");
	}
}

function isFrozen(group: Cgroup): boolean {
	for (const each of group.line()) if (each.isFrozen) return true;
	return false;
}
