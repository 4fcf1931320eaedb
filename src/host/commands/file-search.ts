/**
 * `grep -r`: which files are searched. Like GNU's, it follows symbolic links that are named, and with -R those that it meets, but into no
 * directory in which it has been.
 */
import type { FileSystem } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { joinPath, resolvePath } from "../vfs/path.ts";

/** Options with a value of its own, which is no operand. */
const withValue = /^-[A-Za-z]*[ABCefm]$/;
const patternOption = /^-[A-Za-z]*[ef]/;

/** Searched as well, so that there are two files at least and grep says in which it found something. */
const nobody = "/dev/null";
/** What grep may say of it. */
export const nobodysLines = /^\/dev\/null(?::0)?\n/gm;

/**
 * The arguments of a recursive grep as those of a plain one, with the files in place of directories, and `nobody`. Undefined for a
 * grep that is not recursive.
 */
export function filesToSearch(files: FileSystem, cwd: string, args: readonly string[]): readonly string[] | undefined {
	const isRecursive = args.some((arg) => /^-[A-Za-z]*[rR]/.test(arg) || arg === "--recursive");
	if (!isRecursive) return undefined;
	const options: string[] = [];
	const operands: string[] = [];
	for (let at = 0; at < args.length; at++) {
		const arg = args[at] ?? "";
		if (!arg.startsWith("-") || arg === "-") operands.push(arg);
		else {
			options.push(arg.startsWith("--") ? arg : arg.replace(/[rR]/g, ""));
			if (withValue.test(arg)) options.push(args[++at] ?? "");
		}
	}
	const hasPattern = options.some((option) => patternOption.test(option) || option.startsWith("--regexp") || option.startsWith("--file="));
	const pattern = hasPattern ? [] : operands.splice(0, 1);
	const follows = args.some((arg) => /^-[A-Za-z]*R/.test(arg));
	const found = (operands.length === 0 ? [""] : operands).flatMap((operand) => below(files, cwd, operand, follows));
	return [
		...options.filter((option) => option !== "-" && option !== "--recursive"),
		...pattern,
		...found,
		...(files.exists(nobody) ? [nobody] : []),
	];
}

/** Paths as they are shown. */
function below(files: FileSystem, cwd: string, operand: string, follows: boolean): string[] {
	const found: string[] = [];
	/** Directories, without symbolic links: into none of them a link leads once more. */
	const seen = new Set<string>();
	const visit = (shown: string, path: string): void => {
		if (!isDirectory(files, path)) {
			found.push(shown);
			return;
		}
		const real = files.realPath(path);
		if (seen.has(real)) return;
		seen.add(real);
		for (const name of files.readdir(path)) {
			const child = joinPath(path, name);
			if (!follows && files.lstat(child).type === "symlink") continue;
			visit(shown === "" ? name : shown.endsWith("/") ? shown + name : `${shown}/${name}`, child);
		}
	};
	visit(operand, resolvePath(cwd, operand));
	return found;
}

function isDirectory(files: FileSystem, path: string): boolean {
	try {
		return files.stat(path).type === "directory";
	} catch (error) {
		// grep itself says what is wrong with it.
		if (error instanceof FsError) return false;
		throw error;
	}
}
