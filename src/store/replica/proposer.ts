/**
 * Puts what this member wants before the group: a command is written down under a name of its own, given to Raft, and waited for until
 * its turn in the log has come (proposal-table.ts). What nobody takes up waits for the next leader; what never can be is rejected.
 *
 *     propose ──> encoded ──> node ──appended, forwarded──> waits for its entry ──> answered
 *                              └──no leader──> waits for one ──retry──┘
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { StoreClosedError, TooManyRequestsError } from "../errors.ts";
import { GroupError } from "../group.ts";
import type { ResponseOf, WriteCommand } from "../mvcc/command.ts";
import type { ConfigChange, ProposeResult, RaftNode } from "../raft/index.ts";
import { encodeProposal, type ProposalId } from "./command-codec.ts";
import { encodeChangeContext, type NewMember } from "./config-change.ts";
import type { ProposalTable, Waiting } from "./proposal-table.ts";

/** A change of members that is yet to be named. */
export type ProposedChange = Omit<Extract<ConfigChange, { type: "change" }>, "context">;

export interface ProposerOptions {
	readonly node: RaftNode;
	/** Where what was proposed waits. */
	readonly proposals: ProposalTable;
	/** Drawn at each start: entries of an earlier one are nobody's. */
	readonly origin: number;
	readonly clock: Clock;
	/** A proposal for a leader that is gone would be lost; it waits for the next one instead. */
	readonly reachesLeader: () => boolean;
	/** Why nothing is accepted any more; undefined as long as it is. */
	readonly stopped: () => Error | undefined;
	/** Does what Raft asks for: at the end of this turn, or before it returns. */
	readonly pumpSoon: () => void;
	readonly pumpNow: () => void;
}

export class Proposer {
	readonly #options: ProposerOptions;

	constructor(options: ProposerOptions) {
		this.#options = options;
	}

	/** Resolves once the command took effect at this member. Rejects with its refusal, or with why it is not known whether it did. */
	propose<C extends WriteCommand>(command: C): Promise<ResponseOf<C>> {
		const { node, reachesLeader } = this.#options;
		return this.#propose(command, (sequence, data) => reachesLeader() && this.#wasTakenUp(sequence, node.propose(data)));
	}

	/**
	 * The same for a member that is alone with a log that is written at once: the command has taken effect when this returns, in as many
	 * steps as without a log (solo-sequencer.ts), so that a simulation is the same with one and without.
	 */
	proposeNow<C extends WriteCommand>(command: C): Promise<ResponseOf<C>> {
		const { node, proposals, origin, clock, stopped, pumpNow } = this.#options;
		let response: Promise<ResponseOf<WriteCommand>> | undefined;
		proposals.add((sequence) => ({
			command,
			propose: () => this.#wasTakenUp(sequence, node.propose(encodeProposal({ origin, sequence }, command))),
			resolve: (given) => {
				response = Promise.resolve(given);
			},
			reject: (error) => {
				response = Promise.reject(error);
			},
			sinceMs: clock.now(),
		}));
		pumpNow();
		return (response ?? Promise.reject(stopped() ?? new StoreClosedError())) as Promise<ResponseOf<C>>;
	}

	/** As `propose`, never through another member: rejects with `GroupError` "notLeader" if this one does not lead. */
	proposeAsLeader(command: WriteCommand): Promise<unknown> {
		const { node, proposals } = this.#options;
		return this.#propose(command, (sequence, data) => {
			const isLeading = node.status().role === "leader";
			if (!isLeading || !this.#wasTakenUp(sequence, node.propose(data))) proposals.take(sequence)?.reject(new GroupError("notLeader"));
			return true;
		});
	}

	/** @param member who comes; undefined if nobody new does */
	proposeChange(change: ProposedChange, member: NewMember | undefined): Promise<void> {
		const { node, proposals, origin, clock, reachesLeader, stopped, pumpSoon } = this.#options;
		const end = stopped();
		if (end !== undefined) return Promise.reject(end);
		return new Promise((resolve, reject) => {
			proposals.add((sequence) => {
				const context = encodeChangeContext({ origin, sequence, ...(member === undefined ? {} : { member }) });
				const propose = () => reachesLeader() && this.#wasTakenUp(sequence, node.proposeChange({ ...change, context }));
				return {
					command: undefined,
					propose,
					resolve: (done) => void Promise.resolve(done).then(() => resolve(), reject),
					reject,
					sinceMs: clock.now(),
				};
			});
			pumpSoon();
		});
	}

	/** Who waits here for the entry of this name, whose turn has come; undefined: another member's, or nobody any more. */
	take({ origin, sequence }: ProposalId): Waiting | undefined {
		return origin === this.#options.origin ? this.#options.proposals.take(sequence) : undefined;
	}

	/** @param proposeIt returns whether it was taken up; called again when somebody else leads if not. */
	#propose<C extends WriteCommand>(command: C, proposeIt: (sequence: number, data: Uint8Array) => boolean): Promise<ResponseOf<C>> {
		const { proposals, origin, clock, stopped, pumpSoon } = this.#options;
		const end = stopped();
		if (end !== undefined) return Promise.reject(end);
		return new Promise((resolve, reject) => {
			proposals.add((sequence) => {
				const data = encodeProposal({ origin, sequence }, command);
				const resolveAny = (response: ResponseOf<WriteCommand> | Promise<ResponseOf<WriteCommand>>) => resolve(response as ResponseOf<C>);
				const propose = () => proposeIt(sequence, data);
				return { command, propose, resolve: resolveAny, reject, sinceMs: clock.now() };
			});
			pumpSoon();
		});
	}

	/** Rejects what will never be; what may be later waits. */
	#wasTakenUp(sequence: number, result: ProposeResult): boolean {
		if (result.status !== "refused") return true;
		const rejected = (error: Error) => this.#options.proposals.take(sequence)?.reject(error);
		switch (result.reason) {
			case "overloaded":
				rejected(new TooManyRequestsError());
				return true;
			case "changePending":
				rejected(new GroupError("changePending"));
				return true;
			case "impossibleChange":
				rejected(new GroupError("notEnoughStarted"));
				return true;
			case "noLeader":
			case "transferring":
			case "leaving":
				return false;
		}
	}
}
