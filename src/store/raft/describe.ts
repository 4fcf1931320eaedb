/** Messages and entries in words: one line each, for traces, lessons and tests. */
import type { Entry, Position, Proposal } from "./entry.ts";
import type { ConfigChange } from "./membership.ts";
import type { Message } from "./message.ts";

const shortChange = { addVoter: "+", addLearner: "~", remove: "-" } as const;

/** "+4 -2 (jointExplicit)": + voter, ~ learner, - gone; or "leave joint". */
export function describeChange(change: ConfigChange): string {
	if (change.type === "leave") return "leave joint";
	const changes = change.changes.map(({ type, id }) => `${shortChange[type]}${id}`).join(" ");
	return change.transition === "auto" ? changes : `${changes} (${change.transition})`;
}

function describeProposal(proposal: Proposal): string {
	return proposal.type === "normal" ? JSON.stringify(Buffer.from(proposal.data).toString()) : describeChange(proposal.change);
}

/** "2/5": term and index, as in the paper's figures. */
function describePosition({ term, index }: Position): string {
	return `${term}/${index}`;
}

/** `2/5 "data"` */
export function describeEntry(entry: Entry): string {
	return `${describePosition(entry)} ${describeProposal(entry)}`;
}

/** `1>2 append term 2 after 1/1: 2/2 "" commit 1` */
export function describeMessage(message: Message): string {
	const term = "term" in message ? ` term ${message.term}` : "";
	const details = describeDetails(message);
	return `${message.from}>${message.to} ${message.type}${term}${details === "" ? "" : ` ${details}`}`;
}

function describeDetails(message: Message): string {
	switch (message.type) {
		case "preVote":
		case "vote":
			return `last ${describePosition(message.last)}`;
		case "preVoteResponse":
		case "voteResponse":
			return message.granted ? "granted" : "refused";
		case "append": {
			const entries = message.entries.map(describeEntry).join(", ");
			return `after ${describePosition(message.previous)}:${entries === "" ? "" : ` ${entries}`} commit ${message.commit}`;
		}
		case "appendResponse":
			return message.rejected === undefined
				? `up to ${message.index}`
				: `not after ${message.index}, try ${describePosition(message.rejected)}`;
		case "heartbeat":
			return `commit ${message.commit} read ${message.readSequence}`;
		case "heartbeatResponse":
			return `read ${message.readSequence}`;
		case "snapshot":
			return `at ${describePosition(message.snapshot.metadata)}`;
		case "timeoutNow":
			return "";
		case "propose":
			return describeProposal(message.proposal);
		case "readIndex":
			return message.context;
		case "readIndexResponse":
			return `${message.context} at ${message.index}`;
		case "transferLeader":
			return `to ${message.transferee}`;
	}
}
