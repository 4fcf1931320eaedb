/**
 * HTTP/1.1 on simulated connections: enough for web servers, probes, wget and curl, and real clients behind a
 * port-forward. One request after another per connection; bodies by Content-Length or chunked on the way in (a client may take them as they
 * come), by Content-Length on the way out.
 * Source: RFC 9112.
 */
import { BrokenPipeError } from "../stream.ts";
import { type Connection, type ConnectionHandler, NetworkError, type NetworkStack } from "./network.ts";

/** A body or head over this is refused. */
const maxBodyBytes = 8 * 1024 * 1024;
const maxHeadBytes = 64 * 1024;

export interface HttpRequest {
	readonly method: string;
	/** Path and query, as sent. */
	readonly target: string;
	/** Names in lower case. */
	readonly headers: ReadonlyMap<string, string>;
	readonly body: Uint8Array;
	readonly remoteAddress: string;
	readonly remotePort: number;
}

export interface HttpResponse {
	readonly status: number;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Uint8Array;
}

export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

const statusTexts: Readonly<Record<number, string>> = {
	200: "OK",
	201: "Created",
	204: "No Content",
	301: "Moved Permanently",
	302: "Found",
	304: "Not Modified",
	400: "Bad Request",
	401: "Unauthorized",
	403: "Forbidden",
	404: "Not Found",
	405: "Not Allowed",
	413: "Request Entity Too Large",
	500: "Internal Server Error",
	502: "Bad Gateway",
	503: "Service Unavailable",
	504: "Gateway Time-out",
};

function httpStatusText(status: number): string {
	return statusTexts[status] ?? "Unknown";
}

/** Not HTTP, or cut off in the middle. */
export class HttpError extends Error {
	constructor(message: string) {
		super(message);
		this.name = "HttpError";
	}
}

/** The body ends before its announced length. */
export class CutOffError extends HttpError {
	constructor(missingBytes: number) {
		super(`end of response with ${missingBytes} bytes missing`);
	}
}

/** Serves a connection by answering each request on it. */
export function httpServer(handler: HttpHandler): ConnectionHandler {
	return async (connection) => {
		const reader = new MessageReader(connection);
		for (;;) {
			const head = await reader.readHead();
			if (head === undefined) return;
			const [method = "", target = "", version] = head.startLine.split(" ");
			if (version === undefined || !version.startsWith("HTTP/1.")) {
				await connection.write(encodeResponse({ status: 400 }, false));
				return;
			}
			if (Number(head.headers.get("content-length") ?? 0) > maxBodyBytes) throw new HttpError("body too large");
			const body = await wholeOf(reader.body(head.headers, false));
			const { remoteAddress, remotePort } = connection;
			const response = await handler({ method, target, headers: head.headers, body, remoteAddress, remotePort });
			const asked = head.headers.get("connection")?.toLowerCase();
			const keepAlive = asked === undefined ? version !== "HTTP/1.0" : asked !== "close";
			await connection.write(encodeResponse(response, keepAlive, method === "HEAD"));
			if (!keepAlive) return;
		}
	};
}

export interface ClientRequest {
	readonly method?: string;
	readonly host: string;
	/** Where to connect, if that is known already; default `host`. */
	readonly address?: string;
	readonly port: number;
	/** The port that goes without saying; default 80. */
	readonly usualPort?: number;
	readonly target: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Uint8Array;
}

export interface ResponseHead {
	readonly status: number;
	readonly statusText: string;
	readonly headers: ReadonlyMap<string, string>;
}

export interface ClientResponse extends ResponseHead {
	readonly body: Uint8Array;
}

/** An answer whose body comes while it is read: the server waits for who reads slowly. */
export interface StreamedResponse extends ResponseHead {
	/** Ends with the body; rejects with `HttpError` where that is cut off. */
	readonly body: AsyncIterable<Uint8Array>;
}

/** One request on a connection of its own, which ends with the signal. Rejects with `NetworkError` or `HttpError`. */
export async function httpRequest(
	network: Pick<NetworkStack, "connect">,
	request: ClientRequest,
	signal?: AbortSignal,
): Promise<ClientResponse> {
	const connection = await network.connect(request.address ?? request.host, request.port, signal);
	const close = () => connection.destroy();
	signal?.addEventListener("abort", close, { once: true });
	try {
		const { body, ...head } = await sendRequest(connection, request);
		return { ...head, body: await wholeOf(body) };
	} finally {
		signal?.removeEventListener("abort", close);
		close();
	}
}

/** One request on an open connection, which it leaves for the caller to close. Resolves when the answer begins. Rejects likewise. */
export async function sendRequest(connection: Connection, request: ClientRequest): Promise<StreamedResponse> {
	const { method = "GET", usualPort = 80 } = request;
	const headers: Record<string, string> = {
		Host: request.port === usualPort ? request.host : `${request.host}:${request.port}`,
		...request.headers,
		...(request.body === undefined ? {} : { "Content-Length": String(request.body.byteLength) }),
		Connection: "close",
	};
	const lines = [`${method} ${request.target} HTTP/1.1`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), "", ""];
	try {
		await connection.write(Buffer.concat([Buffer.from(lines.join("\r\n")), request.body ?? new Uint8Array()]));
	} catch (error) {
		// Who answered the call has ended since: a server that is being stopped, say.
		throw error instanceof BrokenPipeError ? new NetworkError("ECONNRESET") : error;
	}
	const reader = new MessageReader(connection);
	const head = await reader.readHead();
	const match = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(head?.startLine ?? "");
	if (head === undefined || match === null) throw new HttpError(head === undefined ? "EOF" : "malformed HTTP response");
	const body = method === "HEAD" ? noBody : reader.body(head.headers, true);
	return { status: Number(match[1]), statusText: match[2] ?? "", headers: head.headers, body };
}

const noBody: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: undefined }) }) };

/** Joined once: a large body comes in hundreds of pieces. Rejects with `HttpError` for one that is too large to hold. */
async function wholeOf(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
	const parts: Uint8Array[] = [];
	let sizeBytes = 0;
	for await (const part of body) {
		sizeBytes += part.byteLength;
		if (sizeBytes > maxBodyBytes) throw new HttpError("body too large");
		parts.push(part);
	}
	return Buffer.concat(parts);
}

function encodeResponse(response: HttpResponse, keepAlive: boolean, headOnly = false): Uint8Array {
	const body = typeof response.body === "string" ? Buffer.from(response.body) : (response.body ?? new Uint8Array());
	const headers = { ...response.headers, "Content-Length": String(body.byteLength), Connection: keepAlive ? "keep-alive" : "close" };
	const lines = [
		`HTTP/1.1 ${response.status} ${httpStatusText(response.status)}`,
		...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
		"",
		"",
	];
	const head = Buffer.from(lines.join("\r\n"));
	return headOnly ? head : Buffer.concat([head, body]);
}

interface MessageHead {
	readonly startLine: string;
	readonly headers: ReadonlyMap<string, string>;
}

/** Cuts messages out of a byte stream. */
class MessageReader {
	readonly #connection: Connection;
	#buffer: Buffer = Buffer.alloc(0);

	constructor(connection: Connection) {
		this.#connection = connection;
	}

	/** Undefined when the peer closed between messages. */
	async readHead(): Promise<MessageHead | undefined> {
		let end = this.#buffer.indexOf("\r\n\r\n");
		while (end === -1) {
			if (this.#buffer.length > maxHeadBytes) throw new HttpError("header too large");
			if (!(await this.#more())) {
				if (this.#buffer.length === 0) return undefined;
				throw new HttpError("unexpected EOF");
			}
			end = this.#buffer.indexOf("\r\n\r\n");
		}
		const [startLine = "", ...lines] = this.#take(end + 4)
			.toString("latin1")
			.trimEnd()
			.split("\r\n");
		const headers = new Map<string, string>();
		for (const line of lines) {
			const colon = line.indexOf(":");
			if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
		}
		return { startLine, headers };
	}

	/** In pieces as they come. @param untilEnd whether a body of unknown length goes on to the end of the connection */
	async *body(headers: ReadonlyMap<string, string>, untilEnd: boolean): AsyncGenerator<Uint8Array> {
		if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") {
			yield* this.#chunks();
			return;
		}
		const length = headers.get("content-length");
		if (length !== undefined) yield* this.#pieces(Number(length));
		else if (untilEnd) while (this.#buffer.length > 0 || (await this.#more())) yield this.#take(this.#buffer.length);
	}

	async *#chunks(): AsyncGenerator<Uint8Array> {
		for (;;) {
			const sizeBytes = Number.parseInt(await this.#readLine(), 16);
			if (!(sizeBytes >= 0)) throw new HttpError("malformed chunked encoding");
			yield* this.#pieces(sizeBytes);
			await this.#readLine();
			if (sizeBytes === 0) return;
		}
	}

	async *#pieces(sizeBytes: number): AsyncGenerator<Uint8Array> {
		if (!(sizeBytes >= 0)) throw new HttpError("malformed Content-Length");
		for (let missing = sizeBytes; missing > 0; ) {
			if (this.#buffer.length === 0 && !(await this.#more())) throw new CutOffError(missing);
			const piece = this.#take(Math.min(missing, this.#buffer.length));
			missing -= piece.length;
			yield piece;
		}
	}

	async #readLine(): Promise<string> {
		let end = this.#buffer.indexOf("\r\n");
		while (end === -1) {
			if (!(await this.#more())) throw new HttpError("unexpected EOF");
			end = this.#buffer.indexOf("\r\n");
		}
		return this.#take(end + 2)
			.toString("latin1")
			.trim();
	}

	async #more(): Promise<boolean> {
		const chunk = await this.#connection.read();
		if (chunk === undefined) return false;
		this.#buffer = Buffer.concat([this.#buffer, chunk]);
		return true;
	}

	#take(bytes: number): Buffer {
		const taken = this.#buffer.subarray(0, bytes);
		this.#buffer = this.#buffer.subarray(bytes);
		return taken;
	}
}
