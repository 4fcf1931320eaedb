import fc from "fast-check";
import { expect, test } from "vitest";
import { isJsonObject, type JsonObject, type JsonValue, jsonEqual } from "../json.ts";
import { deepFreeze } from "../testing/deep-freeze.ts";
import { applyMergePatch, mergeValues } from "./merge-patch.ts";

// RFC 7386, appendix A.
test.each<[JsonValue, JsonValue, JsonValue]>([
	[{ a: "b" }, { a: "c" }, { a: "c" }],
	[{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
	[{ a: "b" }, { a: null }, {}],
	[{ a: "b", b: "c" }, { a: null }, { b: "c" }],
	[{ a: ["b"] }, { a: "c" }, { a: "c" }],
	[{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
	[{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
	[{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
	[
		["a", "b"],
		["c", "d"],
		["c", "d"],
	],
	[{ a: "b" }, ["c"], ["c"]],
	[{ a: "foo" }, null, null],
	[{ a: "foo" }, "bar", "bar"],
	[{ e: null }, { a: 1 }, { e: null, a: 1 }],
	[[1, 2], { a: "b", c: null }, { a: "b" }],
	[{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
])("%j patched with %j is %j", (target, patch, result) => {
	expect(mergeValues(deepFreeze(target), deepFreeze(patch))).toEqual(result);
});

const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.array(fc.integer(), { maxLength: 2 }));
const object = fc.letrec<{ object: JsonObject; value: JsonValue }>((tie) => ({
	object: fc.dictionary(fc.constantFrom("a", "b", "c", "__proto__"), tie("value"), { maxKeys: 3, noNullPrototype: true }),
	value: fc.oneof({ depthSize: "small" }, leaf, tie("object")),
})).object;

/** The patch that makes `after` of `before`, by the definition. */
function diff(before: JsonObject, after: JsonObject): JsonObject {
	const entries: [string, JsonValue][] = [];
	for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
		const old = Object.hasOwn(before, key) ? before[key] : undefined;
		const value = Object.hasOwn(after, key) ? after[key] : undefined;
		if (jsonEqual(old, value)) continue;
		if (isJsonObject(old) && isJsonObject(value)) entries.push([key, diff(old, value)]);
		else entries.push([key, value ?? null]);
	}
	return Object.fromEntries(entries);
}

test("the difference of two objects makes one into the other, and applying it again changes nothing", () => {
	fc.assert(
		fc.property(object, object, (before, after) => {
			const patch = deepFreeze(diff(before, after));
			const result = applyMergePatch(deepFreeze(before), patch);
			expect(result).toEqual(after);
			expect(applyMergePatch(result, patch)).toEqual(after);
			expect(applyMergePatch(before, {})).toBe(before);
		}),
	);
});

test("a patch that is no object is a bad request", () => {
	expect(() => applyMergePatch({}, [])).toThrow("json: cannot unmarshal array into Go value of type map[string]interface {}");
});
