/**
 * What happened, as everybody must tell it: the changes of each revision, gathered from all watches there are. Whoever
 * tells something else than somebody before is wrong, whatever he tells.
 *
 * An MVCC store in its simplest form: from the changes alone it says what each read at each revision must give.
 */
import type { KeyValue, StoreEvent } from "../../../src/store/store.ts";

/** What is wrong, found by looking at what was answered. */
export class StoreViolation extends Error {
	constructor(message: string) {
		super(message);
		this.name = "StoreViolation";
	}
}

/** A read that was answered, to be judged once all is known. */
interface Sighting {
	readonly who: string;
	readonly key: string;
	/** At which it was read. */
	readonly revision: number;
	readonly kv: KeyValue | undefined;
}

export class Chronicle {
	/** By revision; with the time at which it was first heard of, virtual ms. */
	readonly #changes = new Map<number, { readonly events: readonly StoreEvent[]; readonly text: string; readonly atMs: number }>();
	readonly #sightings: Sighting[] = [];
	/** By the only value that each write has: the revision it was answered with. */
	readonly #answered = new Map<string, number>();
	readonly #nowMs: () => number;
	/** The newest revision heard of. */
	newest = 1;

	constructor(nowMs: () => number) {
		this.#nowMs = nowMs;
	}

	/** The events of whole revisions, of all keys. */
	heard(who: string, events: readonly StoreEvent[]): void {
		for (const [revision, changes] of Map.groupBy(events, ({ kv }) => kv.modRevision)) {
			const text = changes.map(describe).join(", ");
			const known = this.#changes.get(revision);
			if (known !== undefined && known.text !== text)
				throw new StoreViolation(`revision ${revision} is ${text} to ${who}, and was ${known.text}`);
			if (known !== undefined) continue;
			this.#changes.set(revision, { events: changes, text, atMs: this.#nowMs() });
			this.newest = Math.max(this.newest, revision);
		}
	}

	answered(value: string, revision: number): void {
		this.#answered.set(value, revision);
	}

	saw(sighting: Sighting): void {
		this.#sightings.push(sighting);
	}

	/** The changes after revision `after`, up to `upTo`, that `wanted` takes, a line a revision. */
	between(after: number, upTo: number, wanted: (key: string) => boolean): readonly string[] {
		const lines: string[] = [];
		for (let revision = after + 1; revision <= upTo; revision++) {
			const events = (this.#changes.get(revision)?.events ?? []).filter(({ kv }) => wanted(kv.key));
			if (events.length > 0) lines.push(`${revision}: ${events.map(describe).join(", ")}`);
		}
		return lines;
	}

	/** All deletes, by key. */
	deletions(): readonly { readonly key: string; readonly revision: number; readonly atMs: number }[] {
		return [...this.#changes].flatMap(([revision, { events, atMs }]) =>
			events.flatMap(({ type, kv }) => (type === "delete" ? [{ key: kv.key, revision, atMs }] : [])),
		);
	}

	/** @param revision the group's, in the end. Throws `StoreViolation`. */
	judge(revision: number): void {
		for (let at = 2; at <= this.newest; at++)
			if (!this.#changes.has(at)) throw new StoreViolation(`nobody has heard of revision ${at}, the newest is ${this.newest}`);
		if (revision !== this.newest) throw new StoreViolation(`the group is at revision ${revision}, ${this.newest} was heard of`);
		const places = this.#placeOf();
		for (const [value, answered] of this.#answered)
			if (places.get(value) !== answered)
				throw new StoreViolation(`the write of ${value} was answered with revision ${answered}, and is at ${places.get(value) ?? "none"}`);
		this.#judgeReads();
	}

	/** Throws if a value is there twice: each was written once. */
	#placeOf(): ReadonlyMap<string, number> {
		const places = new Map<string, number>();
		for (const [revision, { events }] of this.#changes)
			for (const { type, kv } of events) {
				if (type !== "put") continue;
				const value = textOf(kv.value);
				const other = places.get(value);
				if (other !== undefined)
					throw new StoreViolation(`${value} was written once, and took effect at revisions ${other} and ${revision}`);
				places.set(value, revision);
			}
		return places;
	}

	/** Goes through history once, with the reads in order of their revision. */
	#judgeReads(): void {
		const sightings = [...this.#sightings].sort((a, b) => a.revision - b.revision);
		const keys = new Map<string, KeyValue>();
		let next = 0;
		for (let revision = 1; revision <= this.newest; revision++) {
			for (const { type, kv } of this.#changes.get(revision)?.events ?? []) {
				this.#judgeChange(keys.get(kv.key), type, kv);
				if (type === "put") keys.set(kv.key, kv);
				else keys.delete(kv.key);
			}
			for (let seen = sightings[next]; seen !== undefined && seen.revision <= revision; seen = sightings[++next]) {
				const expected = keys.get(seen.key);
				if (describeKv(expected) !== describeKv(seen.kv))
					throw new StoreViolation(
						`${seen.who} read ${seen.key} at revision ${seen.revision}: ${describeKv(seen.kv)} instead of ${describeKv(expected)}`,
					);
			}
		}
		const late = sightings[next];
		if (late !== undefined) throw new StoreViolation(`${late.who} read at revision ${late.revision}, which never was`);
	}

	#judgeChange(before: KeyValue | undefined, type: StoreEvent["type"], kv: KeyValue): void {
		if (type === "delete") {
			if (before === undefined) throw new StoreViolation(`${kv.key} was deleted at ${kv.modRevision}, and was not there`);
			return;
		}
		if (kv.version !== (before?.version ?? 0) + 1 || kv.createRevision !== (before?.createRevision ?? kv.modRevision))
			throw new StoreViolation(`${describeKv(kv)} does not follow ${describeKv(before)}`);
	}
}

export function textOf(value: Uint8Array): string {
	return Buffer.from(value).toString();
}

export function describe({ type, kv }: StoreEvent): string {
	return type === "delete" ? `delete ${kv.key}` : `put ${describeKv(kv)}`;
}

function describeKv(kv: KeyValue | undefined): string {
	if (kv === undefined) return "nothing";
	return `${kv.key}=${textOf(kv.value)} (created ${kv.createRevision}, changed ${kv.modRevision}, version ${kv.version}, lease ${kv.lease})`;
}
