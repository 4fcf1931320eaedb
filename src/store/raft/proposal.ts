/**
 * What becomes of a proposal.
 */
import type { Core } from "./core.ts";
import { entryBytes, type Position, type Proposal } from "./entry.ts";
import type { LeaderState } from "./leader-state.ts";
import { type ConfigChange, isVoter, type MemberId, membershipAfter, planChange } from "./membership.ts";

export type RefusalReason =
	/** Nobody is known to lead. */
	| "noLeader"
	/** The leader is about to hand over. */
	| "transferring"
	/** The leader is about to leave the group. */
	| "leaving"
	/** Too many bytes wait to be committed. */
	| "overloaded"
	/** Another change of membership is not through yet. */
	| "changePending"
	/** The change does not fit the membership. */
	| "impossibleChange";

export interface Refusal {
	readonly status: "refused";
	readonly reason: RefusalReason;
	/** In words. */
	readonly message: string;
}

/**
 * - appended: on the leader. It is committed if an entry with this term and index is handed out, and lost if one with
 *   the same index and another term is.
 * - forwarded: to the leader; whether it arrives, and at which place, is seen when it is handed out
 * - refused: not taken up anywhere
 */
export type ProposeResult =
	| { readonly status: "appended"; readonly position: Position }
	| { readonly status: "forwarded"; readonly to: MemberId }
	| Refusal;

export function refuse(reason: RefusalReason, message: string): Refusal {
	return { status: "refused", reason, message };
}

export function propose(core: Core, proposal: Proposal): ProposeResult {
	const { state } = core;
	if (state.role === "leader") return proposeToLeader(core, state, proposal);
	const to = core.leader;
	if (to === undefined) return refuse("noLeader", "no leader is known");
	core.send({ type: "propose", from: core.id, to, proposal });
	return { status: "forwarded", to };
}

export function proposeToLeader(core: Core, leader: LeaderState, proposal: Proposal): ProposeResult {
	if (leader.transferee !== undefined) return refuse("transferring", `leadership is being transferred to ${leader.transferee}`);
	if (leader.leaving) return refuse("leaving", `${core.id} leads only until its own removal is committed`);
	const refusal = proposal.type === "config" ? checkChange(core, leader, proposal.change) : undefined;
	if (refusal !== undefined) return refusal;
	const { bytes } = leader.uncommitted;
	if (bytes > 0 && bytes + entryBytes(proposal) > core.limits.maxUncommittedBytes)
		return refuse("overloaded", `${bytes} bytes wait to be committed`);
	const position = proposal.type === "config" ? appendChange(core, leader, proposal.change) : core.append(leader, proposal);
	return { status: "appended", position };
}

/** Of a change that was checked, or is sure to fit. */
export function appendChange(core: Core, leader: LeaderState, change: ConfigChange): Position {
	const position = core.append(leader, { type: "config", change });
	leader.pendingConfigIndex = position.index;
	leader.leaving = isLeaving(core);
	return position;
}

/**
 * Whether this leader's log has a change, not applied yet, that takes its vote away. Nothing is taken up behind it: once
 * that change is committed this member is no candidate any more, and members who have not heard of the commit may need
 * its vote, which they would not get if its log were longer than theirs.
 */
export function isLeaving(core: Core): boolean {
	const { log, membership } = core;
	let last = membership;
	for (const entry of log.entries(log.applied + 1, log.lastIndex + 1))
		if (entry.type === "config") last = membershipAfter(last, entry.change);
	return last !== membership && !isVoter(last, core.id);
}

/** What is checked here holds when the change is applied: no other one comes between. */
function checkChange(core: Core, leader: LeaderState, change: ConfigChange): Refusal | undefined {
	if (leader.pendingConfigIndex > core.log.applied)
		return refuse("changePending", `entry ${leader.pendingConfigIndex} may change the membership and is not applied yet`);
	const plan = planChange(core.membership, change);
	return "impossible" in plan ? refuse("impossibleChange", plan.impossible) : undefined;
}
