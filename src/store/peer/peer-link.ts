/**
 * The connection to one peer: opened when there is something to say, opened again after a while when it broke. What is sent
 * while it is broken is lost, as Raft expects of a network.
 *
 *     idle ──send──> connecting ──> open ──broken──> waiting ──(back-off)──> idle
 */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import { GroupError } from "../group.ts";
import type { Message } from "../raft/index.ts";
import type { PeerRequest, PeerResponse } from "../replica/transport.ts";
import { encodeMessage } from "./message-codec.ts";
import { clusterHeader, fromHeader, type PeerTls } from "./peer-server.ts";

export interface PeerLinkOptions {
	readonly clusterId: string;
	/** Of this member. */
	readonly from: string;
	/** Tried one after the other. */
	readonly urls: readonly string[];
	readonly tls?: PeerTls;
	readonly clock: Clock;
	/** What was sent last may be lost. */
	readonly onBroken: (reason: string) => void;
	/** The peer says that this member is none any more. */
	readonly onRemoved: () => void;
}

const firstBackoffMs = 50;
const lastBackoffMs = 1000;
/** Bytes that may wait to be sent; beyond it messages are dropped, and Raft sends them again. */
const maxWaitingBytes = 64 * 1024 * 1024;
const askTimeoutMs = 2000;
/** A connection that is silent for so long when it is pinged is dead, ms. */
const pingTimeoutMs = 2000;

export class PeerLink {
	readonly #options: PeerLinkOptions;
	#session: ClientHttp2Session | undefined;
	#stream: ClientHttp2Stream | undefined;
	/** The peer has answered that it takes messages on `#stream`. */
	#isAccepted = false;
	#urlIndex = 0;
	#backoffMs = firstBackoffMs;
	/** Not before this, ms. */
	#retryAtMs = 0;
	#isClosed = false;
	#pingedAtMs = 0;

	constructor(options: PeerLinkOptions) {
		this.#options = options;
	}

	/** The peer takes messages, as far as is known. */
	get isOpen(): boolean {
		return this.#isAccepted;
	}

	send(message: Message): void {
		const stream = this.#open();
		if (stream === undefined || stream.writableLength > maxWaitingBytes) return;
		stream.write(encodeMessage(message));
	}

	/** Rejects if it did not arrive. */
	async sendSnapshot(message: Message, data: Promise<readonly Uint8Array[]>): Promise<void> {
		const chunks = await data;
		const stream = this.#request("/raft/snapshot");
		if (stream === undefined) throw new Error("the peer can't be reached");
		const { status } = await exchange(stream, async () => {
			stream.write(encodeMessage(message));
			for (const chunk of chunks) if (!stream.write(chunk)) await drained(stream);
			stream.end();
		});
		if (status !== 204) throw new Error(`the peer answers ${status}`);
	}

	async ask(request: PeerRequest): Promise<PeerResponse> {
		const stream = this.#request("/raft/ask");
		if (stream === undefined) throw new GroupError("noLeader");
		const timer = this.#options.clock.setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), askTimeoutMs);
		try {
			const { status, body } = await exchange(stream, async () => void stream.end(JSON.stringify(request)));
			if (status === 200) return JSON.parse(body) as PeerResponse;
		} catch {
			// No answer: as if nobody led.
		} finally {
			timer.cancel();
		}
		throw new GroupError("noLeader");
	}

	close(): void {
		this.#isClosed = true;
		this.#session?.destroy();
	}

	#open(): ClientHttp2Stream | undefined {
		if (this.#stream !== undefined) {
			this.#ping();
			return this.#stream;
		}
		const stream = this.#request("/raft/stream");
		if (stream === undefined) return undefined;
		this.#stream = stream;
		stream.on("response", (headers) => {
			const status = Number(headers[constants.HTTP2_HEADER_STATUS]);
			if (status === 200) {
				this.#backoffMs = firstBackoffMs;
				this.#isAccepted = this.#stream === stream;
			} else {
				if (status === 410) this.#options.onRemoved();
				this.#broke(`it answers ${status}`);
			}
		});
		stream.resume();
		stream.once("close", () => {
			if (this.#stream === stream) this.#broke("the connection was closed");
		});
		return stream;
	}

	#request(path: string): ClientHttp2Stream | undefined {
		const { clusterId, from, clock } = this.#options;
		if (this.#isClosed || clock.now() < this.#retryAtMs) return undefined;
		const stream = this.#connect().request({
			[constants.HTTP2_HEADER_METHOD]: "POST",
			[constants.HTTP2_HEADER_PATH]: path,
			[clusterHeader]: clusterId,
			[fromHeader]: from,
		});
		stream.on("error", () => undefined);
		return stream;
	}

	#connect(): ClientHttp2Session {
		if (this.#session !== undefined && !this.#session.closed && !this.#session.destroyed) return this.#session;
		const { urls, tls } = this.#options;
		const url = urls[this.#urlIndex % Math.max(1, urls.length)] ?? "http://127.0.0.1:0";
		const session = connect(url, {
			...(tls === undefined ? {} : { ca: tls.ca, cert: tls.cert, key: tls.key }),
			settings: { enablePush: false, initialWindowSize: 1 << 20 },
		});
		session.on("error", (error: Error) => {
			if (this.#session === session) this.#broke(error.message);
		});
		this.#session = session;
		this.#pingedAtMs = this.#options.clock.now();
		return session;
	}

	/** A peer that was cut off without a word is found out by its silence. */
	#ping(): void {
		const session = this.#session;
		const now = this.#options.clock.now();
		if (session === undefined || now - this.#pingedAtMs < pingTimeoutMs) return;
		this.#pingedAtMs = now;
		const timer = this.#options.clock.setTimeout(() => {
			if (this.#session === session) this.#broke("it does not answer");
		}, pingTimeoutMs);
		session.ping((error) => {
			timer.cancel();
			if (error !== null && this.#session === session) this.#broke(error.message);
		});
	}

	#broke(reason: string): void {
		const session = this.#session;
		this.#session = undefined;
		this.#stream = undefined;
		this.#isAccepted = false;
		this.#urlIndex++;
		this.#retryAtMs = this.#options.clock.now() + this.#backoffMs;
		this.#backoffMs = Math.min(lastBackoffMs, this.#backoffMs * 2);
		session?.destroy();
		if (!this.#isClosed) this.#options.onBroken(reason);
	}
}

/** Sends, and takes the whole answer. Rejects if the stream breaks before it is there. */
function exchange(stream: ClientHttp2Stream, send: () => Promise<void>): Promise<{ readonly status: number; readonly body: string }> {
	const { promise, resolve, reject } = Promise.withResolvers<{ readonly status: number; readonly body: string }>();
	let status = 0;
	const chunks: Buffer[] = [];
	stream.on("response", (headers) => {
		status = Number(headers[constants.HTTP2_HEADER_STATUS]);
	});
	stream.on("data", (chunk: Buffer) => chunks.push(chunk));
	stream.once("end", () => resolve({ status, body: Buffer.concat(chunks).toString() }));
	stream.once("close", () => reject(new Error("the connection broke")));
	send().catch(reject);
	return promise;
}

function drained(stream: ClientHttp2Stream): Promise<void> {
	return new Promise((resolve) => {
		const done = () => {
			stream.off("drain", done);
			stream.off("close", done);
			resolve();
		};
		stream.on("drain", done);
		stream.on("close", done);
	});
}
