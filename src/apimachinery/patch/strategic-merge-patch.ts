/**
 * Strategic merge patch: a merge patch that knows the schema. Lists with a merge key are merged item by item, lists of
 * scalars with strategy merge as sets; the rest is replaced. Directives in the patch say more:
 *
 *   $patch: delete | replace               of the object (or, in a list, of the item with this key, or the whole list)
 *   $retainKeys: [k, …]                     every other key of the object goes
 *   $deleteFromPrimitiveList/NAME: [v, …]   these values leave the list NAME
 *   $setElementOrder/NAME: [v | {key}, …]   order of the list NAME after merging; what it does not name stays where the
 *                                           old list had it, relative to its neighbours
 *
 * Pure: returns a new value that shares what did not change.
 * Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
import { isJsonObject, type JsonObject, type JsonValue, ownValue, setKey, withoutKey } from "../json.ts";
import { type FieldSchema, type FieldType, typeSchema } from "../schema/schema.ts";
import { newBadRequest, newUnsupportedMediaType } from "../status-error.ts";
import {
	deleteValues,
	goText,
	isObjectList,
	mergeObjectLists,
	mergeScalarLists,
	orderList,
	requireList,
	requireSameOrder,
} from "./list-merge.ts";

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
	if (wanted !== undefined) throw newBadRequest(`unknown patch type: ${wanted} in map: ${goText(patch)}`);
	const result: Record<string, JsonValue | undefined> = { ...retained(original, patch) };
	const plain = new Map<string, JsonValue>();
	const deletions: [string, JsonValue][] = [];
	const orders: [string, JsonValue][] = [];
	for (const [key, value = null] of Object.entries(patch)) {
		if (key === retainKeys) continue;
		if (key.startsWith(orderPrefix)) orders.push([key.slice(orderPrefix.length), value]);
		else if (key.startsWith(deletePrefix)) deletions.push([key.slice(deletePrefix.length), value]);
		else plain.set(key, value);
	}
	for (const [key, order] of orders) {
		if (plain.get(key) === null) continue;
		const list = mergeOrdered(ownValue(result, key), plain.get(key), requireList(order), fieldOf(type, key));
		plain.delete(key);
		if (list !== undefined) setKey(result, key, list);
	}
	for (const [key, value] of plain) {
		if (value === null) delete result[key];
		else setKey(result, key, mergeValues(ownValue(result, key), value, type, key));
	}
	for (const [key, values] of deletions) {
		const list = ownValue(result, key);
		if (Array.isArray(list)) setKey(result, key, deleteValues(list, requireList(values)));
	}
	return result;
}

/** The original without the keys that `$retainKeys` does not name. */
function retained(original: JsonObject, patch: JsonObject): JsonObject {
	const keep = ownValue(patch, retainKeys);
	if (keep === undefined) return original;
	const invalid = newBadRequest("invalid patch format of retainKeys");
	if (!Array.isArray(keep)) throw invalid;
	for (const [key, value] of Object.entries(patch)) {
		const isDirective = key === retainKeys || key.startsWith(deletePrefix) || key.startsWith(orderPrefix);
		if (!isDirective && value !== null && !keep.includes(key)) throw invalid;
	}
	return Object.fromEntries(Object.entries(original).filter(([key]) => keep.includes(key)));
}

function mergeValues(original: JsonValue | undefined, patch: JsonValue, parent: FieldType | undefined, key: string): JsonValue {
	const field = fieldOf(parent, key);
	if (isOpaque(field?.type)) return patch;
	if (isJsonObject(patch)) {
		const replaces = !isJsonObject(original) || field?.patchStrategy.includes("replace");
		return mergeObjects(replaces ? {} : original, patch, field?.type);
	}
	if (Array.isArray(patch)) return mergeLists(Array.isArray(original) ? original : [], patch, field);
	return patch;
}

function mergeLists(original: readonly JsonValue[], patch: readonly JsonValue[], field: PatchField | undefined): readonly JsonValue[] {
	const items = field?.type?.form === "list" ? field.type.items : undefined;
	const mergeItem = (item: JsonObject, change: JsonObject) => mergeObjects(item, change, items);
	const merges = field?.patchStrategy.includes("merge") === true;
	if (!isObjectList(original, patch)) return merges ? mergeScalarLists(original, patch) : patch;
	// A list that is replaced goes through the same merge, against nothing: directives and nulls in it are obeyed.
	return mergeObjectLists(merges ? original : [], patch, merges ? field.patchMergeKey : undefined, mergeItem);
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
	return orderList(mergeLists(before, changes, field), order, before, field?.patchMergeKey);
}

type PatchField = Pick<FieldSchema, "patchStrategy" | "patchMergeKey"> & { readonly type: FieldType | undefined };

/** How a key of a value of this type is merged; undefined where the schema says nothing. */
function fieldOf(type: FieldType | undefined, key: string): PatchField | undefined {
	if (type?.form === "object") return typeSchema(type.type)?.fields.get(key);
	if (type?.form === "map") return { type: type.values, patchStrategy: [] };
	return undefined;
}

/** Values that the schema does not look into are replaced. */
function isOpaque(type: FieldType | undefined): boolean {
	return type?.form === "scalar" && ["raw", "any", "fieldsV1"].includes(type.scalar);
}
