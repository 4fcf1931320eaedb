/** Requests byte by byte: what no client's library would let a test send. */
import { connect } from "node:tls";

export interface Identity {
	/** PEM: certificate (and whatever stands between it and its authority) and key. */
	readonly cert: string;
	readonly key: string;
}

export interface RawReply {
	/** 0 where the connection was closed without an answer. */
	readonly code: number;
	/** Headers and body, as they came. */
	readonly text: string;
	/** The body, if it is JSON. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
	readonly json: any;
}

/** Sends a head as it stands, on a connection of its own, and reads until the server closes it. @param lines without line ends */
export function sendRaw(url: string, lines: readonly string[], identity?: Identity, body = ""): Promise<RawReply> {
	const { hostname, port } = new URL(url);
	const { promise, resolve } = Promise.withResolvers<RawReply>();
	const chunks: Buffer[] = [];
	const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false, ...identity }, () => {
		socket.write(`${[...lines, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);
	});
	socket.on("data", (chunk) => chunks.push(chunk));
	// A server that has had enough of a request closes the connection while the rest is still being sent.
	socket.on("error", () => undefined);
	socket.on("close", () => resolve(readReply(Buffer.concat(chunks).toString("latin1"))));
	return promise;
}

function readReply(text: string): RawReply {
	const body = text.slice(text.indexOf("\r\n\r\n") + 4);
	return {
		code: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0),
		text,
		get json() {
			return JSON.parse(body) as unknown;
		},
	};
}

/** A GET with these headers. */
export function get(url: string, path: string, headers: readonly string[] = [], identity?: Identity): Promise<RawReply> {
	return sendRaw(url, [`GET ${path} HTTP/1.1`, "Host: kubesim", ...headers], identity);
}
