/**
 * Questions that only the leader can answer, how long a lease has left and whether a learner may vote: put to whoever leads, until
 * somebody answers; and answered for others where this member leads.
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import { StoreClosedError, StoreFailedError } from "../errors.ts";
import { GroupError } from "../group.ts";
import type { MemberId } from "../raft/index.ts";
import type { SequencerEvents } from "../sequencer.ts";
import { LeaseNotFoundError } from "../store.ts";
import { pollMs, requestTimeoutMs } from "./timing.ts";
import type { PeerRequest, PeerResponse, Transport } from "./transport.ts";

export interface LeaderRequestsOptions {
	readonly id: MemberId;
	readonly clock: Clock;
	readonly transport: () => Pick<Transport, "ask">;
	/** Who leads as far as this member knows. */
	readonly leader: () => MemberId | undefined;
	/** Why this member serves nothing any more; undefined as long as it does. */
	readonly stopped: () => Error | undefined;
	/** Answers about leases. */
	readonly events: Pick<SequencerEvents, "answer">;
	/** Gives a learner its vote. */
	readonly promote: (id: bigint) => Promise<void>;
}

export class LeaderRequests {
	readonly #options: LeaderRequestsOptions;

	constructor(options: LeaderRequestsOptions) {
		this.#options = options;
	}

	/** Rejects with the leader's refusal, or with `GroupError` "timeout" if nobody that leads was found in time. */
	async ask(request: PeerRequest): Promise<PeerResponse> {
		const { clock, leader: currentLeader, stopped } = this.#options;
		const limitMs = clock.now() + requestTimeoutMs;
		for (;;) {
			const end = stopped();
			if (end !== undefined) throw end;
			const leader = currentLeader();
			const answer = leader === undefined ? { error: "noLeader" } : await this.#askMember(leader, request);
			if (answer.error === undefined) return answer;
			if (answer.error === "leaseNotFound") throw new LeaseNotFoundError();
			const mayBeBetterLater = answer.error === "noLeader" || answer.error === "notLeader";
			if (!mayBeBetterLater) throw new GroupError(answer.error as GroupError["reason"]);
			if (clock.now() >= limitMs) throw new GroupError("timeout");
			await sleep(clock, pollMs);
		}
	}

	/** Answers somebody else, or this member itself. A refusal is an answer, too. */
	async answer(request: PeerRequest): Promise<PeerResponse> {
		const { events, promote, stopped } = this.#options;
		try {
			if (request.type === "promote") {
				await promote(BigInt(request.id));
				return {};
			}
			const lease = await events.answer({ type: request.type, id: BigInt(request.id) });
			return { lease: { ...lease, id: String(lease.id) } };
		} catch (error) {
			if (error instanceof LeaseNotFoundError) return { error: "leaseNotFound" };
			// That this member ends, failed or was removed says nothing of who asks.
			if (stopped() !== undefined || error instanceof StoreClosedError || error instanceof StoreFailedError) return { error: "notLeader" };
			if (error instanceof GroupError) return { error: error.reason };
			throw error;
		}
	}

	#askMember(to: MemberId, request: PeerRequest): Promise<PeerResponse> {
		const { id, transport } = this.#options;
		if (to === id) return this.answer(request);
		return transport()
			.ask(to, request)
			.catch((error: unknown): PeerResponse => {
				if (error instanceof GroupError) return { error: error.reason };
				throw error;
			});
	}
}
