/** What the files of both versions have in common: who looks, the list of a group's processes, and files for settings. */
import { computedFile } from "../proc/computed.ts";
import type { Process } from "../process.ts";
import { type FileCaller, FsError, type Inode } from "../vfs/inode.ts";
import type { Cgroup } from "./cgroup.ts";
import type { CgroupTree } from "./cgroup-tree.ts";
import type { Cgroups } from "./cgroups.ts";
import { formatCpuList } from "./cpu-list.ts";
import { allCpus } from "./cpuset.ts";

/** A hierarchy, as somebody looks at it: pids are those of his PID namespace. */
export interface GroupView {
	readonly cgroups: Cgroups;
	readonly tree: CgroupTree;
	/** 0: it cannot be seen from here. */
	pidOf(process: Process): number;
	/** By the pid that it has here. */
	find(pid: number): Process | undefined;
}

export type Files = readonly (readonly [name: string, inode: Inode])[];

/** cgroup.procs, cgroup.threads, tasks: no process has more than one thread. */
export function processesFile(view: GroupView, group: Cgroup, name: string): Inode {
	const { tree } = view;
	return computedFile(
		() => {
			const pids = tree.members(group).map((process) => view.pidOf(process));
			return pids
				.sort((a, b) => a - b)
				.map((pid) => `${pid}\n`)
				.join("");
		},
		{},
		(text, caller) => tree.move(movedProcess(view, text, caller, name), group),
	);
}

/** 0 stands for who writes. Throws FsError. */
function movedProcess({ tree, find }: GroupView, text: string, caller: FileCaller | undefined, name: string): Process {
	const word = text.trim();
	if (!/^\d+$/.test(word)) throw new FsError("EINVAL", "write", name);
	const process = word === "0" ? tree.processes().find(({ hostPid }) => hostPid === caller?.hostPid) : find(Number(word));
	if (process === undefined) throw new FsError("ESRCH", "write", name);
	if (process.traits.isKernelThread === true) throw new FsError("EINVAL", "write", name);
	return process;
}

/** A file that is only written. Throws FsError, reading. */
export function writeOnlyFile(name: string, write: (text: string) => void): Inode {
	return computedFile(
		() => {
			throw new FsError("EACCES", "open", name);
		},
		{ mode: 0o200 },
		write,
	);
}

/** The processors, and the banks of memory, of a machine: `0-3`. */
export function cpuListOf({ cores }: Cgroups): string {
	return formatCpuList(allCpus(cores));
}
