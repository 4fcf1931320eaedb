/**
 * The kernel that the containers of one simulated machine share: its process identifiers and PID namespaces, its boot. What is
 * common to all who look at the machine from inside, whether in a container or in a shell on the node, belongs here.
 *
 * Namespaces are one level deep: a process has a pid in its own namespace and one in the machine's (`hostPid`). Sees it who looks
 * from either (https://man7.org/linux/man-pages/man7/pid_namespaces.7.html).
 */
import type { Process, ProcessNamespace } from "./process.ts";
import type { InputStream, OutputStream } from "./stream.ts";
import type { Terminal } from "./terminal.ts";
import type { Tree } from "./vfs/tree.ts";

/** Processes that see each other: those of one container, of containers that share, or of the whole machine. */
export class PidNamespace implements ProcessNamespace {
	readonly kernel: Kernel;
	/** Living processes that were started in it, by their pid here. */
	readonly own = new Map<number, Process>();
	#nextPid = 1;

	constructor(kernel: Kernel) {
		this.kernel = kernel;
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
		else yield* this.own.values();
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
	/** Of another kernel than the nodes have: `uname -r` in a virtual machine. */
	release: string | undefined;
	#nextPid: number;

	/** @param firstPid of the first process that is started; lower ones are for what boots with the machine */
	constructor(firstPid = 1) {
		this.#nextPid = firstPid;
		this.rootNamespace = new PidNamespace(this);
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
