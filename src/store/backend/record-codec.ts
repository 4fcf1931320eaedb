/**
 * How versions, values and leases lie in LevelDB. The first byte of a key says what it is:
 *
 *     f                       format of the store, text
 *     a                       place in the log of commands up to which everything is here: index 8, term 8
 *     c                       compaction revision
 *     l <id 8>                a lease
 *     n <name>                a note beside the keys
 *     v <revision 8> <sub 4> <checksum 4> <created 8> <version 8> <lease 8> <user's key>
 *                             a version; the record is its value, empty for a delete
 *
 * Everything about a change but its value is in LevelDB's key, so that opening a store hands over no values, and a change is
 * one record. Keys are big-endian, so LevelDB's order is the order in which changes took effect. Versions, values and notes
 * carry the CRC-32 of the rest: LevelDB checks its log, but not the blocks it reads.
 */
import { crc32 } from "node:zlib";
import type { Version } from "../mvcc/version.ts";
import type { Position } from "../raft/entry.ts";

/** Raised when the layout changes; a store of another format is not opened. */
export const storeFormat = "kubesim-store/2";

export const formatKey = Uint8Array.of(0x66);
export const appliedKey = Uint8Array.of(0x61);
export const compactionKey = Uint8Array.of(0x63);
const leaseTag = 0x6c;
const recordTag = 0x6e;
const versionTag = 0x76;

/** Ranges of LevelDB keys: from (inclusive), to (exclusive). */
export const leaseRange = { gte: Uint8Array.of(leaseTag), lt: Uint8Array.of(leaseTag + 1) };
export const recordRange = { gte: Uint8Array.of(recordTag), lt: Uint8Array.of(recordTag + 1) };
export const versionRange = { gte: Uint8Array.of(versionTag), lt: Uint8Array.of(versionTag + 1) };

/** The record cannot be what was written. */
export class DamagedRecordError extends Error {
	constructor(what: string) {
		super(what);
		this.name = "DamagedRecordError";
	}
}

/** Tag, revision, sub, checksum, create revision, version and lease. */
const versionHeaderBytes = 1 + 8 + 4 + 4 + 8 + 8 + 8;
const checksumOffset = 13;

export function encodeVersion(version: Version): Uint8Array {
	const key = Buffer.allocUnsafe(versionHeaderBytes + version.key.length);
	key[0] = versionTag;
	writeRevision(key, version.revision, 1);
	key.writeUInt32BE(version.sub, 9);
	writeRevision(key, version.createRevision, 17);
	writeRevision(key, version.version, 25);
	key.writeBigInt64BE(version.lease, 33);
	key.write(version.key, versionHeaderBytes, "latin1");
	key.writeUInt32BE(versionChecksum(key), checksumOffset);
	return key;
}

export function decodeVersion(bytes: Uint8Array): Version {
	const key = asBuffer(bytes);
	if (key.length < versionHeaderBytes) throw new DamagedRecordError(`a change has a key of ${key.length} bytes`);
	const revision = readRevision(key, 1);
	if (versionChecksum(key) !== key.readUInt32BE(checksumOffset))
		throw new DamagedRecordError(`the change at revision ${revision} does not match its checksum`);
	return {
		revision,
		sub: key.readUInt32BE(9),
		createRevision: readRevision(key, 17),
		version: readRevision(key, 25),
		lease: key.readBigInt64BE(33),
		key: key.toString("latin1", versionHeaderBytes),
		previous: undefined,
	};
}

function versionChecksum(key: Buffer): number {
	return crc32(key.subarray(checksumOffset + 4), crc32(key.subarray(0, checksumOffset)));
}

export function encodeValue(value: Uint8Array): Uint8Array {
	const record = Buffer.allocUnsafe(4 + value.length);
	record.writeUInt32BE(crc32(value), 0);
	record.set(value, 4);
	return record;
}

export function decodeValue(version: Version, recordBytes: Uint8Array | undefined): Uint8Array {
	const what = () => `the value of ${JSON.stringify(version.key)} at revision ${version.revision}`;
	if (recordBytes === undefined) throw new DamagedRecordError(`${what()} is missing`);
	return decodeChecked(what, recordBytes);
}

/** What `encodeValue` wrote. */
export function decodeChecked(what: () => string, recordBytes: Uint8Array): Uint8Array {
	const value = recordBytes.subarray(4);
	if (recordBytes.length < 4 || crc32(value) !== asBuffer(recordBytes).readUInt32BE(0))
		throw new DamagedRecordError(`${what()} does not match its checksum`);
	return value;
}

export function recordKey(name: string): Uint8Array {
	return Buffer.concat([Uint8Array.of(recordTag), Buffer.from(name)]);
}

export function recordName(key: Uint8Array): string {
	return asBuffer(key).toString("utf8", 1);
}

export function leaseKey(id: bigint): Uint8Array {
	const key = Buffer.allocUnsafe(9);
	key[0] = leaseTag;
	key.writeBigInt64BE(id, 1);
	return key;
}

export function decodeLease(key: Uint8Array, record: Uint8Array): { readonly id: bigint; readonly ttlSeconds: number } {
	return { id: asBuffer(key).readBigInt64BE(1), ttlSeconds: decodeNumber(record) };
}

export function encodeNumber(number: number): Uint8Array {
	const record = Buffer.allocUnsafe(8);
	record.writeDoubleBE(number, 0);
	return record;
}

export function decodeNumber(record: Uint8Array): number {
	if (record.length !== 8) throw new DamagedRecordError(`a number has ${record.length} bytes`);
	return asBuffer(record).readDoubleBE(0);
}

export function encodePosition({ index, term }: Position): Uint8Array {
	const record = Buffer.allocUnsafe(16);
	writeRevision(record, index, 0);
	writeRevision(record, term, 8);
	return record;
}

export function decodePosition(bytes: Uint8Array): Position {
	const record = asBuffer(bytes);
	if (record.length !== 16) throw new DamagedRecordError(`the place in the log has ${record.length} bytes`);
	return { index: readRevision(record, 0), term: readRevision(record, 8) };
}

/** Safe integers, as 64 bits. */
function writeRevision(target: Buffer, revision: number, offset: number): void {
	target.writeUInt32BE(Math.floor(revision / 2 ** 32), offset);
	target.writeUInt32BE(revision >>> 0, offset + 4);
}

function readRevision(source: Buffer, offset: number): number {
	return source.readUInt32BE(offset) * 2 ** 32 + source.readUInt32BE(offset + 4);
}

/** The same bytes with Node's reading methods. */
function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
