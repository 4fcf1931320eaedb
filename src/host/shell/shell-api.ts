/** What a builtin may do with the shell that runs it. */
import type { Machine } from "../machine.ts";
import type { Process, ProcessExit } from "../process.ts";
import type { SignalName } from "../signals.ts";
import type { DescriptorTable } from "./redirection.ts";
import type { ShellState, Variable } from "./state.ts";
import type { TestContext } from "./test-expression.ts";

/** A background command. */
export interface Job {
	readonly id: number;
	readonly pid: number;
	readonly text: string;
	/** Its exit code. */
	readonly done: Promise<number>;
	finished: boolean;
}

export interface ShellApi {
	readonly machine: Machine;
	readonly state: ShellState;
	readonly process: Process;
	readonly interactive: boolean;
	readonly jobs: readonly Job[];
	/** What `local` has shadowed in the function that runs; undefined outside of functions. */
	readonly locals: Map<string, Variable | undefined> | undefined;
	runText(script: string, descriptors: DescriptorTable): Promise<number>;
	/** As `exec`: the shell's process goes on as this program; resolves when it has ended. Throws `ExecError`. */
	becomeProgram(argv: readonly string[], env: ReadonlyMap<string, string>, descriptors: DescriptorTable): Promise<ProcessExit>;
	/** Starts a program in the foreground and waits for it. Throws `ExecError`. */
	runProgram(argv: readonly string[], env: ReadonlyMap<string, string>, descriptors: DescriptorTable): Promise<ProcessExit>;
	complain(text: string, descriptors: DescriptorTable): Promise<void>;
	/** Runs `script` when the signal comes; undefined restores the default, "" ignores it. */
	trap(signal: SignalName, script: string | undefined): void;
	/** Waits for a promise, or until a trapped signal or Ctrl-C ends the wait (then 130). */
	waitInterruptibly(done: Promise<number>): Promise<number>;
	testContext(descriptors: DescriptorTable): TestContext;
}

export interface BuiltinContext {
	readonly shell: ShellApi;
	readonly descriptors: DescriptorTable;
	/** Under which name it was called: `[` or `test`. */
	readonly name: string;
}

/** Resolves to the exit code. A `ShellError` is printed with the shell's name before it. */
export type Builtin = (args: readonly string[], context: BuiltinContext) => Promise<number> | number;
