/**
 * Decoders of the scalar types: which JSON values they take, and what is stored of them.
 */
import { canonicalQuantity, QuantityError } from "../quantity.ts";
import { normalizeMicroTime, normalizeTime, TimeError } from "../time.ts";
import { DecodeError, type DecodeState, refuse, refuseBare } from "./decode-errors.ts";
import type { FieldType } from "./schema.ts";

/** Returns the value as it is stored. Never called with null: what null means depends on where it stands. */
export type Decoder = (value: unknown, state: DecodeState) => unknown;

/** Times in canonical form, a pure memo: objects hold the same few again and again, and every write reads them all. */
const knownTimes = new Set<string>();
const maxKnownTimes = 512;

function isKnownTime(value: unknown): boolean {
	return typeof value === "string" && knownTimes.has(value);
}

function remembered(time: string): string {
	if (knownTimes.size >= maxKnownTimes) knownTimes.clear();
	knownTimes.add(time);
	return time;
}

/** @param field `Container.image`: whose value this is, or whose list or map holds it. */
export function scalarDecoder(type: FieldType & { readonly form: "scalar" }, field: string): Decoder {
	switch (type.scalar) {
		case "string":
			return (value, state) => (typeof value === "string" ? value : refuse(value, type, field, state));
		case "boolean":
			return (value, state) => (typeof value === "boolean" ? value : refuse(value, type, field, state));
		case "double":
			return (value, state) => (typeof value === "number" ? value : refuse(value, type, field, state));
		case "int32":
		case "int64": {
			const isInteger = type.scalar === "int32" ? isInt32 : isInt64;
			return (value, state) => (isInteger(value) ? value : refuse(value, type, field, state));
		}
		case "time":
			return (value) => (isKnownTime(value) ? value : rethrow(() => remembered(normalizeTime(requireString(value)))));
		case "microtime":
			return (value) => rethrow(() => normalizeMicroTime(requireString(value)));
		case "quantity":
			return (value) => rethrow(() => canonicalQuantity(typeof value === "number" ? String(value) : readQuantityText(value)));
		case "bytes":
			return (value, state) => (typeof value === "string" ? requireBase64(value) : refuse(value, type, field, state));
		case "intOrString":
			return (value) => (typeof value === "string" || isInt32(value) ? value : refuseBare(value, "int32"));
		case "raw":
		case "fieldsV1":
		case "any":
			return takeAny;
		default:
			return type.scalar satisfies never;
	}
}

/** Takes any value as it is. */
export const takeAny: Decoder = (value) => value;

function isInt32(value: unknown): boolean {
	return typeof value === "number" && (value | 0) === value;
}

/** Beyond 2^53 JSON.parse has rounded; the range is checked all the same. */
function isInt64(value: unknown): boolean {
	return Number.isInteger(value) && Math.abs(Number(value)) <= 2 ** 63;
}

function requireString(value: unknown): string {
	return typeof value === "string" ? value : refuseBare(value, "string");
}

/** Go's Quantity reads the raw JSON: what is no string can't match. */
function readQuantityText(value: unknown): string {
	return typeof value === "string" ? value.trim() : JSON.stringify(value);
}

function rethrow(read: () => string): string {
	try {
		return read();
	} catch (error) {
		if (error instanceof TimeError || error instanceof QuantityError) throw new DecodeError(error.message);
		throw error;
	}
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Base64 without line breaks. */
function requireBase64(text: string): string {
	if (base64Pattern.test(text)) return text;
	const joined = text.replaceAll(/[\r\n]/g, "");
	if (base64Pattern.test(joined)) return joined;
	const bad = joined.search(/[^A-Za-z0-9+/]/);
	// At the first character that is none of the alphabet's; where all are, at the group of four that is not full.
	throw new DecodeError(`illegal base64 data at input byte ${bad === -1 ? joined.length - (joined.length % 4) : bad}`);
}
