/**
 * What changed between two states of an object, as sets of fields. Cheap where little changed: equal parts that are the
 * same value are never entered.
 *
 * A field that both states have counts by its value; of a thing that only one of them has, the thing and all its parts
 * count. Fields that Go's form of an object always has are never new (zero-structs.ts).
 */
import { isJsonObject, type JsonObject, jsonEqual, ownValue } from "../json.ts";
import { fieldsOfNew, isOneField, partOf, partsOfNewList } from "./extract.ts";
import { emptySet, type FieldSet, sorted } from "./field-set.ts";
import { itemElement } from "./list-item.ts";
import type { ListNode, MergeNode } from "./merge-node.ts";

export interface Comparison {
	/** Fields that are new or have another value. */
	readonly changed: FieldSet;
	readonly removed: FieldSet;
}

const same: Comparison = { changed: emptySet, removed: emptySet };

/** Compares two states of an object of one type. Throws ItemError for a list item without a key. */
export function compareObjects(node: MergeNode, old: unknown, next: unknown): Comparison {
	const parts = compareParts(node, old, next);
	return parts === undefined ? same : { changed: parts.changed ?? emptySet, removed: parts.removed ?? emptySet };
}

/** How a part of an object changed: parts of sets, where `{}` is the thing itself. Undefined: not at all. */
interface PartComparison {
	readonly changed: FieldSet | undefined;
	readonly removed: FieldSet | undefined;
}

const valueChanged: PartComparison = { changed: emptySet, removed: undefined };

function compareParts(node: MergeNode, old: unknown, next: unknown): PartComparison | undefined {
	if (old === next) return undefined;
	if (old === undefined) return { changed: fieldsOfNew(node, next), removed: undefined };
	if (next === undefined) return { changed: undefined, removed: fieldsOfNew(node, old) };
	if (isOneField(node, old) && isOneField(node, next)) return jsonEqual(old, next) ? undefined : valueChanged;
	if (node.form === "list") {
		const [before, after] = [old ?? [], next ?? []];
		if (Array.isArray(before) && Array.isArray(after) && before.length + after.length > 0) return compareLists(node, before, after);
	} else {
		const [before, after] = [old ?? {}, next ?? {}];
		if (isJsonObject(before) && isJsonObject(after) && !(isEmpty(before) && isEmpty(after))) return compareJsonObjects(node, before, after);
	}
	return jsonEqual(old, next) ? undefined : valueChanged;
}

/** Two empty values are compared as values, so that null and empty are told apart. */
function isEmpty(value: JsonObject): boolean {
	for (const _ in value) return false;
	return true;
}

class PartCollector {
	#changed: Record<string, FieldSet> | undefined;
	#removed: Record<string, FieldSet> | undefined;

	add(element: string, part: PartComparison | undefined): void {
		if (part?.changed !== undefined) {
			this.#changed ??= {};
			this.#changed[element] = part.changed;
		}
		if (part?.removed !== undefined) {
			this.#removed ??= {};
			this.#removed[element] = part.removed;
		}
	}

	result(): PartComparison | undefined {
		const [changed, removed] = [this.#changed, this.#removed];
		if (changed === undefined && removed === undefined) return undefined;
		return { changed: changed && sorted(changed), removed: removed && sorted(removed) };
	}
}

function compareJsonObjects(node: MergeNode, old: JsonObject, next: JsonObject): PartComparison | undefined {
	const parts = new PartCollector();
	for (const key in next) {
		const value = next[key];
		const before = ownValue(old, key);
		if (value === undefined || value === before) continue;
		const field = partOf(node, key);
		if (field !== undefined) parts.add(field.element, compareParts(field.node, before === undefined ? field.zero : before, value));
	}
	for (const key in old) {
		if (old[key] === undefined || ownValue(next, key) !== undefined) continue;
		const field = partOf(node, key);
		if (field !== undefined) parts.add(field.element, compareParts(field.node, old[key], field.zero));
	}
	return parts.result();
}

function compareLists(list: ListNode, old: readonly unknown[], next: readonly unknown[]): PartComparison | undefined {
	if (old.length === 0) return { changed: partsOfNewList(list, next), removed: undefined };
	const before = itemsByElement(list, old);
	const after = itemsByElement(list, next);
	const parts = new PartCollector();
	for (const [element, items] of after) {
		const previous = before.get(element);
		parts.add(element, compareItems(list.items, previous, items));
	}
	for (const [element, items] of before) {
		if (!after.has(element)) parts.add(element, compareItems(list.items, items, undefined));
	}
	return parts.result();
}

/** Items of one key: one on each side, unless somebody wrote duplicates, which count as one value. */
function compareItems(
	node: MergeNode,
	old: readonly unknown[] | undefined,
	next: readonly unknown[] | undefined,
): PartComparison | undefined {
	if ((old?.length ?? 1) === 1 && (next?.length ?? 1) === 1) return compareParts(node, old?.[0], next?.[0]);
	if (next === undefined) return { changed: undefined, removed: emptySet };
	return jsonEqual(old, next) ? undefined : valueChanged;
}

function itemsByElement(list: ListNode, items: readonly unknown[]): Map<string, unknown[]> {
	const byElement = new Map<string, unknown[]>();
	for (const item of items) {
		const element = itemElement(list, item);
		const known = byElement.get(element);
		if (known === undefined) byElement.set(element, [item]);
		else known.push(item);
	}
	return byElement;
}
