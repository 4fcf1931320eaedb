/**
 * Merging and ordering of lists in strategic merge patches. An item of a list of objects is known by the value of its
 * merge key, a scalar by itself.
 */

import { goText, goType } from "../go-text.ts";
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from "../json.ts";
import { newUnknownError, newUnprocessable } from "../status-error.ts";

type List = readonly JsonValue[];

/** Items of a list that are compared with each other at most: conditions of a status, containers of a pod. */
const maxCompared = 16;

/** The value as a list. Throws a StatusError for anything else. */
export function requireList(value: JsonValue): List {
	if (Array.isArray(value)) return value;
	throw newUnknownError(`expected a []interface {}, but received a ${goType(value)}`);
}

/** Whether these are lists of objects; false for scalars. Throws a StatusError for lists of lists, and for items of different types. */
export function isObjectList(original: List, patch: List): patch is readonly JsonObject[] {
	const first = original.length > 0 ? original[0] : patch[0];
	if (Array.isArray(first)) throw newUnprocessable();
	if (first !== undefined) {
		const type = goType(first);
		const isOther = (item: JsonValue) => goType(item) !== type;
		if (original.some(isOther) || patch.some(isOther)) {
			throw newUnknownError(`list element types are not identical: ${goText([original, patch])}`);
		}
	}
	return isJsonObject(first);
}

/** Both lists' values, each once; the patch's in its order, the others where the original had them. */
export function mergeScalarLists(original: List, patch: List): List {
	return orderList([...new Set([...original, ...patch])], patch, original, undefined);
}

/** The list without these values. */
export function deleteValues(list: List, values: List): List {
	return list.filter((item) => !values.includes(item));
}

/** Merges items of one key with `mergeItem`, appends new ones, obeys `$patch` in the patch's items. */
export function mergeObjectLists(
	original: List,
	patch: readonly JsonObject[],
	mergeKey: string,
	mergeItem: (item: JsonObject | undefined, change: JsonObject) => JsonObject,
): List {
	const changes: JsonObject[] = [];
	let merged = [...original];
	let replaces = false;
	for (const item of patch) {
		const wanted = ownValue(item, "$patch");
		if (wanted === undefined) changes.push(item);
		else if (wanted === "replace") replaces = true;
		else if (wanted === "delete") {
			const gone = requireKey(item, mergeKey);
			merged = merged.filter((candidate) => identity(candidate, mergeKey) !== gone);
		} else if (wanted === "merge") throw newUnknownError("merging lists cannot yet be specified in the patch");
		else throw newUnknownError(`unknown patch type: ${goText(wanted)} in map: ${goText(item)}`);
	}
	if (replaces) return changes.map((item) => mergeItem(undefined, item));
	let isSame = true;
	let last = -1;
	for (const change of changes) {
		const key = requireKey(change, mergeKey);
		const index = merged.findIndex((candidate) => identity(candidate, mergeKey) === key);
		const before = merged[index];
		const after = mergeItem(isJsonObject(before) ? before : undefined, change);
		isSame &&= after === before;
		// Items that come in the order in which they stand, and none that is new, stay where they are.
		last = index > last ? index : Number.POSITIVE_INFINITY;
		if (isJsonObject(before)) merged[index] = after;
		else merged.push(after);
	}
	const isInOrder = last < original.length && merged.length === original.length && isShortAndDistinct(original, mergeKey);
	return isInOrder ? (isSame ? original : merged) : orderList(merged, changes, original, mergeKey);
}

/** Whether a list is short enough to compare all its items, and no two of them have one key. */
function isShortAndDistinct(list: List, mergeKey: string): boolean {
	if (list.length > maxCompared) return false;
	return list.every((item, index) => {
		const key = identity(item, mergeKey);
		for (let earlier = 0; earlier < index; earlier++) if (identity(list[earlier] ?? null, mergeKey) === key) return false;
		return true;
	});
}

/**
 * Puts the items that `order` names into that order; each of the others goes before the first of them that it stood
 * before in the old list.
 */
export function orderList(merged: List, order: List, before: List, mergeKey: string | undefined): List {
	const rank = indexByIdentity(order, mergeKey);
	const oldIndex = indexByIdentity(before, mergeKey);
	const rankOf = (item: JsonValue) => rank.get(identity(item, mergeKey));
	const oldIndexOf = (item: JsonValue) => oldIndex.get(identity(item, mergeKey));
	const named = merged.filter((item) => rankOf(item) !== undefined).sort((a, b) => (rankOf(a) ?? 0) - (rankOf(b) ?? 0));
	const others = merged.filter((item) => rankOf(item) === undefined).sort((a, b) => (oldIndexOf(a) ?? 0) - (oldIndexOf(b) ?? 0));
	const result: JsonValue[] = [];
	let next = 0;
	for (const item of named) {
		const limit = oldIndexOf(item);
		for (; next < others.length; next++) {
			const other = others[next];
			const place = other === undefined ? undefined : oldIndexOf(other);
			if (other === undefined || limit === undefined || place === undefined || place > limit) break;
			result.push(other);
		}
		result.push(item);
	}
	// Joined, and not appended to: an array that grew item by item keeps room for sixteen more, for as long as the object lives.
	return result.concat(others.slice(next));
}

/** Refuses a patch whose items stand in another order than its own order directive says. */
export function requireSameOrder(patch: List, order: List, mergeKey: string | undefined): void {
	const kept = patch.filter((item) => !(isJsonObject(item) && ownValue(item, "$patch") !== undefined));
	let position = 0;
	for (const item of kept) {
		const wanted = mergeKey === undefined || !isJsonObject(item) ? item : requireKey(item, mergeKey);
		while (position < order.length && identity(order[position] ?? null, mergeKey) !== wanted) position++;
		if (position === order.length && order.length > 0) {
			throw newUnknownError(`The order in patch list:\n${goText(patch)}\n doesn't match $setElementOrder list:\n${goText(order)}\n`);
		}
		position++;
	}
}

function indexByIdentity(list: List, mergeKey: string | undefined): Map<JsonValue | undefined, number> {
	const index = new Map<JsonValue | undefined, number>();
	list.forEach((item, position) => {
		const key = identity(item, mergeKey);
		if (!index.has(key)) index.set(key, position);
	});
	return index;
}

function identity(item: JsonValue, mergeKey: string | undefined): JsonValue | undefined {
	return mergeKey !== undefined && isJsonObject(item) ? ownValue(item, mergeKey) : item;
}

function requireKey(item: JsonObject, mergeKey: string): JsonValue {
	const key = ownValue(item, mergeKey);
	if (key === undefined) throw newUnknownError(`map: ${goText(item)} does not contain declared merge key: ${mergeKey}`);
	return key;
}
