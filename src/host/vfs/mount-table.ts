/**
 * The mounts of a mount namespace, and how they spread to others. A mount belongs to a peer group (it is shared), follows one (it is a
 * slave), or stands alone (private): what is mounted or unmounted below a member of a group happens at the same place in all others, and in
 * those that follow it.
 *
 *   shared ──new mount──> every peer, every slave          slave ──new mount──> nobody
 *
 * Source: https://docs.kernel.org/filesystems/sharedsubtree.html
 */
import type { Inode } from "./inode.ts";
import { joinPath } from "./path.ts";
import type { Tree } from "./tree.ts";

export type Propagation = "shared" | "slave" | "private" | "unbindable";

export interface Mount {
	readonly path: string;
	readonly tree: Tree;
	/** What is mounted: the tree's root, or one inode in it (subPath). */
	readonly inode?: Inode;
	readonly readOnly: boolean;
	/** The first and third words of a line of /proc/mounts. */
	readonly source: string;
	readonly type: string;
	/** Which directory of the file system is mounted; default its root. */
	readonly rootPath?: string | undefined;
	/** `size=64k`: beside `rw,relatime`. */
	readonly options?: string | undefined;
}

/** Mounts that are told of each other's. */
class PeerGroup {
	readonly id: number;
	readonly members = new Set<Member>();
	readonly slaves = new Set<Member>();

	constructor(id: number) {
		this.id = id;
	}
}

/** A mount in its namespace. */
interface Member {
	readonly table: MountTable;
	readonly mount: Mount;
}

interface Entry {
	readonly mount: Mount;
	peers: PeerGroup | undefined;
	master: PeerGroup | undefined;
	readonly member: Member;
	isUnbindable: boolean;
}

/** Ids of peer groups: they mean something within a machine alone, where they begin with 1. */
export class PeerGroups {
	#next = 1;

	make(): PeerGroup {
		return new PeerGroup(this.#next++);
	}
}

/** `/sub` of `/mnt/sub` below `/mnt`; undefined: it is not below. "" for the place itself. */
function below(above: string, path: string): string | undefined {
	if (path === above) return "";
	if (above === "/") return path;
	return path.startsWith(`${above}/`) ? path.slice(above.length) : undefined;
}

function joined(path: string, rest: string): string {
	return rest === "" ? path : joinPath(path, rest.slice(1));
}

export class MountTable {
	/** By path, the topmost last. */
	readonly #stacks = new Map<string, Entry[]>();
	/** In the order in which they were made. */
	#order: Entry[] = [];
	/** Those of the machine. */
	readonly groups: PeerGroups;

	constructor(groups = new PeerGroups()) {
		this.groups = groups;
	}

	has(path: string): boolean {
		return this.#stacks.has(path);
	}

	get(path: string): Mount | undefined {
		return this.#stacks.get(path)?.at(-1)?.mount;
	}

	values(): readonly Mount[] {
		return this.#order.map(({ mount }) => mount);
	}

	/** A namespace of its own with the same mounts: each stays in its group. */
	copy(propagation: Propagation | "unchanged"): MountTable {
		const copy = new MountTable(this.groups);
		for (const { mount, peers, master } of this.#order) {
			const entry = copy.#add(mount);
			if (propagation === "unchanged" || propagation === "shared") copy.#join(entry, peers, master);
			else if (propagation === "slave") copy.#join(entry, undefined, peers ?? master);
		}
		return copy;
	}

	/** The mount in which a path lies. */
	containing(path: string): Mount {
		return this.#containing(path).mount;
	}

	#containing(path: string): Entry {
		for (let at = path; ; at = at.slice(0, Math.max(1, at.lastIndexOf("/")))) {
			const found = this.#stacks.get(at)?.at(-1);
			if (found !== undefined) return found;
			if (at === "/") throw new Error("nothing is mounted at /");
		}
	}

	/** Mounts, here and wherever that spreads. */
	set(path: string, mount: Mount): void {
		const parent = this.#stacks.size === 0 ? undefined : this.#containing(path);
		const entry = this.#add({ ...mount, path });
		if (parent?.peers === undefined) return;
		// What is mounted in a shared mount is shared itself, among its copies.
		this.#join(entry, this.groups.make(), undefined);
		for (const { member, isSlave } of receivers(parent)) {
			const at = translated(parent.mount, member.mount, path);
			if (at === undefined) continue;
			const copy = member.table.#add({ ...mount, path: at });
			member.table.#join(copy, isSlave ? undefined : entry.peers, isSlave ? entry.peers : undefined);
		}
	}

	/** Unmounts the topmost there, here and wherever that spreads. @returns it; undefined: nothing is mounted there */
	remove(path: string): Mount | undefined {
		const entry = this.#stacks.get(path)?.at(-1);
		if (entry === undefined) return undefined;
		this.#drop(entry);
		const parent = this.#stacks.size === 0 ? undefined : this.#containing(path);
		if (parent?.peers !== undefined) {
			for (const { member } of receivers(parent)) {
				const at = translated(parent.mount, member.mount, path);
				const copy = at === undefined ? undefined : member.table.#stacks.get(at)?.at(-1);
				if (copy !== undefined && copy.mount.tree === entry.mount.tree) member.table.#drop(copy);
			}
		}
		return entry.mount;
	}

	/** Other options for what is mounted there; false: nothing is. */
	remount(path: string, readOnly: boolean): boolean {
		const stack = this.#stacks.get(path);
		const entry = stack?.at(-1);
		if (stack === undefined || entry === undefined) return false;
		const mount = { ...entry.mount, readOnly };
		const made = { ...entry, mount, member: { table: this, mount } };
		this.#leave(entry);
		stack[stack.length - 1] = made;
		this.#order = this.#order.map((each) => (each === entry ? made : each));
		this.#join(made, entry.peers, entry.master);
		return true;
	}

	/** `mount --make-shared` and the like; false: nothing is mounted there. @param isRecursive all below as well */
	setPropagation(path: string, kind: Propagation, isRecursive = false): boolean {
		if (!this.has(path)) return false;
		for (const entry of this.#order) {
			if (entry.mount.path !== path && !(isRecursive && below(path, entry.mount.path) !== undefined)) continue;
			const { peers, master } = entry;
			this.#leave(entry);
			entry.isUnbindable = kind === "unbindable";
			if (kind === "shared") this.#join(entry, peers ?? this.groups.make(), master);
			// A slave of a group of which it was the only member has nobody to follow.
			else if (kind === "slave") this.#join(entry, undefined, peers !== undefined && peers.members.size > 0 ? peers : master);
		}
		return true;
	}

	/** Makes a mount a peer or a slave of another namespace's mount: how a container gets a volume with mountPropagation. */
	follow(path: string, other: MountTable, otherPath: string, kind: "shared" | "slave"): void {
		const entry = this.#stacks.get(path)?.at(-1);
		const source = other.#containing(otherPath);
		if (entry === undefined || source.peers === undefined) return;
		this.#leave(entry);
		this.#join(entry, kind === "shared" ? source.peers : undefined, kind === "slave" ? source.peers : undefined);
	}

	/** `shared`, `shared,slave`, `private`, as findmnt has it. */
	propagationOf(path: string): string {
		const entry = this.#stacks.get(path)?.at(-1);
		if (entry === undefined) return "private";
		const { peers, master, isUnbindable } = entry;
		const base = [
			...(peers === undefined ? [] : ["shared"]),
			...(master === undefined ? [] : [peers === undefined ? "private,slave" : "slave"]),
		];
		return base.length === 0 ? `private${isUnbindable ? ",unbindable" : ""}` : base.join(",");
	}

	/** `shared:1 master:2 `, as /proc/PID/mountinfo has it. */
	tags(mount: Mount): string {
		const entry = this.#order.find((each) => each.mount === mount);
		const { peers, master, isUnbindable } = entry ?? {};
		return `${peers === undefined ? "" : `shared:${peers.id} `}${master === undefined ? "" : `master:${master.id} `}${isUnbindable === true ? "unbindable " : ""}`;
	}

	/** Everything but the root. */
	clear(): void {
		for (const entry of [...this.#order]) if (entry.mount.path !== "/") this.#drop(entry);
	}

	#add(mount: Mount): Entry {
		const entry: Entry = { mount, peers: undefined, master: undefined, member: { table: this, mount }, isUnbindable: false };
		const stack = this.#stacks.get(mount.path);
		if (stack === undefined) this.#stacks.set(mount.path, [entry]);
		else stack.push(entry);
		this.#order.push(entry);
		return entry;
	}

	#join(entry: Entry, peers: PeerGroup | undefined, master: PeerGroup | undefined): void {
		entry.peers = peers;
		entry.master = master;
		peers?.members.add(entry.member);
		master?.slaves.add(entry.member);
	}

	#leave(entry: Entry): void {
		entry.peers?.members.delete(entry.member);
		entry.master?.slaves.delete(entry.member);
		entry.peers = undefined;
		entry.master = undefined;
	}

	#drop(entry: Entry): void {
		this.#leave(entry);
		const { path } = entry.mount;
		const left = (this.#stacks.get(path) ?? []).filter((each) => each !== entry);
		if (left.length === 0) this.#stacks.delete(path);
		else this.#stacks.set(path, left);
		this.#order = this.#order.filter((each) => each !== entry);
	}
}

/** Who is told of what happens below a mount. */
function* receivers({ peers, member }: Entry): Generator<{ readonly member: Member; readonly isSlave: boolean }> {
	for (const each of [...(peers?.members ?? [])]) if (each !== member) yield { member: each, isSlave: false };
	for (const each of [...(peers?.slaves ?? [])]) yield { member: each, isSlave: true };
}

/** Where a place below one mount is below another one of the same file system; undefined: that one does not show it. */
function translated(from: Mount, to: Mount, path: string): string | undefined {
	const rest = below(from.path, path);
	if (rest === undefined) return undefined;
	const inFileSystem = joined(from.rootPath ?? "/", rest);
	const belowOther = below(to.rootPath ?? "/", inFileSystem);
	return belowOther === undefined ? undefined : joined(to.path, belowOther);
}
