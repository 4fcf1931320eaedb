/**
 * Changes of membership taking effect. Each member switches when it hands the entry out; the leader also begins to
 * replicate to who is new, leaves joint configurations, and steps down if it is no voter any more.
 *
 * Source: Raft paper, section 6; thesis 4.2 and 4.3.
 */
import type { Core } from "./core.ts";
import type { Entry } from "./entry.ts";
import type { LeaderState } from "./leader-state.ts";
import { isJoint, isVoter, type Membership, membershipAfter, membersOf } from "./membership.ts";
import { appendChange } from "./proposal.ts";
import { flushLeader, maybeCommit } from "./replication.ts";

/** The state machine takes over `entries`, which follow the last ones. */
export function handOut(core: Core, entries: readonly Entry[]): void {
	for (const entry of entries) {
		core.log.appliedTo(entry.index);
		if (entry.type === "config") switchTo(core, membershipAfter(core.membership, entry.change));
	}
	if (core.state.role === "leader") maybeLeaveJoint(core, core.state);
}

function switchTo(core: Core, membership: Membership): void {
	const { state } = core;
	// Those who are removed shall learn that they are.
	if (state.role === "leader") flushLeader(core, state);
	core.membership = membership;
	core.trace(`${core.id} has ${describeMembership(membership)}`);
	if (state.role === "leader") switchLeader(core, state);
}

function switchLeader(core: Core, leader: LeaderState): void {
	const { membership } = core;
	if (!isVoter(membership, core.id)) {
		core.becomeFollower(core.term, undefined);
		return;
	}
	const members = membersOf(membership);
	for (const id of leader.progress.keys()) if (!members.includes(id)) leader.progress.delete(id);
	for (const id of members) if (!leader.progress.has(id)) leader.progress.set(id, core.newProgress());
	if (leader.transferee !== undefined && !isVoter(membership, leader.transferee)) leader.transferee = undefined;
	// Fewer may be enough now.
	maybeCommit(core, leader);
}

/** Also by a leader that came after the change; its own first entry brings it here. */
function maybeLeaveJoint(core: Core, leader: LeaderState): void {
	const { membership, log } = core;
	if (!isJoint(membership) || !membership.autoLeave || leader.pendingConfigIndex > log.applied) return;
	appendChange(core, leader, { type: "leave" });
}

/** "voters 1 2 3, learners 4", "voters 1 2 with 1 2 3, …" */
export function describeMembership(membership: Membership): string {
	const { voters, outgoing, learners, learnersNext, autoLeave } = membership;
	const parts = [`voters ${voters.join(" ")}${outgoing.length > 0 ? ` with ${outgoing.join(" ")}` : ""}`];
	if (learners.length > 0) parts.push(`learners ${learners.join(" ")}`);
	if (learnersNext.length > 0) parts.push(`then learners ${learnersNext.join(" ")}`);
	if (autoLeave) parts.push("auto-leave");
	return parts.join(", ");
}
