/**
 * A client that costs little, so that it is the server that is measured: HTTP/1.1 over TLS with one request under way a
 * connection, written as ready bytes and read no further than its length.
 */
import { connect, type TLSSocket } from "node:tls";
import type { AdminCredentials } from "../src/cluster/index.ts";

export interface Endpoint {
	readonly port: number;
	readonly credentials: AdminCredentials;
}

export interface Answer {
	readonly status: number;
	readonly bodyBytes: number;
}

const headEnd = Buffer.from("\r\n\r\n");

/** The bytes of a request. */
export function requestBytes(method: string, path: string, body = "", contentType = "application/json"): Buffer {
	const length = method === "GET" ? "" : `content-type: ${contentType}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
	return Buffer.from(
		`${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: application/json\r\nuser-agent: bench\r\n${length}\r\n${body}`,
	);
}

export class Connection {
	readonly #socket: TLSSocket;
	#head: Buffer = Buffer.alloc(0);
	/** What says that the body is over; undefined while the head is read. */
	#body: { readonly isOver: (chunk: Buffer) => boolean } | undefined;
	#status = 0;
	/** Of the body so far; of a chunked one with the marks between its chunks. */
	#bodyBytes = 0;
	#waiting: PromiseWithResolvers<Answer> | undefined;

	private constructor(socket: TLSSocket) {
		this.#socket = socket;
		socket.on("data", (chunk: Buffer) => this.#take(chunk));
		socket.on("error", (error) => this.#waiting?.reject(error));
		socket.on("close", () => this.#waiting?.reject(new Error("the server closed the connection")));
	}

	static open(endpoint: Endpoint): Promise<Connection> {
		return new Promise((resolve, reject) => {
			const socket = openSocket(endpoint, () => {
				socket.off("error", reject);
				resolve(new Connection(socket));
			});
			socket.once("error", reject);
		});
	}

	send(request: Buffer): Promise<Answer> {
		const waiting = Promise.withResolvers<Answer>();
		this.#waiting = waiting;
		this.#socket.write(request);
		return waiting.promise;
	}

	close(): void {
		this.#waiting = undefined;
		this.#socket.destroy();
	}

	#take(chunk: Buffer): void {
		if (this.#body !== undefined) {
			this.#takeBody(this.#body, chunk);
			return;
		}
		this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
		const end = this.#head.indexOf(headEnd);
		if (end === -1) return;
		const head = this.#head.toString("latin1", 0, end);
		const rest = this.#head.subarray(end + headEnd.length);
		this.#head = Buffer.alloc(0);
		this.#status = Number(head.slice(9, 12));
		this.#bodyBytes = 0;
		const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
		this.#body = { isOver: length === undefined ? endOfChunks() : () => this.#bodyBytes >= Number(length) };
		this.#takeBody(this.#body, rest);
	}

	#takeBody(body: { readonly isOver: (chunk: Buffer) => boolean }, chunk: Buffer): void {
		this.#bodyBytes += chunk.length;
		if (!body.isOver(chunk)) return;
		this.#body = undefined;
		this.#waiting?.resolve({ status: this.#status, bodyBytes: this.#bodyBytes });
	}
}

/** Looks at the last bytes of a chunked body: JSON has no line that is a 0. */
function endOfChunks(): (chunk: Buffer) => boolean {
	const last = "\r\n0\r\n\r\n";
	let tail = "";
	return (chunk) => {
		tail = (tail + chunk.toString("latin1", Math.max(0, chunk.length - last.length))).slice(-last.length);
		return tail === last;
	};
}

/** Opens a watch and calls `onData` for whatever comes. Resolves once the server has begun it. */
export function openWatch(endpoint: Endpoint, path: string, onData: (text: string) => void): Promise<{ close(): void }> {
	return new Promise((resolve, reject) => {
		const socket = openSocket(endpoint, () => socket.write(requestBytes("GET", path)));
		let hasBegun = false;
		socket.on("data", (chunk: Buffer) => {
			const text = chunk.toString("latin1");
			if (hasBegun) onData(text);
			else if (!text.startsWith("HTTP/1.1 200")) reject(new Error(text));
			else {
				hasBegun = true;
				resolve({ close: () => socket.destroy() });
			}
		});
		socket.on("error", reject);
	});
}

function openSocket({ port, credentials }: Endpoint, onConnect: () => void): TLSSocket {
	const { ca, clientCertificate: cert, clientKey: key } = credentials;
	const socket = connect({ host: "127.0.0.1", port, ca, cert, key, checkServerIdentity: () => undefined }, onConnect);
	socket.setNoDelay(true);
	return socket;
}
