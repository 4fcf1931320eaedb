/** What needs a real connection: client certificates, watches, shutdown. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { Agent, get, type RequestOptions } from "node:https";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { newExpired } from "../../apimachinery/status-error.ts";
import { issueClientCertificate, loadOrCreatePki } from "../pki/pki.ts";
import { PortInUseError } from "./errors.ts";
import { MemoryHandler } from "./memory-handler.test-kit.ts";
import { createHttpServer, type HttpServer, type ListenAddress } from "./server.ts";

/** Far from the machine's clock, so that what is checked against the wrong one fails. */
const startMs = Date.UTC(2031, 0, 1);
const pki = await loadOrCreatePki(undefined, { nowMs: startMs });
const strangers = await loadOrCreatePki(undefined, { nowMs: startMs });
const watchPath = "/api/v1/namespaces/default/configmaps?watch=1";

let clock: VirtualClock;
let handler: MemoryHandler;
let server: HttpServer;
let address: ListenAddress;
let agent: Agent;

const create = () =>
	createHttpServer({
		handler,
		clock,
		random: new SeededRandom(1),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
	});

beforeEach(async () => {
	clock = new VirtualClock(startMs);
	handler = new MemoryHandler();
	server = create();
	agent = new Agent({ keepAlive: true });
	address = await server.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(async () => {
	agent.destroy();
	await server.close();
});

/** Requests with a client's own certificate. The server's is of another time than the machine's, so it is not checked. */
async function request(path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
	const [response] = await once(get({ ...address, path, agent, rejectUnauthorized: false, ...options }), "response");
	return response as IncomingMessage;
}

async function json(response: IncomingMessage): Promise<{ code?: number; items?: unknown }> {
	const chunks: Buffer[] = [];
	for await (const chunk of response) chunks.push(chunk as Buffer);
	return JSON.parse(Buffer.concat(chunks).toString("utf8")) as { code?: number };
}

/** Lines of a watch, one at a time. */
async function* lines(response: IncomingMessage): AsyncGenerator<unknown> {
	let text = "";
	for await (const chunk of response) {
		text += String(chunk);
		for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n")) {
			yield JSON.parse(text.slice(0, end)) as unknown;
			text = text.slice(end + 1);
		}
	}
}

const configMap: KubeObject = { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a" } };

test("a certificate's common name is the user and its organisations are the groups, on the cluster's clock", async () => {
	const { cert, key } = issueClientCertificate(pki.ca, "jane + O=system:masters", ["dev", "ops"], startMs);
	await json(await request("/api/v1/configmaps", { cert, key, agent: new Agent() }));
	await json(await request("/api/v1/configmaps", { ...pki.admin, agent: new Agent() }));
	await json(await request("/api/v1/configmaps", { agent: new Agent() }));
	expect(handler.users.map(({ name, groups }) => [name, ...groups])).toEqual([
		["jane + O=system:masters", "dev", "ops", "system:authenticated"],
		["kubernetes-admin", "system:masters", "system:authenticated"],
		["system:anonymous", "system:unauthenticated"],
	]);
});

test("a certificate of another CA, one for servers, and one that has run out prove nothing", async () => {
	const status = async (pair: { cert: string; key: string }) =>
		(await json(await request("/api/v1/configmaps", { ...pair, agent: new Agent() }))).code;
	expect(await status(strangers.admin)).toBe(401);
	expect(await status(pki.apiServer)).toBe(401);
	expect(await status(pki.admin)).toBeUndefined();
	await clock.advance(366 * 24 * 3600 * 1000);
	expect(await status(pki.admin)).toBe(401);
});

test("a watch: one event a line, until its time is up", async () => {
	const response = await request(`${watchPath}&timeoutSeconds=5`);
	expect(response.headers["content-type"]).toBe("application/json");
	const events = lines(response);
	handler.put("configmaps/default/a", configMap);
	const object = { ...configMap, metadata: { name: "a", namespace: "default", resourceVersion: "2" } };
	expect((await events.next()).value).toEqual({ type: "MODIFIED", object });
	await clock.advance(5000);
	expect((await events.next()).done).toBe(true);
	expect(handler.sinks.size).toBe(0);
});

test("watches share the bytes of their events; a connection whose watch is over serves the next request", async () => {
	const own = new Agent({ keepAlive: true, maxSockets: 1 });
	const names = Array.from({ length: 300 }, (_, index) => `object-${index}`);
	const first = await request(`${watchPath}&timeoutSeconds=5`, { agent: own });
	const second = await request(watchPath);
	const socket = first.socket;
	// More than one write of 64 KiB, and a text that has more bytes than characters.
	for (const name of names)
		handler.put(`configmaps/default/${name}`, { ...configMap, metadata: { name, annotations: { text: "é".repeat(300) } } });
	const read = async (response: IncomingMessage) => {
		const seen: unknown[] = [];
		for await (const event of lines(response)) {
			seen.push((event as { object: KubeObject }).object.metadata?.name);
			if (response === second && seen.length === names.length) break;
		}
		return seen;
	};
	const seen = Promise.all([read(first), read(second)]);
	await clock.advance(5000);
	expect(await seen).toEqual([names, names]);
	const next = await request("/api/v1/namespaces/default/configmaps/object-7", { agent: own });
	expect([next.statusCode, next.socket === socket]).toEqual([200, true]);
	await json(next);
	own.destroy();
});

test("a watch as tables tells its columns once", async () => {
	const events = lines(await request(watchPath, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } }));
	handler.put("configmaps/default/a", configMap);
	handler.put("configmaps/default/b", { ...configMap, metadata: { name: "b" } });
	const [first, second] = [(await events.next()).value, (await events.next()).value] as { object: Record<string, unknown> }[];
	expect(first?.object).toMatchObject({ kind: "Table", columnDefinitions: [{ name: "Name" }], rows: [{ cells: ["a"] }] });
	expect(second?.object).toMatchObject({ kind: "Table", columnDefinitions: null, rows: [{ cells: ["b"] }] });
});

test("errors of a watch: before it starts an answer, later an event", async () => {
	const stale = newExpired("too old resource version: 1 (2)");
	const events = lines(await request(watchPath));
	for (const sink of handler.sinks) {
		sink.onEvent({ type: "ERROR", object: stale.status as KubeObject });
		sink.onEnd();
	}
	expect((await events.next()).value).toMatchObject({ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } });
	expect((await events.next()).done).toBe(true);
	handler.watch = async () => {
		throw stale;
	};
	const refused = await request(watchPath);
	expect(refused.statusCode).toBe(410);
	expect(await json(refused)).toMatchObject({ message: "too old resource version: 1 (2)" });
});

test("an event that cannot be written ends its own watch and nothing else", async () => {
	const response = await request(watchPath, { headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io" } });
	const broken = once(response, "error");
	const object = {
		get metadata(): never {
			throw new Error("boom");
		},
	};
	for (const sink of handler.sinks) sink.onEvent({ type: "ADDED", object });
	response.resume();
	await broken;
	expect(handler.sinks.size).toBe(0);
	expect((await request("/version")).statusCode).toBe(200);
});

test("the client's end of a watch is the server's", async () => {
	const response = await request(watchPath);
	const [sink] = handler.sinks;
	expect(sink).toBeDefined();
	response.destroy();
	while (handler.sinks.size > 0) await new Promise(setImmediate);
	sink?.onEvent({ type: "ADDED", object: configMap });
});

test("a client that does not read is cut off, and what it was owed is forgotten", async () => {
	const response = await request(watchPath);
	const broken = once(response, "error");
	const [sink] = handler.sinks;
	const big = { ...configMap, metadata: { name: "x".repeat(4000) } };
	for (let count = 0; handler.sinks.size > 0; count++) {
		expect(count).toBeLessThan(100_000);
		sink?.onEvent({ type: "MODIFIED", object: big });
		if (count % 1000 === 0) await new Promise(setImmediate);
	}
	response.resume();
	await broken;
	expect(response.complete).toBe(false);
});

test("shutdown ends watches in good order", async () => {
	const response = await request(watchPath);
	const events = lines(response);
	await server.close();
	expect((await events.next()).done).toBe(true);
	expect(response.complete).toBe(true);
});

test("a port that is taken is said to be", async () => {
	await expect(create().listen(address)).rejects.toEqual(new PortInUseError("127.0.0.1", address.port));
});
