/**
 * What a member is made of.
 */
import type { Random } from "../../apimachinery/random.ts";
import type { MemberId } from "./membership.ts";
import type { RaftStorage } from "./storage.ts";

/** What goes beyond is refused or sent later. */
export interface RaftLimits {
	/** Entries of one append, bytes; a larger single entry is sent alone. */
	readonly maxMessageBytes: number;
	/** Appends on their way to one member. */
	readonly maxInflightMessages: number;
	/** Proposals a leader takes before they are committed, bytes; a single larger one is taken if none waits. */
	readonly maxUncommittedBytes: number;
	/** Committed entries handed out by one `ready()`, bytes; a larger single entry comes alone. */
	readonly maxCommittedBytes: number;
	/** Reads that wait for a leader's confirmation. */
	readonly maxPendingReads: number;
}

export const defaultLimits: RaftLimits = {
	maxMessageBytes: 1024 * 1024,
	maxInflightMessages: 256,
	maxUncommittedBytes: 64 * 1024 * 1024,
	maxCommittedBytes: 4 * 1024 * 1024,
	maxPendingReads: 4096,
};

export interface RaftOptions {
	readonly id: MemberId;
	readonly storage: RaftStorage;
	/** Election timeouts. */
	readonly random: Random;
	/** The state machine has everything up to here. Default: the snapshot's index. */
	readonly applied?: number;
	/** A follower campaigns after this many to twice as many ticks without a leader. Default 10. */
	readonly electionTicks?: number;
	/** Between two heartbeats. Default 1. */
	readonly heartbeatTicks?: number;
	/** A snapshot nothing was heard of for so many ticks is taken for lost. Default: 10 times `electionTicks`. */
	readonly snapshotTicks?: number;
	/** Ask before campaigning, so that who is cut off does not drive up the term. Default true. */
	readonly preVote?: boolean;
	/** A leader steps down that does not hear of a quorum; a follower that hears of its leader votes for nobody else. Default true. */
	readonly checkQuorum?: boolean;
	readonly limits?: Partial<RaftLimits>;
	/** Told what happens, a line at a time, in words. */
	readonly trace?: (line: string) => void;
}
