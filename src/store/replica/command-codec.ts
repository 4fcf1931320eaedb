/**
 * A command as bytes: what an entry of the group's log holds, the same for all members.
 *
 *     entry    origin 6 │ sequence 6 │ command
 *     command  kind 1 │ its fields; strings and values as length 4 + bytes, numbers 6 bytes, lease ids 8
 *
 * Origin and sequence name the proposal, so that the member that made it knows it again in the log.
 */
import type { RecordChange, WriteCommand } from "../mvcc/command.ts";
import { txnBytesTaken } from "../mvcc/cost.ts";
import { ByteReader, ByteWriter } from "../raft/bytes.ts";
import type { Compare, DeleteRangeRequest, PutRequest, RangeRequest, TxnOperation, TxnRequest } from "../store.ts";

/** Which proposal an entry is. */
export interface ProposalId {
	/** Drawn by a member each time it starts; 0 to 2^48 - 1. */
	readonly origin: number;
	/** Counts the member's proposals; 0 to 2^48 - 1. */
	readonly sequence: number;
}

/** By the byte that stands for each. */
const commandKinds = ["put", "delete", "txn", "grantLease", "revokeLease", "compact", "records"] as const;
const operationKinds = ["range", "put", "delete", "txn"] as const;
const compareTargets = ["version", "create", "mod", "value", "lease"] as const;
const compareResults = ["=", "!=", "<", ">"] as const;

const flagRangeEnd = 1;
const flagPrevKv = 2;
const flagIgnoreValue = 4;
const flagIgnoreLease = 8;
const flagKeysOnly = 16;
const flagCountOnly = 32;

export function encodeProposal({ origin, sequence }: ProposalId, command: WriteCommand): Uint8Array {
	const writer = new ByteWriter(roomFor(command));
	writer.number(origin);
	writer.number(sequence);
	writer.byte(commandKinds.indexOf(command.type));
	writeCommand(writer, command);
	return writer.finish();
}

/** About what it takes: the bytes stay in memory as long as the log does, and so would what is too much. */
function roomFor(command: WriteCommand): number {
	switch (command.type) {
		case "put":
			return 48 + command.request.key.length + command.request.value.length;
		case "txn":
			return 128 + txnBytesTaken(command.request);
		default:
			return 128;
	}
}

export function decodeProposalId(data: Uint8Array): ProposalId {
	const reader = readerOf(data);
	return { origin: reader.number(), sequence: reader.number() };
}

/** Values are views of `data`, which little else is in. Throws `RangeError` for bytes that are no command. */
export function decodeCommand(data: Uint8Array): WriteCommand {
	const reader = readerOf(data);
	reader.number();
	reader.number();
	return readCommand(reader);
}

function readerOf(data: Uint8Array): ByteReader {
	return new ByteReader(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
}

function writeCommand(writer: ByteWriter, command: WriteCommand): void {
	switch (command.type) {
		case "put":
			writePut(writer, command.request);
			return;
		case "delete":
			writeDelete(writer, command.request);
			return;
		case "txn":
			writeTxn(writer, command.request);
			return;
		case "grantLease":
			writer.bigint(command.id);
			writer.text(String(command.ttlSeconds));
			return;
		case "revokeLease":
			writer.bigint(command.id);
			return;
		case "compact":
			writer.number(command.revision);
			return;
		case "records":
			writer.uint32(command.records.length);
			for (const record of command.records) writeRecord(writer, record);
			return;
	}
}

function readCommand(reader: ByteReader): WriteCommand {
	const type = kindAt(commandKinds, reader);
	switch (type) {
		case "put":
			return { type, request: readPut(reader) };
		case "delete":
			return { type, request: readDelete(reader) };
		case "txn":
			return { type, request: readTxn(reader) };
		case "grantLease":
			return { type, id: reader.bigint(), ttlSeconds: Number(reader.text()) };
		case "revokeLease":
			return { type, id: reader.bigint() };
		case "compact":
			return { type, revision: reader.number() };
		case "records":
			return { type, records: readList(reader, readRecord) };
	}
}

function writePut(writer: ByteWriter, request: PutRequest): void {
	const { key, value, lease = 0n, prevKv, ignoreValue, ignoreLease } = request;
	writer.byte(flag(prevKv, flagPrevKv) | flag(ignoreValue, flagIgnoreValue) | flag(ignoreLease, flagIgnoreLease));
	writer.latin1(key);
	writer.bytes(value);
	writer.bigint(lease);
}

function readPut(reader: ByteReader): PutRequest {
	const flags = reader.byte();
	return {
		key: reader.latin1(),
		value: reader.bytes(),
		lease: reader.bigint(),
		prevKv: (flags & flagPrevKv) !== 0,
		ignoreValue: (flags & flagIgnoreValue) !== 0,
		ignoreLease: (flags & flagIgnoreLease) !== 0,
	};
}

function writeDelete(writer: ByteWriter, { key, rangeEnd, prevKv }: DeleteRangeRequest): void {
	writer.byte(flag(rangeEnd !== undefined, flagRangeEnd) | flag(prevKv, flagPrevKv));
	writer.latin1(key);
	if (rangeEnd !== undefined) writer.latin1(rangeEnd);
}

function readDelete(reader: ByteReader): DeleteRangeRequest {
	const flags = reader.byte();
	return { key: reader.latin1(), ...readRangeEnd(reader, flags), prevKv: (flags & flagPrevKv) !== 0 };
}

function writeRange(writer: ByteWriter, request: RangeRequest): void {
	const { key, rangeEnd, revision = 0, limit = 0, keysOnly, countOnly } = request;
	writer.byte(flag(rangeEnd !== undefined, flagRangeEnd) | flag(keysOnly, flagKeysOnly) | flag(countOnly, flagCountOnly));
	writer.latin1(key);
	if (rangeEnd !== undefined) writer.latin1(rangeEnd);
	writer.number(Math.max(0, revision));
	writer.number(Math.max(0, limit));
}

function readRange(reader: ByteReader): RangeRequest {
	const flags = reader.byte();
	return {
		key: reader.latin1(),
		...readRangeEnd(reader, flags),
		revision: reader.number(),
		limit: reader.number(),
		keysOnly: (flags & flagKeysOnly) !== 0,
		countOnly: (flags & flagCountOnly) !== 0,
	};
}

function writeTxn(writer: ByteWriter, { compare, success, failure }: TxnRequest): void {
	writer.uint32(compare.length);
	for (const condition of compare) writeCompare(writer, condition);
	for (const operations of [success, failure]) {
		writer.uint32(operations.length);
		for (const operation of operations) writeOperation(writer, operation);
	}
}

function readTxn(reader: ByteReader): TxnRequest {
	return { compare: readList(reader, readCompare), success: readList(reader, readOperation), failure: readList(reader, readOperation) };
}

function writeCompare(writer: ByteWriter, compare: Compare): void {
	writer.byte(compareTargets.indexOf(compare.target));
	writer.byte(compareResults.indexOf(compare.result));
	writer.byte(flag(compare.rangeEnd !== undefined, flagRangeEnd));
	writer.latin1(compare.key);
	if (compare.rangeEnd !== undefined) writer.latin1(compare.rangeEnd);
	switch (compare.target) {
		case "value":
			writer.bytes(compare.value);
			return;
		case "lease":
			writer.bigint(compare.value);
			return;
		default:
			// Clients may compare with any 64-bit number.
			writer.bigint(BigInt(compare.value));
			return;
	}
}

function readCompare(reader: ByteReader): Compare {
	const target = kindAt(compareTargets, reader);
	const result = kindAt(compareResults, reader);
	const flags = reader.byte();
	const common = { result, key: reader.latin1(), ...readRangeEnd(reader, flags) };
	if (target === "value") return { ...common, target, value: reader.bytes() };
	const value = reader.bigint();
	return target === "lease" ? { ...common, target, value } : { ...common, target, value: Number(value) };
}

function writeOperation(writer: ByteWriter, operation: TxnOperation): void {
	writer.byte(operationKinds.indexOf(operation.type));
	switch (operation.type) {
		case "range":
			writeRange(writer, operation.request);
			return;
		case "put":
			writePut(writer, operation.request);
			return;
		case "delete":
			writeDelete(writer, operation.request);
			return;
		case "txn":
			writeTxn(writer, operation.request);
			return;
	}
}

function readOperation(reader: ByteReader): TxnOperation {
	const type = kindAt(operationKinds, reader);
	switch (type) {
		case "range":
			return { type, request: readRange(reader) };
		case "put":
			return { type, request: readPut(reader) };
		case "delete":
			return { type, request: readDelete(reader) };
		case "txn":
			return { type, request: readTxn(reader) };
	}
}

function writeRecord(writer: ByteWriter, { name, value }: RecordChange): void {
	writer.text(name);
	writer.byte(value === undefined ? 0 : 1);
	if (value !== undefined) writer.bytes(value);
}

function readRecord(reader: ByteReader): RecordChange {
	const name = reader.text();
	return { name, value: reader.byte() === 0 ? undefined : reader.bytes() };
}

function readRangeEnd(reader: ByteReader, flags: number): { readonly rangeEnd?: string } {
	return (flags & flagRangeEnd) === 0 ? {} : { rangeEnd: reader.latin1() };
}

function readList<T>(reader: ByteReader, read: (reader: ByteReader) => T): readonly T[] {
	const list: T[] = [];
	for (let left = reader.uint32(); left > 0; left--) list.push(read(reader));
	return list;
}

function kindAt<T extends string>(kinds: readonly T[], reader: ByteReader): T {
	const byte = reader.byte();
	const kind = kinds[byte];
	if (kind === undefined) throw new RangeError(`${byte} is none of ${kinds.join(", ")}`);
	return kind;
}

function flag(isSet: boolean | undefined, bit: number): number {
	return isSet === true ? bit : 0;
}
