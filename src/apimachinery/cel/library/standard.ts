/**
 * The functions and operators of the language itself.
 * Source: cel-spec, doc/langdef.md#list-of-standard-definitions; github.com/google/cel-go/common/{stdlib/standard,overloads/overloads}.go.
 */
import {
	boolType,
	bytesType,
	type CelType,
	doubleType,
	durationType,
	dynType,
	intType,
	listType,
	mapType,
	nullType,
	optionalType,
	paramType,
	stringType,
	timestampType,
	typeType,
	uintType,
} from "../types/types.ts";
import { EvaluationError, noSuchKey, noSuchOverload } from "../values/errors.ts";
import { type CalendarParts, calendarParts } from "../values/time-values.ts";
import {
	asBool,
	asDuration,
	asString,
	asTimestamp,
	CelList,
	CelMap,
	CelTypeValue,
	CelUint,
	type CelValue,
	compareValues,
	EntryMap,
	lengthOf,
	typeNameOf,
	valuesEqual,
} from "../values/values.ts";
import { add, divide, modulo, multiply, negate, subtract } from "./arithmetic.ts";
import { conversions } from "./conversions.ts";
import { declare, type FunctionDeclaration, type Library, member, type Overload, overload } from "./function.ts";

const A = paramType("A");
const B = paramType("B");
const listOfA = listType(A);
const mapOfAB = mapType(A, B);

/** Types that have an order, and pairs of numbers that have one across types. */
const ordered: readonly (readonly [name: string, type: CelType])[] = [
	["bool", boolType],
	["int64", intType],
	["uint64", uintType],
	["double", doubleType],
	["string", stringType],
	["bytes", bytesType],
	["timestamp", timestampType],
	["duration", durationType],
];
const crossed: readonly (readonly [name: string, left: CelType, right: CelType])[] = [
	["int64_double", intType, doubleType],
	["int64_uint64", intType, uintType],
	["uint64_double", uintType, doubleType],
	["uint64_int64", uintType, intType],
	["double_int64", doubleType, intType],
	["double_uint64", doubleType, uintType],
];

function comparison(operator: string, word: string, holds: (order: number) => boolean): FunctionDeclaration {
	return declare(
		operator,
		[
			...ordered.map(([name, type]) => overload(`${word}_${name}`, [type, type], boolType)),
			...crossed.map(([name, left, right]) => overload(`${word}_${name}`, [left, right], boolType)),
		],
		(a, b) => holds(compareValues(a, b)),
	);
}

const sameNumbers = (word: string, types: readonly string[]): readonly Overload[] =>
	numbers.filter(([name]) => types.includes(name)).map(([name, type]) => overload(`${word}_${name}`, [type, type], type));

const numbers: readonly (readonly [name: string, type: CelType])[] = [
	["int64", intType],
	["uint64", uintType],
	["double", doubleType],
];

const arithmetic: readonly FunctionDeclaration[] = [
	declare(
		"_+_",
		[
			...sameNumbers("add", ["int64", "uint64", "double"]),
			overload("add_string", [stringType, stringType], stringType),
			overload("add_bytes", [bytesType, bytesType], bytesType),
			overload("add_list", [listOfA, listOfA], listOfA),
			overload("add_timestamp_duration", [timestampType, durationType], timestampType),
			overload("add_duration_timestamp", [durationType, timestampType], timestampType),
			overload("add_duration_duration", [durationType, durationType], durationType),
		],
		add,
	),
	declare(
		"_-_",
		[
			...sameNumbers("subtract", ["int64", "uint64", "double"]),
			overload("subtract_timestamp_timestamp", [timestampType, timestampType], durationType),
			overload("subtract_timestamp_duration", [timestampType, durationType], timestampType),
			overload("subtract_duration_duration", [durationType, durationType], durationType),
		],
		subtract,
	),
	declare("_*_", sameNumbers("multiply", ["int64", "uint64", "double"]), multiply),
	declare("_/_", sameNumbers("divide", ["int64", "uint64", "double"]), divide),
	declare("_%_", sameNumbers("modulo", ["int64", "uint64"]), modulo),
	declare("-_", [overload("negate_int64", [intType], intType), overload("negate_double", [doubleType], doubleType)], negate),
];

/** `container[key]`. */
export function index(container: CelValue, key: CelValue): CelValue {
	if (container instanceof CelMap) {
		const value = container.get(key);
		if (value === undefined) throw noSuchKey(keyText(key));
		return value;
	}
	if (!(container instanceof CelList)) throw noSuchOverload();
	const at = listIndex(key);
	if (at < 0 || at >= container.size) throw new EvaluationError(`index out of bounds: ${at}`);
	return container.at(at);
}

/** `container[?key]` finds nothing instead of failing. */
export function indexIfPresent(container: CelValue, key: CelValue): CelValue | undefined {
	if (container instanceof CelMap) return container.get(key);
	if (!(container instanceof CelList)) throw noSuchOverload();
	const at = listIndex(key);
	return at < 0 || at >= container.size ? undefined : container.at(at);
}

function listIndex(key: CelValue): number {
	if (typeof key === "bigint") return Number(key);
	if (key instanceof CelUint) return Number(key.value);
	if (typeof key === "number" && Number.isInteger(key)) return key;
	throw new EvaluationError(`unsupported index type '${typeNameOf(key)}' in list`);
}

/** A key as errors show it. */
export function keyText(key: CelValue): string {
	if (key instanceof CelUint) return key.value.toString();
	return typeof key === "string" || typeof key === "bigint" || typeof key === "number" || typeof key === "boolean" ? String(key) : "";
}

function isIn(value: CelValue, container: CelValue): boolean {
	if (container instanceof CelList) return container.contains(value);
	if (container instanceof CelMap) return container.has(value);
	throw noSuchOverload();
}

function sizeOf(value: CelValue): bigint {
	if (typeof value === "string") return BigInt(lengthOf(value));
	if (value instanceof CelList || value instanceof CelMap) return BigInt(value.size);
	if (value instanceof Uint8Array) return BigInt(value.length);
	throw noSuchOverload();
}

const sized: readonly (readonly [name: string, type: CelType])[] = [
	["string", stringType],
	["bytes", bytesType],
	["list", listOfA],
	["map", mapOfAB],
];

/** Control flow is the compiler's: these have no implementation of their own. */
const controlFlow: readonly FunctionDeclaration[] = [
	declare("_?_:_", [overload("conditional", [boolType, A, A], A)]),
	declare("_&&_", [overload("logical_and", [boolType, boolType], boolType)]),
	declare("_||_", [overload("logical_or", [boolType, boolType], boolType)]),
	declare("@not_strictly_false", [overload("not_strictly_false", [boolType], boolType)]),
];

const basics: readonly FunctionDeclaration[] = [
	declare("!_", [overload("logical_not", [boolType], boolType)], (a) => !asBool(a)),
	declare("_==_", [overload("equals", [A, A], boolType)], valuesEqual),
	declare("_!=_", [overload("not_equals", [A, A], boolType)], (a, b) => !valuesEqual(a, b)),
	comparison("_<_", "less", (order) => order < 0),
	comparison("_<=_", "less_equals", (order) => order <= 0),
	comparison("_>_", "greater", (order) => order > 0),
	comparison("_>=_", "greater_equals", (order) => order >= 0),
	declare(
		"_[_]",
		[
			overload("index_list", [listOfA, intType], A),
			overload("index_map", [mapOfAB, A], B),
			overload("optional_list_index_int", [optionalType(listOfA), intType], optionalType(A)),
			overload("optional_map_index_value", [optionalType(mapOfAB), A], optionalType(B)),
		],
		index,
	),
	declare("@in", [overload("in_list", [A, listOfA], boolType), overload("in_map", [A, mapOfAB], boolType)], isIn),
	declare(
		"size",
		sized.flatMap(([name, type]) => [overload(`size_${name}`, [type], intType), member(`${name}_size`, [type], intType)]),
		sizeOf,
	),
	declare("type", [overload("type", [A], typeType(A))], (a) => new CelTypeValue(typeNameOf(a))),
	declare("cel.@mapInsert", [
		overload("@mapInsert_map_key_value", [mapOfAB, A, B], mapOfAB),
		overload("@mapInsert_map_map", [mapOfAB, mapOfAB], mapOfAB),
	]),
];

const strings: readonly FunctionDeclaration[] = [
	declare("contains", [member("contains_string", [stringType, stringType], boolType, (a, b) => asString(a).includes(asString(b)))]),
	declare("startsWith", [member("starts_with_string", [stringType, stringType], boolType, (a, b) => asString(a).startsWith(asString(b)))]),
	declare("endsWith", [member("ends_with_string", [stringType, stringType], boolType, (a, b) => asString(a).endsWith(asString(b)))]),
];

/** A part of a moment, in UTC or in a named zone; of a duration, too, where one has it. */
function timePart(
	name: string,
	part: (parts: CalendarParts) => number,
	ofDuration?: readonly [id: string, nanosPerUnit: bigint],
): FunctionDeclaration {
	const id = name.replace(/^get/, "").replace(/[A-Z]/g, (letter, at: number) => `${at === 0 ? "" : "_"}${letter.toLowerCase()}`);
	const inZone = (value: CelValue, zone: string | undefined) => BigInt(part(calendarParts(asTimestamp(value), zone)));
	const duration = ofDuration === undefined ? [] : [durationPart(...ofDuration)];
	return declare(name, [
		member(`timestamp_to_${id}`, [timestampType], intType, (a) => inZone(a, undefined)),
		member(`timestamp_to_${id}_with_tz`, [timestampType, stringType], intType, (a, b) => inZone(a, asString(b))),
		...duration,
	]);
}

const durationPart = (id: string, nanosPerUnit: bigint): Overload =>
	member(id, [durationType], intType, (a) => asDuration(a).nanos / nanosPerUnit);

const times: readonly FunctionDeclaration[] = [
	timePart("getFullYear", ({ year }) => year),
	timePart("getMonth", ({ month }) => month),
	timePart("getDayOfYear", ({ dayOfYear }) => dayOfYear),
	timePart("getDayOfMonth", ({ day }) => day - 1),
	timePart("getDate", ({ day }) => day),
	timePart("getDayOfWeek", ({ dayOfWeek }) => dayOfWeek),
	timePart("getHours", ({ hours }) => hours, ["duration_to_hours", 3_600_000_000_000n]),
	timePart("getMinutes", ({ minutes }) => minutes, ["duration_to_minutes", 60_000_000_000n]),
	timePart("getSeconds", ({ seconds }) => seconds, ["duration_to_seconds", 1_000_000_000n]),
	timePart("getMilliseconds", ({ milliseconds }) => milliseconds, ["duration_to_milliseconds", 1_000_000n]),
];

/**
 * `cel.@mapInsert(map, key, value)` and `(map, entries)`, which only macros write. The map is the accumulator of their
 * comprehension: nobody else has it.
 */
export function insertIntoAccumulator(accumulator: CelValue, key: CelValue, value: CelValue | undefined): CelValue {
	if (!(accumulator instanceof EntryMap)) throw noSuchOverload();
	if (value !== undefined) return accumulator.insert(key, value, true);
	if (!(key instanceof CelMap)) throw noSuchOverload();
	for (const each of key.keys()) accumulator.insert(each, key.get(each) ?? null, true);
	return accumulator;
}

export const standardLibrary: Library = {
	functions: [...controlFlow, ...basics, ...arithmetic, ...strings, ...times, ...conversions],
	typeNames: [
		["bool", boolType],
		["int", intType],
		["uint", uintType],
		["double", doubleType],
		["string", stringType],
		["bytes", bytesType],
		["list", listType(dynType)],
		["map", mapType(dynType, dynType)],
		["null_type", nullType],
		["type", typeType()],
		["google.protobuf.Timestamp", timestampType],
		["google.protobuf.Duration", durationType],
	],
};
