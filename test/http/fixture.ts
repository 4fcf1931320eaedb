/**
 * A whole API server behind its HTTP front door, on a memory store in virtual time and without sockets: requests as raw
 * as a client's, answers as raw as the wire's.
 */
import { VirtualClock } from "../../src/apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../src/apimachinery/log.ts";
import type { KubeObject } from "../../src/apimachinery/meta.ts";
import { SeededRandom } from "../../src/apimachinery/random.ts";
import { ApiServer } from "../../src/apiserver/api-server.ts";
import { createFlowControl } from "../../src/apiserver/flowcontrol/server-flow-control.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "../../src/apiserver/http/server.ts";
import { loadOrCreatePki, type Pki } from "../../src/apiserver/pki/pki.ts";
import { createMemoryStore, type MaintainedStore } from "../../src/store/index.ts";

/** Undefined leaves a header out that would be sent otherwise. */
export type Headers = Readonly<Record<string, string | undefined>>;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD" | "OPTIONS";

export interface Answer {
	readonly code: number;
	readonly headers: Readonly<Record<string, string | string[] | number | undefined>>;
	readonly text: string;
	readonly bytes: Buffer;
	/** The body, parsed. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
	readonly json: any;
}

/** One line of a watch. */
export interface Line {
	readonly type: string;
	// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every shape
	readonly object: any;
}

export interface Fixture {
	readonly clock: VirtualClock;
	readonly store: MaintainedStore;
	readonly server: ApiServer;
	readonly http: HttpServer;
	readonly pki: Pki;
	/** A request of the administrator, unless the headers name another user. */
	send(method: Method, path: string, body?: string | Buffer | object, headers?: Headers): Promise<Answer>;
	get(path: string, headers?: Headers): Promise<Answer>;
	/** The code and message of an answer that must be a Status. */
	refusal(method: Method, path: string, body?: string | Buffer | object, headers?: Headers): Promise<string>;
	/** Watches for `timeoutSeconds` (default 60) while `during` does things, and returns the lines. */
	watch(
		path: string,
		during?: () => Promise<unknown>,
		options?: { readonly headers?: Headers; readonly seconds?: number },
	): Promise<Line[]>;
	create(path: string, object: KubeObject & Readonly<Record<string, unknown>>): Promise<void>;
	close(): Promise<void>;
}

/** Making keys is the slow part: once a process of tests. */
const pki = await loadOrCreatePki(undefined, { nowMs: Date.UTC(2026, 0, 1) });

const tokens: Readonly<Record<string, { readonly name: string; readonly groups: readonly string[] }>> = {
	admin: { name: "kubernetes-admin", groups: ["system:masters"] },
	jane: { name: "jane", groups: ["dev"] },
};

/** Starts a server that has the namespaces `default` and `other`. */
export async function startFixture(options: Partial<HttpServerOptions> = {}): Promise<Fixture> {
	const clock = new VirtualClock();
	const store = await createMemoryStore({ clock });
	const server = new ApiServer({ store, clock, random: new SeededRandom("server"), log: silentLog, tokenKeys: pki.serviceAccount });
	await server.start();
	const http = createHttpServer({
		handler: server,
		clock,
		random: new SeededRandom("http"),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
		authenticateToken: async (token) => tokens[token],
		authorizePath: (user, verb, path) => server.authorizePath(user, verb, path),
		metrics: [server.metrics],
		flowControl: createFlowControl(server, clock),
		...options,
	});
	const fixture = new HttpFixture(clock, store, server, http);
	for (const name of ["default", "other"]) await fixture.create("/api/v1/namespaces", { metadata: { name } });
	return fixture;
}

class HttpFixture implements Fixture {
	readonly clock: VirtualClock;
	readonly store: MaintainedStore;
	readonly server: ApiServer;
	readonly http: HttpServer;
	readonly pki = pki;

	constructor(clock: VirtualClock, store: MaintainedStore, server: ApiServer, http: HttpServer) {
		this.clock = clock;
		this.store = store;
		this.server = server;
		this.http = http;
	}

	async send(method: Method, path: string, body?: string | Buffer | object, headers: Headers = {}): Promise<Answer> {
		const payload = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
		const response = await this.http.inject({
			method,
			url: path,
			headers: withoutUndefined({
				authorization: "Bearer admin",
				"content-type": payload === undefined ? undefined : "application/json",
				...headers,
			}),
			...(payload === undefined ? {} : { payload }),
		});
		return {
			code: response.statusCode,
			headers: response.headers,
			text: response.body,
			bytes: response.rawPayload,
			get json() {
				return JSON.parse(response.body) as unknown;
			},
		};
	}

	get(path: string, headers?: Headers): Promise<Answer> {
		return this.send("GET", path, undefined, headers);
	}

	async refusal(method: Method, path: string, body?: string | Buffer | object, headers?: Headers): Promise<string> {
		const { code, json, text } = await this.send(method, path, body, headers);
		const { kind, status, reason = "", message } = json as Record<string, string>;
		if (kind !== "Status" || status !== "Failure" || json.code !== code) throw new Error(`not a failure: ${code} ${text.slice(0, 500)}`);
		return `${code} ${reason}: ${message}`;
	}

	async watch(
		path: string,
		during: () => Promise<unknown> = async () => undefined,
		{ headers = {}, seconds = 60 }: { readonly headers?: Headers; readonly seconds?: number } = {},
	): Promise<Line[]> {
		const separator = path.includes("?") ? "&" : "?";
		const pending = this.get(`${path}${separator}watch=true&timeoutSeconds=${seconds}`, headers);
		await settle();
		await during();
		await settle();
		await this.clock.advance(seconds * 1000);
		const { code, text } = await pending;
		if (code !== 200) throw new Error(`not a watch: ${code} ${text}`);
		return text
			.split("\n")
			.filter((line) => line !== "")
			.map((line) => JSON.parse(line) as Line);
	}

	async create(path: string, object: KubeObject & Readonly<Record<string, unknown>>): Promise<void> {
		const { code, text } = await this.send("POST", path, object);
		if (code !== 201) throw new Error(`not created: ${code} ${text}`);
	}

	async close(): Promise<void> {
		await this.http.close();
		this.server.stop();
		await this.store.close();
	}
}

function withoutUndefined(headers: Headers): Record<string, string> {
	return Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Lets whatever needs no time run to its end. */
export async function settle(): Promise<void> {
	for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
}

/** `TYPE name@resourceVersion` of each line, for short comparisons. */
export function brief(lines: readonly Line[]): string[] {
	return lines.map(({ type, object }) => (type === "BOOKMARK" ? "BOOKMARK" : `${type} ${object.metadata?.name ?? object.reason}`));
}
