/**
 * `sh`, `ash`, `dash` and `bash` as programs: `sh -c script`, `sh file`, a script on stdin, or a session at a terminal.
 */
import { nameOfId } from "../credentials.ts";
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { resolvePath } from "../vfs/path.ts";
import { BreakLoop, ContinueLoop, ExitShell, Interrupted, ReturnFunction } from "./flow.ts";
import { createInterpreter, type Interpreter } from "./interpreter.ts";
import { maxHistoryLines } from "./line-editor.ts";
import { type DescriptorTable, descriptorsOf, inputAt } from "./redirection.ts";
import { type ShellFlavor, ShellState } from "./state.ts";
import { type Grammar, loadGrammar, SyntaxFault } from "./syntax.ts";
import { Tty } from "./tty.ts";

interface Invocation {
	readonly script?: string;
	readonly file?: string;
	readonly name: string;
	readonly positional: readonly string[];
	/** Letters of `-e`, `-x` … */
	readonly options: string;
}

function parseInvocation(argv: readonly string[]): Invocation {
	const [name = "sh", ...args] = argv;
	let options = "";
	let at = 0;
	for (; /^[-+][a-zA-Z]/.test(args[at] ?? "") || (args[at] ?? "").startsWith("--"); at++) {
		if (args[at] === "--") {
			at++;
			break;
		}
		const argument = args[at] ?? "";
		if (argument.startsWith("--")) continue;
		options += argument.slice(1);
		if (argument.endsWith("o")) at++;
	}
	const rest = args.slice(at);
	if (options.includes("c")) return { script: rest[0] ?? "", name: rest[1] ?? name, positional: rest.slice(2), options };
	if (rest[0] !== undefined && !options.includes("s")) return { file: rest[0], name: rest[0], positional: rest.slice(1), options };
	return { name, positional: rest, options };
}

export function shellProgram(flavor: ShellFlavor): Program {
	return async (context) => {
		const grammar = await loadGrammar();
		const invocation = parseInvocation(context.argv);
		const state = new ShellState({ flavor, name: invocation.name, cwd: context.cwd, pid: context.process.pid, env: context.env });
		state.positional = invocation.positional;
		state.options.errexit = invocation.options.includes("e");
		state.options.xtrace = invocation.options.includes("x");
		state.options.nounset = invocation.options.includes("u");
		const { terminal } = context;
		if (invocation.script === undefined && invocation.file === undefined && terminal instanceof Tty) {
			return runSession(grammar, context, state, terminal);
		}
		const descriptors = descriptorsOf(context.stdin, context.stdout, context.stderr, terminal !== undefined);
		const shell = createInterpreter(grammar, context, state);
		return withInterrupts(context, shell, async () => {
			if (invocation.script !== undefined) return shell.runScript(invocation.script, descriptors);
			if (invocation.file !== undefined) return runFile(shell, context, invocation.file, descriptors);
			return runInput(grammar, shell, descriptors);
		});
	};
}

/** Ctrl-C reaches the command in the foreground, and ends a script, as a shell does that is not interactive. */
async function withInterrupts(context: ProcessContext, shell: Interpreter, body: () => Promise<number>): Promise<number> {
	if (context.process.pid !== 1) {
		context.process.onSignal("INT", () => {
			shell.signals.interrupt("INT");
			context.process.finish({ exitCode: 130, signal: "INT" });
		});
	}
	return body();
}

async function runFile(shell: Interpreter, context: ProcessContext, file: string, descriptors: DescriptorTable): Promise<number> {
	try {
		return await shell.runScript(context.files.readText(resolvePath(context.cwd, file)), descriptors);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		await shell.complain(`can't open '${file}': ${error.shellText}`, descriptors);
		return 2;
	}
}

/** A script on stdin: each command runs as soon as it is complete, and reads what follows it. */
async function runInput(grammar: Grammar, shell: Interpreter, descriptors: DescriptorTable): Promise<number> {
	const input = inputAt(descriptors, 0);
	let text = "";
	try {
		for (let line = await input.readLine(); line !== undefined; line = await input.readLine()) {
			text += `${line.text}\n`;
			if (!isComplete(grammar, text)) continue;
			const command = text;
			text = "";
			await runCommand(shell, command, descriptors);
		}
		if (text !== "") await shell.runText(text, descriptors);
		return await shell.runExitTrap(shell.state.status, descriptors);
	} catch (error) {
		if (error instanceof ExitShell) return shell.runExitTrap(error.status, descriptors);
		throw error;
	}
}

/** A session at a terminal: prompt, line, run, until `exit` or Ctrl-D. */
async function runSession(grammar: Grammar, context: ProcessContext, state: ShellState, tty: Tty): Promise<number> {
	const descriptors = descriptorsOf(tty.input, tty.output, tty.output, true);
	const shell = createInterpreter(grammar, context, state, { interactive: true });
	const history: string[] = [];
	const { process } = context;
	tty.onSignal = (signal) => shell.signals.interrupt(signal);
	for (const signal of ["INT", "QUIT", "TERM"] as const) process.onSignal(signal, () => undefined);
	let text = "";
	for (;;) {
		const prompt = text === "" ? promptOf(context, state) : "> ";
		const result = await tty.editLine(prompt, history, () => shell.signals.forgetInterrupt());
		if (process.exit !== undefined) return process.exit.exitCode;
		if (result.type === "interrupt") {
			text = "";
			state.status = 130;
			continue;
		}
		if (result.type === "eof") {
			if (state.flavor === "bash") await writeText(tty.output, "exit\n");
			return shell.runExitTrap(state.status, descriptors);
		}
		text += `${result.text}\n`;
		if (!isComplete(grammar, text)) continue;
		const command = text;
		text = "";
		remember(history, command.trim());
		try {
			await runCommand(shell, command, descriptors);
		} catch (error) {
			if (error instanceof ExitShell) {
				tty.onCommand(command.trim(), error.status);
				return shell.runExitTrap(error.status, descriptors);
			}
			if (!(error instanceof Interrupted)) throw error;
			state.status = 130;
		}
		if (command.trim() !== "") tty.onCommand(command.trim(), state.status);
	}
}

/** `break` outside of a loop and `return` outside of a function do nothing. */
async function runCommand(shell: Interpreter, command: string, descriptors: DescriptorTable): Promise<void> {
	try {
		await shell.runText(command, descriptors);
	} catch (error) {
		if (!(error instanceof BreakLoop || error instanceof ContinueLoop || error instanceof ReturnFunction)) throw error;
	}
}

function isComplete(grammar: Grammar, text: string): boolean {
	if (text.endsWith("\\\n")) return false;
	try {
		grammar.parse(text);
		return true;
	} catch (error) {
		if (error instanceof SyntaxFault) return !error.incomplete;
		throw error;
	}
}

function remember(history: string[], command: string): void {
	if (command === "" || history.at(-1) === command) return;
	history.push(command);
	if (history.length > maxHistoryLines) history.shift();
}

/** `/ # ` of ash, `root@web:/# ` of bash, `# ` of dash; PS1 overrides, with its commonest escapes. */
function promptOf({ machine, process, files }: ProcessContext, state: ShellState): string {
	const { uid } = process.credentials;
	const isRoot = uid === 0;
	const passwd = files.exists("/etc/passwd") ? files.readText("/etc/passwd") : "";
	const user = nameOfId(passwd, uid);
	const shownCwd = state.cwd === (state.get("HOME") ?? "/root") ? "~" : state.cwd;
	const defaults: Readonly<Record<ShellFlavor, string>> = { ash: "\\w \\$ ", bash: "\\u@\\h:\\w\\$ ", dash: "\\$ " };
	const escapes: Readonly<Record<string, string>> = {
		w: shownCwd,
		W: shownCwd.slice(shownCwd.lastIndexOf("/") + 1) || "/",
		u: isRoot || user !== String(uid) ? user : "I have no name!",
		h: machine.hostname,
		$: isRoot ? "#" : "$",
		n: "\n",
		e: "\x1b",
		"[": "",
		"]": "",
	};
	return (state.get("PS1") ?? defaults[state.flavor]).replace(/\\([wWuh$ne[\]])/g, (_, letter: string) => escapes[letter] ?? "");
}
