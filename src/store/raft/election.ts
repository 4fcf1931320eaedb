/**
 * How a member comes to lead: campaigns, votes, and the clock that starts them.
 *
 * Source: Raft paper, sections 5.2 and 5.4.1; thesis 9.6 (pre-vote) and 6.2 (check-quorum).
 */
import type { CandidateState, Core } from "./core.ts";
import type { LeaderState } from "./leader-state.ts";
import { type MemberId, membersOf } from "./membership.ts";
import type { PreVote, PreVoteResponse, TimeoutNow, Vote, VoteResponse } from "./message.ts";
import { isLeaving } from "./proposal.ts";
import { hasQuorum, quorumVote } from "./quorum.ts";

/** A tick of everybody who does not lead. */
export function tickElection(core: Core): void {
	core.electionElapsed++;
	if (core.electionElapsed < core.electionTimeout || !core.promotable) return;
	core.electionElapsed = 0;
	campaign(core);
}

/** As if the election timeout had passed. */
export function campaign(core: Core): void {
	if (core.state.role === "leader" || !core.promotable) return;
	if (!core.preVote) {
		campaignNow(core, false);
		return;
	}
	const state = core.becomePreCandidate();
	for (const to of core.peers) core.send({ type: "preVote", from: core.id, to, term: core.term + 1, last: core.log.last });
	recordVote(core, state, core.id, true);
}

/** The own vote is counted by `voteDurable`. */
function campaignNow(core: Core, transfer: boolean): void {
	core.becomeCandidate();
	for (const to of core.peers) core.send({ type: "vote", from: core.id, to, term: core.term, last: core.log.last, transfer });
}

/** The vote for `id` in `term` is on the disk. */
export function voteDurable(core: Core, term: number, id: MemberId | undefined): void {
	if (core.state.role === "candidate" && term === core.term && id === core.id) recordVote(core, core.state, core.id, true);
}

function recordVote(core: Core, state: CandidateState, from: MemberId, granted: boolean): void {
	if (!state.votes.has(from)) state.votes.set(from, granted);
	const result = quorumVote(core.membership, state.votes);
	if (result === "lost") core.becomeFollower(core.term, undefined);
	else if (result === "won" && state.role === "preCandidate") campaignNow(core, false);
	else if (result === "won") core.becomeLeader().leaving = isLeaving(core);
}

/**
 * Whether what the leader says keeps this member from voting for somebody else: an election timeout must pass in which
 * nothing was heard of it. So who is cut off, or was removed, cannot disturb those who are not.
 */
export function inLease(core: Core): boolean {
	return core.checkQuorum && core.leader !== undefined && core.electionElapsed < core.electionTicks;
}

/** Of a term not below this member's. */
export function handlePreVote(core: Core, message: PreVote): void {
	const granted = core.log.isUpToDate(message.last) && (message.term > core.term || mayVoteFor(core, message.from));
	const term = granted ? message.term : core.term;
	core.send({ type: "preVoteResponse", from: core.id, to: message.from, term, granted });
}

/** Of this member's term. */
export function handleVote(core: Core, message: Vote): void {
	const granted = mayVoteFor(core, message.from) && core.log.isUpToDate(message.last);
	if (granted) {
		core.trace(`${core.id} votes for ${message.from} in term ${core.term}`);
		core.vote = message.from;
		core.electionElapsed = 0;
	}
	core.send({ type: "voteResponse", from: core.id, to: message.from, term: core.term, granted });
}

function mayVoteFor(core: Core, candidate: MemberId): boolean {
	return core.vote === candidate || (core.vote === undefined && core.leader === undefined);
}

export function handlePreVoteResponse(core: Core, message: PreVoteResponse): void {
	// A grant carries the term that was asked for.
	if (core.state.role !== "preCandidate" || (message.granted && message.term !== core.term + 1)) return;
	recordVote(core, core.state, message.from, message.granted);
}

export function handleVoteResponse(core: Core, message: VoteResponse): void {
	if (core.state.role === "candidate") recordVote(core, core.state, message.from, message.granted);
}

/** The leader's log is this member's too: it need not ask whether it would be elected. */
export function handleTimeoutNow(core: Core, message: TimeoutNow): void {
	if (core.state.role !== "follower" || !core.promotable) return;
	core.trace(`${core.id} was asked by ${message.from} to take over`);
	campaignNow(core, true);
}

/** Steps down if it did not hear of a quorum for an election timeout. Returns whether it still leads. */
export function checkQuorum(core: Core, leader: LeaderState): boolean {
	const active = hasQuorum(core.membership, (id) => id === core.id || leader.progress.get(id)?.recentlyActive === true);
	for (const id of membersOf(core.membership)) {
		const progress = leader.progress.get(id);
		if (progress !== undefined) progress.recentlyActive = false;
	}
	if (active) return true;
	core.trace(`${core.id} heard of no quorum`);
	core.becomeFollower(core.term, undefined);
	return false;
}
