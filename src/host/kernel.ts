/**
 * The kernel that the containers of one simulated machine share: its process identifiers and PID namespaces, its boot. What is
 * common to all who look at the machine from inside, whether in a container or in a shell on the node, belongs here.
 *
 * Namespaces are one level deep: a process has a pid in its own namespace and one in the machine's (`hostPid`). Sees it who looks
 * from either (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html).
 */
import type { Cgroups } from "./cgroup/cgroups.ts";
import { chooseVictim, reportOom } from "./cgroup/oom.ts";
import { KernelLog } from "./kernel-log.ts";
import { KernelSettings } from "./kernel-settings.ts";
import { NamespaceNumbers } from "./namespaces.ts";
import type { Process, ProcessNamespace } from "./process.ts";

import type { InputStream, OutputStream } from "./stream.ts";
import type { Terminal } from "./terminal.ts";

import type { FileSystem } from "./vfs/file-system.ts";

import type { Tree } from "./vfs/tree.ts";

/** Processes that see each other: those of one container, of containers that share, or of the whole machine. */
export class PidNamespace implements ProcessNamespace {
	readonly kernel: Kernel;
	/** Living processes that were started in it, by their pid here. */
	readonly own = new Map<number, Process>();
	#nextPid = 1;

	/** Its first process belongs to a sandbox that nobody may have looked at yet. */
	readonly #hasSandbox: boolean;

	/** @param reserved pids below are for the sandbox's own processes */
	constructor(kernel: Kernel, reserved = 0) {
		this.kernel = kernel;
		this.#nextPid += reserved;
		this.#hasSandbox = reserved > 0;
	}

	get isRoot(): boolean {
		return this.kernel.rootNamespace === this;
	}

	/** A pid for a process that starts here: first its own, then the machine's. */
	allocate(): { readonly pid: number; readonly hostPid: number } {
		const hostPid = this.kernel.reservePids(1);
		return { pid: this.isRoot ? hostPid : this.#nextPid++, hostPid };
	}

	add(process: Process): void {
		if (this.own.size === 0) this.kernel.namespaces.add(this);
		this.own.set(process.pid, process);
	}

	remove(process: Process): void {
		this.own.delete(process.pid);
		if (this.own.size === 0) this.kernel.namespaces.delete(this);
	}

	/** Who can be seen from here, by pid. */
	*visible(): Iterable<Process> {
		if (this.isRoot) yield* this.kernel.processes();
		else {
			if (this.#hasSandbox) this.kernel.onLook?.();
			yield* [...this.own.values()].sort((a, b) => a.pid - b.pid);
		}
	}

	find(pid: number): Process | undefined {
		if (!this.isRoot) return this.own.get(pid);
		for (const process of this.kernel.processes()) if (process.hostPid === pid) return process;
		return undefined;
	}

	/** The pid under which a process is seen from here; 0 if it is not. */
	pidOf(process: Process): number {
		if (this.isRoot) return process.hostPid;
		return process.namespace === this ? process.pid : 0;
	}
}

/** What a machine has, and how much of it is in use: asked when somebody looks. */
export interface Hardware {
	readonly cores: number;
	readonly memoryBytes: number;
	/** By the system and all that runs. */
	readonly usedMemoryBytes: number;
	/** CPU time that everything has used since it came up, ms. */
	readonly cpuMs: number;
	/** CPU time used in the last minute, in cores. */
	readonly load: number;
	/** When it came up, Unix ms. */
	readonly bootMs: number;
	readonly bootId: string;
}

/** Of a file system, bytes and inodes. */
export interface DiskUsage {
	readonly sizeBytes: number;
	readonly usedBytes: number;
	readonly availableBytes: number;
	readonly inodes: number;
	readonly usedInodes: number;
}

/** The machine itself, beneath its containers, as somebody enters it from one of them. */
export interface KernelHost {
	readonly files: { readonly rootTree: Tree };
	/** Throws `ExecError`. */
	spawn(command: HostCommand): Process;
}

export interface HostCommand {
	readonly argv: readonly string[];
	readonly env: ReadonlyMap<string, string>;
	readonly cwd: string;
	readonly stdin: InputStream;
	readonly stdout: OutputStream;
	readonly stderr: OutputStream;
	readonly terminal?: Terminal | undefined;
	readonly parent?: Process | undefined;
}

export class Kernel {
	/** Set when somebody first looks at it. */
	host: KernelHost | undefined;
	readonly rootNamespace: PidNamespace;
	/** Those in which something runs. */
	readonly namespaces = new Set<PidNamespace>();
	/** Starts, late, what nobody has looked at yet: the machine's services and its sandboxes' processes. */
	onLook: (() => void) | undefined;
	/** Of its cgroups. */
	cgroupVersion: 1 | 2 = 2;
	/** Of a container that takes too much memory all is killed, not one process. */
	killsWholeContainers = (): boolean => true;
	/** Somebody may have as many processes as his group says, also where nobody has looked at it yet. */
	limitsPids = false;
	/** Makes the cgroups when somebody first looks at them; absent: the machine has none. */
	openCgroups: (() => Cgroups | undefined) | undefined;
	/** Told when a process has taken memory: the machine may not have it. */
	onMemoryTaken: ((process: Process) => void) | undefined;
	/** Asked again and again; absent: a machine of which nothing is known. */
	hardware: (() => Hardware) | undefined;
	/** How full its disk is; absent: nobody knows. */
	disk: (() => DiskUsage) | undefined;
	/** The node's own files, with its mounts: absent on a machine that is nobody's node. */
	nodeFiles: (() => FileSystem) | undefined;
	#cgroups: Cgroups | undefined;
	#isOpening = false;
	#namespaceNumbers: NamespaceNumbers | undefined;
	#log: KernelLog | undefined;
	#settings: KernelSettings | undefined;
	/** Of another kernel than the nodes have: `uname -r` in a virtual machine. */
	release: string | undefined;
	#nextPid: number;

	/** @param firstPid of the first process that is started; lower ones are for what boots with the machine */
	constructor(firstPid = 1) {
		this.#nextPid = firstPid;
		this.rootNamespace = new PidNamespace(this);
	}

	/** Once somebody has looked at it, or made groups: until then all is as the kubelet and systemd have made it. */
	get cgroups(): Cgroups | undefined {
		return this.#cgroups;
	}

	/** Its cgroups; undefined if the machine has none. */
	lookAtCgroups(): Cgroups | undefined {
		if (this.#cgroups === undefined && !this.#isOpening) {
			// The machine is made on the way, and starts what boots with it.
			this.#isOpening = true;
			this.#cgroups = this.openCgroups?.();
			this.#isOpening = false;
		}
		return this.#cgroups;
	}

	get settings(): KernelSettings {
		this.#settings ??= new KernelSettings();
		return this.#settings;
	}

	get namespaceNumbers(): NamespaceNumbers {
		this.#namespaceNumbers ??= new NamespaceNumbers();
		return this.#namespaceNumbers;
	}

	/** The ring buffer that `dmesg` shows. */
	get log(): KernelLog {
		this.#log ??= new KernelLog();
		return this.#log;
	}

	/** A process has taken more memory: its cgroup may not have it, or the machine. */
	memoryGrew(process: Process): void {
		this.#cgroups?.memory.grew(process);
		if (process.exit === undefined) this.onMemoryTaken?.(process);
	}

	/** Where a process is in the tree of groups that memory is counted in. */
	memoryGroupOf(process: Process): string {
		return this.#cgroups?.tree("memory").pathOf(process) ?? process.cgroup;
	}

	/** A process has given memory back. */
	memoryFell(): void {
		this.#cgroups?.memory.relieve();
	}

	/**
	 * A container is over its limit: the kernel kills all of it, or (in version 1, and where the kubelet wants it) one process after the
	 * other until what is left fits, and says so in its log.
	 * @param process its main one
	 */
	killGroupForMemory(process: Process, amounts: { readonly usageBytes: number; readonly limitBytes: number }, nowMs: number): void {
		const path = process.cgroup;
		const isGroupKill = this.killsWholeContainers();
		for (;;) {
			const tasks = process.machine.ownProcesses().filter(({ cgroup, exit }) => cgroup === path && exit === undefined);
			const victim = isGroupKill ? process : (chooseVictim(tasks, amounts.limitBytes) ?? process);
			const victims = isGroupKill ? tasks : [victim];
			const failures = (this.#cgroups?.tree("memory").find(path)?.memory.maxEvents ?? 0) + 1;
			this.#cgroups?.memory.countOomKill(path, victims.length, isGroupKill);
			reportOom(this, { nowMs, trigger: process, victims, tasks, group: { path, ...amounts, failures }, isGroupKill });
			for (const each of victims) each.killForMemory();
			if (isGroupKill) process.killForMemory();
			if (process.exit !== undefined || (process.machine.facts?.memoryBytes ?? 0) <= amounts.limitBytes) return;
		}
	}

	/** Pieces of work under way. Programs that want more than there is share it as their groups say. */
	#working = 0;

	/** Whether somebody may have one more process. */
	mayFork(parent: Process): boolean {
		const cgroups = this.limitsPids ? this.lookAtCgroups() : this.#cgroups;
		return cgroups === undefined || cgroups.mayFork(parent);
	}

	/** @returns the groups, if it matters who else works */
	workBegins(): Cgroups | undefined {
		this.#working++;
		if (this.#cgroups === undefined && this.#working > (this.hardware?.().cores ?? Number.POSITIVE_INFINITY)) return this.lookAtCgroups();
		return this.#cgroups;
	}

	workEnds(): void {
		this.#working--;
	}

	/** Takes pids for processes that may be started later; returns the first. */
	reservePids(count: number): number {
		const first = this.#nextPid;
		this.#nextPid += count;
		return first;
	}

	/** All processes of the machine, in the order of their pids. */
	processes(): readonly Process[] {
		this.onLook?.();
		return [...this.namespaces].flatMap(({ own }) => [...own.values()]).sort((a, b) => a.hostPid - b.hostPid);
	}
}
