/**
 * Watches over raw HTTP: where they begin, what they tell, how they end.
 * Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes and KEP-3157.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { brief, type Fixture, settle, startFixture } from "./fixture.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const allMaps = "/api/v1/configmaps";

let f: Fixture;
beforeEach(async () => {
	f = await startFixture();
});
afterEach(() => f.close());

const add = (name: string, labels: Readonly<Record<string, string>> = {}, path = maps) => f.create(path, { metadata: { name, labels } });
const label = (name: string, labels: Readonly<Record<string, string | null>>) =>
	f.send("PATCH", `${maps}/${name}`, { metadata: { labels } }, { "content-type": "application/merge-patch+json" });
const remove = (name: string, path = maps) => f.send("DELETE", `${path}/${name}`);
const revision = () => f.server.revision;

describe("beginnings", () => {
	let before: number;
	beforeEach(async () => {
		await add("a");
		before = revision();
		await add("b");
	});
	const meanwhile = () => add("c");

	test.each([
		["", ["ADDED a", "ADDED b", "ADDED c"]],
		["resourceVersion=0", ["ADDED a", "ADDED b", "ADDED c"]],
		["resourceVersion=BEFORE", ["ADDED b", "ADDED c"]],
		["resourceVersion=NOW", ["ADDED c"]],
		// The end of the state is told to whoever takes bookmarks; then two more come: every minute, and before the time is up.
		["allowWatchBookmarks=true", ["ADDED a", "ADDED b", "BOOKMARK", "ADDED c", "BOOKMARK"]],
		["resourceVersion=0&allowWatchBookmarks=true", ["ADDED a", "ADDED b", "BOOKMARK", "ADDED c", "BOOKMARK"]],
		["resourceVersion=NOW&allowWatchBookmarks=true", ["ADDED c", "BOOKMARK"]],
		["sendInitialEvents=true&resourceVersionMatch=NotOlderThan", ["ADDED a", "ADDED b", "ADDED c"]],
		[
			"sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true&resourceVersion=BEFORE",
			["ADDED a", "ADDED b", "BOOKMARK", "ADDED c", "BOOKMARK"],
		],
		["sendInitialEvents=false&resourceVersionMatch=NotOlderThan", ["ADDED c"]],
		["sendInitialEvents=false&resourceVersionMatch=NotOlderThan&resourceVersion=BEFORE", ["ADDED b", "ADDED c"]],
	])("?%s", async (query, expected) => {
		const text = query.replace("BEFORE", String(before)).replace("NOW", String(revision()));
		expect(brief(await f.watch(`${maps}?${text}`, meanwhile, { seconds: 30 }))).toEqual(expected);
	});

	test("the bookmark after the state carries the annotation and the state's version; later ones only their own", async () => {
		const state = revision();
		const query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
		const lines = await f.watch(`${maps}?${query}`, meanwhile, { seconds: 90 });
		const bookmarks = lines.filter(({ type }) => type === "BOOKMARK").map(({ object }) => object);
		const bookmark = (metadata: object) => ({ kind: "ConfigMap", apiVersion: "v1", metadata });
		expect(bookmarks).toEqual([
			bookmark({ resourceVersion: String(state), annotations: { "k8s.io/initial-events-end": "true" } }),
			bookmark({ resourceVersion: String(state + 1) }),
			bookmark({ resourceVersion: String(state + 1) }),
		]);
	});

	test("from a compacted revision: one ERROR event, 410", async () => {
		await f.store.compact(revision());
		const many = Array.from({ length: 300 }, (_, index) => `x${index}`);
		for (const name of many) await add(name);
		await f.store.compact(revision());
		const lines = await f.watch(`${maps}?resourceVersion=${before}`);
		expect(lines).toEqual([
			{
				type: "ERROR",
				object: {
					kind: "Status",
					apiVersion: "v1",
					metadata: {},
					status: "Failure",
					message: expect.stringMatching(new RegExp(`^too old resource version: ${before} \\(\\d+\\)$`)),
					reason: "Expired",
					code: 410,
				},
			},
		]);
	});

	test("a state that is not there yet is waited for, three seconds", async () => {
		const path = `${maps}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=${revision() + 9}&timeoutSeconds=60`;
		const pending = f.refusal("GET", path);
		await f.clock.advance(3000);
		expect(await pending).toBe(`504 Timeout: Timeout: Too large resource version: ${revision() + 9}, current: ${revision()}`);
	});

	const invalid = (why: string) => `422 Invalid: ListOptions.meta.k8s.io "" is invalid: ${why}`;
	test.each([
		[
			"sendInitialEvents=true",
			invalid("resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
		],
		[
			"sendInitialEvents=false",
			invalid("resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"),
		],
		[
			"resourceVersionMatch=NotOlderThan",
			invalid("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"),
		],
		[
			"sendInitialEvents=true&resourceVersionMatch=Exact&resourceVersion=1",
			invalid(
				'[resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]',
			),
		],
		[
			"sendInitialEvents=true&resourceVersionMatch=NotOlderThan&continue=x",
			invalid("resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided"),
		],
		[
			"resourceVersion=x",
			'400 BadRequest: invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
		],
		["timeoutSeconds=soon", '400 BadRequest: strconv.ParseInt: parsing "soon": invalid syntax'],
		["fieldSelector=x%3D1", '400 BadRequest: "x" is not a known field selector: only "metadata.name", "metadata.namespace"'],
	])("?%s is refused", async (query, expected) => {
		expect(await f.refusal("GET", `${maps}?watch=true&${query}`)).toBe(expected);
	});
});

describe("what is told", () => {
	test("objects that come into a selection are ADDED, those that leave it DELETED as they were, with the new version", async () => {
		await add("a", { app: "web" });
		const lines = await f.watch(`${maps}?labelSelector=app%3Dweb`, async () => {
			await add("b");
			await label("b", { app: "web" });
			await label("b", { more: "yes" });
			await label("b", { app: "db" });
			await label("b", { app: "web" });
			await remove("b");
			await remove("a");
		});
		expect(brief(lines)).toEqual(["ADDED a", "ADDED b", "MODIFIED b", "DELETED b", "ADDED b", "DELETED b", "DELETED a"]);
		const left = lines[3]?.object.metadata;
		expect(left.labels).toEqual({ app: "web", more: "yes" });
		expect(Number(left.resourceVersion)).toBeGreaterThan(Number(lines[2]?.object.metadata.resourceVersion));
		const versions = lines.map(({ object }) => Number(object.metadata.resourceVersion));
		expect(versions).toEqual([...versions].sort((a, b) => a - b));
	});

	test("all namespaces, one namespace, one name", async () => {
		const both = async () => {
			await add("a");
			await add("a", {}, "/api/v1/namespaces/other/configmaps");
			await add("b");
		};
		const start = `resourceVersion=${revision()}`;
		expect(brief(await f.watch(`${allMaps}?${start}`, both))).toEqual(["ADDED a", "ADDED a", "ADDED b"]);
		expect(brief(await f.watch(`${maps}?${start}`))).toEqual(["ADDED a", "ADDED b"]);
		expect(brief(await f.watch(`${maps}?${start}&fieldSelector=metadata.name%3Db`))).toEqual(["ADDED b"]);
		expect(brief(await f.watch(`/api/v1/watch/namespaces/default/configmaps/b?${start}`))).toEqual(["ADDED b"]);
		expect(brief(await f.watch(`/api/v1/watch/configmaps?${start}`))).toEqual(["ADDED a", "ADDED a", "ADDED b"]);
	});

	test("a name on the path and another in the selector: 400", async () => {
		expect(await f.refusal("GET", "/api/v1/watch/namespaces/default/configmaps/b?fieldSelector=metadata.name%3Dc")).toBe(
			"400 BadRequest: fieldSelector metadata.name doesn't match requested name",
		);
	});

	test("tables: columns once, a row an event, none in a bookmark", async () => {
		const headers = { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" };
		const lines = await f.watch(`${maps}?allowWatchBookmarks=true`, () => add("a"), { headers, seconds: 30 });
		expect(lines.map(({ type, object }) => [type, object.kind, object.columnDefinitions?.length ?? 0, object.rows.length])).toEqual([
			["BOOKMARK", "Table", 3, 0],
			["ADDED", "Table", 0, 1],
			["BOOKMARK", "Table", 0, 0],
		]);
	});

	test("metadata alone", async () => {
		const headers = { accept: "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1" };
		const [line] = await f.watch(maps, () => add("a", { app: "web" }), { headers });
		expect(line?.object).toEqual({
			kind: "PartialObjectMetadata",
			apiVersion: "meta.k8s.io/v1",
			metadata: expect.objectContaining({ name: "a", labels: { app: "web" } }),
		});
	});
});

describe("ends", () => {
	test("timeoutSeconds ends the answer in good order", async () => {
		const pending = f.get(`${maps}?watch=true&timeoutSeconds=5`);
		let isAnswered = false;
		void pending.then(() => {
			isAnswered = true;
		});
		await f.clock.advance(4999);
		await settle();
		expect(isAnswered).toBe(false);
		await f.clock.advance(1);
		expect(await pending).toMatchObject({ code: 200, text: "", headers: { "content-type": "application/json" } });
	});

	test("a watch without a limit lives between half an hour and an hour", async () => {
		const pending = f.get(`${maps}?watch=true`);
		let endedMs: number | undefined;
		void pending.then(() => {
			endedMs = f.clock.now();
		});
		const startedMs = f.clock.now();
		for (let minute = 0; minute < 61 && endedMs === undefined; minute++) {
			await f.clock.advance(60_000);
			await settle();
		}
		const minutes = ((endedMs ?? Number.POSITIVE_INFINITY) - startedMs) / 60_000;
		expect(minutes).toBeGreaterThanOrEqual(30);
		expect(minutes).toBeLessThanOrEqual(60);
	});

	test.each(["", "?watch=true", "?watch=1", "?watch"])("a get of one object is a get, whatever it asks (%s)", async (query) => {
		await add("a");
		expect((await f.get(`${maps}/a${query}`)).json.kind).toBe("ConfigMap");
	});

	test("a watch whose events would be lists of metadata: 406", async () => {
		await add("a");
		const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
		expect(await f.refusal("GET", `${maps}?watch=true`, undefined, { accept })).toBe(
			"406 NotAcceptable: you requested PartialObjectMetadataList, but the requested object is not a list (*core.ConfigMap)",
		);
	});

	test("a watch as YAML or under a type nobody serves: 406", async () => {
		const text = "406 NotAcceptable: only the following media types are accepted: application/json;stream=watch";
		for (const accept of ["application/vnd.kubernetes.protobuf;stream=watch", "application/cbor-seq", "text/html"]) {
			expect(await f.refusal("GET", `${maps}?watch=true`, undefined, { accept })).toBe(text);
		}
		// Who asks for YAML is refused in YAML.
		const { code, text: yaml } = await f.get(`${maps}?watch=true`, { accept: "application/yaml" });
		expect(code).toBe(406);
		expect(yaml).toContain("reason: NotAcceptable\n");
		expect(brief(await f.watch(maps, () => add("a"), { headers: { accept: "application/json;stream=watch" } }))).toEqual(["ADDED a"]);
	});
});
