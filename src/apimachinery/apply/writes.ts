/**
 * What both sorts of writes, updates and applies, have in common: two states of an object, seen in each version that its
 * owners wrote in, and what changed between them taken from whoever owned it.
 */
import { type Comparison, compareObjects } from "./compare.ts";
import { difference, type FieldSet } from "./field-set.ts";
import { type ManagerId, type OwnedFields, withFields, withoutReset, withoutSystemFields } from "./managers.ts";
import type { MergeNode } from "./merge-node.ts";
import { trackedNodeOf } from "./tracked-node.ts";

/** The versions in which owners may have written an object. */
export interface ObjectVersions {
	/** The type of a version; undefined for one that is not served (any more): its entries are dropped. */
	nodeOf(apiVersion: string): MergeNode | undefined;
	/** An object in another version's form. */
	convert(object: unknown, from: string, to: string): unknown;
}

export interface WriteOptions {
	readonly id: ManagerId;
	readonly versions: ObjectVersions;
	/** Fields that the endpoint sets back to what they were, with all below them. */
	readonly reset?: FieldSet | undefined;
	/** RFC 3339 */
	readonly time: string;
}

/** The state before a write, or the empty object; in the version of the writer. */
export interface Before {
	readonly object: unknown;
	readonly entries: readonly OwnedFields[];
}

/** A comparison in each version that owners wrote in, made when it is first asked for. */
export class Comparisons {
	readonly #options: WriteOptions;
	readonly #old: unknown;
	readonly #next: unknown;
	readonly #made = new Map<string, Comparison | undefined>();

	constructor(options: WriteOptions, old: unknown, next: unknown) {
		this.#options = options;
		this.#old = old;
		this.#next = next;
	}

	/** Undefined for a version that is not served. */
	in(apiVersion: string): Comparison | undefined {
		if (!this.#made.has(apiVersion)) this.#made.set(apiVersion, this.#compare(apiVersion));
		return this.#made.get(apiVersion);
	}

	#compare(apiVersion: string): Comparison | undefined {
		const { versions, id, reset } = this.#options;
		const node = versions.nodeOf(apiVersion);
		if (node === undefined) return undefined;
		const form = (object: unknown) => (apiVersion === id.apiVersion ? object : versions.convert(object, id.apiVersion, apiVersion));
		const { changed, removed } = compareObjects(trackedNodeOf(node), form(this.#old), form(this.#next));
		const own = (set: FieldSet) => withoutReset(node.form === "struct" ? set : withoutSystemFields(set), reset);
		return { changed: own(changed), removed: own(removed) };
	}
}

/** All entries but one's own, without what changed or went. */
export function takeFromOthers(
	entries: readonly OwnedFields[],
	comparisons: Comparisons,
	own: OwnedFields | undefined,
): readonly OwnedFields[] {
	return entries.flatMap((entry) => {
		const comparison = entry === own ? undefined : comparisons.in(entry.apiVersion);
		if (comparison === undefined) return [];
		const fields = difference(difference(entry.fieldsV1, comparison.changed), comparison.removed);
		return withFields(entry, fields) ?? [];
	});
}
