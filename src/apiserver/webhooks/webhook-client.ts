/**
 * The one client for every server that this one asks by HTTPS: admission webhooks, audit back ends, conversion.
 *
 *   post ─▶ connection (kept alive) ─▶ TLS: caBundle or the system's authorities, name `svc.namespace.svc` ─▶ POST ?timeout=…
 *                                                                         ◀─ answer of at most 3 MiB, redirects followed
 *
 * A failure is a `WebhookCallError` whose text is what kube-apiserver would say after `failed to call webhook: `.
 * Source: k8s.io/apiserver/pkg/util/webhook/client.go; k8s.io/client-go/rest; Go's net/http (redirects).
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import type { Clock, Timer } from "../../apimachinery/clock/clock.ts";
import { isJsonObject, type JsonObject } from "../../apimachinery/json.ts";
import { describeJsonError } from "../../apimachinery/json-syntax.ts";
import { EndpointAgent, type Network, type WebhookEndpoint } from "./endpoint-agent.ts";
import { connectionError } from "./go-network-errors.ts";
import { errorOfAnswer, type HttpAnswer } from "./rest-errors.ts";

export interface CallOptions {
	/** In real milliseconds: servers outside the simulation live on the machine's time. Over 0. */
	readonly timeoutMs: number;
	/** Whether the other side is told how long it has, in the query; default true. */
	readonly isTimeoutTold?: boolean;
	/**
	 * Who asks uses Go's net/http by itself, without client-go around it: other texts, answers of any size (up to 256 MiB here). Default
	 * false.
	 */
	readonly isPlain?: boolean;
}

/** A server could not be asked, or its answer is of no use; the text is upstream's. */
export class WebhookCallError extends Error {
	override readonly name = "WebhookCallError";
}

/** As a request's own limit. */
const maxAnswerBytes = 3 * 1024 * 1024;
/** Go has no limit of its own. */
const maxPlainAnswerBytes = 256 * 1024 * 1024;
/** As Go's net/http. */
const maxRedirects = 10;
/** How many servers' connections are kept, as upstream's cache of clients. */
const maxAgents = 200;

export class WebhookClient {
	readonly #network: Network;
	readonly #clock: Clock;
	readonly #userAgent: string;
	/** Least recently used first. */
	readonly #agents = new Map<string, EndpointAgent>();

	/** @param options.clock real time. */
	constructor(options: { readonly network: Network; readonly clock: Clock; readonly userAgent: string }) {
		this.#network = options.network;
		this.#clock = options.clock;
		this.#userAgent = options.userAgent;
	}

	/** POSTs a JSON value; resolves to the JSON object of the answer. Rejects with a `WebhookCallError`. */
	async call(endpoint: WebhookEndpoint, value: unknown, options: CallOptions): Promise<JsonObject> {
		const answer = await this.post(endpoint, Buffer.from(JSON.stringify(value)), options);
		const failure = errorOfAnswer(answer);
		if (failure !== undefined) throw new WebhookCallError(failure);
		return readObject(answer);
	}

	/** POSTs JSON; resolves to whatever is answered after redirects. Rejects with a `WebhookCallError`. */
	async post(
		endpoint: WebhookEndpoint,
		body: Buffer,
		{ timeoutMs, isTimeoutTold = true, isPlain = false }: CallOptions,
	): Promise<HttpAnswer> {
		// What the other side may count on, in whole seconds.
		const target = targetOf(endpoint, isTimeoutTold ? `?timeout=${Math.ceil(timeoutMs / 1000)}s` : "");
		const deadline = new Deadline(this.#clock, timeoutMs, isPlain);
		try {
			return await this.#follow(endpoint, { method: "POST", target, body }, deadline);
		} finally {
			deadline.cancel();
		}
	}

	/** Ends connections that nobody uses, and those in use. */
	close(): void {
		for (const agent of this.#agents.values()) agent.destroy();
		this.#agents.clear();
	}

	async #follow(endpoint: WebhookEndpoint, first: Hop, deadline: Deadline): Promise<HttpAnswer> {
		let hop = first;
		for (let redirects = 0; ; redirects++) {
			const message = await this.#send(endpoint, hop, deadline).catch((error: Error) => {
				throw failed(hop, error.message);
			});
			const next = redirected(hop, message);
			if (next === undefined) return await readAnswer(message, deadline);
			message.resume();
			if (redirects === maxRedirects - 1) throw failed(hop, "stopped after 10 redirects");
			hop = next;
		}
	}

	/** Resolves to the head of the answer. A kept connection that its server has just closed is no failure: another one is tried. */
	async #send(endpoint: WebhookEndpoint, hop: Hop, deadline: Deadline): Promise<IncomingMessage> {
		for (;;) {
			const request = this.#request(endpoint, hop);
			try {
				return await responseTo(request, hop.body, deadline);
			} catch (error) {
				if (!request.reusedSocket || deadline.isOver) throw error;
			}
		}
	}

	#request(endpoint: WebhookEndpoint, { method, target, body }: Hop): ClientRequest {
		return httpRequest({
			agent: this.#agentOf(endpoint, target),
			method,
			host: target.host,
			port: target.port,
			path: target.path,
			setHost: false,
			headers: {
				...endpoint.headers,
				Host: target.authority,
				"User-Agent": this.#userAgent,
				Accept: "application/json, */*",
				...(method === "POST" ? { "Content-Type": "application/json", "Content-Length": body.length } : {}),
			},
		});
	}

	#agentOf(endpoint: WebhookEndpoint, { protocol }: Target): EndpointAgent {
		const key = JSON.stringify([protocol, endpoint]);
		const agent = this.#agents.get(key) ?? new EndpointAgent(endpoint, protocol === "https:", this.#network, this.#clock);
		this.#agents.delete(key);
		this.#agents.set(key, agent);
		const [oldest] = this.#agents.keys();
		if (this.#agents.size > maxAgents && oldest !== undefined) {
			this.#agents.get(oldest)?.destroy();
			this.#agents.delete(oldest);
		}
		return agent;
	}
}

/** What is asked for. */
interface Target {
	readonly protocol: "https:" | "http:";
	/** Host and port as they were written: errors and the Host header show them. */
	readonly authority: string;
	readonly host: string;
	readonly port: number;
	/** With the query. */
	readonly path: string;
}

/** One request of the chain that redirects make. */
interface Hop {
	readonly method: "POST" | "GET";
	readonly target: Target;
	readonly body: Buffer;
}

function failed({ target }: Hop, why: string): WebhookCallError {
	return new WebhookCallError(`Post ${JSON.stringify(formatTarget(target))}: ${why}`);
}

function formatTarget({ protocol, authority, path }: Target): string {
	return `${protocol}//${authority}${path}`;
}

function targetOf({ url, service }: WebhookEndpoint, query: string): Target {
	if (service !== undefined) {
		const { namespace, name, path = "", port = 443 } = service;
		const host = `${name}.${namespace}.svc`;
		return { protocol: "https:", authority: `${host}:${port}`, host, port, path: cleanPath(path) + query };
	}
	if (url === undefined) throw new WebhookCallError("webhook configuration must have either service or URL");
	const target = parseTarget(url);
	return { ...target, path: cleanPath(target.path) + query };
}

/** client-go joins paths: no slash at the end, never an empty one. */
function cleanPath(path: string): string {
	return `/${path
		.split("/")
		.filter((segment) => segment !== "")
		.join("/")}`;
}

function parseTarget(text: string, base?: string): Target {
	const { protocol, hostname, port, host, pathname, search } = new URL(text, base);
	const isSecure = protocol === "https:";
	return {
		protocol: isSecure ? "https:" : "http:",
		authority: /^[a-z]+:\/\/([^/?#]+)/i.exec(text)?.[1] ?? host,
		host: hostname.replace(/^\[|\]$/g, ""),
		port: port === "" ? (isSecure ? 443 : 80) : Number(port),
		path: pathname + search,
	};
}

/** Where an answer sends its client; undefined if it is an answer. */
function redirected(hop: Hop, { statusCode = 0, headers }: IncomingMessage): Hop | undefined {
	const { location = "" } = headers;
	const isKept = statusCode === 307 || statusCode === 308;
	if (![301, 302, 303].includes(statusCode) && !isKept) return undefined;
	if (location === "" && isKept) return undefined;
	if (location === "") throw failed(hop, `${statusCode} response missing Location header`);
	const base = formatTarget(hop.target);
	if (!URL.canParse(location, base)) throw failed(hop, `failed to parse Location header ${JSON.stringify(location)}: invalid URL`);
	const target = parseTarget(location, base);
	return isKept ? { ...hop, target } : { method: "GET", target, body: Buffer.alloc(0) };
}

/** The time that a call has, all its requests together. */
class Deadline {
	readonly #controller = new AbortController();
	readonly #timer: Timer;

	/** Of Go's http.Client alone. */
	readonly isPlain: boolean;

	constructor(clock: Clock, timeoutMs: number, isPlain: boolean) {
		this.isPlain = isPlain;
		this.#timer = clock.setTimeout(() => this.#controller.abort(), timeoutMs);
	}

	get isOver(): boolean {
		return this.#controller.signal.aborted;
	}

	/** Calls `listener` when the time is up, until the returned function is called. */
	onEnd(listener: () => void): () => void {
		const { signal } = this.#controller;
		signal.addEventListener("abort", listener, { once: true });
		if (signal.aborted) listener();
		return () => signal.removeEventListener("abort", listener);
	}

	cancel(): void {
		this.#timer.cancel();
	}
}

const timeIsUp = "context deadline exceeded";

async function responseTo(request: ClientRequest, body: Buffer, deadline: Deadline): Promise<IncomingMessage> {
	const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
	const forget = deadline.onEnd(() => {
		reject(new Error(deadline.isPlain ? `${timeIsUp} (Client.Timeout exceeded while awaiting headers)` : timeIsUp));
		request.destroy();
	});
	request.once("response", resolve);
	request.once("upgrade", (message, socket) => {
		socket.destroy();
		resolve(message);
	});
	// For as long as the request lives: what comes after the answer's head is its body's to tell.
	request.on("error", (error) => reject(new Error(connectionError(error))));
	request.end(body);
	return await promise.finally(forget);
}

async function readAnswer(message: IncomingMessage, deadline: Deadline): Promise<HttpAnswer> {
	const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
	const chunks: Buffer[] = [];
	let sizeBytes = 0;
	const fail = (why: string) => {
		reject(new WebhookCallError(why));
		message.destroy();
	};
	const { isPlain } = deadline;
	const broken = (why: string) => fail(isPlain ? why : `unexpected error when reading response body. Please retry. Original error: ${why}`);
	const forget = deadline.onEnd(() =>
		broken(isPlain ? `${timeIsUp} (Client.Timeout or context cancellation while reading body)` : timeIsUp),
	);
	const limitBytes = isPlain ? maxPlainAnswerBytes : maxAnswerBytes;
	message.on("data", (chunk: Buffer) => {
		chunks.push(chunk);
		sizeBytes += chunk.length;
		if (sizeBytes > limitBytes) fail(`the response body is larger than the limit of ${limitBytes} bytes`);
	});
	message.once("end", () => resolve(Buffer.concat(chunks)));
	message.once("error", () => broken("unexpected EOF"));
	message.once("close", () => {
		if (!message.complete) broken("unexpected EOF");
	});
	const body = await promise.finally(forget);
	return { status: message.statusCode ?? 0, contentType: message.headers["content-type"] ?? "", body };
}

function readObject({ status, contentType, body }: HttpAnswer): JsonObject {
	if (body.length === 0) throw new WebhookCallError(`0-length response with status code: ${status} and content type: ${contentType}`);
	const text = body.toString("utf8");
	try {
		const value: unknown = JSON.parse(text);
		if (isJsonObject(value)) return value;
		const kind = Array.isArray(value) ? "array" : value === null ? "null" : typeof value === "boolean" ? "bool" : typeof value;
		throw new WebhookCallError(
			"couldn't get version/kind; json parse error: json: cannot unmarshal " +
				`${kind} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
		);
	} catch (error) {
		if (error instanceof WebhookCallError) throw error;
		throw new WebhookCallError(`couldn't get version/kind; json parse error: ${describeJsonError(text) ?? String(error)}`);
	}
}
