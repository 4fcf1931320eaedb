/** What writers asked for and what they were answered: all that may be in the store after a crash follows from it. */
import { expect } from "vitest";
import type { ConfigMap } from "../../src/apimachinery/schema/generated/types.ts";
import { eventually } from "../tools/eventually.ts";

/** The text of an object, or that there is none. */
export type State = { readonly text: string } | "absent";

interface Name {
	/** What was acknowledged last. */
	known: State;
	/** Revision of that; 0 at the beginning. */
	revision: number;
	/** A request without an answer: it may have happened. */
	pending: State | undefined;
}

export class History {
	acknowledged = 0;
	newestRevision = 0;
	/** Revisions of acknowledged creates and updates. */
	readonly acknowledgedRevisions = new Set<number>();
	readonly #names = new Map<string, Name>();

	stateOf(name: string): Readonly<Name> {
		return this.#entry(name);
	}

	asked(name: string, state: State): void {
		const entry = this.#entry(name);
		if (entry.pending !== undefined) throw new Error(`${name} has a request on its way already`);
		entry.pending = state;
	}

	/** @param revision of the answered object; undefined for a delete, whose answer does not tell. */
	answered(name: string, revision: number | undefined): void {
		const entry = this.#entry(name);
		if (entry.pending === undefined) throw new Error(`${name} was not asked for anything`);
		entry.known = entry.pending;
		entry.pending = undefined;
		this.acknowledged++;
		if (revision === undefined) return;
		expect(revision, `revisions of ${name} grow`).toBeGreaterThan(entry.revision);
		entry.revision = revision;
		this.acknowledgedRevisions.add(revision);
		this.newestRevision = Math.max(this.newestRevision, revision);
	}

	/** Resolves when `count` more requests were answered. */
	async afterAcknowledged(count: number): Promise<void> {
		const target = this.acknowledged + count;
		await eventually(() => (this.acknowledged >= target ? true : undefined), {
			limitMs: 30_000,
			what: () => `${this.acknowledged} answers`,
		});
	}

	/** Fails unless the objects are exactly what was acknowledged, give or take what was not answered. */
	check(objects: readonly ConfigMap[]): void {
		const found = new Map(objects.map((object) => [object.metadata?.name ?? "", object]));
		for (const [name, { known, pending, revision }] of this.#names) {
			const object = found.get(name);
			const actual = stateOf(object);
			const allowed = pending === undefined ? [known] : [known, pending];
			expect(allowed.map(brief), `${name}, acknowledged at revision ${revision}`).toContain(brief(actual));
			if (object !== undefined) expect(Number(object.metadata?.resourceVersion)).toBeGreaterThanOrEqual(revision);
			found.delete(name);
		}
		expect([...found.keys()], "objects that nobody asked for").toEqual([]);
	}

	/** After a crash what is there is the truth: unanswered requests have happened or not. */
	adopt(objects: readonly ConfigMap[]): void {
		const found = new Map(objects.map((object) => [object.metadata?.name ?? "", object]));
		for (const [name, entry] of this.#names) {
			const object = found.get(name);
			entry.known = stateOf(object);
			entry.revision = Math.max(entry.revision, Number(object?.metadata?.resourceVersion ?? 0));
			entry.pending = undefined;
		}
	}

	#entry(name: string): Name {
		const entry: Name = this.#names.get(name) ?? { known: "absent", revision: 0, pending: undefined };
		this.#names.set(name, entry);
		return entry;
	}
}

/** Texts are told apart by their first word; for people, the rest is only its length. */
function brief(state: State): string {
	return state === "absent" ? state : `${state.text.split(" ")[0]}, ${state.text.length} characters`;
}

/** Half an object has another length or other halves: both keys say the same, as long as the object is whole. */
function stateOf(object: ConfigMap | undefined): State {
	if (object === undefined) return "absent";
	const { text = "", again } = object.data ?? {};
	expect(again, `${object.metadata?.name} is whole`).toBe(text);
	return { text };
}
