/**
 * A member's disk: what was synced stays, of what was not a crash keeps some of the first writes, and tears the next.
 */
import type { Random } from "../../../src/apimachinery/random.ts";
import { MemoryStorage, type Snapshot, type StorageWrite } from "../../../src/store/raft/index.ts";
import type { EventQueue } from "./event-queue.ts";

/** Begins a log that was compacted. */
interface Checkpoint {
	readonly snapshot: Snapshot;
	readonly write: StorageWrite;
}

export class SimDisk {
	/** Of a sync, virtual ms. */
	minSyncMs = 1;
	maxSyncMs = 5;
	/** Torn records found at restarts. */
	torn = 0;
	readonly #queue: EventQueue;
	readonly #random: Random;
	#checkpoint: Checkpoint;
	#synced: StorageWrite[] = [];
	#pending: StorageWrite[] = [];
	/** Syncs of before a crash end in nothing. */
	#crashes = 0;

	constructor(queue: EventQueue, random: Random, snapshot: Snapshot) {
		this.#queue = queue;
		this.#random = random;
		this.#checkpoint = { snapshot, write: { hardState: undefined, snapshot: undefined, entries: [] } };
	}

	/** Written some time, with a later write at the latest. */
	writeLazily(write: StorageWrite): void {
		this.#pending.push(write);
	}

	write(write: StorageWrite, durable: () => void): void {
		this.#pending.push(write);
		const crashes = this.#crashes;
		this.#queue.after(this.minSyncMs + this.#random.int(this.maxSyncMs - this.minSyncMs + 1), () => {
			if (crashes !== this.#crashes) return;
			this.#synced.push(...this.#pending);
			this.#pending = [];
			durable();
		});
	}

	/** Replaces the log by one that begins at a snapshot; synced at once. Nothing else may be under way. */
	checkpoint(storage: MemoryStorage): void {
		const snapshot = storage.snapshot();
		const from = storage.snapshotMetadata().index + 1;
		const entries = storage.entries(Math.max(from, storage.firstIndex()), storage.lastIndex() + 1, Number.POSITIVE_INFINITY);
		this.#checkpoint = { snapshot, write: { hardState: storage.hardState(), snapshot: undefined, entries } };
		this.#synced = [];
		this.#pending = [];
	}

	crash(): void {
		this.#crashes++;
		const kept = this.#random.int(this.#pending.length + 1);
		if (kept < this.#pending.length && this.#random.next() < 0.5) this.torn++;
		this.#synced.push(...this.#pending.slice(0, kept));
		this.#pending = [];
	}

	/** What a member finds when it starts. */
	recover(): MemoryStorage {
		const { snapshot, write } = this.#checkpoint;
		const storage = new MemoryStorage(snapshot);
		for (const record of [write, ...this.#synced]) storage.save(record);
		return storage;
	}
}
