/** The machine's files, as just-bash's commands want to see them. */
import type { IFileSystem } from "just-bash";
import type { FileStat, FileSystem } from "../vfs/file-system.ts";
import { FsError } from "../vfs/inode.ts";
import { baseName, joinPath, resolvePath } from "../vfs/path.ts";
import type { Turns } from "./just-bash-turns.ts";

type FsStat = Awaited<ReturnType<IFileSystem["stat"]>>;
type Content = Parameters<IFileSystem["writeFile"]>[1];
type ContentEncoding = Parameters<IFileSystem["writeFile"]>[2];

export class JustBashFs implements IFileSystem {
	/** As somebody sees them. */
	files: FileSystem;
	readonly #turns: Turns;

	constructor(files: FileSystem, turns: Turns) {
		this.files = files;
		this.#turns = turns;
	}

	async readFile(path: string, options?: Parameters<IFileSystem["readFile"]>[1]): Promise<string> {
		await this.#turns.next();
		return Buffer.from(this.files.readBytes(path)).toString(encodingOf(options ?? undefined));
	}

	async readFileBuffer(path: string): Promise<Uint8Array> {
		await this.#turns.next();
		return this.files.readBytes(path);
	}

	async writeFile(path: string, content: Content, options?: ContentEncoding): Promise<void> {
		this.files.writeFile(path, bytesOf(content, options));
	}

	async appendFile(path: string, content: Content, options?: ContentEncoding): Promise<void> {
		this.files.appendFile(path, bytesOf(content, options));
	}

	async exists(path: string): Promise<boolean> {
		await this.#turns.next();
		return this.files.exists(path);
	}

	async stat(path: string): Promise<FsStat> {
		await this.#turns.next();
		// mv and cp ask by device and inode whether two names are one file.
		return { ...statOf(this.files.stat(path)), dev: this.files.deviceOf(path) };
	}

	async lstat(path: string): Promise<FsStat> {
		await this.#turns.next();
		return statOf(this.files.lstat(path));
	}

	async mkdir(path: string, options?: { recursive?: boolean }): Promise<void> {
		this.files.mkdir(path, options ?? {});
	}

	async readdir(path: string): Promise<string[]> {
		await this.#turns.next();
		return this.files.readdir(path);
	}

	async readdirWithFileTypes(path: string) {
		await this.#turns.next();
		return this.files.readdir(path).map((name) => {
			const { type } = this.files.lstat(joinPath(path, name));
			return { name, isFile: type === "file" || type === "device", isDirectory: type === "directory", isSymbolicLink: type === "symlink" };
		});
	}

	async rm(path: string, options?: { recursive?: boolean; force?: boolean }): Promise<void> {
		try {
			this.files.remove(path, options ?? {});
		} catch (error) {
			if (!(options?.force === true && error instanceof FsError && error.code === "ENOENT")) throw error;
		}
	}

	async cp(source: string, destination: string, options?: { recursive?: boolean }): Promise<void> {
		await this.#turns.next();
		const stat = options?.recursive === true ? this.files.lstat(source) : this.files.stat(source);
		if (stat.type === "symlink") {
			this.files.symlink(this.files.readlink(source), destination);
			return;
		}
		if (stat.type !== "directory") {
			this.files.copyFile(source, destination);
			this.files.chmod(destination, stat.mode);
			return;
		}
		if (options?.recursive !== true) throw new FsError("EISDIR", "cp", source);
		if (!this.files.exists(destination)) this.files.mkdir(destination, { mode: stat.mode });
		for (const name of this.files.readdir(source)) await this.cp(joinPath(source, name), joinPath(destination, name), options);
	}

	async mv(source: string, destination: string): Promise<void> {
		const intoDirectory = this.files.exists(destination) && this.files.stat(destination).type === "directory";
		this.files.rename(source, intoDirectory ? joinPath(destination, baseName(source)) : destination);
	}

	resolvePath(base: string, path: string): string {
		return resolvePath(base, path);
	}

	getAllPaths(): string[] {
		return [];
	}

	async chmod(path: string, mode: number): Promise<void> {
		this.files.chmod(path, mode);
	}

	async symlink(target: string, linkPath: string): Promise<void> {
		this.files.symlink(target, linkPath);
	}

	async link(existingPath: string, newPath: string): Promise<void> {
		this.files.link(existingPath, newPath);
	}

	async readlink(path: string): Promise<string> {
		return this.files.readlink(path);
	}

	async realpath(path: string): Promise<string> {
		await this.#turns.next();
		return this.files.realPath(path);
	}

	async utimes(path: string, _accessed: Date, modified: Date): Promise<void> {
		this.files.setModifiedTime(path, modified.getTime());
	}
}

function statOf(stat: FileStat): FsStat {
	return {
		isFile: stat.type === "file" || stat.type === "device",
		isDirectory: stat.type === "directory",
		isSymbolicLink: stat.type === "symlink",
		mode: stat.mode,
		size: stat.sizeBytes,
		mtime: new Date(stat.mtimeMs),
		ino: stat.ino,
	};
}

function encodingOf(options: { encoding?: string | null } | string | undefined): BufferEncoding {
	const encoding = typeof options === "string" ? options : options?.encoding;
	return encoding === "binary" ? "latin1" : ((encoding ?? "utf8") as BufferEncoding);
}

function bytesOf(content: Content, options: ContentEncoding): Uint8Array {
	return typeof content === "string" ? Buffer.from(content, encodingOf(options)) : content;
}
