/**
 * From a command to the program behind it: PATH, the executable's mode, and the interpreter that a script names.
 * Source: execve(2); POSIX.1-2024, Shell, 2.9.1.4; texts are those of runc.
 */
import type { FileSystem } from "./vfs/file-system.ts";
import { resolvePath } from "./vfs/path.ts";

/** What PATH is when the environment has none. */
export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A command that cannot be started. */
export class ExecError extends Error {
	/** 127: not found. 126: found and not executable. */
	readonly exitCode: 126 | 127;
	/** `executable file not found in $PATH`, `permission denied` …: what follows `exec: "name": ` in runc's message. */
	readonly why: string;
	/** "script": text without `#!`, which is no program, but a shell runs it. */
	readonly found: "script" | "directory" | undefined;

	constructor(command: string, why: string, exitCode: 126 | 127, found?: "script" | "directory") {
		super(`exec: ${JSON.stringify(command)}: ${why}`);
		this.name = "ExecError";
		this.exitCode = exitCode;
		this.why = why;
		this.found = found;
	}
}

/** Where a command is looked up. */
export interface ExecutablePlace<Program> {
	readonly files: FileSystem;
	readonly env: ReadonlyMap<string, string>;
	readonly cwd: string;
	/** The programs behind the executables of the file system, by registered name. */
	readonly findProgram: (name: string) => Program | undefined;
}

/** The path of a command's executable, as `which` finds it. */
export function findExecutable(command: string, { files, env, cwd }: Omit<ExecutablePlace<unknown>, "findProgram">): string | undefined {
	const candidates = command.includes("/")
		? [resolvePath(cwd, command)]
		: (env.get("PATH") ?? defaultPath).split(":").map((directory) => resolvePath(resolvePath(cwd, directory), command));
	return candidates.find((path) => files.exists(path) && files.stat(path).type === "file");
}

/** The program that runs a command, and its arguments: of a script, its interpreter's. Throws `ExecError`. */
export function resolveProgram<Program>(
	argv: readonly string[],
	place: ExecutablePlace<Program>,
): { readonly program: Program; readonly argv: readonly string[] } {
	const { files, cwd, findProgram } = place;
	const command = argv[0] ?? "";
	const path = findExecutable(command, place);
	if (path === undefined) {
		const isPath = command.includes("/");
		const isDirectory = isPath && files.exists(resolvePath(cwd, command));
		if (isDirectory) throw new ExecError(command, "permission denied", 126, "directory");
		throw new ExecError(command, isPath ? `stat ${command}: no such file or directory` : "executable file not found in $PATH", 127);
	}
	const inode = files.inode(path);
	if (inode.type !== "file" || (inode.mode & 0o111) === 0) throw new ExecError(command, "permission denied", 126);
	if (inode.program === undefined) return resolveProgram([...interpreterOf(command, path, files), path, ...argv.slice(1)], place);
	const program = findProgram(inode.program);
	if (program === undefined) throw new ExecError(command, "exec format error", 126);
	return { program, argv };
}

/** What a text file names with `#!interpreter argument`. Throws `ExecError`: a file that names none is a shell's script. */
function interpreterOf(command: string, path: string, files: FileSystem): readonly string[] {
	const firstLine = files.readText(path).split("\n", 1)[0] ?? "";
	if (!firstLine.startsWith("#!")) throw new ExecError(command, "exec format error", 126, "script");
	const [interpreter = "", ...argument] = firstLine.slice(2).trim().split(/\s+/, 2);
	if (interpreter === path || !files.exists(interpreter)) throw new ExecError(command, "no such file or directory", 127);
	return [interpreter, ...argument];
}
