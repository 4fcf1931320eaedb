/**
 * Lists over raw HTTP: pages of one moment, resource versions, selectors, shapes.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/
 */
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Fixture, startFixture } from "./fixture.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const allMaps = "/api/v1/configmaps";

let f: Fixture;
beforeEach(async () => {
	f = await startFixture();
});
afterEach(() => f.close());

const add = (name: string, labels: Readonly<Record<string, string>> = {}, path = maps) =>
	f.create(path, { metadata: { name, labels }, data: { a: "1" } });
const names = (list: { items: { metadata: { name: string } }[] }) => list.items.map(({ metadata }) => metadata.name);
const revision = () => f.server.revision;

describe("pages", () => {
	beforeEach(async () => {
		for (const name of ["a", "b", "c", "d", "e"]) await add(name);
	});

	test("show one moment, whatever is written meanwhile, and say how many are left", async () => {
		const started = String(revision());
		const first = (await f.get(`${maps}?limit=2`)).json;
		expect(names(first)).toEqual(["a", "b"]);
		expect(first.metadata).toEqual({ resourceVersion: started, continue: expect.any(String), remainingItemCount: 3 });
		await add("b2");
		await f.send("DELETE", `${maps}/d`);
		const second = (await f.get(`${maps}?limit=2&continue=${first.metadata.continue}`)).json;
		expect(names(second)).toEqual(["c", "d"]);
		expect(second.metadata).toEqual({ resourceVersion: started, continue: expect.any(String), remainingItemCount: 1 });
		const third = (await f.get(`${maps}?limit=2&continue=${second.metadata.continue}`)).json;
		expect(names(third)).toEqual(["e"]);
		expect(third.metadata).toEqual({ resourceVersion: started });
	});

	test("with a selector have no remainingItemCount, and go on behind the last object that was looked at", async () => {
		await add("f", { keep: "yes" });
		await add("g", { keep: "yes" });
		const first = (await f.get(`${maps}?limit=1&labelSelector=keep%3Dyes`)).json;
		expect(names(first)).toEqual(["f"]);
		expect(first.metadata).toEqual({ resourceVersion: expect.any(String), continue: expect.any(String) });
		const second = (await f.get(`${maps}?limit=1&labelSelector=keep%3Dyes&continue=${first.metadata.continue}`)).json;
		expect(names(second)).toEqual(["g"]);
		expect(second.metadata.continue).toBeUndefined();
	});

	test("a page after compaction: 410 with a token that goes on inconsistently", async () => {
		const first = (await f.get(`${maps}?limit=2`)).json;
		await add("b2");
		await add("f");
		await f.store.compact(revision());
		const late = await f.get(`${maps}?limit=2&continue=${first.metadata.continue}`);
		expect(late.json).toEqual({
			kind: "Status",
			apiVersion: "v1",
			metadata: { continue: expect.any(String) },
			status: "Failure",
			message:
				"The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
			reason: "Expired",
			code: 410,
		});
		const rest = (await f.get(`${maps}?continue=${late.json.metadata.continue}`)).json;
		expect(names(rest)).toEqual(["b2", "c", "d", "e", "f"]);
		expect(rest.metadata.resourceVersion).toBe(String(revision()));
	});

	test("an empty limit, zero and a negative one mean everything", async () => {
		for (const limit of ["", "0", "-1"]) expect(names((await f.get(`${maps}?limit=${limit}`)).json)).toHaveLength(5);
	});

	test.each([
		["limit=x", '400 BadRequest: strconv.ParseInt: parsing "x": invalid syntax'],
		["continue=%25", "400 BadRequest: invalid continue token: continue key is not valid: illegal base64 data at input byte 0"],
		[
			`continue=${Buffer.from('{"v":"v9","rv":1,"start":"a"}').toString("base64url")}`,
			"400 BadRequest: invalid continue token: continue key is not valid: server does not recognize this encoded version v9",
		],
		[
			`continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":0,"start":"a"}').toString("base64url")}`,
			"400 BadRequest: invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
		],
		[
			`continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":""}').toString("base64url")}`,
			"400 BadRequest: invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)",
		],
		[
			`continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"../other"}').toString("base64url")}`,
			"400 BadRequest: invalid continue token: continue key is not valid: ../other",
		],
		[
			`resourceVersion=5&continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":5,"start":"a"}').toString("base64url")}`,
			"400 BadRequest: specifying resource version is not allowed when using continue",
		],
	])("?%s is refused", async (query, expected) => {
		expect(await f.refusal("GET", `${maps}?${query}`)).toBe(expected);
	});
});

describe("resourceVersion and resourceVersionMatch", () => {
	/** The revisions after `a`, and after `b`, which was created later. */
	let afterA: number;
	let afterB: number;
	beforeEach(async () => {
		await add("a");
		afterA = revision();
		await add("b");
		afterB = revision();
	});

	const newest = ["a", "b"];
	test.each([
		["", newest],
		["resourceVersion=0", newest],
		["resourceVersion=A", newest],
		["resourceVersion=0&resourceVersionMatch=NotOlderThan", newest],
		["resourceVersion=A&resourceVersionMatch=NotOlderThan", newest],
		["resourceVersion=A&resourceVersionMatch=Exact", ["a"]],
		["resourceVersion=B&resourceVersionMatch=Exact", newest],
		["resourceVersion=A&limit=10", newest],
		["resourceVersion=A&limit=10&resourceVersionMatch=Exact", ["a"]],
		["resourceVersion=A&limit=10&resourceVersionMatch=NotOlderThan", newest],
		["resourceVersion=0&limit=1", ["a"]],
		["limit=1", ["a"]],
		["resourceVersion=A&limit=1", ["a"]],
		["resourceVersion=B&limit=1&resourceVersionMatch=NotOlderThan", ["a"]],
	])("?%s", async (query, expected) => {
		const text = query.replace("=A", `=${afterA}`).replace("=B", `=${afterB}`);
		const { code, json } = await f.get(`${maps}?${text}`);
		expect(code).toBe(200);
		expect(names(json)).toEqual(expected);
		const isExact = query.includes("Exact");
		expect(json.metadata.resourceVersion).toBe(String(isExact && query.includes("=A") ? afterA : afterB));
	});

	const invalid = (why: string) => `422 Invalid: ListOptions.meta.k8s.io "" is invalid: ${why}`;
	test.each([
		[
			"resourceVersionMatch=Exact",
			invalid("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
		],
		[
			"resourceVersionMatch=NotOlderThan",
			invalid("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"),
		],
		[
			"resourceVersion=0&resourceVersionMatch=Exact",
			invalid('resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
		],
		[
			"resourceVersion=1&resourceVersionMatch=Newest",
			invalid('resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""'),
		],
		[
			"resourceVersion=1&resourceVersionMatch=Exact&continue=x",
			invalid("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided"),
		],
		["sendInitialEvents=false", invalid("sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list")],
		[
			"resourceVersion=x",
			'400 BadRequest: invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
		],
		[
			"resourceVersion=99999999999999999999",
			'400 BadRequest: invalid resource version: resourceVersion: Invalid value: "99999999999999999999": strconv.ParseUint: parsing "99999999999999999999": value out of range',
		],
	])("?%s is refused", async (query, expected) => {
		expect(await f.refusal("GET", `${maps}?${query}`)).toBe(expected);
	});

	test("an exact version that is compacted: 410", async () => {
		await f.store.compact(afterB);
		expect(await f.refusal("GET", `${maps}?resourceVersion=${afterA}&resourceVersionMatch=Exact`)).toBe(
			"410 Expired: The resourceVersion for the provided list is too old.",
		);
		expect((await f.get(`${maps}?resourceVersion=${afterA}&resourceVersionMatch=NotOlderThan`)).code).toBe(200);
	});

	test.each(["list", "list, exact", "get"])(
		"a version that is not there yet (%s): 504 after three seconds, with its cause and when to try again",
		async (what) => {
			const exact = what === "list, exact" ? "&resourceVersionMatch=Exact" : "";
			const pending = f.get(`${what === "get" ? `${maps}/a` : maps}?resourceVersion=${afterB + 5}${exact}`);
			let isAnswered = false;
			void pending.then(() => {
				isAnswered = true;
			});
			await f.clock.advance(2999);
			expect(isAnswered).toBe(false);
			await f.clock.advance(1);
			const answer = await pending;
			expect(answer.json).toEqual({
				kind: "Status",
				apiVersion: "v1",
				metadata: {},
				status: "Failure",
				message: `Timeout: Too large resource version: ${afterB + 5}, current: ${afterB}`,
				reason: "Timeout",
				details: { causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }], retryAfterSeconds: 1 },
				code: 504,
			});
			expect(answer.headers["retry-after"]).toBe("1");
		},
	);

	test("a version that comes meanwhile is waited for", async () => {
		const pending = f.get(`${maps}?resourceVersion=${afterB + 1}`);
		await f.clock.advance(1000);
		await add("c");
		expect(names((await pending).json)).toEqual(["a", "b", "c"]);
	});
});

describe("selectors", () => {
	beforeEach(async () => {
		await add("a", { app: "web", tier: "front" });
		await add("b", { app: "db" });
		await add("a", { app: "web" }, "/api/v1/namespaces/other/configmaps");
	});

	test.each([
		[maps, "labelSelector=app%3Dweb", ["a"]],
		[maps, "labelSelector=app+in+(web,db),!tier", ["b"]],
		[maps, "labelSelector=app!%3Dweb", ["b"]],
		[allMaps, "labelSelector=app%3Dweb", ["a", "a"]],
		[allMaps, "fieldSelector=metadata.namespace%3Dother", ["a"]],
		[maps, "fieldSelector=metadata.name%3Db", ["b"]],
		[allMaps, "fieldSelector=metadata.name!%3Da", ["b"]],
		[maps, "fieldSelector=metadata.name%3Da,metadata.name%3Db", []],
	])("%s?%s", async (path, query, expected) => {
		expect(names((await f.get(`${path}?${query}`)).json)).toEqual(expected);
	});

	test.each([
		[
			maps,
			"fieldSelector=data.a%3D1",
			'400 BadRequest: "data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
		],
		["/api/v1/pods", "fieldSelector=spec.x%3D1", "400 BadRequest: field label not supported: spec.x"],
		["/apis/batch/v1/jobs", "fieldSelector=spec.x%3D1", '400 BadRequest: field label "spec.x" not supported for batchv1.Job'],
		[maps, "fieldSelector=x", "400 BadRequest: invalid selector: 'x'; can't understand 'x'"],
	])("%s?%s is refused", async (path, query, expected) => {
		expect(await f.refusal("GET", `${path}?${query}`)).toBe(expected);
	});

	test("a label selector that cannot be read: 400", async () => {
		expect(await f.refusal("GET", `${maps}?labelSelector=a%3D%3D%3D`)).toMatch(/^400 BadRequest: unable to parse requirement: /);
	});
});

describe("shapes", () => {
	beforeEach(() => add("a", { app: "web" }));
	const as = (kind: string, version = "v1") => ({ accept: `application/json;as=${kind};g=meta.k8s.io;v=${version}` });

	test("a table, with metadata, with nothing and with objects", async () => {
		const rows = async (query: string) => (await f.get(`${maps}?${query}`, as("Table"))).json.rows;
		const table = (await f.get(maps, as("Table"))).json;
		expect(table).toMatchObject({ kind: "Table", apiVersion: "meta.k8s.io/v1", metadata: { resourceVersion: String(revision()) } });
		expect(table.columnDefinitions.map(({ name }: { name: string }) => name)).toEqual(["Name", "Data", "Age"]);
		expect(table.rows[0]).toMatchObject({ cells: ["a", 1, "0s"], object: { kind: "PartialObjectMetadata", metadata: { name: "a" } } });
		expect((await rows("includeObject=None"))[0].object).toBeNull();
		expect((await rows("includeObject=Object"))[0].object).toMatchObject({ kind: "ConfigMap", data: { a: "1" } });
		expect(await f.refusal("GET", `${maps}?includeObject=All`, undefined, as("Table"))).toBe(
			"400 BadRequest: Unable to convert to Table as requested: includeObject: Invalid value: \"All\": must be 'Metadata', 'Object', 'None', or empty",
		);
	});

	test("a table's pages carry the list's metadata", async () => {
		await add("b");
		const { metadata, rows } = (await f.get(`${maps}?limit=1`, as("Table"))).json;
		expect(rows).toHaveLength(1);
		expect(metadata).toEqual({ resourceVersion: String(revision()), continue: expect.any(String), remainingItemCount: 1 });
	});

	test.each(["v1", "v1beta1"])("metadata alone (%s)", async (version) => {
		const list = (await f.get(maps, as("PartialObjectMetadataList", version))).json;
		expect(list).toMatchObject({ kind: "PartialObjectMetadataList", apiVersion: `meta.k8s.io/${version}` });
		expect(Object.keys(list.items[0])).toEqual(["kind", "apiVersion", "metadata"]);
		expect(list.items[0].metadata.labels).toEqual({ app: "web" });
	});

	test("metadata of a list under the name of a single one, and the other way round: 406", async () => {
		expect(await f.refusal("GET", maps, undefined, as("PartialObjectMetadata"))).toBe(
			"406 NotAcceptable: you requested PartialObjectMetadata, but the requested object is a list (*core.ConfigMapList)",
		);
		expect(await f.refusal("GET", `${maps}/a`, undefined, as("PartialObjectMetadataList"))).toBe(
			"406 NotAcceptable: you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)",
		);
	});

	test("a list of more than 128 KiB is gzipped for who takes that, whatever its shape", async () => {
		await f.create(maps, { metadata: { name: "big" }, data: { text: "x".repeat(200_000) } });
		for (const accept of ["application/json", "application/yaml", "application/json;as=Table;g=meta.k8s.io;v=v1"]) {
			const path = `${maps}?includeObject=Object`;
			const plain = await f.get(path, { accept });
			const zipped = await f.get(path, { accept, "accept-encoding": "gzip" });
			expect(plain.headers["content-encoding"]).toBeUndefined();
			expect(zipped.headers["content-encoding"]).toBe("gzip");
			expect(gunzipSync(zipped.bytes).toString()).toBe(plain.text);
		}
		expect((await f.get(`${maps}/a`, { "accept-encoding": "gzip" })).headers["content-encoding"]).toBeUndefined();
		expect((await f.get(maps, { "accept-encoding": "gzip;q=0" })).headers["content-encoding"]).toBeUndefined();
	});
});
