/**
 * `int(x)`, `string(x)` and their like. Source: cel-spec, doc/langdef.md#list-of-standard-definitions;
 * github.com/google/cel-go/common/types.
 */
import {
	boolType,
	bytesType,
	type CelType,
	doubleType,
	durationType,
	dynType,
	intType,
	paramType,
	stringType,
	timestampType,
	uintType,
} from "../types/types.ts";
import { EvaluationError, noSuchOverload } from "../values/errors.ts";
import { durationText, parseDuration, parseTimestamp, timestampOf, timestampText, unixSeconds } from "../values/time-values.ts";
import { CelDuration, CelTimestamp, CelUint, type CelValue, typeNameOf } from "../values/values.ts";
import { toInt, toUint } from "./arithmetic.ts";
import { declare, type FunctionDeclaration, overload } from "./function.ts";

const typeNames: Readonly<Partial<Record<CelType["kind"], string>>> = {
	int: "int64",
	uint: "uint64",
	bool: "bool",
	double: "double",
	string: "string",
	bytes: "bytes",
	timestamp: "timestamp",
	duration: "duration",
};

function conversion(name: string, to: CelType, from: readonly CelType[], convert: (value: CelValue) => CelValue): FunctionDeclaration {
	const target = typeNames[to.kind] ?? to.kind;
	return declare(
		name,
		from.map((type) => overload(`${typeNames[type.kind]}_to_${target}`, [type], to)),
		convert,
	);
}

const cannotConvert = (value: CelValue, to: string): EvaluationError =>
	typeof value === "string" || value instanceof CelTimestamp || value instanceof CelDuration
		? new EvaluationError(`type conversion error from '${typeNameOf(value)}' to '${to}'`)
		: noSuchOverload();

export function convertToInt(value: CelValue): CelValue {
	if (typeof value === "bigint") return value;
	if (typeof value === "number") {
		// The ends of the range cannot be told from what is beyond them.
		if (!(value > -(2 ** 63) && value < 2 ** 63)) throw new EvaluationError("integer overflow");
		return BigInt(Math.trunc(value));
	}
	if (value instanceof CelUint) return toInt(value.value);
	if (value instanceof CelTimestamp) return unixSeconds(value);
	if (value instanceof CelDuration) return value.nanos;
	if (typeof value === "string" && /^[+-]?\d+$/.test(value) && value.length < 100) {
		const parsed = BigInt(value.startsWith("+") ? value.slice(1) : value);
		if (parsed >= -(2n ** 63n) && parsed < 2n ** 63n) return parsed;
	}
	throw cannotConvert(value, "int");
}

export function convertToUint(value: CelValue): CelValue {
	if (value instanceof CelUint) return value;
	if (typeof value === "bigint") return toUint(value);
	if (typeof value === "number") {
		if (!(value > -1 && value < 2 ** 64)) throw new EvaluationError("unsigned integer overflow");
		return new CelUint(BigInt(Math.trunc(value)));
	}
	if (typeof value === "string" && /^\d+$/.test(value) && value.length < 100) {
		const parsed = BigInt(value);
		if (parsed < 2n ** 64n) return new CelUint(parsed);
	}
	throw cannotConvert(value, "uint");
}

const decimal = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;
const namedNumbers: Readonly<Record<string, number>> = { inf: Infinity, infinity: Infinity, nan: Number.NaN };

export function convertToDouble(value: CelValue): CelValue {
	if (typeof value === "number") return value;
	if (typeof value === "bigint") return Number(value);
	if (value instanceof CelUint) return Number(value.value);
	if (typeof value === "string") {
		const [, sign = "", word = ""] = /^([+-]?)([A-Za-z]+)$/.exec(value) ?? [];
		const named = Object.hasOwn(namedNumbers, word.toLowerCase()) ? namedNumbers[word.toLowerCase()] : undefined;
		if (named !== undefined) return sign === "-" ? -named : named;
		const parsed = decimal.test(value) ? Number(value) : Number.NaN;
		if (Number.isFinite(parsed)) return parsed;
	}
	throw cannotConvert(value, "double");
}

const trueTexts = ["1", "t", "T", "TRUE", "true", "True"];
const falseTexts = ["0", "f", "F", "FALSE", "false", "False"];

function convertToBool(value: CelValue): CelValue {
	if (typeof value === "boolean") return value;
	if (typeof value === "string" && trueTexts.includes(value)) return true;
	if (typeof value === "string" && falseTexts.includes(value)) return false;
	throw cannotConvert(value, "bool");
}

export function convertToString(value: CelValue): CelValue {
	if (typeof value === "string") return value;
	if (typeof value === "bigint" || typeof value === "boolean") return String(value);
	if (typeof value === "number") return doubleText(value);
	if (value instanceof CelUint) return String(value.value);
	if (value instanceof CelTimestamp) return timestampText(value);
	if (value instanceof CelDuration) return durationText(value);
	if (value instanceof Uint8Array) {
		try {
			return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
		} catch {
			throw new EvaluationError("invalid UTF-8 in bytes, cannot convert to string");
		}
	}
	throw noSuchOverload();
}

/** Go's %g: the shortest text that reads back, with an exponent below 1e-4 and from 1e6 on. */
export function doubleText(value: number): string {
	if (Number.isNaN(value)) return "NaN";
	if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
	if (Object.is(value, -0)) return "-0";
	const [mantissa = "", power = "0"] = value.toExponential().split("e");
	const exponent = Number(power);
	if (value === 0 || (exponent >= -4 && exponent < 6)) return String(value);
	return `${mantissa}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent).toString().padStart(2, "0")}`;
}

function convertToBytes(value: CelValue): CelValue {
	if (value instanceof Uint8Array) return value;
	if (typeof value === "string") return Buffer.from(value);
	throw noSuchOverload();
}

function convertToTimestamp(value: CelValue): CelValue {
	if (value instanceof CelTimestamp) return value;
	if (typeof value === "bigint") return timestampOf(value * 1_000_000_000n);
	const parsed = typeof value === "string" ? parseTimestamp(value) : undefined;
	if (parsed === undefined) throw cannotConvert(value, "google.protobuf.Timestamp");
	return parsed;
}

function convertToDuration(value: CelValue): CelValue {
	if (value instanceof CelDuration) return value;
	if (typeof value === "bigint") return new CelDuration(value);
	const parsed = typeof value === "string" ? parseDuration(value) : undefined;
	if (parsed === undefined) throw cannotConvert(value, "google.protobuf.Duration");
	return parsed;
}

const A = paramType("A");

export const conversions: readonly FunctionDeclaration[] = [
	conversion("int", intType, [intType, doubleType, durationType, stringType, timestampType, uintType], convertToInt),
	conversion("uint", uintType, [uintType, doubleType, intType, stringType], convertToUint),
	conversion("double", doubleType, [doubleType, intType, stringType, uintType], convertToDouble),
	conversion("bool", boolType, [boolType, stringType], convertToBool),
	conversion(
		"string",
		stringType,
		[stringType, boolType, bytesType, doubleType, durationType, intType, timestampType, uintType],
		convertToString,
	),
	conversion("bytes", bytesType, [bytesType, stringType], convertToBytes),
	conversion("timestamp", timestampType, [timestampType, intType, stringType], convertToTimestamp),
	conversion("duration", durationType, [durationType, intType, stringType], convertToDuration),
	declare("dyn", [overload("to_dyn", [A], dynType)], (a) => a),
];
