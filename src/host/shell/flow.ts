/** How `exit`, `return`, `break` and `continue`, and Ctrl-C at a prompt, leave the commands they stand in. */

export class ExitShell extends Error {
	/** 0-255. */
	readonly status: number;

	constructor(status: number) {
		super(`exit ${status}`);
		this.status = status & 0xff;
	}
}

export class ReturnFunction extends Error {
	readonly status: number;

	constructor(status: number) {
		super(`return ${status}`);
		this.status = status & 0xff;
	}
}

export class BreakLoop extends Error {
	/** How many loops to leave, >= 1. */
	readonly levels: number;

	constructor(levels: number) {
		super(`break ${levels}`);
		this.levels = levels;
	}

	outer(): BreakLoop {
		return new BreakLoop(this.levels - 1);
	}
}

export class ContinueLoop extends Error {
	/** 1: the innermost loop goes on. */
	readonly levels: number;

	constructor(levels: number) {
		super(`continue ${levels}`);
		this.levels = levels;
	}

	outer(): ContinueLoop {
		return new ContinueLoop(this.levels - 1);
	}
}

/** Ctrl-C in an interactive shell: the rest of the line is not run. */
export class Interrupted extends Error {}
