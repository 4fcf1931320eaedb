/**
 * The proxy subresources: any request to a pod, a service or a node, carried over the simulated network.
 *
 *   client ── HTTPS ──▶ /api/v1/…/NAME/proxy/PATH ── HTTP on a simulated connection ──▶ PATH at the target
 *                       rewritten: Location, addresses in HTML        upgrades (WebSocket): bytes both ways
 *
 * Source: apimachinery/pkg/util/proxy (upgradeaware.go, transport.go) and Go's httputil.ReverseProxy.
 */
import { once } from "node:events";
import { type ClientRequest, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { NodeConnector } from "../../apimachinery/node-connector.ts";
import { isStatusError, newInternalError, newServiceUnavailable, newUnknownError } from "../../apimachinery/status-error.ts";
import { portDuplex } from "./port-duplex.ts";
import { type ProxyAddresses, rewriteAddress, rewriteHtml } from "./proxy-rewrite.ts";
import type { ProxyTarget } from "./proxy-target.ts";

/** Headers that concern one connection only (RFC 9110, 7.6.1). */
const hopHeaders: ReadonlySet<string> = new Set([
	"connection",
	"keep-alive",
	"proxy-authenticate",
	"proxy-authorization",
	"proxy-connection",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
]);

/** What a page of another origin may do is this server's to say. */
const corsHeaders: ReadonlySet<string> = new Set([
	"access-control-allow-credentials",
	"access-control-allow-headers",
	"access-control-allow-methods",
	"access-control-allow-origin",
]);

/** A page over this is passed on as it is. */
const maxRewrittenBytes = 8 * 1024 * 1024;

export interface ProxyRequest {
	readonly target: ProxyTarget;
	/** Path of the proxy itself, percent-encoded: `/api/v1/namespaces/default/pods/web/proxy`. */
	readonly prefix: string;
	/** What follows it, with its slash; "" if nothing does. */
	readonly path: string;
	/** With its question mark; "" if there is none. */
	readonly query: string;
}

/** Answers one request with what the target answers. Rejects with a `StatusError` as long as nothing has been sent. */
export async function proxyRequest(
	nodes: NodeConnector,
	request: ProxyRequest,
	message: IncomingMessage,
	response: ServerResponse,
): Promise<void> {
	const { path, prefix, query, target } = request;
	if (path === "" && (message.method === "GET" || message.method === "HEAD")) {
		// Without the slash, relative addresses of the page would miss.
		response.writeHead(301, { Location: `${prefix}/${query}` }).end();
		return;
	}
	const outgoing = await send(nodes, request, message, forwardedHeaders(message));
	response.once("close", () => outgoing.destroy());
	message.pipe(outgoing);
	const [answer] = await responseOf(outgoing);
	const addresses: ProxyAddresses = { prefix, targetHost: hostOf(target), requestHost: message.headers.host ?? "" };
	copyHead(answer, response, addresses);
	await copyBody(answer, response, addresses);
}

/** Hands the connection over to the target if that agrees to speak another protocol on it. */
export async function proxyUpgrade(
	nodes: NodeConnector,
	request: ProxyRequest,
	message: IncomingMessage,
	socket: Duplex,
	head: Buffer,
): Promise<void> {
	const { connection, upgrade } = message.headers;
	const outgoing = await send(nodes, request, message, { ...forwardedHeaders(message), connection, upgrade });
	outgoing.end();
	const [answer, targetSocket] = await responseOf(outgoing);
	if (targetSocket === undefined && (answer.statusCode ?? 0) < 400) {
		outgoing.destroy();
		throw newUnknownError(`invalid upgrade response: status code ${answer.statusCode}`);
	}
	if (targetSocket === undefined) {
		// It says no: that is for the client to read, and the end of the connection.
		socket.write(rawHead(answer, (name) => !hopHeaders.has(name), ["Connection: close"]));
		await pipeline(answer, socket);
		return;
	}
	socket.write(rawHead(answer, () => true));
	if (head.length > 0) targetSocket.write(head);
	// One side that ends, or breaks off, ends the other.
	const halves = [pipeline(socket, targetSocket), pipeline(targetSocket, socket)];
	await Promise.race(halves).catch(() => undefined);
	socket.destroy();
	targetSocket.destroy();
	await Promise.allSettled(halves);
}

function hostOf({ address, port }: ProxyTarget): string {
	return `${address}:${port}`;
}

async function send(
	nodes: NodeConnector,
	{ target, prefix, path, query }: ProxyRequest,
	message: IncomingMessage,
	headers: OutgoingHttpHeaders,
): Promise<ClientRequest> {
	const stream = await nodes.dial(target.address, target.port).catch((error: unknown) => {
		if (isStatusError(error)) throw error;
		throw unreachable(error instanceof Error ? error.message : String(error));
	});
	if (target.scheme === "https") {
		stream.end();
		// Nothing in the simulation speaks TLS: what answers does so in plain text.
		throw unreachable("http: server gave HTTP response to HTTPS client");
	}
	return httpRequest({
		// With this and no agent there is no pool, which would mix up targets.
		createConnection: () => portDuplex(stream),
		method: message.method ?? "GET",
		path: (path === "" ? "/" : path) + query,
		headers: { ...headers, "x-forwarded-uri": prefix + path },
	});
}

function unreachable(why: string) {
	return newServiceUnavailable(`error trying to reach service: ${why}`);
}

/** The client's headers, without what was for this server alone. */
function forwardedHeaders(message: IncomingMessage): OutgoingHttpHeaders {
	const listed = (message.headers.connection ?? "").split(",").map((name) => name.trim().toLowerCase());
	const headers: OutgoingHttpHeaders = {};
	for (const [name, value] of Object.entries(message.headers)) {
		if (!hopHeaders.has(name) && !listed.includes(name) && name !== "authorization") headers[name] = value;
	}
	const before = message.headers["x-forwarded-for"];
	const client = message.socket.remoteAddress ?? "127.0.0.1";
	headers["x-forwarded-for"] = before === undefined ? client : `${String(before)}, ${client}`;
	return headers;
}

/** The answer, and the connection if the target has switched protocols on it. */
async function responseOf(outgoing: ClientRequest): Promise<readonly [IncomingMessage, Duplex?]> {
	const abort = new AbortController();
	const { signal } = abort;
	try {
		return await Promise.race([
			once(outgoing, "response", { signal }).then(([answer]) => [answer as IncomingMessage] as const),
			once(outgoing, "upgrade", { signal }).then(([answer, socket, head]) => {
				if ((head as Buffer).length > 0) (socket as Duplex).unshift(head as Buffer);
				return [answer as IncomingMessage, socket as Duplex] as const;
			}),
		]);
	} catch (error) {
		throw unreachable(error instanceof Error && error.message === "socket hang up" ? "EOF" : String((error as Error).message));
	} finally {
		// The loser of the race waits no longer; what the connection says after the answer is the body's to tell.
		outgoing.on("error", () => undefined);
		abort.abort();
	}
}

function copyHead(answer: IncomingMessage, response: ServerResponse, addresses: ProxyAddresses): void {
	const { rawHeaders } = answer;
	for (let at = 0; at < rawHeaders.length; at += 2) {
		const [name = "", value = ""] = [rawHeaders[at], rawHeaders[at + 1]];
		const key = name.toLowerCase();
		if (hopHeaders.has(key) || corsHeaders.has(key)) continue;
		response.appendHeader(name, key === "location" ? rewrittenLocation(value, addresses) : value);
	}
	response.statusCode = answer.statusCode ?? 502;
	if (answer.statusMessage !== undefined) response.statusMessage = answer.statusMessage;
}

function rewrittenLocation(location: string, addresses: ProxyAddresses): string {
	try {
		return rewriteAddress(location, addresses);
	} catch (error) {
		throw newInternalError(`error trying to parse Location header: ${String(error)}`);
	}
}

async function copyBody(answer: IncomingMessage, response: ServerResponse, addresses: ProxyAddresses): Promise<void> {
	const { "content-type": type = "", "content-encoding": encoding, "content-length": length = "0", location } = answer.headers;
	const isPage = type.split(";")[0]?.trim() === "text/html" && encoding === undefined && location === undefined;
	if (!isPage || Number(length) > maxRewrittenBytes) {
		await pipeline(answer, response);
		return;
	}
	const page = await bytesOf(answer);
	// Latin-1 keeps every byte as it is, whatever the page's encoding.
	const rewritten = Buffer.from(rewriteHtml(page.toString("latin1"), addresses), "latin1");
	if (page.length > 0 || length === "0") response.setHeader("content-length", rewritten.length);
	response.end(rewritten);
}

async function bytesOf(answer: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	for await (const chunk of answer) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks);
}

/** @param isKept asked with each header's name in lower case */
function rawHead(
	{ statusCode, statusMessage, rawHeaders }: IncomingMessage,
	isKept: (name: string) => boolean,
	more: readonly string[] = [],
): string {
	const lines = [`HTTP/1.1 ${statusCode} ${statusMessage ?? ""}`];
	for (let at = 0; at < rawHeaders.length; at += 2) {
		const [name = "", value = ""] = [rawHeaders[at], rawHeaders[at + 1]];
		if (isKept(name.toLowerCase())) lines.push(`${name}: ${value}`);
	}
	return `${[...lines, ...more].join("\r\n")}\r\n\r\n`;
}
