/**
 * Frames of SPDY/3.1, as bytes.
 *
 *   control:  1 | version (15) | type (16) | flags (8) | length (24) | payload
 *   data:     0 | stream (31)              | flags (8) | length (24) | payload
 *
 * Source: SPDY protocol draft 3.1, section 2.2.
 */

const version = 3;
const headBytes = 8;
const controlBit = 0x8000_0000;
/** The largest frame that is taken: peers send far smaller ones. */
const maxFrameBytes = 1024 * 1024;

export const flagFin = 0x01;

export const controlTypes = {
	synStream: 1,
	synReply: 2,
	rstStream: 3,
	settings: 4,
	ping: 6,
	goAway: 7,
	headers: 8,
	windowUpdate: 9,
} as const;

export type Frame =
	| { readonly form: "data"; readonly stream: number; readonly flags: number; readonly payload: Buffer }
	| { readonly form: "control"; readonly type: number; readonly flags: number; readonly payload: Buffer };

/** Cuts a byte stream into frames. */
export class FrameParser {
	#pending: Buffer = Buffer.alloc(0);

	/** The frames that `chunk` completes. Throws for a frame of another version, or too large a one. */
	*push(chunk: Buffer): Generator<Frame> {
		this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
		for (;;) {
			if (this.#pending.length < headBytes) return;
			const head = this.#pending.readUInt32BE(0);
			const size = this.#pending.readUInt32BE(4);
			const length = size & 0xff_ffff;
			if (length > maxFrameBytes) throw new Error(`SPDY frame of ${length} bytes is too large`);
			if (this.#pending.length < headBytes + length) return;
			const payload = this.#pending.subarray(headBytes, headBytes + length);
			this.#pending = this.#pending.subarray(headBytes + length);
			yield toFrame(head, size >>> 24, payload);
		}
	}
}

function toFrame(head: number, flags: number, payload: Buffer): Frame {
	if (head < controlBit) return { form: "data", stream: head, flags, payload };
	const frameVersion = (head >>> 16) & 0x7fff;
	if (frameVersion !== version) throw new Error(`SPDY version ${frameVersion} is not supported`);
	return { form: "control", type: head & 0xffff, flags, payload };
}

export function dataFrame(stream: number, flags: number, payload: Uint8Array): Buffer {
	const head = Buffer.alloc(headBytes);
	head.writeUInt32BE(stream, 0);
	head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
	return Buffer.concat([head, payload]);
}

export function controlFrame(type: number, flags: number, payload: Uint8Array): Buffer {
	const head = Buffer.alloc(headBytes);
	head.writeUInt32BE((controlBit | (version << 16) | type) >>> 0, 0);
	head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
	return Buffer.concat([head, payload]);
}

/** Numbers of 32 bits, one after the other: the payload of most control frames. */
export function words(...values: readonly number[]): Buffer {
	const payload = Buffer.alloc(values.length * 4);
	for (const [index, value] of values.entries()) payload.writeUInt32BE(value >>> 0, index * 4);
	return payload;
}
