/**
 * The leader's side of replication: what it sends, what it learns from the answers, when an entry is committed.
 *
 * Appends leave in one place, `flushAppends`, when messages are collected: what was proposed since the last time shares
 * a message. A member in `replicate` gets the next append before it answered the last one.
 *
 * Source: Raft paper, sections 5.3, 5.4.2 and 7; thesis 10.2 (pipelining, writing to the leader's disk in parallel).
 */
import type { Core } from "./core.ts";
import type { Position } from "./entry.ts";
import { RaftInvariantError } from "./invariant.ts";
import type { LeaderState } from "./leader-state.ts";
import { isLearner, type MemberId } from "./membership.ts";
import type { AppendResponse, HeartbeatResponse } from "./message.ts";
import type { Progress } from "./progress.ts";
import { quorumIndex } from "./quorum.ts";
import { beginReadRound, committedInTerm, confirmReads } from "./reads.ts";

/** Sends every member what it may get now. */
function flushAppends(core: Core, leader: LeaderState): void {
	for (const [id, progress] of leader.progress) {
		if (id === core.id) continue;
		let more = true;
		while (more) more = sendAppend(core, id, progress);
	}
}

/** Returns whether there may be more to send. */
function sendAppend(core: Core, to: MemberId, progress: Progress): boolean {
	if (progress.paused) return false;
	const { log, limits } = core;
	const mayCarry = progress.state === "probe" || !progress.inflights.full;
	const hasNews = (mayCarry && progress.next <= log.lastIndex) || log.committed > progress.commitSent;
	if (progress.state === "replicate" && !hasNews && !progress.nudged) return false;
	const previous = { index: progress.next - 1, term: log.term(progress.next - 1) };
	if (previous.term === undefined) return sendSnapshot(core, to, progress);

	const entries = mayCarry ? log.entries(progress.next, log.lastIndex + 1, limits.maxMessageBytes) : [];
	core.send({
		type: "append",
		from: core.id,
		to,
		term: core.term,
		previous: { index: previous.index, term: previous.term },
		entries,
		commit: log.committed,
	});
	progress.commitSent = log.committed;
	progress.nudged = false;
	const last = entries.at(-1);
	if (progress.state === "probe") progress.probeSent = true;
	else if (last !== undefined) {
		progress.next = last.index + 1;
		progress.inflights.add(last.index);
	}
	return progress.state === "replicate" && last !== undefined;
}

/** To a member whose next entry is compacted. One that was not heard of lately would not get it anyway. */
function sendSnapshot(core: Core, to: MemberId, progress: Progress): false {
	if (!progress.recentlyActive) return false;
	const snapshot = core.log.snapshotToSend();
	if (snapshot === undefined) return false;
	const { index } = snapshot.metadata;
	if (index + 1 < core.log.firstIndex)
		throw new RaftInvariantError(`the snapshot at ${index} is older than the log, which begins at ${core.log.firstIndex}`);
	core.trace(`${core.id} sends ${to} a snapshot at ${index}`);
	core.send({ type: "snapshot", from: core.id, to, term: core.term, snapshot });
	progress.becomeSnapshot(index);
	return false;
}

export function broadcastHeartbeat(core: Core, leader: LeaderState): void {
	leader.heartbeatElapsed = 0;
	for (const [to, progress] of leader.progress) {
		if (to === core.id) continue;
		const commit = Math.min(progress.match, core.log.committed);
		core.send({ type: "heartbeat", from: core.id, to, term: core.term, commit, readSequence: leader.readSequence });
	}
}

export function handleAppendResponse(core: Core, message: AppendResponse): void {
	if (core.state.role !== "leader") return;
	const leader = core.state;
	const progress = leader.progress.get(message.from);
	if (progress === undefined) return;
	progress.recentlyActive = true;
	if (message.rejected !== undefined) {
		progress.rejected(message.index, agreeIndex(core, message.rejected));
		return;
	}
	if (message.index > core.log.lastIndex)
		throw new RaftInvariantError(`${message.from} acknowledges ${message.index}, the leader's log ends at ${core.log.lastIndex}`);
	progress.accepted(message.index);
	advanceState(core, progress, message.index);
	maybeCommit(core, leader);
	maybeFinishTransfer(core, leader, message.from, progress);
}

/** The logs agree no later than where the leader's term is not above the one that the member has there. */
function agreeIndex(core: Core, hint: Position): number {
	return hint.term === 0 ? hint.index : core.log.lastNotAfter(hint.index, hint.term).index;
}

function advanceState(core: Core, progress: Progress, index: number): void {
	switch (progress.state) {
		case "replicate":
			progress.inflights.freeTo(index);
			return;
		case "probe":
			if (progress.match + 1 >= core.log.firstIndex) progress.becomeReplicate();
			return;
		case "snapshot":
			if (progress.match >= progress.pendingSnapshot || progress.match + 1 >= core.log.firstIndex) progress.becomeReplicate();
			return;
	}
}

export function handleHeartbeatResponse(core: Core, message: HeartbeatResponse): void {
	if (core.state.role !== "leader") return;
	const leader = core.state;
	const progress = leader.progress.get(message.from);
	if (progress === undefined) return;
	progress.recentlyActive = true;
	progress.probeSent = false;
	// It answers, but does not have everything: perhaps an append got lost. An empty one will show.
	if (progress.match < core.log.lastIndex) progress.nudged = true;
	progress.readSequence = Math.max(progress.readSequence, message.readSequence);
	confirmReads(core, leader);
}

/** What the leader has on its disk counts like any member's. */
export function ownEntriesDurable(core: Core, leader: LeaderState): void {
	const progress = leader.progress.get(core.id);
	if (progress === undefined) return;
	progress.accepted(core.log.stableIndex);
	maybeCommit(core, leader);
}

/**
 * An entry of the leader's own term is committed when a majority has it, and with it all before it. Entries of earlier
 * terms are never committed by counting (section 5.4.2, figure 8).
 */
export function maybeCommit(core: Core, leader: LeaderState): void {
	const index = quorumIndex(core.membership, (id) => leader.progress.get(id)?.match ?? 0);
	if (index <= core.log.committed || core.log.term(index) !== core.term) return;
	core.log.commitTo(index);
	leader.uncommitted.committed(index);
	committedInTerm(core, leader);
}

/** A member that has the whole log can take over. */
export function maybeFinishTransfer(core: Core, leader: LeaderState, id: MemberId, progress: Progress): void {
	if (leader.transferee !== id || progress.match !== core.log.lastIndex || isLearner(core.membership, id)) return;
	core.trace(`${core.id} asks ${id} to take over`);
	core.send({ type: "timeoutNow", from: core.id, to: id, term: core.term });
}

/** Sends what waits: the heartbeat round of new reads, then entries. */
export function flushLeader(core: Core, leader: LeaderState): void {
	if (beginReadRound(leader)) {
		broadcastHeartbeat(core, leader);
		confirmReads(core, leader);
	}
	flushAppends(core, leader);
}

/** A snapshot nobody reports on may be lost. */
export function tickSnapshots(core: Core, leader: LeaderState): void {
	for (const progress of leader.progress.values())
		if (progress.state === "snapshot" && ++progress.snapshotTicks >= core.snapshotTicks) progress.becomeProbe();
}
