/** One instance of a container: its machine, its main process, its log. A restart makes a new one. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { ExecOptions, ExitStatus, ProcessStreams } from "../../apimachinery/node-connector.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { Container, EphemeralContainer, Pod } from "../../apimachinery/schema/generated/types.ts";
import { newInternalError } from "../../apimachinery/status-error.ts";
import {
	BrokenPipeError,
	defaultPath,
	ExecError,
	emptyInput,
	type FileSystem,
	FsError,
	type FsErrorCode,
	findCommand,
	type InputStream,
	inputFrom,
	type Kernel,
	Machine,
	type MachineFacts,
	type NetworkStack,
	type OutputStream,
	type PidNamespace,
	Pipe,
	type Process,
	type ProcessExit,
	type Program,
	type SharedDisk,
	type SignalName,
	type SpawnOptions,
	signalNumbers,
	Tty,
} from "../../host/index.ts";
import { type Image, shellUsage } from "../images/image.ts";
import { isWasmModule } from "../runtime/wasm/wasm-module.ts";
import type { ImageUsage } from "../usage/pod-usage.ts";
import { type Environment, expand } from "../volumes/environment.ts";
import type { PodVolumes } from "../volumes/pod-volumes.ts";
import { openContainerFiles } from "./container-files.ts";
import { ContainerLog, type LogPolicy } from "./container-log.ts";
import type { LogLine } from "./log-line.ts";
import { LogWriter } from "./log-writer.ts";

export interface ContainerOptions {
	/** 64 hexadecimal digits. */
	readonly id: string;
	readonly clock: Clock;
	readonly random: Random;
	readonly pod: Pod;
	readonly spec: Container | EphemeralContainer;
	readonly image: Image;
	/** The image's files, shared and only read. */
	readonly imageFiles: (image: Image) => FileSystem;
	readonly hostname: string;
	readonly network: NetworkStack;
	readonly volumes: PodVolumes;
	readonly environment: Environment;
	/** Shared by all containers of the namespace. */
	readonly services: ReadonlyMap<string, string>;
	readonly clusterDns: string;
	/** How many cores it may use. */
	readonly cores: () => number;
	/** Infinity without a limit. */
	readonly memoryLimitBytes: () => number;
	/** Told when its programs take more memory than before. */
	readonly onMemoryTaken: () => void;
	/** Told when files are written to its own layer. */
	readonly onWrite: () => void;
	/** With which error every write to the node's disk fails. */
	readonly writeFault?: (() => FsErrorCode | undefined) | undefined;
	/** On which its own layer is. */
	readonly disk?: SharedDisk | undefined;
	/** Of the node, or of the pod's virtual machine. */
	readonly kernel: Kernel;
	/** What that kernel knows of it. */
	readonly facts: () => MachineFacts | undefined;
	/** Of a pod whose containers see each other's processes. */
	readonly pidNamespace: PidNamespace | undefined;
	/** WebAssembly modules are run, not refused. */
	readonly runsWasm: boolean;
	readonly logPolicy: LogPolicy;
	/** Told when the log takes more memory, in bytes. */
	readonly onLogGrow: (bytes: number) => void;
	/** Whose processes this container joins: the target of an ephemeral container. */
	readonly target?: SimContainer | undefined;
}

/** Somebody attached to the main process. */
interface Attachment {
	/** Resolves when the caller can take more. */
	onData(chunk: Uint8Array, stream: LogLine["stream"]): Promise<void>;
}

/** How the main process is started: with an environment that is made for who asks. */
class MainCommand implements SpawnOptions {
	readonly argv: readonly string[];
	readonly cwd: string;
	readonly stdin: InputStream;
	readonly stdout: OutputStream;
	readonly stderr: OutputStream;
	readonly terminal: Tty | undefined;
	readonly isMain = true;
	readonly #container: SimContainer;

	constructor(container: SimContainer, command: Omit<MainCommand, "env" | "isMain">) {
		this.#container = container;
		this.argv = command.argv;
		this.cwd = command.cwd;
		this.stdin = command.stdin;
		this.stdout = command.stdout;
		this.stderr = command.stderr;
		this.terminal = command.terminal;
	}

	get env(): ReadonlyMap<string, string> {
		return this.#container.env();
	}
}

export class SimContainer {
	readonly id: string;
	readonly log: ContainerLog;
	readonly machine: Machine;
	readonly #options: ContainerOptions;
	/** The main process; absent before `start`. */
	#process: Process | undefined;
	#writers: readonly LogWriter[] = [];
	#attachments: Set<Attachment> | undefined;
	#stdin: Pipe | undefined;
	#tty: Tty | undefined;

	constructor(options: ContainerOptions) {
		this.id = options.id;
		this.#options = options;
		this.log = new ContainerLog(options.logPolicy, options.onLogGrow);
		const { clock, random, hostname, network, image, spec } = options;
		this.machine = new Machine({
			hostname,
			clock,
			random,
			network,
			cores: options.cores,
			memoryLimitBytes: options.memoryLimitBytes,
			onMemoryTaken: options.onMemoryTaken,
			kernel: options.kernel,
			pidNamespace:
				options.target?.machine.pidNamespace ?? (options.pod.spec?.hostPID === true ? options.kernel.rootNamespace : options.pidNamespace),
			facts: options.facts,
			hasVolumes: (spec.volumeMounts ?? []).some(({ mountPath }) => mountPath !== "/var/run/secrets/kubernetes.io/serviceaccount"),
			pristineFiles: () => options.imageFiles(image),
			findProgram: (name) => image.programs?.[name] ?? findCommand(name),
			openFileSystem: () =>
				openContainerFiles({
					...options,
					container: spec,
					image: image.files(),
					podIp: network.address,
					env: () => this.env(),
					machine: () => this.machine,
					output: (stream) => this.#writers[stream === "stdout" ? 0 : 1],
				}),
		});
	}

	/** What it takes by itself: a command of the user's own is not the image's. */
	get ownUsage(): ImageUsage {
		const { image, spec } = this.#options;
		return spec.command === undefined ? (image.usage ?? shellUsage) : shellUsage;
	}

	get process(): Process | undefined {
		return this.#process;
	}

	/** What `env` prints in the container. Made anew on each call: most containers are never asked. */
	env(): ReadonlyMap<string, string> {
		const { image, spec, hostname, environment, services } = this.#options;
		return new Map([
			["PATH", defaultPath],
			["HOSTNAME", hostname],
			...(spec.tty === true ? [["TERM", "xterm"] as const] : []),
			...Object.entries(image.config.env ?? {}),
			...services,
			...environment,
			["HOME", "/root"],
		]);
	}

	/** Starts the main process. Throws `ExecError` if it cannot be started. */
	start(): Process {
		const { clock, spec } = this.#options;
		const now = () => clock.now();
		const add = (line: LogLine) => this.log.add(line);
		// Whoever is attached and does not read holds the program up, as with containerd.
		const onData = (chunk: Uint8Array, stream: LogLine["stream"]) => {
			if (this.#attachments === undefined || this.#attachments.size === 0) return undefined;
			return Promise.all([...this.#attachments].map((attachment) => attachment.onData(chunk, stream))).then(() => undefined);
		};
		const stdout = new LogWriter({ stream: "stdout", now, add, onData });
		const stderr = new LogWriter({ stream: "stderr", now, add, onData });
		this.#writers = [stdout, stderr];
		if (spec.tty === true) this.#tty = new Tty(stdout);
		else if (spec.stdin === true) this.#stdin = new Pipe();
		const argv = this.#argv();
		const options = new MainCommand(this, {
			argv,
			cwd: this.#workingDir(),
			stdin: this.#tty?.input ?? this.#stdin ?? emptyInput,
			stdout: this.#tty?.output ?? stdout,
			stderr: this.#tty?.output ?? stderr,
			terminal: this.#tty,
		});
		const program = this.#options.runsWasm ? this.#wasmProgram(argv[0] ?? "") : undefined;
		this.#process = program === undefined ? this.machine.spawn(options) : this.machine.run(program, options);
		return this.#process;
	}

	/** Of a module; undefined for anything else, which a Wasm runtime starts as any other does. */
	#wasmProgram(command: string): Program | undefined {
		const { files } = this.machine;
		const path = this.machine.which(command, this.env(), this.#workingDir());
		if (path === undefined) return undefined;
		const module = files.readBytes(path);
		if (!isWasmModule(module)) return undefined;
		return async (context) => (await import("../runtime/wasm/wasm-program.ts")).wasmProgram(module)(context);
	}

	/** After the main process has ended: kills the rest and closes the log. */
	finish(): void {
		this.machine.killAll();
		for (const writer of this.#writers) writer.flush();
		this.log.end();
	}

	/** Tells the main process to stop, as the image wants to be told. */
	signal(signal?: SignalName): void {
		const stopSignal = this.#options.image.config.stopSignal;
		const own =
			this.#options.spec.command === undefined && (stopSignal === "QUIT" || stopSignal === "INT" || stopSignal === "USR1")
				? stopSignal
				: "TERM";
		this.#process?.kill(signal ?? own);
	}

	/** By which the runtime stops it: the pod's, or the image's. */
	get stopSignal(): string {
		const { image, spec } = this.#options;
		return spec.lifecycle?.stopSignal ?? `SIG${image.config.stopSignal ?? "TERM"}`;
	}

	/** What the container left in its termination message file, at most 4096 bytes. */
	terminationMessage(): string {
		if (!this.machine.hasFiles) return "";
		try {
			return this.machine.files.readText(this.#options.spec.terminationMessagePath ?? "/dev/termination-log").slice(0, 4096);
		} catch (error) {
			if (error instanceof FsError) return "";
			throw error;
		}
	}

	/** Starts another process in the container for somebody on its node. Throws `ExecError` if it cannot be started. */
	async join(streams: Pick<SpawnOptions, "argv" | "stdin" | "stdout" | "stderr" | "terminal">): Promise<Process> {
		void this.machine.files;
		await this.#options.volumes.settled();
		const env = new Map([...this.env(), ...(streams.terminal === undefined ? [] : [["TERM", "xterm"] as const])]);
		return this.machine.spawn({ ...streams, env, cwd: this.#workingDir() });
	}

	/**
	 * Runs another process in the container: `kubectl exec`, probes, hooks.
	 * @param whenGone what becomes of the process when `signal` aborts. "leave" is what containerd does when a client vanishes: a
	 * process without a terminal gets the end of its stdin, one at a terminal does not learn of it; both stop where they want to print
	 * more than a pipe takes (https://github.com/kubernetes/kubernetes/issues/89031). "kill" is how commands with a time limit end.
	 */
	async exec(options: ExecOptions, streams: ProcessStreams, signal: AbortSignal, whenGone: "kill" | "leave"): Promise<ExitStatus> {
		// Tokens in volumes come from the API; whoever looks should find them.
		void this.machine.files;
		await this.#options.volumes.settled();
		const unread = new Pipe();
		const toCaller = (write: (chunk: Uint8Array) => Promise<void>): OutputStream => ({
			write: (chunk) => (signal.aborted ? unread.write(chunk) : write(chunk)),
		});
		const stdout = toCaller(streams.stdout);
		const tty = options.tty ? new Tty(stdout) : undefined;
		const env = new Map([...this.env(), ...(options.tty ? [["TERM", "xterm"] as const] : [])]);
		const stdin = tty?.input ?? (options.stdin && streams.stdin !== undefined ? inputFrom(streams.stdin) : emptyInput);
		let process: Process;
		try {
			process = this.machine.spawn({
				argv: options.command,
				env,
				cwd: this.#workingDir(),
				stdin,
				stdout: tty?.output ?? stdout,
				stderr: tty?.output ?? toCaller(streams.stderr),
				terminal: tty,
			});
		} catch (error) {
			if (!(error instanceof ExecError)) throw error;
			return { exitCode: error.exitCode, startError: this.#execFailure(error) };
		}
		if (tty !== undefined) {
			tty.onSignal = (name) => process.kill(name);
			void this.#pump(tty, streams);
		}
		const exit = await Promise.race([process.exited, aborted(signal)]);
		if (exit !== undefined) {
			await tty?.flush();
			return { exitCode: exit.exitCode };
		}
		if (whenGone === "kill") process.kill("KILL");
		return { exitCode: 128 + signalNumbers.KILL };
	}

	/**
	 * Joins the caller to the main process until that ends or the caller leaves. Rejects if there is none to join: kubectl then
	 * shows the log instead, so that nothing of what a short command printed is lost. (containerd's text.)
	 */
	async attach(streams: ProcessStreams, signal: AbortSignal): Promise<ExitStatus> {
		const process = this.#process;
		if (process === undefined || process.exit !== undefined) {
			const state = process === undefined ? "CONTAINER_CREATED" : "CONTAINER_EXITED";
			throw newInternalError(new Error(`error attaching to container: container is in ${state} state`));
		}
		let writing: Promise<void> = Promise.resolve();
		const attachment: Attachment = {
			onData: (chunk, stream) => {
				if (signal.aborted) return Promise.resolve();
				// The caller's own end tells when it is gone.
				writing = writing.then(() => (stream === "stdout" ? streams.stdout(chunk) : streams.stderr(chunk))).catch(() => undefined);
				return writing;
			},
		};
		this.#attachments ??= new Set();
		this.#attachments.add(attachment);
		if (this.#tty !== undefined) {
			this.#tty.onSignal = (name) => process.kill(name);
			// Who detaches leaves the terminal to whoever attaches next.
			void this.#pump(this.#tty, streams);
		} else if (streams.stdin !== undefined && this.#stdin !== undefined) void this.#feed(this.#stdin, streams.stdin);
		const exit = await Promise.race([process.exited, aborted(signal)]);
		if (exit !== undefined) await this.#tty?.flush();
		this.#attachments.delete(attachment);
		await writing;
		return { exitCode: exit?.exitCode ?? 0 };
	}

	/** Resolves when the user's keys have ended, however they did. */
	async #pump(tty: Tty, streams: ProcessStreams): Promise<void> {
		if (streams.resizes !== undefined) {
			const { resizes } = streams;
			void (async () => {
				for await (const size of resizes) tty.resize(size);
			})().catch(() => undefined);
		}
		if (streams.stdin !== undefined) await tty.pump(streams.stdin).catch(() => undefined);
	}

	async #feed(stdin: Pipe, chunks: AsyncIterable<Uint8Array>): Promise<void> {
		try {
			for await (const chunk of chunks) await stdin.write(chunk);
		} catch (error) {
			if (!(error instanceof BrokenPipeError)) throw error;
		} finally {
			if (this.#options.spec.stdinOnce === true) stdin.end();
		}
	}

	/** https://kubernetes.io/docs/tasks/inject-data-application/define-command-argument-container/ */
	#argv(): readonly string[] {
		const { image, spec } = this.#options;
		const command = spec.command ?? image.config.entrypoint ?? [];
		const args = spec.args ?? (spec.command === undefined ? (image.config.cmd ?? []) : []);
		if (!usesVariables(spec)) return [...command, ...args];
		const env = this.env();
		return [...command, ...args].map((word) => expand(word, (name) => env.get(name)));
	}

	/** The main process's words, as the runtime starts it. */
	get argv(): readonly string[] {
		return this.#argv();
	}

	get workingDir(): string {
		return this.#workingDir();
	}

	#workingDir(): string {
		return this.#options.spec.workingDir ?? this.#options.image.config.workingDir ?? "/";
	}

	#execFailure(error: ExecError): string {
		const id = Array.from({ length: 64 }, () => this.#options.random.int(16).toString(16)).join("");
		return `failed to exec in container: failed to start exec ${JSON.stringify(id)}: OCI runtime exec failed: exec failed: unable to start container process: ${error.message}: unknown`;
	}
}

function usesVariables({ command = [], args = [] }: Container | EphemeralContainer): boolean {
	return [...command, ...args].some((word) => word.includes("$"));
}

/** Resolves when it aborts. */
function aborted(signal: AbortSignal): Promise<undefined> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve(undefined);
		else signal.addEventListener("abort", () => resolve(undefined), { once: true });
	});
}

/** Why a container ended, as its status says. */
export function terminationReason({ exitCode, oomKilled }: ProcessExit): string {
	if (oomKilled === true) return "OOMKilled";
	return exitCode === 0 ? "Completed" : "Error";
}
