import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { WatchEvent } from "../apimachinery/api-request.ts";
import { StatusError } from "../apimachinery/status-error.ts";
import { Client } from "./client.ts";
import { HttpTransport } from "./http-transport.ts";
import { loadKubeconfig } from "./kubeconfig.ts";
import { deployments, pods } from "./resources.ts";

/** A server that answers as the test says and keeps what it was asked. */
const server = createServer(async (request, response) => {
	const chunks: Buffer[] = [];
	for await (const chunk of request) chunks.push(chunk as Buffer);
	const { authorization, "content-type": contentType } = request.headers;
	asked.push([`${request.method} ${request.url}`, contentType, authorization, Buffer.concat(chunks).toString()].join(" | "));
	answer(response, request);
});
let asked: string[];
let answer: (response: ServerResponse, request: IncomingMessage) => void;
let transport: HttpTransport;

beforeEach(async () => {
	asked = [];
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	const { port } = server.address() as AddressInfo;
	transport = new HttpTransport({ server: `http://127.0.0.1:${port}/prefix`, token: "secret" });
});

afterEach(async () => {
	transport.close();
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
});

function answerJson(code: number, body: unknown, headers: Record<string, string> = {}): void {
	answer = (response) => response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

test("sends each verb where the Kubernetes API expects it", async () => {
	answerJson(200, { kind: "Any", items: [] });
	const client = new Client(transport).resource(deployments);
	await client.list("default", { labelSelector: "app=web", limit: 5 });
	await client.list();
	await client.create({ metadata: { namespace: "default", name: "web" } }, { options: { dryRun: true, fieldManager: "me" } });
	await client.patch(
		{ namespace: "default", name: "web" },
		"application/merge-patch+json",
		{ spec: { replicas: 1 } },
		{ subresource: "scale" },
	);
	await client.delete({ namespace: "default", name: "web" }, { propagationPolicy: "Foreground" });
	await new Client(transport).resource(pods).get({ namespace: "a", name: "b" });
	expect(asked).toEqual([
		"GET /prefix/apis/apps/v1/namespaces/default/deployments?labelSelector=app%3Dweb&limit=5 |  | Bearer secret | ",
		"GET /prefix/apis/apps/v1/deployments |  | Bearer secret | ",
		'POST /prefix/apis/apps/v1/namespaces/default/deployments?dryRun=All&fieldManager=me | application/json | Bearer secret | {"metadata":{"namespace":"default","name":"web"}}',
		'PATCH /prefix/apis/apps/v1/namespaces/default/deployments/web/scale | application/merge-patch+json | Bearer secret | {"spec":{"replicas":1}}',
		'DELETE /prefix/apis/apps/v1/namespaces/default/deployments/web | application/json | Bearer secret | {"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Foreground"}',
		"GET /prefix/api/v1/namespaces/a/pods/b |  | Bearer secret | ",
	]);
});

test("asks for what is no verb on a resource, in another's name", async () => {
	const { port } = server.address() as AddressInfo;
	const others = new HttpTransport({ server: `http://127.0.0.1:${port}`, impersonate: "alice" });
	let names: readonly unknown[] = [];
	answer = (response, { headers }) => {
		names = [headers["impersonate-user"], headers.accept];
		response.end("text");
	};
	expect(await others.text({ path: "/version?x=1", headers: { accept: "text/plain" } })).toBe("text");
	expect(names).toEqual(["alice", "text/plain"]);
	expect(asked).toEqual(["GET /version?x=1 |  |  | "]);
	answerJson(403, { kind: "Status", status: "Failure", reason: "Forbidden", message: "no", code: 403 });
	await expect(others.stream({ path: "/version" })).rejects.toMatchObject({ reason: "Forbidden" });
	expect((await others.raw({ path: "/version", method: "POST", body: "{}" })).statusCode).toBe(403);
	expect(asked.at(-1)).toBe("POST /version | application/json |  | {}");
	others.close();
});

test("gives back code and warnings", async () => {
	answerJson(201, { kind: "Pod" }, { warning: '299 - "one \\"quoted\\", with comma", 299 - "two"' });
	const response = await transport.request({ verb: "create", group: "", version: "v1", resource: "pods", body: {} });
	expect(response).toEqual({ object: { kind: "Pod" }, code: 201, warnings: ['one "quoted", with comma', "two"] });
});

test("turns a Status into a StatusError, and any other refusal too", async () => {
	const client = new Client(transport).resource(pods);
	answerJson(404, { kind: "Status", status: "Failure", reason: "NotFound", message: 'pods "b" not found', code: 404 });
	const missing = await client.get({ namespace: "a", name: "b" }).catch((error: unknown) => error);
	expect(missing).toBeInstanceOf(StatusError);
	expect([(missing as StatusError).reason, (missing as StatusError).message]).toEqual(["NotFound", 'pods "b" not found']);
	answer = (response) => response.writeHead(502).end("<html>bad gateway</html>");
	const proxied = await client.get({ namespace: "a", name: "b" }).catch((error: unknown) => error);
	expect([(proxied as StatusError).code, (proxied as StatusError).message]).toEqual([
		502,
		"Internal error occurred: the server answered 502: <html>bad gateway</html>",
	]);
});

test("streams a watch however its bytes are cut, and says when it ends", async () => {
	const lines = ["a", "ü", "c"].map((name) => `${JSON.stringify({ type: "ADDED", object: { metadata: { name } } })}\n`).join("");
	const bytes = Buffer.from(lines);
	answer = async (response) => {
		response.writeHead(200).flushHeaders();
		for (const byte of bytes) {
			response.write(Buffer.from([byte]));
			await new Promise((resolve) => setImmediate(resolve));
		}
		response.end();
	};
	const names: (string | undefined)[] = [];
	const ended = Promise.withResolvers<Error | undefined>();
	const onEvent = ({ object }: WatchEvent) => void names.push(object.metadata?.name);
	await new Client(transport).resource(pods).watch("a", { resourceVersion: "7" }, { onEvent, onEnd: ended.resolve });
	expect(await ended.promise).toBe(undefined);
	expect(names).toEqual(["a", "ü", "c"]);
	expect(asked).toEqual(["GET /prefix/api/v1/namespaces/a/pods?watch=true&resourceVersion=7 |  | Bearer secret | "]);
});

test("a watch whose connection breaks ends with an error; one that is stopped says nothing more", async () => {
	answer = (response) => {
		response.writeHead(200).flushHeaders();
		setTimeout(() => response.destroy(), 5);
	};
	const ended = Promise.withResolvers<Error | undefined>();
	const client = new Client(transport).resource(pods);
	await client.watch("a", {}, { onEvent: () => undefined, onEnd: ended.resolve });
	expect(await ended.promise).toBeInstanceOf(Error);
	const told: string[] = [];
	answer = (response) => response.writeHead(200).flushHeaders();
	const handle = await client.watch("a", {}, { onEvent: () => void told.push("event"), onEnd: () => void told.push("end") });
	handle.stop();
	await new Promise((resolve) => setTimeout(resolve, 20));
	expect(told).toEqual([]);
});

test("reads server and credentials from a kubeconfig, and says what is missing", () => {
	const directory = mkdtempSync(join(tmpdir(), "kubeconfig-"));
	const path = join(directory, "config");
	writeFileSync(join(directory, "ca.pem"), "CA");
	const config = `
current-context: dev
contexts: [{ name: dev, context: { cluster: c, user: u } }, { name: broken, context: { cluster: nowhere, user: u } }, { name: shop, context: { cluster: c, user: u, namespace: shop } }]
clusters: [{ name: c, cluster: { server: "https://127.0.0.1:6443", certificate-authority: ca.pem } }]
users: [{ name: u, user: { client-certificate-data: Q0VSVA==, client-key-data: S0VZ } }, { name: alice, user: { token: t } }]
`;
	writeFileSync(path, config);
	expect(loadKubeconfig(path)).toEqual({
		server: "https://127.0.0.1:6443",
		certificateAuthority: "CA",
		clientCertificate: "CERT",
		clientKey: "KEY",
		insecureSkipTlsVerify: false,
	});
	expect(loadKubeconfig(path, "shop", "alice")).toMatchObject({ namespace: "shop", token: "t", clientKey: undefined });
	expect(() => loadKubeconfig(path, "shop", "bob")).toThrow(`${path}: user "bob" does not exist`);
	expect(() => loadKubeconfig(path, "broken")).toThrow(`${path}: cluster "nowhere" does not exist`);
	expect(() => loadKubeconfig(path, "other")).toThrow(`${path}: context "other" does not exist`);
});
