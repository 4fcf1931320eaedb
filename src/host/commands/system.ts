/** Commands that show or change what the machine is doing: processes, environment, names, waiting. */
import { sleep } from "../../apimachinery/clock/clock.ts";
import { contextWith, type Program } from "../machine.ts";
import { echoText, printfText } from "../shell/echo.ts";
import { ShellError } from "../shell/state.ts";
import { evaluateTest } from "../shell/test-expression.ts";
import { emptyInput, readAll, writeText } from "../stream.ts";
import { kernelBuild, kernelVersion } from "../system-facts.ts";
import { runChild } from "./children.ts";
import { parseOptions } from "./options.ts";

export const echo: Program = async ({ argv, stdout }) => {
	await writeText(stdout, echoText(argv.slice(1)));
	return 0;
};

export const printf: Program = async ({ argv: [, format = "", ...args], stdout }) => {
	await writeText(stdout, printfText(format, args));
	return 0;
};

export const test: Program = async ({ argv, cwd, files, stderr, terminal }) => {
	const args = argv[0]?.endsWith("[") ? argv.slice(1, -1) : argv.slice(1);
	try {
		return evaluateTest(args, { files: () => files, cwd, isSet: () => false, isTerminal: () => terminal !== undefined }) ? 0 : 1;
	} catch (error) {
		if (!(error instanceof ShellError)) throw error;
		await writeText(stderr, `test: ${error.message}\n`);
		return 2;
	}
};

const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** `1.5`, `10m`, `2h`, `infinity`; undefined if it is no duration. */
function parseSeconds(text: string): number | undefined {
	if (/^inf(inity)?$/i.test(text)) return Number.POSITIVE_INFINITY;
	const match = /^(\d+(?:\.\d*)?|\.\d+)([smhd]?)$/.exec(text);
	return match === null ? undefined : Number(match[1]) * (unitSeconds[match[2] ?? ""] ?? 1);
}

export const sleepCommand: Program = async ({ argv, machine, process, stderr }) => {
	let seconds = 0;
	for (const argument of argv.slice(1)) {
		const parsed = parseSeconds(argument);
		if (parsed === undefined) {
			await writeText(stderr, `sleep: invalid number '${argument}'\n`);
			return 1;
		}
		seconds += parsed;
	}
	if (argv.length < 2) {
		await writeText(stderr, "sleep: missing operand\n");
		return 1;
	}
	if (seconds === Number.POSITIVE_INFINITY) await process.exited;
	else await sleep(machine.clock, seconds * 1000, process.ended).catch(() => undefined);
	return 0;
};

export const env: Program = async (context) => {
	const { flags, lists, operands } = parseOptions(context.argv.slice(1), "iu:", ["ignore-environment", "unset:"], true);
	const environment = new Map(flags.has("i") || flags.has("ignore-environment") ? [] : context.env);
	for (const name of [...(lists.get("u") ?? []), ...(lists.get("unset") ?? [])]) environment.delete(name);
	let at = 0;
	for (; /^[^=]+=/.test(operands[at] ?? ""); at++) {
		const [name = "", ...value] = (operands[at] ?? "").split("=");
		environment.set(name, value.join("="));
	}
	if (at < operands.length) return runChild(context, operands.slice(at), { env: environment });
	await writeText(context.stdout, [...environment].map(([name, value]) => `${name}=${value}\n`).join(""));
	return 0;
};

export const printenv: Program = async ({ argv: [, ...names], env: environment, stdout }) => {
	if (names.length === 0) {
		await writeText(stdout, [...environment].map(([name, value]) => `${name}=${value}\n`).join(""));
		return 0;
	}
	let status = 0;
	for (const name of names) {
		const value = environment.get(name);
		if (value === undefined) status = 1;
		else await writeText(stdout, `${value}\n`);
	}
	return status;
};

export const timeout: Program = async (context) => {
	const { operands } = parseOptions(context.argv.slice(1), "s:k:t:", ["signal:", "kill-after:"], true);
	const seconds = parseSeconds(operands[0] ?? "");
	if (seconds === undefined) {
		await writeText(context.stderr, `timeout: invalid time interval '${operands[0] ?? ""}'\n`);
		return 125;
	}
	return runChild(context, operands.slice(1), { limitMs: seconds * 1000 });
};

export const nohup: Program = (context) => runChild(context, context.argv.slice(1));

export const xargs: Program = async (context) => {
	const { flags, values, operands } = parseOptions(context.argv.slice(1), "0rtn:I:P:", [], true);
	const text = Buffer.from(await readAll(context.stdin)).toString();
	const placeholder = values.get("I");
	const separator = flags.has("0") ? "\0" : placeholder === undefined ? /\s+/ : "\n";
	const items = text.split(separator).filter((item) => item !== "");
	const command = operands.length === 0 ? ["echo"] : operands;
	const size = placeholder === undefined ? Number(values.get("n") ?? items.length) : 1;
	if (items.length === 0)
		return flags.has("r") || placeholder !== undefined ? 0 : runChild(contextWith(context, { stdin: emptyInput }), command);
	let status = 0;
	for (let at = 0; at < items.length && context.process.exit === undefined; at += size) {
		const part = items.slice(at, at + size);
		const argv = placeholder === undefined ? [...command, ...part] : command.map((word) => word.replaceAll(placeholder, part[0] ?? ""));
		if ((await runChild(contextWith(context, { stdin: emptyInput }), argv)) !== 0) status = 123;
	}
	return status;
};

export const uname: Program = async ({ argv, machine, stdout }) => {
	const { flags } = parseOptions(argv.slice(1), "asnrvmpio");
	const parts: readonly (readonly [string, string])[] = [
		["s", "Linux"],
		["n", machine.hostname],
		["r", machine.pidNamespace.kernel.release ?? kernelVersion],
		["v", kernelBuild],
		["m", "x86_64"],
		["o", "GNU/Linux"],
	];
	const wanted = flags.has("a") ? parts : parts.filter(([letter]) => flags.has(letter) || (flags.size === 0 && letter === "s"));
	await writeText(stdout, `${wanted.map(([, text]) => text).join(" ")}\n`);
	return 0;
};

export const pwd: Program = async ({ cwd, stdout }) => {
	await writeText(stdout, `${cwd}\n`);
	return 0;
};

/** What `yes` prints at once, and what that takes: it keeps a core busy and everybody else running. */
const yesBlockBytes = 64 * 1024;
const yesBlockCpuMs = 1;

export const yes: Program = async ({ argv, stdout, process, machine }) => {
	const line = `${argv.slice(1).join(" ") || "y"}\n`;
	const block = Buffer.from(line.repeat(Math.ceil(yesBlockBytes / line.length)));
	while (process.exit === undefined) {
		await stdout.write(block);
		await machine.cpu.run(yesBlockCpuMs, process.ended);
	}
	return 0;
};

export const clear: Program = async ({ stdout }) => {
	await writeText(stdout, "\x1b[H\x1b[2J\x1b[3J");
	return 0;
};

export const sync: Program = () => 0;
