/**
 * Which fields a value sets: those of a configuration that somebody applies, and those of a value that came into being.
 *
 * The two differ in what they say of objects and lists that have parts. Who applies `labels: {app: web}` owns the one
 * label; who creates an object with these labels owns the map, too (`"f:labels":{".":{},"f:app":{}}`).
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
import { isJsonObject, type JsonObject } from "../json.ts";
import { emptySet, type FieldSet, isEmptySet, sorted } from "./field-set.ts";
import { itemElement } from "./list-item.ts";
import type { ListNode, MergeNode } from "./merge-node.ts";
import { fieldElement, self } from "./path-element.ts";

/** The fields that a configuration claims. Throws ItemError for a list item without a key. */
export function fieldsOfConfiguration(node: MergeNode, configuration: unknown): FieldSet {
	return claimed(node, configuration) ?? emptySet;
}

/** Undefined where nothing is claimed but through the parts of which there are none. */
function claimed(node: MergeNode, value: unknown): FieldSet | undefined {
	if (isOneField(node, value)) return emptySet;
	if (Array.isArray(value)) {
		if (node.form !== "list") return emptySet;
		return partsOfList(node, value, (item) => withSelf(claimed(node.items, item)));
	}
	if (!isJsonObject(value)) return emptySet;
	return partsOfObject(value, (key, part) => {
		const field = partOf(node, key);
		if (field === undefined) return undefined;
		const below = claimed(field.node, part);
		const isLeaf = part === null || (isJsonObject(part) && Object.keys(part).length === 0);
		return isLeaf || !field.isNamed ? withSelf(below) : below;
	});
}

/** The part of a set for a value that was not there before: the thing itself and all that is in it. Throws ItemError. */
export function fieldsOfNew(node: MergeNode, value: unknown): FieldSet {
	if (isOneField(node, value)) return emptySet;
	if (Array.isArray(value)) {
		if (node.form !== "list") return emptySet;
		return withSelf(partsOfNewList(node, value));
	}
	if (!isJsonObject(value)) return emptySet;
	const parts = partsOfObject(value, (key, part) => {
		const field = partOf(node, key);
		return field === undefined ? undefined : fieldsOfNew(field.node, part);
	});
	return withSelf(parts);
}

/** What is known of a list: that it was looked at once, or what was found when it came again. */
type SeenList = { readonly list: ListNode; readonly parts: FieldSet | undefined } | "once";

/**
 * A pure memo: values never change, and the pods of a ReplicaSet have one list of containers. Most lists come once, as the conditions of a
 * status do, and sets take more room than what they are of: only what comes again is kept.
 */
const newLists = new WeakMap<readonly unknown[], SeenList>();

/** The parts of a list that was not there before, or was empty. Undefined without items. Throws ItemError. */
export function partsOfNewList(list: ListNode, items: readonly unknown[]): FieldSet | undefined {
	const seen = newLists.get(items);
	if (typeof seen === "object" && seen.list === list) return seen.parts;
	const parts = partsOfList(list, items, (item) => fieldsOfNew(list.items, item));
	newLists.set(items, seen === undefined ? "once" : { list, parts });
	return parts;
}

function withSelf(part: FieldSet | undefined): FieldSet {
	if (part === undefined || isEmptySet(part)) return emptySet;
	return self in part ? part : { [self]: emptySet, ...part };
}

/** Whether a value is one field, whatever is in it. */
export function isOneField(node: MergeNode, value: unknown): boolean {
	switch (node.form) {
		case "scalar":
		case "any":
			return true;
		case "struct":
		case "map":
			return node.isAtomic;
		case "list":
			return node.relation === "atomic";
		case "deduced":
			return !isJsonObject(value);
		default:
			return node satisfies never;
	}
}

/** What is known of a key of an object; undefined for a field that its type does not have. */
export function partOf(
	node: MergeNode,
	key: string,
): { readonly element: string; readonly node: MergeNode; readonly isNamed: boolean; readonly zero?: unknown } | undefined {
	switch (node.form) {
		case "struct": {
			const field = node.field(key);
			return field === undefined ? undefined : { element: field.element, node: field.node, isNamed: true, zero: field.zero };
		}
		case "map":
			return { element: fieldElement(key), node: node.values, isNamed: false };
		default:
			return { element: fieldElement(key), node, isNamed: false };
	}
}

function partsOfObject(value: JsonObject, part: (key: string, value: unknown) => FieldSet | undefined): FieldSet | undefined {
	const parts: Record<string, FieldSet> = {};
	for (const key in value) {
		if (value[key] === undefined) continue;
		const below = part(key, value[key]);
		if (below !== undefined) parts[fieldElement(key)] = below;
	}
	return isEmptySet(parts) ? undefined : sorted(parts);
}

function partsOfList(list: ListNode, items: readonly unknown[], part: (item: unknown) => FieldSet): FieldSet | undefined {
	const parts: Record<string, FieldSet> = {};
	for (const item of items) parts[itemElement(list, item)] = part(item);
	return isEmptySet(parts) ? undefined : sorted(parts);
}
