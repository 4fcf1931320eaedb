/**
 * Values that may be missing: `self.?spec.orValue(1)`. Source: github.com/google/cel-go/cel/library.go (OptionalTypes).
 */
import { boolType, type CelType, dynType, intType, listType, mapType, optionalType, paramType } from "../types/types.ts";
import { EvaluationError } from "../values/errors.ts";
import { asList, asOptional, CelDuration, CelList, CelMap, CelOptional, CelTimestamp, CelUint, type CelValue } from "../values/values.ts";
import { declare, type Library, member, overload } from "./function.ts";

const T = paramType("T");
const K = paramType("K");
const optionalT = optionalType(T);
const none = new CelOptional(undefined);

function isZero(value: CelValue): boolean {
	if (value === null || value === false || value === "" || value === 0 || value === 0n) return true;
	if (value instanceof CelUint) return value.value === 0n;
	if (value instanceof CelList || value instanceof CelMap) return value.size === 0;
	if (value instanceof CelDuration) return value.nanos === 0n;
	if (value instanceof CelTimestamp) return false;
	if (value instanceof Uint8Array) return value.length === 0;
	return value instanceof CelOptional && value.value === undefined;
}

function presentValue(value: CelValue): CelValue {
	const { value: inner } = asOptional(value);
	if (inner === undefined) throw new EvaluationError("optional.none() dereference");
	return inner;
}

/** Indices behind `[?`; the container may itself be missing. */
const containers: readonly (readonly [id: string, container: CelType, key: CelType, value: CelType])[] = [
	["list_optindex_optional_int", listType(T), intType, T],
	["optional_list_optindex_optional_int", optionalType(listType(T)), intType, T],
	["map_optindex_optional_value", mapType(K, T), K, T],
	["optional_map_optindex_optional_value", optionalType(mapType(K, T)), K, T],
];

export const optionalLibrary: Library = {
	functions: [
		declare("optional.of", [overload("optional_of", [T], optionalT, (a) => new CelOptional(a))]),
		declare("optional.ofNonZeroValue", [
			overload("optional_ofNonZeroValue", [T], optionalT, (a) => (isZero(a) ? none : new CelOptional(a))),
		]),
		declare("optional.none", [overload("optional_none", [], optionalT, () => none)]),
		declare("hasValue", [member("optional_hasValue", [optionalT], boolType, (a) => asOptional(a).value !== undefined)]),
		declare("value", [member("optional_value", [optionalT], T, presentValue)]),
		declare("or", [
			member("optional_or_optional", [optionalT, optionalT], optionalT, (a, b) => (asOptional(a).value === undefined ? asOptional(b) : a)),
		]),
		declare("orValue", [
			member("optional_orValue_value", [optionalT, T], T, (a, b) => {
				const { value } = asOptional(a);
				return value === undefined ? b : value;
			}),
		]),
		declare(
			"_[?_]",
			containers.map(([id, container, key, value]) => overload(id, [container, key], optionalType(value))),
		),
		declare("optional.unwrap", [overload("optional_unwrap", [listType(optionalT)], listType(T), unwrap)]),
		declare("unwrapOpt", [member("optional_unwrapOpt", [listType(optionalT)], listType(T), unwrap)]),
		declare("first", [
			member("list_first", [listType(T)], optionalT, (a) => new CelOptional(asList(a).size === 0 ? undefined : asList(a).at(0))),
		]),
		declare("last", [
			member(
				"list_last",
				[listType(T)],
				optionalT,
				(a) => new CelOptional(asList(a).size === 0 ? undefined : asList(a).at(asList(a).size - 1)),
			),
		]),
	],
	typeNames: [["optional_type", optionalType(dynType)]],
};

function unwrap(list: CelValue): CelValue {
	return new PresentList(asList(list));
}

/** The values of those optionals in a list that have one. */
class PresentList extends CelList {
	readonly #values: readonly CelValue[];

	constructor(list: CelList) {
		super();
		const values: CelValue[] = [];
		for (let at = 0; at < list.size; at++) {
			const { value } = asOptional(list.at(at));
			if (value !== undefined) values.push(value);
		}
		this.#values = values;
	}

	get size(): number {
		return this.#values.length;
	}

	at(index: number): CelValue {
		return this.#values[index] ?? null;
	}
}
