/**
 * The durable engine: LevelDB. Values are read when asked for; only keys and revisions are in memory. Batches are not
 * synced one by one: the log of commands is (raft/log-store.ts), and what a power failure takes from here is applied again
 * from there.
 *
 * What this engine adds to LevelDB's own care: a directory with files lost or damaged is refused before LevelDB can mend
 * it by leaving something out (level-directory.ts), every record carries a checksum, and the format is recorded.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import { StoreCorruptError, StoreFormatError, StoreLockedError, StoreOpenError } from "../errors.ts";
import type { Mutation } from "../mvcc/command.ts";
import type { Version } from "../mvcc/version.ts";
import type { Position } from "../raft/entry.ts";
import type { Backend, BackendVisitor } from "./backend.ts";
import { markAsUsed, refuseDamagedDirectory } from "./level-directory.ts";
import {
	appliedKey,
	compactionKey,
	DamagedRecordError,
	decodeChecked,
	decodeLease,
	decodeNumber,
	decodePosition,
	decodeValue,
	decodeVersion,
	encodeNumber,
	encodePosition,
	encodeValue,
	encodeVersion,
	formatKey,
	leaseKey,
	leaseRange,
	recordKey,
	recordName,
	recordRange,
	storeFormat,
	versionRange,
} from "./record-codec.ts";

type Database = ClassicLevel<Uint8Array, Uint8Array>;
type Operation =
	| { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
	| { readonly type: "del"; readonly key: Uint8Array };

/** Records fetched from LevelDB in one go when a store opens. */
const loadChunk = 2000;

/** Values read by one worker thread in one go: a long range is shared among several. */
const readChunk = 1000;

export class LevelBackend implements Backend {
	readonly location: string;
	readonly isInMemory = false;
	readonly #database: Database;
	/** The first batch of a new store brings the format record along. */
	#formatWritten = true;

	private constructor(directory: string, database: Database) {
		this.location = directory;
		this.#database = database;
	}

	/** Opens or creates the store in `directory`. Rejects with `StoreLockedError`, `StoreCorruptError`, `StoreFormatError` or `StoreOpenError`. */
	static async open(directory: string): Promise<LevelBackend> {
		await refuseDamagedDirectory(directory);
		const database: Database = new ClassicLevel(directory, { keyEncoding: "view", valueEncoding: "view" });
		try {
			await database.open();
		} catch (error) {
			throw openError(directory, error);
		}
		const backend = new LevelBackend(directory, database);
		try {
			await backend.#checkFormat();
		} catch (error) {
			await database.close();
			throw openError(directory, error);
		}
		return backend;
	}

	async load(visitor: BackendVisitor): Promise<void> {
		try {
			const applied = await this.#database.get(appliedKey);
			if (applied !== undefined) visitor.applied(decodePosition(applied));
			const compaction = await this.#database.get(compactionKey);
			if (compaction !== undefined) visitor.compacted(decodeNumber(compaction));
			await this.#forEach(leaseRange, (key, record) => {
				const { id, ttlSeconds } = decodeLease(key, record);
				visitor.lease(id, ttlSeconds);
			});
			await this.#forEach(recordRange, (key, record) =>
				visitor.record(
					recordName(key),
					decodeChecked(() => `the note ${recordName(key)}`, record),
				),
			);
			await this.#forEachKey(versionRange, (key) => visitor.version(decodeVersion(key)));
		} catch (error) {
			throw openError(this.location, error);
		}
	}

	async write(mutations: readonly Mutation[], position?: Position): Promise<void> {
		const operations: Operation[] = [];
		for (const mutation of mutations) addOperations(mutation, operations);
		if (position !== undefined) operations.push({ type: "put", key: appliedKey, value: encodePosition(position) });
		if (!this.#formatWritten) operations.push({ type: "put", key: formatKey, value: Buffer.from(storeFormat) });
		await this.#database.batch(operations, { sync: !this.#formatWritten });
		if (!this.#formatWritten) await markAsUsed(this.location, storeFormat);
		this.#formatWritten = true;
	}

	/** A synced write takes all before it to the disk. */
	async flush(): Promise<void> {
		if (this.#formatWritten) await this.#database.put(formatKey, Buffer.from(storeFormat), { sync: true });
	}

	read(version: Version): Uint8Array {
		try {
			return decodeValue(version, this.#database.getSync(encodeVersion(version)));
		} catch (error) {
			throw openError(this.location, error);
		}
	}

	async readMany(versions: readonly Version[]): Promise<readonly Uint8Array[]> {
		const reads: Promise<readonly Uint8Array[]>[] = [];
		for (let begin = 0; begin < versions.length; begin += readChunk) reads.push(this.#readChunk(versions.slice(begin, begin + readChunk)));
		return (await Promise.all(reads)).flat();
	}

	/** LevelDB takes its snapshot before this returns. */
	async #readChunk(versions: readonly Version[]): Promise<readonly Uint8Array[]> {
		try {
			const records = await this.#database.getMany(versions.map(encodeVersion));
			return versions.map((version, position) => decodeValue(version, records[position]));
		} catch (error) {
			throw openError(this.location, error);
		}
	}

	/** Every level is compacted into the next, so that deleted records leave the files. */
	async defragment(): Promise<void> {
		// What `level` is in Node has it, its types leave it out.
		const database: Database & { compactRange?(from: Uint8Array, to: Uint8Array): Promise<void> } = this.#database;
		await database.compactRange?.(Uint8Array.of(), Uint8Array.of(0xff));
	}

	sizeBytes(): number {
		const files = readdirSync(this.location).map((name) => statSync(join(this.location, name), { throwIfNoEntry: false }));
		return files.reduce((sum, file) => sum + (file?.size ?? 0), 0);
	}

	close(): Promise<void> {
		return this.#database.close();
	}

	async #checkFormat(): Promise<void> {
		const found = await this.#database.get(formatKey);
		if (found !== undefined) {
			const format = Buffer.from(found).toString();
			if (format !== storeFormat) throw new StoreFormatError(this.location, format, storeFormat);
			return;
		}
		const [anyKey] = await this.#database.keys({ limit: 1 }).all();
		if (anyKey !== undefined) throw new StoreCorruptError(this.location, "it does not say which format it has");
		this.#formatWritten = false;
	}

	async #forEachKey(range: { readonly gte: Uint8Array; readonly lt: Uint8Array }, visit: (key: Uint8Array) => void): Promise<void> {
		const iterator = this.#database.keys({ ...range, highWaterMarkBytes: 1 << 20, fillCache: false });
		try {
			for (let keys = await iterator.nextv(loadChunk); keys.length > 0; keys = await iterator.nextv(loadChunk))
				for (const key of keys) visit(key);
		} finally {
			await iterator.close();
		}
	}

	async #forEach(
		range: { readonly gte: Uint8Array; readonly lt: Uint8Array },
		visit: (key: Uint8Array, value: Uint8Array) => void,
	): Promise<void> {
		const iterator = this.#database.iterator({ ...range, highWaterMarkBytes: 1 << 20, fillCache: false });
		try {
			for (let entries = await iterator.nextv(loadChunk); entries.length > 0; entries = await iterator.nextv(loadChunk))
				for (const [key, value] of entries) visit(key, value);
		} finally {
			await iterator.close();
		}
	}
}

function addOperations(mutation: Mutation, operations: Operation[]): void {
	switch (mutation.type) {
		case "change":
			operations.push({ type: "put", key: encodeVersion(mutation.version), value: encodeValue(mutation.value) });
			return;
		case "forget":
			operations.push({ type: "del", key: encodeVersion(mutation.version) });
			return;
		case "grantLease":
			operations.push({ type: "put", key: leaseKey(mutation.id), value: encodeNumber(mutation.ttlSeconds) });
			return;
		case "revokeLease":
			operations.push({ type: "del", key: leaseKey(mutation.id) });
			return;
		case "compact":
			operations.push({ type: "put", key: compactionKey, value: encodeNumber(mutation.revision) });
			return;
		case "record":
			if (mutation.value === undefined) operations.push({ type: "del", key: recordKey(mutation.name) });
			else operations.push({ type: "put", key: recordKey(mutation.name), value: encodeValue(mutation.value) });
			return;
	}
}

/** LevelDB's errors in the store's words; the store's own pass. Codes: https://github.com/Level/abstract-level#errors */
function openError(directory: string, error: unknown): Error {
	if (error instanceof StoreCorruptError || error instanceof StoreFormatError) return error;
	if (error instanceof DamagedRecordError) return new StoreCorruptError(directory, error.message, error);
	const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
	const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
	if (code === "LEVEL_LOCKED") return new StoreLockedError(directory, cause);
	if (code === "LEVEL_CORRUPTION" && cause instanceof Error) return new StoreCorruptError(directory, cause.message, cause);
	// A table that is too short is read behind its end: EINVAL. LevelDB hands on the system's text only, not its number.
	if (code === "LEVEL_IO_ERROR" && cause instanceof Error && /\.ldb: Invalid argument$/.test(cause.message))
		return new StoreCorruptError(directory, cause.message, cause);
	return new StoreOpenError(directory, cause);
}
