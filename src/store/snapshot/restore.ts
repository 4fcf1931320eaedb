/**
 * What a snapshot file says, as the mutations that make an engine of it. Takes kubesim's snapshots and those of a real etcd
 * (its users and alarms stay behind: see snapshot.ts).
 */
import { createHash } from "node:crypto";
import { SnapshotError } from "../errors.ts";
import type { Mutation } from "../mvcc/command.ts";
import type { Version } from "../mvcc/version.ts";
import { BoltReader } from "./bolt-reader.ts";
import { crc32c } from "./crc32c.ts";
import { decodeRevision } from "./history-entry.ts";
import { decodeKeyValue, decodeLeaseTtl } from "./records.ts";
import { bucketNames, metaKeys } from "./snapshot.ts";

/** A database's pages are multiples of this; a snapshot is that and a checksum. */
const blockBytes = 512;
const checksumBytes = 32;

/** @throws SnapshotError */
export function snapshotMutations(bytes: Uint8Array): readonly Mutation[] {
	return [...readMutations(new BoltReader(checkedDatabase(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))))];
}

/** What `etcdctl snapshot status` tells of a file. */
export interface SnapshotDescription {
	/** CRC-32C over the names of all buckets, and their keys and values. */
	readonly hash: number;
	readonly revision: number;
	/** Of all buckets. */
	readonly totalKeys: number;
	/** Without the checksum behind it. */
	readonly databaseBytes: number;
}

/** Source: https://github.com/etcd-io/etcd/blob/main/etcdutl/snapshot/v3_snapshot.go, Status. @throws SnapshotError */
export function describeSnapshot(bytes: Uint8Array): SnapshotDescription {
	const database = new BoltReader(checkedDatabase(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
	let hash = 0;
	let revision = 0;
	let totalKeys = 0;
	for (const name of database.bucketNames()) {
		hash = crc32c(Buffer.from(name), hash);
		for (const { key, value } of database.entries(name)) {
			hash = crc32c(value, crc32c(key, hash));
			totalKeys++;
			if (name === bucketNames.key) revision = decodeRevision(key)?.revision ?? revision;
		}
	}
	return { hash, revision, totalKeys, databaseBytes: bytes.length - checksumBytes };
}

/** The database without its checksum. The texts are etcdctl's. */
function checkedDatabase(bytes: Buffer): Buffer {
	if (bytes.length % blockBytes !== checksumBytes) throw new SnapshotError("snapshot missing hash");
	const database = bytes.subarray(0, bytes.length - checksumBytes);
	const expected = bytes.subarray(bytes.length - checksumBytes);
	const found = createHash("sha256").update(database).digest();
	if (!found.equals(expected)) throw new SnapshotError(`expected sha256 ${expected.toString("hex")}, got ${found.toString("hex")}`);
	return database;
}

function* readMutations(database: BoltReader): Generator<Mutation> {
	if (!database.has(bucketNames.key)) throw new SnapshotError("it has no bucket for keys");
	const compactRevision = readCompactRevision(database);
	if (compactRevision > 0) yield { type: "compact", revision: compactRevision };
	for (const { key, value } of database.entries(bucketNames.lease))
		yield { type: "grantLease", id: key.readBigInt64BE(0), ttlSeconds: decodeLeaseTtl(value) };
	for (const { key, value } of database.entries(bucketNames.records))
		yield { type: "record", name: key.toString(), value: new Uint8Array(value) };
	let lastRevision = 1;
	for (const { key, value } of database.entries(bucketNames.key)) {
		const change = readChange(key, value);
		lastRevision = change.version.revision;
		yield change;
	}
	// etcd's compaction drops deletes at its revision itself. What was deleted is not known; that the revision was, is.
	if (lastRevision < compactRevision) yield { type: "change", version: deletion("\0", compactRevision, 0), value: new Uint8Array(0) };
}

function readCompactRevision(database: BoltReader): number {
	for (const { key, value } of database.entries(bucketNames.meta))
		if (key.toString() === metaKeys.scheduledCompact) return decodeRevision(value)?.revision ?? 0;
	return 0;
}

function readChange(key: Buffer, value: Buffer): Extract<Mutation, { type: "change" }> {
	const at = decodeRevision(key);
	if (at === undefined) throw new SnapshotError("it is damaged: a key is not a revision");
	const keyValue = decodeKeyValue(value);
	if (at.isTombstone) return { type: "change", version: deletion(keyValue.key, at.revision, at.sub), value: new Uint8Array(0) };
	const { createRevision, version, lease } = keyValue;
	return {
		type: "change",
		version: { key: keyValue.key, revision: at.revision, sub: at.sub, createRevision, version, lease, previous: undefined },
		value: keyValue.value,
	};
}

function deletion(key: string, revision: number, sub: number): Version {
	return { key, revision, sub, createRevision: 0, version: 0, lease: 0n, previous: undefined };
}
