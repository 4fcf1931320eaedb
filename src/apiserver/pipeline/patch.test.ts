/** Patches as the server takes them: what is wrong with one, and what strict decoding finds in it and in its outcome. */
import { beforeEach, describe, expect, it } from "vitest";
import type { PatchType } from "../../apimachinery/api-request.ts";
import { StatusError } from "../../apimachinery/status-error.ts";
import { admin, type ResourceDriver, type ServerFixture, startServer } from "../testing.ts";

const json = "application/json-patch+json";
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";

const web = {
	apiVersion: "v1",
	kind: "Service",
	metadata: { name: "web", annotations: { app: "<web>" } },
	spec: { ports: [{ port: 80, name: "http" }], clusterIP: "None" },
};

let fixture: ServerFixture;
let services: ResourceDriver;

beforeEach(async () => {
	fixture = await startServer();
	services = fixture.resource("", "v1", "services");
	await services.send("create", { body: web });
});

type Validation = "Ignore" | "Warn" | "Strict";

/** Warnings, or the error's code and message. */
async function outcome(patchType: PatchType, body: unknown, fieldValidation?: Validation, duplicateFields?: readonly string[]) {
	const options = fieldValidation === undefined ? {} : { fieldValidation };
	const request = { verb: "patch", group: "", version: "v1", resource: "services", namespace: "default", name: "web" } as const;
	const duplicates = duplicateFields === undefined ? {} : { duplicateFields };
	try {
		const { warnings } = await fixture.server.handle(admin, { ...request, patchType, body, options, ...duplicates });
		return warnings;
	} catch (error) {
		if (error instanceof StatusError) return `${error.code} ${error.message}`;
		throw error;
	}
}

describe("a patch whose outcome is not of its type", () => {
	it.each<[PatchType, unknown, string]>([
		[strategic, { spec: { publishNotReadyAddresses: "yes" } }, "map[spec:map[publishNotReadyAddresses:yes]]: unrecognized type: bool"],
		[strategic, { spec: { type: 1 } }, "map[spec:map[type:1]]: cannot convert int64 to v1.ServiceType"],
		[strategic, { metadata: { labels: { a: true } } }, "map[metadata:map[labels:map[a:true]]]: unrecognized type: string"],
		[strategic, { metadata: { labels: "a" } }, "map[metadata:map[labels:a]]: cannot restore map from string"],
		[strategic, { metadata: { finalizers: { a: 1 } } }, "map[metadata:map[finalizers:map[a:1]]]: cannot restore slice from map"],
		[strategic, { spec: [1] }, "map[spec:[1]]: cannot restore struct from: slice"],
		[
			strategic,
			{ spec: { sessionAffinityConfig: { clientIP: { timeoutSeconds: 1.5 } } } },
			"map[spec:map[sessionAffinityConfig:map[clientIP:map[timeoutSeconds:1.5]]]]: cannot convert float64 to int32",
		],
	])("%s %j", async (type, patch, text) => {
		const [shown = "", why = ""] = text.split(/(?<=\]): /);
		expect(await outcome(type, patch)).toBe(`422  "" is invalid: patch: Invalid value: ${JSON.stringify(shown)}: ${why}`);
	});

	it.each<[PatchType, unknown]>([
		[merge, { spec: { type: 1 } }],
		[json, [{ op: "add", path: "/spec/type", value: 1 }]],
	])("%s shows the object as the patch left it", async (type, patch) => {
		const text = String(await outcome(type, patch));
		expect(text).toMatch(
			/^422 {2}"" is invalid: patch: Invalid value: "\{\\"apiVersion\\":\\"v1\\",\\"kind\\":\\"Service\\",\\"metadata\\":/,
		);
		expect(text).toContain(String.raw`\"annotations\":{\"app\":\"\\u003cweb\\u003e\"}`);
		expect(text).toMatch(/ json: cannot unmarshal number into Go struct field ServiceSpec.spec.type of type v1.ServiceType$/);
	});
});

describe("strict decoding of a patch", () => {
	it.each<[PatchType, unknown, readonly string[], readonly string[]]>([
		[merge, { spec: { a: 1 } }, ["spec.type"], ['duplicate field "spec.type"', 'unknown field "spec.a"']],
		[strategic, { spec: { ports: [{ port: 80, a: 1 }] } }, ["spec.b"], ['duplicate field "spec.b"', 'unknown field "spec.ports[0].a"']],
		[strategic, { spec: { externalIPs: [{ $patch: "replace" }] } }, [], []],
		[
			json,
			[
				{ op: "add", path: "/spec/a", value: 1, foo: "bar" },
				{ op: "test", path: "/spec/type", value: "ClusterIP" },
			],
			["[1].path"],
			['json patch unknown field "[0].foo"', 'json patch duplicate field "[1].path"', 'unknown field "spec.a"'],
		],
	])("%s %j", async (type, patch, duplicates, texts) => {
		expect(await outcome(type, patch, undefined, duplicates)).toEqual(texts);
		expect(await outcome(type, patch, "Warn", duplicates)).toEqual(texts);
		expect(await outcome(type, patch, "Ignore", duplicates)).toEqual([]);
		const strict = await outcome(type, patch, "Strict", duplicates);
		if (texts.length === 0) expect(strict).toEqual([]);
		else expect(strict).toMatch(/^422 {2}"" is invalid: patch: Invalid value: ".*": strict decoding error: /);
		for (const text of texts) expect(strict).toContain(text);
	});
});

describe("a JSON patch", () => {
	it.each<[unknown, string]>([
		[[{ op: 5, path: "/a" }], "400 error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string"],
		[
			[{ op: "add", path: ["a"] }],
			"400 error decoding patch: json: cannot unmarshal array into Go struct field jsonPatchOp.path of type string",
		],
		[[{ op: "add", path: "/spec/none/a", value: 1 }], "422 the server rejected our request due to an error in our request"],
		[[{ op: "test", path: "/spec/type", value: "NodePort" }], "422 the server rejected our request due to an error in our request"],
		[
			new Array(10_001).fill({ op: "test", path: "/kind", value: "Service" }),
			"413 Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
		],
	])("%#", async (patch, text) => {
		expect(await outcome(json, patch)).toBe(text);
	});

	it("of ten thousand operations is taken", async () => {
		expect(await outcome(json, new Array(10_000).fill({ op: "test", path: "/kind", value: "Service" }))).toEqual([]);
	});
});
