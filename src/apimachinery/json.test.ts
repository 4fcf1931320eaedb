import fc from "fast-check";
import { expect, test } from "vitest";
import { type JsonObject, jsonEqual, ownValue, setKey, withoutKey } from "./json.ts";

test("values are equal to their copies and to nothing else", () => {
	fc.assert(
		fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
			expect(jsonEqual(a, structuredClone(a))).toBe(true);
			expect(jsonEqual(a, b)).toBe(jsonEqual(b, a));
			expect(jsonEqual([a], { 0: a })).toBe(false);
		}),
	);
	expect(jsonEqual({ a: 1, b: undefined }, { a: 1 })).toBe(true);
	expect(jsonEqual({ a: null }, {})).toBe(false);
	expect(jsonEqual([1], [1, 2])).toBe(false);
	expect(jsonEqual({}, JSON.parse('{"__proto__":{}}'))).toBe(false);
	expect(jsonEqual(JSON.parse('{"__proto__":{}}'), {})).toBe(false);
});

test("keys that objects inherit are keys like any other", () => {
	const object: JsonObject = JSON.parse('{"__proto__":{"a":1},"b":2}');
	expect(ownValue(object, "constructor")).toBe(undefined);
	expect(ownValue(object, "__proto__")).toEqual({ a: 1 });
	const copy = {};
	for (const [key, value] of Object.entries(object)) setKey(copy, key, value);
	expect(JSON.stringify(copy)).toBe('{"__proto__":{"a":1},"b":2}');
	expect(JSON.stringify(withoutKey(object, "b"))).toBe('{"__proto__":{"a":1}}');
	expect(withoutKey(object, "c")).toBe(object);
});
