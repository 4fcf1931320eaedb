/**
 * A durable log: one append-only file (log-directory.ts), read into memory when it is opened.
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
import { type FileHandle, open, rm } from "node:fs/promises";
import { StoreFailedError } from "../errors.ts";
import type { SnapshotMetadata } from "./entry.ts";
import { LoadedLog } from "./loaded-log.ts";
import { encodeRecord } from "./log-codec.ts";
import { type LogStoreOptions, logPath, openLogDirectory, writeFlags, writeLog, writesAreSynced } from "./log-directory.ts";
import type { Replayed } from "./log-replay.ts";
import type { StorageWrite } from "./memory-storage.ts";

export class LogStore extends LoadedLog {
	/** What a crash cut short and opening took away, bytes. */
	readonly tornBytes: number;
	readonly #directory: string;
	#file: FileHandle;
	#generation: number;
	#sequence: number;
	#sizeBytes: number;
	#busy = false;
	#failure: StoreFailedError | undefined;

	private constructor(options: LogStoreOptions, file: FileHandle, generation: number, replayed: Replayed) {
		super(replayed.storage);
		this.#directory = options.directory;
		this.#file = file;
		this.#generation = generation;
		this.#sequence = replayed.sequence;
		this.#sizeBytes = replayed.validBytes;
		this.tornBytes = replayed.tornBytes;
	}

	/** Opens or creates the log. Rejects with `StoreCorruptError` (nothing was changed) or `StoreOpenError`. */
	static async open(options: LogStoreOptions): Promise<LogStore> {
		const { path, generation, replayed } = await openLogDirectory(options);
		return new LogStore(options, await open(path, writeFlags), generation, replayed);
	}

	/** Resolves once `write` is durable; without `sync`, once it is on its way: a crash may take it, and all lazy ones after it. */
	async save(write: StorageWrite, sync: boolean): Promise<void> {
		await this.#exclusively(async () => {
			const sequence = this.#sequence + 1;
			const { hardState, entries } = write;
			await this.#append(encodeRecord({ sequence, hardState, snapshot: write.snapshot?.metadata, entries }));
			if (sync && !writesAreSynced) await this.#file.datasync();
			this.#sequence = sequence;
			this.storage.save(write);
		});
	}

	/**
	 * Forgets entries up to `index`. `metadata` is of the newest snapshot that the state machine can give, at or after
	 * `index`, and durable there.
	 */
	async compact(metadata: SnapshotMetadata, index: number): Promise<void> {
		await this.#exclusively(async () => {
			this.storage.setSnapshot({ metadata, data: new Uint8Array() });
			this.storage.compact(index);
			// The new file begins with all that is left, as of the compacted place.
			const storage = this.storage;
			const generation = this.#generation + 1;
			const entries = storage.entries(metadata.index + 1, storage.lastIndex() + 1, Number.POSITIVE_INFINITY);
			const record = encodeRecord({ sequence: this.#sequence + 1, hardState: storage.hardState(), snapshot: metadata, entries });
			await writeLog(this.#directory, generation, record);
			const file = await open(logPath(this.#directory, generation), writeFlags);
			await this.#file.close();
			await rm(logPath(this.#directory, this.#generation));
			this.#file = file;
			this.#generation = generation;
			this.#sequence++;
			this.#sizeBytes = record.length;
		});
	}

	async close(): Promise<void> {
		this.#failure ??= new StoreFailedError("the log is closed");
		await this.#file.close();
	}

	sizeBytes(): number {
		return this.#sizeBytes;
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
