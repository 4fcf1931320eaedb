/**
 * Decoders, one a type, compiled once from the schema table. A decoder returns the value it was given unless
 * something had to change, so a well-formed object passes without a copy: every write goes through here.
 */
import { isJsonObject, type JsonObject, setKey } from "../json.ts";
import { canonicalQuantity, QuantityError } from "../quantity.ts";
import { normalizeMicroTime, normalizeTime, TimeError } from "../time.ts";
import { goStructName, goTypeName } from "./go-types.ts";
import { type FieldSchema, type FieldType, typeSchema } from "./schema.ts";

/** A value that the type does not take; the message is Go's. */
export class DecodeError extends Error {
	override readonly name = "DecodeError";
}

/** Where a run of decoders is, and what it found. */
export interface DecodeState {
	/** Name of the type that the run began with. */
	readonly root: string;
	/** Keys and indices from the root to the value at hand. */
	readonly path: (string | number)[];
	/** Paths of what was dropped. */
	readonly unknownFields: string[];
}

/** Returns the value as it is stored. Never called with null: what null means depends on where it stands. */
type Decoder = (value: unknown, state: DecodeState) => unknown;

/** Decoders by type name; a pure memo, as the schema table never changes. */
const decoders = new Map<string, Decoder>();

/** The decoder of a type of the schema table; of a type that the table does not have, one that takes anything. */
export function decoderOf(typeName: string): Decoder {
	const known = decoders.get(typeName);
	if (known !== undefined) return known;
	const schema = typeSchema(typeName);
	const decoder = schema === undefined ? takeAny : structDecoder(typeName, schema.fields);
	decoders.set(typeName, decoder);
	return decoder;
}

/** Optional lists that Go writes even when they are empty: their fields lack `omitempty`. */
const writtenWhenEmpty: ReadonlySet<string> = new Set([
	"Role.rules",
	"ClusterRole.rules",
	"EndpointSlice.endpoints",
	"EndpointSlice.ports",
]);

interface FieldDecoder {
	readonly decode: Decoder;
	/** Go leaves out an empty list or map of such a field when it writes the object. */
	readonly omitsEmpty: boolean;
}

function structDecoder(typeName: string, schemas: ReadonlyMap<string, FieldSchema>): Decoder {
	// Fields are compiled when they are first met: types refer to themselves, and most objects use few of their fields.
	const fields = new Map<string, FieldDecoder>();
	const compileField = (key: string): FieldDecoder | undefined => {
		const schema = schemas.get(key);
		if (schema === undefined) return undefined;
		const field = `${typeName}.${key}`;
		const holdsMany = schema.type.form === "list" || schema.type.form === "map";
		const omitsEmpty = holdsMany && !schema.required && !writtenWhenEmpty.has(field);
		const compiled = { decode: typeDecoder(schema.type, field), omitsEmpty };
		fields.set(key, compiled);
		return compiled;
	};
	const decodeField = (key: string, item: unknown, state: DecodeState): unknown => {
		const field = fields.get(key) ?? compileField(key);
		if (field === undefined) state.unknownFields.push(formatPath(state.path));
		if (field === undefined || item === null) return undefined;
		const decoded = field.decode(item, state);
		return field.omitsEmpty && isEmpty(decoded) ? undefined : decoded;
	};
	return (value, state) => {
		if (isJsonObject(value)) return decodeEntries(value, state, decodeField);
		throw new DecodeError(
			`json: cannot unmarshal ${jsonKind(value)} into Go value of type ${goTypeName({ form: "object", type: typeName })}`,
		);
	};
}

type EntryDecoder = (key: string, item: unknown, state: DecodeState) => unknown;

/** Decodes each value of an object; undefined drops the key. Copies only from the first change on. */
function decodeEntries(value: JsonObject, state: DecodeState, decode: EntryDecoder): JsonObject {
	let copy: Record<string, unknown> | undefined;
	for (const key in value) {
		const item = value[key];
		if (item === undefined) continue;
		state.path.push(key);
		const decoded = decode(key, item, state);
		state.path.pop();
		if (copy === undefined) {
			if (decoded === item) continue;
			copy = copyBefore(value, key);
		}
		if (decoded !== undefined) setKey(copy, key, decoded);
	}
	return (copy as JsonObject | undefined) ?? value;
}

/** The entries that come before `end`. */
function copyBefore(value: JsonObject, end: string): Record<string, unknown> {
	const copy: Record<string, unknown> = {};
	for (const key in value) {
		if (key === end) break;
		if (value[key] !== undefined) setKey(copy, key, value[key]);
	}
	return copy;
}

/** @param field `Container.imagePullPolicy`: whose value this is, or whose list or map holds it. */
function typeDecoder(type: FieldType, field: string): Decoder {
	switch (type.form) {
		case "scalar":
			return scalarDecoder(type, field);
		case "object": {
			const decode = decoderOf(type.type);
			return (value, state) => (isJsonObject(value) ? decode(value, state) : refuse(value, type, field, state));
		}
		case "list":
			return listDecoder(type, field);
		case "map": {
			const decode = typeDecoder(type.values, field);
			const zero = zeroValue(type.values);
			const decodeEntry: EntryDecoder = (_, item, state) => (item === null ? zero : decode(item, state));
			return (value, state) => (isJsonObject(value) ? decodeEntries(value, state, decodeEntry) : refuse(value, type, field, state));
		}
		default:
			return type satisfies never;
	}
}

function listDecoder(type: FieldType & { readonly form: "list" }, field: string): Decoder {
	const decode = typeDecoder(type.items, field);
	const zero = zeroValue(type.items);
	return (value, state) => {
		if (!Array.isArray(value)) return refuse(value, type, field, state);
		let copy: unknown[] | undefined;
		for (let index = 0; index < value.length; index++) {
			const item: unknown = value[index];
			state.path.push(index);
			const decoded = item === null ? zero : decode(item, state);
			state.path.pop();
			if (decoded === item) continue;
			copy ??= [...value];
			copy[index] = decoded;
		}
		return copy ?? value;
	};
}

/** What null becomes in a list or a map, where it can't be absent: Go's zero value. */
function zeroValue(type: FieldType): unknown {
	if (type.form === "list") return [];
	if (type.form !== "scalar") return {};
	switch (type.scalar) {
		case "string":
		case "bytes":
			return "";
		case "quantity":
			return "0";
		case "int32":
		case "int64":
		case "double":
		case "intOrString":
			return 0;
		case "boolean":
			return false;
		default:
			return null;
	}
}

function scalarDecoder(type: FieldType & { readonly form: "scalar" }, field: string): Decoder {
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
			return (value) => rethrow(() => normalizeTime(requireString(value)));
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

const takeAny: Decoder = (value) => value;

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

function isEmpty(value: unknown): boolean {
	if (Array.isArray(value)) return value.length === 0;
	for (const _ in value as object) return false;
	return true;
}

/** An error that names the field. */
function refuse(value: unknown, type: FieldType, field: string, state: DecodeState): never {
	const [struct = ""] = field.split(".");
	const where = `${goStructName(struct)}.${goFieldPath(state)}`;
	throw new DecodeError(`json: cannot unmarshal ${jsonKind(value, type)} into Go struct field ${where} of type ${goTypeName(type, field)}`);
}

/** An error of a type that reads itself, and so knows of no field. */
function refuseBare(value: unknown, goType: string): never {
	const kind = typeof value === "number" && goType === "int32" ? `number ${value}` : jsonKind(value);
	throw new DecodeError(`json: cannot unmarshal ${kind} into Go value of type ${goType}`);
}

/** Go's name for a kind of JSON value; of a number that an integer can't hold, the number too. */
function jsonKind(value: unknown, type?: FieldType): string {
	if (Array.isArray(value)) return "array";
	if (typeof value === "boolean") return "bool";
	const wantsInteger = type?.form === "scalar" && (type.scalar === "int32" || type.scalar === "int64");
	return typeof value === "number" && wantsInteger ? `number ${value}` : typeof value;
}

/** Names of struct fields from the root, without indices and keys of maps. */
function goFieldPath({ root, path }: DecodeState): string {
	const names: string[] = [];
	let type: FieldType | undefined = { form: "object", type: root };
	for (const step of path) {
		if (type?.form === "object") {
			names.push(String(step));
			type = typeSchema(type.type)?.fields.get(String(step))?.type;
		} else if (type?.form === "list") type = type.items;
		else if (type?.form === "map") type = type.values;
	}
	return names.join(".");
}

/** `spec.containers[0].image`. */
function formatPath(path: readonly (string | number)[]): string {
	let text = "";
	for (const step of path) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
	return text;
}
