/** What the command line tools of a node's runtime have in common. */
import { type ParsedOptions, type ProcessContext, parseOptions, writeText } from "../../../host/index.ts";

/** The tool ends with this text and exit code 1. */
export class ToolError extends Error {}

/** A subcommand of a tool: its options as getopt's, and what it does. Resolves to the exit code; throws `ToolError`, `CriError`. */
export interface Subcommand<Services> {
	readonly name: string;
	readonly aliases?: readonly string[];
	readonly usage: string;
	/** What follows the options, as its help shows it. */
	readonly args?: string;
	/** Letters, a colon behind those that take a value. */
	readonly letters?: string;
	/** Long names; of an option with both forms the letter is the first one: `output:o`. */
	readonly options?: readonly OptionSpec[];
	run(call: ToolCall, services: Services): Promise<number> | number;
}

export interface OptionSpec {
	readonly name: string;
	readonly letter?: string;
	readonly takesValue?: boolean;
	readonly usage?: string;
}

export class ToolCall {
	readonly context: ProcessContext;
	readonly operands: readonly string[];
	readonly #options: readonly OptionSpec[];
	readonly #parsed: ParsedOptions;

	constructor(context: ProcessContext, parsed: ParsedOptions, options: readonly OptionSpec[]) {
		this.context = context;
		this.#parsed = parsed;
		this.operands = parsed.operands;
		this.#options = options;
	}

	has(name: string): boolean {
		return this.#names(name).some((each) => this.#parsed.flags.has(each) || this.#parsed.values.has(each));
	}

	value(name: string): string | undefined {
		return this.values(name).at(-1);
	}

	values(name: string): readonly string[] {
		return this.#names(name).flatMap((each) => this.#parsed.lists.get(each) ?? []);
	}

	get nowMs(): number {
		return this.context.machine.clock.now();
	}

	print(text: string): Promise<void> {
		return writeText(this.context.stdout, text);
	}

	#names(name: string): readonly string[] {
		const letter = this.#options.find((option) => option.name === name)?.letter;
		return letter === undefined ? [name] : [name, letter];
	}
}

/** Options come before what they are for, as in the Go libraries that these tools are made with. */
export function parseCall(
	context: ProcessContext,
	args: readonly string[],
	options: readonly OptionSpec[],
): ToolCall | { readonly unknown: string } {
	const letters = options
		.map(({ letter, takesValue }) => (letter === undefined ? "" : takesValue === true ? `${letter}:` : letter))
		.join("");
	const long = options.map(({ name, takesValue }) => (takesValue === true ? `${name}:` : name));
	const parsed = parseOptions(args, `${letters}h`, [...long, "help"], true);
	const [unknown] = parsed.unknown;
	return unknown === undefined ? new ToolCall(context, parsed, options) : { unknown };
}

export const flag = (name: string, letter?: string): OptionSpec => (letter === undefined ? { name } : { name, letter });
export const valued = (name: string, letter?: string): OptionSpec => ({ ...flag(name, letter), takesValue: true });

/** What logrus writes: in short at a terminal, else as key and value. */
export function logLine(context: ProcessContext, level: "fatal" | "error" | "warning" | "info", message: string): string {
	const { terminal, machine } = context;
	if (terminal === undefined) {
		const time = new Date(machine.clock.now()).toISOString().replace(/\.\d+Z$/, "Z");
		return `time="${time}" level=${level} msg=${quoted(message)}\n`;
	}
	const colour = level === "info" ? 36 : level === "warning" ? 33 : 31;
	return `\x1b[${colour}m${level.slice(0, 4).toUpperCase()}\x1b[0m[0000] ${message.padEnd(44)} \n`;
}

/** As Go does it, where a text has anything but letters, digits and a few marks. */
function quoted(message: string): string {
	return /^[\w\-./@^+]+$/.test(message) ? message : JSON.stringify(message);
}
