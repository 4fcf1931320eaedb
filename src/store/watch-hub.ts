/**
 * Every watch of a store. A watch that begins in the past replays history until it has caught up, then follows the
 * durable batches as they are published:
 *
 *     watch ──(start <= current)──> replaying ──(nothing left)──> following
 *       └──────(start > current)──────────────────────────────────────^
 *
 * No gap and no duplicate: a watcher takes nothing before its `nextRevision`, the hub moves that on with each delivery,
 * and the step from replaying to following happens in the turn in which there was nothing left to replay. Watchers outlive
 * a hub whose replica is replaced by a snapshot: the next one takes them over where they are.
 */
import type { Logger } from "../apimachinery/log.ts";
import type { Mutation, ReadValue } from "./mvcc/command.ts";
import { contains, type Interval, intervalOf } from "./mvcc/interval.ts";
import type { MvccState } from "./mvcc/state.ts";
import { isDelete, noValue, putBefore, toKeyValue, type Version } from "./mvcc/version.ts";
import { CompactedError, type StoreEvent, type StoreWatch, type StoreWatchSink, type WatchRequest } from "./store.ts";
import type { ValueReader } from "./value-reader.ts";

/** Changes looked at, and values held, in one step of a replay. */
const replayChunk = 1000;

interface Watcher {
	readonly interval: Interval;
	readonly sink: StoreWatchSink;
	readonly prevKv: boolean;
	/** The watchers of the hub that it is with. */
	home: Set<Watcher>;
	/** The first revision not yet looked at for this watcher. */
	nextRevision: number;
	replaying: boolean;
}

/** The changes of a durable batch, and what was there before them if a watcher asked. */
export interface Publication {
	readonly changes: readonly Extract<Mutation, { type: "change" }>[];
	/** The store's revision with this batch. */
	readonly revision: number;
	/** Reads what `previousWanted` named. */
	readonly previous: ReadValue;
}

export class WatchHub {
	readonly #state: MvccState;
	readonly #values: ValueReader;
	readonly #log: Logger;
	readonly #watchers = new Set<Watcher>();
	/** The last revision published. */
	#revision: number;
	#ended: { readonly error: Error | undefined } | undefined;
	/** Watchers are gathered for the hub that takes over; history is not read any more. */
	#isHeld = false;

	/** @param state its revision at this moment is durable. */
	constructor(state: MvccState, values: ValueReader, log: Logger) {
		this.#state = state;
		this.#values = values;
		this.#log = log;
		this.#revision = state.revision;
	}

	/** The newest revision that watchers and readers may know of. */
	get revision(): number {
		return this.#revision;
	}

	/** The sink is first called after this returns. */
	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch {
		const start = request.startRevision !== undefined && request.startRevision > 0 ? request.startRevision : this.#revision + 1;
		const watcher: Watcher = {
			interval: intervalOf(request.key, request.rangeEnd),
			sink,
			prevKv: request.prevKv === true,
			home: this.#watchers,
			nextRevision: start,
			replaying: start <= this.#revision,
		};
		this.#watchers.add(watcher);
		if (this.#ended !== undefined) queueMicrotask(() => this.#end(watcher, this.#ended?.error));
		else if (watcher.replaying) queueMicrotask(() => void this.#replay(watcher));
		return { cancel: () => watcher.home.delete(watcher) };
	}

	/** From now on the watchers wait for the hub that will take them over. */
	hold(): void {
		this.#isHeld = true;
	}

	/** Takes the watchers of a hub that is held; each goes on where it is. */
	takeOver(held: WatchHub): void {
		for (const watcher of held.#watchers) {
			watcher.home = this.#watchers;
			watcher.replaying = watcher.nextRevision <= this.#revision;
			this.#watchers.add(watcher);
			if (watcher.replaying) void this.#replay(watcher);
		}
		held.#watchers.clear();
	}

	/** The puts whose values a publication of `changes` will show as previous ones; empty if nobody asks. */
	previousWanted(changes: Publication["changes"]): readonly Version[] {
		const watchers = [...this.#watchers].filter((watcher) => watcher.prevKv && !watcher.replaying);
		if (watchers.length === 0) return [];
		return changes.flatMap(({ version }) => {
			const previous = putBefore(version);
			return previous !== undefined && watchers.some((watcher) => contains(watcher.interval, version.key)) ? [previous] : [];
		});
	}

	/** Tells every following watcher, in this turn, what concerns it. Watchers share the events. */
	publish(publication: Publication): void {
		const { changes, revision, previous } = publication;
		this.#revision = revision;
		if (changes.length === 0) return;
		const plain = new Map<Version, StoreEvent>();
		const withPrevious = new Map<Version, StoreEvent>();
		for (const watcher of this.#watchers) {
			if (watcher.replaying) continue;
			const events: StoreEvent[] = [];
			for (const { version, value } of changes) {
				if (version.revision < watcher.nextRevision || !contains(watcher.interval, version.key)) continue;
				const made = watcher.prevKv ? withPrevious : plain;
				const event = made.get(version) ?? toEvent(version, value, watcher.prevKv ? putBefore(version) : undefined, previous);
				made.set(version, event);
				events.push(event);
			}
			this.#deliver(watcher, events, revision);
		}
	}

	/** Ends every watch, and every later one. */
	end(error?: Error): void {
		this.#ended ??= { error };
		for (const watcher of this.#watchers) this.#end(watcher, error);
	}

	/** Hands over what the watcher has not had, and moves it past `revision`. */
	#deliver(watcher: Watcher, events: readonly StoreEvent[], revision: number): void {
		watcher.nextRevision = Math.max(watcher.nextRevision, revision + 1);
		if (events.length === 0) return;
		try {
			watcher.sink.onEvents(events, revision);
		} catch (error) {
			// One watcher's failure is its own: the others and the writers go on.
			this.#log.error("a watch failed to take its events and was ended", { error });
			this.#end(watcher, error instanceof Error ? error : new Error(String(error)));
		}
	}

	async #replay(watcher: Watcher): Promise<void> {
		try {
			while (!this.#isHeld && watcher.nextRevision <= this.#revision && this.#watchers.has(watcher)) await this.#replayChunk(watcher);
			if (!this.#isHeld) watcher.replaying = false;
		} catch (error) {
			if (!this.#isHeld) this.#end(watcher, error instanceof Error ? error : new Error(String(error)));
		}
	}

	async #replayChunk(watcher: Watcher): Promise<void> {
		const compactRevision = this.#state.compactRevision;
		if (watcher.nextRevision < compactRevision) throw new CompactedError(compactRevision);
		const slice = this.#state.log.slice(watcher.nextRevision, this.#revision, replayChunk);
		const wanted = slice.versions.filter((version) => contains(watcher.interval, version.key));
		// What was there before a change is read at the revision before it, which must not be compacted.
		const previousOf = (version: Version) => (watcher.prevKv && version.revision > compactRevision ? putBefore(version) : undefined);
		const previous = new Map(wanted.map((version) => [version, previousOf(version)]));
		const read = await this.#values.load([
			...wanted.filter((version) => !isDelete(version)),
			...[...previous.values()].filter((version) => version !== undefined),
		]);
		if (!this.#watchers.has(watcher)) return;
		const events = wanted.map((version) => toEvent(version, isDelete(version) ? noValue : read(version), previous.get(version), read));
		this.#deliver(watcher, events, slice.throughRevision);
	}

	#end(watcher: Watcher, error: Error | undefined): void {
		if (!this.#watchers.delete(watcher)) return;
		try {
			watcher.sink.onEnd(error);
		} catch (failure) {
			this.#log.error("a watch failed to take its end", { error: failure });
		}
	}
}

/** @param read the value of `before`. */
function toEvent(version: Version, value: Uint8Array, before: Version | undefined, read: ReadValue): StoreEvent {
	const type = isDelete(version) ? "delete" : "put";
	const kv = toKeyValue(version, value);
	return before === undefined ? { type, kv } : { type, kv, prevKv: toKeyValue(before, read(before)) };
}
