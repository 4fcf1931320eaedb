import { expect, test } from "vitest";
import { deepFreeze } from "../testing/deep-freeze.ts";
import { applyJsonPatch } from "./json-patch.ts";

// RFC 6902, appendix A.
test.each([
	["A.1 adding an object member", { foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
	["A.2 adding an array element", { foo: ["bar", "baz"] }, [{ op: "add", path: "/foo/1", value: "qux" }], { foo: ["bar", "qux", "baz"] }],
	["A.3 removing an object member", { baz: "qux", foo: "bar" }, [{ op: "remove", path: "/baz" }], { foo: "bar" }],
	["A.4 removing an array element", { foo: ["bar", "qux", "baz"] }, [{ op: "remove", path: "/foo/1" }], { foo: ["bar", "baz"] }],
	["A.5 replacing a value", { baz: "qux", foo: "bar" }, [{ op: "replace", path: "/baz", value: "boo" }], { baz: "boo", foo: "bar" }],
	[
		"A.6 moving a value",
		{ foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
		[{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
		{ foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
	],
	[
		"A.7 moving an array element",
		{ foo: ["all", "grass", "cows", "eat"] },
		[{ op: "move", from: "/foo/1", path: "/foo/3" }],
		{ foo: ["all", "cows", "eat", "grass"] },
	],
	[
		"A.8 testing a value: success",
		{ baz: "qux", foo: ["a", 2, "c"] },
		[
			{ op: "test", path: "/baz", value: "qux" },
			{ op: "test", path: "/foo/1", value: 2 },
		],
		{ baz: "qux", foo: ["a", 2, "c"] },
	],
	[
		"A.10 adding a nested member object",
		{ foo: "bar" },
		[{ op: "add", path: "/child", value: { g: {} } }],
		{ foo: "bar", child: { g: {} } },
	],
	[
		"A.11 ignoring unrecognized elements",
		{ foo: "bar" },
		[{ op: "add", path: "/baz", value: "qux", xyz: 123 }],
		{ foo: "bar", baz: "qux" },
	],
	["A.14 ~ escape ordering", { "/": 9, "~1": 10 }, [{ op: "test", path: "/~01", value: 10 }], { "/": 9, "~1": 10 }],
	[
		"A.16 adding an array value",
		{ foo: ["bar"] },
		[{ op: "add", path: "/foo/-", value: ["abc", "def"] }],
		{ foo: ["bar", ["abc", "def"]] },
	],
	["copying a value", { a: { b: 1 } }, [{ op: "copy", from: "/a", path: "/c" }], { a: { b: 1 }, c: { b: 1 } }],
	["an index from the end", { a: [1, 2, 3] }, [{ op: "remove", path: "/a/-1" }], { a: [1, 2] }],
	["testing null on nothing", { a: 1 }, [{ op: "test", path: "/b", value: null }], { a: 1 }],
	[
		"a label with a slash",
		{ metadata: { labels: {} } },
		[{ op: "add", path: "/metadata/labels/example.com~1role", value: "web" }],
		{ metadata: { labels: { "example.com/role": "web" } } },
	],
])("%s", (_, document, patch, result) => {
	expect(applyJsonPatch(deepFreeze(document), deepFreeze(patch))).toEqual(result);
});

test.each([
	[[{ op: "test", path: "/a", value: 2 }], "testing value /a failed: test failed"],
	[[{ op: "test", path: "/b", value: 2 }], "testing value /b failed: test failed"],
	[[{ op: "add", path: "/b/c", value: 1 }], 'add operation does not apply: doc is missing path: "/b/c": missing value'],
	[[{ op: "add", path: "", value: 1 }], 'add operation does not apply: doc is missing path: "": missing value'],
	[[{ op: "remove", path: "/b" }], "error in remove for path: '/b': Unable to remove nonexistent key: b: missing value"],
	[[{ op: "remove", path: "/list/3" }], "error in remove for path: '/list/3': Unable to access invalid index: 3: invalid index referenced"],
	[[{ op: "replace", path: "/b", value: 1 }], "replace operation does not apply: doc is missing key: /b: missing value"],
	[[{ op: "replace", path: "/b/c", value: 1 }], "replace operation does not apply: doc is missing path: /b/c: missing value"],
	[
		[{ op: "add", path: "/list/x", value: 1 }],
		"error in add for path: '/list/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
	],
	[[{ op: "move", from: "/b/c", path: "/a" }], "move operation does not apply: doc is missing from path: /b/c: missing value"],
	[[{ op: "add", value: 1 }], "add operation failed to decode path: missing value"],
	[[{ op: "merge", path: "/a" }], "Unexpected kind: merge"],
	[[{ path: "/a" }], "Unexpected kind: unknown"],
	[
		[{ op: "test", path: "/constructor/name", value: "Object" }],
		"test operation does not apply: is missing path: /constructor/name: missing value",
	],
])("%j does not apply: %s", (patch, why) => {
	expect(() => applyJsonPatch({ a: 1, list: [1, 2, 3] }, patch)).toThrow(
		expect.objectContaining({
			code: 422,
			reason: "Invalid",
			message: "the server rejected our request due to an error in our request",
			cause: expect.objectContaining({ message: why }),
		}),
	);
});

test("a patch that is no list of operations is a bad request", () => {
	expect(() => applyJsonPatch({}, { op: "add" })).toThrow("json: cannot unmarshal object into Go value of type jsonpatch.Patch");
	expect(() => applyJsonPatch({}, ["add"])).toThrow("json: cannot unmarshal string into Go value of type jsonpatch.Operation");
});

test("what does not change is shared", () => {
	const document = { spec: { replicas: 1 }, status: { ready: 1 } };
	const result = applyJsonPatch(document, [{ op: "replace", path: "/spec/replicas", value: 2 }]);
	expect(result).toEqual({ spec: { replicas: 2 }, status: { ready: 1 } });
	expect((result as typeof document).status).toBe(document.status);
});
