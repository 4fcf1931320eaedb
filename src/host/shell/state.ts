/** What a shell remembers between commands. A subshell works on a copy. */
import { OutOfMemoryError } from "../stream.ts";
import type { FunctionBody } from "./syntax.ts";

/** Characters that a variable may have: a real shell would take all memory that there is. */
const maxValueLength = 64 * 1024 * 1024;

export interface Variable {
	readonly value: string;
	/** Of an array, which bash alone knows; `value` is the first of them. */
	readonly elements?: readonly string[];
	readonly exported: boolean;
	readonly readOnly: boolean;
}

/** `set -e` and the like. */
export interface ShellOptions {
	errexit: boolean;
	nounset: boolean;
	xtrace: boolean;
	noglob: boolean;
	pipefail: boolean;
}

/** Which shell this is: they differ in their messages. */
export type ShellFlavor = "ash" | "dash" | "bash";

/** A fault that ends the command, and a shell that is not interactive. */
export class ShellError extends Error {
	readonly exitCode: number;

	constructor(message: string, exitCode = 2) {
		super(message);
		this.name = "ShellError";
		this.exitCode = exitCode;
	}
}

export class ShellState {
	readonly flavor: ShellFlavor;
	/** `$0`. */
	name: string;
	readonly options: ShellOptions = { errexit: false, nounset: false, xtrace: false, noglob: false, pipefail: false };
	readonly variables = new Map<string, Variable>();
	readonly functions: Map<string, FunctionBody> = new Map();
	readonly aliases = new Map<string, string>();
	/** Signal name or EXIT -> script. */
	readonly traps = new Map<string, string>();
	positional: readonly string[] = [];
	cwd: string;
	/** `$?`, 0-255. */
	status = 0;
	/** `$!`; undefined before the first background command. */
	lastBackgroundPid: number | undefined;
	readonly pid: number;

	constructor(options: { flavor: ShellFlavor; name: string; cwd: string; pid: number; env: ReadonlyMap<string, string> }) {
		this.flavor = options.flavor;
		this.name = options.name;
		this.cwd = options.cwd;
		this.pid = options.pid;
		for (const [name, value] of options.env) this.variables.set(name, { value, exported: true, readOnly: false });
		this.set("PWD", options.cwd);
	}

	get(name: string): string | undefined {
		return this.variables.get(name)?.value;
	}

	/** Throws `OutOfMemoryError`, which ends the shell. */
	set(name: string, value: string): void {
		if (value.length > maxValueLength) throw new OutOfMemoryError();
		const known = this.#writable(name);
		const elements = known?.elements;
		const array = elements === undefined ? {} : { elements: [value, ...elements.slice(1)] };
		this.variables.set(name, { value, ...array, exported: known?.exported ?? false, readOnly: false });
	}

	/** The elements of an array; a variable that is none has one, one that is not set has none. */
	elements(name: string): readonly string[] {
		const known = this.variables.get(name);
		return known === undefined ? [] : (known.elements ?? [known.value]);
	}

	setElements(name: string, elements: readonly string[]): void {
		const exported = this.#writable(name)?.exported ?? false;
		this.variables.set(name, { value: elements[0] ?? "", elements, exported, readOnly: false });
	}

	#writable(name: string): Variable | undefined {
		const known = this.variables.get(name);
		if (known?.readOnly === true) throw new ShellError(`${name}: ${this.flavor === "bash" ? "readonly variable" : "is read only"}`);
		return known;
	}

	unset(name: string): void {
		if (this.variables.get(name)?.readOnly === true) throw new ShellError(`unset: ${name}: is read only`);
		this.variables.delete(name);
	}

	/** What child processes inherit: no arrays. */
	environment(): Map<string, string> {
		const env = new Map<string, string>();
		for (const [name, { value, exported, elements }] of this.variables) if (exported && elements === undefined) env.set(name, value);
		return env;
	}

	/** The state of a subshell. Traps are not inherited. */
	fork(): ShellState {
		const copy = new ShellState({ flavor: this.flavor, name: this.name, cwd: this.cwd, pid: this.pid, env: new Map() });
		Object.assign(copy.options, this.options);
		copy.variables.clear();
		for (const [name, variable] of this.variables) copy.variables.set(name, variable);
		for (const [name, body] of this.functions) copy.functions.set(name, body);
		for (const [name, text] of this.aliases) copy.aliases.set(name, text);
		copy.positional = this.positional;
		copy.status = this.status;
		copy.lastBackgroundPid = this.lastBackgroundPid;
		return copy;
	}
}
