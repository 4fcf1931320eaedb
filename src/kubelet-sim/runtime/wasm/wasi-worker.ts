/**
 * Runs one WebAssembly module in a thread of its own: WASI preview 1 on a simulated machine. Nothing here reaches the real machine:
 * every call that leaves the module is a question to the other side.
 *
 * Not there, and answered with `ENOSYS`: sockets, links, renaming, setting times.
 * Source: https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */
import { receiveMessageOnPort, workerData } from "node:worker_threads";
import type { FileFacts, WasiReply, WasiRequest, WasiStart } from "./wasi-protocol.ts";

/** What the language has of it; its types come with a browser's only. */
declare namespace WebAssembly {
	type ImportValue = (...args: never[]) => number;
	class Memory {
		readonly buffer: ArrayBuffer;
	}
	class Module {
		constructor(bytes: Uint8Array);
		static imports(module: Module): readonly { readonly module: string; readonly name: string; readonly kind: string }[];
	}
	class Instance {
		readonly exports: Readonly<Record<string, unknown>>;
		constructor(module: Module, imports: Readonly<Record<string, Readonly<Record<string, ImportValue>>>>);
	}
}

const start = workerData as WasiStart;
const { port, counters } = start;

const errno = {
	success: 0,
	badf: 8,
	exist: 20,
	inval: 28,
	io: 29,
	isdir: 31,
	noent: 44,
	nosys: 52,
	notdir: 54,
	notempty: 55,
	perm: 63,
	rofs: 69,
	spipe: 70,
} as const;
const errnoOf: Readonly<Record<string, number>> = {
	ENOENT: errno.noent,
	EEXIST: errno.exist,
	ENOTDIR: errno.notdir,
	EISDIR: errno.isdir,
	ENOTEMPTY: errno.notempty,
	EROFS: errno.rofs,
	EACCES: 2,
	ENOSPC: 51,
	ELOOP: 32,
};
const fileType = { characterDevice: 2, directory: 3, regularFile: 4 } as const;
const allRights = 0x1fffffffn;

class Exit extends Error {
	readonly code: number;

	constructor(code: number) {
		super("exit");
		this.code = code;
	}
}

class MemoryExceeded extends Error {}

interface OpenFile {
	readonly path: string;
	readonly isDirectory: boolean;
	bytes: Uint8Array;
	offset: number;
	readonly isAppending: boolean;
}

let memory: WebAssembly.Memory | undefined;

function post(request: WasiRequest): void {
	port.postMessage(request);
	Atomics.add(counters, 0, 1);
	Atomics.notify(counters, 0);
}

function ask(request: WasiRequest): WasiReply {
	if ((memory?.buffer.byteLength ?? 0) > start.memoryLimitBytes) throw new MemoryExceeded();
	const answers = Atomics.load(counters, 1);
	post(request);
	while (Atomics.load(counters, 1) === answers) Atomics.wait(counters, 1, answers);
	return (receiveMessageOnPort(port) as { message: WasiReply }).message;
}

function view(): DataView {
	return new DataView((memory as WebAssembly.Memory).buffer);
}

function bytesAt(pointer: number, length: number): Uint8Array {
	return new Uint8Array((memory as WebAssembly.Memory).buffer, pointer, length);
}

function textAt(pointer: number, length: number): string {
	return Buffer.from(bytesAt(pointer, length)).toString();
}

const files = new Map<number, OpenFile>([[3, { path: "/", isDirectory: true, bytes: new Uint8Array(), offset: 0, isAppending: false }]]);
/** Of stdin, what came and was not read yet. */
let pending: Uint8Array = new Uint8Array();

function open(file: OpenFile): number {
	let fd = 4;
	while (files.has(fd)) fd++;
	files.set(fd, file);
	return fd;
}

function listInto(texts: readonly string[], pointers: number, buffer: number): number {
	let at = buffer;
	for (const [index, text] of texts.entries()) {
		const bytes = Buffer.from(`${text}\0`);
		view().setUint32(pointers + index * 4, at, true);
		bytesAt(at, bytes.length).set(bytes);
		at += bytes.length;
	}
	return errno.success;
}

function sizesInto(texts: readonly string[], count: number, size: number): number {
	view().setUint32(count, texts.length, true);
	view().setUint32(
		size,
		texts.reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0),
		true,
	);
	return errno.success;
}

/** The pieces of memory of an iovec array. */
function vectors(pointer: number, count: number): readonly { readonly at: number; readonly length: number }[] {
	return Array.from({ length: count }, (_, index) => ({
		at: view().getUint32(pointer + index * 8, true),
		length: view().getUint32(pointer + index * 8 + 4, true),
	}));
}

function gathered(pointer: number, count: number): Uint8Array {
	return Buffer.concat(vectors(pointer, count).map(({ at, length }) => bytesAt(at, length)));
}

function scattered(bytes: Uint8Array, pointer: number, count: number): number {
	let done = 0;
	for (const { at, length } of vectors(pointer, count)) {
		const part = bytes.subarray(done, done + length);
		bytesAt(at, part.length).set(part);
		done += part.length;
	}
	return done;
}

function roomOf(pointer: number, count: number): number {
	return vectors(pointer, count).reduce((sum, { length }) => sum + length, 0);
}

function pathOf(directory: number, pointer: number, length: number): string | undefined {
	const base = files.get(directory);
	if (base?.isDirectory !== true) return undefined;
	const path = textAt(pointer, length);
	return path.startsWith("/") ? path : `${base.path === "/" ? "" : base.path}/${path}`;
}

function errorOf({ error }: WasiReply): number {
	return error === undefined ? errno.success : (errnoOf[error] ?? errno.io);
}

function statInto(pointer: number, type: number, size: number, mtimeMs: number): void {
	bytesAt(pointer, 64).fill(0);
	view().setUint8(pointer + 16, type);
	view().setBigUint64(pointer + 24, 1n, true);
	view().setBigUint64(pointer + 32, BigInt(size), true);
	for (const at of [40, 48, 56]) view().setBigUint64(pointer + at, BigInt(Math.floor(mtimeMs)) * 1_000_000n, true);
}

const typeOf = ({ isDirectory }: Pick<FileFacts, "isDirectory">) => (isDirectory ? fileType.directory : fileType.regularFile);

function write(fd: number, bytes: Uint8Array): number {
	if (fd === 1 || fd === 2) return errorOf(ask({ op: "write", stream: fd === 1 ? "stdout" : "stderr", bytes }));
	const file = files.get(fd);
	if (file === undefined) return errno.badf;
	if (file.isDirectory) return errno.isdir;
	const at = file.isAppending ? file.bytes.length : file.offset;
	const grown = new Uint8Array(Math.max(file.bytes.length, at + bytes.length));
	grown.set(file.bytes);
	grown.set(bytes, at);
	file.bytes = grown;
	file.offset = at + bytes.length;
	return errorOf(ask({ op: "store", path: file.path, bytes: grown }));
}

function read(fd: number, room: number): Uint8Array | undefined {
	if (fd === 0) {
		if (pending.length === 0) pending = ask({ op: "read" }).bytes ?? new Uint8Array();
		const part = pending.subarray(0, room);
		pending = pending.subarray(part.length);
		return part;
	}
	const file = files.get(fd);
	if (file === undefined || file.isDirectory) return undefined;
	const part = file.bytes.subarray(file.offset, file.offset + room);
	file.offset += part.length;
	return part;
}

/** Directory entries as `dirent` and name, one after the other, cut where the room ends. */
function readdirInto(file: OpenFile, buffer: number, room: number, cookie: bigint, used: number): number {
	const { names = [] } = ask({ op: "list", path: file.path });
	const parts = names.map(({ name, isDirectory }, index) => {
		const text = Buffer.from(name);
		const head = Buffer.alloc(24);
		head.writeBigUInt64LE(BigInt(index + 1), 0);
		head.writeBigUInt64LE(1n, 8);
		head.writeUInt32LE(text.length, 16);
		head.writeUInt8(typeOf({ isDirectory }), 20);
		return Buffer.concat([head, text]);
	});
	const bytes = Buffer.concat(parts.slice(Number(cookie))).subarray(0, room);
	bytesAt(buffer, bytes.length).set(bytes);
	view().setUint32(used, bytes.length, true);
	return errno.success;
}

function openPath(directory: number, pointer: number, length: number, openFlags: number, flags: number, result: number): number {
	const path = pathOf(directory, pointer, length);
	if (path === undefined) return errno.badf;
	const [creates, wantsDirectory, isExclusive, truncates] = [1, 2, 4, 8].map((bit) => (openFlags & bit) !== 0);
	const found = ask({ op: "stat", path });
	if (found.error !== undefined && !(found.error === "ENOENT" && creates === true)) return errorOf(found);
	if (found.error === undefined && creates === true && isExclusive === true) return errno.exist;
	const isDirectory = found.facts?.isDirectory ?? false;
	if (wantsDirectory === true && !isDirectory) return errno.notdir;
	let bytes: Uint8Array = new Uint8Array();
	if (!isDirectory && (found.error !== undefined || truncates === true)) {
		const stored = ask({ op: "store", path, bytes });
		if (stored.error !== undefined) return errorOf(stored);
	} else if (!isDirectory) {
		const loaded = ask({ op: "load", path });
		if (loaded.error !== undefined) return errorOf(loaded);
		bytes = loaded.bytes ?? bytes;
	}
	view().setUint32(result, open({ path, isDirectory, bytes, offset: 0, isAppending: (flags & 1) !== 0 }), true);
	return errno.success;
}

/** Of the subscriptions only clocks are waited for; files and streams are ready. */
function poll(subscriptions: number, events: number, count: number, result: number): number {
	let waitMs = Number.POSITIVE_INFINITY;
	const entries = Array.from({ length: count }, (_, index) => {
		const at = subscriptions + index * 48;
		const userdata = view().getBigUint64(at, true);
		const tag = view().getUint8(at + 8);
		if (tag !== 0) return { userdata, tag, ms: 0 };
		const timeout = Number(view().getBigUint64(at + 24, true)) / 1_000_000;
		const isAbsolute = (view().getUint16(at + 40, true) & 1) !== 0;
		return { userdata, tag, ms: isAbsolute ? Math.max(0, timeout - (ask({ op: "now" }).ms ?? 0)) : timeout };
	});
	for (const { ms } of entries) waitMs = Math.min(waitMs, ms);
	if (waitMs > 0 && Number.isFinite(waitMs)) ask({ op: "sleep", ms: waitMs });
	const ready = entries.filter(({ ms }) => ms <= waitMs);
	for (const [index, { userdata, tag }] of ready.entries()) {
		const at = events + index * 32;
		bytesAt(at, 32).fill(0);
		view().setBigUint64(at, userdata, true);
		view().setUint8(at + 10, tag);
	}
	view().setUint32(result, ready.length, true);
	return errno.success;
}

const wasi: Record<string, (...args: never[]) => number> = {
	args_get: (pointers: number, buffer: number) => listInto(start.args, pointers, buffer),
	args_sizes_get: (count: number, size: number) => sizesInto(start.args, count, size),
	environ_get: (pointers: number, buffer: number) => listInto(start.env, pointers, buffer),
	environ_sizes_get: (count: number, size: number) => sizesInto(start.env, count, size),
	clock_res_get: (_id: number, result: number) => {
		view().setBigUint64(result, 1_000_000n, true);
		return errno.success;
	},
	clock_time_get: (_id: number, _precision: bigint, result: number) => {
		view().setBigUint64(result, BigInt(Math.floor(ask({ op: "now" }).ms ?? 0)) * 1_000_000n, true);
		return errno.success;
	},
	random_get: (buffer: number, count: number) => {
		bytesAt(buffer, count).set(ask({ op: "random", count }).bytes ?? new Uint8Array(count));
		return errno.success;
	},
	sched_yield: () => errno.success,
	poll_oneoff: poll,
	proc_exit: (code: number) => {
		throw new Exit(code);
	},
	fd_close: (fd: number) => (files.delete(fd) || fd < 3 ? errno.success : errno.badf),
	fd_datasync: () => errno.success,
	fd_sync: () => errno.success,
	fd_advise: () => errno.success,
	fd_fdstat_set_flags: () => errno.success,
	fd_fdstat_get: (fd: number, result: number) => {
		const file = files.get(fd);
		if (file === undefined && fd > 2) return errno.badf;
		bytesAt(result, 24).fill(0);
		view().setUint8(result, file === undefined ? fileType.characterDevice : typeOf(file));
		view().setBigUint64(result + 8, allRights, true);
		view().setBigUint64(result + 16, allRights, true);
		return errno.success;
	},
	fd_filestat_get: (fd: number, result: number) => {
		const file = files.get(fd);
		if (file === undefined && fd > 2) return errno.badf;
		statInto(result, file === undefined ? fileType.characterDevice : typeOf(file), file?.bytes.length ?? 0, 0);
		return errno.success;
	},
	fd_prestat_get: (fd: number, result: number) => {
		if (fd !== 3) return errno.badf;
		view().setUint32(result, 0, true);
		view().setUint32(result + 4, 1, true);
		return errno.success;
	},
	fd_prestat_dir_name: (fd: number, buffer: number) => {
		if (fd !== 3) return errno.badf;
		bytesAt(buffer, 1).set(Buffer.from("/"));
		return errno.success;
	},
	fd_write: (fd: number, pointer: number, count: number, result: number) => {
		const bytes = gathered(pointer, count);
		const code = write(fd, bytes);
		if (code === errno.success) view().setUint32(result, bytes.length, true);
		return code;
	},
	fd_read: (fd: number, pointer: number, count: number, result: number) => {
		const bytes = read(fd, roomOf(pointer, count));
		if (bytes === undefined) return errno.badf;
		view().setUint32(result, scattered(bytes, pointer, count), true);
		return errno.success;
	},
	fd_seek: (fd: number, offset: bigint, whence: number, result: number) => {
		const file = files.get(fd);
		if (file === undefined) return fd < 3 ? errno.spipe : errno.badf;
		const from = whence === 0 ? 0 : whence === 1 ? file.offset : file.bytes.length;
		if (from + Number(offset) < 0) return errno.inval;
		file.offset = from + Number(offset);
		view().setBigUint64(result, BigInt(file.offset), true);
		return errno.success;
	},
	fd_tell: (fd: number, result: number) => {
		const file = files.get(fd);
		if (file === undefined) return errno.badf;
		view().setBigUint64(result, BigInt(file.offset), true);
		return errno.success;
	},
	fd_readdir: (fd: number, buffer: number, room: number, cookie: bigint, used: number) => {
		const file = files.get(fd);
		if (file === undefined) return errno.badf;
		return file.isDirectory ? readdirInto(file, buffer, room, cookie, used) : errno.notdir;
	},
	path_open: (
		fd: number,
		_look: number,
		pointer: number,
		length: number,
		oflags: number,
		_base: bigint,
		_inheriting: bigint,
		flags: number,
		result: number,
	) => openPath(fd, pointer, length, oflags, flags, result),
	path_filestat_get: (fd: number, _flags: number, pointer: number, length: number, result: number) => {
		const path = pathOf(fd, pointer, length);
		if (path === undefined) return errno.badf;
		const reply = ask({ op: "stat", path });
		if (reply.facts !== undefined) statInto(result, typeOf(reply.facts), reply.facts.sizeBytes, reply.facts.mtimeMs);
		return errorOf(reply);
	},
	path_create_directory: (fd: number, pointer: number, length: number) => changePath("mkdir", fd, pointer, length),
	path_remove_directory: (fd: number, pointer: number, length: number) => changePath("remove", fd, pointer, length),
	path_unlink_file: (fd: number, pointer: number, length: number) => changePath("remove", fd, pointer, length),
};

function changePath(op: "mkdir" | "remove", fd: number, pointer: number, length: number): number {
	const path = pathOf(fd, pointer, length);
	return path === undefined ? errno.badf : errorOf(ask({ op, path }));
}

function run(): WasiRequest {
	try {
		const module = new WebAssembly.Module(start.module);
		const imports: Record<string, Record<string, WebAssembly.ImportValue>> = {};
		for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
			if (kind !== "function") continue;
			const known = from === "wasi_snapshot_preview1" || from === "wasi_unstable" ? wasi[name] : undefined;
			imports[from] ??= {};
			imports[from][name] = known ?? (() => errno.nosys);
		}
		const instance = new WebAssembly.Instance(module, imports);
		const { memory: exported, _start: main } = instance.exports;
		if (exported instanceof WebAssembly.Memory) memory = exported;
		if (typeof main !== "function") return { op: "trap", message: "unknown import: `_start` has not been defined", isMemory: false };
		(main as () => void)();
		return { op: "exit", code: 0 };
	} catch (error) {
		if (error instanceof Exit) return { op: "exit", code: error.code & 0xff };
		const isMemory = error instanceof MemoryExceeded;
		return { op: "trap", message: isMemory ? "out of memory" : error instanceof Error ? error.message : String(error), isMemory };
	}
}

post(run());
