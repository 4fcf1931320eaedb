/**
 * Linearizable reads without an entry in the log: the leader notes its commit index, makes sure that it still leads, and
 * says at which index the state machine may answer.
 *
 *     readIndex ─> index := commit (once an entry of this term is) ─> heartbeat round n ─> quorum answers n ─> read state
 *
 * Every heartbeat carries the newest round, so a lost one is made up for by the next.
 *
 * Source: Ongaro's thesis, section 6.4.
 */
import type { Core } from "./core.ts";
import type { LeaderState, PendingRead } from "./leader-state.ts";
import type { MemberId } from "./membership.ts";
import { quorumIndex } from "./quorum.ts";

/** Whether the leader knows which entries are committed: not before one of its own term is. */
function knowsCommit(core: Core): boolean {
	return core.log.term(core.log.committed) === core.term;
}

/** Returns false if too many reads wait. The round goes out with `flushReads`. */
export function addRead(core: Core, leader: LeaderState, from: MemberId, context: string): boolean {
	if (leader.pendingReads.length >= core.limits.maxPendingReads) return false;
	const index = knowsCommit(core) ? core.log.committed : undefined;
	leader.pendingReads.push({ from, context, index, sequence: leader.readSequence + 1 });
	return true;
}

/** Begins the round that confirms the reads asked since the last one. Returns whether there are any. */
export function beginReadRound(leader: LeaderState): boolean {
	const newest = leader.pendingReads.at(-1);
	if (newest === undefined || newest.sequence <= leader.readSequence) return false;
	leader.readSequence = newest.sequence;
	return true;
}

/** Gives reads their index that were asked before the leader knew one. */
export function committedInTerm(core: Core, leader: LeaderState): void {
	if (leader.pendingReads[0]?.index !== undefined) return;
	const index = core.log.committed;
	leader.pendingReads = leader.pendingReads.map((read) => (read.index === undefined ? { ...read, index } : read));
	confirmReads(core, leader);
}

/** Answers the reads whose round a quorum has confirmed. */
export function confirmReads(core: Core, leader: LeaderState): void {
	const confirmed = quorumIndex(core.membership, (id) =>
		id === core.id ? leader.readSequence : (leader.progress.get(id)?.readSequence ?? 0),
	);
	const open = leader.pendingReads.findIndex((read) => read.sequence > confirmed || read.index === undefined);
	const done = leader.pendingReads.splice(0, open < 0 ? leader.pendingReads.length : open);
	for (const read of done) answerRead(core, read);
}

function answerRead(core: Core, read: PendingRead): void {
	const { from, context, index } = read;
	if (index === undefined) return;
	if (from === core.id) core.readStates.push({ context, index });
	else core.send({ type: "readIndexResponse", from: core.id, to: from, context, index });
}
