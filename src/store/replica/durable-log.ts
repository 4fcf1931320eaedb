/**
 * Where a member keeps its log, as its driver needs it: what Raft reads (raft/storage.ts), and the writes that `Ready` asks
 * for. A file (raft/log-store.ts) and memory are implementations; a simulated disk is one that can crash.
 */
import { LoadedLog, MemoryStorage, type RaftStorage, type Snapshot, type SnapshotMetadata, type StorageWrite } from "../raft/index.ts";

export interface DurableLog extends RaftStorage {
	/** Resolves once `write` is durable. One call of save or compact at a time. */
	save(write: StorageWrite, sync: boolean): Promise<void>;
	/** As `save`, done when it returns. Undefined where that would hold others up: on a disk in real time. @throws StoreFailedError */
	saveNow?(write: StorageWrite): void;
	/** Forgets entries up to `index`; `metadata` is of a snapshot, at or after `index`, that the state machine has durably. */
	compact(metadata: SnapshotMetadata, index: number): Promise<void>;
	/** Where a snapshot for others comes from. Set once, by the driver. */
	provideSnapshots(snapshot: () => Snapshot | undefined): void;
	sizeBytes(): number;
	close(): Promise<void>;
}

/** A log that lasts as long as this object: for members in memory, which stop and start again within one process. */
export class MemoryLog extends LoadedLog implements DurableLog {
	#sizeBytes = 0;

	constructor(founding: Snapshot) {
		super(new MemoryStorage(founding));
	}

	async save(write: StorageWrite): Promise<void> {
		this.saveNow(write);
	}

	saveNow(write: StorageWrite): void {
		this.storage.save(write);
		for (const entry of write.entries) this.#sizeBytes += entry.type === "normal" ? entry.data.length : 0;
	}

	async compact(metadata: SnapshotMetadata, index: number): Promise<void> {
		this.storage.setSnapshot({ metadata, data: new Uint8Array() });
		this.storage.compact(index);
		this.#sizeBytes = 0;
	}

	/** Of the entries since the last compaction. */
	sizeBytes(): number {
		return this.#sizeBytes;
	}

	async close(): Promise<void> {
		// Kept: the member may start again.
	}
}
