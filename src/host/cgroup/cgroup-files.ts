/**
 * A tree of control groups as directories: mkdir makes a group, rmdir removes it, and what is written to its files is done at once. Which
 * files there are is the version's affair.
 */
import { computedDirectory } from "../proc/computed.ts";
import { type DirectoryInode, FsError, type Inode } from "../vfs/inode.ts";
import type { Cgroup } from "./cgroup.ts";
import type { GroupView } from "./group-view.ts";
import { olderFiles } from "./v1-files.ts";
import { unifiedFiles } from "./v2-files.ts";

/** A group, and how somebody looks at its hierarchy. */
export interface SeenGroup {
	readonly view: GroupView;
	readonly group: Cgroup;
}

/** @param look finds the group that is the directory, on every look; undefined: it is gone */
export function cgroupDirectory(look: () => SeenGroup | undefined): DirectoryInode {
	return computedDirectory(
		() => {
			const seen = look();
			return seen === undefined ? new Map() : entriesOf(seen);
		},
		{ mode: 0o755, ino: 2 },
		{
			makeDirectory: (name) => {
				const seen = look();
				if (seen === undefined) throw new FsError("ENODEV", "mkdir", name);
				seen.view.tree.make(seen.group, name);
			},
			removeDirectory: (name) => {
				const { view, group } = look() ?? {};
				const child = group?.children.get(name);
				if (child === undefined) throw new FsError("EPERM", "rmdir", name);
				view?.tree.remove(child);
			},
		},
	);
}

function entriesOf({ view, group }: SeenGroup): Map<string, Inode> {
	const below = [...group.children].map(([name, child]) => [name, cgroupDirectory(() => ({ view, group: child }))] as const);
	return new Map<string, Inode>([...below, ...(group.hierarchy.version === 1 ? olderFiles(view, group) : unifiedFiles(view, group))]);
}
