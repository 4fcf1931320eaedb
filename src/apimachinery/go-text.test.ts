import { expect, test } from "vitest";
import { goJson, goText, goType } from "./go-text.ts";

test.each([
	[{ b: [1, { c: null }], a: "x" }, "map[a:x b:[1 map[c:<nil>]]]"],
	[true, "true"],
	[undefined, "<nil>"],
])("%j is printed as %s", (value, text) => {
	expect(goText(value)).toBe(text);
});

test.each([
	[1, "int64"],
	[1.5, "float64"],
	["", "string"],
	[false, "bool"],
	[[], "[]interface {}"],
	[{}, "map[string]interface {}"],
	[null, "%!s(<nil>)"],
])("%j is of type %s", (value, text) => {
	expect(goType(value)).toBe(text);
});

test("maps are written with their keys in order and without markup", () => {
	expect(goJson({ b: 1, a: { d: "<a & b>\u2028", c: [] } })).toBe('{"a":{"c":[],"d":"\\u003ca \\u0026 b\\u003e\\u2028"},"b":1}');
});
