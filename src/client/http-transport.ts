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
}

export class HttpTransport implements Transport {
	readonly #base: URL;
	readonly #agent: HttpAgent;
	readonly #send: typeof httpRequest;
	readonly #headers: Readonly<Record<string, string>>;

	constructor(options: HttpTransportOptions) {
		this.#base = new URL(options.server);
		const secure = this.#base.protocol === "https:";
		this.#send = secure ? httpsRequest : httpRequest;
		this.#agent = secure ? new HttpsAgent({ keepAlive: true, ...tlsOptions(options) }) : new HttpAgent({ keepAlive: true });
		this.#headers = {
			accept: "application/json",
			"user-agent": options.userAgent ?? "kubesim",
			...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
		};
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		const response = await this.#exchange(request, new AbortController().signal);
		const text = await readText(response);
		const code = response.statusCode ?? 0;
		if (code >= 400) throw failureOf(code, text);
		return { object: JSON.parse(text) as ApiResponse["object"], code, warnings: warningsOf(response) };
	}

	async watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		const abort = new AbortController();
		const response = await this.#exchange(request, abort.signal);
		const code = response.statusCode ?? 0;
		if (code >= 400) throw failureOf(code, await readText(response));
		void relayEvents(response, sink, abort.signal);
		return { stop: () => abort.abort() };
	}

	/** Closes idle connections and lets none stay open. */
	close(): void {
		this.#agent.destroy();
	}

	#exchange(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
		const body = bodyOf(request);
		const options: RequestOptions = {
			agent: this.#agent,
			method: methodOf(request.verb),
			headers: { ...this.#headers, ...(body === undefined ? {} : bodyHeaders(request, body)) },
			signal,
		};
		const url = new URL(this.#base.pathname.replace(/\/$/, "") + pathOf(request), this.#base);
		return new Promise((resolve, reject) => {
			const outgoing: ClientRequest = this.#send(url, options, resolve);
			outgoing.on("error", reject);
			outgoing.end(body);
		});
	}
}

function tlsOptions(options: HttpTransportOptions) {
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
function bodyHeaders({ verb, patchType }: ApiRequest, body: string): Record<string, string> {
	return {
		"content-type": verb === "patch" ? (patchType ?? "application/merge-patch+json") : "application/json",
		"content-length": String(Buffer.byteLength(body)),
	};
}

async function readText(response: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of response) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString("utf8");
}

/** The server's Status, or one made up for an answer that has none (a proxy's, say). */
function failureOf(code: number, text: string): StatusError {
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
