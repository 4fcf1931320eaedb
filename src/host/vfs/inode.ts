/**
 * What a file system is made of. Inodes of an image are frozen and shared by every container that runs it; a container
 * that changes one gets a copy of its own (see tree.ts).
 */
import type { OutputStream } from "../stream.ts";
import type { SparseBytes } from "./sparse-bytes.ts";

/**
 * Bytes, text, what has grown large (of this file alone, which may change it), text made afresh on every read (that is how /proc answers), or
 * bytes that somebody else keeps.
 */
export type FileContent = string | Uint8Array | SparseBytes | (() => string) | KeptContent;

export interface KeptContent {
	readonly sizeBytes: number;
	bytes(): Uint8Array;
}

interface InodeBase {
	readonly ino: number;
	/** Shared between trees: never written, copied first. */
	readonly frozen: boolean;
	/** Made afresh whenever somebody looks, from what lives elsewhere: it and what is below cannot be written. */
	readonly isView?: true;
	/** Permission bits only, e.g. 0o755. */
	mode: number;
	uid: number;
	gid: number;
	/** Unix ms. */
	mtimeMs: number;
}

export interface FileInode extends InodeBase {
	readonly type: "file";
	content: FileContent;
	/** Set on an executable that the simulation implements: the name it is registered under. */
	program?: string;
}

export interface DirectoryInode extends InodeBase {
	readonly type: "directory";
	entries: Map<string, Inode>;
}

interface SymlinkInode extends InodeBase {
	readonly type: "symlink";
	readonly target: string;
}

interface DeviceInode extends InodeBase {
	readonly type: "device";
	readonly device: "null" | "zero" | "urandom" | "tty" | "stdin" | "stdout" | "stderr";
	/** Where it leads, if not to the writer's own: another process's output in /proc. */
	readonly output?: OutputStream;
}

export type Inode = FileInode | DirectoryInode | SymlinkInode | DeviceInode;

/** The errors of the system calls that are simulated, with libc's texts. */
const errorTexts = {
	ENOENT: "no such file or directory",
	EEXIST: "file already exists",
	ENOTDIR: "not a directory",
	EISDIR: "illegal operation on a directory",
	ENOTEMPTY: "directory not empty",
	ELOOP: "too many levels of symbolic links",
	EROFS: "read-only file system",
	ENOSPC: "no space left on device",
	EINVAL: "invalid argument",
	EIO: "i/o error",
	EACCES: "permission denied",
	EBUSY: "resource busy or locked",
	ENAMETOOLONG: "file name too long",
	ENOMEM: "not enough memory",
} as const;

export type FsErrorCode = keyof typeof errorTexts;

/** What a shell prints for the code: `No such file or directory`. */
const shellErrorTexts: Readonly<Record<FsErrorCode, string>> = {
	ENOENT: "No such file or directory",
	EEXIST: "File exists",
	ENOTDIR: "Not a directory",
	EISDIR: "Is a directory",
	ENOTEMPTY: "Directory not empty",
	ELOOP: "Too many levels of symbolic links",
	EROFS: "Read-only file system",
	ENOSPC: "No space left on device",
	EINVAL: "Invalid argument",
	EIO: "Input/output error",
	EACCES: "Permission denied",
	EBUSY: "Device or resource busy",
	ENAMETOOLONG: "File name too long",
	ENOMEM: "Cannot allocate memory",
};

/** The same for any text; undefined for what is no code. */
export function fsErrorText(code: string): string | undefined {
	return Object.hasOwn(shellErrorTexts, code) ? shellErrorTexts[code as FsErrorCode] : undefined;
}

/** A failed file operation; the message is Node's form, which just-bash's commands understand. */
export class FsError extends Error {
	readonly code: FsErrorCode;

	constructor(code: FsErrorCode, operation: string, path: string) {
		super(`${code}: ${errorTexts[code]}, ${operation} '${path}'`);
		this.name = "FsError";
		this.code = code;
	}

	/** The text a command prints after `name: path: `. */
	get shellText(): string {
		return shellErrorTexts[this.code];
	}
}
