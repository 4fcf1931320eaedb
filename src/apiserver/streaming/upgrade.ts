/**
 * Turns an HTTP connection into one of the two that streams run on: a WebSocket (RFC 6455) or SPDY/3.1.
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { newBadRequest } from "../../apimachinery/status-error.ts";

/** Bytes of one WebSocket message. */
const maxMessageBytes = 1024 * 1024;

/** What the client asks the connection to become. @throws StatusError BadRequest for anything else */
export function upgradeKind(message: IncomingMessage): "websocket" | "spdy" {
	const upgrade = message.headers.upgrade?.toLowerCase();
	if (upgrade === "websocket") return "websocket";
	if (upgrade === "spdy/3.1") return "spdy";
	throw newBadRequest(`unable to upgrade: missing upgrade headers in request: ${JSON.stringify(message.headers.upgrade ?? "")}`);
}

/** An open WebSocket and the subprotocol that both sides agreed on; "" if the client named none. */
export interface AcceptedWebSocket {
	readonly webSocket: WebSocket;
	readonly protocol: string;
}

/**
 * Answers a WebSocket handshake with the first of `supported` that the client offers.
 * @throws StatusError BadRequest when it offers others only
 */
export async function acceptWebSocket(
	message: IncomingMessage,
	socket: Duplex,
	head: Buffer,
	supported: readonly string[],
): Promise<AcceptedWebSocket> {
	const offered = listOf(message.headers["sec-websocket-protocol"]);
	const protocol = supported.find((candidate) => offered.includes(candidate)) ?? "";
	if (protocol === "" && offered.length > 0) {
		throw newBadRequest(`requested protocol(s) are not supported: [${offered.join(" ")}]; supports [${supported.join(" ")}]`);
	}
	const { WebSocketServer } = await import("ws");
	const server = new WebSocketServer({ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: maxMessageBytes });
	// Negotiated here and not by ws, which refuses SPDY/3.1+portforward.k8s.io: a slash is no part of a token.
	delete message.headers["sec-websocket-protocol"];
	if (protocol !== "") server.on("headers", (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`));
	const webSocket = await new Promise<WebSocket>((resolve) => server.handleUpgrade(message, socket, head, resolve));
	return { webSocket, protocol };
}

/**
 * Answers a SPDY upgrade with the first of `supported` that the client offers.
 * @returns the protocol; from here on the connection carries SPDY frames
 * @throws StatusError BadRequest when it offers others only
 */
export function acceptSpdy(message: IncomingMessage, socket: Duplex, head: Buffer, supported: readonly string[]): string {
	const offered = listOf(message.headers["x-stream-protocol-version"]);
	// A client from before the header existed speaks the oldest protocol.
	const protocol = offered.length === 0 ? supported.at(-1) : supported.find((candidate) => offered.includes(candidate));
	if (protocol === undefined) {
		const lists = `client supports [${offered.join(" ")}], server accepts [${supported.join(" ")}]`;
		throw newBadRequest(`unable to upgrade: unable to negotiate protocol: ${lists}`);
	}
	socket.write(
		"HTTP/1.1 101 Switching Protocols\r\n" +
			"Connection: Upgrade\r\n" +
			"Upgrade: SPDY/3.1\r\n" +
			`X-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
	);
	if (head.length > 0) socket.unshift(head);
	return protocol;
}

function listOf(header: string | readonly string[] | undefined): readonly string[] {
	const text = typeof header === "string" ? header : (header ?? []).join(",");
	return text
		.split(",")
		.map((item) => item.trim())
		.filter((item) => item !== "");
}
