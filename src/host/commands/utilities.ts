/**
 * The text and file utilities that just-bash brings (grep, sed, awk, sort …), as programs of a machine. They work
 * on whole inputs: all of stdin is read before they start, so they do not stream.
 */
import type { Bash } from "just-bash";
import type { Machine, Program } from "../machine.ts";
import { loadJustBash } from "../shell/syntax.ts";
import { readAll } from "../stream.ts";
import { JustBashFs } from "./just-bash-fs.ts";

/** Names of the utilities that are just-bash's. */
export const utilityNames: readonly string[] = (
	"mkdir rmdir rm cp mv ln chmod readlink wc stat grep fgrep egrep sed awk sort uniq comm cut paste tr rev nl fold expand " +
	"unexpand strings split column join find basename dirname tree du base64 diff seq expr md5sum sha1sum sha256sum file tac od gzip " +
	"gunzip zcat jq"
).split(" ");

/** Utilities that never look at stdin: it is not drained for them. */
const ignoresInput = new Set("mkdir rmdir rm cp mv ln chmod readlink stat find basename dirname tree du seq expr".split(" "));

/** A shell engine for each machine that has used one: 120 KB, so not before. */
const engines = new WeakMap<Machine, Bash>();

async function engineOf(machine: Machine): Promise<Bash> {
	const known = engines.get(machine);
	if (known !== undefined) return known;
	const { Bash } = await loadJustBash();
	const engine = new Bash({ fs: new JustBashFs(machine.files), defenseInDepth: false, processInfo: { pid: 1, ppid: 0, uid: 0, gid: 0 } });
	engines.set(machine, engine);
	return engine;
}

export function utilityProgram(name: string): Program {
	return async ({ argv, env, cwd, stdin, stdout, stderr, machine, process, terminal }) => {
		const args = argv.slice(1);
		const wantsInput = !ignoresInput.has(name) && (terminal === undefined || !hasFileOperand(name, args));
		const input = wantsInput ? await readAll(stdin) : new Uint8Array();
		const engine = await engineOf(machine);
		const result = await engine.exec(name, {
			args,
			cwd,
			env: { ...Object.fromEntries(env), PWD: cwd },
			replaceEnv: true,
			stdin: Buffer.from(input).toString("latin1"),
			stdinKind: "bytes",
			signal: process.ended,
		});
		const isBytes = result.stdoutKind === "bytes" || result.stdoutEncoding === "binary";
		if (result.stdout !== "") await stdout.write(Buffer.from(result.stdout, isBytes ? "latin1" : "utf8"));
		if (result.stderr !== "") await stderr.write(Buffer.from(result.stderr.replace(/^(?:bash: )?(?:line \d+: )?/, "")));
		return result.exitCode;
	};
}

/** At a terminal, a command that was given a file must not wait for keys. */
function hasFileOperand(name: string, args: readonly string[]): boolean {
	const operands = args.filter((arg) => !arg.startsWith("-"));
	return operands.length > (/^(grep|egrep|fgrep|sed|awk|jq|tr)$/.test(name) ? 1 : 0);
}
