/**
 * The server's end of a SPDY/3.1 connection over any byte stream: a socket, or a WebSocket that carries SPDY. The peer
 * opens streams; each has a readable side, which its FIN ends, and a writable one, which ours ends.
 *
 *   open ──(both FIN, or RST)──> closed         the session ends with GOAWAY, or with the connection
 *
 * Not implemented: opening streams from here, and flow control. Kubernetes' clients (moby/spdystream) know neither
 * WINDOW_UPDATE nor SETTINGS; what is waiting is limited by not reading the connection.
 */
import type { Duplex } from "node:stream";
import { ByteQueue } from "../byte-queue.ts";
import { controlFrame, controlTypes, dataFrame, type Frame, FrameParser, flagFin, words } from "./frames.ts";
import { HeaderCodec, type Headers } from "./headers.ts";

/** RST_STREAM: the stream is not known, or its user is gone. */
const invalidStream = 2;
const cancel = 5;
/** Payload of one DATA frame. */
const maxDataBytes = 64 * 1024;
/** Bytes that wait to be sent before a writer has to wait. */
const maxUnsentBytes = 256 * 1024;

export class SpdyStream {
	readonly id: number;
	readonly headers: Headers;
	/** What the peer sends. */
	readonly input = new ByteQueue();
	readonly #session: SpdySession;
	#writable = true;
	#gone: AbortController | undefined;

	constructor(session: SpdySession, id: number, headers: Headers) {
		this.#session = session;
		this.id = id;
		this.headers = headers;
	}

	/** Aborts when the peer has gone, or has reset the stream. */
	get gone(): AbortSignal {
		this.#gone ??= new AbortController();
		return this.#gone.signal;
	}

	/** First value of a header. */
	header(name: string): string | undefined {
		return this.headers.get(name)?.[0];
	}

	/** Resolves when the connection can take more. Does nothing once the stream has ended. */
	async write(chunk: Uint8Array): Promise<void> {
		// A writer without end would never let anybody tell it that the connection is gone.
		if (!this.#writable) await nextTurn();
		for (let offset = 0; offset < chunk.length && this.#writable; offset += maxDataBytes) {
			await this.#session.send(dataFrame(this.id, 0, chunk.subarray(offset, offset + maxDataBytes)));
		}
	}

	/** Ends our side. */
	async end(): Promise<void> {
		if (!this.#writable) return;
		this.#writable = false;
		await this.#session.send(dataFrame(this.id, flagFin, Buffer.alloc(0)));
	}

	/** Ends both sides at once. */
	async reset(): Promise<void> {
		this.#writable = false;
		this.input.end();
		await this.#session.send(controlFrame(controlTypes.rstStream, 0, words(this.id, cancel)));
		this.#session.forget(this.id);
	}

	/** The peer has gone, or reset the stream. */
	abandon(): void {
		this.#writable = false;
		this.input.end();
		this.#gone?.abort();
	}
}

export class SpdySession {
	readonly #connection: Duplex;
	readonly #onStream: (stream: SpdyStream) => void;
	readonly #codec = new HeaderCodec();
	readonly #streams = new Map<number, SpdyStream>();
	#lastStream = 0;
	#closing = false;

	/** @param onStream called for each stream of the peer, after it was accepted */
	constructor(connection: Duplex, onStream: (stream: SpdyStream) => void) {
		this.#connection = connection;
		this.#onStream = onStream;
	}

	/** Serves the connection until it ends; rejects when the peer breaks the protocol. */
	async run(): Promise<void> {
		const parser = new FrameParser();
		try {
			for await (const chunk of this.#connection) {
				for (const frame of parser.push(chunk as Buffer)) await this.#receive(frame);
			}
		} catch (error) {
			// A connection that breaks off is how sessions end as often as not.
			if (!isDisconnect(error)) throw error;
		} finally {
			for (const stream of this.#streams.values()) stream.abandon();
			this.#streams.clear();
			this.#codec.close();
			this.#connection.destroy();
		}
	}

	/** Says goodbye and ends the connection once everything is written. */
	async close(): Promise<void> {
		if (this.#closing) return;
		await this.send(controlFrame(controlTypes.goAway, 0, words(this.#lastStream, 0)));
		this.#closing = true;
		this.#connection.end();
	}

	/** Writes a frame; resolves when the connection can take more, or is gone. */
	async send(frame: Buffer): Promise<void> {
		if (this.#closing || !this.#connection.writable) {
			await nextTurn();
			return;
		}
		const sent = new Promise<void>((resolve) => this.#connection.write(frame, () => resolve()));
		if (this.#connection.writableLength > maxUnsentBytes) await sent;
	}

	forget(id: number): void {
		this.#streams.delete(id);
	}

	async #receive(frame: Frame): Promise<void> {
		if (frame.form === "data") return this.#receiveData(frame.stream, frame.flags, frame.payload);
		const { type, flags, payload } = frame;
		switch (type) {
			case controlTypes.synStream:
				return this.#receiveStream(flags, payload);
			case controlTypes.rstStream: {
				const id = payload.readUInt32BE(0);
				this.#streams.get(id)?.abandon();
				this.forget(id);
				return;
			}
			case controlTypes.ping:
				// Odd ids are the client's questions; even ones would be answers to ours.
				if (payload.readUInt32BE(0) % 2 === 1) await this.send(controlFrame(controlTypes.ping, 0, payload));
				return;
			case controlTypes.headers:
				await this.#codec.decode(payload.subarray(4));
				return;
			default:
				// SETTINGS, GOAWAY and WINDOW_UPDATE need no answer.
				return;
		}
	}

	async #receiveStream(flags: number, payload: Buffer): Promise<void> {
		const id = payload.readUInt32BE(0) & 0x7fff_ffff;
		const headers = await this.#codec.decode(payload.subarray(10));
		const stream = new SpdyStream(this, id, headers);
		this.#streams.set(id, stream);
		this.#lastStream = id;
		if ((flags & flagFin) !== 0) stream.input.end();
		await this.send(controlFrame(controlTypes.synReply, 0, Buffer.concat([words(id), await this.#codec.encode(new Map())])));
		this.#onStream(stream);
	}

	async #receiveData(id: number, flags: number, payload: Buffer): Promise<void> {
		const stream = this.#streams.get(id);
		if (stream === undefined) {
			await this.send(controlFrame(controlTypes.rstStream, 0, words(id, invalidStream)));
			return;
		}
		await stream.input.push(payload);
		if ((flags & flagFin) !== 0) stream.input.end();
	}
}

function nextTurn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}

function isDisconnect(error: unknown): boolean {
	const codes = ["ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE", "ERR_STREAM_DESTROYED", "ETIMEDOUT"];
	return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
