/**
 * HTTP/1.1 on simulated connections: enough for web servers, probes, wget and curl, and real clients behind a
 * port-forward. One request after another per connection; bodies by Content-Length or chunked on the way in, by
 * Content-Length on the way out.
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
			const body = await reader.readBody(head.headers, false);
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
	readonly target: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: Uint8Array;
}

export interface ClientResponse {
	readonly status: number;
	readonly statusText: string;
	readonly headers: ReadonlyMap<string, string>;
	readonly body: Uint8Array;
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
		return await exchange(connection, request);
	} finally {
		signal?.removeEventListener("abort", close);
		close();
	}
}

/** One request on an open connection, which it leaves for the caller to close. */
async function exchange(connection: Connection, request: ClientRequest): Promise<ClientResponse> {
	const method = request.method ?? "GET";
	const headers: Record<string, string> = {
		Host: request.port === 80 ? request.host : `${request.host}:${request.port}`,
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
	const body = method === "HEAD" ? new Uint8Array() : await reader.readBody(head.headers, true);
	return { status: Number(match[1]), statusText: match[2] ?? "", headers: head.headers, body };
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

	async readBody(headers: ReadonlyMap<string, string>, untilEnd: boolean): Promise<Uint8Array> {
		if (headers.get("transfer-encoding")?.toLowerCase() === "chunked") return this.#readChunked();
		const length = headers.get("content-length");
		if (length === undefined && !untilEnd) return new Uint8Array();
		const wanted = length === undefined ? Number.POSITIVE_INFINITY : Number(length);
		if (!(wanted >= 0) || (length !== undefined && wanted > maxBodyBytes)) throw new HttpError("body too large");
		// Joined once: a large body comes in hundreds of pieces.
		const parts: Uint8Array[] = [this.#buffer];
		let sizeBytes = this.#buffer.length;
		while (sizeBytes < wanted) {
			if (sizeBytes > maxBodyBytes) throw new HttpError("body too large");
			const chunk = await this.#connection.read();
			if (chunk === undefined) break;
			parts.push(chunk);
			sizeBytes += chunk.byteLength;
		}
		this.#buffer = Buffer.concat(parts);
		return this.#take(Math.min(wanted, sizeBytes));
	}

	async #readChunked(): Promise<Uint8Array> {
		const parts: Uint8Array[] = [];
		let total = 0;
		for (;;) {
			const size = Number.parseInt(await this.#readLine(), 16);
			if (!(size >= 0) || total + size > maxBodyBytes) throw new HttpError("malformed chunked encoding");
			while (this.#buffer.length < size + 2) if (!(await this.#more())) throw new HttpError("unexpected EOF");
			parts.push(this.#take(size));
			this.#take(2);
			total += size;
			if (size === 0) return Buffer.concat(parts);
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
