/**
 * JSON patch, RFC 6902, with the habits of the library that kube-apiserver uses: negative array indices count from the
 * end, and the whole document can't be replaced. Pure: returns a new value that shares what did not change.
 * Source: https://www.rfc-editor.org/rfc/rfc6902, https://www.rfc-editor.org/rfc/rfc6901, github.com/evanphx/json-patch v4
 */
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual, ownValue, setKey, withoutKey } from "../json.ts";
import { newBadRequest, newUnprocessable } from "../status-error.ts";

/** An operation that does not apply; the message is evanphx/json-patch's. */
export class JsonPatchError extends Error {
	override readonly name = "JsonPatchError";
}

/** An operation "test" that found another value. */
export class JsonPatchTestError extends JsonPatchError {}

type Container = JsonObject | readonly JsonValue[];

/**
 * Applies all operations in order, or none. Throws a StatusError: 400 for a patch that is no list of operations, 422
 * for an operation that does not apply (its `cause` is the JsonPatchError: kube-apiserver keeps that text to itself).
 */
export function applyJsonPatch(document: object, patch: unknown): JsonValue {
	if (!Array.isArray(patch)) {
		throw newBadRequest(`json: cannot unmarshal ${jsonKind(patch)} into Go value of type jsonpatch.Patch`);
	}
	try {
		return patch.reduce<JsonValue>(applyOperation, document as JsonValue);
	} catch (error) {
		if (!(error instanceof JsonPatchError)) throw error;
		const rejected = newUnprocessable();
		rejected.cause = error;
		throw rejected;
	}
}

function applyOperation(document: JsonValue, operation: unknown): JsonValue {
	if (!isJsonObject(operation)) {
		throw newBadRequest(`json: cannot unmarshal ${jsonKind(operation)} into Go value of type jsonpatch.Operation`);
	}
	const kind = ownValue(operation, "op");
	const value = ownValue(operation, "value");
	switch (kind) {
		case "add": {
			const path = readPath(operation, "path", "add operation failed to decode path: missing value");
			const missing = `add operation does not apply: doc is missing path: "${path}": missing value`;
			return change(document, path, missing, `error in add for path: '${path}'`, (parent, key) => added(parent, key, value ?? null));
		}
		case "remove": {
			const path = readPath(operation, "path", "remove operation failed to decode path: missing value");
			const missing = `remove operation does not apply: doc is missing path: "${path}": missing value`;
			return change(document, path, missing, `error in remove for path: '${path}'`, removed);
		}
		case "replace": {
			const path = readPath(operation, "path", "replace operation failed to decode path: operation missing path field: missing value");
			return replace(document, path, value ?? null);
		}
		case "move":
			return move(document, operation);
		case "copy":
			return copy(document, operation);
		case "test":
			return test(document, operation, value);
		default:
			throw new JsonPatchError(`Unexpected kind: ${typeof kind === "string" ? kind : "unknown"}`);
	}
}

function replace(document: JsonValue, path: string, value: JsonValue): JsonValue {
	const missing = `replace operation does not apply: doc is missing path: ${path}: missing value`;
	return change(document, path, missing, `error in replace for path: '${path}'`, (parent, key) => {
		if (find(parent, key) === undefined) {
			throw new JsonPatchError(`replace operation does not apply: doc is missing key: ${path}: missing value`);
		}
		if (Array.isArray(parent)) return parent.with(indexOf(key, parent.length), value);
		return withKey(parent as JsonObject, key, value);
	});
}

function move(document: JsonValue, operation: JsonObject): JsonValue {
	const from = readPath(operation, "from", "move operation failed to decode from: operation, missing from field: missing value");
	const path = readPath(operation, "path", "move operation failed to decode path: operation missing path field: missing value");
	const [parent, key] = parentOf(document, from) ?? [];
	if (parent === undefined || key === undefined) {
		throw new JsonPatchError(`move operation does not apply: doc is missing from path: ${from}: missing value`);
	}
	const value = find(parent, key);
	if (value === undefined) throw new JsonPatchError(`error in move for path: '${key}': ${missingKeyText(parent, key)}`);
	const without = change(document, from, "", `error in move for path: '${key}'`, removed);
	const missing = `move operation does not apply: doc is missing destination path: ${path}: missing value`;
	return change(without, path, missing, `error in move for path: '${path}'`, (target, name) => added(target, name, value));
}

function copy(document: JsonValue, operation: JsonObject): JsonValue {
	const from = readPath(operation, "from", "copy operation failed to decode from: operation, missing from field: missing value");
	const path = readPath(operation, "path", "copy operation failed to decode path: missing value");
	const [parent, key] = parentOf(document, from) ?? [];
	if (parent === undefined || key === undefined) {
		throw new JsonPatchError(`copy operation does not apply: doc is missing from path: ${from}: missing value`);
	}
	const value = find(parent, key);
	if (value === undefined) throw new JsonPatchError(`error in copy for from: '${from}': ${missingKeyText(parent, key)}`);
	const missing = `copy operation does not apply: doc is missing destination path: ${path}: missing value`;
	return change(document, path, missing, "error while adding value during copy", (target, name) => added(target, name, value));
}

/** A missing value equals null. */
function test(document: JsonValue, operation: JsonObject, wanted: JsonValue | undefined): JsonValue {
	const path = readPath(operation, "path", "test operation failed to decode path: operation missing path field: missing value");
	const [parent, key] = parentOf(document, path) ?? [];
	if (parent === undefined || key === undefined) {
		throw new JsonPatchError(`test operation does not apply: is missing path: ${path}: missing value`);
	}
	if (!jsonEqual(find(parent, key) ?? null, wanted ?? null)) throw new JsonPatchTestError(`testing value ${path} failed: test failed`);
	return document;
}

function readPath(operation: JsonObject, field: "path" | "from", missing: string): string {
	const path = ownValue(operation, field);
	if (typeof path !== "string") throw new JsonPatchError(missing);
	return path;
}

/** The tokens of a JSON pointer; undefined for the whole document and for what is no pointer. */
function pointerTokens(path: string): string[] | undefined {
	const [, ...tokens] = path.split("/");
	return tokens.length === 0 ? undefined : tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function parentOf(document: JsonValue, path: string): [Container, string] | undefined {
	const tokens = pointerTokens(path);
	const key = tokens?.pop();
	if (tokens === undefined || key === undefined) return undefined;
	let node: JsonValue | undefined = document;
	for (const token of tokens) node = isContainer(node) ? find(node, token) : undefined;
	return isContainer(node) ? [node, key] : undefined;
}

/** Rebuilds the document along a path with the container at its end changed. */
function change(
	document: JsonValue,
	path: string,
	missing: string,
	context: string,
	edit: (parent: Container, key: string) => Container,
): JsonValue {
	const tokens = pointerTokens(path);
	if (tokens === undefined) throw new JsonPatchError(missing);
	const rebuild = (node: JsonValue | undefined, depth: number): JsonValue => {
		const token = tokens[depth] ?? "";
		if (!isContainer(node)) throw new JsonPatchError(missing);
		if (depth === tokens.length - 1) return editIn(context, () => edit(node, token));
		const child = rebuild(find(node, token), depth + 1);
		return Array.isArray(node) ? node.with(indexOf(token, node.length), child) : withKey(node as JsonObject, token, child);
	};
	return rebuild(document, 0);
}

function editIn(context: string, edit: () => Container): Container {
	try {
		return edit();
	} catch (error) {
		if (!(error instanceof JsonPatchError) || error.message.startsWith("replace operation")) throw error;
		throw new JsonPatchError(`${context}: ${error.message}`);
	}
}

function added(parent: Container, key: string, value: JsonValue): Container {
	if (!Array.isArray(parent)) return withKey(parent as JsonObject, key, value);
	if (key === "-") return [...parent, value];
	return parent.toSpliced(indexOf(key, parent.length + 1), 0, value);
}

function removed(parent: Container, key: string): Container {
	if (Array.isArray(parent)) return parent.toSpliced(indexOf(key, parent.length), 1);
	if (!Object.hasOwn(parent, key)) throw new JsonPatchError(`Unable to remove nonexistent key: ${key}: missing value`);
	return withoutKey(parent as JsonObject, key);
}

/** Undefined where there is nothing. */
function find(parent: Container, key: string): JsonValue | undefined {
	if (!Array.isArray(parent)) return ownValue(parent as JsonObject, key);
	return /^[+-]?\d+$/.test(key) ? parent.at(Number(key)) : undefined;
}

/** 0 <= result < length. */
function indexOf(key: string, length: number): number {
	if (!/^[+-]?\d+$/.test(key)) {
		throw new JsonPatchError(`value was not a proper array index: '${key}': strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`);
	}
	const index = Number(key);
	if (index >= length || index < -length) {
		throw new JsonPatchError(`Unable to access invalid index: ${index}: invalid index referenced`);
	}
	return index < 0 ? index + length : index;
}

function missingKeyText(parent: Container, key: string): string {
	if (Array.isArray(parent)) return `Unable to access invalid index: ${key}: invalid index referenced`;
	return `unable to get nonexistent key: ${key}: missing value`;
}

function withKey(object: JsonObject, key: string, value: JsonValue): JsonObject {
	const result: Record<string, JsonValue | undefined> = { ...object };
	setKey(result, key, value);
	return result;
}

function isContainer(node: JsonValue | undefined): node is Container {
	return typeof node === "object" && node !== null;
}

/** Go's name for what kind of JSON value this is. */
function jsonKind(value: unknown): string {
	if (Array.isArray(value)) return "array";
	return typeof value === "boolean" ? "bool" : typeof value;
}
