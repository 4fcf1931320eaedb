/**
 * The durable log for virtual time: the same files as log-store.ts, written while everything stands still. A write is durable when
 * `saveNow` returns, so that nothing can happen between a write and its answer, and how fast a disk is cannot be seen in what a
 * simulation does.
 *
 * It holds the thread up for as long as the disk takes. That is no price where time passes only when told to.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { StoreFailedError } from "../errors.ts";
import type { SnapshotMetadata } from "./entry.ts";
import { LoadedLog } from "./loaded-log.ts";
import { encodeRecord } from "./log-codec.ts";
import { type LogStoreOptions, logPath, type OpenedLogDirectory, openLogDirectory, writeFlags, writesAreSynced } from "./log-directory.ts";
import type { StorageWrite } from "./memory-storage.ts";

/** After a failure nothing is served, as the file's end is unknown. */
export class StandstillLog extends LoadedLog {
	readonly #directory: string;
	/** File descriptor of the generation's file. */
	#file: number;
	#generation: number;
	#sequence: number;
	#sizeBytes: number;
	#failure: StoreFailedError | undefined;

	private constructor(directory: string, file: number, { generation, replayed }: OpenedLogDirectory) {
		super(replayed.storage);
		this.#directory = directory;
		this.#file = file;
		this.#generation = generation;
		this.#sequence = replayed.sequence;
		this.#sizeBytes = replayed.validBytes;
	}

	/** Opens or creates the log. Rejects with `StoreCorruptError` (nothing was changed) or `StoreOpenError`. */
	static async open(options: LogStoreOptions): Promise<StandstillLog> {
		const opened = await openLogDirectory(options);
		return new StandstillLog(options.directory, openSync(opened.path, writeFlags), opened);
	}

	async save(write: StorageWrite): Promise<void> {
		this.saveNow(write);
	}

	/** `write` is durable when this returns. @throws StoreFailedError */
	saveNow(write: StorageWrite): void {
		this.#guard(() => {
			const sequence = this.#sequence + 1;
			const { hardState, entries } = write;
			const record = encodeRecord({ sequence, hardState, snapshot: write.snapshot?.metadata, entries });
			for (let written = 0; written < record.length; )
				written += writeSync(this.#file, record, written, record.length - written, this.#sizeBytes + written);
			if (!writesAreSynced) fdatasyncSync(this.#file);
			this.#sizeBytes += record.length;
			this.#sequence = sequence;
			this.storage.save(write);
		});
	}

	/** As of log-store.ts, at once. */
	async compact(metadata: SnapshotMetadata, index: number): Promise<void> {
		this.#guard(() => {
			const storage = this.storage;
			storage.setSnapshot({ metadata, data: new Uint8Array() });
			storage.compact(index);
			const entries = storage.entries(metadata.index + 1, storage.lastIndex() + 1, Number.POSITIVE_INFINITY);
			const record = encodeRecord({ sequence: this.#sequence + 1, hardState: storage.hardState(), snapshot: metadata, entries });
			this.#replaceFile(record);
			this.#sequence++;
			this.#sizeBytes = record.length;
		});
	}

	async close(): Promise<void> {
		if (this.#failure === undefined) closeSync(this.#file);
		this.#failure ??= new StoreFailedError("the log is closed");
	}

	sizeBytes(): number {
		return this.#sizeBytes;
	}

	/** The new file has its name once it is durable, and then the old one goes. */
	#replaceFile(record: Uint8Array): void {
		const generation = this.#generation + 1;
		const path = logPath(this.#directory, generation);
		writeFileSync(`${path}.tmp`, record, { flush: true });
		renameSync(`${path}.tmp`, path);
		const directory = openSync(this.#directory, "r");
		fsyncSync(directory);
		closeSync(directory);
		const file = openSync(path, writeFlags);
		closeSync(this.#file);
		rmSync(logPath(this.#directory, this.#generation));
		this.#file = file;
		this.#generation = generation;
	}

	#guard(work: () => void): void {
		if (this.#failure !== undefined) throw this.#failure;
		try {
			work();
		} catch (error) {
			this.#failure = new StoreFailedError(error);
			throw this.#failure;
		}
	}
}
