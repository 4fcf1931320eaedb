/**
 * What calls cost at run time, by function and overload, in CEL's units. The figures are part of the API: they decide which
 * expressions fit in their budget.
 * Source: github.com/google/cel-go/interpreter/runtimecost.go; k8s.io/apiserver/pkg/cel/library/cost.go.
 */
import { CelList, CelMap, CelOpaque, type CelValue, costSizeOf } from "../values/values.ts";

/** The length of a text counts a tenth. */
export const traversalFactor = 0.1;
/** A regular expression is guessed to have one operation for four characters. */
export const regexFactor = 0.25;
/** Two checks fit in the limit of one expression. */
export const authorizationCheckCost = 350_000;
/** The longest pattern that a named format stands for, and the longest name of a format. */
export const maxNameFormatRegexSize = 128;
export const maxFormatSize = 64;

/** What a call costs, or how it is found. Arguments include the target, first; those that are missing are null. */
export type CallCost = number | ((args: readonly CelValue[], result: CelValue) => number);

const traversal = (value: CelValue | undefined, factor = traversalFactor): number => Math.ceil(costSizeOf(value ?? null) * factor);

const ofFirst: CallCost = ([first]) => traversal(first);
const ofFirstTwice: CallCost = ([first]) => traversal(first, 2 * traversalFactor);
const regex: CallCost = ([text, pattern]) =>
	Math.ceil((1 + costSizeOf(text ?? null)) * traversalFactor) * Math.ceil(costSizeOf(pattern ?? null) * regexFactor);
const smaller: CallCost = ([a, b]) => Math.ceil(Math.min(costSizeOf(a ?? null), costSizeOf(b ?? null)) * traversalFactor);

const byOverload: Readonly<Record<string, CallCost>> = {
	starts_with_string: ofFirst,
	ends_with_string: ofFirst,
	string_to_bytes: ofFirst,
	bytes_to_string: ofFirst,
	strings_quote: ofFirst,
	in_list: ([, list]) => costSizeOf(list ?? null),
	less_string: smaller,
	greater_string: smaller,
	less_equals_string: smaller,
	greater_equals_string: smaller,
	less_bytes: smaller,
	greater_bytes: smaller,
	less_equals_bytes: smaller,
	greater_equals_bytes: smaller,
	equals: ([a, b]) => (a instanceof CelOpaque ? 1 : Math.ceil(Math.min(costSizeOf(a ?? null), costSizeOf(b ?? null)) * traversalFactor)),
	not_equals: smaller,
	add_string: ([a, b]) => Math.ceil((costSizeOf(a ?? null) + costSizeOf(b ?? null)) * traversalFactor),
	add_bytes: ([a, b]) => Math.ceil((costSizeOf(a ?? null) + costSizeOf(b ?? null)) * traversalFactor),
	matches_string: regex,
	matches: regex,
	contains_string: ([a, b]) => traversal(a) * traversal(b),
};

const selector: CallCost = ([, text]) => {
	const length = costSizeOf(text ?? null);
	const requirements = Math.ceil(length * 0.5);
	return 10 + Math.ceil(length * traversalFactor) + requirements * 50;
};

/** Two addresses are compared as far as the prefix goes. */
function containsAddress(overloadId: string | undefined, parsedId: string, extra: (size: number) => number): CallCost {
	return ([cidr, other]) => {
		const size = costSizeOf(cidr ?? null);
		const parse = overloadId === parsedId ? traversal(other) : 0;
		return Math.ceil(2 * size * traversalFactor) + extra(size) + parse;
	};
}

/** Each element of one list is compared with each of the other. Source: github.com/google/cel-go/ext/sets.go. */
function ofTwoSets(factor: number): CallCost {
	return ([a, b]) => costSizeOf(a ?? null) * costSizeOf(b ?? null) * factor + 1;
}

const traversed: CallCost = ([first]) => traversalCost(first ?? null);

const byFunction: Readonly<Record<string, CallCost>> = {
	check: authorizationCheckCost,
	fieldSelector: selector,
	labelSelector: selector,
	isSorted: traversed,
	sum: traversed,
	max: traversed,
	min: traversed,
	indexOf: traversed,
	lastIndexOf: traversed,
	url: ofFirst,
	lowerAscii: ofFirst,
	upperAscii: ofFirst,
	substring: ofFirst,
	trim: ofFirst,
	"jsonpatch.escapeKey": ofFirst,
	replace: ofFirstTwice,
	split: ofFirstTwice,
	join: (_, result) => traversal(result, 2 * traversalFactor),
	find: regex,
	findAll: regex,
	cidr: ofFirst,
	isIP: ofFirst,
	isCIDR: ofFirst,
	"ip.isCanonical": ofFirstTwice,
	quantity: ofFirst,
	isQuantity: ofFirst,
	semver: ofFirst,
	isSemver: ofFirst,
	"sets.contains": ofTwoSets(1),
	"sets.intersects": ofTwoSets(1),
	"sets.equivalent": ofTwoSets(2),
	validate: ([format, text]) =>
		Math.ceil((1 + costSizeOf(text ?? null)) * traversalFactor) * Math.ceil(formatRegexSize(format ?? null) * regexFactor),
};

/** Formats tell how long the pattern is that they stand for. */
const formatRegexSize = (format: CelValue): number =>
	format instanceof CelOpaque && "regexSize" in format && typeof format.regexSize === "number" ? format.regexSize : maxNameFormatRegexSize;

/** @param overloadId undefined where the types leave several open */
export function callCostOf(functionName: string, overloadId: string | undefined): CallCost {
	switch (functionName) {
		case "ip":
			return overloadId === "cidr_ip" ? 1 : ofFirst;
		case "containsIP":
			return containsAddress(overloadId, "cidr_contains_ip_string", () => 0);
		case "containsCIDR":
			return containsAddress(overloadId, "cidr_contains_cidr_string", (size) => Math.ceil(size * traversalFactor) + 1);
		default:
			break;
	}
	const own = Object.hasOwn(byFunction, functionName) ? byFunction[functionName] : undefined;
	if (own !== undefined) return own;
	return overloadId !== undefined && Object.hasOwn(byOverload, overloadId) ? (byOverload[overloadId] ?? 1) : 1;
}

/** Every part of a value: texts by their length, the rest one each. */
function traversalCost(value: CelValue): number {
	if (typeof value === "string") return Math.floor(Buffer.byteLength(value) * traversalFactor);
	if (value instanceof Uint8Array) return Math.floor(value.length * traversalFactor);
	let cost = 0;
	if (value instanceof CelList) {
		for (let index = 0; index < value.size; index++) cost += traversalCost(value.at(index));
		return cost;
	}
	if (value instanceof CelMap) {
		for (const key of value.keys()) cost += traversalCost(key) + traversalCost(value.get(key) ?? null);
		return cost;
	}
	return 1;
}
