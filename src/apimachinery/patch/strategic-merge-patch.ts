/**
 * Strategic merge patch: a merge patch that knows the schema. Lists with a merge key are merged item by item, lists of
 * scalars with strategy merge as sets; the rest is replaced. Directives in the patch say more:
 *
 *   $patch: delete | replace               of the object (or, in a list, of the item with this key, or the whole list);
 *                                           what bears it is nothing where there was nothing
 *   $retainKeys: [k, …]                     every other key of the object goes
 *   $deleteFromPrimitiveList/NAME: [v, …]   these values leave the list NAME
 *   $setElementOrder/NAME: [v | {key}, …]   order of the list NAME after merging; what it does not name stays where the
 *                                           old list had it, relative to its neighbours
 *
 * Pure: what does not change comes back as the very value that it was, the whole object too.
 * Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */

import { goText, goType } from "../go-text.ts";
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual, ownValue, setKey, withoutKey } from "../json.ts";
import { goStructName } from "../schema/go-types.ts";
import { type FieldSchema, type FieldType, typeSchema } from "../schema/schema.ts";
import { newBadRequest, newUnknownError, newUnsupportedMediaType } from "../status-error.ts";
import { deleteValues, isObjectList, mergeObjectLists, mergeScalarLists, orderList, requireList, requireSameOrder } from "./list-merge.ts";

const directive = "$patch";
const retainKeys = "$retainKeys";
const deletePrefix = "$deleteFromPrimitiveList/";
const orderPrefix = "$setElementOrder/";

/**
 * @param typeName the document's type in the schema table. Whether the result still is a T is for the decoder to say. Throws a StatusError: 415 for a type without a schema
 * (custom resources), 400 or 500 for a patch that contradicts itself.
 */
export function applyStrategicMergePatch<T extends object>(document: T, patch: unknown, typeName: string): T {
	if (!isJsonObject(document) || !isJsonObject(patch)) throw newBadRequest("invalid JSON document");
	if (typeSchema(typeName) === undefined) {
		throw newUnsupportedMediaType(
			"the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml",
		);
	}
	return mergeObjects(document, patch, { form: "object", type: typeName }) as T;
}

function mergeObjects(original: JsonObject, patch: JsonObject, type: FieldType | undefined): JsonObject {
	const wanted = ownValue(patch, directive);
	if (wanted === "delete") return {};
	if (wanted === "replace") return withoutKey(patch, directive);
	if (wanted !== undefined) throw newUnknownError(`unknown patch type: ${goText(wanted)} in map: ${goText(patch)}`);
	const merged = new Merged(retained(original, patch));
	const ordered = mergeOrderedLists(merged, patch, type);
	let hasDeletions = false;
	for (const key in patch) {
		if (isDirective(key)) hasDeletions ||= key.startsWith(deletePrefix);
		if (isDirective(key) || ordered?.has(key) === true) continue;
		const value = ownValue(patch, key) ?? null;
		merged.set(key, value === null ? undefined : mergeValues(merged.get(key), value, type, key));
	}
	if (hasDeletions) deleteFromLists(merged, patch, type);
	return merged.object;
}

/** An object that is being merged: the original itself until something in it changes. */
class Merged {
	#object: JsonObject;
	#copy: Record<string, JsonValue | undefined> | undefined;

	constructor(original: JsonObject) {
		this.#object = original;
	}

	get object(): JsonObject {
		return this.#object;
	}

	get(key: string): JsonValue | undefined {
		return ownValue(this.#object, key);
	}

	/** Undefined takes the key away. */
	set(key: string, value: JsonValue | undefined): void {
		if (value === this.get(key)) return;
		this.#copy ??= { ...this.#object };
		this.#object = this.#copy;
		if (value === undefined) delete this.#copy[key];
		else setKey(this.#copy, key, value);
	}
}

/** Obeys `$setElementOrder`. Returns the keys of the lists that it has merged; undefined without any. */
function mergeOrderedLists(merged: Merged, patch: JsonObject, type: FieldType | undefined): ReadonlySet<string> | undefined {
	let keys: Set<string> | undefined;
	for (const name in patch) {
		if (!name.startsWith(orderPrefix)) continue;
		const key = name.slice(orderPrefix.length);
		const change = isDirective(key) ? undefined : plainValue(patch, key);
		const order = requireList(ownValue(patch, name) ?? null);
		const list = mergeOrdered(merged.get(key), change, order, requireField(type, key));
		keys ??= new Set();
		keys.add(key);
		if (list !== undefined) merged.set(key, list);
	}
	return keys;
}

/** What a patch says of a key; null for what it takes away, undefined where it says nothing. */
function plainValue(patch: JsonObject, key: string): JsonValue | undefined {
	return Object.hasOwn(patch, key) ? (patch[key] ?? null) : undefined;
}

/** Obeys `$deleteFromPrimitiveList`. */
function deleteFromLists(merged: Merged, patch: JsonObject, type: FieldType | undefined): void {
	for (const name in patch) {
		if (!name.startsWith(deletePrefix)) continue;
		const key = name.slice(deletePrefix.length);
		const values = ownValue(patch, name) ?? null;
		const list = merged.get(key);
		if (values === null) merged.set(key, undefined);
		else if (Array.isArray(list) && Array.isArray(values)) merged.set(key, withoutValues(list, values, fieldOf(type, key)));
	}
}

/** The original without the keys that `$retainKeys` does not name. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
	const keep = ownValue(patch, retainKeys);
	if (keep === undefined) return original;
	const invalid = newBadRequest("invalid patch format of retainKeys");
	if (!Array.isArray(keep)) throw invalid;
	for (const [key, value] of Object.entries(patch)) {
		if (!isListDirective(key) && key !== retainKeys && value !== null && !keep.includes(key)) throw invalid;
	}
	return Object.fromEntries(Object.entries(original).filter(([key]) => keep.includes(key)));
}

function isListDirective(key: string): boolean {
	return key.startsWith(deletePrefix) || key.startsWith(orderPrefix);
}

/** `$patch` itself has had its say before. */
function isDirective(key: string): boolean {
	return key.startsWith("$") && (key === retainKeys || isListDirective(key));
}

/** Undefined where there was nothing, and the patch is a directive about it. */
function mergeValues(original: JsonValue | undefined, patch: JsonValue, parent: FieldType | undefined, key: string): JsonValue | undefined {
	if (original === undefined || goType(original) !== goType(patch)) return withoutDirectives(patch);
	const field = fieldOf(parent, key);
	if (isOpaque(field?.type)) return patch;
	if (isJsonObject(original) && isJsonObject(patch)) {
		return field?.patchStrategy.includes("replace") ? patch : mergeObjects(original, patch, field?.type);
	}
	if (Array.isArray(original) && Array.isArray(patch)) return mergeLists(original, patch, field);
	return patch;
}

/** What a patch makes of nothing: its values, without nulls. Undefined for an object that bears `$patch`. */
function withoutDirectives(value: JsonValue): JsonValue | undefined {
	if (Array.isArray(value)) {
		const items = value.map(withoutDirectives);
		const kept = items.filter((item) => item !== undefined);
		// What was filtered has room for more than it holds, for as long as the object lives.
		return kept.length === items.length ? (items as readonly JsonValue[]) : kept.slice();
	}
	if (!isJsonObject(value)) return value;
	if (Object.hasOwn(value, directive)) return undefined;
	const result: Record<string, JsonValue | undefined> = {};
	for (const key in value) {
		const part = ownValue(value, key) ?? null;
		const kept = part === null || key === retainKeys || isListDirective(key) ? undefined : withoutDirectives(part);
		if (kept !== undefined) setKey(result, key, kept);
	}
	return result;
}

function mergeLists(original: readonly JsonValue[], patch: readonly JsonValue[], field: PatchField | undefined): readonly JsonValue[] {
	if (field?.patchStrategy.includes("merge") !== true) return jsonEqual(original, patch) ? original : patch;
	if (!isObjectList(original, patch)) return mergeScalarLists(original, patch);
	const items = field.type?.form === "list" ? field.type.items : undefined;
	const mergeItem = (item: JsonObject | undefined, change: JsonObject): JsonObject => {
		if (item !== undefined) return mergeObjects(item, change, items);
		const made = withoutDirectives(change);
		return isJsonObject(made) ? made : {};
	};
	return mergeObjectLists(original, patch, field.patchMergeKey ?? "", mergeItem);
}

/** A list that is not merged becomes the very list that should leave it: the directive is meant for sets. */
function withoutValues(list: readonly JsonValue[], values: readonly JsonValue[], field: PatchField | undefined): readonly JsonValue[] {
	return field?.patchStrategy.includes("merge") ? deleteValues(list, values) : values;
}

/** Merges the list that an order directive speaks of, if there is one, and puts it in that order. */
function mergeOrdered(
	original: JsonValue | undefined,
	patch: JsonValue | undefined,
	order: readonly JsonValue[],
	field: PatchField | undefined,
): readonly JsonValue[] | undefined {
	if (original === undefined && patch === undefined) return undefined;
	const before = original === undefined ? [] : requireList(original);
	if (patch === undefined) return orderList(before, order, before, field?.patchMergeKey);
	const changes = requireList(patch);
	requireSameOrder(changes, order, field?.patchMergeKey);
	const merged = original === undefined ? (withoutDirectives(changes) as readonly JsonValue[]) : mergeLists(before, changes, field);
	return orderList(merged, order, before, field?.patchMergeKey);
}

type PatchField = Pick<FieldSchema, "patchStrategy" | "patchMergeKey"> & { readonly type: FieldType | undefined };

/** How a key of a value of this type is merged; undefined where the schema says nothing. */
function fieldOf(type: FieldType | undefined, key: string): PatchField | undefined {
	if (type?.form === "object") return typeSchema(type.type)?.fields.get(key);
	if (type?.form === "map") return { type: type.values, patchStrategy: [] };
	return undefined;
}

/** The same for a key that an order directive names; the type must have it. */
function requireField(type: FieldType | undefined, key: string): PatchField | undefined {
	const field = fieldOf(type, key);
	if (field !== undefined || type?.form !== "object") return field;
	throw newUnknownError(`unable to find api field in struct ${goStructName(type.type)} for the json field ${JSON.stringify(key)}`);
}

/** Values that the schema does not look into are replaced. */
function isOpaque(type: FieldType | undefined): boolean {
	return type?.form === "scalar" && ["raw", "any", "fieldsV1"].includes(type.scalar);
}
