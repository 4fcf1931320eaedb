/**
 * Sums of named resources: `{ cpu: 1500m, "count/secrets": 3 }`, in exact arithmetic.
 * Source: k8s.io/apiserver/pkg/quota/v1/resources.go.
 */
import { addQuantities, compareQuantities, formatQuantity, parseQuantity, type Quantity, subtractQuantities } from "../quantity.ts";

export type Amounts = ReadonlyMap<string, Quantity>;
/** As objects carry them. */
export type ResourceList = Readonly<Record<string, string>>;

export const noAmounts: Amounts = new Map();
const noList: ResourceList = {};
const zero: Quantity = { nanos: 0n, format: "DecimalSI" };

/** Throws QuantityError for a text that is no quantity. */
export function parseAmounts(list: ResourceList = {}): Amounts {
	const amounts = new Map<string, Quantity>();
	for (const name in list) amounts.set(name, knownQuantity(list[name] ?? ""));
	return amounts;
}

/** The amounts of lists that are read again and again, such as a quota's. */
const amountsOfLists = new WeakMap<ResourceList, Amounts>();

/** As `parseAmounts`, once a list. */
export function amountsOf(list: ResourceList = noList): Amounts {
	const known = amountsOfLists.get(list);
	if (known !== undefined) return known;
	const amounts = parseAmounts(list);
	amountsOfLists.set(list, amounts);
	return amounts;
}

/** What was parsed lately: objects of one template ask for the same amounts. */
const parsed = new Map<string, Quantity>();
const maxParsed = 1000;

function knownQuantity(text: string): Quantity {
	const known = parsed.get(text);
	if (known !== undefined) return known;
	const quantity = parseQuantity(text);
	if (parsed.size >= maxParsed) parsed.clear();
	parsed.set(text, quantity);
	return quantity;
}

/** In the order of names. */
export function formatAmounts(amounts: Amounts): ResourceList {
	const entries = [...amounts].sort(([a], [b]) => (a < b ? -1 : 1));
	return Object.fromEntries(entries.map(([name, quantity]) => [name, formatQuantity(quantity)]));
}

/** The list with what is added to it: its other texts and their order are kept. */
export function addToList(list: ResourceList = noList, added: Amounts): ResourceList {
	const sum = addAmounts(amountsOf(list), added);
	const result: Record<string, string> = { ...list };
	for (const name of added.keys()) result[name] = formatQuantity(sum.get(name) ?? zero);
	amountsOfLists.set(result, sum);
	return result;
}

/** `cpu=2,pods=1`, in the order of names: how error texts show amounts. */
export function describeAmounts(amounts: Amounts): string {
	return Object.entries(formatAmounts(amounts))
		.map(([name, text]) => `${name}=${text}`)
		.join(",");
}

export function addAmounts(a: Amounts, b: Amounts): Amounts {
	if (a.size === 0) return b;
	if (b.size === 0) return a;
	const sum = new Map(a);
	for (const [name, quantity] of b) {
		const known = sum.get(name);
		sum.set(name, known === undefined ? quantity : addQuantities(known, quantity));
	}
	return sum;
}

/** a - b, and zero where that would be less. What only b has counts as zero. */
export function subtractAmounts(a: Amounts, b: Amounts): Amounts {
	const difference = new Map(a);
	for (const [name, quantity] of b) {
		const left = subtractQuantities(a.get(name) ?? zero, quantity);
		difference.set(name, left.nanos < 0n ? { ...left, nanos: 0n } : left);
	}
	return difference;
}

/** The greater one of each resource. */
export function greaterAmounts(a: Amounts, b: Amounts): Amounts {
	if (a.size === 0) return b;
	if (b.size === 0) return a;
	const result = new Map(a);
	for (const [name, quantity] of b) {
		const known = result.get(name);
		if (known === undefined || compareQuantities(quantity, known) > 0) result.set(name, quantity);
	}
	return result;
}

/** Only resources of these names. */
export function maskAmounts(amounts: Amounts, names: { has(name: string): boolean }): Amounts {
	const masked = new Map<string, Quantity>();
	for (const [name, quantity] of amounts) if (names.has(name)) masked.set(name, quantity);
	return masked;
}

export function withoutZeros(amounts: Amounts): Amounts {
	const rest = new Map<string, Quantity>();
	for (const [name, quantity] of amounts) if (quantity.nanos !== 0n) rest.set(name, quantity);
	return rest;
}

/** Names of the resources that exceed their limit; those without one exceed nothing. */
export function exceeding(amounts: Amounts, limits: Amounts): ReadonlySet<string> {
	const over = new Set<string>();
	for (const [name, quantity] of amounts) {
		const limit = limits.get(name);
		if (limit !== undefined && compareQuantities(quantity, limit) > 0) over.add(name);
	}
	return over;
}

export function sameAmounts(a: Amounts, b: Amounts): boolean {
	return a.size === b.size && [...a].every(([name, { nanos }]) => b.get(name)?.nanos === nanos);
}

export function countOf(units: number): Quantity {
	return { nanos: BigInt(units) * 1_000_000_000n, format: "DecimalSI" };
}
