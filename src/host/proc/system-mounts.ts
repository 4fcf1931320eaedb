/** The file systems that are not on a disk: /proc, /sys and the tree of cgroups, mounted as systemd or a container runtime does. */
import type { Hierarchy } from "../cgroup/cgroup.ts";
import { cgroupDirectory } from "../cgroup/cgroup-files.ts";
import type { CgroupTree } from "../cgroup/cgroup-tree.ts";
import { type Cgroups, hierarchyName, systemHierarchies } from "../cgroup/cgroups.ts";
import type { Machine } from "../machine.ts";
import type { Process } from "../process.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import type { DirectoryInode, Inode } from "../vfs/inode.ts";
import { Tree } from "../vfs/tree.ts";
import { computedDirectory, computedFile, computedLink, fixedDirectory } from "./computed.ts";
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
	if (machine.kernel.cgroupVersion === 2) {
		const root = hierarchyRoot(machine, (cgroups) => cgroups.tree("memory"));
		mount("/sys/fs/cgroup", root, isWritable ? "cgroup2" : "cgroup", "cgroup2", !isWritable);
	} else mountOlderCgroups(files, machine, !isWritable);
}

/** A directory for each hierarchy of version 1, in a small file system of their own. */
function mountOlderCgroups(files: FileSystem, machine: Machine, readOnly: boolean): void {
	const { clock } = machine;
	const directory = "/sys/fs/cgroup";
	const placeOf = (hierarchy: Hierarchy) => hierarchy.name ?? hierarchyName(hierarchy);
	const all = systemHierarchies(1);
	const aliases = all.map(placeOf).flatMap((place) => {
		const names = place.split(",");
		return names.length === 1 ? [] : names.map((name) => [name, computedLink(() => place)] as const);
	});
	const lower = fixedDirectory(Object.fromEntries([...all.map((each) => [placeOf(each), fixedDirectory({})] as const), ...aliases]));
	const options = "size=4096k,nr_inodes=1024,mode=755";
	files.mount({ path: directory, tree: new Tree({ clock, lower }), source: "tmpfs", type: "tmpfs", readOnly: true, options });
	for (const hierarchy of all) {
		const { id, name } = hierarchy;
		const root = hierarchyRoot(machine, (cgroups) => cgroups.trees.find((tree) => tree.hierarchy.id === id));
		files.mount({
			path: `${directory}/${placeOf(hierarchy)}`,
			tree: new Tree({ clock, lower: root }),
			source: "cgroup",
			type: "cgroup",
			readOnly,
			options: `${name === undefined ? "" : "xattr,"}${hierarchyName(hierarchy)}`,
		});
	}
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

/**
 * The root of a hierarchy as the machine sees it: of its cgroup namespace, or, of a container of version 1, the group that its runtime has
 * mounted for it.
 */
export function hierarchyRoot(machine: Machine, choose: (cgroups: Cgroups) => CgroupTree | undefined): DirectoryInode {
	const viewer = {
		pidOf: (process: Process) => machine.procNamespace.pidOf(process),
		find: (pid: number) => machine.process(pid),
	};
	return cgroupDirectory(() => {
		const cgroups = machine.kernel.lookAtCgroups();
		const tree = cgroups === undefined ? undefined : choose(cgroups);
		if (cgroups === undefined || tree === undefined) return undefined;
		tree.sync();
		const { facts, namespaceKeys } = machine;
		const isWithin = namespaceKeys.cgroup !== undefined || (cgroups.version === 1 && facts?.namespaces.mnt !== undefined);
		const group = tree.find(isWithin ? (facts?.cgroup ?? "/") : "/");
		return group === undefined ? undefined : { view: { cgroups, tree, ...viewer }, group };
	});
}
