/**
 * What members agree on: a log of entries; and what each of them must remember besides (figure 2 of the Raft paper).
 * All values are plain and immutable.
 */
import type { ConfigChange, MemberId, Membership } from "./membership.ts";

/** A place in the log. Terms and indexes count from 1; index 0, term 0 is the place before the first entry. */
export interface Position {
	readonly term: number;
	readonly index: number;
}

/** `data` is the state machine's business. A new leader's first entry has no data, and is handed out all the same. */
export interface NormalEntry extends Position {
	readonly type: "normal";
	readonly data: Uint8Array;
}

/** A change of membership. It takes effect when it is handed out as committed, on each member at the same index. */
export interface ConfigEntry extends Position {
	readonly type: "config";
	readonly change: ConfigChange;
}

export type Entry = NormalEntry | ConfigEntry;

/** An entry that has no place yet. */
export type Proposal = { readonly type: "normal"; readonly data: Uint8Array } | { readonly type: "config"; readonly change: ConfigChange };

/** What a member must know after a crash to keep its word. */
export interface HardState {
	readonly term: number;
	/** Whom the member voted for in `term`. */
	readonly vote: MemberId | undefined;
	/** Highest index known to be committed. May be behind after a crash. */
	readonly commit: number;
}

export interface SnapshotMetadata extends Position {
	/** In force after the entry at `index`. */
	readonly membership: Membership;
}

/** The state machine after the entry at `metadata.index`. */
export interface Snapshot {
	readonly metadata: SnapshotMetadata;
	readonly data: Uint8Array;
}

/** Bookkeeping that an entry costs besides its data, bytes; so that empty entries do not count as nothing. */
const entryOverheadBytes = 16;
const changeBytes = 32;

/** About what an entry takes on the wire. */
export function entryBytes(entry: Proposal): number {
	if (entry.type === "normal") return entryOverheadBytes + entry.data.length;
	const { change } = entry;
	return entryOverheadBytes + (change.type === "leave" ? 0 : changeBytes * change.changes.length + change.context.length);
}

/** The longest prefix of at most `maxBytes`, but at least one entry. */
export function limitBytes<E extends Proposal>(entries: readonly E[], maxBytes: number): readonly E[] {
	let bytes = 0;
	for (let count = 0; count < entries.length; count++) {
		const entry = entries[count];
		if (entry !== undefined) bytes += entryBytes(entry);
		if (bytes > maxBytes && count > 0) return entries.slice(0, count);
	}
	return entries;
}
