/**
 * Amounts of resources: `100m`, `1.5`, `512Mi`, `12e6`. Exact decimal arithmetic in nanos (10^-9) with bigint; a
 * quantity remembers the family of its suffix and is written in canonical form: no fraction, the largest suffix that
 * loses nothing. Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

/** Which family of suffixes a quantity is written with: `12M`, `12Mi`, `12e6`. */
export type QuantityFormat = "DecimalSI" | "BinarySI" | "DecimalExponent";

export interface Quantity {
	/** The amount in units of 10^-9. */
	readonly nanos: bigint;
	readonly format: QuantityFormat;
}

/** A text that is no quantity; the message is Kubernetes' own. */
export class QuantityError extends Error {
	override readonly name = "QuantityError";
}

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongSuffix = "unable to parse quantity's suffix";

const nanosPerUnit = 1_000_000_000n;
const nanosPerMilli = 1_000_000n;
/** Binary quantities are capped at 2^63-1, as in Kubernetes. */
const maxBinaryNanos = (2n ** 63n - 1n) * nanosPerUnit;
/** Exponents beyond this are refused: nobody means them, and a number of a million digits would stall the server. */
const maxExponent = 400;

/** Power of ten of each decimal suffix. */
const decimalExponents: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
/** Power of two of each binary suffix. */
const binaryExponents: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const decimalSuffixes = new Map(Object.entries(decimalExponents).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ["", ...Object.keys(binaryExponents)];

/** Sign, digits before and after the point, suffix. Looser than the message says, exactly as Kubernetes is. */
const pattern = /^([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)$/;

/** Whether `parseQuantity` can read it. */
export function isQuantity(text: string): boolean {
	try {
		parseQuantity(text);
		return true;
	} catch (error) {
		if (error instanceof QuantityError) return false;
		throw error;
	}
}

/** Reads a quantity. Throws QuantityError. What is finer than a nano is rounded up, away from zero. */
export function parseQuantity(text: string): Quantity {
	const parts = text === "" ? null : pattern.exec(text);
	if (parts === null) throw new QuantityError(wrongFormat);
	const [, sign = "", whole = "", fraction = "", suffix = ""] = parts;
	const { format, base, exponent } = readSuffix(suffix);
	const digits = BigInt(`0${whole}${fraction}`);
	// amount = digits * 10^-places * base^exponent; in nanos, with 10^9.
	const scale = 9 - fraction.length + (base === 10 ? exponent : 0);
	const unscaled = base === 2 ? digits << BigInt(exponent) : digits;
	const nanos = shiftDecimal(unscaled, scale);
	const signed = (amount: bigint) => (sign === "-" ? -amount : amount);
	if (format !== "BinarySI") return { nanos: signed(nanos), format };
	const capped = nanos > maxBinaryNanos ? maxBinaryNanos : nanos;
	return { nanos: signed(capped), format: capped > 0n && capped < nanosPerUnit ? "DecimalSI" : "BinarySI" };
}

/** The canonical form: `1500m` for 1.5, `1536Mi` for 1.5Gi, `0` for any zero. */
export function formatQuantity({ nanos, format }: Quantity): string {
	if (nanos === 0n) return "0";
	if (format === "BinarySI" && nanos % nanosPerUnit === 0n) {
		const units = nanos / nanosPerUnit;
		// Small amounts and fractions are written as decimals, where nothing has to be rounded.
		if (units <= -1024n || units >= 1024n) return formatBinary(units);
	}
	let mantissa = nanos;
	let exponent = -9;
	const highest = format === "DecimalExponent" ? Number.POSITIVE_INFINITY : 18;
	while (exponent < highest && mantissa % 1000n === 0n) {
		mantissa /= 1000n;
		exponent += 3;
	}
	if (format === "DecimalExponent") return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
	return `${mantissa}${decimalSuffixes.get(exponent)}`;
}

/** The text that the API server stores for a quantity that a user wrote. Throws QuantityError. */
export function canonicalQuantity(text: string): string {
	const known = canonicalMemo.get(text);
	if (known !== undefined) return known;
	const canonical = formatQuantity(parseQuantity(text));
	remember(canonicalMemo, text, canonical);
	return canonical;
}

/** Negative when a < b, 0 when equal, positive when a > b. */
export function compareQuantities(a: Quantity | string, b: Quantity | string): number {
	const left = toQuantity(a).nanos;
	const right = toQuantity(b).nanos;
	return left < right ? -1 : left > right ? 1 : 0;
}

/** a + b in a's format; in b's where a is zero. */
export function addQuantities(a: Quantity | string, b: Quantity | string): Quantity {
	const left = toQuantity(a);
	const right = toQuantity(b);
	return { nanos: left.nanos + right.nanos, format: left.nanos === 0n ? right.format : left.format };
}

/** a - b in a's format; in b's where a is zero. */
export function subtractQuantities(a: Quantity | string, b: Quantity | string): Quantity {
	const right = toQuantity(b);
	return addQuantities(a, { nanos: -right.nanos, format: right.format });
}

/** Base units (cores, bytes) as a number: `250m` → 0.25, `1Ki` → 1024. Exact for whole numbers up to 2^53. */
export function quantityToNumber(quantity: Quantity | string): number {
	return typeof quantity === "string" ? memoized(numberMemo, quantity, unitsOf) : unitsOf(quantity);
}

/** Thousandths of the base unit, rounded up: `250m` → 250, `1` → 1000, `1n` → 1. */
export function quantityToMilli(quantity: Quantity | string): number {
	return typeof quantity === "string" ? memoized(milliMemo, quantity, milliOf) : milliOf(quantity);
}

/** Whole base units, rounded up: Quantity.Value(). `1500m` → 2. */
export function quantityToInteger(quantity: Quantity | string): number {
	return Number(divideUp(toQuantity(quantity).nanos, nanosPerUnit));
}

/** A quantity of whole base units. */
export function quantityFromNumber(units: number, format: QuantityFormat): Quantity {
	return { nanos: BigInt(Math.round(units)) * nanosPerUnit, format };
}

/** A quantity of thousandths: 250 → `250m`. */
export function quantityFromMilli(milli: number, format: QuantityFormat = "DecimalSI"): Quantity {
	return { nanos: BigInt(Math.round(milli)) * nanosPerMilli, format };
}

function toQuantity(quantity: Quantity | string): Quantity {
	return typeof quantity === "string" ? parseQuantity(quantity) : quantity;
}

function unitsOf({ nanos }: Quantity): number {
	return Number(nanos / nanosPerUnit) + Number(nanos % nanosPerUnit) / 1e9;
}

function milliOf({ nanos }: Quantity): number {
	return Number(divideUp(nanos, nanosPerMilli));
}

/** Kubernetes' rounding: the truncated quotient, plus one where something remains. */
function divideUp(dividend: bigint, divisor: bigint): bigint {
	return dividend / divisor + (dividend % divisor === 0n ? 0n : 1n);
}

/** value * 10^scale, rounded away from zero; value >= 0. */
function shiftDecimal(value: bigint, scale: number): bigint {
	if (scale >= 0) return value * 10n ** BigInt(scale);
	return divideUp(value, 10n ** BigInt(-scale));
}

function readSuffix(suffix: string): { format: QuantityFormat; base: 2 | 10; exponent: number } {
	const decimal = Object.hasOwn(decimalExponents, suffix) ? decimalExponents[suffix] : undefined;
	if (decimal !== undefined) return { format: "DecimalSI", base: 10, exponent: decimal };
	const binary = Object.hasOwn(binaryExponents, suffix) ? binaryExponents[suffix] : undefined;
	if (binary !== undefined) return { format: "BinarySI", base: 2, exponent: binary };
	const exponent = /^[eE]([-+]?\d+)$/.exec(suffix)?.[1];
	if (exponent === undefined || Math.abs(Number(exponent)) > maxExponent) throw new QuantityError(wrongSuffix);
	return { format: "DecimalExponent", base: 10, exponent: Number(exponent) };
}

function formatBinary(units: bigint): string {
	let mantissa = units;
	let step = 0;
	while (step < binarySuffixes.length - 1 && mantissa % 1024n === 0n) {
		mantissa /= 1024n;
		step++;
	}
	return `${mantissa}${binarySuffixes[step]}`;
}

/** Pure memos: the scheduler and quota read the same few texts millions of times. Dropped whole when full. */
const maxMemoEntries = 4096;
const canonicalMemo = new Map<string, string>();
const numberMemo = new Map<string, number>();
const milliMemo = new Map<string, number>();

function memoized(memo: Map<string, number>, text: string, compute: (quantity: Quantity) => number): number {
	const known = memo.get(text);
	if (known !== undefined) return known;
	const value = compute(parseQuantity(text));
	remember(memo, text, value);
	return value;
}

function remember<T>(memo: Map<string, T>, text: string, value: T): void {
	if (memo.size >= maxMemoEntries) memo.clear();
	memo.set(text, value);
}
