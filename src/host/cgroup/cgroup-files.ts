/**
 * The tree of cgroups as files: /sys/fs/cgroup of version 2. mkdir makes a group, rmdir removes it, and what is written to its files is
 * done at once.
 * Source: https://docs.kernel.org/admin-guide/cgroup-v2.html
 */

import { computedDirectory, computedFile } from "../proc/computed.ts";
import type { Process } from "../process.ts";
import { type DirectoryInode, type FileCaller, FsError, type Inode } from "../vfs/inode.ts";
import type { Cgroup, CgroupTree } from "./cgroup-tree.ts";
import { cpuStatText, eventsText, memoryEventsText, memoryStatText, pressureText } from "./reports.ts";
import { type Controller, controllers, settingKinds } from "./settings.ts";

/** Who looks: pids are those of its PID namespace. */
export interface CgroupViewer {
	/** 0: it cannot be seen from here. */
	pidOf(process: Process): number;
	/** By the pid that it has here. */
	find(pid: number): Process | undefined;
}

type Files = readonly (readonly [string, Inode])[];

/** @param group the directory's; brought up to date on every look */
export function cgroupDirectory(tree: CgroupTree, group: Cgroup, viewer: CgroupViewer): DirectoryInode {
	return computedDirectory(
		() => {
			if (group.parent === undefined) tree.sync();
			return new Map<string, Inode>([
				...[...group.children].map(([name, child]) => [name, cgroupDirectory(tree, child, viewer)] as const),
				...coreFiles(tree, group, viewer),
				...controllerFiles(tree, group),
			]);
		},
		{ mode: 0o755, ino: 2 },
		{
			makeDirectory: (name) => void tree.make(group, name),
			removeDirectory: (name) => {
				const child = group.children.get(name);
				if (child === undefined) throw new FsError("EPERM", "rmdir", name);
				tree.remove(child);
			},
		},
	);
}

function coreFiles(tree: CgroupTree, group: Cgroup, viewer: CgroupViewer): Files {
	const isRoot = group.parent === undefined;
	const procs = computedFile(
		() => {
			const pids = tree.members(group).map((process) => viewer.pidOf(process));
			return pids
				.sort((a, b) => a - b)
				.map((pid) => `${pid}\n`)
				.join("");
		},
		{},
		(text, caller) => tree.move(movedProcess(tree, viewer, text, caller), group),
	);
	const common: Files = [
		["cgroup.controllers", computedFile(() => `${group.available.join(" ")}\n`)],
		["cgroup.max.depth", setting(tree, group, "cgroup.max.depth")],
		["cgroup.max.descendants", setting(tree, group, "cgroup.max.descendants")],
		["cgroup.procs", procs],
		["cgroup.stat", computedFile(() => `nr_descendants ${[...group.subtreeGroups()].length - 1}\nnr_dying_descendants 0\n`)],
		[
			"cgroup.subtree_control",
			computedFile(
				() => `${[...group.enabled].join(" ")}\n`,
				{},
				(text) => enable(tree, group, text),
			),
		],
		["cgroup.threads", procs],
		["cpu.stat", computedFile(() => cpuStatText(tree, group))],
		...(["cpu", "io", "memory"] as const).map((name) => [`${name}.pressure`, computedFile(() => pressureText(tree, group, name))] as const),
	];
	if (isRoot) return common;
	return [
		...common,
		["cgroup.events", computedFile(() => eventsText(tree, group))],
		[
			"cgroup.freeze",
			computedFile(
				() => `${group.isFrozen ? 1 : 0}\n`,
				{},
				(text) => freeze(tree, group, oneOrZero(text, "cgroup.freeze")),
			),
		],
		[
			"cgroup.kill",
			computedFile(
				() => {
					throw new FsError("EACCES", "open", "cgroup.kill");
				},
				{ mode: 0o200 },
				(text) => {
					if (text.trim() !== "1") throw new FsError(/^\d+$/.test(text.trim()) ? "ERANGE" : "EINVAL", "write", "cgroup.kill");
					for (const process of tree.population(group)) process.kill("KILL");
				},
			),
		],
		["cgroup.type", computedFile(() => "domain\n")],
	];
}

function controllerFiles(tree: CgroupTree, group: Cgroup): Files {
	const isRoot = group.parent === undefined;
	const available = new Set<Controller>(group.available);
	const settings = Object.entries(settingKinds)
		.filter(([name, { controller }]) => !isRoot && available.has(controller) && !name.startsWith("cgroup."))
		.map(([name]) => [name, setting(tree, group, name)] as const);
	const files: (readonly [string, Inode])[] = [...settings];
	const add = (controller: Controller, name: string, read: () => string) => {
		if (available.has(controller)) files.push([name, computedFile(read)]);
	};
	const cpus = () => (tree.cores <= 1 ? "0" : `0-${Math.round(tree.cores) - 1}`);
	add("cpuset", "cpuset.cpus.effective", () => `${group.setting("cpuset.cpus") || cpus()}\n`);
	add("cpuset", "cpuset.mems.effective", () => "0\n");
	add("memory", "memory.stat", () => memoryStatText(tree, group));
	add("io", "io.stat", () => "");
	if (isRoot) return files;
	add("memory", "memory.current", () => `${tree.memoryOf(group)}\n`);
	add("memory", "memory.peak", () => `${Math.max(tree.memoryOf(group), group.peakMemoryBytes)}\n`);
	add("memory", "memory.events", () => memoryEventsText(group));
	add("memory", "memory.events.local", () => memoryEventsText(group));
	add("memory", "memory.swap.current", () => "0\n");
	add("memory", "memory.swap.events", () => "high 0\nmax 0\nfail 0\n");
	add("pids", "pids.current", () => `${tree.population(group).length}\n`);
	add("pids", "pids.peak", () => `${tree.population(group).length}\n`);
	add("pids", "pids.events", () => "max 0\n");
	add("hugetlb", "hugetlb.2MB.current", () => "0\n");
	return files;
}

function setting(tree: CgroupTree, group: Cgroup, name: string): Inode {
	return computedFile(
		() => {
			const text = group.setting(name);
			return text === "" && name === "io.max" ? "" : `${text}\n`;
		},
		{},
		(text) => tree.write(group, name, text),
	);
}

function movedProcess(_tree: CgroupTree, viewer: CgroupViewer, text: string, caller: FileCaller | undefined): Process {
	const word = text.trim();
	if (!/^\d+$/.test(word)) throw new FsError("EINVAL", "write", "cgroup.procs");
	const process = word === "0" ? callerProcess(_tree, caller) : viewer.find(Number(word));
	if (process === undefined) throw new FsError("ESRCH", "write", "cgroup.procs");
	if (process.traits.isKernelThread === true) throw new FsError("EINVAL", "write", "cgroup.procs");
	return process;
}

function callerProcess(tree: CgroupTree, caller: FileCaller | undefined): Process | undefined {
	return tree.processes().find(({ hostPid }) => hostPid === caller?.hostPid);
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
		const name = word.slice(1) as Controller;
		if (!/^[+-]/.test(word) || !controllers.includes(name)) throw new FsError("EINVAL", "write", "cgroup.subtree_control");
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

function freeze(tree: CgroupTree, group: Cgroup, isFrozen: boolean): void {
	if (group.isFrozen === isFrozen) return;
	group.isFrozen = isFrozen;
	for (const process of tree.population(group)) process.freeze(isFrozen);
}
