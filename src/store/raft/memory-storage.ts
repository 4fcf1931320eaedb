/**
 * A log in memory: for tests, and as the readable half of a durable one.
 */
import { type Entry, type HardState, limitBytes, type Snapshot, type SnapshotMetadata } from "./entry.ts";
import { RaftInvariantError } from "./invariant.ts";
import { emptyMembership, type Membership } from "./membership.ts";
import type { RaftStorage } from "./storage.ts";

/** What belongs together on the disk: all of it or nothing survives a crash. */
export interface StorageWrite {
	readonly hardState: HardState | undefined;
	/** Replaces the whole log. */
	readonly snapshot: Snapshot | undefined;
	/** The first one's index is at most lastIndex() + 1; what the log has from there on is replaced. */
	readonly entries: readonly Entry[];
}

/** Where every founding member of a group begins: after an entry 1 that nobody wrote, with the first members. */
export function bootstrapSnapshot(membership: Membership, data: Uint8Array = new Uint8Array()): Snapshot {
	return { metadata: { index: 1, term: 1, membership }, data };
}

/** Where a member begins that will be told everything by a leader. */
export const emptySnapshot: Snapshot = { metadata: { index: 0, term: 0, membership: emptyMembership }, data: new Uint8Array() };

export class MemoryStorage implements RaftStorage {
	#hardState: HardState;
	#snapshot: Snapshot;
	/** Entry `firstIndex + i` lies at i. */
	#entries: Entry[] = [];
	/** Place of the last compacted entry. */
	#compacted: { readonly index: number; readonly term: number };

	constructor(snapshot: Snapshot = emptySnapshot) {
		this.#snapshot = snapshot;
		this.#compacted = snapshot.metadata;
		this.#hardState = { term: snapshot.metadata.term, vote: undefined, commit: snapshot.metadata.index };
	}

	hardState(): HardState {
		return this.#hardState;
	}

	firstIndex(): number {
		return this.#compacted.index + 1;
	}

	lastIndex(): number {
		return this.#compacted.index + this.#entries.length;
	}

	term(index: number): number | undefined {
		if (index === this.#compacted.index) return this.#compacted.term;
		return this.#entries[index - this.#compacted.index - 1]?.term;
	}

	entries(from: number, to: number, maxBytes: number): readonly Entry[] {
		if (from < this.firstIndex() || to > this.lastIndex() + 1)
			throw new RaftInvariantError(`entries [${from}, ${to}) asked of a log of [${this.firstIndex()}, ${this.lastIndex()}]`);
		return limitBytes(this.#entries.slice(from - this.firstIndex(), to - this.firstIndex()), maxBytes);
	}

	snapshotMetadata(): SnapshotMetadata {
		return this.#snapshot.metadata;
	}

	snapshot(): Snapshot {
		return this.#snapshot;
	}

	save(write: StorageWrite): void {
		if (write.snapshot !== undefined) this.#restore(write.snapshot);
		this.#append(write.entries);
		if (write.hardState !== undefined) this.#hardState = write.hardState;
	}

	/** Makes `snapshot`, of the log's own entries, the newest one. The log keeps its entries; see `compact`. */
	setSnapshot(snapshot: Snapshot): void {
		const { index } = snapshot.metadata;
		if (index < this.#snapshot.metadata.index || index > this.lastIndex())
			throw new RaftInvariantError(
				`snapshot at ${index} does not fit after ${this.#snapshot.metadata.index} in a log up to ${this.lastIndex()}`,
			);
		this.#snapshot = snapshot;
	}

	/** Forgets entries up to `index`, which the newest snapshot must cover. */
	compact(index: number): void {
		if (index <= this.#compacted.index) return;
		const term = this.term(index);
		if (index > this.#snapshot.metadata.index || term === undefined)
			throw new RaftInvariantError(`compaction at ${index} of a log with a snapshot at ${this.#snapshot.metadata.index}`);
		this.#entries = this.#entries.slice(index - this.#compacted.index);
		this.#compacted = { index, term };
	}

	#restore(snapshot: Snapshot): void {
		this.#snapshot = snapshot;
		this.#compacted = snapshot.metadata;
		this.#entries = [];
	}

	#append(entries: readonly Entry[]): void {
		const [first] = entries;
		if (first === undefined) return;
		const offset = first.index - this.firstIndex();
		if (offset < 0 || offset > this.#entries.length)
			throw new RaftInvariantError(`entry ${first.index} does not fit a log of [${this.firstIndex()}, ${this.lastIndex()}]`);
		this.#entries.length = offset;
		for (const entry of entries) this.#entries.push(entry);
	}
}
