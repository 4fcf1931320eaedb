import fc from "fast-check";
import { expect, test } from "vitest";
import { type JsonValue, jsonEqual } from "../json.ts";
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

// RFC 6902, appendix A, continued: those that must fail.
test.each([
	["A.9 testing a value: error", { baz: "qux" }, { op: "test", path: "/baz", value: "bar" }],
	["A.12 adding to a nonexistent target", { foo: "bar" }, { op: "add", path: "/baz/bat", value: "qux" }],
	["A.15 comparing strings and numbers", { "/": 9, "~1": 10 }, { op: "test", path: "/~01", value: "10" }],
	["replacing what is not there", { foo: "bar" }, { op: "replace", path: "/baz", value: 1 }],
	["adding beyond the end", { foo: [1] }, { op: "add", path: "/foo/2", value: 1 }],
	["removing the end's place", { foo: [1] }, { op: "remove", path: "/foo/-" }],
	["moving what is not there", { foo: 1 }, { op: "move", from: "/bar", path: "/baz" }],
	["copying what is not there", { foo: [1] }, { op: "copy", from: "/foo/1", path: "/baz" }],
	["going through a scalar", { foo: 1 }, { op: "add", path: "/foo/bar", value: 1 }],
])("%s", (_, document, operation) => {
	expect(() => applyJsonPatch(deepFreeze(document), [operation])).toThrow(expect.objectContaining({ code: 422, reason: "Invalid" }));
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

/** RFC 6902 word by word, on a copy that it changes. Undefined where it says that the operation fails. */
function reference(document: JsonValue, patch: readonly Operation[]): JsonValue | undefined {
	const root = { "": structuredClone(document) } as Record<string, unknown>;
	for (const operation of patch) if (!carryOut(root, operation)) return undefined;
	return root[""] as JsonValue;
}

interface Operation {
	readonly op: string;
	readonly path: string;
	readonly from?: string;
	readonly value?: JsonValue;
}

type Place = { readonly parent: Record<string, unknown> | unknown[]; readonly key: string };

function placeOf(root: Record<string, unknown>, pointer: string): Place | undefined {
	const tokens = pointer.split("/").map((token) => token.replace(/~1/g, "/").replace(/~0/g, "~"));
	let parent: unknown = root;
	for (const token of tokens.slice(0, -1)) {
		if (typeof parent !== "object" || parent === null) return undefined;
		parent = Array.isArray(parent)
			? parent[/^\d+$/.test(token) ? Number(token) : -1]
			: Object.hasOwn(parent, token)
				? (parent as Record<string, unknown>)[token]
				: undefined;
	}
	if (typeof parent !== "object" || parent === null) return undefined;
	return { parent: parent as Place["parent"], key: tokens.at(-1) ?? "" };
}

function carryOut(root: Record<string, unknown>, { op, path, from = "", value = null }: Operation): boolean {
	const read = (pointer: string): { readonly found: unknown } | undefined => {
		const place = placeOf(root, pointer);
		if (place === undefined) return undefined;
		const { parent, key } = place;
		if (Array.isArray(parent)) return /^\d+$/.test(key) && Number(key) < parent.length ? { found: parent[Number(key)] } : undefined;
		return Object.hasOwn(parent, key) ? { found: parent[key] } : undefined;
	};
	const remove = (pointer: string): boolean => {
		const place = placeOf(root, pointer);
		if (place === undefined || read(pointer) === undefined) return false;
		if (Array.isArray(place.parent)) place.parent.splice(Number(place.key), 1);
		else delete place.parent[place.key];
		return true;
	};
	const add = (pointer: string, added: unknown): boolean => {
		const place = placeOf(root, pointer);
		if (place === undefined) return false;
		const { parent, key } = place;
		if (!Array.isArray(parent)) parent[key] = structuredClone(added);
		else if (key !== "-" && !(/^\d+$/.test(key) && Number(key) <= parent.length)) return false;
		else parent.splice(key === "-" ? parent.length : Number(key), 0, structuredClone(added));
		return true;
	};
	switch (op) {
		case "add":
			return add(path, value);
		case "remove":
			return remove(path);
		case "replace":
			return remove(path) && add(path, value);
		case "move": {
			const source = read(from);
			return source !== undefined && remove(from) && add(path, source.found);
		}
		case "copy": {
			const source = read(from);
			return source !== undefined && add(path, source.found);
		}
		default:
			// kube-apiserver's library takes null for a key that an object does not have.
			return jsonEqual(read(path)?.found ?? (placeOf(root, path) === undefined ? undefined : null), value);
	}
}

const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
	value: fc.oneof(
		{ depthSize: "small", withCrossShrink: true },
		fc.constantFrom<JsonValue>(1, "x", true, null),
		fc.array(tie("value"), { maxLength: 3 }),
		fc.dictionary(fc.constantFrom("a", "b", "~/", "0"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
	),
}));
const list = fc.array(anyValue, { minLength: 1, maxLength: 3 });
/** Something at most places that a pointer below may name. */
const anyDocument = fc.record(
	{ a: fc.record({ a: list, b: anyValue, "~/": anyValue }, { noNullPrototype: true }), b: list, "~/": anyValue, 0: anyValue },
	{ noNullPrototype: true },
);
const pointer = fc
	.array(fc.constantFrom("a", "b", "~0~1", "0", "1", "2", "-"), { minLength: 1, maxLength: 3 })
	.map((tokens) => tokens.map((token) => `/${token}`).join(""));
const anyOperation = fc.oneof(
	fc.record({ op: fc.constantFrom("add", "replace", "test"), path: pointer, value: anyValue }, { noNullPrototype: true }),
	fc.record({ op: fc.constant("remove"), path: pointer }, { noNullPrototype: true }),
	fc.record({ op: fc.constantFrom("move", "copy"), from: pointer, path: pointer }, { noNullPrototype: true }),
);

test("any patch does what the RFC says, wholly or not at all", () => {
	let applied = 0;
	fc.assert(
		fc.property(anyDocument, fc.array(anyOperation, { minLength: 1, maxLength: 3 }), (document, patch) => {
			const wanted = reference(document, patch);
			let result: JsonValue | undefined;
			try {
				result = applyJsonPatch(deepFreeze(document), deepFreeze(patch));
			} catch (error) {
				expect(error).toMatchObject({ code: 422, reason: "Invalid" });
			}
			expect(result).toEqual(wanted);
			if (wanted !== undefined) applied++;
		}),
		{ numRuns: 2000 },
	);
	expect(applied).toBeGreaterThan(50);
});
