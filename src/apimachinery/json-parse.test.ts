import fc from "fast-check";
import { expect, test } from "vitest";
import { findDuplicateKeys } from "./json-parse.ts";

test.each([
	['{"a":1,"b":{"a":1}}', []],
	['{"a":1,"a":2,"a":3}', ["a"]],
	['{"spec":{"containers":[{"image":"x"},{"image":"y","name":"n","image":"z"}]}}', ["spec.containers[1].image"]],
	['{"a":"a","b":"a\\",\\"b","b" : 1}', ["b"]],
	['{"\\u0061":1,"a":2}', ["a"]],
	['{"a":[[{"b":1,"b":2}],{"c":{"d":1,"d":2}}]}', ["a[0][0].b", "a[1].c.d"]],
	['[{"x":"\\\\","x":1}]', ["[0].x"]],
	['"a"', []],
])("%s repeats %j", (text, expected) => {
	expect(findDuplicateKeys(text)).toEqual(expected);
});

test("what JSON.stringify writes repeats nothing", () => {
	fc.assert(
		fc.property(fc.json(), (text) => {
			expect(findDuplicateKeys(JSON.stringify(JSON.parse(text)))).toEqual([]);
		}),
	);
});

test("deep nesting does no harm", () => {
	expect(findDuplicateKeys(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)).toEqual([]);
});
