/**
 * Every message comes through here: first its term is compared with the member's, then the one handler of its type runs.
 *
 * Source: "Rules for Servers" in figure 2 of the Raft paper.
 */
import type { Core } from "./core.ts";
import { handlePreVote, handlePreVoteResponse, handleTimeoutNow, handleVote, handleVoteResponse, inLease } from "./election.ts";
import { handleAppend, handleHeartbeat, handleSnapshot } from "./follower.ts";
import type { ForwardedMessage, Message, TermedMessage } from "./message.ts";
import { proposeToLeader } from "./proposal.ts";
import { addRead } from "./reads.ts";
import { handleAppendResponse, handleHeartbeatResponse } from "./replication.ts";
import { transferFrom } from "./transfer.ts";

export function step(core: Core, message: Message): void {
	if (!("term" in message)) handleForwarded(core, message);
	else if (acceptTerm(core, message)) handle(core, message);
}

/** Moves on to the message's term, or answers one of the past. Returns whether the message is to be handled. */
function acceptTerm(core: Core, message: TermedMessage): boolean {
	if (message.term < core.term) {
		answerPast(core, message);
		return false;
	}
	if (message.term === core.term) return true;
	switch (message.type) {
		case "preVote":
			return !inLease(core);
		case "preVoteResponse":
			// A grant carries a term that nobody is in yet.
			if (!message.granted) core.becomeFollower(message.term, undefined);
			return true;
		case "vote":
			if (!message.transfer && inLease(core)) return false;
			core.becomeFollower(message.term, undefined);
			return true;
		case "append":
		case "heartbeat":
		case "snapshot":
			core.becomeFollower(message.term, message.from);
			return true;
		default:
			core.becomeFollower(message.term, undefined);
			return true;
	}
}

/**
 * Who sends in a past term learns of the present one if nothing else would tell it: with pre-vote or check-quorum this
 * member does not campaign against it.
 */
function answerPast(core: Core, message: TermedMessage): void {
	const { id, term } = core;
	const { from } = message;
	if (message.type === "preVote") core.send({ type: "preVoteResponse", from: id, to: from, term, granted: false });
	else if (message.type === "append" || message.type === "heartbeat" || message.type === "snapshot")
		core.send({ type: "appendResponse", from: id, to: from, term, index: 0, rejected: undefined });
}

function handle(core: Core, message: TermedMessage): void {
	switch (message.type) {
		case "preVote":
			handlePreVote(core, message);
			return;
		case "preVoteResponse":
			handlePreVoteResponse(core, message);
			return;
		case "vote":
			handleVote(core, message);
			return;
		case "voteResponse":
			handleVoteResponse(core, message);
			return;
		case "append":
			handleAppend(core, message);
			return;
		case "appendResponse":
			handleAppendResponse(core, message);
			return;
		case "heartbeat":
			handleHeartbeat(core, message);
			return;
		case "heartbeatResponse":
			handleHeartbeatResponse(core, message);
			return;
		case "snapshot":
			handleSnapshot(core, message);
			return;
		case "timeoutNow":
			handleTimeoutNow(core, message);
			return;
		default:
			message satisfies never;
	}
}

/** For a leader; who is none any more drops it, and its sender tries again. */
function handleForwarded(core: Core, message: ForwardedMessage): void {
	if (message.type === "readIndexResponse") {
		core.readStates.push({ context: message.context, index: message.index });
		return;
	}
	if (core.state.role !== "leader") return;
	switch (message.type) {
		case "propose":
			proposeToLeader(core, core.state, message.proposal);
			return;
		case "readIndex":
			addRead(core, core.state, message.from, message.context);
			return;
		case "transferLeader":
			transferFrom(core, core.state, message.transferee);
			return;
		default:
			message satisfies never;
	}
}
