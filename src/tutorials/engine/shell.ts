/**
 * Runs what a learner types: by the user's own shell, with the lesson's kubeconfig, in the lesson's directory. Whoever runs a command
 * gets its output as it comes; a command that never ends is interrupted as Ctrl-C would.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants as fileModes, readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";

export interface CommandRecord {
	readonly command: string;
	/** 128 + N if signal N ended it, 127 if the shell did not find it. */
	readonly exitCode: number;
	/** The end of what it said, both streams as they came. */
	readonly output: string;
}

export interface ShellOptions {
	/** Where commands run. */
	readonly directory: string;
	readonly kubeconfigFile: string;
	/** Of the process; more is put over it. */
	readonly env: NodeJS.ProcessEnv;
	/** The machine's time: how long a command that was interrupted may take to end. */
	readonly clock?: Clock;
}

export interface RunOptions {
	/** What it says, as it comes. */
	readonly onOutput?: (text: string) => void;
	/** It has the terminal to itself: an editor, a shell in a container. Nothing is known of its output then. */
	readonly hasTerminal?: boolean;
	/** Put over what it finds in its environment else. */
	readonly env?: NodeJS.ProcessEnv;
}

/** How much of a command's output is kept, in characters. */
const keptOutput = 64 * 1024;
/** A command that was interrupted and goes on is interrupted once more after so long, real ms. */
const againMs = 300;
/** A command that goes on all the same is killed after so long, real ms. */
const patienceMs = 2_000;
/** What a command left running in the background may still say, real ms after its own end. */
const lastWordsMs = 100;

export class Shell {
	readonly #options: ShellOptions;
	readonly #clock: Clock;
	#running: ChildProcess | undefined;
	/** Commands that have ended, and left something in the background (`&`) that still holds their output. */
	readonly #left = new Set<ChildProcess>();

	constructor(options: ShellOptions) {
		this.#options = options;
		this.#clock = options.clock ?? new WallClock();
	}

	get isRunning(): boolean {
		return this.#running !== undefined;
	}

	/** What commands find in their environment. */
	get env(): NodeJS.ProcessEnv {
		const { env, kubeconfigFile } = this.#options;
		// What kubectl remembers of an API is of this cluster alone.
		return { ...env, KUBECONFIG: kubeconfigFile, KUBECACHEDIR: join(dirname(kubeconfigFile), "kube-cache") };
	}

	/** One at a time. Rejects if the shell itself cannot be started. */
	async run(command: string, { onOutput, hasTerminal = false, env = {} }: RunOptions = {}): Promise<CommandRecord> {
		if (this.#running !== undefined) throw new Error("another command is running");
		const child = spawn(this.#shell(), ["-c", command], {
			cwd: this.#options.directory,
			env: { ...this.env, ...env },
			// A group of its own, so that an interruption reaches all that it started; but who has the terminal is in ours.
			detached: !hasTerminal,
			stdio: hasTerminal ? "inherit" : ["ignore", "pipe", "pipe"],
		});
		this.#running = child;
		let output = "";
		const take = (text: string) => {
			output = (output + text).slice(-keptOutput);
			onOutput?.(text);
		};
		for (const stream of [child.stdout, child.stderr]) {
			if (stream === null) continue;
			const decoder = new StringDecoder("utf8");
			stream.on("data", (chunk: Buffer) => take(decoder.write(chunk)));
			stream.on("end", () => take(decoder.end()));
		}
		// Whatever ends this process, nothing of it goes on.
		const onExit = () => this.kill();
		process.once("exit", onExit);
		try {
			const exitCode = await this.#ended(child);
			return { command, exitCode, output };
		} finally {
			if (!this.#left.has(child)) process.off("exit", onExit);
			else child.once("close", () => process.off("exit", onExit));
			this.#running = undefined;
		}
	}

	/** As Ctrl-C does; what does not heed it is killed. Nothing happens if nothing runs. */
	interrupt(): void {
		const child = this.#running;
		if (child?.pid === undefined) return;
		signalGroup(child, "SIGINT");
		// A shell that is just starting a program loses the first one.
		const again: Timer = this.#clock.setTimeout(() => signalGroup(child, "SIGINT"), againMs);
		const last: Timer = this.#clock.setTimeout(() => signalGroup(child, "SIGKILL"), patienceMs);
		child.once("exit", () => {
			again.cancel();
			last.cancel();
		});
	}

	/** Ends what runs, at once, and what was left in the background; but not what has an output of its own there (`> FILE &`). */
	kill(): void {
		if (this.#running !== undefined) signalGroup(this.#running, "SIGKILL");
		for (const { pid } of this.#left) {
			try {
				if (pid !== undefined) process.kill(-pid, "SIGKILL");
			} catch {
				// It has just ended.
			}
		}
	}

	#ended(child: ChildProcess): Promise<number> {
		return new Promise((resolve, reject) => {
			child.once("error", reject);
			child.once("exit", (code, signal) => {
				const exitCode = code ?? 128 + constants.signals[signal ?? "SIGTERM"];
				// What it started with & keeps its output open.
				const timer = this.#clock.setTimeout(() => {
					this.#left.add(child);
					resolve(exitCode);
				}, lastWordsMs);
				child.once("close", () => {
					timer.cancel();
					this.#left.delete(child);
					resolve(exitCode);
				});
			});
		});
	}

	#shell(): string {
		return this.#options.env.SHELL || "/bin/sh";
	}
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
	if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
	try {
		process.kill(-child.pid, signal);
	} catch {
		// It shares our group, or has just ended.
		child.kill(signal);
	}
}

/** Where a program is on the PATH; undefined if it is not. */
export function findProgram(name: string, env: NodeJS.ProcessEnv): string | undefined {
	return pathOf(env)
		.map((directory) => join(directory, name))
		.find(isExecutable);
}

/** Names of programs on the PATH that begin so, sorted. */
export function programsLike(start: string, env: NodeJS.ProcessEnv): readonly string[] {
	const names = pathOf(env).flatMap((directory) =>
		filesIn(directory).filter((name) => name.startsWith(start) && isExecutable(join(directory, name))),
	);
	return [...new Set(names)].sort();
}

function pathOf({ PATH = "" }: NodeJS.ProcessEnv): readonly string[] {
	return PATH.split(delimiter).filter((directory) => directory !== "");
}

function filesIn(directory: string): readonly string[] {
	try {
		return readdirSync(directory);
	} catch {
		// A PATH may name what is not there.
		return [];
	}
}

function isExecutable(path: string): boolean {
	try {
		accessSync(path, fileModes.X_OK);
		return statSync(path).isFile();
	} catch {
		return false;
	}
}
