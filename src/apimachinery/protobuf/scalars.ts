/**
 * Readers of the schema's scalar types. Several are messages in protobuf though they are a string or a number in JSON.
 * Source: generated.proto of k8s.io/apimachinery (Time, MicroTime, IntOrString, Quantity, RawExtension, FieldsV1) and of
 * apiextensions-apiserver (JSON).
 */
import type { ScalarType } from "../schema/schema.ts";
import { formatTime } from "../time.ts";
import { ProtobufError, type WireReader, wireTypes } from "./wire-reader.ts";

export interface ValueReader {
	readonly wireType: number;
	/**
	 * Reads one value. Undefined stands for JSON's null.
	 * @param before what an earlier value of the same field was, for those that add up
	 */
	readonly read: (reader: WireReader, before?: unknown) => unknown;
}

const secondMs = 1000;
/** Years 0 to 9999: what RFC 3339 can write. */
const firstSecond = -62_167_219_200;
const lastSecond = 253_402_300_799;

/** The reader of a scalar type; readers have no state and are shared. */
export function scalarReader(scalar: ScalarType): ValueReader {
	return readers[scalar];
}

const readers: Readonly<Record<ScalarType, ValueReader>> = {
	string: { wireType: wireTypes.bytes, read: (reader) => reader.readString() },
	bytes: { wireType: wireTypes.bytes, read: (reader) => reader.readBytes().toString("base64") },
	int32: { wireType: wireTypes.varint, read: (reader) => reader.readVarint() | 0 },
	int64: { wireType: wireTypes.varint, read: (reader) => reader.readVarint() },
	boolean: { wireType: wireTypes.varint, read: (reader) => reader.readVarint() !== 0 },
	double: { wireType: wireTypes.fixed64, read: (reader) => reader.readDouble() },
	quantity: { wireType: wireTypes.bytes, read: readQuantity },
	time: { wireType: wireTypes.bytes, read: readTime },
	microtime: { wireType: wireTypes.bytes, read: readMicroTime },
	intOrString: { wireType: wireTypes.bytes, read: readIntOrString },
	raw: { wireType: wireTypes.bytes, read: readRaw },
	fieldsV1: { wireType: wireTypes.bytes, read: readRaw },
	any: { wireType: wireTypes.bytes, read: readRaw },
};

/**
 * Reads the message that comes next, field by field.
 * @param read takes the value of a field that it knows; false lets it be passed over
 */
export function readEach(message: string, reader: WireReader, read: (number: number) => boolean): void {
	const outerEnd = reader.enter();
	while (!reader.atEnd) if (!read(reader.readTag(message))) reader.skip();
	reader.leave(outerEnd);
}

function readQuantity(reader: WireReader): string {
	let text = "0";
	readEach("Quantity", reader, (number) => {
		if (number !== 1) return false;
		reader.expect(wireTypes.bytes, "string");
		text = reader.readString();
		return true;
	});
	return text;
}

/** Seconds since the epoch (1) and nanoseconds (2); undefined for the zero time, which has neither. */
function readTimestamp(reader: WireReader): { readonly seconds: number; readonly nanos: number } | undefined {
	let isSet = false;
	let seconds = 0;
	let nanos = 0;
	readEach("Timestamp", reader, (number) => {
		isSet = true;
		if (number !== 1 && number !== 2) return false;
		reader.expect(wireTypes.varint, number === 1 ? "seconds" : "nanos");
		if (number === 1) seconds = reader.readVarint();
		else nanos = reader.readVarint() | 0;
		return true;
	});
	if (!isSet) return undefined;
	if (seconds < firstSecond || seconds > lastSecond) throw new ProtobufError("Time.MarshalJSON: year outside of range [0,9999]");
	return { seconds, nanos };
}

/** metav1.Time is precise to the second; its nanoseconds are ignored, as Go ignores them. */
function readTime(reader: WireReader): string | undefined {
	const time = readTimestamp(reader);
	return time === undefined ? undefined : formatTime(time.seconds * secondMs);
}

function readMicroTime(reader: WireReader): string | undefined {
	const time = readTimestamp(reader);
	if (time === undefined) return undefined;
	const micros = Math.min(Math.max(Math.trunc(time.nanos / 1000), 0), 999_999);
	return `${formatTime(time.seconds * secondMs).slice(0, -1)}.${String(micros).padStart(6, "0")}Z`;
}

/** Type (1): 0 is the integer (2), 1 the string (3). */
function readIntOrString(reader: WireReader): number | string {
	let type = 0;
	let integer = 0;
	let text = "";
	readEach("IntOrString", reader, (number) => {
		switch (number) {
			case 1:
				reader.expect(wireTypes.varint, "type");
				type = reader.readVarint();
				return true;
			case 2:
				reader.expect(wireTypes.varint, "intVal");
				integer = reader.readVarint() | 0;
				return true;
			case 3:
				reader.expect(wireTypes.bytes, "strVal");
				text = reader.readString();
				return true;
			default:
				return false;
		}
	});
	return type === 1 ? text : integer;
}

/** Values of any shape travel as JSON, in field 1; undefined for none. */
function readRaw(reader: WireReader): unknown {
	let raw: Buffer | undefined;
	readEach("RawExtension", reader, (number) => {
		if (number !== 1) return false;
		reader.expect(wireTypes.bytes, "raw");
		raw = reader.readBytes();
		return true;
	});
	return raw === undefined || raw.length === 0 ? undefined : parseRaw(raw);
}

function parseRaw(raw: Buffer): unknown {
	try {
		return JSON.parse(raw.toString("utf8")) as unknown;
	} catch (error) {
		throw new ProtobufError(`json: ${error instanceof Error ? error.message : String(error)}`);
	}
}
