/**
 * From a snapshot file to a store's directory. Takes kubesim's snapshots and those of a real etcd (its users and alarms
 * stay behind: see snapshot.ts).
 */
import { createHash } from "node:crypto";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { LevelBackend } from "../backend/level-backend.ts";
import { SnapshotError } from "../errors.ts";
import type { Mutation } from "../mvcc/command.ts";
import type { Version } from "../mvcc/version.ts";
import { BoltReader } from "./bolt-reader.ts";
import { decodeRevision } from "./history-entry.ts";
import { decodeKeyValue, decodeLeaseTtl } from "./records.ts";
import { bucketNames, metaKeys } from "./snapshot.ts";

export interface RestoreOptions {
	readonly file: string;
	/** Must not exist, or be empty. */
	readonly directory: string;
}

/** A database's pages are multiples of this; a snapshot is that and a checksum. */
const blockBytes = 512;
const checksumBytes = 32;
const batchMutations = 5000;

/** Makes a store's directory out of a snapshot; nothing is left behind if that fails. Rejects with `SnapshotError`. */
export async function restoreSnapshot({ file, directory }: RestoreOptions): Promise<void> {
	const there = await readdir(directory).catch((): string[] => []);
	if (there.length > 0) throw new SnapshotError(`data-dir ${JSON.stringify(directory)} not empty or could not be read`);
	const bytes = await readFile(file).catch((error: unknown) => {
		throw new SnapshotError(error instanceof Error ? error.message : String(error), error);
	});
	const mutations = readSnapshot(bytes, file);
	const partial = `${directory}.restoring`;
	await rm(partial, { recursive: true, force: true });
	try {
		await write(partial, mutations);
		await rm(directory, { recursive: true, force: true });
		await rename(partial, directory);
	} catch (error) {
		await rm(partial, { recursive: true, force: true });
		throw error;
	}
}

/** @throws SnapshotError */
function readSnapshot(bytes: Buffer, file: string): readonly Mutation[] {
	try {
		return [...readMutations(new BoltReader(checkedDatabase(bytes)))];
	} catch (error) {
		throw error instanceof SnapshotError ? new SnapshotError(`snapshot ${file} cannot be restored: ${error.message}`, error) : error;
	}
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

async function write(directory: string, mutations: readonly Mutation[]): Promise<void> {
	const backend = await LevelBackend.open(directory);
	try {
		for (let begin = 0; begin < mutations.length; begin += batchMutations)
			await backend.write(mutations.slice(begin, begin + batchMutations));
	} finally {
		await backend.close();
	}
}
