/**
 * The arithmetic of majorities against the definition, tried over every subset of the voters.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Membership, membershipOf } from "./membership.ts";
import { hasQuorum, majorityIndex, majorityVote, quorumIndex, quorumVote } from "./quorum.ts";

const universe = ["a", "b", "c", "d", "e", "f", "g"];
const voters = fc.subarray(universe);
const reached = fc.record(Object.fromEntries(universe.map((id) => [id, fc.nat(5)])));
const answers = fc.record(Object.fromEntries(universe.map((id) => [id, fc.constantFrom(true, false, undefined)])));
const joint = fc.tuple(voters, voters).map(([incoming, outgoing]): Membership => ({ ...membershipOf(incoming), outgoing }));

function subsets(ids: readonly string[]): readonly (readonly string[])[] {
	return Array.from({ length: 2 ** ids.length }, (_, bits) => ids.filter((_id, i) => (bits >> i) % 2 === 1));
}

/** The sets of more than half. */
function majorities(ids: readonly string[]): readonly (readonly string[])[] {
	return subsets(ids).filter((subset) => subset.length * 2 > ids.length);
}

/** "Some majority has all reached it": the highest index for which that holds. */
function highestByDefinition(ids: readonly string[], indexes: Readonly<Record<string, number>>): number {
	if (ids.length === 0) return Number.POSITIVE_INFINITY;
	return Math.max(...majorities(ids).map((majority) => Math.min(...majority.map((id) => indexes[id] ?? 0))));
}

function voteByDefinition(ids: readonly string[], votes: Readonly<Record<string, boolean | undefined>>): string {
	if (ids.length === 0) return "won";
	if (majorities(ids).some((majority) => majority.every((id) => votes[id] === true))) return "won";
	return majorities(ids).some((majority) => majority.every((id) => votes[id] !== false)) ? "pending" : "lost";
}

function asMap(votes: Readonly<Record<string, boolean | undefined>>): ReadonlyMap<string, boolean> {
	return new Map(Object.entries(votes).flatMap(([id, vote]) => (vote === undefined ? [] : [[id, vote] as const])));
}

test("an index is what some majority has reached", () => {
	fc.assert(
		fc.property(voters, reached, (ids, indexes) => {
			expect(majorityIndex(ids, (id) => indexes[id] ?? 0)).toBe(highestByDefinition(ids, indexes));
		}),
	);
});

test("a vote is won by some majority, and lost if no majority can be had any more", () => {
	fc.assert(
		fc.property(voters, answers, (ids, votes) => {
			expect(majorityVote(ids, asMap(votes))).toBe(voteByDefinition(ids, votes));
		}),
	);
});

test("a joint configuration needs both sets", () => {
	fc.assert(
		fc.property(joint, reached, answers, (membership, indexes, votes) => {
			const { voters: incoming, outgoing } = membership;
			const index = Math.min(highestByDefinition(incoming, indexes), highestByDefinition(outgoing, indexes));
			expect(quorumIndex(membership, (id) => indexes[id] ?? 0)).toBe(index);
			const both = [voteByDefinition(incoming, votes), voteByDefinition(outgoing, votes)];
			expect(quorumVote(membership, asMap(votes))).toBe(both.includes("lost") ? "lost" : both.includes("pending") ? "pending" : "won");
			expect(hasQuorum(membership, (id) => votes[id] === true)).toBe(both.every((result) => result === "won"));
		}),
	);
});
