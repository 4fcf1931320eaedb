/**
 * What the core wants done, and in which order.
 *
 *     ready() ──┬─> messages ──────────────────────────────> send, now
 *               ├─> committedEntries ─> apply, in order ───> answer those who proposed
 *               ├─> readStates ───────> once applied ──────> answer those who read
 *               └─> snapshot, entries, hardState ─> write ─> sync ─┬─> messagesAfterSync ─> send
 *                                                                  └─> advance(ready)
 *
 * The three branches do not wait for each other. One write is under way at a time: until `advance`, further calls of
 * `ready()` hand out the rest only, and what is to be written gathers for the next write (group commit).
 */
import type { ReadState, Role } from "./core.ts";
import type { Entry, HardState, Snapshot } from "./entry.ts";
import type { MemberId } from "./membership.ts";
import type { Message } from "./message.ts";

/** For whoever watches; nothing depends on it. */
export interface SoftState {
	readonly role: Role;
	/** Undefined if nobody is known to lead. */
	readonly leader: MemberId | undefined;
}

export interface Ready {
	/** If it changed. */
	readonly softState: SoftState | undefined;

	/** To write before `entries`: replaces the whole log, and the state machine. Undefined if there is none. */
	readonly snapshot: Snapshot | undefined;
	/** To write: replaces what the log has from the first one's index on. */
	readonly entries: readonly Entry[];
	/** To write together with the others: after a crash there is all of it or nothing. Undefined if nothing changed. */
	readonly hardState: HardState | undefined;
	/**
	 * The write must be durable before `messagesAfterSync` and `advance`. If false, only the commit index changed (or
	 * nothing): that may be written lazily, though not behind a later write, and `advance` need not be called.
	 */
	readonly mustSync: boolean;
	/** They promise what is in this write: to be sent when it is durable, and never without. */
	readonly messagesAfterSync: readonly Message[];

	/** To be sent now; may get lost, and may overtake each other. */
	readonly messages: readonly Message[];
	/** Committed and durable here: to be applied in this order, each once. Changes of membership are in force already. */
	readonly committedEntries: readonly Entry[];
	/** Reads that may be answered once the state machine has applied their index. */
	readonly readStates: readonly ReadState[];
}
