/** Bytes written and read piece by piece: big-endian numbers, and lengths before what has one. */

/** Grows as it is written to. Not in Node's pool: what was written may stay in memory for long, and would keep 64 KiB there. */
export class ByteWriter {
	#buffer: Buffer;
	#length = 0;

	/** @param room bytes to begin with. */
	constructor(room = 1024) {
		this.#buffer = Buffer.allocUnsafeSlow(room);
	}

	byte(value: number): void {
		this.#length = this.#room(1).writeUInt8(value, this.#length);
	}

	uint32(value: number): void {
		this.#length = this.#room(4).writeUInt32BE(value, this.#length);
	}

	/** 0 to 2^48 - 1. */
	number(value: number): void {
		this.#length = this.#room(6).writeUIntBE(value, this.#length, 6);
	}

	bytes(value: Uint8Array): void {
		this.uint32(value.length);
		this.#room(value.length).set(value, this.#length);
		this.#length += value.length;
	}

	text(value: string): void {
		this.bytes(Buffer.from(value));
	}

	bigint(value: bigint): void {
		this.#length = this.#room(8).writeBigInt64BE(value, this.#length);
	}

	/** A string of bytes, each character 0-255. */
	latin1(value: string): void {
		this.uint32(value.length);
		this.#room(value.length).write(value, this.#length, "latin1");
		this.#length += value.length;
	}

	finish(): Buffer {
		return this.#buffer.subarray(0, this.#length);
	}

	#room(bytes: number): Buffer {
		if (this.#length + bytes > this.#buffer.length) {
			const larger = Buffer.allocUnsafeSlow(2 * (this.#length + bytes));
			this.#buffer.copy(larger, 0, 0, this.#length);
			this.#buffer = larger;
		}
		return this.#buffer;
	}
}

/** Throws `RangeError` when asked for more than there is. */
export class ByteReader {
	readonly #buffer: Buffer;
	#offset = 0;

	constructor(buffer: Buffer) {
		this.#buffer = buffer;
	}

	byte(): number {
		return this.#buffer.readUInt8(this.#advance(1));
	}

	uint32(): number {
		return this.#buffer.readUInt32BE(this.#advance(4));
	}

	number(): number {
		return this.#buffer.readUIntBE(this.#advance(6), 6);
	}

	bytes(): Buffer {
		const length = this.uint32();
		const begin = this.#advance(length);
		return this.#buffer.subarray(begin, begin + length);
	}

	text(): string {
		return this.bytes().toString();
	}

	bigint(): bigint {
		return this.#buffer.readBigInt64BE(this.#advance(8));
	}

	/** A string of bytes. */
	latin1(): string {
		return this.bytes().toString("latin1");
	}

	#advance(bytes: number): number {
		const at = this.#offset;
		if (at + bytes > this.#buffer.length) throw new RangeError(`${at + bytes} bytes read of ${this.#buffer.length}`);
		this.#offset += bytes;
		return at;
	}
}
