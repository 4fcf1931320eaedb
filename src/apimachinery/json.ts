/**
 * JSON values as the cluster sees them: immutable. Whoever changes one makes a new one, so that caches, watchers and
 * controllers can share a value without copying it.
 */

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
	readonly [key: string]: JsonValue | undefined;
}

/** Tells an object from an array, null and scalars. */
export function isJsonObject(value: unknown): value is JsonObject {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Structural equality of two JSON values; a key whose value is `undefined` counts as absent. */
export function jsonEqual(a: unknown, b: unknown): boolean {
	if (a === b) return true;
	if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
	if (Array.isArray(a)) {
		return Array.isArray(b) && a.length === b.length && a.every((item, index) => jsonEqual(item, b[index]));
	}
	if (Array.isArray(b)) return false;
	const left = a as JsonObject;
	const right = b as JsonObject;
	for (const key in left) {
		if (!jsonEqual(left[key], ownValue(right, key))) return false;
	}
	for (const key in right) {
		if (right[key] !== undefined && ownValue(left, key) === undefined) return false;
	}
	return true;
}

/** The value of an object's own key; never one that objects inherit, such as `constructor`. */
export function ownValue(object: JsonObject, key: string): JsonValue | undefined {
	return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Sets a key of an object that is being built; `__proto__` becomes a key like any other. */
export function setKey(target: Record<string, unknown>, key: string, value: unknown): void {
	if (key === "__proto__") Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
	else target[key] = value;
}

/** A copy without one key; the same object where the key is not there. */
export function withoutKey(object: JsonObject, key: string): JsonObject {
	if (!Object.hasOwn(object, key)) return object;
	const { [key]: _, ...rest } = object;
	return rest;
}
