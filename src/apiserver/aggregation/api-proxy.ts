/**
 * Passes requests on to the server behind an APIService, on behalf of the user who makes them.
 *
 *   client ── HTTPS ──▶ /apis/GROUP/VERSION/… ── HTTPS, X-Remote-User … and the front proxy's certificate ──▶ the other server
 *
 * Source: k8s.io/kube-aggregator/pkg/apiserver/handler_proxy.go; k8s.io/apimachinery/pkg/util/proxy;
 * https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/
 */
import {
	type ClientRequest,
	request as httpRequest,
	type IncomingMessage,
	type OutgoingHttpHeaders,
	type ServerResponse,
	STATUS_CODES,
} from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import { EndpointAgent, type Network, type WebhookEndpoint } from "../webhooks/endpoint-agent.ts";
import { connectionError } from "../webhooks/go-network-errors.ts";
import { refuse } from "./refuse.ts";

/** Headers that concern one connection only (RFC 9110, 7.6.1), and those that nobody else may set. */
const keptBack = /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|authorization|host|x-remote-.*|impersonate-.*)$/;

export interface ApiProxyOptions {
	readonly network: Network;
	/** Real time. */
	readonly clock: Clock;
}

/** A server cannot be asked; the text is Go's. */
export class RemoteServerError extends Error {
	override readonly name = "RemoteServerError";
}

export class ApiProxy {
	readonly #options: ApiProxyOptions;
	/** Connections by server and what is known of it. */
	readonly #agents = new Map<string, EndpointAgent>();

	constructor(options: ApiProxyOptions) {
		this.#options = options;
	}

	/**
	 * Asks for a document, on behalf of a user or, without one, of this server itself. Rejects with RemoteServerError.
	 * @param timeoutMs in real time
	 */
	async get(
		endpoint: WebhookEndpoint,
		path: string,
		timeoutMs: number,
		user?: UserInfo,
	): Promise<{ readonly status: number; readonly body: Buffer }> {
		const headers = { Accept: "application/json", "User-Agent": "kube-aggregator", ...(user === undefined ? {} : identityHeaders(user)) };
		const request = this.#open(endpoint, { method: "GET", path, headers });
		const limit = this.#options.clock.setTimeout(
			() => request.destroy(new Error("context deadline exceeded (Client.Timeout exceeded while awaiting headers)")),
			timeoutMs,
		);
		try {
			request.end();
			const { message } = await answerTo(request);
			const chunks: Buffer[] = [];
			for await (const chunk of message) chunks.push(chunk as Buffer);
			return { status: message.statusCode ?? 0, body: Buffer.concat(chunks) };
		} catch (error) {
			throw new RemoteServerError(error instanceof Error ? error.message : String(error));
		} finally {
			limit.cancel();
		}
	}

	/** Answers with what the server answers. */
	async pass(endpoint: WebhookEndpoint, user: UserInfo, message: IncomingMessage, response: ServerResponse): Promise<void> {
		const request = this.#open(endpoint, { method: message.method ?? "GET", path: message.url ?? "/", headers: headersFor(user, message) });
		response.once("close", () => request.destroy());
		message.pipe(request);
		let answer: IncomingMessage;
		try {
			({ message: answer } = await answerTo(request));
		} catch (error) {
			refuse(response, 503, `error trying to reach service: ${error instanceof Error ? error.message : String(error)}`);
			return;
		}
		const status = answer.statusCode ?? 502;
		// A server must not send the client, with this server's standing, elsewhere.
		if (status >= 300 && status < 400 && status !== 304) {
			answer.resume();
			refuse(response, 502, "the backend attempted to redirect this request, which is not permitted");
			return;
		}
		for (const [name, value] of headerPairs(answer)) response.appendHeader(name, value);
		response.writeHead(status);
		response.flushHeaders();
		// Either side may go away in the middle; the other one learns it from its connection.
		await pipeline(answer, response).catch(() => response.destroy());
	}

	/** The same for a request that asks for another protocol. */
	async passUpgrade(endpoint: WebhookEndpoint, user: UserInfo, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		const { connection, upgrade } = message.headers;
		const headers = { ...headersFor(user, message), connection, upgrade };
		const request = this.#open(endpoint, { method: message.method ?? "GET", path: message.url ?? "/", headers });
		request.end();
		const { message: answer, upgraded } = await answerTo(request);
		const lines = headerPairs(answer, upgraded !== undefined).map(([name, value]) => `${name}: ${value}`);
		const status = `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage ?? STATUS_CODES[answer.statusCode ?? 0] ?? ""}`;
		socket.write(`${[status, ...lines, ...(upgraded === undefined ? ["Connection: close"] : [])].join("\r\n")}\r\n\r\n`);
		if (upgraded === undefined) {
			await pipeline(answer, socket).catch(() => socket.destroy());
			return;
		}
		socket.write(upgraded.head);
		upgraded.socket.write(head);
		const halves = [pipeline(socket, upgraded.socket), pipeline(upgraded.socket, socket)];
		await Promise.race(halves).catch(() => undefined);
		socket.destroy();
		upgraded.socket.destroy();
		await Promise.allSettled(halves);
	}

	/** Ends every connection. */
	close(): void {
		for (const agent of this.#agents.values()) agent.destroy();
		this.#agents.clear();
	}

	#open(
		endpoint: WebhookEndpoint,
		request: { readonly method: string; readonly path: string; readonly headers: OutgoingHttpHeaders },
	): ClientRequest {
		const { network, clock } = this.#options;
		const { namespace = "", name = "", port = 443 } = endpoint.service ?? {};
		const host = `${name}.${namespace}.svc`;
		const key = JSON.stringify(endpoint);
		let agent = this.#agents.get(key);
		if (agent === undefined) {
			agent = new EndpointAgent(endpoint, true, network, clock);
			this.#agents.set(key, agent);
		}
		return httpRequest({ agent, host, port, setHost: false, ...request, headers: { host: `${host}:${port}`, ...request.headers } });
	}
}

interface RemoteAnswer {
	readonly message: IncomingMessage;
	readonly upgraded: { readonly socket: Duplex; readonly head: Buffer } | undefined;
}

function answerTo(request: ClientRequest): Promise<RemoteAnswer> {
	return new Promise((resolve, reject) => {
		request.once("response", (message) => resolve({ message, upgraded: undefined }));
		request.once("upgrade", (message, socket, head) => resolve({ message, upgraded: { socket, head } }));
		// For as long as the request lives: what comes after the answer's head is its body's to tell.
		request.on("error", (error) => reject(new Error(connectionError(error))));
	});
}

/** What the client asks for, and who it is. */
function headersFor(user: UserInfo, message: IncomingMessage): OutgoingHttpHeaders {
	const listed = (message.headers.connection ?? "").split(",").map((header) => header.trim().toLowerCase());
	const kept = Object.entries(message.headers).filter(([header]) => !keptBack.test(header) && !listed.includes(header));
	const before = message.headers["x-forwarded-for"];
	const client = message.socket.remoteAddress ?? "127.0.0.1";
	return {
		...Object.fromEntries(kept),
		"X-Forwarded-For": before === undefined ? client : `${String(before)}, ${client}`,
		...identityHeaders(user),
	};
}

/** The front proxy's word for who asks. */
function identityHeaders({ name, uid = "", groups, extra = {} }: UserInfo): OutgoingHttpHeaders {
	return {
		"X-Remote-User": name,
		...(uid === "" ? {} : { "X-Remote-Uid": uid }),
		...(groups.length === 0 ? {} : { "X-Remote-Group": [...groups] }),
		...Object.fromEntries(Object.entries(extra).map(([key, values]) => [`X-Remote-Extra-${encodeURIComponent(key)}`, [...values]])),
	};
}

/** Headers of an answer as they came. @param isWhole with those of the connection: it becomes the client's */
function headerPairs({ rawHeaders }: IncomingMessage, isWhole = false): readonly (readonly [name: string, value: string])[] {
	const pairs: (readonly [string, string])[] = [];
	for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
		const [name = "", value = ""] = [rawHeaders[at], rawHeaders[at + 1]];
		if (isWhole || !/^(?:connection|keep-alive|transfer-encoding|upgrade|access-control-.*)$/i.test(name)) pairs.push([name, value]);
	}
	return pairs;
}
