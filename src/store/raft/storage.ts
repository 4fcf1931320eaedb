/**
 * What the core reads of the durable log. All calls are synchronous: implementations keep in memory what they must.
 * The core never writes; whoever drives it does, as `Ready` says, and calls `advance` afterwards.
 *
 *     compacted ─┐ firstIndex ................ lastIndex
 *                └─ firstIndex - 1: only its term is known
 *
 * Invariants: firstIndex <= snapshotMetadata().index + 1 <= lastIndex + 1; entries are contiguous.
 */
import type { Entry, HardState, Snapshot, SnapshotMetadata } from "./entry.ts";

export interface RaftStorage {
	hardState(): HardState;
	/** Index of the oldest entry there is; lastIndex() + 1 if there is none. */
	firstIndex(): number;
	/** Index of the newest entry, or of the snapshot if there are no entries after it. */
	lastIndex(): number;
	/** From firstIndex() - 1 to lastIndex(); undefined outside. */
	term(index: number): number | undefined;
	/** Entries `from` (inclusive) to `to` (exclusive), all of which must be there; at most `maxBytes`, but at least one. */
	entries(from: number, to: number, maxBytes: number): readonly Entry[];
	/** Of the newest durable snapshot. A group begins with one: see `bootstrapSnapshot`. */
	snapshotMetadata(): SnapshotMetadata;
	/** A snapshot for a member that is far behind, as new as the log's first entry; undefined if it can't be had right now. */
	snapshot(): Snapshot | undefined;
}
