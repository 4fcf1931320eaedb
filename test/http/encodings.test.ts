/**
 * Media types over raw HTTP: what clients send in Accept and Content-Type, and what they get.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#alternate-representations-of-resources
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "./fixture.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const protobuf = "application/vnd.kubernetes.protobuf";

let f: Fixture;
beforeAll(async () => {
	f = await startFixture();
	await f.create(maps, { metadata: { name: "a" } });
});
afterAll(() => f.close());

describe("Accept", () => {
	const asTable = (version: string) => `application/json;as=Table;v=${version};g=meta.k8s.io`;
	const asMetadata = (type: string) => `${type};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
	test.each([
		["nothing", undefined, "ConfigMap"],
		["anything", "*/*", "ConfigMap"],
		["any application", "application/*", "ConfigMap"],
		["kubectl get", `${asTable("v1")},${asTable("v1beta1")},application/json`, "Table"],
		["kubectl get -o yaml", "application/json", "ConfigMap"],
		["client-go, protobuf first", `${protobuf},application/json`, "ConfigMap"],
		["client-go, protobuf by content type", `${protobuf}, */*`, "ConfigMap"],
		["client-go, CBOR first", "application/cbor,application/json;q=0.9", "ConfigMap"],
		["metadata client", `${asMetadata(protobuf)},${asMetadata("application/json")},application/json`, "PartialObjectMetadata"],
		["a conversion nobody knows, then JSON", "application/json;as=Chair;g=meta.k8s.io;v=v1,application/json", "ConfigMap"],
		["a version nobody knows, then JSON", "application/json;as=Table;g=meta.k8s.io;v=v2,application/json", "ConfigMap"],
	])("%s", async (_client, accept, kind) => {
		const answer = await f.get(`${maps}/a`, accept === undefined ? {} : { accept });
		expect(answer.code).toBe(200);
		expect(answer.headers["content-type"]).toBe("application/json");
		expect(answer.json.kind).toBe(kind);
	});

	test("the better quality wins", async () => {
		expect((await f.get(`${maps}/a`, { accept: "application/json;q=0.5, application/yaml" })).headers["content-type"]).toBe(
			"application/yaml",
		);
		expect((await f.get(`${maps}/a`, { accept: "application/yaml;q=0.5, application/json" })).headers["content-type"]).toBe(
			"application/json",
		);
	});

	test.each([
		protobuf,
		`${protobuf};as=Table;g=meta.k8s.io;v=v1`,
		"application/cbor",
		"application/cbor-seq",
		"text/plain",
		"application/json;q=0",
		"application/json;as=Chair;g=meta.k8s.io;v=v1",
		"nonsense",
	])("only %s: 406 in JSON, for reads, writes and deletes", async (accept) => {
		const expected = "406 NotAcceptable: only the following media types are accepted: application/json, application/yaml";
		for (const path of [`${maps}/a`, maps]) expect(await f.refusal("GET", path, undefined, { accept })).toBe(expected);
		expect(await f.refusal("POST", maps, { metadata: { name: "not-made" } }, { accept })).toBe(expected);
		expect(await f.refusal("DELETE", `${maps}/a`, undefined, { accept })).toBe(expected);
		expect((await f.get(`${maps}/not-made`)).code).toBe(404);
		expect((await f.get(`${maps}/a`)).code).toBe(200);
	});

	test("discovery in protobuf alone: 406", async () => {
		expect(await f.refusal("GET", "/apis", undefined, { accept: protobuf })).toMatch(/^406 NotAcceptable: /);
		expect((await f.get("/apis", { accept: `${protobuf},application/json` })).json.kind).toBe("APIGroupList");
	});

	test("an error is written as its reader likes it, as JSON for who likes nothing that there is", async () => {
		const missing = (accept: string) => f.get(`${maps}/missing`, { accept });
		expect((await missing("application/yaml")).text).toContain('message: configmaps "missing" not found\n');
		expect((await missing(`${protobuf},application/json`)).json).toMatchObject({ kind: "Status", code: 404 });
	});
});

describe("Content-Type", () => {
	const unknown = (...types: readonly string[]) =>
		`415 UnsupportedMediaType: the body of the request was in an unknown format - accepted media types include: ${types.join(", ")}`;
	const objects = unknown("application/json", "application/yaml", protobuf);
	const patches = unknown(
		"application/json-patch+json",
		"application/merge-patch+json",
		"application/strategic-merge-patch+json",
		"application/apply-patch+yaml",
	);

	test.each([
		["POST", maps, "application/cbor", objects],
		["POST", maps, "text/plain", objects],
		["PUT", `${maps}/a`, "application/cbor", objects],
		["PUT", `${maps}/a`, "application/merge-patch+json", objects],
		["DELETE", `${maps}/a`, "application/cbor", objects],
		["DELETE", maps, "text/csv", objects],
		["PATCH", `${maps}/a`, "application/json", patches],
		["PATCH", `${maps}/a`, "application/apply-patch+cbor", patches],
		["PATCH", `${maps}/a`, "application/apply-patch+json", patches],
	] as const)("%s %s as %s: 415", async (method, path, type, expected) => {
		expect(await f.refusal(method, path, "{}", { "content-type": type })).toBe(expected);
	});

	test.each(["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/yaml"])(
		"a body as %s",
		async (type) => {
			expect((await f.send("PUT", `${maps}/a`, '{"metadata":{"name":"a"}}', { "content-type": type })).code).toBe(200);
		},
	);

	test("a body without a type is JSON", async () => {
		expect((await f.send("PUT", `${maps}/a`, '{"metadata":{"name":"a"}}', { "content-type": undefined })).code).toBe(200);
	});
});

describe("methods", () => {
	test.each([
		["POST", `${maps}/a`],
		["PUT", maps],
		["PATCH", maps],
		["OPTIONS", maps],
		["HEAD", `${maps}/a`],
		["POST", "/api/v1/configmaps"],
		["DELETE", "/api/v1/configmaps"],
		["PUT", "/api/v1/watch/configmaps"],
		["DELETE", "/api/v1/namespaces/default/pods/a/log"],
		["GET", "/api/v1/namespaces/default/pods/a/binding"],
		["POST", "/apis"],
	] as const)("%s %s: 405", async (method, path) => {
		const answer = await f.send(method, path, method === "HEAD" ? undefined : "{}");
		expect(answer.code).toBe(405);
		if (method === "HEAD") return;
		expect(answer.json).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Failure",
			message: "the server does not allow this method on the requested resource",
			reason: "MethodNotAllowed",
			details: {},
			code: 405,
		});
	});
});
