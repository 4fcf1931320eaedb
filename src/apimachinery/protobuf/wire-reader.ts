/**
 * Reads Protocol Buffers' wire format: a message is a run of fields, each a tag (number and wire type) and a value.
 * Source: https://protobuf.dev/programming-guides/encoding/; the texts are those of the decoders that Go generates.
 */

/** Bytes that are not a message, or not one of the expected type; the message is Go's. */
export class ProtobufError extends Error {
	override readonly name = "ProtobufError";
}

/** Wire types: how long a value is, whatever it means. */
export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

/** Messages within messages; far more than any object has, far less than the stack holds. */
const maxDepth = 1000;
const maxFieldNumber = 2 ** 29 - 1;
const unexpectedEnd = "unexpected EOF";

export class WireReader {
	readonly #bytes: Buffer;
	/** 0 <= position <= end <= length of the bytes. */
	#position = 0;
	/** End of the message at hand. */
	#end: number;
	#depth = 0;
	#wireType = 0;

	constructor(bytes: Buffer) {
		this.#bytes = bytes;
		this.#end = bytes.length;
	}

	/** Whether the message at hand has no more fields. */
	get atEnd(): boolean {
		return this.#position >= this.#end;
	}

	/** Of the field whose tag was read last. */
	get wireType(): number {
		return this.#wireType;
	}

	/**
	 * Reads the next field's tag; its number is returned, its wire type kept.
	 * @param message name of the message at hand, for errors
	 */
	readTag(message: string): number {
		const tag = this.readVarint();
		const number = Math.floor(tag / 8);
		const wireType = ((tag % 8) + 8) % 8;
		if (wireType === wireTypes.endGroup) throw new ProtobufError(`proto: ${message}: wiretype end group for non-group`);
		if (number <= 0 || number > maxFieldNumber) throw new ProtobufError(`proto: ${message}: illegal tag ${number} (wire type ${wireType})`);
		this.#wireType = wireType;
		return number;
	}

	/** Refuses a field whose value is of another wire type than its schema says. */
	expect(wireType: number, field: string): void {
		if (this.#wireType === wireType) return;
		const goName = field.slice(0, 1).toUpperCase() + field.slice(1);
		throw new ProtobufError(`proto: wrong wireType = ${this.#wireType} for field ${goName}`);
	}

	/** A signed 64-bit integer, which is what every integer of Kubernetes' messages is. Beyond 2^53 it is rounded. */
	readVarint(): number {
		// Four bytes hold 28 bits: nearly every number, and no sign.
		const start = this.#position;
		let value = 0;
		for (let shift = 0; shift < 28; shift += 7) {
			const byte = this.#nextByte();
			value |= (byte & 0x7f) << shift;
			if (byte < 0x80) return value;
		}
		this.#position = start;
		return this.#readLongVarint();
	}

	#readLongVarint(): number {
		let value = 0n;
		for (let shift = 0n; shift < 64n; shift += 7n) {
			const byte = this.#nextByte();
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) return Number(BigInt.asIntN(64, value));
		}
		throw new ProtobufError("proto: integer overflow");
	}

	readDouble(): number {
		const start = this.#advance(8);
		return this.#bytes.readDoubleLE(start);
	}

	readString(): string {
		const start = this.#advance(this.#readLength());
		return this.#bytes.toString("utf8", start, this.#position);
	}

	/** A view of the bytes, not a copy. */
	readBytes(): Buffer {
		const start = this.#advance(this.#readLength());
		return this.#bytes.subarray(start, this.#position);
	}

	/** Goes into the message that comes next: until `leave`, it is the message at hand. Returns what `leave` wants. */
	enter(): number {
		const length = this.#readLength();
		if (length > this.#end - this.#position) throw new ProtobufError(unexpectedEnd);
		if (++this.#depth > maxDepth) throw new ProtobufError("proto: exceeded max recursion depth");
		const outerEnd = this.#end;
		this.#end = this.#position + length;
		return outerEnd;
	}

	/** Goes back to the message around the one at hand, which has been read to its end. */
	leave(outerEnd: number): void {
		this.#end = outerEnd;
		this.#depth--;
	}

	/** Passes over the value of a field that nobody knows. */
	skip(): void {
		let openGroups = 0;
		for (let wireType = this.#wireType; ; wireType = this.readVarint() & 7) {
			if (wireType === wireTypes.startGroup) openGroups++;
			else if (wireType === wireTypes.endGroup) openGroups--;
			else this.#skipValue(wireType);
			if (openGroups === 0) return;
		}
	}

	#skipValue(wireType: number): void {
		switch (wireType) {
			case wireTypes.varint:
				this.readVarint();
				return;
			case wireTypes.fixed64:
				this.#advance(8);
				return;
			case wireTypes.bytes:
				this.#advance(this.#readLength());
				return;
			case wireTypes.fixed32:
				this.#advance(4);
				return;
			default:
				throw new ProtobufError(`proto: illegal wireType ${wireType}`);
		}
	}

	#readLength(): number {
		const length = this.readVarint();
		if (length < 0) throw new ProtobufError("proto: negative length found during unmarshaling");
		return length;
	}

	/** Returns where the next `length` bytes start, and moves behind them. */
	#advance(length: number): number {
		const start = this.#position;
		if (length > this.#end - start) throw new ProtobufError(unexpectedEnd);
		this.#position = start + length;
		return start;
	}

	#nextByte(): number {
		const byte = this.#position < this.#end ? this.#bytes[this.#position++] : undefined;
		if (byte === undefined) throw new ProtobufError(unexpectedEnd);
		return byte;
	}
}
