/**
 * Messages of etcd's API to and from protobuf, by the generated table. Made for this API alone, because a general
 * library costs more at start than the whole server and its numbers are neither numbers nor bigints.
 *
 * In memory a message has every field: what is absent on the wire is 0, "", false or [], and a message or a member of a
 * oneof is undefined. To encode, fields may be left out. Unknown fields are skipped.
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
import { type Messages, messageTable } from "./generated/messages.ts";

export type MessageName = keyof Messages;

/** What `encode` takes: the message with any fields left out. */
export type Sparse<T> = T extends Uint8Array | string | number | bigint | boolean
	? T
	: T extends readonly (infer U)[]
		? readonly Sparse<U>[]
		: { readonly [K in keyof T]?: Sparse<NonNullable<T[K]>> | undefined };

type ScalarForm = "key" | "bytes" | "string" | "bool" | "int" | "long" | "ulong";

interface FieldCodec {
	readonly number: number;
	readonly name: string;
	readonly form: ScalarForm | "message";
	/** The message's codec; it may be this field's own (transactions nest). */
	readonly message: MessageCodec | undefined;
	readonly repeated: boolean;
	/** Absent is another thing than zero. */
	readonly optional: boolean;
	/** As written, varint-encoded in a number: field number and wire type. */
	readonly tag: number;
}

interface MessageCodec {
	readonly name: MessageName;
	readonly fields: FieldCodec[];
	/** By field number. */
	readonly byNumber: (FieldCodec | undefined)[];
}

type Fields = Record<string, unknown>;

const scalarForms: ReadonlySet<string> = new Set(["key", "bytes", "string", "bool", "int", "long", "ulong"]);
const wireVarint = 0;
const wireFixed64 = 1;
const wireBytes = 2;
const wireFixed32 = 5;

/** Deeper nesting is refused, as in Go's protobuf. Transactions are all that nests. */
const maxDepth = 100;

/** A pure memo of the table. */
const codecs = new Map<MessageName, MessageCodec>();

function codecOf(name: MessageName): MessageCodec {
	const known = codecs.get(name);
	if (known !== undefined) return known;
	const codec: MessageCodec = { name, fields: [], byNumber: [] };
	codecs.set(name, codec);
	for (const text of messageTable[name].split(", ")) {
		const [, number = "", field = "", mark = "", form = ""] = /^(\d+) (\w+)(\[\]|\?|) (\w+)$/.exec(text) ?? [];
		if (number === "") continue;
		codec.fields.push(fieldCodec(Number(number), field, mark, form));
	}
	for (const field of codec.fields) codec.byNumber[field.number] = field;
	return codec;
}

function fieldCodec(number: number, name: string, mark: string, form: string): FieldCodec {
	const isScalar = scalarForms.has(form);
	const isVarint = form === "bool" || form === "int" || form === "long" || form === "ulong";
	return {
		number,
		name,
		form: isScalar ? (form as ScalarForm) : "message",
		message: isScalar ? undefined : codecOf(form as MessageName),
		repeated: mark === "[]",
		optional: mark === "?",
		tag: number * 8 + (isVarint ? wireVarint : wireBytes),
	};
}

/** The bytes are not a message of this kind. */
export class MalformedMessageError extends Error {
	constructor(name: string) {
		super(`malformed ${name}`);
		this.name = "MalformedMessageError";
	}
}

/**
 * The message with `headroom` bytes before it that the caller fills (a frame's head). The buffer is the caller's.
 */
export function encode<N extends MessageName>(name: N, message: Sparse<Messages[N]>, headroom = 0): Buffer {
	const writer = new BackwardWriter();
	writeMessage(writer, codecOf(name), message as Fields);
	return writer.finish(headroom);
}

/** @throws MalformedMessageError */
export function decode<N extends MessageName>(name: N, bytes: Uint8Array): Messages[N] {
	const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	return readMessage(new Reader(buffer, name), codecOf(name), buffer.length, 0) as unknown as Messages[N];
}

/** Fields go in backwards, so that a nested message's length is known when it is due. */
function writeMessage(writer: BackwardWriter, codec: MessageCodec, message: Fields): void {
	for (let index = codec.fields.length - 1; index >= 0; index--) {
		const field = codec.fields[index] as FieldCodec;
		const value = message[field.name];
		if (value === undefined) continue;
		if (field.repeated) {
			const values = value as readonly unknown[];
			for (let position = values.length - 1; position >= 0; position--) writeField(writer, field, values[position]);
		} else if (field.optional || !isZero(value)) writeField(writer, field, value);
	}
}

function isZero(value: unknown): boolean {
	return value === 0 || value === "" || value === false || value === 0n || (value instanceof Uint8Array && value.length === 0);
}

function writeField(writer: BackwardWriter, field: FieldCodec, value: unknown): void {
	switch (field.form) {
		case "message": {
			const end = writer.written;
			writeMessage(writer, field.message as MessageCodec, value as Fields);
			writer.varint(writer.written - end);
			break;
		}
		case "key":
			writer.text(value as string, "latin1");
			break;
		case "string":
			writer.text(value as string, "utf8");
			break;
		case "bytes":
			writer.bytes(value as Uint8Array);
			break;
		case "bool":
			writer.varint(value === true ? 1 : 0);
			break;
		case "int":
			writer.int(value as number);
			break;
		case "long":
		case "ulong":
			writer.bigVarint(BigInt.asUintN(64, value as bigint));
			break;
		default:
			field.form satisfies never;
	}
	writer.varint(field.tag);
}

/** Fills a buffer from its end. */
class BackwardWriter {
	#buffer = Buffer.allocUnsafe(256);
	/** Where the next byte goes is before this one. */
	#start = this.#buffer.length;

	get written(): number {
		return this.#buffer.length - this.#start;
	}

	finish(headroom: number): Buffer {
		this.#reserve(headroom);
		return this.#buffer.subarray(this.#start - headroom);
	}

	bytes(value: Uint8Array): void {
		this.#reserve(value.length);
		this.#start -= value.length;
		this.#buffer.set(value, this.#start);
		this.varint(value.length);
	}

	text(value: string, encoding: "latin1" | "utf8"): void {
		const length = encoding === "latin1" ? value.length : Buffer.byteLength(value, encoding);
		this.#reserve(length);
		this.#start -= length;
		this.#buffer.write(value, this.#start, length, encoding);
		this.varint(length);
	}

	/** @param value a safe integer; below 0 it takes ten bytes, as Go writes it. */
	int(value: number): void {
		if (value >= 0) this.varint(value);
		else this.bigVarint(BigInt.asUintN(64, BigInt(value)));
	}

	/** @param value >= 0. */
	varint(value: number): void {
		if (value < 0x80) {
			if (this.#start === 0) this.#reserve(1);
			this.#buffer[--this.#start] = value;
			return;
		}
		const size = varintSize(value);
		this.#reserve(size);
		this.#start -= size;
		let rest = value;
		for (let offset = this.#start; ; offset++) {
			if (rest < 0x80) {
				this.#buffer[offset] = rest;
				return;
			}
			this.#buffer[offset] = (rest % 0x80) + 0x80;
			rest = Math.floor(rest / 0x80);
		}
	}

	/** Ids of members and clusters, in the head of every response: taken apart as numbers, which are much faster. */
	bigVarint(value: bigint): void {
		if (value <= Number.MAX_SAFE_INTEGER) {
			this.varint(Number(value));
			return;
		}
		// Four groups of 7 bits each, and what is left of 64.
		const [low, middle, high] = [Number(value & 0xfffffffn), Number((value >> 28n) & 0xfffffffn), Number(value >> 56n)];
		const size = high >= 0x80 ? 10 : high > 0 ? 9 : 4 + varintSize(middle);
		this.#reserve(size);
		this.#start -= size;
		for (let group = 0; group < size; group++) {
			const part = group < 4 ? low >>> (7 * group) : group < 8 ? middle >>> (7 * (group - 4)) : high >>> (7 * (group - 8));
			this.#buffer[this.#start + group] = (part & 0x7f) | (group < size - 1 ? 0x80 : 0);
		}
	}

	#reserve(length: number): void {
		if (this.#start >= length) return;
		const written = this.written;
		const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, written + length + 64));
		this.#buffer.copy(larger, larger.length - written, this.#start);
		this.#start = larger.length - written;
		this.#buffer = larger;
	}
}

function varintSize(value: number): number {
	let size = 1;
	for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
	return size;
}

function zeroOf(field: FieldCodec): unknown {
	if (field.repeated) return [];
	if (field.optional || field.form === "message") return undefined;
	switch (field.form) {
		case "key":
		case "string":
			return "";
		case "bytes":
			return new Uint8Array(0);
		case "bool":
			return false;
		case "int":
			return 0;
		case "long":
		case "ulong":
			return 0n;
	}
}

function readMessage(reader: Reader, codec: MessageCodec, end: number, depth: number): Fields {
	if (depth > maxDepth) reader.fail();
	const message: Fields = {};
	for (const field of codec.fields) {
		const zero = zeroOf(field);
		if (zero !== undefined) message[field.name] = zero;
	}
	while (reader.position < end) {
		const tag = reader.varint();
		const wireType = tag % 8;
		const field = codec.byNumber[Math.floor(tag / 8)];
		if (field === undefined) reader.skip(wireType);
		else if (wireType === field.tag % 8) addValue(message, field, readValue(reader, field, depth));
		else if (wireType === wireBytes && field.repeated) readPacked(reader, message, field, depth);
		else reader.fail();
	}
	if (reader.position !== end) reader.fail();
	return message;
}

function readPacked(reader: Reader, message: Fields, field: FieldCodec, depth: number): void {
	const end = reader.lengthEnd();
	while (reader.position < end) addValue(message, field, readValue(reader, field, depth));
}

function addValue(message: Fields, field: FieldCodec, value: unknown): void {
	if (field.repeated) (message[field.name] as unknown[]).push(value);
	else message[field.name] = value;
}

function readValue(reader: Reader, field: FieldCodec, depth: number): unknown {
	switch (field.form) {
		case "message":
			return readMessage(reader, field.message as MessageCodec, reader.lengthEnd(), depth + 1);
		case "key":
			return reader.text("latin1");
		case "string":
			return reader.text("utf8");
		case "bytes":
			return reader.bytes();
		case "bool":
			return reader.varint() !== 0;
		case "int":
			return reader.int();
		case "long":
			return BigInt.asIntN(64, reader.bigVarint());
		case "ulong":
			return reader.bigVarint();
	}
}

class Reader {
	position = 0;
	readonly #buffer: Buffer;
	readonly #name: string;

	constructor(buffer: Buffer, name: string) {
		this.#buffer = buffer;
		this.#name = name;
	}

	fail(): never {
		throw new MalformedMessageError(this.#name);
	}

	/** Exact below 2^53. */
	varint(): number {
		const first = this.#buffer[this.position];
		if (first !== undefined && first < 0x80) {
			this.position++;
			return first;
		}
		return Number(this.bigVarint());
	}

	int(): number {
		const first = this.#buffer[this.position];
		if (first !== undefined && first < 0x80) {
			this.position++;
			return first;
		}
		let value = 0;
		let scale = 1;
		for (let count = 0; count < 7; count++) {
			const byte = this.#buffer[this.position + count] ?? this.fail();
			value += (byte & 0x7f) * scale;
			scale *= 0x80;
			if (byte < 0x80) {
				this.position += count + 1;
				return value;
			}
		}
		return Number(BigInt.asIntN(64, this.bigVarint()));
	}

	bigVarint(): bigint {
		let value = 0n;
		for (let shift = 0n; shift < 70n; shift += 7n) {
			const byte = this.#buffer[this.position++] ?? this.fail();
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) return BigInt.asUintN(64, value);
		}
		return this.fail();
	}

	/** Reads a length; the position after as many bytes. */
	lengthEnd(): number {
		const end = this.varint() + this.position;
		return end <= this.#buffer.length ? end : this.fail();
	}

	text(encoding: "latin1" | "utf8"): string {
		const end = this.lengthEnd();
		const text = this.#buffer.toString(encoding, this.position, end);
		this.position = end;
		return text;
	}

	/** A copy: the store keeps values, and the buffer belongs to the connection. */
	bytes(): Uint8Array {
		const end = this.lengthEnd();
		const bytes = new Uint8Array(this.#buffer.subarray(this.position, end));
		this.position = end;
		return bytes;
	}

	skip(wireType: number): void {
		if (wireType === wireVarint) this.bigVarint();
		else if (wireType === wireBytes) this.position = this.lengthEnd();
		else if (wireType === wireFixed64) this.position += 8;
		else if (wireType === wireFixed32) this.position += 4;
		else this.fail();
		if (this.position > this.#buffer.length) this.fail();
	}
}
