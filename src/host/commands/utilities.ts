/**
 * The text and file utilities that just-bash brings (grep, sed, awk, sort …), as programs of a machine. They work
 * on whole inputs: all of stdin is read before they start, so they do not stream.
 */
import type { Bash } from "just-bash";
import type { Machine, Program } from "../machine.ts";
import type { Process } from "../process.ts";
import { loadJustBash } from "../shell/syntax.ts";
import { readAll } from "../stream.ts";
import { JustBashFs } from "./just-bash-fs.ts";

/** Names of the utilities that are just-bash's. */
export const utilityNames: readonly string[] = (
	"mkdir rm cp mv readlink wc grep fgrep egrep sed awk sort uniq comm cut paste tr rev nl fold expand " +
	"unexpand strings split column join find basename dirname tree base64 diff seq expr md5sum sha1sum sha256sum file tac od gzip " +
	"gunzip zcat jq"
).split(" ");

/** Utilities that never look at stdin: it is not drained for them. */
const ignoresInput = new Set("mkdir rm cp mv readlink find basename dirname tree seq expr".split(" "));

interface Engine {
	readonly bash: Bash;
	readonly fs: JustBashFs;
}

/** A shell engine for each machine and user that has used one: 120 KB, so not before. */
const engines = new WeakMap<Machine, Map<number, Engine>>();

/** Utilities of one user see files as whoever of them came last does: they differ in /proc/self alone. */
async function engineOf(machine: Machine, process: Process): Promise<Bash> {
	const { uid, gid } = process.credentials;
	let ofMachine = engines.get(machine);
	if (ofMachine === undefined) {
		ofMachine = new Map();
		engines.set(machine, ofMachine);
	}
	const known = ofMachine.get(uid);
	if (known !== undefined) {
		known.fs.files = machine.filesFor(process);
		return known.bash;
	}
	const { Bash } = await loadJustBash();
	const fs = new JustBashFs(machine.filesFor(process));
	const bash = new Bash({ fs, defenseInDepth: false, processInfo: { pid: 1, ppid: 0, uid, gid } });
	ofMachine.set(uid, { bash, fs });
	return bash;
}

export function utilityProgram(name: string): Program {
	return async ({ argv, env, cwd, stdin, stdout, stderr, machine, process, terminal }) => {
		// just-bash's tr knows no octal: `tr '\\0' ' '` is how one reads /proc/PID/cmdline.
		const args = name === "tr" ? argv.slice(1).map(withoutOctal) : argv.slice(1);
		const wantsInput = !ignoresInput.has(name) && (terminal === undefined || !hasFileOperand(name, args));
		const input = wantsInput ? await readAll(stdin) : new Uint8Array();
		const engine = await engineOf(machine, process);
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

function withoutOctal(text: string): string {
	return text.replace(/\\([0-7]{1,3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** At a terminal, a command that was given a file must not wait for keys. */
function hasFileOperand(name: string, args: readonly string[]): boolean {
	const operands = args.filter((arg) => !arg.startsWith("-"));
	return operands.length > (/^(grep|egrep|fgrep|sed|awk|jq|tr)$/.test(name) ? 1 : 0);
}
