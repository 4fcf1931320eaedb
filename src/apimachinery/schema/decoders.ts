/**
 * Decoders, one a type, compiled once from the schema table. A decoder returns the value it was given unless
 * something had to change, so a well-formed object passes without a copy: every write goes through here.
 */
import { isJsonObject, type JsonObject, type JsonValue, setKey } from "../json.ts";
import { DecodeError, type DecodeState, formatPath, jsonKind, refuse } from "./decode-errors.ts";
import { goTypeName } from "./go-types.ts";
import { type Decoder, scalarDecoder, takeAny } from "./scalar-decoders.ts";
import { type FieldSchema, type FieldType, typeSchema } from "./schema.ts";

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
	const { known } = state;
	for (const key in value) {
		const item = value[key];
		if (item === undefined) continue;
		const decoded = known !== undefined && item !== null && item === known[key] ? item : decodeEntry(key, item, known, state, decode);
		if (copy === undefined) {
			if (decoded === item) continue;
			copy = copyBefore(value, key);
		}
		if (decoded !== undefined) setKey(copy, key, decoded);
	}
	return (copy as JsonObject | undefined) ?? value;
}

function decodeEntry(key: string, item: JsonValue, known: JsonObject | undefined, state: DecodeState, decode: EntryDecoder): unknown {
	if (item === state.trusted && key === "managedFields" && state.path.length === 1 && state.path[0] === "metadata") return item;
	// Of all parts only metadata are often new where what is in them is not.
	if (known !== undefined) state.known = key === "metadata" && state.path.length === 0 ? partOf(known, key) : undefined;
	state.path.push(key);
	const decoded = decode(key, item, state);
	state.path.pop();
	return decoded;
}

function partOf(object: JsonObject, key: string): JsonObject | undefined {
	const part = object[key];
	return isJsonObject(part) ? part : undefined;
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

function isEmpty(value: unknown): boolean {
	if (Array.isArray(value)) return value.length === 0;
	for (const _ in value as object) return false;
	return true;
}
