/**
 * How a durable log lies on the disk: one record for each write, which is there as a whole or not at all.
 *
 *     record   length of what follows the checksum 4 │ CRC-32 of that 4 │ sequence 6 │ flags 1 │ parts
 *     parts    hard state:  term 6, commit 6, vote (4 + text)
 *              snapshot:    its metadata as JSON (4 + text)
 *              entries:     count 4, index of the first 6, then each: term 6, kind 1, data (4 + bytes)
 *
 * Numbers are big-endian. Sequences count from 1 without gaps, so a record missing in the middle shows. A snapshot's data
 * are not here: the state machine keeps them.
 */
import { crc32 } from "node:zlib";
import { ByteReader, ByteWriter } from "./bytes.ts";
import type { Entry, HardState, SnapshotMetadata } from "./entry.ts";
import type { ConfigChange } from "./membership.ts";

/** What one record says. */
export interface LogRecord {
	readonly sequence: number;
	readonly hardState: HardState | undefined;
	readonly snapshot: SnapshotMetadata | undefined;
	readonly entries: readonly Entry[];
}

/** Length and checksum. */
export const recordHeaderBytes = 8;
/** Of the smallest record: sequence, flags, no entries. Zeros on the disk are not a record. */
const minBodyBytes = 6 + 1 + 4 + 6;
/** A length above this is no length. */
const maxBodyBytes = 512 * 1024 * 1024;

const flagHardState = 1;
const flagSnapshot = 2;
const kindNormal = 0;
const kindConfig = 1;

export function encodeRecord(record: LogRecord): Uint8Array {
	const writer = new ByteWriter();
	writer.number(record.sequence);
	writer.byte((record.hardState === undefined ? 0 : flagHardState) | (record.snapshot === undefined ? 0 : flagSnapshot));
	if (record.hardState !== undefined) writeHardState(writer, record.hardState);
	if (record.snapshot !== undefined) writer.bytes(Buffer.from(JSON.stringify(record.snapshot)));
	writeEntries(writer, record.entries);
	return frame(writer.finish());
}

/** Of contiguous entries. Members send each other entries in the same form. */
export function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
	writer.uint32(entries.length);
	writer.number(entries[0]?.index ?? 0);
	for (const entry of entries) writeEntry(writer, entry);
}

/** What `writeEntries` wrote. Throws `RangeError` if it ends too early. */
export function readEntries(reader: ByteReader): readonly Entry[] {
	const count = reader.uint32();
	const first = reader.number();
	return Array.from({ length: count }, (_, i) => readEntry(reader, first + i));
}

function frame(body: Buffer): Uint8Array {
	const framed = Buffer.allocUnsafe(recordHeaderBytes + body.length);
	framed.writeUInt32BE(body.length, 0);
	framed.writeUInt32BE(crc32(body), 4);
	body.copy(framed, recordHeaderBytes);
	return framed;
}

function writeHardState(writer: ByteWriter, { term, commit, vote }: HardState): void {
	writer.number(term);
	writer.number(commit);
	writer.text(vote ?? "");
}

function writeEntry(writer: ByteWriter, entry: Entry): void {
	writer.number(entry.term);
	writer.byte(entry.type === "normal" ? kindNormal : kindConfig);
	writer.bytes(entry.type === "normal" ? entry.data : encodeChange(entry.change));
}

/** The record at `offset`, and where it ends; undefined if there is none, or a damaged one. */
export function decodeRecord(file: Buffer, offset: number): { readonly record: LogRecord; readonly end: number } | undefined {
	if (offset + recordHeaderBytes > file.length) return undefined;
	const length = file.readUInt32BE(offset);
	const begin = offset + recordHeaderBytes;
	if (length < minBodyBytes || length > maxBodyBytes || begin + length > file.length) return undefined;
	const body = file.subarray(begin, begin + length);
	if (crc32(body) !== file.readUInt32BE(offset + 4)) return undefined;
	return { record: decodeBody(new ByteReader(body)), end: begin + length };
}

/** The sequence that a record at `offset` would have, for a first look; undefined if there is no room for one. */
export function peekSequence(file: Buffer, offset: number): number | undefined {
	const begin = offset + recordHeaderBytes;
	return begin + 6 > file.length ? undefined : file.readUIntBE(begin, 6);
}

function decodeBody(reader: ByteReader): LogRecord {
	const sequence = reader.number();
	const flags = reader.byte();
	const hardState = (flags & flagHardState) === 0 ? undefined : readHardState(reader);
	const snapshot = (flags & flagSnapshot) === 0 ? undefined : (JSON.parse(reader.bytes().toString()) as SnapshotMetadata);
	return { sequence, hardState, snapshot, entries: readEntries(reader) };
}

function readHardState(reader: ByteReader): HardState {
	const term = reader.number();
	const commit = reader.number();
	const vote = reader.text();
	return { term, commit, vote: vote === "" ? undefined : vote };
}

function readEntry(reader: ByteReader, index: number): Entry {
	const term = reader.number();
	const kind = reader.byte();
	const data = reader.bytes();
	return kind === kindNormal ? { type: "normal", term, index, data } : { type: "config", term, index, change: decodeChange(data) };
}

/** Changes are rare: JSON, with the context in base64. */
function encodeChange(change: ConfigChange): Uint8Array {
	const plain = change.type === "leave" ? change : { ...change, context: Buffer.from(change.context).toString("base64") };
	return Buffer.from(JSON.stringify(plain));
}

function decodeChange(data: Buffer): ConfigChange {
	const plain = JSON.parse(data.toString()) as
		| { readonly type: "leave" }
		| (Extract<ConfigChange, { type: "change" }> & { context: unknown });
	return plain.type === "leave" ? plain : { ...plain, context: Buffer.from(String(plain.context), "base64") };
}
