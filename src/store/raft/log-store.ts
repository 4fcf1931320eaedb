/**
 * A durable log: one append-only file, read into memory when it is opened.
 *
 *     save ─> encode ─> append, synced ─> in memory ─> resolved
 *     compact ─> raft-<n+1>.tmp (snapshot's metadata, hard state, entries kept) ─> fsync ─> rename ─> old file removed
 *
 * A write is there as a whole or not at all after a crash; a torn one is cut off and reported; damage in the middle is
 * refused. The snapshot's data are the state machine's: a member that takes a snapshot must have it durable there
 * before it is saved here, and a log is not compacted beyond what is durable there.
 *
 * Invariants: one call of save or compact at a time; after a failure none is served, as the file's end is unknown.
 */
import { constants, type FileHandle, mkdir, open, readdir, readFile, rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type Logger, silentLog } from "../../apimachinery/log.ts";
import { StoreCorruptError, StoreFailedError, StoreOpenError } from "../errors.ts";
import type { Entry, HardState, Snapshot, SnapshotMetadata } from "./entry.ts";
import { encodeRecord } from "./log-codec.ts";
import { DamagedLogError, type Replayed, replayLog } from "./log-replay.ts";
import type { MemoryStorage, StorageWrite } from "./memory-storage.ts";
import type { RaftStorage } from "./storage.ts";

export interface LogStoreOptions {
	/** Made if it is not there. For this log alone, and for one process at a time: the owner of the member's directory sees to that. */
	readonly directory: string;
	/** Where a new log begins: `bootstrapSnapshot` of a founding member, `emptySnapshot` of one that joins. */
	readonly founding: Snapshot;
	/** The state machine has everything up to here: a log that ends before it has lost something. Default 0. */
	readonly applied?: number;
	readonly log?: Logger;
}

/** Where the system has it, a write is durable when it returns: one trip to the disk, and to the thread that waits for it. */
const writesAreSynced = constants.O_DSYNC !== undefined;
const writeFlags = constants.O_RDWR | (constants.O_DSYNC ?? 0);

const fileName = /^raft-(\d{10})\.log$/;

export class LogStore implements RaftStorage {
	/** What a crash cut short and opening took away, bytes. */
	readonly tornBytes: number;
	readonly #directory: string;
	#snapshot: () => Snapshot | undefined = () => undefined;
	readonly #storage: MemoryStorage;
	#file: FileHandle;
	#generation: number;
	#sequence: number;
	#sizeBytes: number;
	#busy = false;
	#failure: StoreFailedError | undefined;

	private constructor(options: LogStoreOptions, file: FileHandle, generation: number, replayed: Replayed) {
		this.#directory = options.directory;
		this.#file = file;
		this.#generation = generation;
		this.#storage = replayed.storage;
		this.#sequence = replayed.sequence;
		this.#sizeBytes = replayed.validBytes;
		this.tornBytes = replayed.tornBytes;
	}

	/** Opens or creates the log. Rejects with `StoreCorruptError` (nothing was changed) or `StoreOpenError`. */
	static async open(options: LogStoreOptions): Promise<LogStore> {
		const { directory } = options;
		try {
			await mkdir(directory, { recursive: true });
			const generation = (await newestGeneration(directory)) ?? (await createLog(directory, options.founding));
			const path = pathOf(directory, generation);
			const replayed = replayLog(await readFile(path));
			const last = replayed.storage.lastIndex();
			if (last < (options.applied ?? 0))
				throw new DamagedLogError(replayed.validBytes, `its data go to command ${options.applied}, its log to command ${last},`);
			if (replayed.tornBytes > 0) {
				(options.log ?? silentLog).warn("the log's last write was cut short by a crash and is dropped", {
					path,
					bytes: replayed.tornBytes,
				});
				await truncate(path, replayed.validBytes);
			}
			await removeOthers(directory, generation);
			return new LogStore(options, await open(path, writeFlags), generation, replayed);
		} catch (error) {
			if (error instanceof DamagedLogError) throw new StoreCorruptError(directory, error.message, error);
			throw new StoreOpenError(directory, error);
		}
	}

	/** Resolves once `write` is durable; without `sync`, once it is on its way: a crash may take it, and all lazy ones after it. */
	async save(write: StorageWrite, sync: boolean): Promise<void> {
		await this.#exclusively(async () => {
			const sequence = this.#sequence + 1;
			const { hardState, entries } = write;
			await this.#append(encodeRecord({ sequence, hardState, snapshot: write.snapshot?.metadata, entries }));
			if (sync && !writesAreSynced) await this.#file.datasync();
			this.#sequence = sequence;
			this.#storage.save(write);
		});
	}

	/**
	 * Forgets entries up to `index`. `metadata` is of the newest snapshot that the state machine can give, at or after
	 * `index`, and durable there.
	 */
	async compact(metadata: SnapshotMetadata, index: number): Promise<void> {
		await this.#exclusively(async () => {
			this.#storage.setSnapshot({ metadata, data: new Uint8Array() });
			this.#storage.compact(index);
			// The new file begins with all that is left, as of the compacted place.
			const storage = this.#storage;
			const generation = this.#generation + 1;
			const entries = storage.entries(metadata.index + 1, storage.lastIndex() + 1, Number.POSITIVE_INFINITY);
			const record = encodeRecord({ sequence: this.#sequence + 1, hardState: storage.hardState(), snapshot: metadata, entries });
			await writeLog(this.#directory, generation, record);
			const file = await open(pathOf(this.#directory, generation), writeFlags);
			await this.#file.close();
			await rm(pathOf(this.#directory, this.#generation));
			this.#file = file;
			this.#generation = generation;
			this.#sequence++;
			this.#sizeBytes = record.length;
		});
	}

	/** Where a snapshot for a member that is far behind comes from: the newest that the state machine can give. */
	provideSnapshots(snapshot: () => Snapshot | undefined): void {
		this.#snapshot = snapshot;
	}

	async close(): Promise<void> {
		this.#failure ??= new StoreFailedError("the log is closed");
		await this.#file.close();
	}

	sizeBytes(): number {
		return this.#sizeBytes;
	}

	hardState(): HardState {
		return this.#storage.hardState();
	}

	firstIndex(): number {
		return this.#storage.firstIndex();
	}

	lastIndex(): number {
		return this.#storage.lastIndex();
	}

	term(index: number): number | undefined {
		return this.#storage.term(index);
	}

	entries(from: number, to: number, maxBytes: number): readonly Entry[] {
		return this.#storage.entries(from, to, maxBytes);
	}

	snapshotMetadata(): SnapshotMetadata {
		return this.#storage.snapshotMetadata();
	}

	snapshot(): Snapshot | undefined {
		return this.#snapshot();
	}

	async #append(record: Uint8Array): Promise<void> {
		for (let written = 0; written < record.length; ) {
			const { bytesWritten } = await this.#file.write(record, written, record.length - written, this.#sizeBytes + written);
			written += bytesWritten;
		}
		this.#sizeBytes += record.length;
	}

	async #exclusively(work: () => Promise<void>): Promise<void> {
		if (this.#failure !== undefined) throw this.#failure;
		if (this.#busy) throw new Error("one write to the log at a time");
		this.#busy = true;
		try {
			await work();
		} catch (error) {
			this.#failure ??= new StoreFailedError(error);
			throw this.#failure;
		} finally {
			this.#busy = false;
		}
	}
}

function pathOf(directory: string, generation: number): string {
	return join(directory, `raft-${String(generation).padStart(10, "0")}.log`);
}

async function newestGeneration(directory: string): Promise<number | undefined> {
	const generations = (await readdir(directory)).flatMap((name) => fileName.exec(name)?.[1] ?? []);
	return generations.length === 0 ? undefined : Math.max(...generations.map(Number));
}

/** Returns its generation. */
async function createLog(directory: string, { metadata }: Snapshot): Promise<number> {
	const hardState: HardState = { term: metadata.term, vote: undefined, commit: metadata.index };
	await writeLog(directory, 1, encodeRecord({ sequence: 1, hardState, snapshot: metadata, entries: [] }));
	return 1;
}

/** A file has its name only once it is durable. */
async function writeLog(directory: string, generation: number, record: Uint8Array): Promise<void> {
	const path = pathOf(directory, generation);
	const file = await open(`${path}.tmp`, "w");
	try {
		await file.writeFile(record);
		await file.sync();
	} finally {
		await file.close();
	}
	await rename(`${path}.tmp`, path);
	await syncDirectory(directory);
}

/** So that a rename lasts. */
async function syncDirectory(directory: string): Promise<void> {
	const handle = await open(directory, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}

/** What a crash during a compaction left behind. */
async function removeOthers(directory: string, generation: number): Promise<void> {
	const kept = `raft-${String(generation).padStart(10, "0")}.log`;
	for (const name of await readdir(directory))
		if (/^raft-\d{10}\.log(\.tmp)?$/.test(name) && name !== kept) await rm(join(directory, name));
}
