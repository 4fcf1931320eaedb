/** `chmod`: octal and symbolic modes. Source: chmod(1) of coreutils 9.7 */
import type { Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import { FsError } from "../vfs/inode.ts";
import { joinPath, resolvePath } from "../vfs/path.ts";
import { parseOptions } from "./options.ts";

const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

/** The mode that a symbolic one makes of another; undefined: it is none. */
export function changedMode(text: string, before: number, isDirectory: boolean): number | undefined {
	if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8) & 0o7777;
	let mode = before;
	for (const clause of text.split(",")) {
		const match = /^([ugoa]*)([-+=])([rwxXstugo]*)$/.exec(clause);
		if (match === null) return undefined;
		const [, who = "", operator, letters = ""] = match;
		const whom = who === "" || who.includes("a") ? "ugo" : who;
		let bits = 0;
		let mask = 0;
		for (const each of whom) {
			const shift = shifts[each] ?? 0;
			mask |= 7 << shift;
			for (const letter of letters) {
				if (letter === "r") bits |= 4 << shift;
				else if (letter === "w") bits |= 2 << shift;
				else if (letter === "x" || (letter === "X" && (isDirectory || (before & 0o111) !== 0))) bits |= 1 << shift;
				else if (letter === "s") bits |= each === "u" ? 0o4000 : each === "g" ? 0o2000 : 0;
				else if (letter === "t") bits |= 0o1000;
				else if (letter in shifts) bits |= ((before >> (shifts[letter] ?? 0)) & 7) << shift;
			}
		}
		mode = operator === "+" ? mode | bits : operator === "-" ? mode & ~bits : (mode & ~mask) | bits;
	}
	return mode;
}

export const chmod: Program = async (context) => {
	// `-x` is a mode, not an option.
	const args = context.argv.slice(1);
	const isMode = (word: string) => /^-[rwxXst]+$/.test(word);
	const { flags, operands } = parseOptions(
		args.filter((word) => !isMode(word)),
		"Rvcf",
		["recursive", "verbose", "changes", "silent", "quiet"],
	);
	const [mode, ...targets] = [...args.filter(isMode), ...operands];
	if (mode === undefined || targets.length === 0) {
		await writeText(
			context.stderr,
			`chmod: missing operand${mode === undefined ? "" : ` after '${mode}'`}\nTry 'chmod --help' for more information.\n`,
		);
		return 1;
	}
	if (changedMode(mode, 0, false) === undefined) {
		await writeText(context.stderr, `chmod: invalid mode: '${mode}'\nTry 'chmod --help' for more information.\n`);
		return 1;
	}
	const isRecursive = flags.has("R") || flags.has("recursive");
	let status = 0;
	const visit = async (operand: string): Promise<void> => {
		const path = resolvePath(context.cwd, operand);
		try {
			const known = context.files.stat(path);
			const wanted = changedMode(mode, known.mode, known.type === "directory") ?? known.mode;
			context.files.chmod(path, wanted);
			if (isRecursive && known.type === "directory") for (const name of context.files.readdir(path)) await visit(joinPath(operand, name));
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			const what = error.code === "ENOENT" ? `cannot access '${operand}'` : `changing permissions of '${operand}'`;
			await writeText(context.stderr, `chmod: ${what}: ${error.shellText}\n`);
			status = 1;
		}
	};
	for (const target of targets) await visit(target);
	return status;
};
