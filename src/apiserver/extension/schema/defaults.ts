/**
 * Fills in what the schema has a default for.
 * Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#defaulting
 */
import { isJsonObject, type JsonObject, type JsonValue, setKey } from "../../../apimachinery/json.ts";
import { pruned } from "./prune.ts";
import type { SchemaTree } from "./schema-tree.ts";

/** A pure memo. */
const defaults = new WeakMap<SchemaTree, JsonValue>();

/** What stands for an absent value, without what the schema does not know. */
function defaultOf(tree: SchemaTree): JsonValue | undefined {
	if (tree.props.default === undefined) return undefined;
	const known = defaults.get(tree);
	if (known !== undefined) return known;
	const value = pruned(tree.props.default as JsonValue, tree);
	defaults.set(tree, value);
	return value;
}

/** The value with its defaults; the same value if none is missing. */
export function withSchemaDefaults(value: JsonValue, tree: SchemaTree | undefined): JsonValue {
	if (tree === undefined || !tree.hasDefaults) return value;
	if (isJsonObject(value)) return fillObject(value, tree);
	return Array.isArray(value) ? fillItems(value as readonly JsonValue[], tree) : value;
}

/** A null that may not be one counts as absent. */
function isMissing(value: JsonValue | undefined, tree: SchemaTree): boolean {
	return value === undefined || (value === null && !tree.isNullable);
}

function fillObject(object: JsonObject, tree: SchemaTree): JsonObject {
	let copy: Record<string, unknown> | undefined;
	const put = (key: string, value: JsonValue) => {
		copy ??= { ...object };
		setKey(copy, key, value);
	};
	for (const [key, field] of tree.properties) {
		const item = Object.hasOwn(object, key) ? object[key] : undefined;
		const fallback = isMissing(item, field) ? defaultOf(field) : undefined;
		const present = fallback ?? item;
		if (present === undefined) continue;
		const filled = withSchemaDefaults(present, field);
		if (filled !== item) put(key, filled);
	}
	const { values } = tree;
	if (values === undefined) return (copy as JsonObject | undefined) ?? object;
	for (const key in object) {
		const item = object[key];
		if (item === undefined || tree.properties.has(key)) continue;
		const filled = withSchemaDefaults(isMissing(item, values) ? (defaultOf(values) ?? item) : item, values);
		if (filled !== item) put(key, filled);
	}
	return (copy as JsonObject | undefined) ?? object;
}

function fillItems(list: readonly JsonValue[], { items }: SchemaTree): JsonValue {
	if (items === undefined) return list;
	let copy: JsonValue[] | undefined;
	for (const [index, item] of list.entries()) {
		const filled = withSchemaDefaults(isMissing(item, items) ? (defaultOf(items) ?? item) : item, items);
		if (filled === item) continue;
		copy ??= [...list];
		copy[index] = filled;
	}
	return copy ?? list;
}
