/**
 * What a member does with what its leader sends.
 *
 * Source: Raft paper, sections 5.3 and 7.
 */
import type { Core } from "./core.ts";
import type { Position } from "./entry.ts";
import { RaftInvariantError } from "./invariant.ts";
import type { MemberId } from "./membership.ts";
import type { Append, Heartbeat, InstallSnapshot } from "./message.ts";

/** `leader` sent something in this member's term, so it leads. */
function hearFrom(core: Core, leader: MemberId): void {
	if (core.state.role === "leader") throw new RaftInvariantError(`${core.id} and ${leader} both lead term ${core.term}`);
	if (core.leader !== leader) core.becomeFollower(core.term, leader);
	core.electionElapsed = 0;
}

export function handleAppend(core: Core, message: Append): void {
	hearFrom(core, message.from);
	const { log } = core;
	if (message.previous.index < log.committed) {
		answer(core, message.from, log.committed);
		return;
	}
	const last = log.tryAppend(message.previous, message.entries);
	if (last === undefined) {
		// Everything after this place is of a term that the leader does not have there.
		const hint = log.lastNotAfter(message.previous.index, message.previous.term);
		answer(core, message.from, message.previous.index, hint);
		return;
	}
	log.commitTo(Math.min(message.commit, last));
	answer(core, message.from, last);
}

export function handleHeartbeat(core: Core, message: Heartbeat): void {
	hearFrom(core, message.from);
	core.log.commitTo(message.commit);
	core.send({ type: "heartbeatResponse", from: core.id, to: message.from, term: core.term, readSequence: message.readSequence });
}

export function handleSnapshot(core: Core, message: InstallSnapshot): void {
	hearFrom(core, message.from);
	const { log } = core;
	const { metadata } = message.snapshot;
	// What the log has is as good as what the snapshot says.
	if (metadata.index > log.committed && log.has(metadata)) log.commitTo(metadata.index);
	else if (metadata.index > log.committed) {
		core.trace(`${core.id} takes a snapshot at ${metadata.index}`);
		log.restore(message.snapshot);
		core.membership = metadata.membership;
	}
	answer(core, message.from, log.committed);
}

function answer(core: Core, to: MemberId, index: number, rejected?: Position): void {
	core.send({ type: "appendResponse", from: core.id, to, term: core.term, index, rejected });
}
