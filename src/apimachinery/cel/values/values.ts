/**
 * Values at run time. An int is a bigint, a uint a bigint in a box, a double a number: so that the type of a value is always
 * known, also where the checker only knows `dyn`. Strings, booleans and null are JavaScript's own. Lists and maps are read
 * through small classes, so that API objects need no copying: a field of an object becomes a value when it is asked for.
 * Values are immutable.
 */
import { EvaluationError, noSuchOverload } from "./errors.ts";

export type CelValue =
	| null
	| boolean
	| bigint
	| number
	| string
	| Uint8Array
	| CelUint
	| CelTimestamp
	| CelDuration
	| CelList
	| CelMap
	| CelOptional
	| CelTypeValue
	| CelOpaque;

/** 0 <= value < 2^64. */
export class CelUint {
	readonly value: bigint;

	constructor(value: bigint) {
		this.value = value;
	}
}

/** A moment, from year 1 to 9999. */
export class CelTimestamp {
	/** Since 1970 in UTC. */
	readonly nanos: bigint;

	constructor(nanos: bigint) {
		this.nanos = nanos;
	}
}

/** A length of time; int64 nanoseconds. */
export class CelDuration {
	readonly nanos: bigint;

	constructor(nanos: bigint) {
		this.nanos = nanos;
	}
}

/** A type as a value: what `type(1)` and `int` are. */
export class CelTypeValue {
	readonly name: string;

	constructor(name: string) {
		this.name = name;
	}
}

/** A value that may be missing. */
export class CelOptional {
	/** undefined: none. */
	readonly value: CelValue | undefined;

	constructor(value: CelValue | undefined) {
		this.value = value;
	}
}

/** A value whose type only functions of a library know. */
export abstract class CelOpaque {
	/** `net.IP`, `kubernetes.Quantity`. */
	abstract readonly typeName: string;
	abstract equals(other: CelOpaque): boolean;

	/** What `size` is for the cost of functions; values without one count 1. */
	get costSize(): number {
		return 1;
	}
}

export abstract class CelList {
	abstract readonly size: number;
	/** 0 <= index < size. */
	abstract at(index: number): CelValue;

	equals(other: CelList): boolean {
		if (this.size !== other.size) return false;
		for (let index = 0; index < this.size; index++) if (!valuesEqual(this.at(index), other.at(index))) return false;
		return true;
	}

	concat(other: CelList): CelList {
		return ArrayList.from(this).concat(other);
	}

	contains(value: CelValue): boolean {
		for (let index = 0; index < this.size; index++) if (valuesEqual(this.at(index), value)) return true;
		return false;
	}
}

/**
 * A list in an array. What a concatenation made can be appended to in place while it ends with its array, so that a list that
 * grows element by element (`map`, `filter`) takes linear time: longer lists share the array, each sees its own length.
 */
export class ArrayList extends CelList {
	readonly size: number;
	/** size <= items.length; what is behind `size` belongs to a longer list. */
	readonly #items: CelValue[];
	/** Whether a longer list may share `items`: not for constants, which would keep what an evaluation appended. */
	readonly #canGrow: boolean;

	constructor(items: CelValue[], canGrow = false) {
		super();
		this.#items = items;
		this.size = items.length;
		this.#canGrow = canGrow;
	}

	static from(list: CelList): ArrayList {
		return list instanceof ArrayList ? list : new ArrayList(toArray(list));
	}

	at(index: number): CelValue {
		return this.#items[index] ?? null;
	}

	override concat(other: CelList): CelList {
		if (other.size === 0) return this;
		const items = this.#canGrow && this.#items.length === this.size ? this.#items : this.#items.slice(0, this.size);
		for (let index = 0, added = other.size; index < added; index++) items.push(other.at(index));
		return new ArrayList(items, true);
	}
}

export const emptyList: CelList = new ArrayList([]);

export function toArray(list: CelList): CelValue[] {
	const items: CelValue[] = [];
	for (let index = 0; index < list.size; index++) items.push(list.at(index));
	return items;
}

export abstract class CelMap {
	abstract readonly size: number;
	/** undefined: there is no such key. */
	abstract get(key: CelValue): CelValue | undefined;
	abstract keys(): readonly CelValue[];

	/** `key in map`: a map may give what it does not list. */
	has(key: CelValue): boolean {
		return this.get(key) !== undefined;
	}

	equals(other: CelMap): boolean {
		if (this.size !== other.size) return false;
		for (const key of this.keys()) {
			const left = this.get(key);
			const right = other.get(key);
			if (left === undefined || right === undefined || !valuesEqual(left, right)) return false;
		}
		return true;
	}
}

type MapKey = string | boolean | bigint;

/** Numbers are one key, whatever their type. undefined: no key of that kind can be in a map. */
function mapKey(key: CelValue): MapKey | undefined {
	if (typeof key === "string" || typeof key === "boolean" || typeof key === "bigint") return key;
	if (key instanceof CelUint) return key.value;
	return typeof key === "number" && Number.isInteger(key) ? BigInt(key) : undefined;
}

/** A map or a message that an expression made. */
export class EntryMap extends CelMap {
	readonly #entries: Map<MapKey, readonly [key: CelValue, value: CelValue]>;
	/** Of a message; undefined for a map. */
	readonly messageType: string | undefined;

	private constructor(entries: Map<MapKey, readonly [key: CelValue, value: CelValue]>, messageType?: string) {
		super();
		this.#entries = entries;
		this.messageType = messageType;
	}

	/** Throws EvaluationError for a key that stands twice, or that can be none. */
	static of(entries: Iterable<readonly [key: CelValue, value: CelValue]>, messageType?: string): EntryMap {
		const map = new Map<MapKey, readonly [key: CelValue, value: CelValue]>();
		for (const entry of entries) {
			const key = mapKey(entry[0]);
			if (key === undefined) throw new EvaluationError(`unsupported key type: ${typeNameOf(entry[0])}`);
			if (map.has(key)) throw new EvaluationError(`Failed with repeated key`);
			map.set(key, entry);
		}
		return new EntryMap(map, messageType);
	}

	/** A map with one more entry. Whoever owns `this` alone, as a comprehension does its accumulator, gets it back. */
	insert(key: CelValue, value: CelValue, isOwned: boolean): EntryMap {
		const name = mapKey(key);
		if (name === undefined) throw new EvaluationError(`unsupported key type: ${typeNameOf(key)}`);
		if (this.#entries.has(name)) throw new EvaluationError(`insert failed: key ${String(name)} already exists`);
		const entries = isOwned ? this.#entries : new Map(this.#entries);
		entries.set(name, [key, value]);
		return isOwned ? this : new EntryMap(entries);
	}

	get size(): number {
		return this.#entries.size;
	}

	get(key: CelValue): CelValue | undefined {
		const name = mapKey(key);
		return name === undefined ? undefined : this.#entries.get(name)?.[1];
	}

	keys(): readonly CelValue[] {
		return Array.from(this.#entries.values(), ([key]) => key);
	}
}

/** Numbers of all types are compared by value; values of different types are not equal, which is no error. */
export function valuesEqual(a: CelValue, b: CelValue): boolean {
	if (a === b) return true;
	if (typeof a === "string" || typeof a === "boolean" || a === null) return false;
	if (isNumeric(a)) return isNumeric(b) && compareNumbers(a, b) === 0;
	if (a instanceof CelList) return b instanceof CelList && a.equals(b);
	if (a instanceof CelMap) return b instanceof CelMap && a.equals(b);
	if (a instanceof CelTimestamp) return b instanceof CelTimestamp && a.nanos === b.nanos;
	if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos;
	if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0;
	if (a instanceof CelTypeValue) return b instanceof CelTypeValue && a.name === b.name;
	if (a instanceof CelOptional) {
		if (!(b instanceof CelOptional)) return false;
		return a.value === undefined || b.value === undefined ? a.value === b.value : valuesEqual(a.value, b.value);
	}
	return a instanceof CelOpaque && b instanceof CelOpaque && a.typeName === b.typeName && a.equals(b);
}

export type Numeric = bigint | number | CelUint;

export const isNumeric = (value: CelValue): value is Numeric =>
	typeof value === "bigint" || typeof value === "number" || value instanceof CelUint;

/** Negative, 0, positive; NaN where either is not a number. JavaScript compares bigint and number by value. */
export function compareNumbers(a: Numeric, b: Numeric): number {
	const left = a instanceof CelUint ? a.value : a;
	const right = b instanceof CelUint ? b.value : b;
	return left < right ? -1 : left > right ? 1 : left <= right ? 0 : Number.NaN;
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
	return Buffer.compare(a, b);
}

/** Order of two strings by code points, as Go's order of bytes; UTF-16 differs where surrogates meet U+E000 and above. */
export function compareStrings(a: string, b: string): number {
	const length = Math.min(a.length, b.length);
	for (let index = 0; index < length; index++) {
		const left = a.charCodeAt(index);
		const right = b.charCodeAt(index);
		if (left === right) continue;
		const isLeftSurrogate = left >= 0xd800 && left < 0xe000;
		const isRightSurrogate = right >= 0xd800 && right < 0xe000;
		if (isLeftSurrogate !== isRightSurrogate) return isLeftSurrogate ? 1 : -1;
		return left - right;
	}
	return a.length - b.length;
}

/** Negative, 0, positive. Throws EvaluationError where the two have no order. */
export function compareValues(a: CelValue, b: CelValue): number {
	if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
	if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
	if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
	if (a instanceof CelTimestamp && b instanceof CelTimestamp) return compareNumbers(a.nanos, b.nanos);
	if (a instanceof CelDuration && b instanceof CelDuration) return compareNumbers(a.nanos, b.nanos);
	if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
	throw noSuchOverload();
}

/** The name of a value's type, as `type(x)` is printed and errors show it. */
export function typeNameOf(value: CelValue): string {
	switch (typeof value) {
		case "string":
			return "string";
		case "boolean":
			return "bool";
		case "bigint":
			return "int";
		case "number":
			return "double";
		default:
			break;
	}
	if (value === null) return "null_type";
	if (value instanceof CelList) return "list";
	if (value instanceof CelMap) return "map";
	if (value instanceof CelUint) return "uint";
	if (value instanceof CelTimestamp) return "google.protobuf.Timestamp";
	if (value instanceof CelDuration) return "google.protobuf.Duration";
	if (value instanceof Uint8Array) return "bytes";
	if (value instanceof CelOptional) return "optional_type";
	if (value instanceof CelTypeValue) return "type";
	return (value as CelOpaque).typeName;
}

/** Code points of a string. */
export function lengthOf(text: string): number {
	let length = text.length;
	for (let index = 0; index < text.length - 1; index++) {
		const code = text.charCodeAt(index);
		if (code >= 0xd800 && code < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
			length--;
			index++;
		}
	}
	return length;
}

/** `size(value)` where it has one, else 1: what the cost of functions counts with. */
export function costSizeOf(value: CelValue): number {
	if (typeof value === "string") return lengthOf(value);
	if (value instanceof CelList || value instanceof CelMap) return value.size;
	if (value instanceof Uint8Array) return value.length;
	return value instanceof CelOpaque ? value.costSize : 1;
}

/** The value as the type that a function takes; values of type dyn may turn out to be something else. */
export function asString(value: CelValue): string {
	if (typeof value !== "string") throw noSuchOverload();
	return value;
}

export function asBool(value: CelValue): boolean {
	if (typeof value !== "boolean") throw noSuchOverload();
	return value;
}

export function asInt(value: CelValue): bigint {
	if (typeof value !== "bigint") throw noSuchOverload();
	return value;
}

export function asList(value: CelValue): CelList {
	if (!(value instanceof CelList)) throw noSuchOverload();
	return value;
}

export function asTimestamp(value: CelValue): CelTimestamp {
	if (!(value instanceof CelTimestamp)) throw noSuchOverload();
	return value;
}

export function asDuration(value: CelValue): CelDuration {
	if (!(value instanceof CelDuration)) throw noSuchOverload();
	return value;
}

export function asOptional(value: CelValue): CelOptional {
	if (!(value instanceof CelOptional)) throw noSuchOverload();
	return value;
}
