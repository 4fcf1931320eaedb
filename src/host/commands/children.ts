/** Commands that start another one and wait for it: env, timeout, nice, nsenter … */
import { ExecError } from "../executables.ts";
import type { Machine, ProcessContext } from "../machine.ts";
import type { ProcessTraits } from "../process.ts";
import { writeText } from "../stream.ts";

export interface ChildOptions {
	readonly env?: ReadonlyMap<string, string> | undefined;
	/** After so long it gets SIGTERM, ms. */
	readonly limitMs?: number | undefined;
	/** Where it runs; default the caller's machine. */
	readonly machine?: Machine | undefined;
	readonly cwd?: string | undefined;
	readonly traits?: ProcessTraits | undefined;
}

/** Resolves to its exit code, 124 if its time was over. */
export async function runChild(context: ProcessContext, argv: readonly string[], options: ChildOptions = {}): Promise<number> {
	const { env = context.env, limitMs, machine = context.machine, cwd = context.cwd, traits } = options;
	const { stdin, stdout, stderr, terminal, process: parent } = context;
	try {
		const child = machine.spawn({ argv, env, cwd, stdin, stdout, stderr, terminal, parent, traits });
		parent.onSignal("TERM", () => child.kill("TERM"));
		parent.onSignal("INT", () => child.kill("INT"));
		if (limitMs === undefined) return (await child.exited).exitCode;
		const timer = machine.clock.setTimeout(() => child.kill("TERM"), limitMs);
		const { exitCode, signal } = await child.exited;
		timer.cancel();
		return signal === "TERM" ? 124 : exitCode;
	} catch (error) {
		if (!(error instanceof ExecError)) throw error;
		const why = error.exitCode === 127 ? "No such file or directory" : "Permission denied";
		await writeText(stderr, `${context.argv[0]}: can't execute '${argv[0]}': ${why}\n`);
		return error.exitCode;
	}
}
