/** Runs a command line to its exit code: 0 done, 1 failed, 2 called wrongly, 3 (`status`) the cluster is stopped. */
import { CommanderError } from "commander";
import { CliError, formatCliError, systemErrorCode } from "./errors.ts";
import { createProgram } from "./program.ts";

export async function main(argv: readonly string[]): Promise<void> {
	endWithReader();
	try {
		await createProgram(argv[2]).parseAsync(argv);
	} catch (error) {
		process.exitCode = report(error);
	}
	// The server in the background keeps no handle of ours open, but its IPC channel may still be closing.
	if (process.exitCode !== undefined && process.exitCode !== 0) process.exit();
}

/** Commander has printed its own errors, and help is none. */
function report(error: unknown): number {
	if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
	process.stderr.write(formatCliError(error));
	return error instanceof CliError ? error.exitCode : 1;
}

/** `kubesim logs | head`: when nobody reads any more, there is nothing left to do. */
function endWithReader(): void {
	process.stdout.on("error", (error) => {
		if (systemErrorCode(error) === "EPIPE") process.exit(0);
		throw error;
	});
}
