/** Proxied requests end to end: the HTTPS server in front, and a real HTTP server at the end of the simulated network. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, type RequestListener, type Server } from "node:http";
import { request } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import type { NodeConnector, PortStream } from "../../apimachinery/node-connector.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { Pod } from "../../apimachinery/schema/generated/types.ts";
import { MemoryHandler } from "../http/memory-handler.test-kit.ts";
import { createHttpServer, type HttpServer, type ListenAddress } from "../http/server.ts";
import { loadOrCreatePki } from "../pki/pki.ts";
import { createStreaming } from "./streaming.ts";

const startMs = Date.UTC(2026, 0, 1);
const pki = await loadOrCreatePki(undefined, { nowMs: startMs });
const prefix = "/api/v1/namespaces/default/pods/web:8080/proxy";
const pod: Pod = { metadata: { name: "web", namespace: "default" }, spec: { containers: [] }, status: { podIPs: [{ ip: "10.244.0.2" }] } };

let backend: Server;
let serve: RequestListener;
let dialed: string[];
let server: HttpServer;
let address: ListenAddress;

const nobody = () => Promise.reject(new Error("not for this test"));

/** Whatever is dialed, the backend answers. */
async function dial(host: string, port: number): Promise<PortStream> {
	dialed.push(`${host}:${port}`);
	const socket = connect((backend.address() as AddressInfo).port, "127.0.0.1");
	await once(socket, "connect");
	return {
		output: socket,
		write: (chunk) => new Promise((resolve, reject) => socket.write(chunk, (error) => (error ? reject(error) : resolve()))),
		end: () => socket.end(),
		destroy: () => socket.destroy(),
	};
}

beforeEach(async () => {
	dialed = [];
	backend = createServer((message, response) => serve(message, response));
	backend.listen(0, "127.0.0.1");
	await once(backend, "listening");
	const clock = new VirtualClock(startMs);
	const nodes: NodeConnector = { reach: nobody, logs: nobody, exec: nobody, attach: nobody, portForward: nobody, dial };
	const find = (_: string, resource: string, namespace: string, name: string) =>
		resource === "pods" && namespace === "default" && name === "web" ? pod : undefined;
	server = createHttpServer({
		handler: new MemoryHandler(),
		clock,
		random: new SeededRandom(1),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
		streaming: createStreaming({
			server: { authorize: () => undefined, find },
			nodes,
			clock,
			random: new SeededRandom(2),
			log: silentLog,
		}),
	});
	address = await server.listen({ host: "127.0.0.1", port: 0 });
});

afterEach(async () => {
	await server.close();
	backend.closeAllConnections();
	backend.close();
});

function begin(method: string, path: string, headers: OutgoingHttpHeaders = {}) {
	const { cert, key } = pki.admin;
	return request({
		host: "127.0.0.1",
		port: address.port,
		method,
		path,
		headers,
		ca: pki.ca.cert,
		cert,
		key,
		agent: false,
		servername: "localhost",
	});
}

async function send(method: string, path: string, { body = "", headers = {} }: { body?: string; headers?: OutgoingHttpHeaders } = {}) {
	const outgoing = begin(method, path, headers);
	outgoing.end(body);
	const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
	const chunks = await answer.toArray();
	return { status: answer.statusCode, headers: answer.headers, text: Buffer.concat(chunks).toString() };
}

test("carries method, path, query, headers and body there, and status, headers and body back", async () => {
	let seen: unknown;
	serve = (message, response) => {
		const { host, authorization, "x-own": own, "x-forwarded-uri": uri, "x-forwarded-for": client, te } = message.headers;
		message.toArray().then((chunks) => {
			seen = {
				method: message.method,
				url: message.url,
				host,
				authorization,
				own,
				uri,
				client,
				te,
				body: Buffer.concat(chunks).toString(),
			};
			response.writeHead(418, "Teapot", { "X-Answer": "yes", "Access-Control-Allow-Origin": "*", "Set-Cookie": ["a=1", "b=2"] });
			response.end("short and stout");
		});
	};
	const headers = { "X-Own": "1", TE: "trailers", Host: "front.example" };
	const answer = await send("PATCH", `${prefix}/a%2Fb/c?x=%20&y`, { body: "sent", headers });
	expect(seen).toEqual({
		method: "PATCH",
		url: "/a%2Fb/c?x=%20&y",
		host: "front.example",
		authorization: undefined,
		own: "1",
		uri: `${prefix}/a%2Fb/c`,
		client: "127.0.0.1",
		te: undefined,
		body: "sent",
	});
	expect(dialed).toEqual(["10.244.0.2:8080"]);
	expect([answer.status, answer.text]).toEqual([418, "short and stout"]);
	expect(answer.headers).toMatchObject({ "x-answer": "yes", "set-cookie": ["a=1", "b=2"] });
	expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
});

test("passes a body on before it has ended, whatever its size", async () => {
	serve = (message, response) => {
		message.once("data", () => response.writeHead(200).write("first"));
		message.on("end", () => response.end("last"));
		message.resume();
	};
	const outgoing = begin("POST", `${prefix}/`);
	outgoing.write("x".repeat(4_000_000));
	const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
	const [first] = await once(answer, "data");
	expect(String(first)).toBe("first");
	outgoing.end();
	expect(Buffer.concat(await answer.toArray()).toString()).toBe("last");
});

test("rewrites redirects and pages", async () => {
	serve = (message, response) => {
		if (message.url === "/old") response.writeHead(302, { Location: "/new" }).end();
		else response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end('<a href="/ü">ü</a>');
	};
	expect((await send("GET", `${prefix}/old`)).headers.location).toBe(`${prefix}/new`);
	expect((await send("GET", `${prefix}/`)).text).toBe(`<a href="${prefix}/ü">ü</a>`);
});

test("asks for the slash that a page's relative addresses need", async () => {
	const answer = await send("GET", `${prefix}?x=1`);
	expect([answer.status, answer.headers.location, dialed]).toEqual([301, `${prefix}/?x=1`, []]);
});

test("says when the target breaks off", async () => {
	serve = (message) => message.socket.destroy();
	const { status, text } = await send("GET", `${prefix}/`);
	expect([status, JSON.parse(text).message]).toEqual([503, "error trying to reach service: EOF"]);
});

test("ends the target's connection when the client leaves", async () => {
	const left = new Promise((resolve) => {
		serve = (message) => message.socket.once("close", resolve);
	});
	const outgoing = begin("GET", `${prefix}/`);
	outgoing.on("error", () => undefined);
	outgoing.end();
	await once(backend, "request");
	outgoing.destroy();
	await left;
});

test("joins both sides of an upgraded connection", async () => {
	backend.on("upgrade", (_message: IncomingMessage, socket: Socket) => {
		socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
		socket.pipe(socket);
	});
	const outgoing = begin("GET", `${prefix}/socket`, { Connection: "Upgrade", Upgrade: "echo" });
	outgoing.end();
	const [answer, socket] = (await once(outgoing, "upgrade")) as [IncomingMessage, Socket];
	expect([answer.statusCode, answer.headers.upgrade]).toEqual([101, "echo"]);
	socket.write("hello");
	const [echo] = await once(socket, "data");
	expect(String(echo)).toBe("hello");
	socket.destroy();
});

test("refuses an upgrade that the target does not want", async () => {
	serve = (message, response) => {
		if (message.url === "/ok") response.writeHead(200).end("plain");
		else response.writeHead(403).end("no");
	};
	const upgrade = { Connection: "Upgrade", Upgrade: "echo" };
	const { status, text } = await send("GET", `${prefix}/ok`, { headers: upgrade });
	expect([status, JSON.parse(text).message]).toEqual([500, "invalid upgrade response: status code 200"]);
	const refused = await send("GET", `${prefix}/no`, { headers: upgrade });
	expect([refused.status, refused.text]).toEqual([403, "no"]);
});
