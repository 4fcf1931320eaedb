/**
 * Removes from a merged object what its applier claimed before, claims no longer, and nobody else owns.
 *
 * A thing that goes takes its parts with it, except those that others own: a list item stays while somebody owns the
 * item itself; of an object that stays, fields that the applier never had stay, too.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields and KEP-555.
 */
import { isJsonObject, type JsonObject, setKey } from "../json.ts";
import { isOneField, partOf } from "./extract.ts";
import { type FieldSet, holdsSelf, partAt } from "./field-set.ts";
import { itemElement } from "./list-item.ts";
import type { MergeNode } from "./merge-node.ts";

/** What a place in the object inherits from the places above it. */
interface Above {
	/** The applier claimed the place itself, or something above it, before. */
	readonly wasClaimed: boolean;
	/** Something above goes, were it not for parts that the applier never had. */
	readonly isAbandoned: boolean;
}

const root: Above = { wasClaimed: false, isAbandoned: false };

/**
 * @param last what the applier claimed with its previous configuration
 * @param owned what anybody owns now, the applier's new configuration included
 */
export function removeAbandoned(node: MergeNode, object: unknown, last: FieldSet, owned: FieldSet): unknown {
	return prune(node, object, last, owned, root);
}

function prune(node: MergeNode, value: unknown, last: FieldSet | undefined, owned: FieldSet | undefined, above: Above): unknown {
	if (last === undefined || isOneField(node, value)) return value;
	if (Array.isArray(value)) return node.form === "list" ? pruneList(node, value, last, owned, above) : value;
	return isJsonObject(value) ? pruneObject(node, value, last, owned, above) : value;
}

/** The part after pruning; undefined if it goes. */
function prunePart(
	node: MergeNode,
	value: unknown,
	{ element, isNamed }: { readonly element: string; readonly isNamed: boolean },
	sets: { readonly last: FieldSet; readonly owned: FieldSet | undefined },
	above: Above,
): unknown {
	const last = partAt(sets.last, element);
	const owned = sets.owned === undefined ? undefined : partAt(sets.owned, element);
	const isIn = (part: FieldSet | undefined) => part !== undefined && (isNamed || holdsSelf(part));
	const wasClaimed = above.wasClaimed || isIn(last);
	const isAbandoned = above.isAbandoned || (wasClaimed && !isIn(owned));
	if (isAbandoned && isIn(last)) return undefined;
	const pruned = prune(node, value, last, owned, { wasClaimed, isAbandoned });
	// An object that a removal leaves empty goes, too, unless somebody wants it so.
	const isEmptied = pruned !== value && isJsonObject(pruned) && Object.keys(pruned).length === 0;
	return isEmptied && !(owned !== undefined && holdsSelf(owned)) ? undefined : pruned;
}

function pruneObject(node: MergeNode, object: JsonObject, last: FieldSet, owned: FieldSet | undefined, above: Above): JsonObject {
	let pruned: Record<string, unknown> | undefined;
	for (const key of Object.keys(object)) {
		const field = partOf(node, key);
		if (field === undefined || object[key] === undefined) continue;
		const after = prunePart(field.node, object[key], field, { last, owned }, above);
		if (after === object[key]) continue;
		pruned ??= { ...object };
		if (after === undefined) delete pruned[key];
		else setKey(pruned, key, after);
	}
	return (pruned as JsonObject | undefined) ?? object;
}

function pruneList(
	list: MergeNode & { form: "list" },
	items: readonly unknown[],
	last: FieldSet,
	owned: FieldSet | undefined,
	above: Above,
): readonly unknown[] {
	const pruned: unknown[] = [];
	let isSame = true;
	for (const item of items) {
		const place = { element: itemElement(list, item), isNamed: false };
		const after = prunePart(list.items, item, place, { last, owned }, above);
		isSame &&= after === item;
		if (after !== undefined) pruned.push(after);
	}
	return isSame ? items : pruned;
}
