/**
 * Errors that a user can do something about: one line that says what is wrong, one that says the way out.
 */

/** 1 the command failed, 2 it was called wrongly (commander's own errors are mapped to it), 130 Ctrl-C ended it. */
export type ExitCode = 1 | 2 | 130;

export class CliError extends Error {
	readonly exitCode: ExitCode;
	/** What to do about it; "" if the message says it all. */
	readonly hint: string;

	constructor(message: string, options: { readonly hint?: string; readonly exitCode?: ExitCode; readonly cause?: unknown } = {}) {
		super(message, { cause: options.cause });
		this.name = "CliError";
		this.hint = options.hint ?? "";
		this.exitCode = options.exitCode ?? 1;
	}
}

/** As it goes to stderr. */
export function formatCliError(error: unknown): string {
	if (error instanceof CliError) return `error: ${error.message}\n${error.hint === "" ? "" : `${error.hint}\n`}`;
	return `error: ${messageOf(error)}\n`;
}

export function messageOf(error: unknown): string {
	return error instanceof Error ? error.message : String(error);
}

/** The system's error code (`ENOENT`, `EACCES` …), or undefined for other errors. */
export function systemErrorCode(error: unknown): string | undefined {
	return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
