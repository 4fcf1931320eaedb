/**
 * How a shell starts programs: as children in the foreground, or in its own place. What has no `#!` is a script of the shell itself, and
 * where there is no room for another process each flavor gives up in its own way.
 * Source: POSIX.1-2024, Shell, 2.9.1.6; bash's jobs.c and dash's jobs.c for the waits and texts.
 */
import { sleep } from "../../apimachinery/clock/clock.ts";
import { ExecError } from "../executables.ts";
import { ForkError, type Machine, type SpawnOptions } from "../machine.ts";
import type { Process, ProcessExit } from "../process.ts";
import { type SignalName, signalNumbers } from "../signals.ts";
import type { Terminal } from "../terminal.ts";
import { ExitShell, Interrupted } from "./flow.ts";
import { type DescriptorTable, inputAt, outputAt } from "./redirection.ts";
import type { ShellSignals } from "./shell-signals.ts";
import type { ShellFlavor, ShellState } from "./state.ts";

const signalNames = Object.keys(signalNumbers) as SignalName[];
const noRoom = "Resource temporarily unavailable";
/** How often and how long bash waits for room for another process, seconds. */
const bashForkWaits = [1, 2, 4, 8];

export interface ProgramLauncherOptions {
	readonly machine: Machine;
	readonly state: ShellState;
	readonly process: Process;
	readonly terminal: Terminal | undefined;
	readonly interactive: boolean;
	readonly signals: ShellSignals;
	/** The shell can end with its process: a subshell that has none cannot, and a session needs its terminal to the end. */
	readonly canBeReplaced: boolean;
	readonly complain: (text: string, descriptors: DescriptorTable) => Promise<void>;
}

export class ProgramLauncher {
	readonly #options: ProgramLauncherOptions;

	constructor(options: ProgramLauncherOptions) {
		this.#options = options;
	}

	/** Starts a program in the foreground and waits for it. Throws `ExecError`. */
	async run(argv: readonly string[], env: ReadonlyMap<string, string>, descriptors: DescriptorTable): Promise<ProcessExit> {
		const { machine, signals } = this.#options;
		return signals.inForeground(
			await this.fork(() => this.#start(argv, env, descriptors, (options) => machine.spawn(options)), descriptors),
		);
	}

	/** As `exec`: the shell's process goes on as this program; resolves when it has ended. Throws `ExecError`. */
	async become(argv: readonly string[], env: ReadonlyMap<string, string>, descriptors: DescriptorTable): Promise<ProcessExit> {
		const { machine, process, state, canBeReplaced } = this.#options;
		if (!canBeReplaced) return this.run(argv, env, descriptors);
		const ignored = signalNames.filter((signal) => state.traps.get(signal) === "");
		return this.#start(argv, env, descriptors, (options) => machine.replace(process, options, ignored));
	}

	/** Starts a process. Where there is no room for one, bash waits a while, and others give up: the shell too, unless it is interactive. */
	async fork<T>(start: () => T, descriptors: DescriptorTable): Promise<T> {
		const { machine, state, process, interactive, complain } = this.#options;
		const isBash = state.flavor === "bash";
		for (const seconds of isBash ? bashForkWaits : []) {
			try {
				return start();
			} catch (error) {
				if (!(error instanceof ForkError)) throw error;
				await complain(`fork: retry: ${noRoom}`, descriptors);
				await sleep(machine.clock, seconds * 1000, process.ended).catch(() => undefined);
			}
		}
		try {
			return start();
		} catch (error) {
			if (!(error instanceof ForkError)) throw error;
			await complain(isBash ? `fork: ${noRoom}` : state.flavor === "dash" ? "Cannot fork" : `can't fork: ${noRoom}`, descriptors);
			throw interactive ? new Interrupted() : new ExitShell(isBash ? 254 : 2);
		}
	}

	#start<T>(
		argv: readonly string[],
		env: ReadonlyMap<string, string>,
		descriptors: DescriptorTable,
		start: (options: SpawnOptions) => T,
	): T {
		const { machine, state, process, terminal } = this.#options;
		const isTerminal = descriptors.get(0)?.isTerminal === true && descriptors.get(1)?.isTerminal === true;
		const options = {
			env,
			cwd: state.cwd,
			stdin: inputAt(descriptors, 0),
			stdout: outputAt(descriptors, 1),
			stderr: outputAt(descriptors, 2),
			terminal: isTerminal ? terminal : undefined,
			parent: process,
		};
		try {
			return start({ ...options, argv });
		} catch (error) {
			if (!(error instanceof ExecError) || error.found !== "script") throw error;
			const [name = ""] = argv;
			const script = name.includes("/") ? name : (machine.which(name, env, state.cwd) ?? name);
			// What has no `#!` is a script of this shell.
			return start({ ...options, argv: [state.flavor === "bash" ? "bash" : "sh", script, ...argv.slice(1)] });
		}
	}
}

/** How a shell says that it cannot start a command. */
export function execText(error: ExecError, flavor: ShellFlavor): string {
	if (error.found === "directory" && flavor === "bash") return "Is a directory";
	if (error.why === "permission denied") return "Permission denied";
	if (error.exitCode === 127) {
		if (error.why.startsWith("stat ")) return flavor === "bash" ? "No such file or directory" : "not found";
		return flavor === "bash" ? "command not found" : "not found";
	}
	return error.why === "exec format error" ? `${flavor === "bash" ? "cannot execute binary file: " : ""}Exec format error` : error.why;
}
