/**
 * Arithmetic on numbers, times, texts and lists. Integers do not wrap: what does not fit is an error.
 * Source: cel-spec, doc/langdef.md#numeric-values; github.com/google/cel-go/common/types/{int,uint,overflow}.go.
 */
import { EvaluationError, noSuchOverload } from "../values/errors.ts";
import { durationOf, timestampOf } from "../values/time-values.ts";
import { CelDuration, CelList, CelTimestamp, CelUint, type CelValue } from "../values/values.ts";

const maxInt = 2n ** 63n - 1n;
const minInt = -(2n ** 63n);
const maxUint = 2n ** 64n - 1n;

export function toInt(value: bigint): bigint {
	if (value > maxInt || value < minInt) throw new EvaluationError("integer overflow");
	return value;
}

export function toUint(value: bigint): CelUint {
	if (value > maxUint || value < 0n) throw new EvaluationError("unsigned integer overflow");
	return new CelUint(value);
}

export function add(a: CelValue, b: CelValue): CelValue {
	if (typeof a === "bigint" && typeof b === "bigint") return toInt(a + b);
	if (typeof a === "string" && typeof b === "string") return a + b;
	if (typeof a === "number" && typeof b === "number") return a + b;
	if (a instanceof CelUint && b instanceof CelUint) return toUint(a.value + b.value);
	if (a instanceof CelList && b instanceof CelList) return a.concat(b);
	if (a instanceof CelTimestamp && b instanceof CelDuration) return timestampOf(a.nanos + b.nanos);
	if (a instanceof CelDuration && b instanceof CelTimestamp) return timestampOf(a.nanos + b.nanos);
	if (a instanceof CelDuration && b instanceof CelDuration) return durationOf(a.nanos + b.nanos);
	if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.concat([a, b]);
	throw noSuchOverload();
}

export function subtract(a: CelValue, b: CelValue): CelValue {
	if (typeof a === "bigint" && typeof b === "bigint") return toInt(a - b);
	if (typeof a === "number" && typeof b === "number") return a - b;
	if (a instanceof CelUint && b instanceof CelUint) return toUint(a.value - b.value);
	if (a instanceof CelTimestamp && b instanceof CelTimestamp) return durationOf(a.nanos - b.nanos);
	if (a instanceof CelTimestamp && b instanceof CelDuration) return timestampOf(a.nanos - b.nanos);
	if (a instanceof CelDuration && b instanceof CelDuration) return durationOf(a.nanos - b.nanos);
	throw noSuchOverload();
}

export function multiply(a: CelValue, b: CelValue): CelValue {
	if (typeof a === "bigint" && typeof b === "bigint") return toInt(a * b);
	if (typeof a === "number" && typeof b === "number") return a * b;
	if (a instanceof CelUint && b instanceof CelUint) return toUint(a.value * b.value);
	throw noSuchOverload();
}

export function divide(a: CelValue, b: CelValue): CelValue {
	const divisor = (value: bigint): bigint => {
		if (value === 0n) throw new EvaluationError("division by zero");
		return value;
	};
	if (typeof a === "bigint" && typeof b === "bigint") return toInt(a / divisor(b));
	if (typeof a === "number" && typeof b === "number") return a / b;
	if (a instanceof CelUint && b instanceof CelUint) return new CelUint(a.value / divisor(b.value));
	throw noSuchOverload();
}

export function modulo(a: CelValue, b: CelValue): CelValue {
	const divisor = (value: bigint): bigint => {
		if (value === 0n) throw new EvaluationError("modulus by zero");
		return value;
	};
	if (typeof a === "bigint" && typeof b === "bigint") {
		if (a === minInt && b === -1n) throw new EvaluationError("integer overflow");
		return a % divisor(b);
	}
	if (a instanceof CelUint && b instanceof CelUint) return new CelUint(a.value % divisor(b.value));
	throw noSuchOverload();
}

export function negate(a: CelValue): CelValue {
	if (typeof a === "bigint") return toInt(-a);
	if (typeof a === "number") return -a;
	throw noSuchOverload();
}
