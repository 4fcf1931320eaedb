/** The file systems that are not on a disk: /proc, /sys and the tree of cgroups, mounted as systemd or a container runtime does. */
import { cgroupDirectory } from "../cgroup/cgroup-files.ts";
import type { Cgroup, CgroupTree } from "../cgroup/cgroup-tree.ts";
import type { Machine } from "../machine.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import { type DirectoryInode, FsError, type Inode } from "../vfs/inode.ts";
import { Tree } from "../vfs/tree.ts";
import { computedDirectory, computedFile, fixedDirectory } from "./computed.ts";
import { type ProcOutputs, procDirectory } from "./proc-tree.ts";

export interface SystemMountOptions {
	/** A machine may write to all of it; a container that is not privileged may not. */
	readonly isWritable: boolean;
	/** Where a process's descriptors 1 and 2 lead, if others may write there. */
	readonly outputs?: ProcOutputs;
}

export function mountSystemFiles(files: FileSystem, machine: Machine, { isWritable, outputs }: SystemMountOptions): void {
	const { clock } = machine;
	const mount = (path: string, lower: Inode, source: string, type: string, readOnly: boolean) =>
		files.mount({ path, tree: new Tree({ clock, lower }), source, type, readOnly });
	mount("/proc", procDirectory(machine, outputs), "proc", "proc", false);
	if (!isWritable) {
		const settings = files.inode("/proc/sys");
		mount("/proc/sys", settings, "proc", "proc", true);
	}
	mount("/sys", systemDirectory(machine), "sysfs", "sysfs", !isWritable);
	mount("/sys/fs/cgroup", cgroupRoot(machine), isWritable ? "cgroup2" : "cgroup", "cgroup2", !isWritable);
}

/** What tools look for in /sys. */
function systemDirectory(machine: Machine): DirectoryInode {
	const cores = () => Math.max(1, Math.round(machine.kernel.hardware?.().cores ?? 4));
	const cpus = () => `${cores() === 1 ? "0" : `0-${cores() - 1}`}\n`;
	const cpu = computedDirectory(() => {
		const entries = new Map<string, Inode>([
			["online", computedFile(cpus)],
			["possible", computedFile(cpus)],
			["present", computedFile(cpus)],
		]);
		for (let index = 0; index < cores(); index++) entries.set(`cpu${index}`, fixedDirectory({}));
		return entries;
	});
	return fixedDirectory({
		class: fixedDirectory({}),
		devices: fixedDirectory({ system: fixedDirectory({ cpu }) }),
		fs: fixedDirectory({ cgroup: fixedDirectory({}) }),
		kernel: fixedDirectory({
			mm: fixedDirectory({ transparent_hugepage: fixedDirectory({ enabled: computedFile(() => "[always] madvise never\n") }) }),
		}),
	});
}

/** The root of the tree as the machine's cgroup namespace has it. */
function cgroupRoot(machine: Machine): DirectoryInode {
	const look = (): { readonly tree: CgroupTree; readonly group: Cgroup } | undefined => {
		const tree = machine.kernel.lookAtCgroups();
		tree?.sync();
		const path = machine.namespaceKeys.cgroup === undefined ? "/" : (machine.facts?.cgroup ?? "/");
		const group = tree?.find(path);
		return tree === undefined || group === undefined ? undefined : { tree, group };
	};
	const viewer = {
		pidOf: (process: Parameters<typeof machine.procNamespace.pidOf>[0]) => machine.procNamespace.pidOf(process),
		find: (pid: number) => machine.process(pid),
	};
	const shown = () => {
		const found = look();
		return found === undefined ? undefined : cgroupDirectory(found.tree, found.group, viewer);
	};
	return computedDirectory(
		() => shown()?.entries ?? new Map(),
		{ mode: 0o755 },
		{
			makeDirectory: (name) => {
				const directory = shown()?.computed;
				if (directory === undefined) throw new FsError("EPERM", "mkdir", name);
				directory.makeDirectory(name);
			},
			removeDirectory: (name) => shown()?.computed?.removeDirectory(name),
		},
	);
}
