/**
 * What a member keeps while it leads, and forgets when it stops.
 */
import type { MemberId } from "./membership.ts";
import type { Progress } from "./progress.ts";

/** A read that waits for a quorum to confirm that its index is not stale. */
export interface PendingRead {
	/** Who asked the leader. */
	readonly from: MemberId;
	readonly context: string;
	/** The commit index when it was asked; undefined until the leader has committed in its own term. */
	readonly index: number | undefined;
	/** The heartbeat round that confirms it. */
	readonly sequence: number;
}

/** Bytes of proposals that are not committed yet. */
export class UncommittedBudget {
	#bytes = 0;
	#entries: { readonly index: number; readonly bytes: number }[] = [];

	get bytes(): number {
		return this.#bytes;
	}

	add(index: number, bytes: number): void {
		this.#bytes += bytes;
		this.#entries.push({ index, bytes });
	}

	committed(index: number): void {
		const open = this.#entries.findIndex((entry) => entry.index > index);
		const done = this.#entries.splice(0, open < 0 ? this.#entries.length : open);
		for (const { bytes } of done) this.#bytes -= bytes;
	}
}

export class LeaderState {
	readonly role = "leader";
	/** Of every member, itself included. */
	readonly progress = new Map<MemberId, Progress>();
	readonly uncommitted = new UncommittedBudget();
	/** In the order asked: sequences ascend. */
	pendingReads: PendingRead[] = [];
	/** Of the newest heartbeat round that a read waits for. Begins at 0 in each term. */
	readSequence = 0;
	/** No other change of membership is taken up before this index is applied. */
	pendingConfigIndex: number;
	/** The log has a change, not applied yet, after which this member is no voter: nothing may come behind it. */
	leaving = false;
	/** Who is to lead next; proposals wait until it does or the transfer times out. */
	transferee: MemberId | undefined;
	heartbeatElapsed = 0;

	/** @param lastIndex end of the log when it began to lead: what is in there may change the membership. */
	constructor(lastIndex: number) {
		this.pendingConfigIndex = lastIndex;
	}
}
