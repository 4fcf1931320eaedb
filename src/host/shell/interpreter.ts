/**
 * Runs shell syntax trees. Everything streams: the commands of a pipeline run at once on bounded pipes, a background
 * command goes on behind, a loop prints as it goes. All waiting is on the machine's clock.
 *
 * A shell that does nothing but compute would never let anybody else run; so after every `commandsPerSlice` commands it
 * works for `sliceMs` on the machine's processor: a simulated core runs about 25,000 shell commands a second.
 */
import { ExecError } from "../executables.ts";
import type { Machine, ProcessContext, Program } from "../machine.ts";
import type { Process } from "../process.ts";
import { BrokenPipeError, Collector, emptyInput, OutOfMemoryError, type OutputStream, Pipe, writeText } from "../stream.ts";
import type { Terminal } from "../terminal.ts";
import { FsError } from "../vfs/inode.ts";
import { assign, assignedValue, subscriptValue } from "./assignment.ts";
import { builtins } from "./builtins.ts";
import { arithmetic, type ExpansionContext, expandToText, expandWords, matchesPattern } from "./expansion.ts";
import { BreakLoop, ContinueLoop, ExitShell, ReturnFunction } from "./flow.ts";
import { JobTable } from "./jobs.ts";
import { execText, ProgramLauncher } from "./program-launcher.ts";
import { type DescriptorTable, descriptorsOf, outputAt, redirect } from "./redirection.ts";
import type { ShellApi } from "./shell-api.ts";
import { Foreground, ShellSignals } from "./shell-signals.ts";
import { ShellError, type ShellState } from "./state.ts";
import type {
	Assignment,
	CommandNode,
	FunctionBody,
	Grammar,
	PipelineNode,
	Redirection,
	ScriptNode,
	SimpleCommandNode,
	StatementNode,
} from "./syntax.ts";
import { SyntaxFault } from "./syntax.ts";
import { evaluateConditional, type TestContext } from "./test-expression.ts";

const commandsPerSlice = 256;
const sliceMs = 10;
/** Nested function calls and substitutions. */
const maxDepth = 200;
/** Bytes one command substitution may yield: a real shell would take all memory that there is. */
const maxSubstitutionBytes = 64 * 1024 * 1024;

export interface InterpreterOptions {
	readonly grammar: Grammar;
	readonly machine: Machine;
	readonly state: ShellState;
	readonly process: Process;
	readonly terminal?: Terminal | undefined;
	/** An interactive shell survives errors in commands. */
	readonly interactive?: boolean;
}

/** The shell around a subshell. */
interface Surroundings {
	readonly process: Process;
	readonly depth: number;
	readonly foreground: Foreground;
}

export class Interpreter implements ShellApi {
	readonly machine: Machine;
	readonly state: ShellState;
	readonly process: Process;
	readonly grammar: Grammar;
	readonly interactive: boolean;
	readonly jobs: JobTable;
	readonly signals: ShellSignals;
	readonly programs: ProgramLauncher;
	readonly #options: InterpreterOptions;
	#commands = 0;
	/** `0 <= depth <= maxDepth` */
	#depth: number;
	/** Above 0 while a condition is evaluated: `set -e` does not apply there. */
	#conditions = 0;

	constructor(options: InterpreterOptions, around?: Surroundings) {
		this.#options = options;
		const { machine, state, process, grammar, terminal, interactive = false } = options;
		this.machine = machine;
		this.state = state;
		this.process = process;
		this.grammar = grammar;
		this.interactive = interactive;
		this.#depth = around === undefined ? 0 : around.depth + 1;
		if (this.#depth > maxDepth) throw new ShellError("maximum nesting level exceeded", 1);
		// A job in the background has a process of its own.
		const isWithinProcess = process === around?.process;
		this.jobs = new JobTable(interactive);
		this.signals = new ShellSignals(process, interactive, isWithinProcess ? around.foreground : new Foreground());
		this.programs = new ProgramLauncher({
			machine,
			state,
			process,
			terminal,
			interactive,
			signals: this.signals,
			canBeReplaced: !interactive && !isWithinProcess,
			complain: (text, descriptors) => this.complain(text, descriptors),
		});
	}

	/** Runs a whole script and its EXIT trap; resolves to the exit code. */
	async runScript(script: string, descriptors: DescriptorTable): Promise<number> {
		let status: number;
		try {
			status = await this.runText(script, descriptors);
		} catch (error) {
			if (!(error instanceof ExitShell)) throw error;
			status = error.status;
		}
		return this.runExitTrap(status, descriptors);
	}

	async runExitTrap(status: number, descriptors: DescriptorTable): Promise<number> {
		const trap = this.state.traps.get("EXIT");
		if (trap === undefined || this.process.exit !== undefined) return status;
		this.state.traps.delete("EXIT");
		this.state.status = status;
		try {
			await this.runText(trap, descriptors);
			return status;
		} catch (error) {
			if (error instanceof ExitShell) return error.status;
			throw error;
		}
	}

	/** Parses and runs; faults are printed. Throws only `ExitShell`, `Interrupted` and the flow signals of loops and functions. */
	async runText(script: string, descriptors: DescriptorTable): Promise<number> {
		let tree: ScriptNode;
		try {
			tree = this.grammar.parse(script);
		} catch (error) {
			if (!(error instanceof SyntaxFault)) throw error;
			await this.complain(`syntax error: ${error.message}`, descriptors);
			this.state.status = 2;
			return 2;
		}
		return this.runStatements(tree.statements, descriptors);
	}

	async runStatements(statements: readonly StatementNode[], descriptors: DescriptorTable): Promise<number> {
		for (const statement of statements) {
			this.signals.heedInterrupt();
			this.state.status = await this.#statement(statement, descriptors);
			this.signals.heedInterrupt();
			if (this.signals.isTrapDue) await this.#runTraps(descriptors);
		}
		return this.state.status;
	}

	/** Writes `sh: text` to stderr. */
	async complain(text: string, descriptors: DescriptorTable): Promise<void> {
		const { flavor, name } = this.state;
		const prefix = flavor === "bash" ? (this.interactive ? "bash" : `${name}: line 1`) : flavor === "dash" ? `${name}: 1` : name;
		await writeText(outputAt(descriptors, 2), `${prefix}: ${text}\n`);
	}

	expansion(descriptors: DescriptorTable): ExpansionContext {
		const context: ExpansionContext = {
			state: this.state,
			subscript: (text) => subscriptValue(text, this.grammar, context),
			files: () => this.machine.filesFor(this.process),
			substitute: (body) => this.#substitute(body, descriptors),
			flags: () =>
				`${this.state.options.errexit ? "e" : ""}${this.interactive ? "i" : ""}${this.state.options.nounset ? "u" : ""}${this.state.options.xtrace ? "x" : ""}`,
		};
		return context;
	}

	testContext(descriptors: DescriptorTable): TestContext {
		return {
			files: () => this.machine.filesFor(this.process),
			cwd: this.state.cwd,
			isSet: (name) => this.state.variables.has(name),
			isTerminal: (number) => descriptors.get(number)?.isTerminal ?? false,
		};
	}

	async #runTraps(descriptors: DescriptorTable): Promise<void> {
		for (let script = this.signals.nextTrap(); script !== undefined; script = this.signals.nextTrap()) {
			const { status } = this.state;
			await this.runText(script, descriptors);
			this.state.status = status;
		}
	}

	async #statement(statement: StatementNode, descriptors: DescriptorTable): Promise<number> {
		if (statement.deferredError !== undefined) throw new ShellError(`syntax error: ${statement.deferredError.message}`);
		if (statement.background) return this.#background(statement, descriptors);
		return this.#list(statement, descriptors);
	}

	/** `a && b || c`. */
	async #list(statement: StatementNode, descriptors: DescriptorTable): Promise<number> {
		let status = 0;
		for (const [index, pipeline] of statement.pipelines.entries()) {
			const operator = statement.operators[index - 1];
			if ((operator === "&&" && status !== 0) || (operator === "||" && status === 0)) continue;
			const isLast = index === statement.pipelines.length - 1;
			if (!isLast) this.#conditions++;
			try {
				status = await this.#pipeline(pipeline, descriptors);
			} finally {
				if (!isLast) this.#conditions--;
			}
			this.state.status = status;
			if (isLast && status !== 0 && !pipeline.negated && this.state.options.errexit && this.#conditions === 0) throw new ExitShell(status);
		}
		return status;
	}

	async #background(statement: StatementNode, descriptors: DescriptorTable): Promise<number> {
		const text = statement.sourceText ?? "";
		const table = new Map(descriptors);
		if (descriptors.get(0)?.isTerminal === true) table.delete(0);
		const run: Program = async (context) => {
			const shell = this.#subshell(context.process);
			return shell.#guarded(() => shell.#list(statement, table), table);
		};
		const options = {
			...this.#streams(table),
			argv: [this.state.name, "-c", text],
			env: this.state.environment(),
			cwd: this.state.cwd,
			parent: this.process,
		};
		const job = this.jobs.add(await this.programs.fork(() => this.machine.run(run, options), descriptors), text);
		this.state.lastBackgroundPid = job.pid;
		if (this.interactive) await writeText(outputAt(descriptors, 2), `[${job.id}] ${job.pid}\n`);
		return 0;
	}

	async #pipeline(pipeline: PipelineNode, descriptors: DescriptorTable): Promise<number> {
		if (pipeline.negated) this.#conditions++;
		const startMs = this.machine.clock.now();
		try {
			const [only] = pipeline.commands;
			const status =
				pipeline.commands.length === 1 && only !== undefined
					? await this.#guardedCommand(only, descriptors)
					: await this.#connected(pipeline, descriptors);
			if (pipeline.timed === true) {
				const seconds = (this.machine.clock.now() - startMs) / 1000;
				const time = `${Math.floor(seconds / 60)}m ${(seconds % 60).toFixed(2)}s`;
				await writeText(outputAt(descriptors, 2), `real\t${time}\nuser\t0m 0.00s\nsys\t0m 0.00s\n`);
			}
			return pipeline.negated ? (status === 0 ? 1 : 0) : status;
		} finally {
			if (pipeline.negated) this.#conditions--;
		}
	}

	/** Several commands at once, each in a subshell, joined by pipes. */
	async #connected(pipeline: PipelineNode, descriptors: DescriptorTable): Promise<number> {
		let upstream: Pipe | undefined;
		const running: Promise<number>[] = [];
		for (const [index, command] of pipeline.commands.entries()) {
			const input = upstream;
			const output = index < pipeline.commands.length - 1 ? new Pipe() : undefined;
			const table = new Map(descriptors);
			if (input !== undefined) table.set(0, descriptorsOf(input, input, input).get(0) ?? {});
			if (output !== undefined) {
				table.set(1, { output });
				if (pipeline.pipeStderr?.[index] === true) table.set(2, { output });
			}
			const shell = this.#subshell(this.process);
			running.push(
				shell
					.#guarded(() => shell.#guardedCommand(command, table), table)
					.finally(() => {
						output?.end();
						input?.close();
					}),
			);
			upstream = output;
		}
		const statuses = await Promise.all(running);
		if (this.state.options.pipefail) return statuses.findLast((status) => status !== 0) ?? 0;
		return statuses.at(-1) ?? 0;
	}

	#subshell(process: Process): Interpreter {
		const around = { process: this.process, depth: this.#depth, foreground: this.signals.foreground };
		return new Interpreter({ ...this.#options, state: this.state.fork(), process, interactive: false }, around);
	}

	/** The body of a subshell: `exit` ends it, and nothing else. */
	async #guarded(body: () => Promise<number>, descriptors: DescriptorTable): Promise<number> {
		try {
			return await this.runExitTrap(await body(), descriptors);
		} catch (error) {
			if (error instanceof ExitShell) return this.runExitTrap(error.status, descriptors);
			if (error instanceof BrokenPipeError) return 141;
			if (error instanceof BreakLoop || error instanceof ContinueLoop) return 0;
			if (error instanceof ReturnFunction) return error.status;
			throw error;
		}
	}

	/** Runs a command; its faults are printed and become its status. */
	async #guardedCommand(command: CommandNode, descriptors: DescriptorTable): Promise<number> {
		await this.#spendTime();
		this.signals.heedInterrupt();
		try {
			return await this.#command(command, descriptors);
		} catch (error) {
			if (error instanceof ShellError) {
				await this.complain(error.message, descriptors);
				if (!this.interactive && this.state.flavor !== "bash" && error.exitCode === 2) throw new ExitShell(2);
				return error.exitCode;
			}
			if (error instanceof FsError) {
				await this.complain(error.shellText, descriptors);
				return 1;
			}
			throw error;
		}
	}

	/** Stops a shell that was killed, and one that hogs the (one) thread. */
	async #spendTime(): Promise<void> {
		if (this.process.exit !== undefined) throw new ExitShell(this.process.exit.exitCode);
		this.#commands++;
		if (this.#commands % commandsPerSlice !== 0) return;
		await this.process.work(sliceMs);
	}

	async #command(command: CommandNode, descriptors: DescriptorTable): Promise<number> {
		if (command.type === "SimpleCommand") return this.#simple(command, descriptors);
		if (command.type === "FunctionDef") {
			this.state.functions.set(command.name, command.body);
			return 0;
		}
		const table = await this.#redirect(descriptors, command.redirections);
		switch (command.type) {
			case "Group":
				return this.runStatements(command.body, table);
			case "Subshell": {
				const shell = this.#subshell(this.process);
				return shell.#guarded(() => shell.runStatements(command.body, table), table);
			}
			case "If":
				for (const clause of command.clauses) {
					if ((await this.#condition(clause.condition, table)) === 0) return this.runStatements(clause.body, table);
				}
				return command.elseBody === null ? 0 : this.runStatements(command.elseBody, table);
			case "While":
			case "Until":
				return this.#loop(
					command.body,
					table,
					async () => ((await this.#condition(command.condition, table)) === 0) === (command.type === "While"),
				);
			case "For":
				return this.#for(
					command.variable,
					command.words === null ? [...this.state.positional] : await expandWords(command.words, this.expansion(table)),
					command.body,
					table,
				);
			case "CStyleFor":
				return this.#cStyleFor(command, table);
			case "Case":
				return this.#case(command, table);
			case "ArithmeticCommand":
				return (await arithmetic(command.expression.expression, this.expansion(table))) === 0 ? 1 : 0;
			case "ConditionalCommand":
				return (await evaluateConditional(command.expression, this.expansion(table), this.testContext(table))) ? 0 : 1;
			default:
				return command satisfies never;
		}
	}

	async #condition(statements: readonly StatementNode[], descriptors: DescriptorTable): Promise<number> {
		this.#conditions++;
		try {
			return await this.runStatements(statements, descriptors);
		} finally {
			this.#conditions--;
		}
	}

	/** Runs the body as long as `goOn` says so. `update` runs after each round, after `continue` too. */
	async #loop(
		body: readonly StatementNode[],
		descriptors: DescriptorTable,
		goOn: () => Promise<boolean>,
		update?: () => Promise<unknown>,
	): Promise<number> {
		let status = 0;
		while (await goOn()) {
			await this.#spendTime();
			try {
				status = await this.runStatements(body, descriptors);
			} catch (error) {
				if (!(error instanceof BreakLoop || error instanceof ContinueLoop)) throw error;
				if (error.levels > 1) throw error.outer();
				if (error instanceof BreakLoop) return 0;
			}
			await update?.();
		}
		return status;
	}

	#for(variable: string, values: readonly string[], body: readonly StatementNode[], descriptors: DescriptorTable): Promise<number> {
		let index = 0;
		return this.#loop(body, descriptors, async () => {
			const value = values[index++];
			if (value !== undefined) this.state.set(variable, value);
			return value !== undefined;
		});
	}

	async #cStyleFor(command: Extract<CommandNode, { type: "CStyleFor" }>, descriptors: DescriptorTable): Promise<number> {
		const { init, condition, update } = command;
		const context = this.expansion(descriptors);
		if (init !== null) await arithmetic(init.expression, context);
		return this.#loop(
			command.body,
			descriptors,
			async () => condition === null || (await arithmetic(condition.expression, context)) !== 0,
			async () => update !== null && arithmetic(update.expression, context),
		);
	}

	async #case(command: Extract<CommandNode, { type: "Case" }>, descriptors: DescriptorTable): Promise<number> {
		const context = this.expansion(descriptors);
		const subject = await expandToText(command.word, context);
		let falling = false;
		let status = 0;
		for (const item of command.items) {
			let matched = falling;
			for (const pattern of matched ? [] : item.patterns) {
				matched ||= await matchesPattern(subject, pattern, context);
			}
			if (!matched) continue;
			status = await this.runStatements(item.body, descriptors);
			if (item.terminator === ";;") return status;
			falling = item.terminator === ";&";
		}
		return status;
	}

	async #simple(command: SimpleCommandNode, descriptors: DescriptorTable): Promise<number> {
		const context = this.expansion(descriptors);
		const words = command.name === null ? [] : await expandWords([command.name, ...command.args], context);
		const table = await this.#redirect(descriptors, command.redirections);
		const [name] = words;
		if (name === undefined) {
			this.state.status = 0;
			for (const assignment of command.assignments) await assign(assignment, context);
			return this.state.status;
		}
		if (this.state.options.xtrace) await writeText(outputAt(descriptors, 2), `+ ${words.join(" ")}\n`);
		return this.#invoke(words, command.assignments, table);
	}

	async #invoke(words: readonly string[], assignments: readonly Assignment[], table: DescriptorTable): Promise<number> {
		const context = this.expansion(table);
		const [name = "", ...args] = words;
		const alias = this.interactive ? this.state.aliases.get(name) : undefined;
		if (alias !== undefined) {
			const [first = "", ...more] = alias.split(/\s+/);
			if (first !== name) return this.#invoke([first, ...more, ...args], assignments, table);
			return this.#invokeResolved(first, [...more, ...args], assignments, context, table);
		}
		return this.#invokeResolved(name, args, assignments, context, table);
	}

	async #invokeResolved(
		name: string,
		args: readonly string[],
		assignments: readonly Assignment[],
		context: ExpansionContext,
		table: DescriptorTable,
	): Promise<number> {
		const body = this.state.functions.get(name);
		const builtin = builtins.get(name);
		if (body === undefined && builtin === undefined) {
			const env = this.state.environment();
			for (const assignment of assignments) env.set(assignment.name, await assignedValue(assignment, context));
			return this.#external([name, ...args], env, table);
		}
		const saved = assignments.map(({ name: variable }) => [variable, this.state.variables.get(variable)] as const);
		for (const assignment of assignments) {
			this.state.variables.set(assignment.name, { value: await assignedValue(assignment, context), exported: true, readOnly: false });
		}
		try {
			return body !== undefined
				? await this.#call(body, args, table)
				: ((await builtin?.(args, { shell: this, descriptors: table, name })) ?? 0);
		} finally {
			for (const [variable, value] of saved) {
				if (value === undefined) this.state.variables.delete(variable);
				else this.state.variables.set(variable, value);
			}
		}
	}

	async #external(argv: readonly string[], env: ReadonlyMap<string, string>, table: DescriptorTable): Promise<number> {
		try {
			return (await this.programs.run(argv, env, table)).exitCode;
		} catch (error) {
			if (!(error instanceof ExecError)) throw error;
			await this.complain(`${argv[0]}: ${execText(error, this.state.flavor)}`, table);
			return error.exitCode;
		}
	}

	async #call(body: FunctionBody, args: readonly string[], table: DescriptorTable): Promise<number> {
		const { positional } = this.state;
		const { locals } = this;
		this.#depth++;
		if (this.#depth > maxDepth) throw new ShellError("maximum function nesting level exceeded", 1);
		this.state.positional = args;
		this.locals = new Map();
		try {
			return await this.#command(body, table);
		} catch (error) {
			if (error instanceof ReturnFunction) return error.status;
			throw error;
		} finally {
			for (const [name, value] of this.locals ?? []) {
				if (value === undefined) this.state.variables.delete(name);
				else this.state.variables.set(name, value);
			}
			this.locals = locals;
			this.state.positional = positional;
			this.#depth--;
		}
	}

	/** What `local` has shadowed in the function that runs; undefined outside of functions. */
	locals: Map<string, ReturnType<ShellState["variables"]["get"]>> | undefined;

	#redirect(descriptors: DescriptorTable, redirections: readonly Redirection[]): Promise<DescriptorTable> {
		return redirect(descriptors, redirections, {
			files: () => this.machine.filesFor(this.process),
			cpu: () => this.machine.cpu,
			cwd: this.state.cwd,
			clock: this.machine.clock,
			expansion: this.expansion(descriptors),
		});
	}

	async #substitute(body: ScriptNode, descriptors: DescriptorTable): Promise<string> {
		const collected = new Collector(maxSubstitutionBytes);
		const output: OutputStream = {
			write: (chunk) => {
				collected.write(chunk);
				if (collected.truncated) throw new BrokenPipeError();
			},
		};
		const table = new Map(descriptors);
		table.set(1, { output });
		const shell = this.#subshell(this.process);
		this.state.status = await shell.#guarded(() => shell.runStatements(body.statements, table), table);
		if (collected.truncated) throw new OutOfMemoryError();
		return collected.text().replace(/\n+$/, "");
	}

	#streams(table: DescriptorTable): { stdin: typeof emptyInput; stdout: OutputStream; stderr: OutputStream } {
		return { stdin: table.get(0)?.input ?? emptyInput, stdout: outputAt(table, 1), stderr: outputAt(table, 2) };
	}
}

/** What a shell's process needs of its surroundings. */
export function createInterpreter(
	grammar: Grammar,
	context: ProcessContext,
	state: ShellState,
	options: { readonly interactive?: boolean } = {},
): Interpreter {
	return new Interpreter({ grammar, machine: context.machine, state, process: context.process, terminal: context.terminal, ...options });
}
