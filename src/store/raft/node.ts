/**
 * One member of a Raft group as its driver sees it: calls go in, a `Ready` comes out. No I/O, no clock, no promises; the
 * same calls in the same order lead to the same state.
 *
 * After any call, `ready()` says what is to be done (ready.ts has the order), until it returns undefined.
 */
import { Core } from "./core.ts";
import { campaign, checkQuorum, tickElection, voteDurable } from "./election.ts";
import type { HardState, Position } from "./entry.ts";
import { RaftInvariantError } from "./invariant.ts";
import type { LeaderState } from "./leader-state.ts";
import { type ConfigChange, type MemberId, type Membership, membershipAfter } from "./membership.ts";
import type { Message } from "./message.ts";
import type { RaftOptions } from "./options.ts";
import type { ProgressState } from "./progress.ts";
import { type ProposeResult, propose, type Refusal, refuse } from "./proposal.ts";
import { addRead } from "./reads.ts";
import type { Ready, SoftState } from "./ready.ts";
import { handOut } from "./reconfigure.ts";
import { broadcastHeartbeat, flushLeader, ownEntriesDurable, tickSnapshots } from "./replication.ts";
import { step } from "./step.ts";
import type { RaftStorage } from "./storage.ts";
import { abortTransfer, type TransferResult, transfer } from "./transfer.ts";

/** What a leader knows of a member. */
export interface ProgressStatus {
	readonly state: ProgressState;
	readonly match: number;
	readonly next: number;
	readonly recentlyActive: boolean;
}

export interface RaftStatus extends SoftState {
	readonly id: MemberId;
	readonly term: number;
	readonly vote: MemberId | undefined;
	readonly firstIndex: number;
	readonly last: Position;
	readonly commit: number;
	readonly applied: number;
	readonly membership: Membership;
	readonly transferee: MemberId | undefined;
	/** Empty unless this member leads. */
	readonly progress: ReadonlyMap<MemberId, ProgressStatus>;
}

export type ReadResult = { readonly status: "started" } | { readonly status: "forwarded"; readonly to: MemberId } | Refusal;

export class RaftNode {
	readonly #core: Core;
	#softState: SoftState = { role: "follower", leader: undefined };
	/** As last handed out. */
	#hardState: HardState;
	/** Being written. */
	#writing: Ready | undefined;

	/** Throws `RaftInvariantError` if what storage has contradicts itself or `applied`. */
	constructor(options: RaftOptions) {
		this.#core = new Core(options, membershipAt(options.storage, options.applied));
		this.#hardState = this.#core.hardState;
	}

	get id(): MemberId {
		return this.#core.id;
	}

	/** A message arrived. One for somebody else is an error of the driver's. */
	step(message: Message): void {
		if (message.to !== this.#core.id) throw new RaftInvariantError(`${this.#core.id} got a message for ${message.to}`);
		step(this.#core, message);
	}

	/** Time passes; see `electionTicks` and `heartbeatTicks`. */
	tick(): void {
		if (this.#core.state.role === "leader") tickLeader(this.#core, this.#core.state);
		else tickElection(this.#core);
	}

	/** Campaigns without waiting for the election timeout. */
	campaign(): void {
		campaign(this.#core);
	}

	/** @param data what the state machines are to apply; not changed afterwards. */
	propose(data: Uint8Array): ProposeResult {
		return propose(this.#core, { type: "normal", data });
	}

	/** One change at a time; see membership.ts. */
	proposeChange(change: ConfigChange): ProposeResult {
		return propose(this.#core, { type: "config", change });
	}

	/**
	 * Asks from which index on a read is linearizable. The answer is a read state with the same `context`, or never comes
	 * (a leader was lost): ask again then, with another context. Contexts of one member must differ, across its restarts too.
	 */
	readIndex(context: string): ReadResult {
		const core = this.#core;
		if (core.state.role === "leader")
			return addRead(core, core.state, core.id, context)
				? { status: "started" }
				: refuse("overloaded", `${core.state.pendingReads.length} reads wait for a quorum`);
		const to = core.leader;
		if (to === undefined) return refuse("noLeader", "no leader is known");
		core.send({ type: "readIndex", from: core.id, to, context });
		return { status: "forwarded", to };
	}

	/** Makes `to` lead, if it is well and all goes well. Proposals are refused until it does or an election timeout is over. */
	transferLeadership(to: MemberId): TransferResult {
		return transfer(this.#core, to);
	}

	/** What was sent to `id` last may be lost: the driver's connection to it broke. */
	reportUnreachable(id: MemberId): void {
		const progress = this.#progress(id);
		if (progress?.state === "replicate") progress.becomeProbe();
	}

	/** What became of the snapshot that was sent to `id`. */
	reportSnapshot(id: MemberId, outcome: "arrived" | "failed"): void {
		const progress = this.#progress(id);
		if (progress?.state !== "snapshot") return;
		if (outcome === "arrived") progress.snapshotArrived();
		else progress.becomeProbe();
	}

	/** What there is to do; undefined if there is nothing. */
	ready(): Ready | undefined {
		const core = this.#core;
		const committedEntries = core.log.nextCommitted(core.limits.maxCommittedBytes);
		handOut(core, committedEntries);
		if (core.state.role === "leader") flushLeader(core, core.state);
		const write = this.#takeWrite();
		const messages =
			write.mustSync || this.#writing !== undefined ? take(core, "outbox") : [...take(core, "outbox"), ...take(core, "afterSync")];
		const softState = this.#takeSoftState();
		const readStates = core.readStates;
		core.readStates = [];
		const ready: Ready = { ...write, softState, messages, committedEntries, readStates };
		if (ready.mustSync) this.#writing = ready;
		return isEmpty(ready) ? undefined : ready;
	}

	/** The write of `ready` is durable, and its snapshot, if any, is what the state machine has. */
	advance(ready: Ready): void {
		if (!ready.mustSync) return;
		if (this.#writing !== ready) throw new RaftInvariantError("advance() is for the write that is under way");
		this.#writing = undefined;
		const core = this.#core;
		if (ready.snapshot !== undefined) core.log.snapshotStable(ready.snapshot);
		core.log.entriesStable(ready.entries);
		if (ready.hardState !== undefined) voteDurable(core, ready.hardState.term, ready.hardState.vote);
		if (core.state.role === "leader") ownEntriesDurable(core, core.state);
	}

	/** A copy of the member's state, for people and tests. */
	status(): RaftStatus {
		const core = this.#core;
		const progress = new Map<MemberId, ProgressStatus>();
		if (core.state.role === "leader")
			for (const [id, { state, match, next, recentlyActive }] of core.state.progress)
				progress.set(id, { state, match, next, recentlyActive });
		return {
			id: core.id,
			role: core.state.role,
			leader: core.leader,
			term: core.term,
			vote: core.vote,
			firstIndex: core.log.firstIndex,
			last: core.log.last,
			commit: core.log.committed,
			applied: core.log.applied,
			membership: core.membership,
			transferee: core.state.role === "leader" ? core.state.transferee : undefined,
			progress,
		};
	}

	/** From firstIndex - 1 to the end of the log; undefined outside. */
	termAt(index: number): number | undefined {
		return this.#core.log.term(index);
	}

	#progress(id: MemberId) {
		return this.#core.state.role === "leader" ? this.#core.state.progress.get(id) : undefined;
	}

	#takeWrite(): Pick<Ready, "snapshot" | "entries" | "hardState" | "mustSync" | "messagesAfterSync"> {
		if (this.#writing !== undefined)
			return { snapshot: undefined, entries: [], hardState: undefined, mustSync: false, messagesAfterSync: [] };
		const { log, hardState } = this.#core;
		const before = this.#hardState;
		this.#hardState = hardState;
		const promised = hardState.term !== before.term || hardState.vote !== before.vote;
		const snapshot = log.unstableSnapshot;
		const entries = [...log.unstableEntries];
		const mustSync = promised || snapshot !== undefined || entries.length > 0;
		return {
			snapshot,
			entries,
			hardState: promised || hardState.commit !== before.commit ? hardState : undefined,
			mustSync,
			messagesAfterSync: mustSync ? take(this.#core, "afterSync") : [],
		};
	}

	#takeSoftState(): SoftState | undefined {
		const softState: SoftState = { role: this.#core.state.role, leader: this.#core.leader };
		if (softState.role === this.#softState.role && softState.leader === this.#softState.leader) return undefined;
		this.#softState = softState;
		return softState;
	}
}

function tickLeader(core: Core, leader: LeaderState): void {
	core.electionElapsed++;
	if (core.electionElapsed >= core.electionTicks) {
		core.electionElapsed = 0;
		abortTransfer(core, leader);
		if (core.checkQuorum && !checkQuorum(core, leader)) return;
	}
	tickSnapshots(core, leader);
	leader.heartbeatElapsed++;
	if (leader.heartbeatElapsed >= core.heartbeatTicks) broadcastHeartbeat(core, leader);
}

/** The snapshot's, and what the log changed in it up to `applied`. */
function membershipAt(storage: RaftStorage, applied: number | undefined): Membership {
	const { index, membership } = storage.snapshotMetadata();
	if (applied === undefined || applied <= index || applied > storage.lastIndex()) return membership;
	return storage
		.entries(index + 1, applied + 1, Number.POSITIVE_INFINITY)
		.reduce((current, entry) => (entry.type === "config" ? membershipAfter(current, entry.change) : current), membership);
}

function take(core: Core, box: "outbox" | "afterSync"): readonly Message[] {
	const messages = core[box];
	core[box] = [];
	return messages;
}

function isEmpty(ready: Ready): boolean {
	return (
		ready.softState === undefined &&
		ready.hardState === undefined &&
		!ready.mustSync &&
		ready.messages.length === 0 &&
		ready.committedEntries.length === 0 &&
		ready.readStates.length === 0
	);
}
