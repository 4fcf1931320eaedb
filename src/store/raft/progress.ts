/**
 * What a leader knows of one member, and how it talks to it.
 *
 *                 accepted                    log too old for it
 *      ┌──> probe ──────────> replicate ──────────────┐
 *      │     │ ^  <────────── (rejected, unreachable)  v
 *      │     │ └───────────────────────────────── snapshot
 *      │     └──────────────────────────────────────> │   (arrived, failed, or silent for too long)
 *
 * - probe: where the logs agree is unknown; one append at a time, and then wait for an answer or a heartbeat's
 * - replicate: optimistic; sends what there is without waiting, as far as the window allows
 * - snapshot: sends nothing until the snapshot has arrived
 *
 * Invariant: 0 <= match < next.
 */
import { Inflights } from "./inflights.ts";

export type ProgressState = "probe" | "replicate" | "snapshot";

export class Progress {
	state: ProgressState = "probe";
	/** Highest index known to be durable and equal to the leader's on this member. */
	match = 0;
	/** Index of the next entry to send. */
	next: number;
	/** Heard of since the last check of the quorum. */
	recentlyActive = false;
	/** In probe: an append is out, and nothing was heard since. */
	probeSent = false;
	/** In replicate: something may have got lost; send an append even if it has nothing to tell. */
	nudged = false;
	/** Highest commit index sent. */
	commitSent = 0;
	/** Newest read for which this member confirmed the leader. */
	readSequence = 0;
	/** Index of the snapshot that was sent; 0 outside of snapshot. */
	pendingSnapshot = 0;
	/** Ticks since the snapshot was sent. */
	snapshotTicks = 0;
	readonly inflights: Inflights;

	constructor(next: number, maxInflightMessages: number) {
		this.next = next;
		this.inflights = new Inflights(maxInflightMessages);
	}

	get paused(): boolean {
		return this.state === "snapshot" || (this.state === "probe" && this.probeSent);
	}

	/** `index` is durable there. Returns whether that is news. */
	accepted(index: number): boolean {
		const news = index > this.match;
		if (news) this.match = index;
		this.next = Math.max(this.next, index + 1);
		this.probeSent = false;
		return news;
	}

	/**
	 * The append after `previousIndex` did not fit; the logs agree at `agreeIndex` at best. Returns false if the answer
	 * is too old to mean anything.
	 */
	rejected(previousIndex: number, agreeIndex: number): boolean {
		if (this.state === "replicate") {
			if (previousIndex <= this.match) return false;
			this.becomeProbe();
			return true;
		}
		if (this.state === "snapshot" || previousIndex !== this.next - 1) return false;
		this.next = Math.max(Math.min(previousIndex, agreeIndex + 1), this.match + 1);
		this.probeSent = false;
		return true;
	}

	becomeProbe(): void {
		this.#become("probe", this.match + 1);
	}

	becomeReplicate(): void {
		this.#become("replicate", this.match + 1);
	}

	becomeSnapshot(index: number): void {
		this.#become("snapshot", index + 1);
		this.pendingSnapshot = index;
	}

	/** Probes behind the snapshot that arrived, before its acknowledgement does. */
	snapshotArrived(): void {
		this.#become("probe", Math.max(this.match, this.pendingSnapshot) + 1);
		// The acknowledgement is on its way: wait for it, or for a heartbeat's.
		this.probeSent = true;
	}

	#become(state: ProgressState, next: number): void {
		this.state = state;
		this.next = next;
		this.probeSent = false;
		this.nudged = false;
		this.pendingSnapshot = 0;
		this.snapshotTicks = 0;
		this.inflights.clear();
	}
}
