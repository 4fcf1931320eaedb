/** `rm` and `cp`, which know a symbolic link from what it leads to. Texts are those of GNU coreutils. */
import type { ProcessContext, Program } from "../machine.ts";
import { writeText } from "../stream.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { baseName, joinPath, resolvePath } from "../vfs/path.ts";
import { parseOptions } from "./options.ts";

/** After so many entries everybody else gets a turn; the time of the processor that they take. */
const entriesPerTurn = 256;
const turnCpuMs = 2;

export const rm: Program = async ({ argv, cwd, files, stdout, stderr }) => {
	const { flags, operands, unknown } = parseOptions(argv.slice(1), "rRfiIvd", ["recursive", "force", "verbose", "dir", "interactive:"]);
	if (unknown[0] !== undefined) return complainOfOption("rm", unknown[0], stderr);
	const isForced = flags.has("f") || flags.has("force");
	const recursive = flags.has("r") || flags.has("R") || flags.has("recursive");
	if (operands.length === 0 && !isForced) {
		await writeText(stderr, "rm: missing operand\nTry 'rm --help' for more information.\n");
		return 1;
	}
	let status = 0;
	for (const operand of operands) {
		const path = resolvePath(cwd, operand);
		try {
			const { type } = files.lstat(path);
			if (path === "/" && recursive) {
				await writeText(
					stderr,
					"rm: it is dangerous to operate recursively on '/'\nrm: use --no-preserve-root to override this failsafe\n",
				);
				status = 1;
				continue;
			}
			if (type === "directory" && !recursive && !(flags.has("d") || flags.has("dir"))) throw new FsError("EISDIR", "rm", path);
			files.remove(path, { recursive });
			if (flags.has("v") || flags.has("verbose"))
				await writeText(stdout, `removed ${type === "directory" ? "directory " : ""}'${operand}'\n`);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			if (isForced && (error.code === "ENOENT" || error.code === "ENOTDIR")) continue;
			await writeText(stderr, `rm: cannot remove '${operand}': ${error.shellText}\n`);
			status = 1;
		}
	}
	return status;
};

export const cp: Program = async (context) => {
	const { argv, cwd, machine, stderr } = context;
	const { flags, values, operands, unknown } = parseOptions(argv.slice(1), "rRaLPHdpfnvuTt:i", [
		"recursive",
		"archive",
		"dereference",
		"no-dereference",
		"preserve",
		"preserve:",
		"force",
		"no-clobber",
		"verbose",
		"update",
		"no-target-directory",
		"target-directory:",
	]);
	if (unknown[0] !== undefined) return complainOfOption("cp", unknown[0], stderr);
	const named = values.get("t") ?? values.get("target-directory");
	const sources = named === undefined ? operands.slice(0, -1) : operands;
	const target = named ?? operands.at(-1);
	if (target === undefined || sources.length === 0) {
		const missing = target === undefined ? "missing file operand" : `missing destination file operand after '${target}'`;
		await writeText(stderr, `cp: ${missing}\nTry 'cp --help' for more information.\n`);
		return 1;
	}
	const { files } = machine;
	const targetPath = resolvePath(cwd, target);
	const isInto = files.exists(targetPath) && files.stat(targetPath).type === "directory" && !flags.has("T");
	if (sources.length > 1 && !isInto) {
		await writeText(stderr, `cp: target '${target}': ${files.exists(targetPath) ? "Not a directory" : "No such file or directory"}\n`);
		return 1;
	}
	const copier = new Copier(context, flags);
	for (const source of sources) {
		const from = resolvePath(cwd, source);
		const shown = isInto ? `${target.replace(/\/$/, "")}/${baseName(from)}` : target;
		await copier.copy({ shown: source, path: from }, { shown, path: isInto ? joinPath(targetPath, baseName(from)) : targetPath }, true);
	}
	return copier.status;
};

interface Place {
	/** As the user wrote it. */
	readonly shown: string;
	readonly path: string;
}

class Copier {
	status = 0;
	readonly #context: ProcessContext;
	readonly #files: FileSystem;
	readonly #flags: ReadonlySet<string>;
	readonly #recursive: boolean;
	readonly #keepsLinks: boolean;
	#entries = 0;
	/** The directories that are being copied, without symbolic links. */
	readonly #above: string[] = [];

	constructor(context: ProcessContext, flags: ReadonlySet<string>) {
		this.#context = context;
		this.#files = context.files;
		this.#flags = flags;
		const has = (...names: readonly string[]) => names.some((name) => flags.has(name));
		this.#recursive = has("r", "R", "a", "recursive", "archive");
		this.#keepsLinks = !has("L", "dereference") && (this.#recursive || has("P", "d", "no-dereference"));
	}

	async copy(from: Place, to: Place, isNamed: boolean): Promise<void> {
		this.#entries++;
		if (this.#entries % entriesPerTurn === 0) await this.#context.machine.cpu.run(turnCpuMs, this.#context.process.ended);
		if (this.#context.process.exit !== undefined) return;
		try {
			const keepsLink = this.#keepsLinks && !(isNamed && this.#flags.has("H"));
			const stat = keepsLink ? this.#files.lstat(from.path) : this.#files.stat(from.path);
			if (stat.type === "directory") await this.#directory(from, to, stat.mode);
			else if (this.#flags.has("n") && this.#files.exists(to.path)) return;
			else if (stat.type === "symlink") {
				if (this.#exists(to.path)) this.#files.remove(to.path);
				this.#files.symlink(this.#files.readlink(from.path), to.path);
			} else await this.#file(from, to, stat.mode);
			if (this.#keeps && stat.type !== "symlink") this.#files.setModifiedTime(to.path, stat.mtimeMs);
			if (this.#flags.has("v") || this.#flags.has("verbose")) await writeText(this.#context.stdout, `'${from.shown}' -> '${to.shown}'\n`);
		} catch (error) {
			if (!(error instanceof FsError)) throw error;
			const isSource = !this.#exists(from.path) || error.code === "ELOOP";
			await this.#fail(
				isSource ? `cannot stat '${from.shown}': ${error.shellText}` : `cannot create regular file '${to.shown}': ${error.shellText}`,
			);
		}
	}

	get #keeps(): boolean {
		return ["p", "a", "archive", "preserve"].some((name) => this.#flags.has(name));
	}

	async #file(from: Place, to: Place, mode: number): Promise<void> {
		const isThere = this.#files.exists(to.path);
		if (isThere && this.#files.realPath(from.path) === this.#files.realPath(to.path)) {
			await this.#fail(`'${from.shown}' and '${to.shown}' are the same file`);
			return;
		}
		this.#files.copyFile(from.path, to.path);
		if (!isThere || this.#keeps) this.#files.chmod(to.path, mode);
	}

	async #directory(from: Place, to: Place, mode: number): Promise<void> {
		if (!this.#recursive) {
			await this.#fail(`-r not specified; omitting directory '${from.shown}'`);
			return;
		}
		const real = this.#files.realPath(from.path);
		if (this.#above.includes(real)) {
			await this.#fail(`cannot copy cyclic symbolic link '${from.shown}'`);
			return;
		}
		if (`${this.#files.exists(to.path) ? this.#files.realPath(to.path) : to.path}/`.startsWith(`${real}/`)) {
			await this.#fail(`cannot copy a directory, '${from.shown}', into itself, '${to.shown}'`);
			return;
		}
		const names = this.#files.readdir(from.path);
		if (!this.#files.exists(to.path)) this.#files.mkdir(to.path, { mode });
		this.#above.push(real);
		for (const name of names) {
			const child = (place: Place): Place => ({ shown: `${place.shown.replace(/\/$/, "")}/${name}`, path: joinPath(place.path, name) });
			await this.copy(child(from), child(to), false);
		}
		this.#above.pop();
	}

	#exists(path: string): boolean {
		try {
			this.#files.lstat(path);
			return true;
		} catch (error) {
			if (error instanceof FsError) return false;
			throw error;
		}
	}

	async #fail(text: string): Promise<void> {
		this.status = 1;
		await writeText(this.#context.stderr, `cp: ${text}\n`);
	}
}

async function complainOfOption(name: string, option: string, stderr: ProcessContext["stderr"]): Promise<number> {
	const what = option.startsWith("--") ? `unrecognized option '${option}'` : `invalid option -- '${option.slice(1)}'`;
	await writeText(stderr, `${name}: ${what}\nTry '${name} --help' for more information.\n`);
	return 1;
}
