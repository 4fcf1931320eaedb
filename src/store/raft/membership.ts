/**
 * Who belongs to the group, and how that changes. Pure functions over plain values.
 *
 *     one voter more or less ──── simple ────────────────────────────> new
 *     anything else ── enterJoint ─> joint (old and new decide) ── leave ─> new
 *
 * A simple change keeps every majority of the old set and every one of the new set overlapping. In a joint
 * configuration, elections and commits need a majority of both sets.
 *
 * Invariants: no learner is a voter; `learnersNext` are outgoing voters; `outgoing`, `learnersNext` are empty and
 * `autoLeave` is false outside of a joint configuration; id lists are sorted and without duplicates.
 *
 * Source: Raft paper, section 6; Ongaro's thesis, chapter 4.
 */

import { RaftInvariantError } from "./invariant.ts";

/** Names a member for good: never given to another one, not even after its removal. */
export type MemberId = string;

export interface Membership {
	/** Those who decide; in a joint configuration the incoming set. */
	readonly voters: readonly MemberId[];
	/** The old set of voters, while the configuration is joint. */
	readonly outgoing: readonly MemberId[];
	/** Get the log, have no vote. */
	readonly learners: readonly MemberId[];
	/** Outgoing voters who become learners when the joint configuration is left. */
	readonly learnersNext: readonly MemberId[];
	/** The leader leaves the joint configuration by itself. */
	readonly autoLeave: boolean;
}

export const emptyMembership: Membership = { voters: [], outgoing: [], learners: [], learnersNext: [], autoLeave: false };

export interface SingleChange {
	/** addVoter also promotes a learner, addLearner also demotes a voter. */
	readonly type: "addVoter" | "addLearner" | "remove";
	readonly id: MemberId;
}

/**
 * - auto: a simple change if one voter at most comes or goes by one step, else joint, left automatically
 * - jointImplicit: joint, left automatically
 * - jointExplicit: joint until somebody proposes to leave
 */
export type Transition = "auto" | "jointImplicit" | "jointExplicit";

export type ConfigChange =
	| {
			readonly type: "change";
			readonly transition: Transition;
			/** At least one. Applied in order. */
			readonly changes: readonly SingleChange[];
			/** For the application, such as a new member's addresses. */
			readonly context: Uint8Array;
	  }
	| { readonly type: "leave" };

/** A change that does not fit the membership it is meant for. */
export interface ImpossibleChange {
	readonly impossible: string;
}

export function isJoint(membership: Membership): boolean {
	return membership.outgoing.length > 0;
}

/** Has a say in elections and commits. */
export function isVoter(membership: Membership, id: MemberId): boolean {
	return membership.voters.includes(id) || membership.outgoing.includes(id);
}

export function isLearner(membership: Membership, id: MemberId): boolean {
	return membership.learners.includes(id);
}

/** Everybody the leader replicates to, itself included. */
export function membersOf(membership: Membership): readonly MemberId[] {
	const { voters, outgoing, learners } = membership;
	return sorted(new Set([...voters, ...outgoing, ...learners]));
}

/** A membership of these voters and learners. */
export function membershipOf(voters: readonly MemberId[], learners: readonly MemberId[] = []): Membership {
	return { ...emptyMembership, voters: sorted(new Set(voters)), learners: sorted(new Set(learners)) };
}

/** What `change` makes of `membership`. */
export function planChange(membership: Membership, change: ConfigChange): Membership | ImpossibleChange {
	if (change.type === "leave") return leaveJoint(membership);
	if (isJoint(membership)) return { impossible: "a joint configuration must be left before the next change" };
	if (change.changes.length === 0) return { impossible: "a change of membership names no member" };
	const next = applyAll(membership, change.changes);
	if (next.voters.length === 0) return { impossible: "a change of membership must leave a voter" };
	const simple = change.transition === "auto" && change.changes.length === 1;
	if (simple) return next;
	return enterJoint(membership, next, change.transition !== "jointExplicit");
}

/** Of a change in the log: it was checked before it got there. */
export function membershipAfter(membership: Membership, change: ConfigChange): Membership {
	const next = planChange(membership, change);
	if ("impossible" in next) throw new RaftInvariantError(`the log has an impossible change of membership: ${next.impossible}`);
	return next;
}

function enterJoint(old: Membership, next: Membership, autoLeave: boolean): Membership | ImpossibleChange {
	if (old.voters.length === 0) return { impossible: "a membership without voters cannot be changed jointly" };
	// A voter that becomes a learner goes on voting in the outgoing set, so it is none yet.
	const demoted = next.learners.filter((id) => old.voters.includes(id));
	return {
		voters: next.voters,
		outgoing: old.voters,
		learners: next.learners.filter((id) => !demoted.includes(id)),
		learnersNext: demoted,
		autoLeave,
	};
}

function leaveJoint(membership: Membership): Membership | ImpossibleChange {
	if (!isJoint(membership)) return { impossible: "there is no joint configuration to leave" };
	return membershipOf(membership.voters, [...membership.learners, ...membership.learnersNext]);
}

function applyAll(membership: Membership, changes: readonly SingleChange[]): Membership {
	const voters = new Set(membership.voters);
	const learners = new Set(membership.learners);
	for (const { type, id } of changes) {
		voters.delete(id);
		learners.delete(id);
		if (type === "addVoter") voters.add(id);
		if (type === "addLearner") learners.add(id);
	}
	return membershipOf([...voters], [...learners]);
}

function sorted(ids: Iterable<MemberId>): readonly MemberId[] {
	return [...ids].sort();
}
