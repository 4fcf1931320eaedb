/**
 * gRPC's frames in the body of an HTTP/2 stream: one byte of flags, four of length, the message.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { encode, type MessageName, type Sparse } from "../codec.ts";
import type { Messages } from "../generated/messages.ts";
import { GrpcError, grpcCode } from "./status.ts";

const headBytes = 5;

export function encodeFrame<N extends MessageName>(name: N, message: Sparse<Messages[N]>): Buffer {
	const frame = encode(name, message, headBytes);
	frame[0] = 0;
	frame.writeUInt32BE(frame.length - headBytes, 1);
	return frame;
}

/** Puts messages together from the chunks that arrive. */
export class FrameReader {
	readonly #limitBytes: number;
	#chunks: Buffer[] = [];
	#length = 0;
	/** Nothing is joined before this many bytes are there: a long message comes in thousands of chunks. */
	#neededBytes = headBytes;

	/** @param limitBytes the largest message that is taken. */
	constructor(limitBytes: number) {
		this.#limitBytes = limitBytes;
	}

	/** Whether part of a message has come. */
	get pending(): boolean {
		return this.#length > 0;
	}

	/** @throws GrpcError for what is too large, or compressed (no client does that unless it is told to). */
	*push(chunk: Buffer): Generator<Buffer> {
		this.#chunks.push(chunk);
		this.#length += chunk.length;
		while (this.#length >= this.#neededBytes) {
			const head = this.#join();
			const size = head.readUInt32BE(1);
			if (size > this.#limitBytes)
				throw new GrpcError(grpcCode.resourceExhausted, `grpc: received message larger than max (${size} vs. ${this.#limitBytes})`);
			if (head[0] !== 0) throw new GrpcError(grpcCode.unimplemented, "grpc: Decompressor is not installed for grpc-encoding");
			const end = headBytes + size;
			this.#neededBytes = head.length < end ? end : headBytes;
			if (head.length < end) return;
			this.#chunks = head.length === end ? [] : [head.subarray(end)];
			this.#length -= end;
			yield head.subarray(headBytes, end);
		}
	}

	#join(): Buffer {
		const [first] = this.#chunks;
		if (this.#chunks.length === 1 && first !== undefined) return first;
		const joined = Buffer.concat(this.#chunks);
		this.#chunks = [joined];
		return joined;
	}
}
