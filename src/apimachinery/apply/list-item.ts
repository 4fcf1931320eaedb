/**
 * Which item of a list is which: by its keys in a list of type map, by its value in a set.
 * Source of the texts: sigs.k8s.io/structured-merge-diff/typed.
 */
import { isJsonObject, ownValue } from "../json.ts";
import type { ListNode } from "./merge-node.ts";
import { keyElement, textKeyElement, valueElement } from "./path-element.ts";

/** An item that has no place in its list: without any of its keys, or of a type that a list of this kind can't hold. */
export class ItemError extends Error {}

/** The step that leads to an item of a list of type map or set. Throws ItemError. */
export function itemElement(list: ListNode, item: unknown): string {
	return list.relation === "map" ? keyedElement(list, item) : setElement(item);
}

function keyedElement(list: ListNode, item: unknown): string {
	if (item === null || item === undefined) throw new ItemError("associative list with keys may not have null elements");
	if (!isJsonObject(item)) throw new ItemError("associative list with keys may not have non-map elements");
	const [first] = list.keys;
	const only = first === undefined || list.keys.length > 1 ? undefined : ownValue(item, first.name);
	if (first !== undefined && typeof only === "string") return textKeyElement(first.name, only);
	const keys: [string, unknown][] = [];
	for (const { name, fallback } of list.keys) {
		const value = ownValue(item, name) ?? fallback;
		if (value !== undefined) keys.push([name, value]);
	}
	if (keys.length > 0) return keyElement(keys);
	const names = list.keys.map(({ name }) => JSON.stringify(name)).join(" ");
	throw new ItemError(
		`associative list with keys has an element that omits all key fields [${names}] (and doesn't have default values for any key fields)`,
	);
}

function setElement(item: unknown): string {
	if (isJsonObject(item)) throw new ItemError("associative list without keys has an element that's a map type");
	if (Array.isArray(item)) throw new ItemError("not supported: associative list with lists as elements");
	return valueElement(item ?? null);
}
