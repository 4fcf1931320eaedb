/**
 * Lays a configuration over an object: fields of the configuration win, all others stay. Items of lists with keys and
 * of sets are merged one by one; the configuration's order holds among its items, and items that only the object has
 * keep their place before the item they came before.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
import { isJsonObject, type JsonObject, ownValue, setKey } from "../json.ts";
import { isOneField, partOf } from "./extract.ts";
import { itemElement } from "./list-item.ts";
import type { ListNode, MergeNode } from "./merge-node.ts";

/** The object with the configuration merged in; parts that do not change are shared. Both must be of the node's type. */
export function mergeConfiguration(node: MergeNode, object: unknown, configuration: unknown): unknown {
	if (configuration === undefined) return object;
	if (object === undefined || object === configuration || isOneField(node, configuration)) return configuration;
	if (Array.isArray(object) && Array.isArray(configuration) && node.form === "list") return mergeLists(node, object, configuration);
	if (isJsonObject(object) && isJsonObject(configuration)) return mergeJsonObjects(node, object, configuration);
	return configuration;
}

function mergeJsonObjects(node: MergeNode, object: JsonObject, configuration: JsonObject): JsonObject {
	let merged: Record<string, unknown> | undefined;
	for (const key in configuration) {
		const value = configuration[key];
		if (value === undefined) continue;
		const before = ownValue(object, key);
		const field = partOf(node, key);
		const after = field === undefined ? value : mergeConfiguration(field.node, before, value);
		if (after === before) continue;
		merged ??= { ...object };
		setKey(merged, key, after);
	}
	return (merged as JsonObject | undefined) ?? object;
}

function mergeLists(list: ListNode, live: readonly unknown[], applied: readonly unknown[]): readonly unknown[] {
	const liveElements = live.map((item) => itemElement(list, item));
	const appliedElements = applied.map((item) => itemElement(list, item));
	const liveItems = new Map(liveElements.map((element, index) => [element, live[index]]));
	const isApplied = new Set(appliedElements);
	const merged: unknown[] = [];
	let next = 0;
	/** Items only the object has go where they are met, as long as what follows them still has to come. */
	const placed = new Set<string>();
	const takeApplied = () => {
		const element = appliedElements[next] ?? "";
		merged.push(mergeConfiguration(list.items, liveItems.get(element), applied[next]));
		placed.add(element);
		next++;
	};
	for (const [index, element] of liveElements.entries()) {
		if (!isApplied.has(element)) {
			merged.push(live[index]);
			continue;
		}
		if (placed.has(element) || element !== nextShared(appliedElements, next, liveItems)) continue;
		while (!placed.has(element)) takeApplied();
	}
	while (next < applied.length) takeApplied();
	const isSame = merged.length === live.length && merged.every((item, index) => item === live[index]);
	return isSame ? live : merged;
}

/** The first item still to come from the configuration that the object has, too. */
function nextShared(applied: readonly string[], from: number, live: ReadonlyMap<string, unknown>): string | undefined {
	for (let index = from; index < applied.length; index++) {
		const element = applied[index] ?? "";
		if (live.has(element)) return element;
	}
	return undefined;
}
