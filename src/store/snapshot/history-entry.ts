/**
 * One change as etcd has it in its database: the revision is the key, the key and its value are the value.
 *
 *     <main 8> '_' <sub 8> ['t' for a delete]  →  mvccpb.KeyValue
 *
 * Source: https://etcd.io/docs/v3.6/learning/data_model/#physical-view and mvccpb/kv.proto.
 */
import { isDelete, type Version } from "../mvcc/version.ts";

export interface HistoryEntry {
	readonly version: Version;
	/** Empty for a delete. */
	readonly value: Uint8Array;
}

const revisionBytes = 17;
const separator = 0x5f;
const tombstone = 0x74;

export function encodeRevision(revision: number, sub: number, isTombstone = false): Buffer {
	const key = Buffer.alloc(isTombstone ? revisionBytes + 1 : revisionBytes);
	key.writeBigInt64BE(BigInt(revision), 0);
	key[8] = separator;
	key.writeBigInt64BE(BigInt(sub), 9);
	if (isTombstone) key[revisionBytes] = tombstone;
	return key;
}

/** Undefined for what is not a revision. */
export function decodeRevision(
	key: Buffer,
): { readonly revision: number; readonly sub: number; readonly isTombstone: boolean } | undefined {
	const isTombstone = key.length === revisionBytes + 1 && key[revisionBytes] === tombstone;
	if ((!isTombstone && key.length !== revisionBytes) || key[8] !== separator) return undefined;
	return { revision: Number(key.readBigInt64BE(0)), sub: Number(key.readBigInt64BE(9)), isTombstone };
}

export function encodeEntry({ version, value }: HistoryEntry): { readonly key: Buffer; readonly value: Buffer } {
	return { key: encodeRevision(version.revision, version.sub, isDelete(version)), value: encodeKeyValue(version, value) };
}

/** Fields in order of number, those that are zero left out: the bytes are hashed, so they have to be etcd's. */
function encodeKeyValue(version: Version, value: Uint8Array): Buffer {
	// Five varints of at most 10 bytes, the value's length, and seven tags.
	const record = Buffer.allocUnsafe(version.key.length + value.length + 80);
	let end = version.key.length === 0 ? 0 : writeBytes(record, 0, 1, Buffer.from(version.key, "latin1"));
	if (isDelete(version)) return record.subarray(0, end);
	end = writeVarint(record, record.writeUInt8(2 << 3, end), BigInt(version.createRevision));
	end = writeVarint(record, record.writeUInt8(3 << 3, end), BigInt(version.revision));
	end = writeVarint(record, record.writeUInt8(4 << 3, end), BigInt(version.version));
	if (value.length > 0) end = writeBytes(record, end, 5, value);
	if (version.lease !== 0n) end = writeVarint(record, record.writeUInt8(6 << 3, end), version.lease);
	return record.subarray(0, end);
}

function writeBytes(target: Buffer, offset: number, field: number, bytes: Uint8Array): number {
	const begin = writeVarint(target, target.writeUInt8((field << 3) | 2, offset), BigInt(bytes.length));
	target.set(bytes, begin);
	return begin + bytes.length;
}

/** @returns the offset after it. */
export function writeVarint(target: Buffer, offset: number, value: bigint): number {
	let end = offset;
	let rest = BigInt.asUintN(64, value);
	for (; rest >= 0x80n; rest >>= 7n) end = target.writeUInt8(Number(rest & 0x7fn) | 0x80, end);
	return target.writeUInt8(Number(rest), end);
}
