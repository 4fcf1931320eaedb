/** The client against a real server over TLS, with everything that a server can do wrong. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { WallClock } from "../../apimachinery/clock/wall-clock.ts";
import { freePort } from "../../store/testing/free-ports.ts";
import type { Network, WebhookEndpoint } from "./endpoint-agent.ts";
import { dialError } from "./go-network-errors.ts";
import type { NetworkAddress } from "./service-network.ts";
import { WebhookClient } from "./webhook-client.ts";
import { type CertificateNames, makeAuthority, sendJson, toBundle, WebhookServer } from "./webhook-server.test-kit.ts";

const limit = { timeoutMs: 10_000 };
let clock: VirtualClock;
let network: Network;
let client: WebhookClient;
const ends: (() => void | Promise<void>)[] = [];

const dial: Network["dial"] = async ({ host, port }) => {
	const socket = connect({ host, port });
	try {
		await once(socket, "connect");
		return socket;
	} catch (error) {
		throw new Error(dialError(error as Error, host, port));
	}
};

beforeEach(() => {
	clock = new VirtualClock(new WallClock().now());
	network = {
		dial,
		resolve: () => {
			throw new Error("no services here");
		},
	};
	client = new WebhookClient({ network, clock, userAgent: "kube-apiserver-admission" });
	ends.push(() => client.close());
});

afterEach(async () => {
	for (const end of ends.splice(0).reverse()) await end();
});

async function serve(answer: WebhookServer["answer"], names?: CertificateNames) {
	const server = await WebhookServer.start(answer, names);
	ends.push(() => server[Symbol.asyncDispose]());
	return server;
}

const endpointOf = ({ url, caBundle }: WebhookServer, path = "/hook"): WebhookEndpoint => ({ url: `${url}${path}`, caBundle });

async function failure(endpoint: WebhookEndpoint): Promise<string> {
	try {
		await client.call(endpoint, {}, limit);
	} catch (error) {
		if (error instanceof Error && error.name === "WebhookCallError") return error.message;
		throw error;
	}
	throw new Error("the call should have failed");
}

async function listen(server: Server): Promise<number> {
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	ends.push(() => void server.close());
	return (server.address() as AddressInfo).port;
}

describe("a call", () => {
	it("posts JSON, says how long it waits, and gives the answer back", async () => {
		const server = await serve((_, response) => sendJson(response, { kind: "Answer" }));
		expect(await client.call(endpointOf(server, "/a//b/"), { question: 1 }, { timeoutMs: 1_500 })).toEqual({ kind: "Answer" });
		const [seen] = server.seen;
		expect(seen).toMatchObject({ method: "POST", path: "/a/b?timeout=2s", body: '{"question":1}' });
		expect(seen?.headers).toMatchObject({
			host: `127.0.0.1:${server.port}`,
			"user-agent": "kube-apiserver-admission",
			accept: "application/json, */*",
			"content-type": "application/json",
		});
	});

	it("keeps the connection, and makes another one if the server has closed it", async () => {
		const server = await serve((_, response) => sendJson(response, {}));
		const endpoint = endpointOf(server);
		await client.call(endpoint, {}, limit);
		await client.call(endpoint, {}, limit);
		const [first, second] = server.seen;
		expect(second?.clientPort).toBe(first?.clientPort);
		server.dropConnections();
		await client.call(endpoint, {}, limit);
		expect(server.seen[2]?.clientPort).not.toBe(first?.clientPort);
	});

	it("reaches a service by its name, on the address that the network knows", async () => {
		const server = await serve((_, response) => sendJson(response, { kind: "Answer" }), { dnsNames: ["hook.ns.svc"] });
		const asked: unknown[] = [];
		const resolve = (...service: readonly unknown[]): NetworkAddress => {
			asked.push(service);
			return { host: "127.0.0.1", port: server.port };
		};
		client = new WebhookClient({ network: { dial, resolve }, clock, userAgent: "test" });
		const endpoint = { service: { namespace: "ns", name: "hook" }, caBundle: server.caBundle };
		expect(await client.call(endpoint, {}, limit)).toEqual({ kind: "Answer" });
		expect(asked).toEqual([["ns", "hook", 443]]);
		expect(server.seen[0]).toMatchObject({ path: "/?timeout=10s", headers: { host: "hook.ns.svc:443" } });
	});

	it("says what the network says of a service", async () => {
		expect(await failure({ service: { namespace: "ns", name: "hook", path: "/x", port: 8443 } })).toBe(
			'Post "https://hook.ns.svc:8443/x?timeout=10s": no services here',
		);
	});
});

describe("an answer that never comes", () => {
	const waitFor = async (server: WebhookServer, count: number) => {
		while (server.seen.length < count) await new Promise((resolve) => setImmediate(resolve));
	};

	it("is waited for until the time is up", async () => {
		const server = await serve(() => undefined);
		const failed = failure(endpointOf(server));
		await waitFor(server, 1);
		await clock.advance(9_999);
		await clock.advance(1);
		expect(await failed).toBe(`Post "${server.url}/hook?timeout=10s": context deadline exceeded`);
	});

	it("may also stop in the middle", async () => {
		const begun = Promise.withResolvers<void>();
		const server = await serve((_, response) => {
			response.writeHead(200, { "content-type": "application/json" });
			response.write('{"kind":', () => begun.resolve());
		});
		const failed = failure(endpointOf(server));
		await begun.promise;
		await clock.advance(10_000);
		// Whether the answer's head was there already is the network's to decide.
		expect(await failed).toMatch(/context deadline exceeded$/);
	});
});

describe("a bad answer", () => {
	it.each<readonly [what: string, answer: WebhookServer["answer"], text: string]>([
		[
			"no JSON",
			(_, response) => void response.end("hello"),
			"couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value",
		],
		["nothing", (_, response) => void response.end(), "0-length response with status code: 200 and content type: "],
		[
			"half an object",
			(_, response) => void response.end('{"a":'),
			"couldn't get version/kind; json parse error: unexpected end of JSON input",
		],
		[
			"a list",
			(_, response) => void response.end("[]"),
			'couldn\'t get version/kind; json parse error: json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }',
		],
		["404", (_, response) => void response.writeHead(404).end("nope"), "the server could not find the requested resource"],
		["403", (_, response) => void response.writeHead(403, { "content-type": "text/plain" }).end("not you\n"), "not you"],
		[
			"500",
			(_, response) => void response.writeHead(500, { "content-type": "text/plain" }).end("boom\n"),
			'an error on the server ("boom") has prevented the request from succeeding',
		],
		[
			"500 in bytes",
			(_, response) => void response.writeHead(500, { "content-type": "image/png" }).end("x"),
			'an error on the server ("unknown") has prevented the request from succeeding',
		],
		[
			"a Status",
			(_, response) => sendJson(response, { kind: "Status", apiVersion: "v1", status: "Failure", message: "for this reason" }, 400),
			"for this reason",
		],
		[
			"418",
			(_, response) => void response.writeHead(418).end(),
			"the server responded with the status code 418 but did not return more information",
		],
		[
			"3 MiB and more",
			(_, response) => void response.end(`"${"x".repeat(3 * 1024 * 1024)}"`),
			"the response body is larger than the limit of 3145728 bytes",
		],
		[
			"half of what was announced",
			(_, response) => {
				response.writeHead(200, { "content-length": "100" });
				response.write("{", () => response.destroy());
			},
			"unexpected error when reading response body. Please retry. Original error: unexpected EOF",
		],
	])("%s", async (_, answer, text) => {
		expect(await failure(endpointOf(await serve(answer)))).toBe(text);
	});

	it("a closed connection", async () => {
		const server = await serve((_, response) => void response.destroy());
		expect(await failure(endpointOf(server))).toBe(`Post "${server.url}/hook?timeout=10s": EOF`);
	});
});

describe("a redirect", () => {
	it.each([307, 308])("of %i is followed with the body", async (code) => {
		const target = await serve((_, response) => sendJson(response, { kind: "Answer" }));
		const server = await serve(({ path }, response) => {
			if (path.startsWith("/hook")) response.writeHead(code, { location: "/other" }).end();
			else sendJson(response, { kind: "Answer" });
		});
		expect(await client.call(endpointOf(server), { a: 1 }, limit)).toEqual({ kind: "Answer" });
		expect(server.seen.map(({ method, path, body }) => `${method} ${path} ${body}`)).toEqual([
			'POST /hook?timeout=10s {"a":1}',
			'POST /other {"a":1}',
		]);
		expect(target.seen).toEqual([]);
	});

	it.each([301, 302, 303])("of %i is followed by a GET, as Go does", async (code) => {
		const server = await serve(({ method }, response) => {
			if (method === "POST") response.writeHead(code, { location: "/other" }).end();
			else sendJson(response, { kind: "Answer" });
		});
		expect(await client.call(endpointOf(server), { a: 1 }, limit)).toEqual({ kind: "Answer" });
		expect(server.seen[1]).toMatchObject({ method: "GET", path: "/other", body: "" });
	});

	it("to a server of another authority is no way around certificates", async () => {
		const other = await serve((_, response) => sendJson(response, {}));
		const server = await serve((_, response) => void response.writeHead(307, { location: `${other.url}/x` }).end());
		expect(await failure(endpointOf(server))).toBe(
			`Post "${other.url}/x": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
		);
	});

	it("in a circle ends", async () => {
		const server = await serve((_, response) => void response.writeHead(307, { location: "/hook" }).end());
		expect(await failure(endpointOf(server))).toBe(`Post "${server.url}/hook": stopped after 10 redirects`);
		expect(server.seen).toHaveLength(10);
	});
});

describe("a connection that cannot be made", () => {
	const verify = "tls: failed to verify certificate: x509:";
	it.each<readonly [what: string, names: CertificateNames, text: RegExp]>([
		["another address", { ipAddresses: ["10.0.0.1", "10.0.0.2"] }, /certificate is valid for 10\.0\.0\.1, 10\.0\.0\.2, not 127\.0\.0\.1$/],
		["names only", { dnsNames: ["localhost"] }, /cannot validate certificate for 127\.0\.0\.1 because it doesn't contain any IP SANs$/],
		[
			"ended",
			{ ipAddresses: ["127.0.0.1"], validDays: [-9, -2] },
			/certificate has expired or is not yet valid: current time \S+Z is after \S+Z$/,
		],
		[
			"not begun",
			{ ipAddresses: ["127.0.0.1"], validDays: [2, 9] },
			/certificate has expired or is not yet valid: current time \S+Z is before \S+Z$/,
		],
	])("a certificate: %s", async (_, names, text) => {
		const server = await serve(() => undefined, names);
		const said = await failure(endpointOf(server));
		expect(said.startsWith(`Post "${server.url}/hook?timeout=10s": ${verify} `)).toBe(true);
		expect(said).toMatch(text);
	});

	it.each<readonly [what: string, names: CertificateNames, text: string]>([
		["another name", { dnsNames: ["a.b.svc", "*.c"] }, "certificate is valid for a.b.svc, *.c, not hook.ns.svc"],
		["addresses only", { ipAddresses: ["127.0.0.1"] }, "certificate is not valid for any names, but wanted to match hook.ns.svc"],
		["a common name only", {}, "certificate relies on legacy Common Name field, use SANs instead"],
	])("a service's certificate: %s", async (_, names, text) => {
		const server = await serve(() => undefined, names);
		client = new WebhookClient({ network: { dial, resolve: () => ({ host: "127.0.0.1", port: server.port }) }, clock, userAgent: "test" });
		const service = { namespace: "ns", name: "hook" };
		expect(await failure({ service, caBundle: server.caBundle })).toBe(`Post "https://hook.ns.svc:443/?timeout=10s": ${verify} ${text}`);
	});

	it("a certificate of an authority that nobody knows", async () => {
		const server = await serve(() => undefined);
		const text = `Post "${server.url}/?timeout=10s": ${verify} certificate signed by unknown authority`;
		expect(await failure({ url: server.url })).toBe(text);
		expect(await failure({ url: server.url, caBundle: toBundle(makeAuthority().cert) })).toBe(text);
	});

	it("nobody there", async () => {
		const port = await freePort();
		expect(await failure({ url: `https://127.0.0.1:${port}/x` })).toBe(
			`Post "https://127.0.0.1:${port}/x?timeout=10s": dial tcp 127.0.0.1:${port}: connect: connection refused`,
		);
	});

	it("a server of plain HTTP", async () => {
		const port = await listen(createHttpServer((_, response) => void response.end("{}")));
		expect(await failure({ url: `https://127.0.0.1:${port}/x` })).toBe(
			`Post "https://127.0.0.1:${port}/x?timeout=10s": http: server gave HTTP response to HTTPS client`,
		);
	});

	it("a server that hangs up at once", async () => {
		const port = await listen(createTcpServer((socket) => void socket.destroy()));
		expect(await failure({ url: `https://127.0.0.1:${port}/x` })).toBe(`Post "https://127.0.0.1:${port}/x?timeout=10s": EOF`);
	});
});
