/**
 * Namespaces of processes, by the inode numbers that `/proc/PID/ns` and `lsns` show. What a namespace is of stands for it: the mounts
 * of a `FileSystem`'s machine, a `NetworkStack`, a `PidNamespace`. The first of each kind has the number that Linux gives it; others get
 * theirs when somebody first looks, so that nobody pays for what nobody sees.
 * Source: https://man7.org/linux/man-pages/man7/namespaces.7.html, include/linux/proc_ns.h (the first numbers)
 */

/** In the order of `ls /proc/PID/ns`. */
export const namespaceTypes = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;

export type NamespaceType = (typeof namespaceTypes)[number];

/** What stands for each namespace of a process; absent: the kernel's first one. */
export type NamespaceKeys = Partial<Record<NamespaceType, object>>;

const firstInodes: Readonly<Record<NamespaceType, number>> = {
	time: 4026531834,
	cgroup: 4026531835,
	pid: 4026531836,
	user: 4026531837,
	uts: 4026531838,
	ipc: 4026531839,
	net: 4026531840,
	mnt: 4026531841,
};

/** Those that are made later. */
const firstFreeInode = 4026532200;

export class NamespaceNumbers {
	#next = firstFreeInode;
	readonly #known = new Map<NamespaceType, WeakMap<object, number>>();

	inode(type: NamespaceType, key: object | undefined): number {
		if (key === undefined) return firstInodes[type];
		let known = this.#known.get(type);
		if (known === undefined) {
			known = new WeakMap();
			this.#known.set(type, known);
		}
		const inode = known.get(key) ?? this.#next++;
		known.set(key, inode);
		return inode;
	}
}
