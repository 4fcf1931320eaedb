/**
 * Simulated processes. A program is an async function; its process ends when the function returns or when a signal
 * ends it. A killed program's function may still be waiting somewhere: it is told by its AbortSignal, and whatever it
 * writes from then on goes nowhere.
 *
 * As on Linux, the first process of a PID namespace gets only those signals that it handles, and SIGKILL: that is why
 * `sleep 3600` as a container's command sits out the whole grace period.
 */
import { type Credentials, root } from "./credentials.ts";
import { type NamespaceKeys, type NamespaceNumbers, type NamespaceType, namespaceTypes } from "./namespaces.ts";
import type { NetworkStack } from "./net/network.ts";
import { type Rlimit, rlimitKinds } from "./rlimits.ts";
import { defaultActionOf, type SignalName, signalNumbers } from "./signals.ts";
import type { FileSystem } from "./vfs/file-system.ts";

export interface ProcessExit {
	/** 0-255; 128 + n for a process that signal n killed. */
	readonly exitCode: number;
	readonly signal?: SignalName;
	/** The kernel killed it for its memory. */
	readonly oomKilled?: boolean;
}

/** The container, or the node, that a process belongs to: what it sees of the world. */
export interface ProcessOwner {
	readonly hostname: string;
	readonly files: FileSystem;
	readonly network: NetworkStack;
	readonly facts: MachineFacts | undefined;
	/** What stands for its namespaces, where they are not the kernel's first. */
	readonly namespaceKeys: NamespaceKeys;
	/** What its programs have taken of memory beyond what the image takes by itself. */
	takenMemoryBytes: number;
	ownProcesses(): readonly Process[];
	/** One of its processes works; see `Process.work`. */
	work(process: Process, cpuMs: number): Promise<void>;
}

/** What the kernel knows of a container, or of a node's own processes: worked out when somebody asks. */
export interface MachineFacts {
	/** Path from the root of the cgroup tree. */
	readonly cgroup: string;
	readonly oomScoreAdj: number;
	/** Default root. */
	readonly credentials?: Credentials | undefined;
	/** CPU time that all its programs have used, ms. */
	readonly cpuMs: number;
	/** What all its programs take of memory, bytes. */
	readonly memoryBytes: number;
	/** Default: a container's usual ones, a machine's all. */
	readonly capabilities?: bigint | undefined;
	readonly noNewPrivileges?: boolean | undefined;
	/** System calls are filtered. */
	readonly seccomp?: boolean | undefined;
	/** Those that it shares with its pod, or has of its own. */
	readonly namespaces: NamespaceKeys;
}

/** The PID namespace that a process was started in (kernel.ts). */
export interface ProcessNamespace {
	readonly isRoot: boolean;
	readonly kernel: {
		readonly namespaceNumbers: NamespaceNumbers;
		/** A process has taken more memory: its cgroup may not have it, or the machine. */
		memoryGrew(process: Process): void;
		memoryFell(): void;
	};
}

export interface ProcessOptions {
	readonly namespace: ProcessNamespace;
	/** In its namespace. */
	readonly pid: number;
	/** In the machine's. */
	readonly hostPid: number;
	readonly machine: ProcessOwner;
	readonly parent: Process | undefined;
	readonly argv: readonly string[];
	/** Unix ms. */
	readonly startMs: number;
	/** What it was started with. */
	readonly origin: ProcessOrigin;
}

/** What a process was started with and keeps. */
export interface ProcessOrigin {
	readonly env: ReadonlyMap<string, string>;
	readonly cwd: string;
	/** Set when it has a controlling terminal. */
	readonly terminal?: object | undefined;
	/** It speaks for its container: what the image takes by itself is its. */
	readonly isMain?: boolean | undefined;
	readonly traits?: ProcessTraits | undefined;
}

/** What tells a process from most others: inherited by its children. */
export interface ProcessTraits {
	readonly credentials?: Credentials;
	/** Path from the root of the cgroup tree: where it was moved to. */
	readonly cgroup?: string;
	/** The same in single hierarchies of version 1, by their ids. */
	readonly cgroups?: ReadonlyMap<number, string>;
	/** -1000 to 1000. */
	readonly oomScoreAdj?: number;
	/** -20 to 19. */
	readonly nice?: number;
	/** Processors that it has been told to use (sched_setaffinity(2)), ascending; absent: any. */
	readonly affinity?: readonly number[];
	/** By name, `NOFILE`; absent: the defaults. */
	readonly rlimits?: ReadonlyMap<string, Rlimit>;
	/** Namespaces that it has of its own (unshare), or joined (nsenter), beside those of its machine. */
	readonly namespaces?: NamespaceKeys;
	/** What it takes of memory by itself, bytes. */
	readonly ownMemoryBytes?: number;
	/** A thread of the kernel: it has no memory and no command line. */
	readonly isKernelThread?: boolean;
	/** What /proc/PID/comm says, where it is not the program's name; at most 15 characters. */
	readonly comm?: string;
	/** The executable, where it is not the first word of its command line. */
	readonly exe?: string;
	/** CPU time that it had used when somebody first looked, ms. */
	readonly cpuMs?: () => number;
}

const noTraits: ProcessTraits = {};

/** Why a process stands still: SIGSTOP, the freezer (whom version 1 freezes not even SIGKILL ends), memory that it waits for. */
type Hold = "signal" | "freezer" | "older freezer" | "memory";

interface Standstill {
	/** At least one. */
	readonly holds: Set<Hold>;
	/** Resolves once there is none any more. */
	readonly resumed: Promise<void>;
	readonly resume: () => void;
	/** It is to end as soon as the freezer lets it. */
	isDoomed: boolean;
}

/** Of a program about which nothing else is known, bytes: a shell or a small tool. */
const usualMemoryBytes = 720 * 1024;

export class Process {
	readonly namespace: ProcessNamespace;
	/** In its own namespace. */
	readonly pid: number;
	/** As the node sees it. */
	readonly hostPid: number;
	/** The container, or the node, whose process it is. */
	readonly machine: ProcessOwner;
	/** Absent for what a runtime or the kernel started; of a container's it is the shim, once somebody has looked. */
	parent: Process | undefined;
	/** Of the program that it is now. */
	argv: readonly string[];
	/** Unix ms. */
	readonly startMs: number;
	/** Never rejects. */
	readonly exited: Promise<ProcessExit>;
	exit: ProcessExit | undefined;
	#resolve: ((exit: ProcessExit) => void) | undefined;
	#abort: AbortController | undefined;
	#handlers: Map<SignalName, () => void> | undefined;
	readonly origin: ProcessOrigin;
	/** Of its own: set since it started. */
	#traits: ProcessTraits | undefined;
	/** CPU time that it used for work that it did in its own name, ms. */
	#workedMs = 0;
	/** What it has taken of memory beyond what it takes by itself, bytes. */
	#takenBytes = 0;
	/** What keeps it from working at the moment; undefined: nothing. */
	#standstill: Standstill | undefined;

	constructor(options: ProcessOptions) {
		this.namespace = options.namespace;
		this.pid = options.pid;
		this.hostPid = options.hostPid;
		this.machine = options.machine;
		this.parent = options.parent;
		this.argv = options.argv;
		this.startMs = options.startMs;
		this.origin = options.origin;
		const inherited = inheritedTraits(options.parent, options.machine);
		if (inherited !== undefined || options.origin.traits !== undefined) this.#traits = { ...inherited, ...options.origin.traits };
		this.exited = new Promise((resolve) => {
			this.#resolve = resolve;
		});
	}

	/** Aborts when the process ends, by whatever cause. */
	get ended(): AbortSignal {
		this.#abort ??= new AbortController();
		if (this.exit !== undefined) this.#abort.abort();
		return this.#abort.signal;
	}

	/** Handles a signal in place of its default action; `undefined` restores that. */
	onSignal(signal: SignalName, handler: (() => void) | undefined): void {
		this.#handlers ??= new Map();
		if (handler === undefined) this.#handlers.delete(signal);
		else this.#handlers.set(signal, handler);
	}

	/** It is another program from now on, which handles no signals yet. @param ignored those that it does not heed either */
	become(argv: readonly string[], ignored: readonly SignalName[]): void {
		this.argv = argv;
		this.#handlers = undefined;
		for (const signal of ignored) this.onSignal(signal, () => undefined);
	}

	get traits(): ProcessTraits {
		return this.#traits ?? noTraits;
	}

	setTraits(traits: ProcessTraits): void {
		this.#traits = { ...this.#traits, ...traits };
	}

	/** `sleep`: what /proc/PID/comm says. */
	get comm(): string {
		const { comm } = this.traits;
		if (comm !== undefined) return comm;
		const [first = ""] = this.argv;
		return (first.split(" ")[0]?.replace(/:$/, "").split("/").at(-1) ?? "").slice(0, 15);
	}

	get credentials(): Credentials {
		return this.traits.credentials ?? this.machine.facts?.credentials ?? root;
	}

	/** Path from the root of the machine's cgroup tree. */
	get cgroup(): string {
		return this.traits.cgroup ?? this.machine.facts?.cgroup ?? "/";
	}

	get oomScoreAdj(): number {
		return this.traits.oomScoreAdj ?? this.machine.facts?.oomScoreAdj ?? 0;
	}

	get nice(): number {
		return this.traits.nice ?? 0;
	}

	rlimit(name: string): Rlimit {
		const known = this.traits.rlimits?.get(name);
		if (known !== undefined) return known;
		const kind = rlimitKinds.find((each) => each.name === name);
		if (kind === undefined) throw new Error(`there is no limit ${name}`);
		return kind.default;
	}

	setRlimit(name: string, limit: Rlimit): void {
		this.setTraits({ rlimits: new Map([...(this.traits.rlimits ?? []), [name, limit]]) });
	}

	/** The inode number of one of its namespaces. */
	namespaceInode(type: NamespaceType): number {
		const keys = { ...this.machine.namespaceKeys, ...this.traits.namespaces };
		return this.namespace.kernel.namespaceNumbers.inode(type, keys[type]);
	}

	/** All of its namespaces, by type. */
	namespaceInodes(): ReadonlyMap<NamespaceType, number> {
		return new Map(namespaceTypes.map((type) => [type, this.namespaceInode(type)]));
	}

	get isMain(): boolean {
		return this.origin.isMain === true;
	}

	/** The resident set, bytes. */
	get rssBytes(): number {
		if (this.traits.isKernelThread === true || this.exit !== undefined) return 0;
		const used = this.isMain ? this.machine.facts?.memoryBytes : undefined;
		if (used === undefined) return (this.traits.ownMemoryBytes ?? usualMemoryBytes) + this.#takenBytes;
		let others = 0;
		for (const process of this.machine.ownProcesses()) if (process !== this) others += process.#takenBytes;
		return Math.max(0, used - others);
	}

	/** Address space, bytes: a guess from the resident set. */
	get vszBytes(): number {
		const { rssBytes } = this;
		return rssBytes === 0 ? 0 : Math.ceil(rssBytes * 1.6) + 3 * 1024 * 1024;
	}

	/** CPU time used since it started, ms. */
	get cpuMs(): number {
		const before = this.traits.cpuMs?.() ?? 0;
		const total = this.isMain ? this.machine.facts?.cpuMs : undefined;
		if (total === undefined) return before + this.#workedMs;
		let others = 0;
		for (const process of this.machine.ownProcesses()) if (process !== this) others += process.#workedMs;
		return Math.max(this.#workedMs, total - others);
	}

	/** As /proc/PID/stat has it; R of somebody who is working right now. */
	get state(): "R" | "S" | "D" | "T" | "I" {
		const holds = this.#standstill?.holds;
		if (holds?.has("older freezer") === true || holds?.has("memory") === true) return "D";
		if (holds?.has("signal") === true) return "T";
		if (this.traits.isKernelThread === true) return "I";
		return this.#working > 0 ? "R" : "S";
	}

	/** Pieces of work under way. */
	#working = 0;

	/** Works for so long on one processor, as far as its cgroup and the machine let it. Resolves when that is done, or the process ended. */
	async work(cpuMs: number): Promise<void> {
		this.#working++;
		try {
			while (this.#standstill !== undefined && this.exit === undefined) await Promise.race([this.#standstill.resumed, this.exited]);
			if (this.exit !== undefined) return;
			await this.machine.work(this, cpuMs);
			this.#workedMs += cpuMs;
		} finally {
			this.#working--;
		}
	}

	/** What it has taken of memory beyond its own; what is too much for its cgroup or the machine gets somebody killed. */
	get takenMemoryBytes(): number {
		return this.#takenBytes;
	}

	set takenMemoryBytes(bytes: number) {
		if (this.exit !== undefined) return;
		const growth = bytes - this.#takenBytes;
		this.#takenBytes = bytes;
		this.machine.takenMemoryBytes += growth;
		if (growth > 0) this.namespace.kernel.memoryGrew(this);
		else this.namespace.kernel.memoryFell();
	}

	/** Sends a signal, as `kill` does. */
	kill(signal: SignalName): void {
		if (this.exit !== undefined || this.traits.isKernelThread === true) return;
		if (signal === "KILL" && this.#standstill?.holds.has("older freezer") === true) {
			this.#standstill.isDoomed = true;
			return;
		}
		if (signal === "STOP" && this.pid !== 1) this.hold("signal");
		if (signal === "CONT") this.release("signal");
		if (signal === "STOP") return;
		const handler = signal === "KILL" ? undefined : this.#handlers?.get(signal);
		if (handler !== undefined) handler();
		else if ((this.pid !== 1 || signal === "KILL") && defaultActionOf(signal) === "end")
			this.finish({ exitCode: 128 + signalNumbers[signal], signal });
		else if (this.pid !== 1 && defaultActionOf(signal) === "stop") this.hold("signal");
	}

	/** It does not work until it is let go. */
	hold(why: Hold): void {
		if (this.exit !== undefined) return;
		if (this.#standstill === undefined) {
			const { promise: resumed, resolve: resume } = Promise.withResolvers<void>();
			this.#standstill = { holds: new Set(), resumed, resume, isDoomed: false };
		}
		this.#standstill.holds.add(why);
	}

	release(why: Hold): void {
		const standstill = this.#standstill;
		if (standstill?.holds.delete(why) !== true || standstill.holds.size > 0) return;
		this.#standstill = undefined;
		standstill.resume();
		if (standstill.isDoomed) this.kill("KILL");
	}

	/** The kernel's out-of-memory killer: SIGKILL, and the container's status says OOMKilled. */
	killForMemory(): void {
		this.finish({ exitCode: 137, signal: "KILL", oomKilled: true });
	}

	/** The first call decides how the process ended. */
	finish(exit: ProcessExit): void {
		if (this.exit !== undefined) return;
		const freedBytes = this.#takenBytes;
		this.machine.takenMemoryBytes -= freedBytes;
		this.#takenBytes = 0;
		this.exit = exit;
		if (freedBytes > 0) this.namespace.kernel.memoryFell();
		this.#standstill?.resume();
		this.#standstill = undefined;
		this.#handlers = undefined;
		this.#resolve?.(exit);
		this.#resolve = undefined;
		this.#abort?.abort();
	}
}

/** What children get of it. A child in another machine (a container) has that machine's. */
function inheritedTraits(parent: Process | undefined, machine: ProcessOwner): ProcessTraits | undefined {
	if (parent === undefined || parent.traits === noTraits) return undefined;
	const { credentials, cgroup, cgroups, oomScoreAdj, nice, affinity, rlimits, namespaces } = parent.traits;
	const own = parent.machine === machine && namespaces !== undefined ? { namespaces } : {};
	return {
		...(credentials === undefined ? {} : { credentials }),
		...(cgroup === undefined ? {} : { cgroup }),
		...(cgroups === undefined ? {} : { cgroups }),
		...(oomScoreAdj === undefined ? {} : { oomScoreAdj }),
		...(nice === undefined ? {} : { nice }),
		...(affinity === undefined ? {} : { affinity }),
		...(rlimits === undefined ? {} : { rlimits }),
		...own,
	};
}
