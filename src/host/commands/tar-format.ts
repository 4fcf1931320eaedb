/**
 * The tar archive format, pure: POSIX ustar as it is written, with GNU's records for long names; what is read may also
 * carry POSIX's extended headers (pax), which Go's archive/tar writes.
 * Source: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html and
 * https://www.gnu.org/software/tar/manual/html_node/Standard.html
 */

const blockBytes = 512;
/** Archives are padded to a multiple of this. */
const recordBytes = 20 * blockBytes;
const maxNameBytes = 100;

export interface TarEntry {
	readonly type: "file" | "directory" | "symlink" | "link";
	/** As stored: without the slash that ends a directory's name. */
	readonly name: string;
	/** Of links. */
	readonly target?: string;
	/** Permission bits. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Unix ms, of which only seconds are stored. */
	readonly mtimeMs: number;
	readonly content: Uint8Array;
}

export class TarError extends Error {
	override readonly name = "TarError";
}

const typeFlags = { file: "0", link: "1", symlink: "2", directory: "5" } as const;
const owners: ReadonlyMap<number, string> = new Map([
	[0, "root"],
	[65534, "nobody"],
]);

export function encodeTar(entries: readonly TarEntry[]): Uint8Array {
	const parts = entries.flatMap(encodeEntry);
	const sizeBytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0) + 2 * blockBytes;
	parts.push(Buffer.alloc(2 * blockBytes + padding(sizeBytes, recordBytes)));
	return Buffer.concat(parts);
}

/** @throws TarError if it is not a tar archive, or ends too early. */
export function decodeTar(bytes: Uint8Array): TarEntry[] {
	const archive = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const entries: TarEntry[] = [];
	let extended = new Map<string, string>();
	for (let at = 0; at + blockBytes <= archive.length; ) {
		const header = archive.subarray(at, at + blockBytes);
		if (header.every((byte) => byte === 0)) return entries;
		if (readOctal(header, 148, 8) !== checksum(header)) throw new TarError("This does not look like a tar archive");
		const sizeBytes = Number(extended.get("size") ?? readOctal(header, 124, 12));
		const contentAt = at + blockBytes;
		if (contentAt + sizeBytes > archive.length) throw new TarError("Unexpected EOF in archive");
		const content = archive.subarray(contentAt, contentAt + sizeBytes);
		at = contentAt + sizeBytes + padding(sizeBytes, blockBytes);
		const flag = header.toString("latin1", 156, 157);
		if (flag === "L") extended.set("path", readText(content, 0, sizeBytes));
		else if (flag === "K") extended.set("linkpath", readText(content, 0, sizeBytes));
		else if (flag === "x") for (const [key, value] of readRecords(content)) extended.set(key, value);
		else if (flag !== "g") {
			const entry = decodeEntry(header, flag, extended, content);
			if (entry !== undefined) entries.push(entry);
			extended = new Map();
		}
	}
	if (entries.length === 0 && archive.length > 0) throw new TarError("This does not look like a tar archive");
	return entries;
}

function encodeEntry(entry: TarEntry): Uint8Array[] {
	const name = entry.type === "directory" ? `${entry.name}/` : entry.name;
	const { target = "" } = entry;
	return [
		...(Buffer.byteLength(name) > maxNameBytes ? longName("L", name) : []),
		...(Buffer.byteLength(target) > maxNameBytes ? longName("K", target) : []),
		encodeHeader(name, typeFlags[entry.type], target, entry),
		entry.content,
		Buffer.alloc(padding(entry.content.byteLength, blockBytes)),
	];
}

/** GNU's extra record in front of an entry whose name, or link's target, does not fit. */
function longName(flag: "L" | "K", text: string): Uint8Array[] {
	const content = Buffer.from(`${text}\0`);
	const header = encodeHeader("././@LongLink", flag, "", { mode: 0, uid: 0, gid: 0, mtimeMs: 0, content });
	return [header, content, Buffer.alloc(padding(content.byteLength, blockBytes))];
}

function encodeHeader(
	name: string,
	flag: string,
	target: string,
	{ mode, uid, gid, mtimeMs, content }: Pick<TarEntry, "mode" | "uid" | "gid" | "mtimeMs" | "content">,
): Buffer {
	const header = Buffer.alloc(blockBytes);
	const octal = (value: number, at: number, width: number) => header.write(value.toString(8).padStart(width - 1, "0"), at);
	Buffer.from(name).copy(header, 0, 0, maxNameBytes);
	octal(mode & 0o7777, 100, 8);
	octal(uid, 108, 8);
	octal(gid, 116, 8);
	octal(content.byteLength, 124, 12);
	octal(Math.max(0, Math.floor(mtimeMs / 1000)), 136, 12);
	header.write(flag, 156);
	Buffer.from(target).copy(header, 157, 0, maxNameBytes);
	header.write("ustar\u000000", 257);
	header.write(owners.get(uid) ?? "", 265);
	header.write(owners.get(gid) ?? "", 297);
	header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148);
	return header;
}

/** undefined for devices and the like, which a container's files need not have. */
function decodeEntry(header: Buffer, flag: string, extended: ReadonlyMap<string, string>, content: Uint8Array): TarEntry | undefined {
	const prefix = header.toString("latin1", 257, 262) === "ustar" ? readText(header, 345, 155) : "";
	const name = extended.get("path") ?? (prefix === "" ? "" : `${prefix}/`) + readText(header, 0, maxNameBytes);
	const type = typeOf(flag, name);
	if (type === undefined) return undefined;
	const mtimeSeconds = Number(extended.get("mtime") ?? readOctal(header, 136, 12));
	return {
		type,
		name: name.replace(/\/+$/, ""),
		...(type === "symlink" || type === "link" ? { target: extended.get("linkpath") ?? readText(header, 157, maxNameBytes) } : {}),
		mode: readOctal(header, 100, 8) & 0o7777,
		uid: readOctal(header, 108, 8),
		gid: readOctal(header, 116, 8),
		mtimeMs: Math.floor(mtimeSeconds * 1000),
		content,
	};
}

function typeOf(flag: string, name: string): TarEntry["type"] | undefined {
	// Before POSIX, a directory was a file whose name ends in a slash.
	if (flag === "0" || flag === "\0" || flag === "7") return name.endsWith("/") ? "directory" : "file";
	return flag === "1" ? "link" : flag === "2" ? "symlink" : flag === "5" ? "directory" : undefined;
}

/** The records of an extended header: `27 path=some/long/name\n`, the length counting itself. */
function readRecords(content: Buffer): Map<string, string> {
	const records = new Map<string, string>();
	for (let at = 0; at < content.length; ) {
		const blank = content.indexOf(0x20, at);
		const length = Number(content.toString("latin1", at, blank));
		if (blank === -1 || !(length > 0)) throw new TarError("Malformed extended header: invalid length");
		const text = content.toString("utf8", blank + 1, at + length - 1);
		const equals = text.indexOf("=");
		records.set(text.slice(0, equals), text.slice(equals + 1));
		at += length;
	}
	return records;
}

function readText(bytes: Buffer, at: number, length: number): string {
	const end = bytes.indexOf(0, at);
	return bytes.toString("utf8", at, end === -1 || end > at + length ? at + length : end);
}

function readOctal(header: Buffer, at: number, width: number): number {
	return Number.parseInt(readText(header, at, width).trim() || "0", 8);
}

/** The sum of the header's bytes, its own field taken as blanks. */
function checksum(header: Buffer): number {
	return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
}

function padding(sizeBytes: number, unitBytes: number): number {
	return (unitBytes - (sizeBytes % unitBytes)) % unitBytes;
}
