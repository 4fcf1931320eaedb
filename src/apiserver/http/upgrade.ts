/**
 * Connections that ask for another protocol (`Connection: Upgrade`): exec, attach, portforward and what is proxied. Node hands over the
 * bare socket, so what fails before the streaming room answers is written here, by hand, as a Status.
 */
import { type IncomingMessage, ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { isStatusError, newBadRequest, newNotImplemented, type StatusError } from "../../apimachinery/status-error.ts";
import { followMessage } from "../audit/http-audit.ts";
import { type Authenticators, authenticate } from "./authentication.ts";
import { toStatusError } from "./errors.ts";
import { bareRequest } from "./request-reader.ts";
import { resolveTarget, splitProxyPath } from "./request-target.ts";
import { authorizeRemote } from "./resource-routes.ts";
import { queryOf, type ServerContext } from "./server-context.ts";

const streams: ReadonlySet<string> = new Set(["exec", "attach", "portforward", "proxy"]);

/**
 * Serves one upgrade request; never rejects.
 * @param plain serves a request as if it had asked for no upgrade
 */
export async function handleUpgrade(
	plain: (message: IncomingMessage, response: ServerResponse) => void,
	context: ServerContext,
	authenticators: Authenticators,
	message: IncomingMessage,
	socket: Duplex,
	head: Buffer,
): Promise<void> {
	// The peer may go at any moment; whoever reads the socket learns it from its end.
	socket.on("error", (error) => context.log.debug("stream connection broke", { error: error.message }));
	try {
		if (wantsPlainAnswer(context, message)) answerPlainly(plain, message, socket);
		else await serveUpgrade(context, authenticators, message, socket, head);
	} catch (error) {
		const { failure, isUnexpected } = toStatusError(error);
		if (isUnexpected) context.log.error("stream failed", { url: message.url, error: String(error) });
		refuse(socket, failure);
	}
}

/**
 * Where there is nothing to upgrade to, the header counts for nothing: kubectl before 1.24 sends it with ordinary GETs during `cp`. What has
 * a body is refused all the same, because Node reads none of an upgrade; so is a watch over a WebSocket, which would not be understood.
 */
function wantsPlainAnswer({ catalog, remoteApis }: ServerContext, { method = "GET", url = "/", headers }: IncomingMessage): boolean {
	const path = url.split("?", 1)[0] ?? "/";
	if (method !== "GET" || headers.upgrade?.toLowerCase() === "websocket" || remoteApis?.serves(path) === true) return false;
	try {
		return !streams.has(resolveTarget(catalog().index, method, path, false).resource.subresource);
	} catch (error) {
		// What is no resource is answered as it is without an upgrade, too.
		if (isStatusError(error)) return true;
		throw error;
	}
}

function answerPlainly(
	plain: (message: IncomingMessage, response: ServerResponse) => void,
	message: IncomingMessage,
	socket: Duplex,
): void {
	const response = new ServerResponse(message);
	response.shouldKeepAlive = false;
	// Of a server's sockets only those of TCP and TLS upgrade.
	response.assignSocket(socket as Socket);
	response.once("finish", () => {
		response.detachSocket(socket as Socket);
		socket.end();
	});
	plain(message, response);
}

async function serveUpgrade(
	context: ServerContext,
	authenticators: Authenticators,
	message: IncomingMessage,
	socket: Duplex,
	head: Buffer,
): Promise<void> {
	const { auditor, catalog, clock, metrics, random, streaming } = context;
	const audit = auditor && followMessage(auditor, message, random.uuid(), clock.now());
	const user = await authenticate(message, authenticators, clock.now(), audit);
	const { method = "GET", url = "/" } = message;
	const query = queryOf(url);
	const path = url.split("?", 1)[0] ?? "/";
	if (context.remoteApis?.serves(path) === true) {
		await authorizeRemote(context, user, method, url, audit);
		audit?.started(101);
		await context.remoteApis.proxyUpgrade(user, path, message, socket, head).finally(() => audit?.completed(101));
		return;
	}
	const target = resolveTarget(catalog().index, method, path, false);
	if (!streams.has(target.resource.subresource)) throw newBadRequest(`${url} does not take upgrade requests`);
	if (streaming === undefined) throw newNotImplemented(`${target.resource.resource}/${target.resource.subresource}`);
	const startMs = clock.now();
	const series = metrics.ofTarget(target, "connect", false);
	series.longRunning.add();
	let code = 101;
	try {
		const stream = { user, request: bareRequest(target, audit), query };
		audit?.started(code);
		if (target.resource.subresource === "proxy") {
			await streaming.proxyUpgrade({ ...stream, ...splitProxyPath(path, target) }, message, socket, head);
		} else await streaming.upgrade(stream, message, socket, head);
	} catch (error) {
		const { failure } = toStatusError(error);
		code = failure.code;
		audit?.responded(failure.status);
		throw error;
	} finally {
		audit?.completed(code);
		series.longRunning.add(-1);
		series.count(code, (clock.now() - startMs) / 1000, 0);
	}
}

function refuse(socket: Duplex, failure: StatusError): void {
	if (!socket.writable) return;
	const body = `${JSON.stringify(failure.status)}\n`;
	socket.end(
		`HTTP/1.1 ${failure.code} ${STATUS_CODES[failure.code] ?? "Error"}\r\n` +
			"Content-Type: application/json\r\n" +
			"Connection: close\r\n" +
			`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
	);
}
