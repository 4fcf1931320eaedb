/**
 * Reads Protocol Buffers' wire format. Source: https://protobuf.dev/programming-guides/encoding/
 */

/** Bytes that are not a message. */
export class WireError extends Error {
	override readonly name = "WireError";
}

/** The value of a field, by wire type. 32-bit fixed values do not occur in Kubernetes' messages and are skipped. */
export type WireValue =
	| { readonly wire: "varint"; readonly value: bigint }
	| { readonly wire: "fixed64"; readonly bytes: Buffer }
	| { readonly wire: "bytes"; readonly bytes: Buffer };

export interface WireField {
	readonly number: number;
	readonly value: WireValue;
}

/**
 * The fields of a message in the order they were written.
 * @throws WireError
 */
export function* readFields(bytes: Buffer): Generator<WireField> {
	const reader = new Reader(bytes);
	while (!reader.atEnd) {
		const tag = Number(reader.varint());
		const number = tag >>> 3;
		if (number === 0) throw new WireError("proto: illegal tag 0");
		const value = readValue(reader, tag & 7);
		if (value !== undefined) yield { number, value };
	}
}

/** Packed integers: a list of numbers as one run of varints. */
export function* readVarints(bytes: Buffer): Generator<bigint> {
	const reader = new Reader(bytes);
	while (!reader.atEnd) yield reader.varint();
}

function readValue(reader: Reader, wireType: number): WireValue | undefined {
	switch (wireType) {
		case 0:
			return { wire: "varint", value: reader.varint() };
		case 1:
			return { wire: "fixed64", bytes: reader.take(8) };
		case 2:
			return { wire: "bytes", bytes: reader.take(Number(reader.varint())) };
		case 5:
			reader.take(4);
			return undefined;
		default:
			throw new WireError(`proto: illegal wireType ${wireType}`);
	}
}

class Reader {
	readonly #bytes: Buffer;
	#offset = 0;

	constructor(bytes: Buffer) {
		this.#bytes = bytes;
	}

	get atEnd(): boolean {
		return this.#offset >= this.#bytes.length;
	}

	/** As a signed 64-bit integer, which is how every integer of Kubernetes' messages is written. */
	varint(): bigint {
		let value = 0n;
		for (let shift = 0n; shift < 70n; shift += 7n) {
			const byte = this.#bytes[this.#offset++];
			if (byte === undefined) throw new WireError("unexpected EOF");
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) return BigInt.asIntN(64, value);
		}
		throw new WireError("proto: integer overflow");
	}

	take(length: number): Buffer {
		const end = this.#offset + length;
		if (length < 0 || end > this.#bytes.length) throw new WireError("unexpected EOF");
		const taken = this.#bytes.subarray(this.#offset, end);
		this.#offset = end;
		return taken;
	}
}
