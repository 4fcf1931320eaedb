/**
 * Header blocks of SPDY/3: name and value pairs with their lengths, compressed with zlib. One compressor and one
 * decompressor live as long as the connection, so blocks must be handled in the order they travel.
 * Source: SPDY protocol draft 3, section 2.6.10.
 */
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from "node:zlib";
import { headerDictionary } from "./dictionary.ts";

/** Lower-case names; a name with several values has them all, in order. */
export type Headers = ReadonlyMap<string, readonly string[]>;

/** Decompressed bytes of one block: nobody needs more, and a small block can unfold to a lot. */
const maxBlockBytes = 64 * 1024;

export class HeaderCodec {
	readonly #inflate: Inflate = createInflate({ dictionary: headerDictionary });
	readonly #deflate: Deflate = createDeflate({ dictionary: headerDictionary });

	/** Rejects for a block that is malformed or too large. */
	async decode(block: Buffer): Promise<Headers> {
		return parseBlock(await this.#decompress(block));
	}

	async encode(headers: Headers): Promise<Buffer> {
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		this.#deflate.once("error", reject);
		this.#deflate.write(formatBlock(headers));
		this.#deflate.flush(constants.Z_SYNC_FLUSH, () => resolve());
		await promise;
		this.#deflate.off("error", reject);
		return drain(this.#deflate, Number.POSITIVE_INFINITY);
	}

	close(): void {
		this.#inflate.destroy();
		this.#deflate.destroy();
	}

	async #decompress(block: Buffer): Promise<Buffer> {
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		this.#inflate.once("error", reject);
		this.#inflate.write(block, () => resolve());
		await promise;
		this.#inflate.off("error", reject);
		return drain(this.#inflate, maxBlockBytes);
	}
}

/** What a zlib stream has ready. */
function drain(stream: Inflate | Deflate, limitBytes: number): Buffer {
	const pieces: Buffer[] = [];
	let sizeBytes = 0;
	for (let piece: unknown = stream.read(); Buffer.isBuffer(piece); piece = stream.read()) {
		pieces.push(piece);
		sizeBytes += piece.length;
		if (sizeBytes > limitBytes) throw new Error("SPDY header block is too large");
	}
	return Buffer.concat(pieces);
}

function parseBlock(block: Buffer): Headers {
	const headers = new Map<string, readonly string[]>();
	let offset = 4;
	const take = () => {
		const end = offset + 4 + block.readUInt32BE(offset);
		if (end > block.length) throw new Error("SPDY header block is cut off");
		const text = block.toString("utf8", offset + 4, end);
		offset = end;
		return text;
	};
	for (let count = block.length < 4 ? 0 : block.readUInt32BE(0); count > 0; count--) {
		const name = take().toLowerCase();
		headers.set(name, take().split("\0"));
	}
	return headers;
}

function formatBlock(headers: Headers): Buffer {
	const pieces = [uint32(headers.size)];
	for (const [name, values] of headers) {
		for (const text of [name, values.join("\0")]) {
			const bytes = Buffer.from(text, "utf8");
			pieces.push(uint32(bytes.length), bytes);
		}
	}
	return Buffer.concat(pieces);
}

function uint32(value: number): Buffer {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(value);
	return bytes;
}
