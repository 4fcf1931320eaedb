/**
 * What a change of membership in the log says besides who comes and goes: which proposal it is, and where a new member is
 * to be found.
 */
import type { RecordChange } from "../mvcc/command.ts";
import type { ConfigChange } from "../raft/index.ts";
import { memberRecords, removalRecords } from "../roster.ts";
import type { ProposalId } from "./command-codec.ts";

export interface NewMember {
	/** As `idText` writes it. */
	readonly id: string;
	readonly peerUrls: readonly string[];
}

interface ChangeContext extends ProposalId {
	readonly member?: NewMember;
}

export function encodeChangeContext(context: ChangeContext): Uint8Array {
	return Buffer.from(JSON.stringify(context));
}

export function decodeChangeContext(bytes: Uint8Array): ChangeContext {
	return JSON.parse(Buffer.from(bytes).toString()) as ChangeContext;
}

/** What the change makes of the notes about members. */
export function rosterChanges(change: ConfigChange): readonly RecordChange[] {
	if (change.type === "leave") return [];
	const { member } = decodeChangeContext(change.context);
	return change.changes.flatMap(({ type, id }) => {
		if (type === "remove") return removalRecords(BigInt(`0x${id}`));
		return member?.id === id ? memberRecords(BigInt(`0x${id}`), member.peerUrls) : [];
	});
}
