import { expect, test } from "vitest";
import { warningHeaders } from "./warnings.ts";

const utf8 = (headers: readonly string[]) => headers.map((header) => Buffer.from(header, "latin1").toString("utf8"));

test("a text is quoted, told once, and in bytes of UTF-8", () => {
	expect(utf8(warningHeaders(['unknown field "é𝕏"', "a\\b\nc", "a\\b\nc"]))).toEqual([
		'299 - "unknown field \\"é𝕏\\""',
		'299 - "a\\\\b c"',
	]);
	expect(utf8(warningHeaders(["\ud800"]))).toEqual(['299 - "\ufffd"']);
	for (const header of warningHeaders(["\u0000\u007f\u0085\u202e𝕏"])) expect(header).toMatch(/^[\t\x20-\x7e\x80-\xff]*$/);
});

test("many are cut, then left out", () => {
	const long = (letter: string) => letter.repeat(1000);
	expect(warningHeaders(["a", "b", "c", "d"].map(long))).toHaveLength(4);
	const many = warningHeaders(Array.from({ length: 20 }, (_, index) => `${index} ${long("x")}`));
	expect(many).toHaveLength(16);
	expect(many[0]).toBe(`299 - "${`0 ${long("x")}`.slice(0, 256)}"`);
});
