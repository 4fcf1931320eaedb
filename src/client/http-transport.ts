/**
 * A transport to any Kubernetes API server over HTTP or HTTPS, for those outside the server's process.
 * JSON only. Connections are kept alive and shared; each watch has one of its own.
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { ApiRequest, ApiResponse, WatchEvent, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import { isJsonObject } from "../apimachinery/json.ts";
import type { Status } from "../apimachinery/schema/generated/types.ts";
import { newInternalError, StatusError } from "../apimachinery/status-error.ts";
import { methodOf, pathOf } from "./http-path.ts";
import type { Transport } from "./transport.ts";

/** How to reach a server and who we are to it, as a kubeconfig says it. All certificates and keys are PEM. */
export interface HttpTransportOptions {
	/** `https://127.0.0.1:6443`; a path in it is a prefix of every request. */
	readonly server: string;
	/** Absent: the machine's own trust. */
	readonly certificateAuthority?: string | undefined;
	readonly clientCertificate?: string | undefined;
	readonly clientKey?: string | undefined;
	readonly token?: string | undefined;
	/** Name to check the server's certificate against, if not the host's. */
	readonly tlsServerName?: string | undefined;
	readonly insecureSkipTlsVerify?: boolean | undefined;
	readonly userAgent?: string | undefined;
	/** Asks in this user's name, which the server allows to some. */
	readonly impersonate?: string | undefined;
}

/** A request that is no verb on a resource: of discovery, of a log, through a proxy. */
export interface RawRequest {
	/** With its query. */
	readonly path: string;
	readonly method?: string;
	/** By names in lower case: put over those of every request. */
	readonly headers?: Readonly<Record<string, string>>;
	/** JSON. */
	readonly body?: string;
}

export class HttpTransport implements Transport {
	readonly #base: URL;
	readonly #agent: HttpAgent;
	readonly #request: typeof httpRequest;
	readonly #headers: Readonly<Record<string, string>>;

	constructor(options: HttpTransportOptions) {
		this.#base = new URL(options.server);
		const secure = this.#base.protocol === "https:";
		this.#request = secure ? httpsRequest : httpRequest;
		this.#agent = secure ? new HttpsAgent({ keepAlive: true, ...tlsOptions(options) }) : new HttpAgent({ keepAlive: true });
		this.#headers = { accept: "application/json", ...identityHeaders(options) };
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		const response = await this.#send(request);
		const text = await readText(response);
		const code = response.statusCode ?? 0;
		if (code >= 400) throw failureOf(code, text);
		return { object: JSON.parse(text) as ApiResponse["object"], code, warnings: warningsOf(response) };
	}

	async watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		const abort = new AbortController();
		const response = await this.#send(request, abort.signal);
		const code = response.statusCode ?? 0;
		if (code >= 400) throw failureOf(code, await readText(response));
		void relayEvents(response, sink, abort.signal);
		return { stop: () => abort.abort() };
	}

	/** Resolves to the answer, whatever its code. */
	raw({ path, method = "GET", headers, body }: RawRequest, signal?: AbortSignal): Promise<IncomingMessage> {
		return this.#exchange({ path, method, headers: { ...(body === undefined ? {} : bodyHeaders(body)), ...headers }, body, signal });
	}

	/** An answer to be read as it comes. Rejects with a `StatusError` for every answer of 400 and above. */
	async stream(request: RawRequest): Promise<IncomingMessage> {
		const response = await this.raw(request);
		const code = response.statusCode ?? 0;
		if (code >= 400) throw failureOf(code, await readText(response));
		return response;
	}

	/** The whole of an answer. Rejects as `stream`. */
	async text(request: RawRequest): Promise<string> {
		return await readText(await this.stream(request));
	}

	/** Closes idle connections and lets none stay open. */
	close(): void {
		this.#agent.destroy();
	}

	#send(request: ApiRequest, signal?: AbortSignal): Promise<IncomingMessage> {
		const body = bodyOf(request);
		const headers = body === undefined ? {} : bodyHeaders(body, request.verb === "patch" ? (request.patchType ?? mergePatch) : undefined);
		return this.#exchange({ path: pathOf(request), method: methodOf(request.verb), headers, body, signal });
	}

	#exchange({ path, method, headers, body, signal }: Exchange): Promise<IncomingMessage> {
		const options: RequestOptions = {
			agent: this.#agent,
			method,
			headers: { ...this.#headers, ...headers },
			...(signal === undefined ? {} : { signal }),
		};
		const url = new URL(this.#base.pathname.replace(/\/$/, "") + path, this.#base);
		return new Promise((resolve, reject) => {
			const outgoing: ClientRequest = this.#request(url, options, resolve);
			outgoing.on("error", reject);
			outgoing.end(body);
		});
	}
}

interface Exchange {
	readonly path: string;
	readonly method: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string | undefined;
	readonly signal: AbortSignal | undefined;
}

const mergePatch = "application/merge-patch+json";

/** Who asks, as every request says it. */
export function identityHeaders({ userAgent = "kubesim", token, impersonate }: HttpTransportOptions): Readonly<Record<string, string>> {
	return {
		"user-agent": userAgent,
		...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
		...(impersonate === undefined ? {} : { "impersonate-user": impersonate }),
	};
}

/** As Node's TLS takes it. */
export function tlsOptions(options: HttpTransportOptions) {
	return {
		...(options.certificateAuthority === undefined ? {} : { ca: options.certificateAuthority }),
		...(options.clientCertificate === undefined ? {} : { cert: options.clientCertificate }),
		...(options.clientKey === undefined ? {} : { key: options.clientKey }),
		...(options.tlsServerName === undefined ? {} : { servername: options.tlsServerName }),
		rejectUnauthorized: options.insecureSkipTlsVerify !== true,
	};
}

function bodyOf({ body, deleteOptions }: ApiRequest): string | undefined {
	if (body !== undefined) return JSON.stringify(body);
	return deleteOptions === undefined ? undefined : JSON.stringify({ apiVersion: "v1", kind: "DeleteOptions", ...deleteOptions });
}

/** The length must be said: Node sends the body of a DELETE without one otherwise, and then it is no body. */
function bodyHeaders(body: string, contentType = "application/json"): Record<string, string> {
	return { "content-type": contentType, "content-length": String(Buffer.byteLength(body)) };
}

export async function readText(response: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of response) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString("utf8");
}

/** The server's Status, or one made up for an answer that has none (a proxy's, say). */
export function failureOf(code: number, text: string): StatusError {
	const status = parseStatus(text);
	if (status !== undefined) return new StatusError(status);
	return new StatusError({ ...newInternalError(`the server answered ${code}: ${text.slice(0, 200)}`).status, code });
}

function parseStatus(text: string): Status | undefined {
	try {
		const value: unknown = JSON.parse(text);
		return isJsonObject(value) && value.kind === "Status" ? (value as Status) : undefined;
	} catch {
		return undefined;
	}
}

/** `299 - "text"`, the quotes escaped: RFC 7234, section 5.5. */
function warningsOf(response: IncomingMessage): string[] {
	const header = response.headers.warning ?? "";
	return [...header.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g)].map((match) => (match[1] ?? "").replaceAll(/\\(.)/g, "$1"));
}

/** Hands the stream's events, one JSON text a line, to the sink. Never rejects. */
async function relayEvents(response: IncomingMessage, sink: WatchSink, stopped: AbortSignal): Promise<void> {
	let failure: Error | undefined;
	try {
		for await (const line of linesOf(response)) {
			if (stopped.aborted) return;
			sink.onEvent(JSON.parse(line) as WatchEvent);
		}
	} catch (error) {
		failure = error instanceof Error ? error : new Error(String(error));
	}
	if (!stopped.aborted) sink.onEnd(failure);
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
	response.setEncoding("utf8");
	/** What came of the line that is not complete yet: joined only once its end is here. */
	let pending: string[] = [];
	for await (const chunk of response) {
		const [head = "", ...rest] = (chunk as string).split("\n");
		pending.push(head);
		for (const next of rest) {
			const line = pending.join("");
			pending = [next];
			if (line !== "") yield line;
		}
	}
}
