/**
 * Signals in a shell: traps, which run between two commands; Ctrl-C, which is for what runs in the foreground, and in a session for the
 * rest of the line too; and what either of them ends, `wait`. Source: POSIX.1-2024, Shell, 2.12, trap and wait.
 */
import type { Process, ProcessExit } from "../process.ts";
import type { SignalName } from "../signals.ts";
import { Interrupted } from "./flow.ts";

/** What runs in the foreground, of a shell and of its subshells there. */
export class Foreground {
	/** They get the terminal's signals. */
	readonly processes = new Set<Process>();
	/** Ctrl-C came in the line that is being run. */
	interrupted = false;
}

export class ShellSignals {
	readonly foreground: Foreground;
	readonly #process: Process;
	readonly #interactive: boolean;
	/** Scripts of traps whose signals have come, oldest first. */
	readonly #pendingTraps: string[] = [];
	#wakeWait: (() => void) | undefined;

	/** @param process the shell's, or, of a subshell without one, that of the shell around it */
	constructor(process: Process, interactive: boolean, foreground: Foreground) {
		this.#process = process;
		this.#interactive = interactive;
		this.foreground = foreground;
	}

	/** A signal from the terminal (Ctrl-C): to what runs in the foreground. An interactive shell gives up the line as well. */
	interrupt(signal: SignalName): void {
		if (this.#interactive && signal === "INT") this.foreground.interrupted = true;
		for (const process of this.foreground.processes) process.kill(signal);
		this.#wakeWait?.();
	}

	/** A new line begins: Ctrl-C before it was for the line before. */
	forgetInterrupt(): void {
		this.foreground.interrupted = false;
	}

	/** Throws `Interrupted` after Ctrl-C. */
	heedInterrupt(): void {
		if (this.foreground.interrupted) throw new Interrupted();
	}

	/** Runs `script` when the signal comes; undefined restores the default, "" ignores it. */
	trap(signal: SignalName, script: string | undefined): void {
		if (script === undefined) this.#process.onSignal(signal, undefined);
		else {
			this.#process.onSignal(signal, () => {
				if (script !== "") this.#pendingTraps.push(script);
				this.#wakeWait?.();
			});
		}
	}

	get isTrapDue(): boolean {
		return this.#pendingTraps.length > 0;
	}

	/** Takes the next script that a trap has to run; undefined if there is none. */
	nextTrap(): string | undefined {
		return this.#pendingTraps.shift();
	}

	/** Waits for a child, which gets the terminal's signals meanwhile. */
	async inForeground(child: Process): Promise<ProcessExit> {
		this.foreground.processes.add(child);
		const exit = await child.exited;
		this.foreground.processes.delete(child);
		return exit;
	}

	/** Waits for a promise, or until a trapped signal or Ctrl-C ends the wait (then 130). */
	async wait(done: Promise<number>): Promise<number> {
		const interrupted = new Promise<number>((resolve) => {
			this.#wakeWait = () => resolve(130);
		});
		try {
			return await Promise.race([done, interrupted, this.#process.exited.then(({ exitCode }) => exitCode)]);
		} finally {
			this.#wakeWait = undefined;
		}
	}
}
