/**
 * Who owns which field after a create, an update or a patch other than an apply: what changed is the writer's from now
 * on, and nobody else's.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management and KEP-555.
 */
import { difference, emptySet, isEmptySet, union } from "./field-set.ts";
import { capUpdaters, entryFor, isEntryOf, type OwnedFields, sortEntries, withFields } from "./managers.ts";
import { type Before, Comparisons, takeFromOthers, type WriteOptions } from "./writes.ts";

/** The owners after an update. The same list if nothing changed. Throws ItemError for a list item without a key. */
export function ownersAfterUpdate({ object, entries }: Before, next: unknown, options: WriteOptions): readonly OwnedFields[] {
	const { id, time } = options;
	const comparisons = new Comparisons(options, object, next);
	const comparison = comparisons.in(id.apiVersion);
	if (comparison === undefined) return entries;
	const { changed, removed } = comparison;
	if (isEmptySet(changed) && isEmptySet(removed)) return entries;
	const own = entries.find((entry) => isEntryOf(entry, id));
	const others = takeFromOthers(entries, comparisons, own);
	const kept = own === undefined ? emptySet : difference(own.fieldsV1, removed);
	const mine = isEmptySet(changed) ? own && withFields(own, kept) : entryFor(id, union(kept, changed), time);
	return sortEntries(capUpdaters(mine === undefined ? others : others.concat(mine)));
}
