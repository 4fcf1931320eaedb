/**
 * One step of a path to a field, in the form that FieldsV1 writes as a key:
 *
 *   f:<name>           a field of an object, or a key of a map
 *   k:{"name":"main"}  the item of a list whose items have keys
 *   v:"a.example/b"    the item of a set
 *   i:<number>         the item at a place (of atomic lists; never owned, only named in errors)
 *   .                  the thing itself, beside its parts
 *
 * Keys of a `k:` step stand in the order of their names and all JSON is compact, so equal steps are equal texts.
 * Source: the documentation of FieldsV1 in
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ and of
 * sigs.k8s.io/structured-merge-diff/fieldpath.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "../json.ts";

/** The step that stands for the thing itself. */
export const self = ".";

/** Pure memos: objects have the same fields again and again, and a text that is a key already is found at once. */
const fieldElements = new Map<string, string>();
const keyElements = new Map<string, Map<string, string>>();
/** Names, and values of keys, that are remembered: fields of types, keys of labels, types of conditions. Later ones are made anew. */
const rememberedElements = 4096;
/** Names of keys: Kubernetes' own lists have a dozen. */
const rememberedKeyNames = 32;

export function fieldElement(name: string): string {
	const known = fieldElements.get(name);
	if (known !== undefined) return known;
	const element = `f:${name}`;
	if (fieldElements.size < rememberedElements) fieldElements.set(name, element);
	return element;
}

export function valueElement(value: unknown): string {
	return `v:${JSON.stringify(value)}`;
}

/** @param keys names of the key fields in order, with their values */
export function keyElement(keys: readonly (readonly [name: string, value: unknown])[]): string {
	return `k:{${keys.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
}

/** `keyElement` of one key with a text, as most lists have. */
export function textKeyElement(name: string, value: string): string {
	const ofName = keyElements.get(name);
	const known = ofName?.get(value);
	if (known !== undefined) return known;
	const element = keyElement([[name, value]]);
	if (ofName !== undefined && ofName.size < rememberedElements) ofName.set(value, element);
	else if (ofName === undefined && keyElements.size < rememberedKeyNames) keyElements.set(name, new Map([[value, element]]));
	return element;
}

export function indexElement(index: number): string {
	return `i:${index}`;
}

/** A step as its canonical text. Undefined if it is none. */
export function canonicalElement(text: string): string | undefined {
	const body = text.slice(2);
	switch (text.slice(0, 2)) {
		case "f:":
			return text;
		case "i:":
			return /^\d+$/.test(body) ? text : undefined;
		case "v:": {
			const value = parse(body);
			return value === undefined ? undefined : valueElement(value);
		}
		case "k:": {
			const keys = parse(body);
			if (!isJsonObject(keys) || Object.keys(keys).length === 0) return undefined;
			return keyElement(sortedEntries(keys));
		}
		default:
			return undefined;
	}
}

/** How errors name a step: `.spec`, `[name="main"]`, `[="a"]`, `[0]`. */
export function displayElement(element: string): string {
	const body = element.slice(2);
	switch (element.slice(0, 2)) {
		case "f:":
			return `.${body}`;
		case "v:":
			return `[=${body}]`;
		case "k:": {
			const keys = parse(body);
			const texts = isJsonObject(keys) ? sortedEntries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`) : [];
			return `[${texts.join(",")}]`;
		}
		default:
			return `[${body}]`;
	}
}

/** The order of the steps at one place: itself, fields, items by place, by key, by value; numbers count as numbers. */
export function compareElements(a: string, b: string): number {
	if (a === b) return 0;
	const kind = a.charCodeAt(0);
	if (kind !== b.charCodeAt(0)) return rank(a) - rank(b);
	if (kind === fieldCode) return a < b ? -1 : 1;
	return compareTexts(a, b) ?? compareParsed(a, b);
}

const quote = '"'.charCodeAt(0);
const backslash = "\\".charCodeAt(0);

/**
 * The order of two keys or values by the first character in which they differ, where it tells: not if it may be of a
 * number, which does not count by its digits, nor if it is escaped or sorts before the quote that ends a text.
 */
function compareTexts(a: string, b: string): number | undefined {
	let at = 0;
	while (a.charCodeAt(at) === b.charCodeAt(at)) at++;
	const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
	return isTelling(left) && isTelling(right) ? left - right : undefined;
}

function isTelling(code: number): boolean {
	const isNumeric = (code >= 0x2b && code <= 0x39) || code === 0x45 || code === 0x65;
	return code >= quote && code !== backslash && !isNumeric;
}

function compareParsed(a: string, b: string): number {
	switch (a.slice(0, 2)) {
		case "i:":
			return Number(a.slice(2)) - Number(b.slice(2));
		case "k:":
			return compareKeys(parse(a.slice(2)), parse(b.slice(2)));
		default:
			return compareValues(parse(a.slice(2)), parse(b.slice(2)));
	}
}

/** The `f` of `f:name`: nearly every step is one, so they are told apart first. */
const fieldCode = "f".charCodeAt(0);

function rank(element: string): number {
	return [self, "f:", "k:", "v:", "i:"].indexOf(element === self ? self : element.slice(0, 2));
}

function compareKeys(a: JsonValue | undefined, b: JsonValue | undefined): number {
	const left = isJsonObject(a) ? sortedEntries(a) : [];
	const right = isJsonObject(b) ? sortedEntries(b) : [];
	for (const [index, [name, value]] of left.entries()) {
		const other = right[index];
		if (other === undefined) return 1;
		if (name !== other[0]) return name < other[0] ? -1 : 1;
		const order = compareValues(value, other[1]);
		if (order !== 0) return order;
	}
	return left.length - right.length;
}

const typeOrder = ["number", "string", "boolean", "object"];

function compareValues(a: JsonValue | undefined, b: JsonValue | undefined): number {
	if (typeof a === "number" && typeof b === "number") return a - b;
	if (typeof a === "string" && typeof b === "string") return a === b ? 0 : a < b ? -1 : 1;
	if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
	const types = typeOrder.indexOf(typeof a) - typeOrder.indexOf(typeof b);
	if (types !== 0) return types;
	const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
	return left === right ? 0 : left < right ? -1 : 1;
}

function sortedEntries(keys: JsonObject): (readonly [string, JsonValue | undefined])[] {
	return Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1));
}

function parse(text: string): JsonValue | undefined {
	try {
		return JSON.parse(text) as JsonValue;
	} catch {
		return undefined;
	}
}
