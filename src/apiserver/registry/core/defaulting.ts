/**
 * Filling in what a user left out, without copying what needs nothing: every function gives back the very value it was
 * given when there is nothing to add, so that defaulting an object that was defaulted before costs no memory. The
 * pipeline calls defaulting on each write, status updates included.
 */
import { Note } from "../../../apimachinery/note.ts";

/** Whether a field counts as left out: absent, null, or "" where the default is text, as Go's zero value does. */
function isUnset(value: unknown, fallback: unknown): boolean {
	return value === undefined || value === null || (value === "" && typeof fallback === "string");
}

/** The object with those of `defaults` that it lacks. */
export function withDefaults<T extends object>(object: T, defaults: Partial<T>): T {
	let missing: Partial<T> | undefined;
	for (const key in defaults) {
		if (defaults[key] !== undefined && object[key] !== defaults[key] && isUnset(object[key], defaults[key])) {
			missing ??= {};
			missing[key] = defaults[key];
		}
	}
	return missing === undefined ? object : { ...object, ...missing };
}

/** The object with a new value in one field; an undefined value leaves the field as it is. */
export function withField<T extends object, K extends keyof T>(object: T, key: K, value: T[K] | undefined): T {
	return value === undefined || object[key] === value ? object : { ...object, [key]: value };
}

/** Changes one field by a function, if the field is there. */
export function mapField<T extends object, K extends keyof T>(
	object: T,
	key: K,
	change: (value: NonNullable<T[K]>) => NonNullable<T[K]>,
): T {
	const value = object[key];
	return value === undefined || value === null ? object : withField(object, key, change(value as NonNullable<T[K]>));
}

/** The object with a spec, which Kubernetes' types always have: without one, each of its fields is missing by itself. */
export function withSpec<T extends { readonly spec?: object }>(object: T): T {
	return object.spec === undefined || object.spec === null ? { ...object, spec: {} } : object;
}

/** Changes each item by a function; the same list when no item changed. */
function mapItems<T>(items: readonly T[], change: (item: T) => T): readonly T[] {
	let changed: T[] | undefined;
	for (const [index, item] of items.entries()) {
		const next = change(item);
		if (next !== item) {
			changed ??= [...items];
			changed[index] = next;
		}
	}
	return changed ?? items;
}

/**
 * The same function, which looks at a value once if it lacks nothing: a pod's spec is the same one in all its versions, as the template
 * of a workload is. @param complete pure: what it makes of a value depends on that alone
 */
export function onceComplete<T extends object>(complete: (value: T) => T): (value: T) => T {
	class Complete extends Note {
		#isComplete = true;

		static has(value: object): boolean {
			return #isComplete in value && value.#isComplete;
		}
	}
	return (value) => {
		if (Complete.has(value)) return value;
		const completed = complete(value);
		if (completed === value && Object.isExtensible(value)) new Complete(value);
		return completed;
	};
}

/** Curried mapItems, to hand to mapField. */
export const eachItem =
	<T>(change: (item: T) => T) =>
	(items: readonly T[]): readonly T[] =>
		mapItems(items, change);

/** The object without one field. */
export function withoutField<T extends object, K extends keyof T>(object: T, key: K): Omit<T, K> {
	if (!(key in object)) return object;
	const { [key]: _dropped, ...rest } = object;
	return rest;
}
