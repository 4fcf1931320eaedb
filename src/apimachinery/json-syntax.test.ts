import fc from "fast-check";
import { expect, test } from "vitest";
import { describeJsonError } from "./json-syntax.ts";

test.each([
	["", "unexpected end of JSON input"],
	['{"a":', "unexpected end of JSON input"],
	['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
	["{a:1}", "invalid character 'a' looking for beginning of object key string"],
	['{"a" 1}', "invalid character '1' after object key"],
	['{"a":1 "b"}', "invalid character '\"' after object key:value pair"],
	["[1 2]", "invalid character '2' after array element"],
	["[1,]", "invalid character ']' looking for beginning of value"],
	["{} x", "invalid character 'x' after top-level value"],
	["apiVersion: v1", "invalid character 'a' looking for beginning of value"],
	["trux", "invalid character 'x' in literal true (expecting 'e')"],
	['"a\nb"', "invalid character '\\n' in string literal"],
	['"\\x"', "invalid character 'x' in string escape code"],
	["-x", "invalid character 'x' in numeric literal"],
	["1.x", "invalid character 'x' after decimal point in numeric literal"],
])("%j", (text, expected) => {
	expect(describeJsonError(text)).toBe(expected);
});

test("finds an error exactly where JSON.parse does", () => {
	const broken = fc.tuple(fc.json(), fc.nat(), fc.constantFrom("", "x", ",", "}", '"', "\\", "0")).map(([json, at, insert]) => {
		const position = at % (json.length + 1);
		return json.slice(0, position) + insert + json.slice(position + (insert === "" ? 1 : 0));
	});
	fc.assert(
		fc.property(broken, (text) => {
			let isValid = true;
			try {
				JSON.parse(text);
			} catch {
				isValid = false;
			}
			expect(describeJsonError(text) === undefined).toBe(isValid);
		}),
	);
});
