/**
 * Changes of membership: what each does, and that no two majorities on either side of a change can decide apart.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ConfigChange, isJoint, type Membership, membershipOf, planChange, type SingleChange, type Transition } from "./membership.ts";
import { quorumVote } from "./quorum.ts";

const universe = ["1", "2", "3", "4", "5"];
const single = fc.record({
	type: fc.constantFrom<SingleChange["type"][]>("addVoter", "addLearner", "remove"),
	id: fc.constantFrom(...universe),
});
const change = fc.oneof(
	fc.record({
		type: fc.constant("change" as const),
		transition: fc.constantFrom<Transition[]>("auto", "jointImplicit", "jointExplicit"),
		changes: fc.array(single, { maxLength: 4 }),
		context: fc.constant(new Uint8Array()),
	}),
	fc.constant<ConfigChange>({ type: "leave" }),
);

function decides(membership: Membership, side: ReadonlySet<string>): boolean {
	return quorumVote(membership, new Map(universe.map((id) => [id, side.has(id)]))) === "won";
}

test("after any changes, lists are disjoint and sorted, and two sides cannot both decide across a change", () => {
	fc.assert(
		fc.property(fc.array(change, { maxLength: 12 }), fc.subarray(universe), (changes, side) => {
			let membership = membershipOf(["1", "2", "3"]);
			for (const next of changes) {
				const plan = planChange(membership, next);
				if ("impossible" in plan) continue;
				const { voters, outgoing, learners, learnersNext } = plan;
				expect(voters.length).toBeGreaterThan(0);
				expect(learners.filter((id) => voters.includes(id) || outgoing.includes(id))).toEqual([]);
				expect(learnersNext.filter((id) => !outgoing.includes(id) || voters.includes(id))).toEqual([]);
				for (const ids of [voters, outgoing, learners, learnersNext]) expect(ids).toEqual([...new Set(ids)].sort());
				if (!isJoint(plan)) expect({ learnersNext, autoLeave: plan.autoLeave }).toEqual({ learnersNext: [], autoLeave: false });
				const others = new Set(universe.filter((id) => !side.includes(id)));
				expect(decides(membership, new Set(side)) && decides(plan, others)).toBe(false);
				membership = plan;
			}
		}),
		{ numRuns: 1000 },
	);
});

test("a voter that is demoted jointly votes until the joint configuration is left", () => {
	const changes: SingleChange[] = [
		{ type: "addVoter", id: "4" },
		{ type: "addLearner", id: "1" },
		{ type: "addLearner", id: "5" },
	];
	const joint = planChange(membershipOf(["1", "2", "3"]), { type: "change", transition: "auto", changes, context: new Uint8Array() });
	expect(joint).toEqual({ voters: ["2", "3", "4"], outgoing: ["1", "2", "3"], learners: ["5"], learnersNext: ["1"], autoLeave: true });
	expect("impossible" in joint ? joint : planChange(joint, { type: "leave" })).toEqual(membershipOf(["2", "3", "4"], ["1", "5"]));
});
