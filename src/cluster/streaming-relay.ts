/**
 * Logs, exec, attach, port-forward and proxied requests where servers take turns in running the nodes: what comes to a server that does not
 * is passed on, byte for byte, to the one that does. As an API server to a kubelet, this one shows a certificate of its own
 * and says for whom it asks; here by impersonation, so that the other one decides what its user may.
 */
import { type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { newServiceUnavailable } from "../apimachinery/status-error.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import type { ProxyStream, StreamingEndpoint, StreamRequest } from "../apiserver/http/api-handler.ts";

export interface StreamingRelayOptions {
	/** Serves what is for nodes of this server. */
	readonly own: StreamingEndpoint;
	/** Whether this server runs the nodes, or where the one answers that does; undefined if nobody says so. */
	readonly whereNodesAre: () => "here" | string | undefined;
	/** PEM: of a user who may impersonate others. */
	readonly credentials: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** On what was passed on once: while the nodes move, two servers may each take the other for the one that has them. */
const relayedHeader = "x-kubesim-relayed";

export class StreamingRelay implements StreamingEndpoint {
	readonly #options: StreamingRelayOptions;
	/** Connections under way. */
	readonly #active = new Set<AbortController>();

	constructor(options: StreamingRelayOptions) {
		this.#options = options;
	}

	async log(stream: StreamRequest, response: ServerResponse): Promise<void> {
		const where = this.#where(response.req);
		if (where === "here") return this.#options.own.log(stream, response);
		const { namespace = "", name = "" } = stream.request;
		const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/log?${stream.query}`;
		await this.#during(async (signal) => {
			response.once("close", () => this.#end(signal));
			const answer = await this.#ask(where, { method: "GET", path, headers: impersonating(stream.user), signal });
			if (answer.upgraded !== undefined) throw newServiceUnavailable("the answer to a log is an upgrade");
			response.writeHead(answer.message.statusCode ?? 502, { "Content-Type": answer.message.headers["content-type"] ?? "text/plain" });
			response.flushHeaders();
			await pipeline(answer.message, response, { signal }).catch(() => undefined);
		});
	}

	async proxy(stream: ProxyStream, message: IncomingMessage, response: ServerResponse): Promise<void> {
		const where = this.#where(message);
		if (where === "here") return this.#options.own.proxy(stream, message, response);
		await this.#during(async (signal) => {
			response.once("close", () => this.#end(signal));
			const headers = { ...passedOn(message), ...impersonating(stream.user) };
			const request = { method: message.method ?? "GET", path: message.url ?? "/", headers, signal };
			const { message: answer, upgraded } = await this.#ask(where, request, message);
			if (upgraded !== undefined) throw newServiceUnavailable("the answer to a plain request is an upgrade");
			const { connection: _, "transfer-encoding": __, ...kept } = answer.headers;
			response.writeHead(answer.statusCode ?? 502, kept);
			await pipeline(answer, response, { signal }).catch(() => undefined);
		});
	}

	async proxyUpgrade(stream: ProxyStream, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		const where = this.#where(message);
		if (where === "here") return this.#options.own.proxyUpgrade(stream, message, socket, head);
		await this.#passUpgrade(where, stream, message, socket, head);
	}

	async upgrade(stream: StreamRequest, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		const where = this.#where(message);
		if (where === "here") return this.#options.own.upgrade(stream, message, socket, head);
		await this.#passUpgrade(where, stream, message, socket, head);
	}

	async #passUpgrade(where: string, stream: StreamRequest, message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
		await this.#during(async (signal) => {
			socket.once("close", () => this.#end(signal));
			const headers = { ...passedOn(message), ...impersonating(stream.user) };
			const { message: answer, upgraded } = await this.#ask(where, {
				method: message.method ?? "GET",
				path: message.url ?? "/",
				headers,
				signal,
			});
			socket.write(headOf(answer));
			if (upgraded === undefined) {
				await pipeline(answer, socket).catch(() => undefined);
				return;
			}
			socket.write(upgraded.head);
			upgraded.socket.write(head);
			// Either side may go away in the middle; then the other one goes, too.
			await Promise.all([pipeline(socket, upgraded.socket), pipeline(upgraded.socket, socket)]).catch(() => undefined);
			upgraded.socket.destroy();
			socket.destroy();
		});
	}

	close(): void {
		for (const controller of [...this.#active]) controller.abort();
		this.#options.own.close();
	}

	#where(message: IncomingMessage): string {
		const where = this.#options.whereNodesAre();
		if (where === "here") return where;
		if (where === undefined || message.headers[relayedHeader] !== undefined)
			throw newServiceUnavailable("no server of this cluster runs its nodes now, or says where it answers");
		return where;
	}

	async #during(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
		const controller = new AbortController();
		this.#active.add(controller);
		try {
			await work(controller.signal);
		} finally {
			this.#active.delete(controller);
		}
	}

	#end(signal: AbortSignal): void {
		for (const controller of this.#active) if (controller.signal === signal) controller.abort();
	}

	/** Rejects with ServiceUnavailable if the other server does not answer. @param body absent: there is none */
	#ask(
		url: string,
		request: { readonly method: string; readonly path: string; readonly headers: OutgoingHttpHeaders; readonly signal: AbortSignal },
		body?: IncomingMessage,
	): Promise<Answer> {
		return new Promise((resolve, reject) => {
			const { ca, cert, key } = this.#options.credentials;
			const call = httpsRequest(url, { ...request, ca, cert, key, agent: false });
			call.on("response", (message) => resolve({ message, upgraded: undefined }));
			call.on("upgrade", (message, socket, head) => resolve({ message, upgraded: { socket, head } }));
			call.on("error", (error) =>
				reject(newServiceUnavailable(`the server that runs the nodes, at ${url}, does not answer: ${error.message}`)),
			);
			if (body === undefined) call.end();
			else body.pipe(call);
		});
	}
}

interface Answer {
	readonly message: IncomingMessage;
	readonly upgraded: { readonly socket: Duplex; readonly head: Buffer } | undefined;
}

function impersonating({ name, groups = [] }: UserInfo): OutgoingHttpHeaders {
	return { "impersonate-user": name, ...(groups.length === 0 ? {} : { "impersonate-group": [...groups] }), [relayedHeader]: "1" };
}

/** What the caller asked for, but not who it is. */
function passedOn({ headers }: IncomingMessage): OutgoingHttpHeaders {
	const entries = Object.entries(headers).filter(
		([key]) => key !== "host" && key !== "authorization" && !key.startsWith("impersonate-") && !key.startsWith(":"),
	);
	return Object.fromEntries(entries);
}

function headOf({ statusCode = 502, rawHeaders }: IncomingMessage): string {
	const lines = [`HTTP/1.1 ${statusCode} ${STATUS_CODES[statusCode] ?? ""}`];
	for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
		// The body comes decoded, and the connection ends with it.
		if (/^transfer-encoding$/i.test(rawHeaders[index] ?? "")) continue;
		lines.push(`${rawHeaders[index]}: ${rawHeaders[index + 1]}`);
	}
	return `${lines.join("\r\n")}\r\n\r\n`;
}
