/**
 * Arithmetic of majorities. A joint configuration decides what both of its sets decide.
 *
 * Source: Raft paper, sections 5.2, 5.3 and 6.
 */
import type { MemberId, Membership } from "./membership.ts";

export type VoteResult = "won" | "lost" | "pending";

/** How many of `count` voters are a majority. */
export function majorityOf(count: number): number {
	return Math.floor(count / 2) + 1;
}

/** The highest number that a majority of both sets has reached; Infinity if there are no voters. */
export function quorumIndex(membership: Membership, reached: (id: MemberId) => number): number {
	return Math.min(majorityIndex(membership.voters, reached), majorityIndex(membership.outgoing, reached));
}

/** The highest number that a majority of `voters` has reached; Infinity for none, so that an empty set never holds up. */
export function majorityIndex(voters: readonly MemberId[], reached: (id: MemberId) => number): number {
	if (voters.length === 0) return Number.POSITIVE_INFINITY;
	const descending = voters.map(reached).sort((a, b) => b - a);
	return descending[majorityOf(voters.length) - 1] ?? 0;
}

/** Lost as soon as one set is lost; won when both are. */
export function quorumVote(membership: Membership, votes: ReadonlyMap<MemberId, boolean>): VoteResult {
	const results = [majorityVote(membership.voters, votes), majorityVote(membership.outgoing, votes)];
	if (results.includes("lost")) return "lost";
	return results.includes("pending") ? "pending" : "won";
}

/** Of an empty set: won. */
export function majorityVote(voters: readonly MemberId[], votes: ReadonlyMap<MemberId, boolean>): VoteResult {
	const needed = voters.length === 0 ? 0 : majorityOf(voters.length);
	const granted = voters.filter((id) => votes.get(id) === true).length;
	const open = voters.filter((id) => !votes.has(id)).length;
	if (granted >= needed) return "won";
	return granted + open >= needed ? "pending" : "lost";
}

/** Whether those for whom `holds` is true are a majority of both sets. */
export function hasQuorum(membership: Membership, holds: (id: MemberId) => boolean): boolean {
	return quorumIndex(membership, (id) => (holds(id) ? 1 : 0)) >= 1;
}
