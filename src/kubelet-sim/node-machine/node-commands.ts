/**
 * Commands that somebody runs on a node: one command, or a shell at a terminal; and what was typed, for whoever wants to know
 * afterwards. The way in is an ssh login of root's: its environment, its terminal, and a hang-up when the caller is gone.
 */
import type { ExecOptions, ExitStatus, ProcessStreams } from "../../apimachinery/node-connector.ts";
import { defaultPath, ExecError, emptyInput, inputFrom, type Machine, type Process, Tty } from "../../host/index.ts";

/** What was run on a node by somebody who logged in to it. */
export interface NodeCommand {
	readonly node: string;
	/** As it was typed at a shell's prompt, or the words of a single command, quoted where a shell would need it. */
	readonly line: string;
	/** 0-255. */
	readonly exitCode: number;
	/** When it was given, Unix ms of the cluster's clock. */
	readonly atMs: number;
}

/** The oldest are forgotten. */
const maxRemembered = 1_000;
/** ssh's, of a connection that broke. */
const lostExitCode = 255;

export class NodeCommands {
	readonly #remembered: NodeCommand[] = [];
	readonly #listeners = new Set<(command: NodeCommand) => void>();

	/** The last thousand, the oldest first. */
	list(): readonly NodeCommand[] {
		return [...this.#remembered];
	}

	/** Tells of each command when it has ended, until the returned function is called. */
	onCommand(listener: (command: NodeCommand) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/**
	 * Resolves when the command has ended. An empty command is a login shell.
	 * @param isThere whether the machine still has its power
	 */
	async run(node: string, machine: Machine, options: ExecOptions, streams: ProcessStreams, signal: AbortSignal, isThere: () => boolean) {
		const { clock } = machine;
		const isSession = options.tty && options.command.length === 0;
		const argv = options.command.length === 0 ? ["bash"] : options.command;
		const note = (line: string, exitCode: number, atMs: number) => this.#note({ node, line, exitCode, atMs });
		const startMs = clock.now();
		const status = await runOn(machine, { ...options, command: argv }, streams, signal, (line, exitCode) =>
			note(line, exitCode, clock.now()),
		);
		if (!isSession) note(argv.map(quoted).join(" "), status.exitCode, startMs);
		if (isThere()) return status;
		await streams.stderr(Buffer.from(`Connection to ${node} closed by remote host.${options.tty ? "\r" : ""}\n`));
		return { exitCode: lostExitCode };
	}

	#note(command: NodeCommand): void {
		this.#remembered.push(command);
		if (this.#remembered.length > maxRemembered) this.#remembered.shift();
		for (const listener of this.#listeners) listener(command);
	}
}

async function runOn(
	machine: Machine,
	options: ExecOptions,
	streams: ProcessStreams,
	signal: AbortSignal,
	onLine: (line: string, exitCode: number) => void,
): Promise<ExitStatus> {
	const stdout = { write: (chunk: Uint8Array) => streams.stdout(chunk) };
	const tty = options.tty ? new Tty(stdout) : undefined;
	if (tty !== undefined) tty.onCommand = onLine;
	let process: Process;
	try {
		process = machine.spawn({
			argv: options.command,
			env: loginEnvironment(options.tty),
			cwd: "/root",
			stdin: tty?.input ?? (streams.stdin === undefined ? emptyInput : inputFrom(streams.stdin)),
			stdout: tty?.output ?? stdout,
			stderr: tty?.output ?? { write: (chunk) => streams.stderr(chunk) },
			terminal: tty,
		});
	} catch (error) {
		if (!(error instanceof ExecError)) throw error;
		return { exitCode: error.exitCode, startError: error.message };
	}
	if (tty !== undefined) joinTerminal(tty, process, streams);
	const onHangUp = () => process.kill("HUP");
	signal.addEventListener("abort", onHangUp, { once: true });
	if (signal.aborted) onHangUp();
	const { exitCode } = await process.exited;
	signal.removeEventListener("abort", onHangUp);
	await tty?.flush();
	return { exitCode };
}

function joinTerminal(tty: Tty, process: Process, { stdin, resizes }: ProcessStreams): void {
	tty.onSignal = (name) => process.kill(name);
	const follow = async () => {
		for await (const size of resizes ?? []) tty.resize(size);
	};
	// Whatever ends them: the user is gone, and the terminal with him.
	void follow().catch(() => undefined);
	void (async () => {
		if (stdin !== undefined) await tty.pump(stdin).catch(() => undefined);
		tty.hangUp();
	})();
}

function loginEnvironment(isTerminal: boolean): ReadonlyMap<string, string> {
	return new Map([
		["SHELL", "/bin/bash"],
		["PWD", "/root"],
		["LOGNAME", "root"],
		["HOME", "/root"],
		["USER", "root"],
		["PATH", defaultPath],
		...(isTerminal ? [["TERM", "xterm-256color"] as const] : []),
	]);
}

function quoted(word: string): string {
	return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
