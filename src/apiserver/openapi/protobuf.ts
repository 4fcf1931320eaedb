/**
 * Writes Protocol Buffers' wire format from a table of a message's fields.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */

/** A field's number and how its JSON value becomes bytes; the encoders return undefined for what is not written. */
export type FieldEncoder = (value: unknown) => Buffer | undefined;

const varintType = 0;
const lengthType = 2;

function varint(value: number): Buffer {
	const bytes: number[] = [];
	let rest = value;
	while (rest > 0x7f) {
		bytes.push((rest & 0x7f) | 0x80);
		rest >>>= 7;
	}
	return Buffer.from([...bytes, rest]);
}

function tag(number: number, type: number): Buffer {
	return varint((number << 3) | type);
}

/** A length-delimited field: nested message, string or bytes. */
export function lengthDelimited(number: number, content: Uint8Array): Buffer {
	return Buffer.concat([tag(number, lengthType), varint(content.length), content]);
}

export function stringField(number: number): FieldEncoder {
	return (value) => (typeof value === "string" && value !== "" ? lengthDelimited(number, Buffer.from(value, "utf8")) : undefined);
}

export function stringsField(number: number): FieldEncoder {
	return (value) =>
		Array.isArray(value) ? Buffer.concat(value.map((item) => lengthDelimited(number, Buffer.from(String(item), "utf8")))) : undefined;
}

export function booleanField(number: number): FieldEncoder {
	return (value) => (value === true ? Buffer.concat([tag(number, varintType), varint(1)]) : undefined);
}

/** A nested message. */
export function messageField(number: number, encode: (value: unknown) => Buffer): FieldEncoder {
	return (value) => (value === undefined ? undefined : lengthDelimited(number, encode(value)));
}

/** A repeated nested message. */
export function messagesField(number: number, encode: (value: unknown) => Buffer): FieldEncoder {
	return (value) => (Array.isArray(value) ? Buffer.concat(value.map((item) => lengthDelimited(number, encode(item)))) : undefined);
}

/** An ordered map as gnostic has it: a repeated message of name (1) and value (2). */
export function encodeNamed(number: number, entries: readonly (readonly [string, unknown])[], encode: (value: unknown) => Buffer): Buffer {
	return Buffer.concat(
		entries.map(([name, value]) =>
			lengthDelimited(number, Buffer.concat([lengthDelimited(1, Buffer.from(name, "utf8")), lengthDelimited(2, encode(value))])),
		),
	);
}

/** Encodes an object's fields by the table; other keys go to `rest`. */
export function encodeMessage(
	value: unknown,
	fields: Readonly<Record<string, FieldEncoder>>,
	rest?: (entries: readonly (readonly [string, unknown])[]) => Buffer,
): Buffer {
	const parts: Buffer[] = [];
	const others: (readonly [string, unknown])[] = [];
	for (const [key, item] of Object.entries(value as Readonly<Record<string, unknown>>)) {
		const encode = fields[key];
		if (encode === undefined) others.push([key, item]);
		else parts.push(encode(item) ?? Buffer.alloc(0));
	}
	if (rest !== undefined && others.length > 0) parts.push(rest(others));
	return Buffer.concat(parts);
}
