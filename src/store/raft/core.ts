/**
 * A member's state and the few things that every handler does to it: send, change role, add to the log. What a message
 * or a tick leads to is in election.ts, replication.ts, follower.ts, reads.ts, reconfigure.ts and transfer.ts.
 *
 *                timeout                 majority would vote      majority votes
 *     follower ──────────> pre-candidate ──────────────> candidate ─────────────> leader
 *        ^                      │                            │                       │
 *        └──────────────────────┴── a leader, a higher term, a lost vote, no quorum ─┘
 *
 * Invariants: `term` never goes down; one vote a term; a leader's log only grows.
 */
import type { Random } from "../../apimachinery/random.ts";
import { type Entry, entryBytes, type HardState, type Position, type Proposal } from "./entry.ts";
import { RaftInvariantError } from "./invariant.ts";
import { LeaderState } from "./leader-state.ts";
import { RaftLog } from "./log.ts";
import { isVoter, type MemberId, type Membership, membersOf } from "./membership.ts";
import { type Message, waitsForDisk } from "./message.ts";
import { defaultLimits, type RaftLimits, type RaftOptions } from "./options.ts";
import { Progress } from "./progress.ts";

export interface FollowerState {
	readonly role: "follower";
	leader: MemberId | undefined;
}

export interface CandidateState {
	readonly role: "preCandidate" | "candidate";
	/** Answers so far. A candidate's own vote counts once it is durable. */
	readonly votes: Map<MemberId, boolean>;
}

export type RoleState = FollowerState | CandidateState | LeaderState;
export type Role = RoleState["role"];

/** The linearizable read `context` may be answered once the state machine has applied `index`. */
export interface ReadState {
	readonly context: string;
	readonly index: number;
}

export class Core {
	readonly id: MemberId;
	readonly electionTicks: number;
	readonly heartbeatTicks: number;
	readonly snapshotTicks: number;
	readonly preVote: boolean;
	readonly checkQuorum: boolean;
	readonly limits: RaftLimits;
	readonly log: RaftLog;
	readonly trace: (line: string) => void;
	readonly #random: Random;

	membership: Membership;
	term: number;
	/** In `term`. */
	vote: MemberId | undefined;
	state: RoleState = { role: "follower", leader: undefined };
	/** Ticks since something was heard of the leader, or since the member began to campaign or last checked its quorum. */
	electionElapsed = 0;
	/** electionTicks <= this < 2 * electionTicks; drawn anew with each role and term. */
	electionTimeout: number;
	/** May be sent at once. */
	outbox: Message[] = [];
	/** May be sent once what is now in memory is durable. */
	afterSync: Message[] = [];
	readStates: ReadState[] = [];

	constructor(options: RaftOptions, membership: Membership) {
		const hardState = options.storage.hardState();
		this.id = options.id;
		this.electionTicks = options.electionTicks ?? 10;
		this.heartbeatTicks = options.heartbeatTicks ?? 1;
		this.snapshotTicks = options.snapshotTicks ?? 10 * this.electionTicks;
		this.preVote = options.preVote ?? true;
		this.checkQuorum = options.checkQuorum ?? true;
		this.limits = { ...defaultLimits, ...options.limits };
		this.trace = options.trace ?? (() => undefined);
		this.#random = options.random;
		const applied = options.applied ?? options.storage.snapshotMetadata().index;
		// What the state machine has was committed, even if the crash came before the commit index was written.
		this.log = new RaftLog(options.storage, Math.max(hardState.commit, applied), applied);
		this.membership = membership;
		this.term = hardState.term;
		this.vote = hardState.vote;
		this.electionTimeout = this.#drawTimeout();
		if (this.log.last.term > this.term)
			throw new RaftInvariantError(`the log ends in term ${this.log.last.term}, the member knows term ${this.term}`);
	}

	/** Undefined if it is not known. */
	get leader(): MemberId | undefined {
		if (this.state.role === "leader") return this.id;
		return this.state.role === "follower" ? this.state.leader : undefined;
	}

	get hardState(): HardState {
		return { term: this.term, vote: this.vote, commit: this.log.committed };
	}

	/** May campaign: has a vote, and is as far as its log says. */
	get promotable(): boolean {
		return isVoter(this.membership, this.id) && this.log.unstableSnapshot === undefined;
	}

	get peers(): readonly MemberId[] {
		return membersOf(this.membership).filter((id) => id !== this.id);
	}

	/** Everything that speaks of this member's own durable state waits for the disk. */
	send(message: Message): void {
		(waitsForDisk(message) ? this.afterSync : this.outbox).push(message);
	}

	becomeFollower(term: number, leader: MemberId | undefined): void {
		if (this.state.role !== "follower" || term !== this.term || leader !== this.state.leader)
			this.trace(`${this.id} follows ${leader ?? "nobody"} in term ${term}`);
		this.#enterTerm(term);
		this.state = { role: "follower", leader };
	}

	/** Changes neither term nor vote. */
	becomePreCandidate(): CandidateState {
		this.trace(`${this.id} asks for pre-votes for term ${this.term + 1}`);
		const state: CandidateState = { role: "preCandidate", votes: new Map() };
		this.state = state;
		return state;
	}

	becomeCandidate(): void {
		this.#enterTerm(this.term + 1);
		this.trace(`${this.id} campaigns in term ${this.term}`);
		this.vote = this.id;
		this.state = { role: "candidate", votes: new Map() };
	}

	/** A leader's first entry is empty: once that is committed, so is all before it (section 5.4.2, thesis 6.4). */
	becomeLeader(): LeaderState {
		this.trace(`${this.id} leads term ${this.term}`);
		const leader = new LeaderState(this.log.lastIndex);
		this.#enterTerm(this.term);
		this.state = leader;
		for (const id of membersOf(this.membership)) leader.progress.set(id, this.newProgress());
		this.append(leader, { type: "normal", data: new Uint8Array() });
		return leader;
	}

	/** Active at first, so that a new leader, or one with new members, does not lose its quorum at once. */
	newProgress(): Progress {
		const progress = new Progress(this.log.lastIndex + 1, this.limits.maxInflightMessages);
		progress.recentlyActive = true;
		return progress;
	}

	/** Adds to the leader's log. It reaches the others at the next `ready()`, together with what else gathers until then. */
	append(leader: LeaderState, proposal: Proposal): Position {
		const place: Position = { term: this.term, index: this.log.lastIndex + 1 };
		const entry: Entry = { ...place, ...proposal };
		this.log.append(entry);
		leader.uncommitted.add(place.index, entryBytes(entry));
		return place;
	}

	#enterTerm(term: number): void {
		if (term < this.term) throw new RaftInvariantError(`term goes from ${this.term} to ${term}`);
		if (term > this.term) {
			this.term = term;
			this.vote = undefined;
		}
		this.electionElapsed = 0;
		this.electionTimeout = this.#drawTimeout();
	}

	#drawTimeout(): number {
		return this.electionTicks + this.#random.int(this.electionTicks);
	}
}
