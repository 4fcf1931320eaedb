/**
 * Handing leadership over: the leader stops taking proposals, brings the next one up to date and tells it to campaign.
 * If that has not worked after an election timeout, the leader goes on.
 *
 * Source: Ongaro's thesis, section 3.10.
 */
import type { Core } from "./core.ts";
import type { LeaderState } from "./leader-state.ts";
import { isVoter, type MemberId } from "./membership.ts";
import { type Refusal, refuse } from "./proposal.ts";
import { maybeFinishTransfer } from "./replication.ts";

export type TransferResult = { readonly status: "started" } | { readonly status: "forwarded"; readonly to: MemberId } | Refusal;

export function transfer(core: Core, transferee: MemberId): TransferResult {
	const { state } = core;
	if (state.role === "leader") return transferFrom(core, state, transferee);
	const to = core.leader;
	if (to === undefined) return refuse("noLeader", "no leader is known");
	core.send({ type: "transferLeader", from: core.id, to, transferee });
	return { status: "forwarded", to };
}

export function transferFrom(core: Core, leader: LeaderState, transferee: MemberId): TransferResult {
	if (!isVoter(core.membership, transferee)) return refuse("impossibleChange", `${transferee} is no voter`);
	const progress = leader.progress.get(transferee);
	if (transferee === core.id || leader.transferee === transferee || progress === undefined) return { status: "started" };
	core.trace(`${core.id} hands over to ${transferee}`);
	leader.transferee = transferee;
	// Time enough for the transfer, and not more.
	core.electionElapsed = 0;
	// If it lacks entries, or what was sent got lost, this shows, and its answer leads to the end of the transfer.
	progress.probeSent = false;
	progress.nudged = true;
	maybeFinishTransfer(core, leader, transferee, progress);
	return { status: "started" };
}

export function abortTransfer(core: Core, leader: LeaderState): void {
	if (leader.transferee === undefined) return;
	core.trace(`${core.id} gives up handing over to ${leader.transferee}`);
	leader.transferee = undefined;
}
