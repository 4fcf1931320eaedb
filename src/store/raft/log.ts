/**
 * A member's log: what storage has, and behind it the tail that is not durable yet.
 *
 *     compacted ─┐ firstIndex ............ stableIndex │ tail ............ lastIndex
 *                                                      └ replaced when a leader says otherwise
 *     applied <= committed <= lastIndex;  applied <= stableIndex
 *
 * A snapshot from the leader that is not durable yet stands in for all of storage.
 */
import { type Entry, entryBytes, limitBytes, type Position, type Snapshot } from "./entry.ts";
import { RaftInvariantError } from "./invariant.ts";
import type { RaftStorage } from "./storage.ts";

export class RaftLog {
	readonly #storage: RaftStorage;
	/** Not durable yet. The first one's index is #stable + 1. */
	#tail: Entry[] = [];
	/** Everything up to here is durable, unless `#snapshot` is set. */
	#stable: number;
	/** Received, not durable yet: the log before the tail. */
	#snapshot: Snapshot | undefined;
	#committed: number;
	#applied: number;

	/** @param applied the state machine has these already; the snapshot's index <= applied <= commit. */
	constructor(storage: RaftStorage, commit: number, applied: number) {
		this.#storage = storage;
		this.#stable = storage.lastIndex();
		this.#committed = commit;
		this.#applied = applied;
		const { index } = storage.snapshotMetadata();
		if (!(index <= applied && applied <= commit && commit <= this.#stable))
			throw new RaftInvariantError(
				`the log contradicts itself: snapshot ${index}, applied ${applied}, commit ${commit}, last ${this.#stable}`,
			);
	}

	get committed(): number {
		return this.#committed;
	}

	/** Handed out to the state machine. */
	get applied(): number {
		return this.#applied;
	}

	get stableIndex(): number {
		return this.#stable;
	}

	get firstIndex(): number {
		return this.#snapshot === undefined ? this.#storage.firstIndex() : this.#snapshot.metadata.index + 1;
	}

	get lastIndex(): number {
		return this.#stable + this.#tail.length;
	}

	get last(): Position {
		const index = this.lastIndex;
		return { index, term: this.term(index) ?? 0 };
	}

	/** Not durable yet, and no write of it is under way unless the last one handed out is. */
	get unstableEntries(): readonly Entry[] {
		return this.#tail;
	}

	get unstableSnapshot(): Snapshot | undefined {
		return this.#snapshot;
	}

	/** For a member that is far behind; undefined if it can't be had right now. */
	snapshotToSend(): Snapshot | undefined {
		return this.#storage.snapshot();
	}

	/** From firstIndex - 1 to lastIndex; undefined outside. */
	term(index: number): number | undefined {
		if (index > this.#stable) return this.#tail[index - this.#stable - 1]?.term;
		if (this.#snapshot === undefined) return this.#storage.term(index);
		return index === this.#snapshot.metadata.index ? this.#snapshot.metadata.term : undefined;
	}

	has(position: Position): boolean {
		return this.term(position.index) === position.term;
	}

	/** Section 5.4.1: a later term is more up to date; of the same term, the longer log. */
	isUpToDate(candidate: Position): boolean {
		const { term, index } = this.last;
		return candidate.term > term || (candidate.term === term && candidate.index >= index);
	}

	/** Entries `from` to `to` (exclusive), at most `maxBytes` but at least one if there are any. */
	entries(from: number, to: number, maxBytes = Number.POSITIVE_INFINITY): readonly Entry[] {
		if (from >= to) return [];
		if (from > this.#stable) return limitBytes(this.#tail.slice(from - this.#stable - 1, to - this.#stable - 1), maxBytes);
		const stable = this.#storage.entries(from, Math.min(to, this.#stable + 1), maxBytes);
		if (to <= this.#stable + 1 || stable.length < this.#stable + 1 - from) return stable;
		const bytes = stable.reduce((sum, entry) => sum + entryBytes(entry), 0);
		const tail = limitBytes(this.#tail.slice(0, to - this.#stable - 1), maxBytes - bytes);
		return bytes + (tail[0] === undefined ? 0 : entryBytes(tail[0])) > maxBytes ? stable : [...stable, ...tail];
	}

	/** A leader adds to its own log, and never changes what is in it. */
	append(entry: Entry): void {
		if (entry.index !== this.lastIndex + 1) throw new RaftInvariantError(`entry ${entry.index} after a log up to ${this.lastIndex}`);
		this.#tail.push(entry);
	}

	/** A follower takes what follows `previous`, if it has that. Returns the last index that is now equal to the leader's. */
	tryAppend(previous: Position, entries: readonly Entry[]): number | undefined {
		if (!this.has(previous)) return undefined;
		const fresh = entries.findIndex((entry) => !this.has(entry));
		if (fresh >= 0) this.#replaceFrom(entries.slice(fresh));
		return previous.index + entries.length;
	}

	#replaceFrom(entries: readonly Entry[]): void {
		const from = entries[0]?.index ?? 0;
		if (from <= this.#committed) throw new RaftInvariantError(`entry ${from} would replace a committed one, commit is ${this.#committed}`);
		if (from > this.#stable) {
			this.#tail.length = from - this.#stable - 1;
			for (const entry of entries) this.#tail.push(entry);
			return;
		}
		this.#stable = from - 1;
		this.#tail = [...entries];
	}

	/**
	 * The last place at or before `index` whose term is not above `term`: logs that agree anywhere agree no later than
	 * there, so one answer skips all entries of the terms in between (end of section 5.3). Term 0 if it is compacted.
	 */
	lastNotAfter(index: number, term: number): Position {
		for (let at = Math.min(index, this.lastIndex); at > 0; at--) {
			const found = this.term(at);
			if (found === undefined) return { index: at, term: 0 };
			if (found <= term) return { index: at, term: found };
		}
		return { index: 0, term: 0 };
	}

	/** Raises the commit index; never lowers it. */
	commitTo(index: number): void {
		if (index <= this.#committed) return;
		if (index > this.lastIndex) throw new RaftInvariantError(`commit ${index} of a log up to ${this.lastIndex}: entries were lost`);
		this.#committed = index;
	}

	/** Committed entries that are durable here and were not handed out yet. */
	nextCommitted(maxBytes: number): readonly Entry[] {
		if (this.#snapshot !== undefined) return [];
		return this.entries(this.#applied + 1, Math.min(this.#committed, this.#stable) + 1, maxBytes);
	}

	appliedTo(index: number): void {
		if (index < this.#applied || index > this.#committed || index > this.#stable)
			throw new RaftInvariantError(`applied ${index}, was ${this.#applied}; commit ${this.#committed}, durable ${this.#stable}`);
		this.#applied = index;
	}

	/** A snapshot takes the place of everything. */
	restore(snapshot: Snapshot): void {
		const { index } = snapshot.metadata;
		this.#snapshot = snapshot;
		this.#stable = index;
		this.#tail = [];
		this.#committed = index;
	}

	/** `entries` are durable. Those that were replaced meanwhile stay in the tail; equal place means equal prefix. */
	entriesStable(entries: readonly Entry[]): void {
		for (let i = entries.length - 1; i >= 0; i--) {
			const entry = entries[i];
			if (entry === undefined || entry.index <= this.#stable) return;
			if (this.#tail[entry.index - this.#stable - 1]?.term !== entry.term) continue;
			this.#tail = this.#tail.slice(entry.index - this.#stable);
			this.#stable = entry.index;
			return;
		}
	}

	/** `snapshot` is durable and the state machine is as it says. */
	snapshotStable(snapshot: Snapshot): void {
		if (this.#snapshot !== snapshot) return;
		this.#snapshot = undefined;
		this.#applied = snapshot.metadata.index;
	}
}
