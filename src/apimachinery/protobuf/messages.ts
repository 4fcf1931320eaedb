/**
 * Readers of messages, one a type, compiled when first used from the schema table and the table of field numbers.
 *
 * Zero values: Go's clients write every field that is no pointer, set or not. JSON leaves the zero value of such a field out
 * where the field is `omitempty`, and so does this reader; the table marks the fields whose zero counts. A message, however
 * empty, is there when it is on the wire (`emptyDir: {}`, `resources: {}`), and an empty list or map never is.
 */
import { setKey } from "../json.ts";
import { protobufTable } from "../schema/generated/protobuf.ts";
import { type FieldType, typeSchema } from "../schema/schema.ts";
import { isVariant, readVariant } from "./json-schema-variants.ts";
import { scalarReader, type ValueReader } from "./scalars.ts";
import { type WireReader, wireTypes } from "./wire-reader.ts";

/** An object that is being built. */
type MutableObject = Record<string, unknown>;

/** Reads one field's value, whose tag was read, into the object. */
type FieldReader = (reader: WireReader, object: MutableObject) => void;

interface Message {
	/** Go's name of the type, for errors. */
	readonly name: string;
	readonly fields: ReadonlyMap<number, FieldReader>;
}

interface NumberedField {
	/** The numbers on the way to the field; more than one where JSON has a message's fields inline. */
	readonly path: readonly number[];
	readonly read: FieldReader;
}

/** Compiled messages by type name; a pure memo, as the tables never change. */
const messages = new Map<string, Message>();

/**
 * Reads the rest of the message at hand into `object`.
 * @param typeName name in the schema table, of a type that has field numbers
 * @throws ProtobufError
 */
export function readMessage(typeName: string, reader: WireReader, object: MutableObject = {}): MutableObject {
	readFields(messageOf(typeName), reader, object);
	return object;
}

/** Whether the type has field numbers: all have but discovery documents and what is no built-in type. */
export function hasMessage(typeName: string): boolean {
	return Object.hasOwn(protobufTable, typeName);
}

function readFields({ name, fields }: Message, reader: WireReader, object: MutableObject): void {
	while (!reader.atEnd) {
		const read = fields.get(reader.readTag(name));
		if (read === undefined) reader.skip();
		else read(reader, object);
	}
}

function messageOf(typeName: string): Message {
	const known = messages.get(typeName);
	if (known !== undefined) return known;
	const schema = typeSchema(typeName);
	if (schema === undefined || !hasMessage(typeName)) throw new Error(`${typeName} has no field numbers`);
	const name = schema.definition.slice(schema.definition.lastIndexOf(".") + 1);
	const entries = (protobufTable[typeName] ?? "").split(" ").filter((entry) => entry !== "");
	const message = compileMessage(
		name,
		entries.map((entry) => compileEntry(entry, (field) => schema.fields.get(field)?.type)),
	);
	messages.set(typeName, message);
	return message;
}

function compileMessage(name: string, numbered: readonly NumberedField[]): Message {
	const fields = new Map<number, FieldReader>();
	for (const [number, group] of Map.groupBy(numbered, ({ path }) => path[0] ?? 0)) {
		const [first] = group;
		const inner = group.map(({ path, read }) => ({ path: path.slice(1), read }));
		if (first !== undefined) fields.set(number, first.path.length === 1 ? first.read : inlineReader(compileMessage(name, inner)));
	}
	return { name, fields };
}

/** @param entry `hostPath=2.1!`: see scripts/protobuf-facts.txt */
function compileEntry(entry: string, typeOf: (field: string) => FieldType | undefined): NumberedField {
	const [, name = "", numbers = "", zeroCounts, variant = ""] = /^([^=]+)=([\d.]+)(!?)(?::(\w+))?$/.exec(entry) ?? [];
	const type = typeOf(name);
	if (type === undefined) throw new Error(`the schema has no field ${name}, which has a number`);
	return { path: numbers.split(".").map(Number), read: fieldReader(name, type, zeroCounts === "!", variant) };
}

function fieldReader(name: string, type: FieldType, zeroCounts: boolean, variant: string): FieldReader {
	const readerOf = (of: FieldType) => (isVariant(variant) ? variantReader(variant) : valueReader(of));
	switch (type.form) {
		case "list":
			return listReader(name, readerOf(type.items));
		case "map":
			return mapReader(name, readerOf(type.values), type.values);
		case "scalar":
		case "object":
			return singleReader(name, readerOf(type), zeroCounts || !hasOmittedZero(type));
		default:
			return type satisfies never;
	}
}

/** Whether Go's omitempty knows the type's zero value: structs have none. */
function hasOmittedZero(type: FieldType): boolean {
	return type.form === "scalar" && ["string", "bytes", "int32", "int64", "double", "boolean"].includes(type.scalar);
}

function singleReader(name: string, { wireType, read }: ValueReader, zeroCounts: boolean): FieldReader {
	return (reader, object) => {
		reader.expect(wireType, name);
		const value = read(reader, object[name]);
		const isAbsent = value === undefined || value === null || (!zeroCounts && (value === "" || value === 0 || value === false));
		if (!isAbsent) object[name] = value;
	};
}

function listReader(name: string, { wireType, read }: ValueReader): FieldReader {
	return (reader, object) => {
		const before = object[name];
		const list: unknown[] = Array.isArray(before) ? before : [];
		object[name] = list;
		if (wireType !== wireTypes.bytes && reader.wireType === wireTypes.bytes) {
			// Packed: the numbers of a list as one run.
			const outerEnd = reader.enter();
			while (!reader.atEnd) list.push(read(reader));
			reader.leave(outerEnd);
			return;
		}
		reader.expect(wireType, name);
		list.push(read(reader) ?? null);
	};
}

/** A map is a list of messages with a key (1) and a value (2). */
function mapReader(name: string, { wireType, read }: ValueReader, type: FieldType): FieldReader {
	return (reader, object) => {
		reader.expect(wireTypes.bytes, name);
		const entries = (object[name] ?? {}) as MutableObject;
		object[name] = entries;
		let key = "";
		let value: unknown;
		const outerEnd = reader.enter();
		while (!reader.atEnd) {
			const number = reader.readTag(name);
			if (number === 1) {
				reader.expect(wireTypes.bytes, name);
				key = reader.readString();
			} else if (number === 2) {
				reader.expect(wireType, name);
				value = read(reader);
			} else {
				reader.skip();
			}
		}
		reader.leave(outerEnd);
		setKey(entries, key, value ?? emptyValue(type));
	};
}

/** The value of an entry that has none: writers may leave out what is empty. */
function emptyValue(type: FieldType): unknown {
	if (type.form === "list") return [];
	if (type.form === "map" || type.form === "object") return {};
	if (type.scalar === "string" || type.scalar === "bytes") return "";
	return type.scalar === "quantity" ? "0" : null;
}

function inlineReader(message: Message): FieldReader {
	return (reader, object) => {
		reader.expect(wireTypes.bytes, message.name);
		const outerEnd = reader.enter();
		readFields(message, reader, object);
		reader.leave(outerEnd);
	};
}

function valueReader(type: FieldType): ValueReader {
	switch (type.form) {
		case "scalar":
			return scalarReader(type.scalar);
		case "object":
			return objectReader(type.type);
		case "list":
			return wrappedListReader(valueReader(type.items));
		case "map":
			throw new Error("a map cannot be an item of a list or a map");
		default:
			return type satisfies never;
	}
}

/** A message that comes twice is one message: the second adds to the first. */
function objectReader(typeName: string): ValueReader {
	return {
		wireType: wireTypes.bytes,
		read: (reader, before) => {
			const outerEnd = reader.enter();
			const object = readMessage(typeName, reader, (before ?? {}) as MutableObject);
			reader.leave(outerEnd);
			return object;
		},
	};
}

/** A list that is a map's value is a message with the items in field 1. */
function wrappedListReader(item: ValueReader): ValueReader {
	const message: Message = { name: "ExtraValue", fields: new Map([[1, listReader("items", item)]]) };
	return {
		wireType: wireTypes.bytes,
		read: (reader) => {
			const wrapper: MutableObject = {};
			inlineReader(message)(reader, wrapper);
			return wrapper.items ?? [];
		},
	};
}

function variantReader(variant: Parameters<typeof readVariant>[0]): ValueReader {
	return { wireType: wireTypes.bytes, read: (reader) => readVariant(variant, reader, () => objectReader("JSONSchemaProps").read(reader)) };
}
