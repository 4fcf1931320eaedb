/** What every log has in common whose entries are in memory, wherever else they are kept: how it is read, and where snapshots come from. */
import type { Entry, HardState, Snapshot, SnapshotMetadata } from "./entry.ts";
import type { MemoryStorage } from "./memory-storage.ts";
import type { RaftStorage } from "./storage.ts";

export abstract class LoadedLog implements RaftStorage {
	protected readonly storage: MemoryStorage;
	#snapshot: () => Snapshot | undefined = () => undefined;

	constructor(storage: MemoryStorage) {
		this.storage = storage;
	}

	/** Where a snapshot for a member that is far behind comes from: the newest that the state machine can give. */
	provideSnapshots(snapshot: () => Snapshot | undefined): void {
		this.#snapshot = snapshot;
	}

	hardState(): HardState {
		return this.storage.hardState();
	}

	firstIndex(): number {
		return this.storage.firstIndex();
	}

	lastIndex(): number {
		return this.storage.lastIndex();
	}

	term(index: number): number | undefined {
		return this.storage.term(index);
	}

	entries(from: number, to: number, maxBytes: number): readonly Entry[] {
		return this.storage.entries(from, to, maxBytes);
	}

	snapshotMetadata(): SnapshotMetadata {
		return this.storage.snapshotMetadata();
	}

	snapshot(): Snapshot | undefined {
		return this.#snapshot();
	}
}
