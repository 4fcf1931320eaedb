/** An API server written for the test, behind this one: availability, discovery, and requests that are passed on. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import type { APIService } from "../../apimachinery/schema/generated/types.ts";
import { createHttpServer, type HttpServer, type ListenAddress } from "../http/server.ts";
import { issueClientCertificate, loadOrCreatePki } from "../pki/pki.ts";
import { type ServerFixture, startServer } from "../testing.ts";
import { type Answerer, sendJson, WebhookServer } from "../webhooks/webhook-server.test-kit.ts";
import type { Aggregation } from "./aggregation.ts";

const startMs = Date.UTC(2026, 0, 1);
const pki = await loadOrCreatePki(undefined, { nowMs: startMs });
const stranger = issueClientCertificate(pki.ca, "jane", ["dev"], startMs);
const frontProxy = issueClientCertificate(pki.ca, "front-proxy-client", [], startMs);
const name = "v1.wardle.example.com";

let fixture: ServerFixture;
let aggregation: Aggregation;
let http: HttpServer;
let address: ListenAddress;
let remote: WebhookServer;

const resources = {
	kind: "APIResourceList",
	apiVersion: "v1",
	groupVersion: "wardle.example.com/v1",
	resources: [
		{ name: "flunders", singularName: "flunder", namespaced: true, kind: "Flunder", verbs: ["get", "list"], shortNames: ["fl"] },
		{ name: "flunders/status", singularName: "", namespaced: true, kind: "Flunder", verbs: ["get"] },
	],
};

/** The other server: it says what it was asked, and by whom. */
const answer: Answerer = ({ method, path, headers, body }, response) => {
	if (path === "/apis/wardle.example.com/v1") return sendJson(response, resources);
	if (path.endsWith("/elsewhere")) return void response.writeHead(302, { location: "https://example.com/" }).end();
	const { "x-remote-user": user, "x-remote-group": groups, authorization = null } = headers;
	sendJson(response, { kind: "Flunder", asked: `${method} ${path}`, body, user, groups, authorization }, 201);
};

beforeEach(async () => {
	fixture = await startServer();
	aggregation = fixture.server.aggregation(frontProxy);
	aggregation.start();
	http = createHttpServer({
		handler: fixture.server,
		clock: fixture.clock,
		random: new SeededRandom(1),
		log: silentLog,
		tls: { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert },
		remoteApis: aggregation,
	});
	address = await http.listen({ host: "127.0.0.1", port: 0 });
	remote = await WebhookServer.start(answer, { dnsNames: ["api.default.svc"] });
});

afterEach(async () => {
	aggregation.stop();
	await http.close();
	fixture.server.stop();
	await remote[Symbol.asyncDispose]();
});

const services = () => fixture.resource("", "v1", "services");
const apiServices = () => fixture.clusterResource("apiregistration.k8s.io", "v1", "apiservices");

/** A Service that leads out of the simulation, to the test's own server. */
const makeService = () =>
	services().send("create", { body: { metadata: { name: "api" }, spec: { type: "ExternalName", externalName: "localhost" } } });

const makeApiService = (spec: object = {}) =>
	apiServices().send("create", {
		body: {
			metadata: { name },
			spec: {
				group: "wardle.example.com",
				version: "v1",
				groupPriorityMinimum: 1000,
				versionPriority: 15,
				service: { namespace: "default", name: "api", port: remote.port },
				caBundle: remote.caBundle,
				...spec,
			},
		},
	});

/** The condition Available, once it has this reason. */
async function untilReason(reason: string) {
	for (;;) {
		const { status } = (await apiServices().send("get", { name })) as APIService;
		const condition = status?.conditions?.find(({ type }) => type === "Available");
		if (condition?.reason === reason) return condition;
		await new Promise((resolve) => setImmediate(resolve));
	}
}

async function ask(
	method: string,
	path: string,
	{ body = "", headers = {}, identity = pki.admin }: { body?: string; headers?: object; identity?: object } = {},
) {
	const message = httpsRequest({
		...address,
		method,
		path,
		ca: pki.ca.cert,
		agent: false,
		...identity,
		headers: { "content-length": body.length, ...headers },
	});
	message.end(body);
	const [response] = (await once(message, "response")) as [IncomingMessage];
	const chunks: Buffer[] = [];
	for await (const chunk of response) chunks.push(chunk as Buffer);
	const text = Buffer.concat(chunks).toString("utf8");
	return { code: response.statusCode, text, json: () => JSON.parse(text) as { readonly [key: string]: unknown } };
}

const flunders = "/apis/wardle.example.com/v1/namespaces/default/flunders";

describe("whether it is available", () => {
	it("is told step by step", async () => {
		await makeApiService({ service: { namespace: "default", name: "api", port: 443 } });
		expect(await untilReason("ServiceNotFound")).toMatchObject({ status: "False", message: 'service/api in "default" is not present' });
		await services().send("create", { body: { metadata: { name: "api" }, spec: { ports: [{ port: 80 }] } } });
		expect((await untilReason("ServicePortError")).message).toBe('service/api in "default" is not listening on port 443');
		await services().send("patch", { name: "api", body: { spec: { ports: [{ port: 443 }] } }, patchType: "application/merge-patch+json" });
		expect((await untilReason("EndpointsNotFound")).message).toBe('cannot find endpointslices for service/api in "default"');
		const slice = {
			metadata: { name: "api-1", labels: { "kubernetes.io/service-name": "api" } },
			addressType: "IPv4",
			ports: [{ port: 9443 }],
		};
		await fixture.resource("discovery.k8s.io", "v1", "endpointslices").send("create", { body: { ...slice, endpoints: [] } });
		expect((await untilReason("MissingEndpoints")).message).toBe(
			'endpointslices for service/api in "default" have no addresses with port name ""',
		);
	});

	it("depends on what the server answers", async () => {
		remote.answer = (_, response) => void response.writeHead(404).end();
		await makeService();
		await makeApiService();
		const url = `https://localhost:${remote.port}/apis/wardle.example.com/v1`;
		expect(await untilReason("FailedDiscoveryCheck")).toMatchObject({
			status: "False",
			message: `failing or missing response from ${url}: bad status from ${url}: 404`,
		});
		remote.answer = (_, response) => void response.destroy();
		await fixture.clock.advance(30_000);
		while (!(await untilReason("FailedDiscoveryCheck")).message?.endsWith(": EOF")) await new Promise((resolve) => setImmediate(resolve));
		remote.answer = answer;
		await fixture.clock.advance(30_000);
		expect(await untilReason("Passed")).toMatchObject({ status: "True", message: "all checks passed" });
	});
});

describe("an available server", () => {
	beforeEach(async () => {
		await makeService();
		await makeApiService();
		await untilReason("Passed");
	});

	it("gets requests with who makes them, and without his credentials", async () => {
		const { code, json } = await ask("POST", `${flunders}?x=%2F`, { body: '{"a":1}', headers: { "x-remote-user": "somebody-else" } });
		expect(code).toBe(201);
		expect(json()).toMatchObject({
			asked: `POST ${flunders}?x=%2F`,
			body: '{"a":1}',
			user: "kubernetes-admin",
			groups: "system:masters, system:authenticated",
			authorization: null,
		});
	});

	it("sees the front proxy's certificate", async () => {
		await ask("GET", flunders);
		expect(remote.seen.at(-1)?.clientName).toBe("front-proxy-client");
	});

	it("may speak another protocol", async () => {
		remote.onUpgrade((message, socket) => {
			socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${message.headers.upgrade}\r\n\r\n`);
			socket.write(`hello ${message.headers["x-remote-user"]}\n`);
			socket.on("data", (bytes: Buffer) => socket.end(`you said ${bytes}`));
		});
		const headers = { connection: "Upgrade", upgrade: "chat" };
		const message = httpsRequest({ ...address, path: `${flunders}/a/talk`, ca: pki.ca.cert, agent: false, ...pki.admin, headers });
		message.end();
		const [response, socket] = (await once(message, "upgrade")) as [IncomingMessage, Duplex];
		expect(response.statusCode).toBe(101);
		const chunks: Buffer[] = [];
		socket.on("data", (chunk: Buffer) => {
			if (chunks.length === 0) socket.write("so\n");
			chunks.push(chunk);
		});
		await once(socket, "end");
		socket.destroy();
		expect(Buffer.concat(chunks).toString()).toBe("hello kubernetes-admin\nyou said so\n");
	});

	it("is asked only for those who may", async () => {
		const { code, json } = await ask("GET", flunders, { identity: stranger });
		expect(code).toBe(403);
		expect(json().message).toContain(
			'User "jane" cannot list resource "flunders" in API group "wardle.example.com" in the namespace "default"',
		);
		expect(remote.seen.every(({ path }) => path === "/apis/wardle.example.com/v1")).toBe(true);
	});

	it("may not send clients elsewhere", async () => {
		const { code, text } = await ask("GET", `${flunders}/elsewhere`);
		expect([code, text]).toEqual([502, "the backend attempted to redirect this request, which is not permitted\n"]);
	});

	it("is in discovery, plain and aggregated, and in the index of OpenAPI", async () => {
		const group = {
			name: "wardle.example.com",
			versions: [{ groupVersion: "wardle.example.com/v1", version: "v1" }],
			preferredVersion: { groupVersion: "wardle.example.com/v1", version: "v1" },
		};
		const groups = (await ask("GET", "/apis")).json().groups as readonly { readonly name: string }[];
		expect(groups.at(-1)).toEqual(group);
		expect((await ask("GET", "/apis/wardle.example.com")).json()).toEqual({ kind: "APIGroup", apiVersion: "v1", ...group });
		expect((await ask("GET", "/apis/wardle.example.com/v1")).json()).toEqual(resources);
		const aggregated = await ask("GET", "/apis", {
			headers: { accept: "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList" },
		});
		expect((aggregated.json().items as readonly object[]).at(-1)).toMatchObject({
			metadata: { name: "wardle.example.com" },
			versions: [
				{
					version: "v1",
					freshness: "Current",
					resources: [
						{
							resource: "flunders",
							responseKind: { group: "wardle.example.com", version: "v1", kind: "Flunder" },
							scope: "Namespaced",
							singularResource: "flunder",
							verbs: ["get", "list"],
							shortNames: ["fl"],
							subresources: [{ subresource: "status", verbs: ["get"] }],
						},
					],
				},
			],
		});
		expect((await ask("GET", "/openapi/v3")).json().paths).toMatchObject({
			"apis/wardle.example.com/v1": { serverRelativeURL: "/openapi/v3/apis/wardle.example.com/v1" },
		});
		expect((await ask("GET", "/openapi/v3/apis/wardle.example.com/v1")).json().asked).toBe("GET /openapi/v3/apis/wardle.example.com/v1");
	});

	it("that goes away is 503, then out of discovery", async () => {
		remote.answer = (_, response) => void response.destroy();
		expect(await ask("GET", flunders)).toMatchObject({ code: 503, text: "error trying to reach service: EOF\n" });
		await fixture.clock.advance(30_000);
		await untilReason("FailedDiscoveryCheck");
		expect(await ask("GET", flunders)).toMatchObject({ code: 503, text: "service unavailable\n" });
		expect((await ask("GET", "/apis")).text).not.toContain("wardle");
		await apiServices().send("delete", { name });
		expect((await ask("GET", flunders)).code).toBe(404);
	});

	it("whose certificate nobody knows gets nothing", async () => {
		await apiServices().send("patch", {
			name,
			body: { spec: { caBundle: Buffer.from(pki.ca.cert).toString("base64") } },
			patchType: "application/merge-patch+json",
		});
		expect(await ask("GET", flunders)).toMatchObject({
			code: 503,
			text: "error trying to reach service: tls: failed to verify certificate: x509: certificate signed by unknown authority\n",
		});
	});
});
