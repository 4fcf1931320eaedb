/**
 * The text and file utilities that just-bash brings (grep, sed, awk, sort …), as programs of a machine. They work
 * on whole inputs: all of stdin is read before they start, so they do not stream.
 */
import type { Bash } from "just-bash";
import type { Machine, Program } from "../machine.ts";
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
	"mkdir rmdir mv ln chmod readlink stat grep fgrep egrep sed awk sort uniq comm cut paste tr rev nl fold expand " +
	"unexpand strings split column join find basename dirname tree du base64 diff expr file tac od gzip gunzip zcat jq"
).split(" ");

/** Utilities that never look at stdin: it is not drained for them. */
const ignoresInput = new Set("mkdir rmdir mv ln chmod readlink stat find basename dirname tree du expr".split(" "));

interface Engine {
	readonly bash: Bash;
	readonly turns: Turns;
}

/** A shell engine for each machine that has used one: 120 KB, so not before. */
const engines = new WeakMap<Machine, Engine>();

async function engineOf(machine: Machine): Promise<Engine> {
	const known = engines.get(machine);
	if (known !== undefined) return known;
	const { Bash } = await loadJustBash();
	const turns = new Turns(() => machine.cpu);
	const fs = new JustBashFs(machine.files, turns);
	const bash = new Bash({ fs, defenseInDepth: false, processInfo: { pid: 1, ppid: 0, uid: 0, gid: 0 } });
	const engine = { bash, turns };
	engines.set(machine, engine);
	return engine;
}

export function utilityProgram(name: string): Program {
	return async ({ argv, env, cwd, stdin, stdout, stderr, machine, process, terminal }) => {
		const search = /^[ef]?grep$/.test(name) ? filesToSearch(machine.files, cwd, argv.slice(1)) : undefined;
		const args = search ?? argv.slice(1);
		const wantsInput = !ignoresInput.has(name) && (terminal === undefined || !hasFileOperand(name, args));
		const input = wantsInput ? await readAll(stdin) : new Uint8Array();
		const { bash, turns } = await engineOf(machine);
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
			await stderr.write(Buffer.from(lines.map((line) => systemText(line, machine.files, cwd)).join("\n")));
		}
		return result.exitCode;
	};
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
