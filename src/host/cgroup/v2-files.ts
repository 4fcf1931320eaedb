/**
 * The files of a group of version 2.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html
 */
import { computedFile } from "../proc/computed.ts";
import { FsError, type Inode } from "../vfs/inode.ts";
import type { Cgroup } from "./cgroup.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import { formatCpuList, parseCpuList } from "./cpu-list.ts";
import { effectiveCpus } from "./cpuset.ts";
import { type Files, type GroupView, processesFile, writeOnlyFile } from "./group-view.ts";
import { cpuStatText, ioStatText, memoryEventsText, memoryStatText, pressureText } from "./reports.ts";
import { type Controller, controllers, unifiedSettings } from "./settings.ts";

export function unifiedFiles(view: GroupView, group: Cgroup): Files {
	return [...coreFiles(view, group), ...controllerFiles(view, group)];
}

function coreFiles(view: GroupView, group: Cgroup): Files {
	const { cgroups, tree } = view;
	const isRoot = group.parent === undefined;
	const common: Files = [
		["cgroup.controllers", computedFile(() => `${group.available.join(" ")}\n`)],
		["cgroup.max.depth", setting(tree, group, "cgroup.max.depth")],
		["cgroup.max.descendants", setting(tree, group, "cgroup.max.descendants")],
		["cgroup.procs", processesFile(view, group, "cgroup.procs")],
		["cgroup.stat", computedFile(() => `nr_descendants ${[...group.subtreeGroups()].length - 1}\nnr_dying_descendants 0\n`)],
		[
			"cgroup.subtree_control",
			computedFile(
				() => `${[...group.enabled].join(" ")}\n`,
				{},
				(text) => enable(tree, group, text),
			),
		],
		["cgroup.threads", processesFile(view, group, "cgroup.threads")],
		["cpu.stat", computedFile(() => cpuStatText(cgroups, group))],
		...(["cpu", "io", "memory"] as const).map(
			(name) => [`${name}.pressure`, computedFile(() => pressureText(cgroups, group, name))] as const,
		),
	];
	if (isRoot) return common;
	const population = () => tree.population(group);
	return [
		...common,
		["cgroup.events", computedFile(() => `populated ${population().length > 0 ? 1 : 0}\nfrozen ${group.isFrozen ? 1 : 0}\n`)],
		[
			"cgroup.freeze",
			computedFile(
				() => `${group.isFrozen ? 1 : 0}\n`,
				{},
				(text) => cgroups.freeze(tree, group, oneOrZero(text, "cgroup.freeze")),
			),
		],
		[
			"cgroup.kill",
			writeOnlyFile("cgroup.kill", (text) => {
				if (text.trim() !== "1") throw new FsError(/^\d+$/.test(text.trim()) ? "ERANGE" : "EINVAL", "write", "cgroup.kill");
				for (const process of population()) process.kill("KILL");
			}),
		],
		["cgroup.type", computedFile(() => "domain\n")],
	];
}

function controllerFiles({ cgroups, tree }: GroupView, group: Cgroup): Files {
	const isRoot = group.parent === undefined;
	const available = new Set<Controller>(group.available);
	const settings = Object.entries(unifiedSettings)
		.filter(([name, { controller }]) => !isRoot && available.has(controller) && !name.startsWith("cgroup."))
		.map(([name]) => [name, setting(tree, group, name, cgroups.cores)] as const);
	const files: (readonly [string, Inode])[] = [...settings];
	const add = (controller: Controller, name: string, read: () => string) => {
		if (available.has(controller)) files.push([name, computedFile(read)]);
	};
	add("cpuset", "cpuset.cpus.effective", () => `${formatCpuList(effectiveCpus(group, cgroups.cores))}\n`);
	add("cpuset", "cpuset.mems.effective", () => "0\n");
	add("memory", "memory.stat", () => memoryStatText(cgroups, group));
	add("io", "io.stat", () => ioStatText(group));
	if (isRoot) return files;
	const usage = () => cgroups.memory.usageOf(group);
	const pids = () => tree.population(group).length;
	add("memory", "memory.current", () => `${usage()}\n`);
	add("memory", "memory.peak", () => `${Math.max(usage(), group.memory.peakBytes)}\n`);
	add("memory", "memory.events", () => memoryEventsText(group));
	add("memory", "memory.events.local", () => memoryEventsText(group));
	add("memory", "memory.swap.current", () => "0\n");
	add("memory", "memory.swap.events", () => "high 0\nmax 0\nfail 0\n");
	add("pids", "pids.current", () => `${pids()}\n`);
	add("pids", "pids.peak", () => `${Math.max(pids(), group.peakPids)}\n`);
	add("pids", "pids.events", () => `max ${group.refusedForks}\n`);
	add("hugetlb", "hugetlb.2MB.current", () => "0\n");
	return files;
}

/** @param cores of the machine: others cannot be had */
function setting(tree: CgroupTree, group: Cgroup, name: string, cores = Number.POSITIVE_INFINITY): Inode {
	return computedFile(
		() => {
			const text = group.setting(name);
			return text === "" && name === "io.max" ? "" : `${text}\n`;
		},
		{},
		(text) => {
			if (name === "cpuset.cpus" && parseCpuList(text)?.every((cpu) => cpu < Math.max(1, Math.round(cores))) === false)
				throw new FsError("EINVAL", "write", name);
			tree.write(group, name, text);
		},
	);
}

function oneOrZero(text: string, file: string): boolean {
	const word = text.trim();
	if (!/^-?\d+$/.test(word)) throw new FsError("EINVAL", "write", file);
	if (word !== "0" && word !== "1") throw new FsError("ERANGE", "write", file);
	return word === "1";
}

/** `+cpu -memory`. */
function enable(tree: CgroupTree, group: Cgroup, text: string): void {
	const enabled = new Set(group.enabled);
	for (const word of text.trim().split(/\s+/)) {
		const name = controllers.find((each) => each === word.slice(1));
		if (!/^[+-]/.test(word) || name === undefined) throw new FsError("EINVAL", "write", "cgroup.subtree_control");
		if (word.startsWith("+")) {
			if (!group.available.includes(name)) throw new FsError("ENOENT", "write", "cgroup.subtree_control");
			enabled.add(name);
		} else {
			if ([...group.children.values()].some((child) => child.subtree?.has(name) === true))
				throw new FsError("EBUSY", "write", "cgroup.subtree_control");
			enabled.delete(name);
		}
	}
	// A group that hands controllers on has no processes of its own.
	if (group.parent !== undefined && enabled.size > 0 && tree.members(group).length > 0)
		throw new FsError("EBUSY", "write", "cgroup.subtree_control");
	group.subtree = new Set(controllers.filter((name) => enabled.has(name)));
}
