/**
 * Takes out of an object what its schema does not know, and nulls that are neither allowed nor replaced by a default.
 * Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#field-pruning
 */
import { isJsonObject, type JsonObject, type JsonValue, setKey } from "../../../apimachinery/json.ts";
import { formatPath } from "../../../apimachinery/schema/decode-errors.ts";
import { metaFields } from "./meta-fields.ts";
import type { SchemaTree } from "./schema-tree.ts";

/** Where a run is, and what it took out. */
interface Run {
	readonly path: (string | number)[];
	/** `spec.containers[0].foo` */
	readonly unknownFields: string[];
}

/** The value without what `tree` does not know; the same value if there is nothing. Paths of what goes are added to `unknownFields`. */
export function pruned(
	value: JsonValue,
	tree: SchemaTree,
	unknownFields: string[] = [],
	path: readonly (string | number)[] = [],
): JsonValue {
	return prune(value, tree, { path: [...path], unknownFields });
}

function prune(value: JsonValue, tree: SchemaTree | undefined, run: Run): JsonValue {
	if (isJsonObject(value)) return pruneObject(value, tree, run);
	if (!Array.isArray(value)) return value;
	const items = value as readonly JsonValue[];
	// What is preserved is so at any depth of lists.
	if (tree?.preservesUnknownFields === true && tree.items === undefined) return value;
	return pruneItems(items, tree, run);
}

function pruneItems(items: readonly JsonValue[], tree: SchemaTree | undefined, run: Run): JsonValue {
	let copy: JsonValue[] | undefined;
	for (const [index, item] of items.entries()) {
		if (typeof item !== "object" || item === null) continue;
		run.path.push(index);
		const kept = prune(item, tree?.items, run);
		run.path.pop();
		if (kept === item) continue;
		copy ??= [...items];
		copy[index] = kept;
	}
	return copy ?? items;
}

const gone = Symbol("gone");

function pruneObject(object: JsonObject, tree: SchemaTree | undefined, run: Run): JsonValue {
	let copy: Record<string, JsonValue | undefined> | undefined;
	for (const key in object) {
		const item = object[key];
		if (item === undefined || (tree?.isResource === true && metaFields.has(key))) continue;
		run.path.push(key);
		const kept = pruneField(key, item, tree, run);
		run.path.pop();
		if (kept === item) continue;
		copy ??= { ...object };
		if (kept === gone) delete copy[key];
		else setKey(copy, key, kept);
	}
	return (copy as JsonObject | undefined) ?? object;
}

function pruneField(key: string, item: JsonValue, tree: SchemaTree | undefined, run: Run): JsonValue | typeof gone {
	const known = tree?.properties.get(key);
	if (known === undefined && tree?.allowsMoreProperties !== true) {
		if (tree?.preservesUnknownFields === true) return item;
		run.unknownFields.push(formatPath(run.path));
		return gone;
	}
	const field = known ?? tree?.values;
	if (item === null) return field !== undefined && !field.isNullable && field.props.default === undefined ? gone : item;
	return typeof item === "object" ? prune(item, field, run) : item;
}
