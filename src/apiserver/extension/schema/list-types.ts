/**
 * Lists whose items have to differ: sets, and maps by their keys.
 * Source: https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
import { isJsonObject, type JsonObject, type JsonValue, ownValue } from "../../../apimachinery/json.ts";
import { type FieldError, fieldDuplicate, fieldInvalid } from "../../../apimachinery/validation/field-error.ts";
import type { SchemaTree } from "./schema-tree.ts";

/** What is twice in the lists of a value. @param path "" for the object itself */
export function validateKeyedLists(value: JsonValue | undefined, tree: SchemaTree, path = ""): readonly FieldError[] {
	const errors: FieldError[] = [];
	visit(value, tree, path, errors);
	return errors;
}

function visit(value: JsonValue | undefined, tree: SchemaTree | undefined, path: string, errors: FieldError[]): void {
	if (tree === undefined || !tree.hasKeyedLists) return;
	if (isJsonObject(value)) {
		for (const key in value) {
			const known = tree.properties.get(key);
			if (known !== undefined) visit(value[key], known, path === "" ? key : `${path}.${key}`, errors);
			else visit(value[key], tree.values, `${path}[${key}]`, errors);
		}
	} else if (Array.isArray(value)) visitList(value as readonly JsonValue[], tree, path, errors);
}

function visitList(list: readonly JsonValue[], tree: SchemaTree, path: string, errors: FieldError[]): void {
	const type = tree.props["x-kubernetes-list-type"];
	if (type === "set") for (const index of repeated(list)) errors.push(fieldDuplicate(`${path}[${index}]`, list[index]));
	if (type === "map") errors.push(...validateMap(list, tree.props["x-kubernetes-list-map-keys"] ?? [], path));
	for (const [index, item] of list.entries()) visit(item, tree.items, `${path}[${index}]`, errors);
}

function validateMap(list: readonly JsonValue[], keys: readonly string[], path: string): readonly FieldError[] {
	const wrong = list.findIndex((item) => item !== null && !isJsonObject(item));
	if (wrong !== -1) return [fieldInvalid(`${path}[${wrong}]`, list[wrong], "must be an object for an array of list-type map")];
	const identities = list.map((item): JsonObject => {
		if (!isJsonObject(item)) return {};
		const present = keys.filter((key) => ownValue(item, key) !== undefined);
		return Object.fromEntries(present.map((key) => [key, item[key]]));
	});
	return repeated(identities).map((index) => fieldDuplicate(`${path}[${index}]`, identities[index]));
}

/** Where a value comes for the second time; the third and further times say nothing new. */
function repeated(list: readonly JsonValue[]): readonly number[] {
	const times = new Map<string, number>();
	return [...list.keys()].filter((index) => {
		const text = canonical(list[index]);
		const seen = times.get(text) ?? 0;
		times.set(text, seen + 1);
		return seen === 1;
	});
}

/** JSON with keys in order. */
function canonical(value: JsonValue | undefined): string {
	if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
	if (!isJsonObject(value)) return JSON.stringify(value) ?? "null";
	const keys = Object.keys(value).sort();
	return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
}
