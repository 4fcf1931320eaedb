/**
 * Raft: how the members of a store agree on one order of commands, though machines stop and networks break.
 *
 *      client ─> propose ─┐                                  ┌─> messages ──────────────────> transport ─> other members
 *      transport ─> step ─┼─> RaftNode (pure) ──> Ready ──> ├─> entries, hardState ─> log (synced) ─> messagesAfterSync, advance
 *      clock ────> tick ──┘                                  ├─> committedEntries ─> MvccState.apply ─> answers, watches
 *                                                            └─> readStates ─> range
 *
 *  - node.ts is the door of one member, ready.ts says what its driver has to do and in which order, options.ts what it
 *    is made of. storage.ts is what it reads; log-store.ts is a durable log in a file (log-directory.ts, log-codec.ts, log-replay.ts),
 *    standstill-log.ts the same in virtual time, and memory-storage.ts the readable half of any.
 *  - core.ts is its state; step.ts hands each message to its one handler: election.ts, follower.ts (a follower's side
 *    of replication), replication.ts (a leader's), reads.ts, proposal.ts, reconfigure.ts, transfer.ts.
 *  - Pure parts: log.ts, quorum.ts, membership.ts, progress.ts, inflights.ts.
 *
 * To run a member: open its log, `new RaftNode({ id, storage, applied, random })`, call `tick` from a clock, `step` for
 * what arrives, and after any call work off `ready()` until it is undefined. A normal entry's data are a command of the
 * state machine as bytes; every member's `committedEntries` are the same commands in the same order, so each applies
 * them to its own `MvccState`. The answer to a proposal is due where it was proposed, when an entry with its term and
 * index is handed out (or, if it was forwarded, one with its id). A linearizable read is `readIndex(context)`, its read
 * state, and then a range at a state that has applied that index.
 *
 * Invariants (figure 3 of the Raft paper; testing/checkers.ts asserts them): one leader a term; a leader only appends;
 * logs with the same entry somewhere are the same up to there; a leader has all committed entries; no two state
 * machines apply different commands at one index.
 *
 * Source: "In Search of an Understandable Consensus Algorithm" (Ongaro and Ousterhout, extended version) and Ongaro's
 * thesis "Consensus: Bridging Theory and Practice"; the shape of the interface follows etcd-io/raft's documentation.
 */
export type { ReadState, Role } from "./core.ts";
export {
	type ConfigEntry,
	type Entry,
	entryBytes,
	type HardState,
	type NormalEntry,
	type Position,
	type Proposal,
	type Snapshot,
	type SnapshotMetadata,
} from "./entry.ts";
export { RaftInvariantError } from "./invariant.ts";
export { LoadedLog } from "./loaded-log.ts";
export { encodeRecord, type LogRecord, readEntries, writeEntries } from "./log-codec.ts";
export type { LogStoreOptions } from "./log-directory.ts";
export { DamagedLogError, type Replayed, replayLog } from "./log-replay.ts";
export { LogStore } from "./log-store.ts";
export {
	type ConfigChange,
	isJoint,
	isLearner,
	isVoter,
	type MemberId,
	type Membership,
	membershipAfter,
	membershipOf,
	membersOf,
	planChange,
	type SingleChange,
	type Transition,
} from "./membership.ts";
export { bootstrapSnapshot, emptySnapshot, MemoryStorage, type StorageWrite } from "./memory-storage.ts";
export type { InstallSnapshot, Message } from "./message.ts";
export { type ProgressStatus, RaftNode, type RaftStatus, type ReadResult } from "./node.ts";
export { defaultLimits, type RaftLimits, type RaftOptions } from "./options.ts";
export type { ProposeResult, Refusal, RefusalReason } from "./proposal.ts";
export type { Ready, SoftState } from "./ready.ts";
export { describeMembership } from "./reconfigure.ts";
export { StandstillLog } from "./standstill-log.ts";
export type { RaftStorage } from "./storage.ts";
export type { TransferResult } from "./transfer.ts";
