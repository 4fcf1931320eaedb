/** Defects of Raft, each of which breaks one promise: `mutations-main.ts` looks whether the simulation notices them. */
import type { Mutation } from "../world/mutated-copy.ts";

export const mutations: readonly Mutation[] = [
	{
		name: "commit rule: entries of earlier terms are committed by counting (figure 8)",
		file: "replication.ts",
		from: "if (index <= core.log.committed || core.log.term(index) !== core.term) return;",
		to: "if (index <= core.log.committed || index > core.log.lastIndex) return;",
	},
	{
		name: "vote persistence: votes are answered before they are durable",
		file: "message.ts",
		from: 'message.type === "voteResponse" || ',
		to: "",
	},
	{
		name: "vote persistence: a changed vote is not written",
		file: "node.ts",
		from: "const promised = hardState.term !== before.term || hardState.vote !== before.vote;",
		to: "const promised = hardState.term !== before.term;",
	},
	{
		name: "appends are acknowledged before they are durable",
		file: "message.ts",
		from: ' || message.type === "appendResponse"',
		to: "",
	},
	{
		name: "log matching: a follower does not compare the previous entry's term",
		file: "log.ts",
		from: "if (!this.has(previous)) return undefined;",
		to: "if (previous.index > this.lastIndex) return undefined;",
	},
	{
		name: "a follower keeps entries that conflict with the leader's",
		file: "log.ts",
		from: "entries.findIndex((entry) => !this.has(entry))",
		to: "entries.findIndex((entry) => this.term(entry.index) === undefined)",
	},
	{
		name: "stale read: the leader does not ask a quorum",
		file: "reads.ts",
		from: "id === core.id ? leader.readSequence : (leader.progress.get(id)?.readSequence ?? 0),",
		to: "id === core.id ? leader.readSequence : leader.readSequence,",
	},
	{
		name: "stale read: a new leader answers before it has committed in its term",
		file: "reads.ts",
		from: "return core.log.term(core.log.committed) === core.term;",
		to: "return core.log.committed > 0;",
	},
	{
		name: "stale read: the confirmation of an older round counts",
		file: "reads.ts",
		from: "sequence: leader.readSequence + 1 }",
		to: "sequence: leader.readSequence }",
	},
	{
		name: "joint quorum: the incoming set decides alone",
		file: "quorum.ts",
		from: "Math.min(majorityIndex(membership.voters, reached), majorityIndex(membership.outgoing, reached))",
		to: "majorityIndex(membership.voters, reached)",
	},
	{
		name: "joint quorum: elections need one set only",
		file: "quorum.ts",
		from: "const results = [majorityVote(membership.voters, votes), majorityVote(membership.outgoing, votes)];",
		to: "const results = [majorityVote(membership.voters, votes)];",
	},
	{
		name: "quorum: half is a majority",
		file: "quorum.ts",
		from: "return Math.floor(count / 2) + 1;",
		to: "return Math.max(1, Math.ceil(count / 2));",
	},
	{
		name: "election restriction: votes for a candidate with an older log",
		file: "log.ts",
		from: "return candidate.term > term || (candidate.term === term && candidate.index >= index);",
		to: "return candidate.index >= index || candidate.term >= 0;",
	},
	{
		name: "two votes in one term",
		file: "election.ts",
		from: "return core.vote === candidate || (core.vote === undefined && core.leader === undefined);",
		to: "return core.vote === candidate || core.leader === undefined;",
	},
	{
		name: "membership: a change is taken up while another one is under way",
		file: "proposal.ts",
		from: "if (leader.pendingConfigIndex > core.log.applied)",
		to: "if (leader.pendingConfigIndex > core.log.lastIndex)",
	},
	{
		name: "membership: several voters change at once without a joint configuration",
		file: "membership.ts",
		from: 'const simple = change.transition === "auto" && change.changes.length === 1;',
		to: 'const simple = change.transition === "auto";',
	},
	{
		name: "a leader counts entries that are not on its own disk",
		file: "replication.ts",
		from: "progress.accepted(core.log.stableIndex);",
		to: "progress.accepted(core.log.lastIndex);",
	},
	{
		name: "entries are handed out before they are durable",
		file: "log.ts",
		from: "Math.min(this.#committed, this.#stable) + 1",
		to: "this.#committed + 1",
	},
	{
		name: "a snapshot's membership is ignored",
		file: "follower.ts",
		from: "core.membership = metadata.membership;",
		to: "",
	},
	{
		name: "liveness: a lost append is not noticed",
		file: "replication.ts",
		from: "if (progress.match < core.log.lastIndex) progress.nudged = true;",
		to: "",
	},
	{
		name: "liveness: a lost snapshot is waited for, for ever",
		file: "replication.ts",
		from: "++progress.snapshotTicks >= core.snapshotTicks",
		to: "++progress.snapshotTicks < 0",
	},
	{
		name: "liveness: a transfer that failed is not given up",
		file: "transfer.ts",
		from: "\tleader.transferee = undefined;\n}",
		to: "}",
	},
	{
		name: "liveness: joint configurations are not left",
		file: "reconfigure.ts",
		from: "if (!isJoint(membership) || !membership.autoLeave ||",
		to: "if (!isJoint(membership) || membership.autoLeave ||",
	},
];
