/**
 * Writes over raw HTTP: dry run, validation of fields, field managers, preconditions, collections, sizes.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { brief, type Fixture, type Method, startFixture } from "./fixture.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const map = (name: string, more: object = {}) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more });
const merge = { "content-type": "application/merge-patch+json" };

let f: Fixture;
beforeEach(async () => {
	f = await startFixture();
});
afterEach(() => f.close());

const names = async (query = "") =>
	((await f.get(`${maps}${query}`)).json.items as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
const stored = async (name: string) => (await f.get(`${maps}/${name}`)).json;

describe("dry run", () => {
	beforeEach(() => f.create(maps, map("a", { data: { v: "1" } })));

	test.each<[string, Method, string, object | undefined, Record<string, string>, number]>([
		["create", "POST", maps, map("b"), {}, 201],
		["update", "PUT", `${maps}/a`, map("a", { data: { v: "2" } }), {}, 200],
		["merge patch", "PATCH", `${maps}/a`, { data: { v: "2" } }, merge, 200],
		["JSON patch", "PATCH", `${maps}/a`, [{ op: "remove", path: "/data" }], { "content-type": "application/json-patch+json" }, 200],
		[
			"strategic merge patch",
			"PATCH",
			`${maps}/a`,
			{ data: { v: "2" } },
			{ "content-type": "application/strategic-merge-patch+json" },
			200,
		],
		["delete, in the query", "DELETE", `${maps}/a`, undefined, {}, 200],
		["deletecollection, in the query", "DELETE", maps, undefined, {}, 200],
	])("%s answers as it would and stores nothing", async (_name, method, path, body, headers, code) => {
		const before = f.server.revision;
		const answer = await f.send(method, `${path}?dryRun=All`, body, headers);
		expect(answer.code).toBe(code);
		expect(f.server.revision).toBe(before);
		expect(await names()).toEqual(["a"]);
		expect((await stored("a")).data).toEqual({ v: "1" });
		if (method === "PUT") expect(answer.json.data).toEqual({ v: "2" });
	});

	test("apply makes nothing, and says what it would have made", async () => {
		const answer = await f.send("PATCH", `${maps}/c?dryRun=All&fieldManager=m`, map("c", { data: { v: "1" } }), {
			"content-type": "application/apply-patch+yaml",
		});
		expect(answer.code).toBe(201);
		expect(answer.json.metadata.managedFields[0]).toMatchObject({ manager: "m", operation: "Apply" });
		expect(await names()).toEqual(["a"]);
	});

	test("delete and deletecollection in the body", async () => {
		const body = { kind: "DeleteOptions", apiVersion: "v1", dryRun: ["All"] };
		expect((await f.send("DELETE", `${maps}/a`, body)).code).toBe(200);
		expect((await f.send("DELETE", maps, body)).code).toBe(200);
		expect(await names()).toEqual(["a"]);
	});

	test("subresources", async () => {
		await f.create("/apis/apps/v1/namespaces/default/deployments", {
			metadata: { name: "d" },
			spec: {
				selector: { matchLabels: { a: "b" } },
				template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } },
			},
		});
		const scale = "/apis/apps/v1/namespaces/default/deployments/d/scale";
		const answer = await f.send("PATCH", `${scale}?dryRun=All`, { spec: { replicas: 7 } }, merge);
		expect(answer.json.spec.replicas).toBe(7);
		expect((await f.get(scale)).json.spec.replicas).toBe(1);
	});

	test.each<[Method, string, string]>([
		["POST", maps, "CreateOptions"],
		["PUT", `${maps}/a`, "UpdateOptions"],
		["PATCH", `${maps}/a`, "PatchOptions"],
		["DELETE", `${maps}/a`, "DeleteOptions"],
		["DELETE", maps, "DeleteOptions"],
	])("%s %s with another value is refused", async (method, path, kind) => {
		const body = method === "DELETE" ? undefined : map("a");
		expect(await f.refusal(method, `${path}?dryRun=Some`, body, method === "PATCH" ? merge : {})).toBe(
			`422 Invalid: ${kind}.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"`,
		);
	});
});

describe("fieldValidation", () => {
	const odd = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"odd","nam":"x"},"dat":{},"data":{"a":"1","a":"2"}}';
	const texts = ['unknown field "dat"', 'unknown field "metadata.nam"', 'duplicate field "data.a"'];

	test("Strict refuses unknown and duplicate fields, all of them", async () => {
		const text = await f.refusal("POST", `${maps}?fieldValidation=Strict`, odd);
		expect(text).toMatch(/^400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: /);
		for (const part of texts) expect(text).toContain(part);
		expect(await names()).toEqual([]);
	});

	test.each(["", "?fieldValidation=Warn", "?fieldValidation="])(
		"Warn, also by default (%s), stores what is known and warns",
		async (query) => {
			const answer = await f.send("POST", `${maps}${query}`, odd);
			expect(answer.code).toBe(201);
			expect(answer.json.data).toEqual({ a: "2" });
			const warnings = [answer.headers.warning].flat().map(String);
			for (const text of texts) expect(warnings).toContain(`299 - ${JSON.stringify(text)}`);
		},
	);

	test("Ignore says nothing", async () => {
		const answer = await f.send("POST", `${maps}?fieldValidation=Ignore`, odd);
		expect(answer.code).toBe(201);
		expect(answer.headers.warning).toBeUndefined();
	});

	test.each<[string, string | object, string, string]>([
		["merge patch", { data: { b: "1" }, dat: {} }, "application/merge-patch+json", 'unknown field "dat"'],
		["strategic merge patch", { dat: {} }, "application/strategic-merge-patch+json", 'unknown field "dat"'],
		["JSON patch", [{ op: "add", path: "/dat", value: {} }], "application/json-patch+json", 'unknown field "dat"'],
	])("a %s", async (_name, patch, type, text) => {
		await f.create(maps, map("a"));
		expect(await f.refusal("PATCH", `${maps}/a?fieldValidation=Strict`, patch, { "content-type": type })).toContain(text);
		const warned = await f.send("PATCH", `${maps}/a?fieldValidation=Warn`, patch, { "content-type": type });
		expect([warned.headers.warning].flat()).toContain(`299 - ${JSON.stringify(text)}`);
		expect((await f.send("PATCH", `${maps}/a?fieldValidation=Ignore`, patch, { "content-type": type })).headers.warning).toBeUndefined();
	});

	test("a value that nobody knows", async () => {
		expect(await f.refusal("POST", `${maps}?fieldValidation=Loud`, map("a"))).toBe(
			'422 Invalid: CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Loud": supported values: "", "Ignore", "Strict", "Warn"',
		);
	});
});

describe("fieldManager", () => {
	const managers = async (name: string) =>
		(await stored(name)).metadata.managedFields.map(
			(entry: { manager: string; operation: string }) => `${entry.manager} ${entry.operation}`,
		);

	test("the query's, else the user agent's part before the slash", async () => {
		await f.send("POST", `${maps}?fieldManager=me`, map("a", { data: { v: "1" } }), { "user-agent": "kubectl/v1.36.0 (linux/amd64)" });
		await f.send("POST", maps, map("b", { data: { v: "1" } }), { "user-agent": "kubectl/v1.36.0 (linux/amd64)" });
		expect(await managers("a")).toEqual(["me Update"]);
		expect(await managers("b")).toEqual(["kubectl Update"]);
	});

	test.each<[string, Method, string, string, string]>([
		["too long", "POST", maps, `fieldManager=${"x".repeat(129)}`, "CreateOptions fieldManager: Too long: may not be more than 128 bytes"],
		[
			"not printable",
			"POST",
			maps,
			"fieldManager=a%09b",
			'CreateOptions fieldManager: Invalid value: "a\\tb": should only contain printable characters',
		],
		["missing in an apply", "PATCH", `${maps}/a`, "", "PatchOptions fieldManager: Required value: is required for apply patch"],
	])("%s", async (_name, method, path, query, expected) => {
		const [kind, ...why] = expected.split(" ");
		const headers = method === "PATCH" ? { "content-type": "application/apply-patch+yaml" } : {};
		expect(await f.refusal(method, `${path}?${query}`, map("a"), headers)).toBe(
			`422 Invalid: ${kind}.meta.k8s.io "" is invalid: ${why.join(" ")}`,
		);
	});

	test("128 bytes are enough for anybody", async () => {
		expect((await f.send("POST", `${maps}?fieldManager=${"x".repeat(128)}`, map("a"))).code).toBe(201);
		expect(await f.refusal("POST", `${maps}?fieldManager=${encodeURIComponent("é".repeat(65))}`, map("b"))).toContain("Too long");
	});

	test("force is for applies alone", async () => {
		await f.create(maps, map("a"));
		expect(await f.refusal("PATCH", `${maps}/a?force=true`, {}, merge)).toBe(
			'422 Invalid: PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
		);
	});
});

describe("deletes", () => {
	test("preconditions: the uid and the version must be the object's", async () => {
		await f.create(maps, map("a"));
		const { uid, resourceVersion } = (await stored("a")).metadata;
		const preconditions = (value: object) => ({ kind: "DeleteOptions", apiVersion: "v1", preconditions: value });
		expect(await f.refusal("DELETE", `${maps}/a`, preconditions({ uid: "other" }))).toBe(
			`409 Conflict: Operation cannot be fulfilled on configmaps "a": Precondition failed: UID in precondition: other, UID in object meta: ${uid}`,
		);
		expect(await f.refusal("DELETE", `${maps}/a`, preconditions({ resourceVersion: "1" }))).toBe(
			`409 Conflict: Operation cannot be fulfilled on configmaps "a": Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: ${resourceVersion}`,
		);
		const gone = await f.send("DELETE", `${maps}/a`, preconditions({ uid, resourceVersion }));
		expect(gone.json).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: {},
			status: "Success",
			details: { name: "a", kind: "configmaps", uid },
		});
	});

	test("an update under a version that has passed", async () => {
		await f.create(maps, map("a"));
		const old = await stored("a");
		await f.send("PATCH", `${maps}/a`, { data: { v: "2" } }, merge);
		expect(await f.refusal("PUT", `${maps}/a`, old)).toBe(
			'409 Conflict: Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
		);
	});

	test("a collection by labels and fields, in one namespace", async () => {
		for (const [name, app] of [
			["a", "web"],
			["b", "db"],
			["c", "web"],
		] as const) {
			await f.create(maps, { ...map(name), metadata: { name, labels: { app } } });
		}
		await f.create("/api/v1/namespaces/other/configmaps", { ...map("a"), metadata: { name: "a", labels: { app: "web" } } });
		const answer = await f.send("DELETE", `${maps}?labelSelector=app%3Dweb&fieldSelector=metadata.name!%3Dc`);
		expect(answer.json.kind).toBe("ConfigMapList");
		expect(answer.json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(["a"]);
		expect(await names()).toEqual(["b", "c"]);
		expect((await f.get("/api/v1/namespaces/other/configmaps/a")).code).toBe(200);
		const lines = await f.watch(maps, () => f.send("DELETE", maps));
		expect(brief(lines)).toEqual(["ADDED b", "ADDED c", "DELETED b", "DELETED c"]);
	});

	test.each([
		["propagationPolicy=Now", 'propagationPolicy: Unsupported value: "Now": supported values: "Foreground", "Background", "Orphan", "nil"'],
		[
			"propagationPolicy=Orphan&orphanDependents=true",
			'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
		],
	])("?%s is refused", async (query, why) => {
		expect(await f.refusal("DELETE", `${maps}/a?${query}`)).toBe(`422 Invalid: DeleteOptions.meta.k8s.io "" is invalid: ${why}`);
	});

	test("a body that is no DeleteOptions", async () => {
		await f.create(maps, map("a"));
		expect(await f.refusal("DELETE", `${maps}/a`, "[]")).toMatch(/^400 BadRequest: /);
		expect(await f.refusal("DELETE", `${maps}/a`, { kind: "ConfigMap", apiVersion: "v1" })).toMatch(/^400 BadRequest: /);
		expect(await f.refusal("DELETE", `${maps}/a`, { gracePeriodSeconds: "soon" })).toMatch(/^400 BadRequest: /);
		expect(await names()).toEqual(["a"]);
	});

	test("an object with finalizers lives on, marked; the answer is the object", async () => {
		await f.create(maps, { ...map("a"), metadata: { name: "a", finalizers: ["example.com/hold"] } });
		const answer = await f.send("DELETE", `${maps}/a`);
		expect(answer.code).toBe(200);
		expect(answer.json.metadata).toMatchObject({ deletionGracePeriodSeconds: 0, deletionTimestamp: "2026-01-01T00:00:00Z" });
		await f.send("PATCH", `${maps}/a`, { metadata: { finalizers: null } }, merge);
		expect((await f.get(`${maps}/a`)).code).toBe(404);
	});
});

describe("sizes", () => {
	const secret = (bytes: number) => `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"},"data":{"a":"${"x".repeat(bytes)}"}}`;

	test("a body of more than 3 MiB: 413", async () => {
		expect(await f.refusal("POST", maps, secret(3 * 1024 * 1024))).toBe(
			"413 RequestEntityTooLarge: Request entity too large: limit is 3145728",
		);
	});

	test("an object that etcd would not take: 500 with etcd's words, as kube-apiserver passes them on", async () => {
		const containers = [{ name: "c", image: "i", env: [{ name: "A", value: "x".repeat(1_600_000) }] }];
		await f.create("/api/v1/namespaces/default/serviceaccounts", { metadata: { name: "default" } });
		expect(await f.refusal("POST", "/api/v1/namespaces/default/pods", { metadata: { name: "big" }, spec: { containers } })).toBe(
			"500 : etcdserver: request is too large",
		);
	});

	test("a JSON patch of more than 10,000 operations: 413", async () => {
		await f.create(maps, map("a"));
		const patch = Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "ConfigMap" }));
		expect(await f.refusal("PATCH", `${maps}/a`, patch, { "content-type": "application/json-patch+json" })).toBe(
			"413 RequestEntityTooLarge: Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001",
		);
	});
});
