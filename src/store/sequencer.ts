/**
 * Puts the commands of all who write in one order. Alone (solo-sequencer.ts), the order is that of the calls; in a group
 * (replica/), it is Raft's log.
 *
 *     MemberStore ──propose──> Sequencer ──in its turn──> StateMachine.execute ──> the response
 */
import type { StoreGroup } from "./group.ts";
import type { ResponseOf, WriteCommand } from "./mvcc/command.ts";
import type { StateMachine } from "./state-machine.ts";
import type { Lease } from "./store.ts";

/** What only the leader knows: how long leases have left. */
export type LeaseRequest = { readonly type: "keepAlive" | "lease"; readonly id: bigint };

/** What a sequencer tells the store it serves. */
export interface SequencerEvents {
	/** From here on the leases run at this member, or do no more. */
	leads(isLeading: boolean): void;
	/** The leader answers for all. Rejects with `GroupError` "notLeader" at a member that does not lead, `LeaseNotFoundError`. */
	answer(request: LeaseRequest): Promise<Lease>;
	/** A command took effect here. */
	applied(command: WriteCommand): void;
	/** Nothing is accepted any more. */
	failed(error: Error): void;
}

export interface Sequencer {
	/** Another one once the member has been sent a snapshot. */
	readonly machine: StateMachine;
	readonly group: StoreGroup;
	/** Resolves once the command took effect at this member; rejects with its refusal, `GroupError` or `StoreFailedError`. */
	propose<C extends WriteCommand>(command: C): Promise<ResponseOf<C>>;
	/** As `propose`, but never through another member: rejects with `GroupError` "notLeader" if this one does not lead. */
	proposeAsLeader(command: WriteCommand): Promise<unknown>;
	/** Resolves when a read of `machine` sees everything that was answered before the call. Rejects with `GroupError`. */
	readBarrier(): Promise<void>;
	askLeader(request: LeaseRequest): Promise<Lease>;
	/** Ends in order: what was proposed is answered, if it can be. */
	close(): Promise<void>;
}

/** Makes the sequencer of a store. It may call `events` only later. */
export type SequencerFactory = (events: SequencerEvents) => Sequencer;
