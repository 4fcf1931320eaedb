/**
 * Server-side apply: all that a configuration says is the applier's; others keep what they say the same of (it is
 * shared), and must be forced out of what the configuration changes. What the applier claimed before and claims no
 * longer goes, unless somebody else owns it.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/ and KEP-555.
 */
import { compareObjects } from "./compare.ts";
import { type Conflict, newApplyConflict } from "./conflict.ts";
import { fieldsOfConfiguration } from "./extract.ts";
import { emptySet, intersection, isEmptySet, pathsOf } from "./field-set.ts";
import { allFields, entryFor, entryKey, isEntryOf, type OwnedFields, sortEntries, withoutReset, withoutSystemFields } from "./managers.ts";
import { mergeConfiguration } from "./merge.ts";
import { removeAbandoned } from "./prune.ts";
import { type Before, Comparisons, takeFromOthers, type WriteOptions } from "./writes.ts";

export interface ApplyOptions extends WriteOptions {
	/** Takes fields from their owners instead of refusing. */
	readonly force: boolean;
}

/** What an apply makes of an object and its owners. */
export interface Applied {
	/** In the version of the applier. */
	readonly object: unknown;
	readonly entries: readonly OwnedFields[];
}

/**
 * Applies a configuration of the applier's version. Throws a StatusError (409) with every conflict unless it is forced,
 * and ItemError for a list item without a key.
 */
export function applyConfiguration(before: Before, configuration: unknown, options: ApplyOptions): Applied {
	const { id, versions, reset, time, force } = options;
	const node = versions.nodeOf(id.apiVersion);
	if (node === undefined) return before;
	const claimed = withoutReset(fieldsOfConfiguration(node, configuration), reset);
	const own = before.entries.find((entry) => isEntryOf(entry, id));
	const rest = before.entries.filter((entry) => entry !== own && versions.nodeOf(entry.apiVersion) !== undefined);
	const fields = withoutSystemFields(claimed);
	const mine = isEmptySet(fields) ? undefined : entryFor(id, fields, time);
	const merged = mergeConfiguration(node, before.object, configuration);
	// Equal sets are one value: who claims what it claimed before gives nothing up.
	const keepsAll = own === undefined || (own.apiVersion === id.apiVersion && own.fieldsV1 === mine?.fieldsV1);
	const object = keepsAll ? merged : pruneInVersionOf(own, merged, [...rest, entryFor(id, claimed, time)], options);
	const comparisons = new Comparisons(options, before.object, object);
	const conflicts = conflictsOf(rest, comparisons);
	if (!force && conflicts.length > 0) throw newApplyConflict(conflicts);
	const others = takeFromOthers(rest, comparisons, undefined);
	return { object, entries: sortEntries(mine === undefined ? others : others.concat(mine)) };
}

/** Removes what the applier no longer claims, in the version that it claimed it in. */
function pruneInVersionOf(last: OwnedFields, merged: unknown, entries: readonly OwnedFields[], { id, versions }: WriteOptions): unknown {
	const node = versions.nodeOf(last.apiVersion);
	if (node === undefined) return merged;
	const owned = allFields(entries.filter(({ apiVersion }) => apiVersion === last.apiVersion));
	const foreign = entries.filter(({ apiVersion }) => apiVersion !== last.apiVersion);
	const form = (object: unknown, from: string, to: string) => (from === to ? object : versions.convert(object, from, to));
	const object = form(merged, id.apiVersion, last.apiVersion);
	const pruned = removeAbandoned(node, object, last.fieldsV1, owned);
	if (pruned === object) return merged;
	const back = form(pruned, last.apiVersion, id.apiVersion);
	return addBackOwned(merged, back, foreign, { id, versions });
}

/** Puts back what owners in other versions hold and a removal took. */
function addBackOwned(
	merged: unknown,
	pruned: unknown,
	foreign: readonly OwnedFields[],
	{ id, versions }: Pick<WriteOptions, "id" | "versions">,
): unknown {
	return foreign.reduce((object, entry) => {
		const node = versions.nodeOf(entry.apiVersion);
		if (node === undefined) return object;
		const form = (value: unknown) =>
			entry.apiVersion === id.apiVersion ? value : versions.convert(value, id.apiVersion, entry.apiVersion);
		const [whole, less] = [form(merged), form(object)];
		const { removed } = compareObjects(node, whole, less);
		if (isEmptySet(intersection(removed, entry.fieldsV1))) return object;
		const restored = removeAbandoned(node, whole, removed, entry.fieldsV1);
		return entry.apiVersion === id.apiVersion ? restored : versions.convert(restored, entry.apiVersion, id.apiVersion);
	}, pruned);
}

/** What a change would take from other owners: by manager, each with its paths in order. */
function conflictsOf(entries: readonly OwnedFields[], comparisons: Comparisons): readonly Conflict[] {
	const byKey = [...entries].sort((a, b) => (entryKey(a) < entryKey(b) ? -1 : 1));
	return byKey.flatMap((entry) => {
		const changed = comparisons.in(entry.apiVersion)?.changed ?? emptySet;
		return pathsOf(intersection(entry.fieldsV1, changed)).map((path): Conflict => ({ owner: entry, path }));
	});
}
