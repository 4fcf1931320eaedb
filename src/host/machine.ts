/**
 * A simulated Linux machine, or what a container sees of one: host name, files, processes, network. It simulates
 * what commands and programs can observe. Machines of one node share its kernel; one that joins some of another's namespaces
 * (nsenter, unshare) is a machine of its own that shares the rest (`derive`).
 */
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import type { Random } from "../apimachinery/random.ts";
import { Cpu, noThrottling, type Throttling } from "./cpu.ts";
import { ExecError, findExecutable, resolveProgram } from "./executables.ts";
import { type HostCommand, Kernel, PidNamespace } from "./kernel.ts";
import type { NamespaceKeys } from "./namespaces.ts";
import type { NetworkStack } from "./net/network.ts";
import { ResolvingNetwork } from "./net/resolver.ts";
import { PacedOutput } from "./paced-output.ts";
import { type MachineFacts, Process, type ProcessExit, type ProcessOwner, type ProcessTraits } from "./process.ts";
import type { SignalName } from "./signals.ts";
import { BrokenPipeError, type InputStream, OutOfMemoryError, type OutputStream } from "./stream.ts";
import type { Terminal } from "./terminal.ts";
import type { FileSystem } from "./vfs/file-system.ts";
import { FsError } from "./vfs/inode.ts";

/** Processes one machine may have: a fork bomb ends here with `fork: Resource temporarily unavailable`. */
const defaultMaxProcesses = 1024;
/** What it takes to start a process and to end it. */
const spawnCpuMs = 1;

/** What a process is given. */
export interface ProcessContext {
	readonly argv: readonly string[];
	readonly env: ReadonlyMap<string, string>;
	readonly cwd: string;
	readonly stdin: InputStream;
	readonly stdout: OutputStream;
	readonly stderr: OutputStream;
	/** Set when stdin and stdout are a terminal. */
	readonly terminal?: Terminal | undefined;
	readonly machine: Machine;
	readonly process: Process;
	/** The machine's files, as this process may use them. */
	readonly files: FileSystem;
}

/** Resolves to the exit code, 0-255. */
export type Program = (context: ProcessContext) => Promise<number> | number;

export interface MachineOptions {
	readonly hostname: string;
	readonly clock: Clock;
	readonly random: Random;
	/** Called once, when somebody first looks at the files. */
	readonly openFileSystem: () => FileSystem;
	/**
	 * The files as they are before anybody changes them, shared and only read: programs are looked up here as long as
	 * the machine has no files of its own.
	 */
	readonly pristineFiles?: () => FileSystem;
	/** The programs behind the executables of the file system, by registered name. */
	readonly findProgram: (name: string) => Program | undefined;
	readonly network: NetworkStack;
	/** How many cores it may use; default 1. Asked again and again: a limit may change. */
	readonly cores?: () => number;
	/** How much memory its programs may take; default no limit. */
	readonly memoryLimitBytes?: () => number;
	/** Told when programs take more memory than before. */
	readonly onMemoryTaken?: () => void;
	/** Something is mounted over the image that may change what its programs find. */
	readonly hasVolumes?: boolean;
	/** Processes that its PID namespace may have; default 1024. */
	readonly maxProcesses?: number;
	/** The kernel that it shares with others; default one of its own. */
	readonly kernel?: Kernel | undefined;
	/** The PID namespace to join; default a new one of the kernel. */
	readonly pidNamespace?: PidNamespace | undefined;
	/** What the kernel knows of it; absent for a machine that is nobody's container. */
	readonly facts?: () => MachineFacts | undefined;
}

/** Namespaces of a machine that are another's, or new. */
export interface DerivedNamespaces {
	readonly hostname?: string | undefined;
	readonly network?: NetworkStack | undefined;
	readonly pidNamespace?: PidNamespace | undefined;
	/** Whose files, programs and /proc it has. */
	readonly mounts?: { readonly machine: Machine; readonly files: FileSystem } | undefined;
	/** Whose processes its /proc shows; default those of `mounts`, else of the machine itself. */
	readonly procNamespace?: PidNamespace | undefined;
	readonly keys: NamespaceKeys;
}

export interface SpawnOptions extends HostCommand {
	/** For a process that was there before anybody looked: the pids that were kept for it, and since when it runs (Unix ms). */
	readonly pids?: { readonly pid: number; readonly hostPid: number };
	readonly startMs?: number;
	/** It speaks for its container. */
	readonly isMain?: boolean | undefined;
	/** What it has beside what it inherits. */
	readonly traits?: ProcessTraits | undefined;
}

/** There are as many processes as there may be. */
export class ForkError extends ExecError {
	constructor(command: string) {
		super(command, "resource temporarily unavailable", 126);
		this.name = "ForkError";
	}
}

export class Machine implements ProcessOwner {
	readonly clock: Clock;
	readonly random: Random;
	/** Where names are looked up as the machine's files say. */
	readonly network: ResolvingNetwork;
	readonly hasVolumes: boolean;
	readonly pidNamespace: PidNamespace;
	readonly #options: MachineOptions;
	#hostname: string;
	#takenMemoryBytes = 0;
	#files: FileSystem | undefined;
	#cpu: Cpu | undefined;
	/** The machine's own processes in somebody else's namespace. */
	readonly #own: Set<Process> | undefined;
	/** Whose resources it uses, of one that joined some of another's namespaces. */
	#base: Machine | undefined;
	#derived: Set<Machine> | undefined;
	#derivation: DerivedNamespaces | undefined;

	constructor(options: MachineOptions) {
		this.#options = options;
		this.#hostname = options.hostname;
		this.clock = options.clock;
		this.random = options.random;
		this.network = new ResolvingNetwork(options.network, this);
		this.hasVolumes = options.hasVolumes ?? false;
		this.pidNamespace = options.pidNamespace ?? new PidNamespace(options.kernel ?? new Kernel());
		this.#own = options.pidNamespace === undefined ? undefined : new Set();
	}

	/** Of its UTS namespace. */
	get hostname(): string {
		const base = this.#derivation?.hostname === undefined ? this.#base : undefined;
		return base === undefined ? this.#hostname : base.hostname;
	}

	set hostname(name: string) {
		const base = this.#derivation?.hostname === undefined ? this.#base : undefined;
		if (base === undefined) this.#hostname = name;
		else base.hostname = name;
	}

	get kernel(): Kernel {
		return this.pidNamespace.kernel;
	}

	/** Its network, without the names that its files know. */
	get stack(): NetworkStack {
		return this.#options.network;
	}

	get facts(): MachineFacts | undefined {
		return this.#base === undefined ? this.#options.facts?.() : this.#base.facts;
	}

	/** What stands for its namespaces, where they are not the kernel's first. */
	get namespaceKeys(): NamespaceKeys {
		if (this.#base !== undefined) return { ...this.#base.namespaceKeys, ...this.#derivation?.keys };
		const { facts } = this;
		if (facts === undefined) return {};
		return { ...(this.pidNamespace.isRoot ? {} : { pid: this.pidNamespace }), ...facts.namespaces };
	}

	/** Whose processes its /proc shows. */
	get procNamespace(): PidNamespace {
		if (this.#base === undefined) return this.pidNamespace;
		return this.#derivation?.procNamespace ?? this.#derivation?.mounts?.machine.procNamespace ?? this.#base.procNamespace;
	}

	/** A machine that has some namespaces of its own or another's, and everything else of this one. It ends with it. */
	derive(namespaces: DerivedNamespaces): Machine {
		const { mounts, network = this.stack, pidNamespace = this.pidNamespace, hostname = this.hostname } = namespaces;
		const machine = new Machine({
			...this.#options,
			hostname,
			network,
			pidNamespace,
			openFileSystem: () => mounts?.files ?? this.files,
			findProgram: (name) => (mounts?.machine ?? this).#options.findProgram(name),
			hasVolumes: true,
		});
		machine.#base = this;
		machine.#derivation = namespaces;
		this.#derived ??= new Set();
		this.#derived.add(machine);
		return machine;
	}

	/** Of a derived machine whose last process has ended. */
	dissolve(): void {
		if (this.#base !== undefined) this.#base.#derived?.delete(this);
	}

	get files(): FileSystem {
		this.#files ??= this.#options.openFileSystem();
		return this.#files;
	}

	/** Its files, as a process may use them. */
	filesFor(process: Process): FileSystem {
		return this.files.as(process);
	}

	/** Where programs do their work. */
	get cpu(): Cpu {
		if (this.#base !== undefined) return this.#base.cpu;
		this.#cpu ??= new Cpu(
			this.clock,
			() => this.cores,
			() => this.kernel.cgroups?.cpu.shareOf(this.facts?.cgroup ?? "/") ?? Number.POSITIVE_INFINITY,
		);
		return this.#cpu;
	}

	/** How many cores its programs may use. */
	get cores(): number {
		return this.#options.cores?.() ?? 1;
	}

	/** One of its processes works; see `Process.work`. */
	async work(process: Process, cpuMs: number): Promise<void> {
		const { kernel, clock } = this;
		const controller = kernel.workBegins()?.cpu;
		const work = controller?.begin(process);
		const startMs = clock.now();
		try {
			if (work?.cpu === undefined) await this.cpu.run(cpuMs, process.ended);
			else {
				await work.cpu.run(cpuMs, process.ended);
				if (process.exit === undefined) this.cpu.account(cpuMs);
			}
		} finally {
			if (work !== undefined) controller?.end(work, cpuMs, clock.now() - startMs);
			kernel.workEnds();
		}
	}

	/** One of its processes takes memory and writes to it, page by page: what is over memory.high of its group comes slowly. */
	async takeMemory(process: Process, bytes: number): Promise<void> {
		for (let left = bytes; left > 0 && process.exit === undefined; ) {
			const step = this.kernel.cgroups?.memory.step(process, left) ?? { bytes: left, waitMs: 0 };
			process.takenMemoryBytes += step.bytes;
			left -= step.bytes;
			if (step.waitMs > 0) await sleep(this.clock, step.waitMs, process.ended).catch(() => undefined);
		}
	}

	/** How its quota has held its programs up. */
	get throttling(): Throttling {
		return this.#cpu?.throttling ?? noThrottling;
	}

	/** What its programs have taken of memory beyond what the image takes by itself. */
	get takenMemoryBytes(): number {
		return this.#base?.takenMemoryBytes ?? this.#takenMemoryBytes;
	}

	set takenMemoryBytes(bytes: number) {
		if (this.#base !== undefined) {
			this.#base.takenMemoryBytes = bytes;
			return;
		}
		const isMore = bytes > this.#takenMemoryBytes;
		this.#takenMemoryBytes = bytes;
		if (isMore) this.#options.onMemoryTaken?.();
	}

	/** Whoever takes more is killed. */
	get memoryLimitBytes(): number {
		return this.#options.memoryLimitBytes?.() ?? Number.POSITIVE_INFINITY;
	}

	/** CPU time, ms, that its programs used before a moment of the last minute. */
	cpuUsedMs(atMs: number): number {
		return this.#cpu?.usedMs(atMs) ?? 0;
	}

	/** Whether somebody has looked at the files yet. */
	get hasFiles(): boolean {
		return this.#files !== undefined;
	}

	/** Forgets what was written, when nothing runs any more. */
	dropFiles(): void {
		this.#files = undefined;
	}

	/** Where programs are looked up. */
	get #executables(): FileSystem {
		const pristine = this.hasVolumes ? undefined : this.#options.pristineFiles;
		return this.#files ?? pristine?.() ?? this.files;
	}

	/** Those that its /proc shows. */
	processes(): readonly Process[] {
		return [...this.procNamespace.visible()];
	}

	/** By the pid that it has here. */
	process(pid: number): Process | undefined {
		return this.pidNamespace.find(pid);
	}

	/** Finds the program of a command and starts it. Throws `ExecError` if it cannot be started. */
	spawn(options: SpawnOptions): Process {
		const { program, argv } = this.#resolve(options);
		return this.run(program, options, argv);
	}

	/** Starts a program that the caller has: a builtin, or an image's main process. */
	run(program: Program, options: SpawnOptions, argv: readonly string[] = options.argv): Process {
		const namespace = this.pidNamespace;
		const isFull = namespace.own.size >= (this.#options.maxProcesses ?? defaultMaxProcesses);
		if (isFull || (options.parent !== undefined && !this.kernel.mayFork(options.parent))) throw new ForkError(options.argv[0] ?? "");
		const process = new Process({
			namespace,
			...(options.pids ?? namespace.allocate()),
			machine: this,
			parent: options.parent,
			argv,
			startMs: options.startMs ?? this.clock.now(),
			origin: options,
		});
		namespace.add(process);
		// The main process is part of what the image takes while it does nothing. Who starts one after the other lets others run.
		const begun = process.pid > 1 ? this.cpu.charge(spawnCpuMs, process.ended) : undefined;
		this.#own?.add(process);
		void process.exited.then(() => {
			namespace.remove(process);
			this.#own?.delete(process);
		});
		void this.#execute(program, process, options, argv, begun);
		return process;
	}

	/** As execve: a process goes on as another program, with its pid, its parent and its memory. Throws `ExecError`; it is the old program still, then. */
	replace(process: Process, options: SpawnOptions, ignored: readonly SignalName[]): Promise<ProcessExit> {
		const { program, argv } = this.#resolve(options);
		process.become(argv, ignored);
		return this.#execute(program, process, options, argv);
	}

	/** @param begun when it begins; default at once */
	#execute(
		program: Program,
		process: Process,
		options: SpawnOptions,
		argv: readonly string[],
		begun?: Promise<void>,
	): Promise<ProcessExit> {
		const { cwd, stdin, terminal } = options;
		const cpu = () => this.cpu;
		const stdout = new PacedOutput(options.stdout, process, cpu);
		const stderr = new PacedOutput(options.stderr, process, cpu);
		const context = new RunningContext({ argv, cwd, stdin, stdout, stderr, terminal, machine: this, process }, options);
		const running = begun === undefined ? execute(program, context) : begun.then(() => process.exit ?? execute(program, context));
		return running.then((exit) => {
			process.finish(exit);
			return exit;
		});
	}

	/** Its own, wherever else they can be seen. */
	ownProcesses(): readonly Process[] {
		const own = [...(this.#own ?? this.pidNamespace.own.values())];
		return this.#derived === undefined ? own : [...own, ...[...this.#derived].flatMap((machine) => machine.ownProcesses())];
	}

	/** SIGKILL to every process of this machine: the end of a container. */
	killAll(): void {
		for (const process of this.ownProcesses()) process.kill("KILL");
	}

	/** The path of a command's executable, as `which` finds it. */
	which(command: string, env: ReadonlyMap<string, string>, cwd: string): string | undefined {
		return findExecutable(command, { files: this.#executables, env, cwd });
	}

	#resolve({ argv, env, cwd }: SpawnOptions) {
		return resolveProgram(argv, { files: this.#executables, env, cwd, findProgram: (name) => this.#options.findProgram(name) });
	}
}

/** What a context has from the start; the rest is looked up when somebody asks. */
type GivenContext = Omit<ProcessContext, "env" | "files">;

/**
 * Most of what runs for long never looks at its environment or its files, which are made for who does: a copy (`{ ...context }`) has
 * neither, so whoever makes one says where its environment comes from.
 */
class RunningContext implements ProcessContext {
	readonly argv: readonly string[];
	readonly cwd: string;
	readonly stdin: InputStream;
	readonly stdout: OutputStream;
	readonly stderr: OutputStream;
	readonly terminal: Terminal | undefined;
	readonly machine: Machine;
	readonly process: Process;
	readonly #environment: Pick<ProcessContext, "env">;

	constructor(given: GivenContext, environment: Pick<ProcessContext, "env">) {
		this.argv = given.argv;
		this.cwd = given.cwd;
		this.stdin = given.stdin;
		this.stdout = given.stdout;
		this.stderr = given.stderr;
		this.terminal = given.terminal;
		this.machine = given.machine;
		this.process = given.process;
		this.#environment = environment;
	}

	get env(): ReadonlyMap<string, string> {
		return this.#environment.env;
	}

	get files(): FileSystem {
		return this.process.machine.files.as(this.process);
	}
}

/** A context that differs in some ways, and is the same in all others, what is looked up late among them. */
export function contextWith(context: ProcessContext, changes: Partial<GivenContext>): ProcessContext {
	return new RunningContext({ ...context, ...changes }, context);
}

async function execute(program: Program, context: ProcessContext): Promise<ProcessExit> {
	try {
		return { exitCode: (await program(context)) & 0xff };
	} catch (error) {
		if (context.process.exit !== undefined) return context.process.exit;
		if (error instanceof BrokenPipeError) return { exitCode: 141, signal: "PIPE" };
		const text = error instanceof FsError ? error.shellText : messageOf(error);
		try {
			await context.stderr.write(Buffer.from(`${context.argv[0] ?? ""}: ${text}\n`));
		} catch (writeError) {
			if (!(writeError instanceof BrokenPipeError)) throw writeError;
		}
		return { exitCode: 1 };
	}
}

function messageOf(error: unknown): string {
	// A string that JavaScript cannot hold is memory that a program cannot have.
	if (error instanceof RangeError && error.message === "Invalid string length") return new OutOfMemoryError().message;
	return error instanceof Error ? error.message : String(error);
}
