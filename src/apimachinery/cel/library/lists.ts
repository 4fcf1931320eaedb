/**
 * Lists and sets. Source: k8s.io/apiserver/pkg/cel/library/lists.go; github.com/google/cel-go/ext/sets.go.
 */
import {
	boolType,
	bytesType,
	type CelType,
	doubleType,
	durationType,
	intType,
	listType,
	paramType,
	stringType,
	timestampType,
	uintType,
} from "../types/types.ts";
import { EvaluationError } from "../values/errors.ts";
import { asList, CelDuration, type CelList, CelUint, type CelValue, compareValues, valuesEqual } from "../values/values.ts";
import { add } from "./arithmetic.ts";
import { declare, type FunctionDeclaration, type Library, member, overload } from "./function.ts";

const T = paramType("T");

const comparable: readonly (readonly [name: string, type: CelType])[] = [
	["int", intType],
	["uint", uintType],
	["double", doubleType],
	["bool", boolType],
	["duration", durationType],
	["timestamp", timestampType],
	["string", stringType],
	["bytes", bytesType],
];

/** Types with a sum, and the sum of nothing. */
const summable: readonly (readonly [name: string, type: CelType, zero: CelValue])[] = [
	["int", intType, 0n],
	["uint", uintType, new CelUint(0n)],
	["double", doubleType, 0],
	["duration", durationType, new CelDuration(0n)],
];

function isSorted(value: CelValue): boolean {
	const list = asList(value);
	for (let at = 1; at < list.size; at++) if (compareValues(list.at(at - 1), list.at(at)) > 0) return false;
	return true;
}

function sum(value: CelValue, zero: CelValue): CelValue {
	const list = asList(value);
	let total = zero;
	for (let at = 0; at < list.size; at++) total = add(total, list.at(at));
	return total;
}

function extreme(name: string, sign: 1 | -1): FunctionDeclaration {
	const run = (value: CelValue): CelValue => {
		const list = asList(value);
		if (list.size === 0) throw new EvaluationError(`${name} called on empty list`);
		let best = list.at(0);
		for (let at = 1; at < list.size; at++) if (compareValues(list.at(at), best) * sign > 0) best = list.at(at);
		return best;
	};
	return declare(
		name,
		comparable.map(([type, element]) => member(`list_${type}_${name}_${type}`, [listType(element)], element)),
		run,
	);
}

function firstIndex(list: CelValue, wanted: CelValue): CelValue {
	const items = asList(list);
	for (let at = 0; at < items.size; at++) if (valuesEqual(items.at(at), wanted)) return BigInt(at);
	return -1n;
}

function lastIndex(list: CelValue, wanted: CelValue): CelValue {
	const items = asList(list);
	for (let at = items.size - 1; at >= 0; at--) if (valuesEqual(items.at(at), wanted)) return BigInt(at);
	return -1n;
}

export const listsLibrary: Library = {
	functions: [
		declare(
			"isSorted",
			comparable.map(([type, element]) => member(`list_${type}_is_sorted_bool`, [listType(element)], boolType)),
			isSorted,
		),
		declare(
			"sum",
			summable.map(([type, element, zero]) => member(`list_${type}_sum_${type}`, [listType(element)], element, (list) => sum(list, zero))),
		),
		extreme("max", 1),
		extreme("min", -1),
		declare("indexOf", [member("list_a_index_of_int", [listType(T), T], intType, firstIndex)]),
		declare("lastIndexOf", [member("list_a_last_index_of_int", [listType(T), T], intType, lastIndex)]),
	],
};

const containsAll = (list: CelList, sub: CelList): boolean => {
	for (let at = 0; at < sub.size; at++) if (!list.contains(sub.at(at))) return false;
	return true;
};

function intersects(a: CelValue, b: CelValue): boolean {
	const left = asList(a);
	for (let at = 0; at < left.size; at++) if (asList(b).contains(left.at(at))) return true;
	return false;
}

const lists = [listType(T), listType(T)];

export const setsLibrary: Library = {
	functions: [
		declare("sets.contains", [overload("list_sets_contains_list", lists, boolType, (a, b) => containsAll(asList(a), asList(b)))]),
		declare("sets.equivalent", [
			overload(
				"list_sets_equivalent_list",
				lists,
				boolType,
				(a, b) => containsAll(asList(a), asList(b)) && containsAll(asList(b), asList(a)),
			),
		]),
		declare("sets.intersects", [overload("list_sets_intersects_list", lists, boolType, intersects)]),
	],
};
