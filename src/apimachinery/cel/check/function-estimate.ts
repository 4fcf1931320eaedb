/**
 * What calls may cost, by function and overload, and how large their results may be.
 * Source: github.com/google/cel-go/checker/cost.go (functionCost); k8s.io/apiserver/pkg/cel/library/cost.go (EstimateCallCost).
 */
import { authorizationCheckCost, maxFormatSize, maxNameFormatRegexSize, regexFactor, traversalFactor } from "../program/function-cost.ts";
import type { Expr } from "../syntax/ast.ts";
import type { CelType } from "../types/types.ts";
import { byFactor, fixed, plus, type Range, times, unbounded, unknownSize } from "./cost-range.ts";

export interface Operand {
	readonly expr: Expr;
	readonly type: CelType;
	readonly size: Range | undefined;
	/** The size of a list's elements; undefined for what is no list. */
	elementSize(): Range | undefined;
}

export interface CallEstimate {
	readonly cost: Range;
	/** Of the result, where it has one that is known. */
	readonly size?: Range;
}

type Estimator = (call: Call) => CallEstimate;

interface Call {
	readonly overload: string;
	readonly target: Operand | undefined;
	readonly args: readonly Operand[];
}

const one: CallEstimate = { cost: fixed(1) };
const sizeOf = (operand: Operand | undefined): Range => operand?.size ?? unknownSize;
const traversed = (size: Range, factor = 1): Range => byFactor(size, factor * traversalFactor);

const nominal: Estimator = () => one;
const ofTarget: Estimator = ({ target }) => (target === undefined ? one : { cost: traversed(sizeOf(target)), size: sizeOf(target) });
const ofOnlyArg: Estimator = ({ args }) => ({ cost: traversed(sizeOf(args[0])), size: sizeOf(args[0]) });

/** A text that is parsed: what comes of it has no size that is known. */
const parsed =
	(factor = 1): Estimator =>
	({ args: [text] }) =>
		text === undefined ? one : { cost: traversed(sizeOf(text), factor) };

/** Each element of one list is compared with each of the other. Source: github.com/google/cel-go/ext/sets.go. */
const ofTwoSets =
	(factor: number): Estimator =>
	({ args: [a, b] }) => ({ cost: plus(byFactor(times(sizeOf(a), sizeOf(b)), factor), fixed(1)) });

const ofList: Estimator = ({ target }) => {
	if (target === undefined) return one;
	const element = target.elementSize();
	// indexOf and lastIndexOf are also functions of texts.
	if (element === undefined) return { cost: traversed(sizeOf(target)) };
	const kind = target.type.kind === "list" ? target.type.element.kind : "dyn";
	const perElement = kind === "string" || kind === "bytes" ? plus(fixed(1), traversed(element)) : fixed(1);
	return { cost: times(sizeOf(target), perElement) };
};

const replace: Estimator = ({ target, args }) => {
	if (target === undefined || args.length < 2) return one;
	const size = sizeOf(target);
	const old = sizeOf(args[0]);
	const fresh = sizeOf(args[1]);
	const longest =
		old.min === 0
			? (size.max < unbounded ? size.max + 1 : size.max) * fresh.max + size.max
			: fresh.max <= old.min
				? size.max
				: Math.ceil(size.max / old.min) * fresh.max;
	const shortest =
		old.max === 0 ? (size.min + 1) * fresh.min + size.min : old.max <= fresh.min ? size.min : Math.ceil(size.min / old.max) * fresh.min;
	return { cost: traversed(size, 2), size: { min: Math.min(shortest, unbounded), max: Math.min(longest, unbounded) } };
};

const split: Estimator = ({ target, args }) => {
	if (target === undefined) return one;
	const size = sizeOf(target);
	const limit = args[1]?.expr;
	const isKnown = limit?.kind === "literal" && limit.literal.type === "int";
	// A negative limit is none; upstream reads it as a huge number.
	const max = isKnown ? (limit.literal.value < 0n ? unbounded : Number(limit.literal.value)) : size.max;
	return { cost: traversed(size, 2), size: { min: 0, max } };
};

const join: Estimator = ({ target, args }) => {
	if (target === undefined) return one;
	const count = sizeOf(target);
	const element = target.elementSize();
	let size = element === undefined ? fixed(0) : times(count, element);
	if (args.length > 0) {
		size = plus(size, times(sizeOf(args[0]), { min: Math.max(count.min - 1, 0), max: Math.max(count.max - 1, 0) }));
	}
	return { cost: traversed(size), size };
};

const find: Estimator = ({ target, args }) => {
	if (target === undefined || args.length === 0) return one;
	const size = sizeOf(target);
	return { cost: regexCost(size, sizeOf(args[0])), size: { min: 0, max: size.max } };
};

/** An empty text may still be expensive to match. */
const regexCost = (text: Range, pattern: Range): Range => times(traversed(plus(text, fixed(1))), byFactor(pattern, regexFactor));

/** Bytes of an address. */
const addressSize: Range = { min: 4, max: 16 };

const containsIp: Estimator = ({ overload, args }) => {
	const compare = traversed(plus(addressSize, addressSize));
	return { cost: overload === "cidr_contains_ip_string" ? plus(compare, traversed(sizeOf(args[0]))) : compare };
};

const containsCidr: Estimator = ({ overload, args }) => {
	const compare = plus(plus(traversed(plus(addressSize, addressSize)), traversed(addressSize)), fixed(1));
	return { cost: overload === "cidr_contains_cidr_string" ? plus(compare, traversed(sizeOf(args[0]))) : compare };
};

const selector: Estimator = ({ args }) => {
	const length = sizeOf(args[0]);
	return { cost: plus(plus(fixed(10), traversed(length)), byFactor(byFactor(length, 0.5), 50)) };
};

const validate: Estimator = ({ target, args }) =>
	target === undefined ? one : { cost: byFactor(traversed(sizeOf(args[0])), maxNameFormatRegexSize * regexFactor) };

const estimators: Readonly<Record<string, Estimator>> = {
	check: () => ({ cost: fixed(authorizationCheckCost) }),
	fieldSelector: selector,
	labelSelector: selector,
	isSorted: ofList,
	sum: ofList,
	max: ofList,
	min: ofList,
	indexOf: ofList,
	lastIndexOf: ofList,
	url: ofOnlyArg,
	"jsonpatch.escapeKey": ofOnlyArg,
	lowerAscii: ofTarget,
	upperAscii: ofTarget,
	substring: ofTarget,
	trim: ofTarget,
	replace,
	split,
	join,
	find,
	findAll: find,
	// The address of a CIDR is a member without arguments.
	ip: parsed(),
	isIP: parsed(),
	cidr: parsed(),
	isCIDR: parsed(),
	"ip.isCanonical": parsed(2),
	quantity: parsed(),
	isQuantity: parsed(),
	semver: parsed(),
	isSemver: parsed(),
	"sets.contains": ofTwoSets(1),
	"sets.intersects": ofTwoSets(1),
	"sets.equivalent": ofTwoSets(2),
	containsIP: containsIp,
	containsCIDR: containsCidr,
	validate,
};

/** By overload, where the function has no estimate of its own. */
const overloadEstimators: Readonly<Record<string, Estimator>> = {
	string_format: ({ target }) => ({ cost: traversed(sizeOf(target)) }),
	string_to_bytes: ({ args }) => ({
		cost: traversed(sizeOf(args[0])),
		size: { min: sizeOf(args[0]).min, max: Math.min(sizeOf(args[0]).max * 4, unbounded) },
	}),
	bytes_to_string: ({ args }) => ({
		cost: traversed(sizeOf(args[0])),
		size: { min: Math.floor(sizeOf(args[0]).min / 4), max: sizeOf(args[0]).max },
	}),
	strings_quote: ({ args }) => ({
		cost: traversed(sizeOf(args[0])),
		size: { min: sizeOf(args[0]).min + 2, max: Math.min(sizeOf(args[0]).max * 2 + 2, unbounded) },
	}),
	starts_with_string: ({ args }) => ({ cost: traversed(sizeOf(args[0])) }),
	ends_with_string: ({ args }) => ({ cost: traversed(sizeOf(args[0])) }),
	in_list: ({ args }) => ({ cost: sizeOf(args[1]) }),
	matches_string: ({ target, args }) => ({ cost: regexCost(sizeOf(target), sizeOf(args[0])) }),
	contains_string: ({ target, args }) => ({ cost: times(traversed(sizeOf(target)), traversed(sizeOf(args[0]))) }),
	add_list: ({ args }) => ({ cost: fixed(1), size: plus(sizeOf(args[0]), sizeOf(args[1])) }),
	add_string: concatenated,
	add_bytes: concatenated,
	equals: equality,
	not_equals: compared,
};

function concatenated({ args }: Call): CallEstimate {
	const size = plus(sizeOf(args[0]), sizeOf(args[1]));
	return { cost: traversed(size), size };
}

/** The smaller one ends a comparison. */
function compared({ args }: Call): CallEstimate {
	const max = Math.min(sizeOf(args[0]).max, sizeOf(args[1]).max);
	return { cost: traversed({ min: max > 0 ? 1 : 0, max }) };
}

/** Values that only functions know are equal or not at once. */
const quickTypes = new Set(["net.IP", "net.CIDR", "kubernetes.Quantity", "kubernetes.Semver"]);

function equality(call: Call): CallEstimate {
	const [a, b] = call.args;
	const name = a !== undefined && "name" in a.type ? a.type.name : undefined;
	const isSame = name !== undefined && b !== undefined && "name" in b.type && b.type.name === name;
	if (isSame && (quickTypes.has(name) || name.startsWith("kubernetes.authorization."))) return one;
	if (isSame && name === "kubernetes.NamedFormat") return { cost: traversed({ min: 1, max: maxFormatSize }) };
	if (isSame && name === "kubernetes.URL") return { cost: traversed({ min: 1, max: b.size?.max ?? 1 }) };
	return compared(call);
}

export function estimateCall(name: string, overload: string, target: Operand | undefined, args: readonly Operand[]): CallEstimate {
	const call = { overload, target, args };
	const own = Object.hasOwn(estimators, name) ? estimators[name] : undefined;
	if (own !== undefined) return own(call);
	const byOverload = Object.hasOwn(overloadEstimators, overload)
		? overloadEstimators[overload]
		: /^(less|greater)(_equals)?_(string|bytes)$/.test(overload)
			? compared
			: undefined;
	return (byOverload ?? nominal)(call);
}
