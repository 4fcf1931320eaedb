/**
 * A member's disk, down to the bytes of the log: what was synced stays; of what was not, a crash keeps a first part, which
 * may end in the middle of a record.
 */
import type { Random } from "../../../src/apimachinery/random.ts";
import { encodeRecord, type MemoryStorage, replayLog, type Snapshot, type StorageWrite } from "../../../src/store/raft/index.ts";
import type { Timers } from "./timers.ts";

export class SimDisk {
	/** Of a sync, virtual ms. */
	minSyncMs = 1;
	maxSyncMs = 5;
	/** Torn records found after crashes. */
	torn = 0;
	readonly #timers: Timers;
	readonly #random: Random;
	/** The log file. */
	#synced: Uint8Array[] = [];
	#pending: Uint8Array[] = [];
	#sequence = 0;
	/** What the state machine keeps of snapshots, by index. */
	readonly #snapshots = new Map<number, Snapshot>();
	/** Syncs of before a crash end in nothing. */
	#crashes = 0;

	constructor(timers: Timers, random: Random, founding: Snapshot) {
		this.#timers = timers;
		this.#random = random;
		const { term, index } = founding.metadata;
		this.#synced = [this.#encode({ hardState: { term, vote: undefined, commit: index }, snapshot: founding, entries: [] })];
	}

	/** Of the log file, as far as it is written. */
	get sizeBytes(): number {
		return [...this.#synced, ...this.#pending].reduce((sum, { length }) => sum + length, 0);
	}

	/** Written some time, with a later write at the latest. */
	writeLazily(write: StorageWrite): void {
		this.#pending.push(this.#encode(write));
	}

	write(write: StorageWrite, durable: () => void): void {
		this.#pending.push(this.#encode(write));
		const crashes = this.#crashes;
		this.#timers.after(this.minSyncMs + this.#random.int(this.maxSyncMs - this.minSyncMs + 1), () => {
			if (crashes !== this.#crashes) return;
			this.#synced.push(...this.#pending);
			this.#pending = [];
			durable();
		});
	}

	/** Replaces the log by one that begins at the newest snapshot; synced at once. Nothing else may be under way. */
	checkpoint(storage: MemoryStorage): void {
		const snapshot = storage.snapshot();
		const entries = storage.entries(snapshot.metadata.index + 1, storage.lastIndex() + 1, Number.POSITIVE_INFINITY);
		this.#synced = [this.#encode({ hardState: storage.hardState(), snapshot, entries })];
		this.#pending = [];
	}

	crash(): void {
		this.#crashes++;
		const pending = Buffer.concat(this.#pending);
		this.#synced.push(pending.subarray(0, this.#random.int(pending.length + 1)));
		this.#pending = [];
		const file = Buffer.concat(this.#synced);
		const { validBytes, tornBytes, sequence } = replayLog(file);
		if (tornBytes > 0) this.torn++;
		this.#synced = [file.subarray(0, validBytes)];
		this.#sequence = sequence;
	}

	/** What a member finds when it starts. */
	recover(): MemoryStorage {
		const { storage } = replayLog(Buffer.concat(this.#synced));
		const snapshot = this.#snapshots.get(storage.snapshotMetadata().index);
		if (snapshot !== undefined) storage.setSnapshot(snapshot);
		return storage;
	}

	#encode({ hardState, snapshot, entries }: StorageWrite): Uint8Array {
		if (snapshot !== undefined) this.#snapshots.set(snapshot.metadata.index, snapshot);
		return encodeRecord({ sequence: ++this.#sequence, hardState, snapshot: snapshot?.metadata, entries });
	}
}
