/**
 * What a file system is made of. Inodes of an image are frozen and shared by every container that runs it; a container
 * that changes one gets a copy of its own (see tree.ts).
 */
import type { Credentials } from "../credentials.ts";
import type { OutputStream } from "../stream.ts";
import type { SparseBytes } from "./sparse-bytes.ts";

/** Who asks for a file. */
export interface FileCaller {
	readonly credentials: Credentials;
	/** As the machine counts. */
	readonly hostPid: number;
}

/**
 * Bytes, text, what has grown large (of this file alone, which may change it), text made afresh on every read (that is how /proc answers; it
 * throws FsError), or bytes that somebody else keeps.
 */
export type FileContent = string | Uint8Array | SparseBytes | ((caller: FileCaller | undefined) => string) | KeptContent;

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
	/** Names that it has; absent: one. */
	links?: number;
}

export interface FileInode extends InodeBase {
	readonly type: "file";
	content: FileContent;
	/** Set on an executable that the simulation implements: the name it is registered under. */
	program?: string;
	/** What happens when somebody writes, in place of keeping it: that is how /proc/sys and /sys/fs/cgroup work. Throws FsError. */
	readonly onWrite?: (text: string, caller: FileCaller | undefined) => void;
}

export interface DirectoryInode extends InodeBase {
	readonly type: "directory";
	/** Made afresh on every look, where `computed` is set. */
	entries: Map<string, Inode>;
	readonly computed?: ComputedDirectory;
}

/** A directory that shows something else than files: what mkdir and rmdir do in it. Both throw FsError. */
export interface ComputedDirectory {
	makeDirectory(name: string): void;
	removeDirectory(name: string): void;
}

export interface SymlinkInode extends InodeBase {
	readonly type: "symlink";
	/** Where it leads whom: /proc/self is another one for everybody. */
	readonly target: string | ((caller: FileCaller | undefined) => string);
}

/** Where a symbolic link leads somebody. */
export function targetOf(link: SymlinkInode, caller: FileCaller | undefined): string {
	return typeof link.target === "string" ? link.target : link.target(caller);
}

export type DeviceKind = "null" | "zero" | "urandom" | "tty" | "stdin" | "stdout" | "stderr";

interface DeviceInode extends InodeBase {
	readonly type: "device";
	readonly device: DeviceKind;
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
	EPERM: "operation not permitted",
	ESRCH: "no such process",
	ERANGE: "result too large",
	EOPNOTSUPP: "operation not supported on socket",
	EXDEV: "cross-device link not permitted",
	ENOMEM: "not enough memory",
	ENODEV: "no such device",
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
	EPERM: "Operation not permitted",
	ESRCH: "No such process",
	ERANGE: "Numerical result out of range",
	EOPNOTSUPP: "Operation not supported",
	EXDEV: "Invalid cross-device link",
	ENOMEM: "Cannot allocate memory",
	ENODEV: "No such device",
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
