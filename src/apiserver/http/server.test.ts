import { beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../../apimachinery/clock/virtual-clock.ts";
import { silentLog } from "../../apimachinery/log.ts";
import { SeededRandom } from "../../apimachinery/random.ts";
import { loadOrCreatePki, type Pki } from "../pki/pki.ts";
import { MemoryHandler } from "./memory-handler.test-kit.ts";
import { createHttpServer, type HttpServer, type HttpServerOptions } from "./server.ts";

const startMs = Date.UTC(2026, 0, 1);
const pki: Pki = await loadOrCreatePki(undefined, { nowMs: startMs });
const tls = { cert: pki.apiServer.cert, key: pki.apiServer.key, clientCa: pki.ca.cert };

let handler: MemoryHandler;
let server: HttpServer;

function serve(options: Partial<HttpServerOptions> = {}): void {
	handler = new MemoryHandler();
	server = createHttpServer({
		handler,
		clock: new VirtualClock(startMs),
		random: new SeededRandom(1),
		log: silentLog,
		tls,
		authenticateToken: async (token) => (token === "secret" ? { name: "alice", groups: ["dev"] } : undefined),
		...options,
	});
}

beforeEach(() => serve());

type Headers = Readonly<Record<string, string>>;
const get = (url: string, headers: Headers = {}) => server.inject({ method: "GET", url, headers });
const send = (method: "POST" | "PUT" | "PATCH" | "DELETE", url: string, body: string | undefined, headers: Headers = {}) =>
	server.inject({
		method,
		url,
		headers: { "content-type": "application/json", ...headers },
		...(body === undefined ? {} : { payload: body }),
	});

const configMaps = "/api/v1/namespaces/default/configmaps";
const configMap = (name: string) => JSON.stringify({ kind: "ConfigMap", apiVersion: "v1", metadata: { name }, data: { a: "1" } });
const asTable = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

describe("objects", () => {
	test("create, get, list, delete: codes, bytes and headers", async () => {
		const created = await send("POST", configMaps, configMap("a"));
		expect(created.statusCode).toBe(201);
		expect(created.headers.warning).toEqual(['299 - "unknown field \\"spec.bogus\\""']);
		const stored =
			'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","namespace":"default","resourceVersion":"2"},"data":{"a":"1"}}\n';
		expect(created.body).toBe(stored);
		const read = await get(`${configMaps}/a`);
		expect(read.body).toBe(stored);
		expect(read.headers["content-type"]).toBe("application/json");
		expect(read.headers["cache-control"]).toBe("no-cache, private");
		expect(read.headers["audit-id"]).toMatch(/^[0-9a-f-]{36}$/);
		expect((await get(configMaps)).body).toBe(
			'{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"2"},"items":[{"metadata":{"name":"a","namespace":"default","resourceVersion":"2"},"data":{"a":"1"}}]}\n',
		);
		expect((await send("DELETE", `${configMaps}/a`, undefined)).statusCode).toBe(200);
		expect((await get(`${configMaps}/a`)).json()).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: 'configmaps "a" not found',
			reason: "NotFound",
			details: { name: "a", kind: "configmaps" },
			code: 404,
		});
	});

	test("the request as the pipeline gets it", async () => {
		await send("PATCH", `${configMaps}/a?fieldManager=m&dryRun=All`, '[{"op":"test"}]', { "content-type": "application/json-patch+json" });
		await send("DELETE", `${configMaps}/a`, '{"gracePeriodSeconds":0,"dryRun":["All"]}').catch(() => undefined);
		expect(handler.requests).toEqual([
			{
				verb: "patch",
				group: "",
				version: "v1",
				resource: "configmaps",
				namespace: "default",
				name: "a",
				options: { fieldManager: "m", dryRun: true },
				patchType: "application/json-patch+json",
				body: [{ op: "test" }],
			},
			{
				verb: "delete",
				group: "",
				version: "v1",
				resource: "configmaps",
				namespace: "default",
				name: "a",
				options: { dryRun: true },
				deleteOptions: { gracePeriodSeconds: 0, dryRun: ["All"] },
			},
		]);
	});

	test("a key that stands twice is told to the pipeline", async () => {
		await send("POST", configMaps, '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":{"a":"1","a":"2"}}');
		expect(handler.requests[0]).toMatchObject({ body: { data: { a: "2" } }, duplicateFields: ["data.a"] });
	});

	test("a body that nests without end is refused; one that is only large is not", async () => {
		const nested = `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"},"data":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
		for (const [method, path, type] of [
			["POST", configMaps, "application/json"],
			["PATCH", `${configMaps}/a`, "application/strategic-merge-patch+json"],
			["PATCH", `${configMaps}/a?fieldManager=m`, "application/apply-patch+yaml"],
		] as const) {
			const answer = await send(method, path, nested, { "content-type": type });
			expect([answer.statusCode, answer.json().message]).toEqual([400, expect.stringContaining("exceeded max depth")]);
		}
		const large = JSON.stringify({ kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a" }, data: { a: '[{"'.repeat(2_000) } });
		expect((await send("POST", configMaps, large)).statusCode).toBe(201);
	});

	test("YAML in, YAML out, pretty JSON for people", async () => {
		const yaml = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: y}\n";
		expect((await send("POST", configMaps, yaml, { "content-type": "application/yaml" })).statusCode).toBe(201);
		const answer = await get(`${configMaps}/y`, { accept: "application/yaml" });
		expect(answer.headers["content-type"]).toBe("application/yaml");
		expect(answer.body).toBe('apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\n  namespace: default\n  resourceVersion: "2"\n');
		const forCurl = await get(`${configMaps}/y`, { "user-agent": "curl/8.5" });
		expect(forCurl.body.split("\n")[1]).toBe('  "kind": "ConfigMap",');
		expect((await get(`${configMaps}/y?pretty=false`, { "user-agent": "curl/8.5" })).body).toMatch(/^\{"kind"/);
	});

	test("a large list is gzipped for who takes that", async () => {
		for (let index = 0; index < 10; index++) handler.put(`configmaps/default/${index}`, { metadata: { name: "x".repeat(20_000) } });
		const plain = await get(configMaps);
		const zipped = await get(configMaps, { "accept-encoding": "gzip" });
		expect(plain.headers["content-encoding"]).toBeUndefined();
		expect(zipped.headers["content-encoding"]).toBe("gzip");
		const { gunzipSync } = await import("node:zlib");
		expect(gunzipSync(zipped.rawPayload).toString()).toBe(plain.body);
	});
});

describe("tables and metadata", () => {
	beforeEach(() => {
		handler.put("configmaps/default/a", { kind: "ConfigMap", apiVersion: "v1", metadata: { name: "a" } });
	});
	const metadata = { name: "a", namespace: "default", resourceVersion: "2" };
	const definition = { name: "Name", type: "string", format: "name", description: "Name of the object", priority: 0 };

	test("a list as a table carries metadata in its rows", async () => {
		expect((await get(configMaps, { accept: asTable })).json()).toEqual({
			kind: "Table",
			apiVersion: "meta.k8s.io/v1",
			metadata: { resourceVersion: "2" },
			columnDefinitions: [definition],
			rows: [{ cells: ["a"], object: { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata } }],
		});
	});

	test("includeObject", async () => {
		const objects = async (include: string) => (await get(`${configMaps}/a?includeObject=${include}`, { accept: asTable })).json();
		expect((await objects("None")).rows).toEqual([{ cells: ["a"], object: null }]);
		expect((await objects("Object")).rows).toEqual([{ cells: ["a"], object: { kind: "ConfigMap", apiVersion: "v1", metadata } }]);
		expect((await objects("All")).message).toBe(
			"Unable to convert to Table as requested: includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or empty",
		);
	});

	test("metadata alone, of one and of many", async () => {
		const one = await get(`${configMaps}/a`, { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" });
		expect(one.json()).toEqual({ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata });
		const many = await get(configMaps, { accept: "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1" });
		expect(many.json()).toEqual({
			kind: "PartialObjectMetadataList",
			apiVersion: "meta.k8s.io/v1",
			metadata: { resourceVersion: "2" },
			items: [{ kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata }],
		});
	});
});

describe("bad requests get a Status", () => {
	test.each([
		[
			"broken JSON",
			'{"a":1,}',
			"application/json",
			400,
			"BadRequest",
			`the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character '}' looking for beginning of object key string ({"a":1,})`,
		],
		[
			"no body",
			"",
			"application/json",
			400,
			"BadRequest",
			"the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
		],
		[
			"unknown type",
			"x",
			"text/csv",
			415,
			"UnsupportedMediaType",
			"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
		],
		[
			"no media type at all",
			"x",
			"nonsense",
			415,
			"UnsupportedMediaType",
			"the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf",
		],
		[
			"broken protobuf",
			"k8s",
			"application/vnd.kubernetes.protobuf",
			400,
			"BadRequest",
			"the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (6b3873)",
		],
		[
			"too large",
			"x".repeat(3 * 1024 * 1024 + 1),
			"application/json",
			413,
			"RequestEntityTooLarge",
			"Request entity too large: limit is 3145728",
		],
	])("%s", async (_name, body, type, code, reason, message) => {
		const answer = await send("POST", configMaps, body, { "content-type": type });
		expect(answer.json()).toMatchObject({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message });
		expect(answer.statusCode).toBe(code);
		expect(handler.requests).toEqual([]);
	});

	test("paths, methods and media types that are not served", async () => {
		expect(await get("/nope")).toMatchObject({ statusCode: 404, body: "404 page not found\n" });
		expect((await get("/api/v1/nope")).json()).toMatchObject({ code: 404, reason: "NotFound" });
		expect((await get("/%zz")).json()).toMatchObject({ code: 400, reason: "BadRequest" });
		expect((await send("POST", "/api/v1/configmaps", "{}")).json()).toMatchObject({ code: 405, reason: "MethodNotAllowed" });
		expect((await get(configMaps, { accept: "text/html" })).json()).toMatchObject({ code: 406, reason: "NotAcceptable" });
		expect((await send("PATCH", `${configMaps}/a`, "{}")).json()).toMatchObject({
			code: 415,
			message:
				"the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
		});
	});

	test("names may be as long as Kubernetes allows", async () => {
		expect((await get(`${configMaps}/${"x".repeat(253)}`)).json().message).toBe(`configmaps "${"x".repeat(253)}" not found`);
	});

	test("a fault of the server is a 500 and says nothing of its insides but the message", async () => {
		handler.handle = async () => {
			throw new TypeError("boom");
		};
		expect((await get(configMaps)).json()).toMatchObject({ code: 500, reason: "InternalError", message: "Internal error occurred: boom" });
	});
});

describe("who asks", () => {
	test("tokens, impersonation and nobody", async () => {
		await get(configMaps);
		await get(configMaps, { authorization: "Bearer secret" });
		expect(handler.users).toEqual([
			{ name: "system:anonymous", groups: ["system:unauthenticated"] },
			{ name: "alice", groups: ["dev", "system:authenticated"] },
		]);
		expect((await get(configMaps, { authorization: "Bearer wrong" })).json()).toMatchObject({
			code: 401,
			reason: "Unauthorized",
			message: "Unauthorized",
		});
		const refused = await get(configMaps, { authorization: "Bearer secret", "impersonate-user": "bob" });
		expect(refused.json().message).toBe('configmaps is forbidden: User "alice" cannot impersonate-on:user-info:list configmaps');
	});

	test("a service account's groups come with its name", async () => {
		serve({ require: () => undefined });
		await get(configMaps, { "impersonate-user": "system:serviceaccount:ns:sa" });
		expect(handler.users[0]).toEqual({
			name: "system:serviceaccount:ns:sa",
			groups: ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"],
		});
	});
});

describe("what is not a resource", () => {
	test("version and health", async () => {
		expect((await get("/version")).json()).toMatchObject({ major: "1", minor: "36", gitVersion: "v1.36.6" });
		const failing = { name: "etcd", liveness: false, check: () => Promise.reject(new Error("gone")) };
		serve({ healthChecks: [{ name: "watch", liveness: true, check: () => undefined }, failing] });
		expect((await get("/livez")).body).toBe("ok");
		expect((await get("/livez?verbose")).body).toBe("[+]ping ok\n[+]watch ok\nlivez check passed\n");
		const ready = await get("/readyz");
		expect(ready.statusCode).toBe(500);
		expect(ready.body).toBe("[+]ping ok\n[+]watch ok\n[-]etcd failed: reason withheld\n[+]shutdown ok\nreadyz check failed\n");
		expect((await get("/readyz?exclude=etcd&verbose")).body).toBe(
			"[+]ping ok\n[+]watch ok\n[+]etcd excluded: ok\n[+]shutdown ok\nreadyz check passed\n",
		);
		expect((await get("/readyz/watch")).body).toBe("ok");
		expect(await get("/readyz/etcd")).toMatchObject({ statusCode: 500, body: "internal server error: gone\n" });
		expect((await get("/livez/etcd")).statusCode).toBe(404);
		expect((await get("/readyz?verbose&exclude=b&exclude=a&exclude=etcd")).body).toContain(
			'warn: some health checks cannot be excluded: no matches for "a","b"\n',
		);
		expect((await get("/readyz/nope")).statusCode).toBe(404);
	});

	test("metrics count what was asked", async () => {
		await get(configMaps);
		await get(`${configMaps}/missing`);
		const lines = (await get("/metrics")).body.split("\n").filter((line) => line.startsWith("apiserver_request_total"));
		expect(lines).toEqual([
			'apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1"} 1',
			'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1',
		]);
	});

	test("an authorizer of paths is asked before anything is told", async () => {
		const asked: string[] = [];
		serve({
			authorizePath: async (user, verb, path) => {
				asked.push(`${user.name} ${verb} ${path}`);
			},
		});
		for (const path of ["/version", "/apis", "/nope", "/openapi/v3"]) await get(path);
		expect(asked).toEqual(["/version", "/apis", "/nope", "/openapi/v3"].map((path) => `system:anonymous get ${path}`));
	});
});
