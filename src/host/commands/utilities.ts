/**
 * The text and file utilities that just-bash brings (grep, sed, awk, sort …), as programs of a machine. They work
 * on whole inputs: all of stdin is read before they start, so they do not stream.
 */
import type { Bash } from "just-bash";
import type { Machine, Program } from "../machine.ts";
import type { Process } from "../process.ts";
import { loadJustBash } from "../shell/syntax.ts";
import { readAll } from "../stream.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import { FsError, fsErrorText } from "../vfs/inode.ts";
import { resolvePath } from "../vfs/path.ts";
import { filesToSearch, nobodysLines } from "./file-search.ts";
import { JustBashFs } from "./just-bash-fs.ts";
import { Turns } from "./just-bash-turns.ts";

/** Names of the utilities that are just-bash's. */
export const utilityNames: readonly string[] = (
	"mkdir mv readlink grep fgrep egrep sed awk sort uniq comm cut paste tr rev nl fold expand " +
	"unexpand strings split column join find basename dirname tree base64 diff expr file tac od gzip gunzip zcat jq"
).split(" ");

/** Utilities that never look at stdin: it is not drained for them. */
const ignoresInput = new Set("mkdir mv readlink find basename dirname tree expr".split(" "));

interface Engine {
	readonly bash: Bash;
	readonly fs: JustBashFs;
	readonly turns: Turns;
}

/** A shell engine for each machine and user that has used one: 120 KB, so not before. */
const engines = new WeakMap<Machine, Map<number, Engine>>();

/** Utilities of one user see files as whoever of them came last does: they differ in /proc/self alone. */
async function engineOf(machine: Machine, process: Process): Promise<Engine> {
	const { uid, gid } = process.credentials;
	let ofMachine = engines.get(machine);
	if (ofMachine === undefined) {
		ofMachine = new Map();
		engines.set(machine, ofMachine);
	}
	const known = ofMachine.get(uid);
	if (known !== undefined) {
		known.fs.files = machine.filesFor(process);
		return known;
	}
	const { Bash } = await loadJustBash();
	const turns = new Turns(() => machine.cpu);
	const fs = new JustBashFs(machine.filesFor(process), turns);
	const bash = new Bash({ fs, defenseInDepth: false, processInfo: { pid: 1, ppid: 0, uid, gid } });
	const engine = { bash, fs, turns };
	ofMachine.set(uid, engine);
	return engine;
}

export function utilityProgram(name: string): Program {
	return async ({ argv, env, cwd, stdin, stdout, stderr, machine, files, process, terminal }) => {
		const search = /^[ef]?grep$/.test(name) ? filesToSearch(files, cwd, argv.slice(1)) : undefined;
		// just-bash's tr knows no octal: `tr '\\0' ' '` is how one reads /proc/PID/cmdline.
		const args = search ?? (name === "tr" ? argv.slice(1).map(withoutOctal) : argv.slice(1));
		const wantsInput = !ignoresInput.has(name) && (terminal === undefined || !hasFileOperand(name, args));
		const input = wantsInput ? await readAll(stdin) : new Uint8Array();
		const { bash, turns } = await engineOf(machine, process);
		const result = await turns.run(process.ended, () =>
			bash.exec(name, {
				args: [...args],
				cwd,
				env: { ...Object.fromEntries(env), PWD: cwd },
				replaceEnv: true,
				stdin: Buffer.from(input).toString("latin1"),
				stdinKind: "bytes",
				signal: process.ended,
			}),
		);
		const isBytes = result.stdoutKind === "bytes" || result.stdoutEncoding === "binary";
		const text = search === undefined ? result.stdout : result.stdout.replace(nobodysLines, "");
		if (text !== "") await stdout.write(Buffer.from(text, isBytes ? "latin1" : "utf8"));
		if (result.stderr !== "") {
			const lines = result.stderr.replace(/^(?:bash: )?(?:line \d+: )?/, "").split("\n");
			await stderr.write(Buffer.from(lines.map((line) => systemText(line, files, cwd)).join("\n")));
		}
		return result.exitCode;
	};
}

function withoutOctal(text: string): string {
	return text.replace(/\\([0-7]{1,3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/**
 * A complaint in the C library's words: just-bash shows Node's errors as they are, and takes every file that it cannot open for one
 * that is not there.
 */
function systemText(line: string, files: FileSystem, cwd: string): string {
	const told = line.replace(/\b(E[A-Z]+): [^,]*, \w+ '[^']*'/, (text, code: string) => fsErrorText(code) ?? text);
	const [, start = "", operand = "", end = ""] = /^(.*?)'?([^ ':]+)('?: )No such file or directory$/.exec(told) ?? [];
	if (operand === "") return told;
	try {
		files.stat(resolvePath(cwd, operand));
	} catch (error) {
		if (error instanceof FsError && error.code !== "ENOENT") {
			return `${start}${end.startsWith("'") ? "'" : ""}${operand}${end}${error.shellText}`;
		}
	}
	return told;
}

/** At a terminal, a command that was given a file must not wait for keys. */
function hasFileOperand(name: string, args: readonly string[]): boolean {
	const operands = args.filter((arg) => !arg.startsWith("-"));
	return operands.length > (/^(grep|egrep|fgrep|sed|awk|jq|tr)$/.test(name) ? 1 : 0);
}
