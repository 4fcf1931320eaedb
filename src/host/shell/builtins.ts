/**
 * The commands that a shell carries out itself. Source: POSIX.1-2024, Shell, 2.15 (special built-ins) and XCU 1.7.
 * Not implemented: fg, bg, fc and umask's effect (files are made with mode 644).
 */
import { shellWord } from "../../apimachinery/shell-word.ts";
import { ExecError } from "../executables.ts";
import { parseSignal, type SignalName, signalNumbers } from "../signals.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { resolvePath } from "../vfs/path.ts";
import { echoText, printfText } from "./echo.ts";
import { BreakLoop, ContinueLoop, ExitShell, ReturnFunction } from "./flow.ts";
import { inputAt, outputAt } from "./redirection.ts";
import type { Builtin, BuiltinContext } from "./shell-api.ts";
import { ShellError, type ShellOptions } from "./state.ts";
import { evaluateTest } from "./test-expression.ts";
import { ulimit } from "./ulimit.ts";

/** A file may refuse what is written to it: one of a cgroup, or on a disk that is full. */
async function print({ descriptors, shell, name }: BuiltinContext, text: string): Promise<void> {
	try {
		await writeText(outputAt(descriptors, 1), text);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		throw new ShellError(`${shell.state.flavor === "ash" ? "" : `${name}: `}write error: ${error.shellText}`, 1);
	}
}

function statusArgument(name: string, args: readonly string[], fallback: number): number {
	const [text] = args;
	if (text === undefined) return fallback;
	if (!/^\d+$/.test(text)) throw new ShellError(`${name}: Illegal number: ${text}`);
	return Number(text);
}

/** `name=value` and `name` arguments of export, readonly and local. */
function splitAssignment(argument: string): readonly [name: string, value: string | undefined] {
	const equals = argument.indexOf("=");
	const name = equals === -1 ? argument : argument.slice(0, equals);
	if (!/^[A-Za-z_]\w*$/.test(name)) throw new ShellError(`${argument}: bad variable name`);
	return [name, equals === -1 ? undefined : argument.slice(equals + 1)];
}

const cd: Builtin = async (args, context) => {
	const { state, machine } = context.shell;
	const [to = state.get("HOME") ?? "/"] = args.filter((arg) => arg !== "-P" && arg !== "-L" && arg !== "--");
	const target = to === "-" ? (state.get("OLDPWD") ?? state.cwd) : to;
	const path = resolvePath(state.cwd, target);
	try {
		if (machine.files.stat(path).type !== "directory") throw new FsError("ENOTDIR", "chdir", path);
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		throw new ShellError(
			`cd: ${state.flavor === "bash" ? `${target}: ${error.shellText}` : `can't cd to ${target}: ${error.shellText}`}`,
			1,
		);
	}
	state.set("OLDPWD", state.cwd);
	state.set("PWD", path);
	state.cwd = path;
	if (to === "-") await print(context, `${path}\n`);
	return 0;
};

const test: Builtin = (args, { shell, descriptors, name }) => {
	if (name === "[" && args.at(-1) !== "]") throw new ShellError("[: missing ]");
	try {
		return evaluateTest(name === "[" ? args.slice(0, -1) : args, shell.testContext(descriptors)) ? 0 : 1;
	} catch (error) {
		if (error instanceof ShellError) return shell.complain(`${name}: ${error.message}`, descriptors).then(() => 2);
		throw error;
	}
};

const exportVariables: Builtin = async (args, context) => {
	const { state } = context.shell;
	if (args.length === 0 || args[0] === "-p") {
		const lines = [...state.variables]
			.filter(([, { exported }]) => exported)
			.map(([name, { value }]) => `export ${name}=${shellWord(value)}\n`);
		await print(context, lines.sort().join(""));
		return 0;
	}
	const unexport = args[0] === "-n";
	for (const argument of args.filter((arg) => !arg.startsWith("-"))) {
		const [name, value] = splitAssignment(argument);
		if (value !== undefined) state.set(name, value);
		state.variables.set(name, {
			value: state.get(name) ?? "",
			exported: !unexport,
			readOnly: state.variables.get(name)?.readOnly ?? false,
		});
	}
	return 0;
};

const readonlyVariables: Builtin = (args, { shell: { state } }) => {
	for (const argument of args.filter((arg) => !arg.startsWith("-"))) {
		const [name, value] = splitAssignment(argument);
		if (value !== undefined) state.set(name, value);
		state.variables.set(name, { value: state.get(name) ?? "", exported: state.variables.get(name)?.exported ?? false, readOnly: true });
	}
	return 0;
};

const local: Builtin = (args, { shell }) => {
	if (shell.locals === undefined) throw new ShellError("local: not in a function", 1);
	for (const argument of args.filter((arg) => !arg.startsWith("-"))) {
		const [name, value] = splitAssignment(argument);
		if (!shell.locals.has(name)) shell.locals.set(name, shell.state.variables.get(name));
		shell.state.set(name, value ?? "");
	}
	return 0;
};

const optionLetters: Readonly<Record<string, keyof ShellOptions>> = { e: "errexit", u: "nounset", x: "xtrace", f: "noglob" };

const set: Builtin = async (args, context) => {
	const { state } = context.shell;
	if (args.length === 0) {
		await print(
			context,
			[...state.variables]
				.map(([name, { value }]) => `${name}=${shellWord(value)}\n`)
				.sort()
				.join(""),
		);
		return 0;
	}
	let at = 0;
	for (; at < args.length; at++) {
		const argument = args[at] ?? "";
		if (argument === "--") {
			state.positional = args.slice(at + 1);
			return 0;
		}
		if (!/^[-+]./.test(argument)) break;
		const on = argument.startsWith("-");
		for (const letter of argument.slice(1)) {
			const option = letter === "o" ? (args[++at] ?? "") : optionLetters[letter];
			if (option !== undefined && option in state.options) state.options[option as keyof ShellOptions] = on;
		}
	}
	if (at < args.length) state.positional = args.slice(at);
	return 0;
};

const read: Builtin = async (args, context) => {
	const { state } = context.shell;
	let raw = false;
	const names: string[] = [];
	for (let at = 0; at < args.length; at++) {
		const argument = args[at] ?? "";
		if (argument === "-p") await writeText(outputAt(context.descriptors, 2), args[++at] ?? "");
		else if (/^-[a-zA-Z]+$/.test(argument)) {
			raw ||= argument.includes("r");
			if (/[tnd]$/.test(argument)) at++;
		} else names.push(argument);
	}
	const line = await inputAt(context.descriptors, 0).readLine();
	const text = raw ? (line?.text ?? "") : (line?.text ?? "").replace(/\\(.)/g, "$1");
	const variables = names.length === 0 ? ["REPLY"] : names;
	let rest = state.get("IFS") === "" ? text : text.replace(/^[ \t]+|[ \t]+$/g, "");
	const separators = state.get("IFS") ?? " \t\n";
	for (const [index, name] of variables.entries()) {
		if (index === variables.length - 1 || separators === "") {
			state.set(name, rest);
			rest = "";
			continue;
		}
		const end = [...rest].findIndex((char) => separators.includes(char));
		state.set(name, end === -1 ? rest : rest.slice(0, end));
		rest = end === -1 ? "" : rest.slice(end + 1).replace(/^[ \t]+/, "");
	}
	return line?.complete === true ? 0 : 1;
};

const exec: Builtin = async (args, { shell, descriptors }) => {
	// Redirections of `exec` alone stay in force in a real shell; here they last for the command.
	if (args.length === 0) return 0;
	try {
		const exit = await shell.programs.become(args, shell.state.environment(), descriptors);
		// Nobody is there any more to run them.
		shell.state.traps.clear();
		throw new ExitShell(exit.exitCode);
	} catch (error) {
		if (!(error instanceof ExecError)) throw error;
		await shell.complain(`exec: ${args[0]}: not found`, descriptors);
		throw new ExitShell(error.exitCode);
	}
};

const trap: Builtin = async (args, context) => {
	const { shell } = context;
	if (args.length === 0) {
		await print(context, [...shell.state.traps].map(([signal, script]) => `trap -- ${shellWord(script)} ${signal}\n`).join(""));
		return 0;
	}
	const isReset = args.length === 1 || args[0] === "-" || /^\d+$/.test(args[0] ?? "");
	const script = isReset ? undefined : args[0];
	for (const text of isReset && args[0] !== "-" ? args : args.slice(1)) {
		const signal = text === "0" || text === "EXIT" ? "EXIT" : parseSignal(text);
		if (signal === undefined) throw new ShellError(`trap: ${text}: invalid signal specification`, 1);
		if (script === undefined) shell.state.traps.delete(signal);
		else shell.state.traps.set(signal, script);
		if (signal !== "EXIT") shell.signals.trap(signal, script);
	}
	return 0;
};

const wait: Builtin = async (args, { shell }) => {
	const wanted =
		args.length === 0 ? shell.jobs.all : shell.jobs.all.filter((job) => args.includes(String(job.pid)) || args.includes(`%${job.id}`));
	if (args.length > 0 && wanted.length === 0) return 127;
	let status = 0;
	for (const job of wanted) status = await shell.signals.wait(job.done);
	return args.length === 0 ? (status === 130 ? 130 : 0) : status;
};

const kill: Builtin = async (args, context) => {
	const { shell } = context;
	if (args[0] === "-l") {
		await print(context, `${Object.keys(signalNumbers).join("\n")}\n`);
		return 0;
	}
	let signal: SignalName = "TERM";
	let targets = args;
	if (/^-./.test(args[0] ?? "")) {
		const isOption = args[0] === "-s";
		const parsed = parseSignal(isOption ? (args[1] ?? "") : (args[0] ?? "").slice(1));
		if (parsed === undefined && (args[0] ?? "") !== "-0") throw new ShellError(`kill: bad signal name '${(args[0] ?? "").slice(1)}'`, 1);
		signal = parsed ?? "CONT";
		targets = args.slice(isOption ? 2 : 1);
	}
	let status = 0;
	for (const target of targets) {
		const job = target.startsWith("%") ? shell.jobs.all.find(({ id }) => `%${id}` === target) : undefined;
		const process = shell.machine.process(job?.pid ?? Number(target));
		if (process !== undefined) process.kill(signal);
		else {
			await shell.complain(`kill: can't kill pid ${target}: No such process`, context.descriptors);
			status = 1;
		}
	}
	return status;
};

const type: Builtin = async (args, context) => {
	const { state, machine } = context.shell;
	let status = 0;
	for (const name of args) {
		const path = machine.which(name, state.environment(), state.cwd);
		if (state.functions.has(name)) await print(context, `${name} is a function\n`);
		else if (builtins.has(name)) await print(context, `${name} is a shell builtin\n`);
		else if (path !== undefined) await print(context, `${name} is ${path}\n`);
		else {
			await print(context, `${name}: not found\n`);
			status = 127;
		}
	}
	return status;
};

const command: Builtin = async (args, context) => {
	const { shell, descriptors } = context;
	const [first] = args;
	if (first === "-v" || first === "-V") {
		const name = args[1] ?? "";
		const found =
			shell.state.functions.has(name) || builtins.has(name) ? name : shell.machine.which(name, shell.state.environment(), shell.state.cwd);
		if (found !== undefined) await print(context, `${found}\n`);
		return found === undefined ? 127 : 0;
	}
	const builtin = builtins.get(first ?? "");
	if (first === undefined) return 0;
	if (builtin !== undefined) return builtin(args.slice(1), { ...context, name: first });
	try {
		return (await shell.programs.run(args, shell.state.environment(), descriptors)).exitCode;
	} catch (error) {
		if (!(error instanceof ExecError)) throw error;
		await shell.complain(`${first}: not found`, descriptors);
		return error.exitCode;
	}
};

const source: Builtin = (args, { shell, descriptors }) => {
	const [path = ""] = args;
	try {
		return shell
			.runText(shell.machine.filesFor(shell.process).readText(resolvePath(shell.state.cwd, path)), descriptors)
			.catch((error: unknown) => {
				if (error instanceof ReturnFunction) return error.status;
				throw error;
			});
	} catch (error) {
		if (!(error instanceof FsError)) throw error;
		throw new ShellError(`.: can't open '${path}': ${error.shellText}`, 2);
	}
};

const getopts: Builtin = (args, { shell: { state } }) => {
	const [spec = "", variable = "", ...given] = args;
	const words = given.length > 0 ? given : state.positional;
	const position = /^(\d+)(?::(\d+))?$/.exec(state.get("OPTIND") ?? "1");
	const index = Number(position?.[1] ?? 1);
	const within = Number(state.get("__OPTOFFSET") ?? 1);
	const word = words[index - 1];
	if (word === undefined || !/^-./.test(word) || word === "--") {
		state.set(variable, "?");
		if (word === "--") state.set("OPTIND", String(index + 1));
		return 1;
	}
	const letter = word.charAt(within);
	const takesArgument = spec.charAt(spec.indexOf(letter) + 1) === ":";
	const isLast = within + 1 >= word.length;
	state.set(variable, spec.includes(letter) && letter !== ":" ? letter : "?");
	state.set("OPTARG", takesArgument ? (isLast ? (words[index] ?? "") : word.slice(within + 1)) : "");
	state.set("__OPTOFFSET", takesArgument || isLast ? "1" : String(within + 1));
	state.set("OPTIND", String(takesArgument ? (isLast ? index + 2 : index + 1) : isLast ? index + 1 : index));
	return 0;
};

const alias: Builtin = async (args, context) => {
	const { aliases } = context.shell.state;
	if (args.length === 0) await print(context, [...aliases].map(([name, text]) => `${name}=${shellWord(text)}\n`).join(""));
	for (const argument of args) {
		const equals = argument.indexOf("=");
		if (equals > 0) aliases.set(argument.slice(0, equals), argument.slice(equals + 1));
		else await print(context, `${argument}=${shellWord(aliases.get(argument) ?? "")}\n`);
	}
	return 0;
};

const jobs: Builtin = async (_, context) => {
	const lines = context.shell.jobs.all.map(
		({ id, text, finished }) => `[${id}]+ ${finished ? "Done   " : "Running"}                 ${text}\n`,
	);
	await print(context, lines.join(""));
	return 0;
};

export const builtins: ReadonlyMap<string, Builtin> = new Map<string, Builtin>([
	[":", () => 0],
	["true", () => 0],
	["false", () => 1],
	["echo", async (args, context) => print(context, echoText(args, context.shell.state.flavor === "dash")).then(() => 0)],
	[
		"printf",
		async ([format, ...args], context) => {
			if (format === undefined) throw new ShellError("printf: usage: printf format [arguments]", 2);
			await print(context, printfText(format, args));
			return 0;
		},
	],
	["test", test],
	["[", test],
	["cd", cd],
	["pwd", (_, context) => print(context, `${context.shell.state.cwd}\n`).then(() => 0)],
	["export", exportVariables],
	["readonly", readonlyVariables],
	["local", local],
	[
		"unset",
		(args, { shell: { state } }) => {
			for (const name of args.filter((arg) => !arg.startsWith("-"))) {
				if (args[0] === "-f") state.functions.delete(name);
				else state.unset(name);
			}
			return 0;
		},
	],
	["set", set],
	[
		"shift",
		(args, { shell: { state } }) => {
			const count = statusArgument("shift", args, 1);
			if (count > state.positional.length) return 1;
			state.positional = state.positional.slice(count);
			return 0;
		},
	],
	[
		"exit",
		(args, { shell }) => {
			throw new ExitShell(statusArgument("exit", args, shell.state.status));
		},
	],
	[
		"return",
		(args, { shell }) => {
			throw new ReturnFunction(statusArgument("return", args, shell.state.status));
		},
	],
	[
		"break",
		(args) => {
			throw new BreakLoop(Math.max(1, statusArgument("break", args, 1)));
		},
	],
	[
		"continue",
		(args) => {
			throw new ContinueLoop(Math.max(1, statusArgument("continue", args, 1)));
		},
	],
	["eval", (args, { shell, descriptors }) => shell.runText(args.join(" "), descriptors)],
	[".", source],
	["source", source],
	["exec", exec],
	["read", read],
	["trap", trap],
	["wait", wait],
	["kill", kill],
	["type", type],
	["command", command],
	["getopts", getopts],
	["alias", alias],
	["unalias", (args, { shell: { state } }) => args.reduce((status, name) => (state.aliases.delete(name) ? status : 1), 0)],
	["jobs", jobs],
	["umask", (args, context) => (args.length === 0 ? print(context, "0022\n").then(() => 0) : 0)],
	["ulimit", async (args, context) => print(context, ulimit(args, context.shell.process, context.shell.state.flavor)).then(() => 0)],
	["hash", () => 0],
]);
