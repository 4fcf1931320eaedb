/**
 * `"%s is %d".format([...])`. Source: github.com/google/cel-go/ext/formatting.go.
 */
import { EvaluationError } from "../values/errors.ts";
import { durationText, timestampText } from "../values/time-values.ts";
import { CelDuration, CelList, CelMap, CelTimestamp, CelTypeValue, CelUint, type CelValue, toArray, typeNameOf } from "../values/values.ts";

const defaultPrecision = 6;

const failed = (problem: string): EvaluationError => new EvaluationError(`error during formatting: ${problem}`);

export function formatText(format: string, args: CelList): string {
	let next = 0;
	return format.replace(
		/%(?:(%)|(?:\.(\d{1,3}))?(.?))/gsu,
		(clause, percent: string | undefined, precision: string | undefined, verb: string) => {
			if (percent !== undefined) return "%";
			if (verb === "") throw new EvaluationError("unexpected end of string");
			if (next >= args.size) throw new EvaluationError(`index ${next} out of range`);
			const write = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined;
			if (write === undefined)
				throw new EvaluationError(`could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(clause.slice(-1))}`);
			return write(args.at(next++), precision === undefined ? defaultPrecision : Number(precision));
		},
	);
}

const verbs: Readonly<Record<string, (value: CelValue, precision: number) => string>> = {
	s: (value) => asText(value),
	d: decimal,
	f: (value, precision) => ofDouble(value, "fixed-point", (number) => number.toFixed(Math.min(precision, 100))),
	e: (value, precision) =>
		ofDouble(value, "scientific", (number) =>
			number.toExponential(Math.min(precision, 100)).replace(/e([+-])(\d)$/, (_, sign: string, digit: string) => `e${sign}0${digit}`),
		),
	b: (value) => (typeof value === "boolean" ? (value ? "1" : "0") : inBase(value, 2, "binary")),
	o: (value) => inBase(value, 8, "octal"),
	x: (value) => hexadecimal(value),
	X: (value) => hexadecimal(value).toUpperCase(),
};

function integerOf(value: CelValue): bigint | undefined {
	if (typeof value === "bigint") return value;
	return value instanceof CelUint ? value.value : undefined;
}

function decimal(value: CelValue): string {
	const integer = integerOf(value);
	if (integer !== undefined) return integer.toString();
	if (typeof value === "number" && !Number.isFinite(value)) return special(value);
	throw failed(`decimal clause can only be used on integers, was given ${typeNameOf(value)}`);
}

function ofDouble(value: CelValue, clause: string, write: (number: number) => string): string {
	const number = typeof value === "number" ? value : integerOf(value) === undefined ? undefined : Number(integerOf(value));
	if (number === undefined) throw failed(`${clause} clause can only be used on doubles, was given ${typeNameOf(value)}`);
	return Number.isFinite(number) ? write(number) : special(number);
}

const special = (value: number): string => (Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");

function inBase(value: CelValue, base: number, clause: string): string {
	const integer = integerOf(value);
	if (integer === undefined) throw failed(`${clause} clause can only be used on integers, was given ${typeNameOf(value)}`);
	return integer.toString(base);
}

function hexadecimal(value: CelValue): string {
	if (typeof value === "string") return Buffer.from(value).toString("hex");
	if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
	const integer = integerOf(value);
	if (integer === undefined)
		throw failed(`only integers, byte buffers, and strings can be formatted as hex, was given ${typeNameOf(value)}`);
	return integer.toString(16);
}

/** %s; parts of lists and maps are written alike, maps in order of their keys. */
function asText(value: CelValue): string {
	if (typeof value === "string") return value;
	if (value === null) return "null";
	if (typeof value === "boolean" || typeof value === "bigint") return String(value);
	if (typeof value === "number") return Number.isFinite(value) ? String(value) : special(value);
	if (value instanceof CelUint) return String(value.value);
	if (value instanceof Uint8Array) return Buffer.from(value).toString();
	if (value instanceof CelTimestamp) return timestampText(value);
	if (value instanceof CelDuration) return durationText(value);
	if (value instanceof CelTypeValue) return value.name;
	if (value instanceof CelList) return `[${toArray(value).map(asText).join(", ")}]`;
	if (value instanceof CelMap) {
		const entries = value.keys().map((key) => `${asText(key)}: ${asText(value.get(key) ?? null)}`);
		return `{${entries.sort().join(", ")}}`;
	}
	throw failed(
		`string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given ${typeNameOf(value)}`,
	);
}
