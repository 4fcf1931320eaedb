/**
 * JSON merge patch, RFC 7386: objects are merged key by key, null deletes, everything else replaces, lists whole.
 * Pure: returns a new value that shares what did not change.
 * Source: https://www.rfc-editor.org/rfc/rfc7386
 */
import { isJsonObject, type JsonObject, type JsonValue, ownValue, setKey } from "../json.ts";
import { newBadRequest } from "../status-error.ts";

/**
 * An API object after the patch; the same value if the patch changes nothing. Whether it still is a T is for the
 * decoder to say. Throws a StatusError (400) for a patch that is no object.
 */
export function applyMergePatch<T extends object>(document: T, patch: unknown): T {
	if (!isJsonObject(document) || !isJsonObject(patch)) {
		throw newBadRequest("json: cannot unmarshal array into Go value of type map[string]interface {}");
	}
	return mergeObjects(document, patch) as T;
}

/** MergePatch(Target, Patch) of the RFC, for values of any kind. */
export function mergeValues(target: JsonValue | undefined, patch: JsonValue): JsonValue {
	return isJsonObject(patch) ? mergeObjects(isJsonObject(target) ? target : undefined, patch) : patch;
}

function mergeObjects(target: JsonObject | undefined, patch: JsonObject): JsonObject {
	const base = target ?? {};
	let result: Record<string, JsonValue | undefined> | undefined;
	for (const [key, change] of Object.entries(patch)) {
		const before = ownValue(base, key);
		const after = change === undefined || change === null ? undefined : mergeValues(before, change);
		if (after === before) continue;
		result ??= { ...base };
		if (after === undefined) delete result[key];
		else setKey(result, key, after);
	}
	return result ?? base;
}
