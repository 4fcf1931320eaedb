/**
 * What members say to each other. The network may lose, delay, reorder and duplicate messages; a duplicated `propose`
 * is proposed twice, so commands that come by forwarding need an id of their own if the network duplicates.
 *
 * Source: figure 2 of the Raft paper (vote, append), section 7 (snapshot); Ongaro's thesis 3.10 (timeoutNow), 6.4
 * (readIndex, heartbeat's `readSequence`), 9.6 (preVote).
 */
import type { Entry, Position, Proposal, Snapshot } from "./entry.ts";
import type { MemberId } from "./membership.ts";

interface Addressed {
	readonly from: MemberId;
	readonly to: MemberId;
}

/** A message of the protocol proper. A member that sees a higher term than its own moves on to it. */
interface Termed extends Addressed {
	/** The sender's; of `preVote` and of its grant, the term the sender would campaign in. */
	readonly term: number;
}

/** "Would you vote for me?" Changes nothing at the one who is asked. */
export interface PreVote extends Termed {
	readonly type: "preVote";
	/** The end of the sender's log. */
	readonly last: Position;
}
export interface PreVoteResponse extends Termed {
	readonly type: "preVoteResponse";
	readonly granted: boolean;
}
export interface Vote extends Termed {
	readonly type: "vote";
	readonly last: Position;
	/** The leader itself asked the sender to campaign, so its lease is no reason to refuse. */
	readonly transfer: boolean;
}
export interface VoteResponse extends Termed {
	readonly type: "voteResponse";
	readonly granted: boolean;
}
/** Entries that follow `previous`; none to probe, or to tell the commit index. */
export interface Append extends Termed {
	readonly type: "append";
	readonly previous: Position;
	readonly entries: readonly Entry[];
	readonly commit: number;
}
export interface AppendResponse extends Termed {
	readonly type: "appendResponse";
	/** Accepted: the sender's log is durable and equal to the leader's up to here. Rejected: the `previous.index` asked for. */
	readonly index: number;
	/** Where the sender's log may still agree with the leader's. */
	readonly rejected: Position | undefined;
}
export interface Heartbeat extends Termed {
	readonly type: "heartbeat";
	/** Never above what the receiver is known to have. */
	readonly commit: number;
	/** The newest read that waits for a quorum to confirm the leader. */
	readonly readSequence: number;
}
export interface HeartbeatResponse extends Termed {
	readonly type: "heartbeatResponse";
	readonly readSequence: number;
}
export interface InstallSnapshot extends Termed {
	readonly type: "snapshot";
	readonly snapshot: Snapshot;
}
/** "Campaign now": the end of a leadership transfer. */
export interface TimeoutNow extends Termed {
	readonly type: "timeoutNow";
}
/** Forwarded to the leader. */
export interface Propose extends Addressed {
	readonly type: "propose";
	readonly proposal: Proposal;
}
/** Forwarded to the leader. */
export interface ReadIndex extends Addressed {
	readonly type: "readIndex";
	readonly context: string;
}
export interface ReadIndexResponse extends Addressed {
	readonly type: "readIndexResponse";
	readonly context: string;
	readonly index: number;
}
/** Forwarded to the leader. */
export interface TransferLeader extends Addressed {
	readonly type: "transferLeader";
	readonly transferee: MemberId;
}

export type TermedMessage =
	| PreVote
	| PreVoteResponse
	| Vote
	| VoteResponse
	| Append
	| AppendResponse
	| Heartbeat
	| HeartbeatResponse
	| InstallSnapshot
	| TimeoutNow;
export type ForwardedMessage = Propose | ReadIndex | ReadIndexResponse | TransferLeader;
export type Message = TermedMessage | ForwardedMessage;

/** Speaks of the sender's own term, vote or log, and so must not be sent before those are durable. */
export function waitsForDisk(message: Message): boolean {
	return message.type === "vote" || message.type === "voteResponse" || message.type === "appendResponse";
}
