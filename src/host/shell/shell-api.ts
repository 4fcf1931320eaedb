/** What a builtin may do with the shell that runs it. */
import type { Machine } from "../machine.ts";
import type { Process } from "../process.ts";
import type { JobTable } from "./jobs.ts";
import type { ProgramLauncher } from "./program-launcher.ts";
import type { DescriptorTable } from "./redirection.ts";
import type { ShellSignals } from "./shell-signals.ts";
import type { ShellState, Variable } from "./state.ts";
import type { TestContext } from "./test-expression.ts";

export interface ShellApi {
	readonly machine: Machine;
	readonly state: ShellState;
	readonly process: Process;
	readonly interactive: boolean;
	readonly jobs: JobTable;
	readonly programs: ProgramLauncher;
	readonly signals: ShellSignals;
	/** What `local` has shadowed in the function that runs; undefined outside of functions. */
	readonly locals: Map<string, Variable | undefined> | undefined;
	runText(script: string, descriptors: DescriptorTable): Promise<number>;
	complain(text: string, descriptors: DescriptorTable): Promise<void>;
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
