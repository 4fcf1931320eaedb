import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileRegex } from "./regex.ts";

function compiled(pattern: string) {
	const regex = compileRegex(pattern);
	if ("problem" in regex) throw new Error(regex.problem);
	return regex;
}

const match = (pattern: string, text: string): string | undefined => {
	const found = compiled(pattern).find(text);
	return found === undefined ? undefined : text.slice(...found);
};

describe("syntax", () => {
	it.each([
		["a*", "aab", "aa"],
		["a*?b", "aab", "aab"],
		["(a|b)+c", "xabac", "abac"],
		["[^a-c]+", "abcdef", "def"],
		["[]a]+", "x]a", "]a"],
		["[[:digit:]]+", "ab12", "12"],
		["[[:^digit:]]+", "12ab", "ab"],
		["\\d+\\s\\w+", "7 up", "7 up"],
		["\\D+\\S", "12ab", "ab"],
		["\\x41\\x{42}\\103", "ABC", "ABC"],
		["\\Q.*\\E", "a.*b", ".*"],
		["(?i)HeLLo", "hello", "hello"],
		["(?i:a)b", "Ab", "Ab"],
		["(?i:a)b", "AB", undefined],
		["(?m)^b$", "a\nb\nc", "b"],
		["^b$", "a\nb\nc", undefined],
		["(?s)a.b", "a\nb", "a\nb"],
		["(?U)a+", "aaa", "a"],
		["(?U)a+?", "aaa", "aaa"],
		["(?P<name>a)", "a", "a"],
		["(?<name>a)", "a", "a"],
		["a{2,3}", "aaaa", "aaa"],
		["a{2}", "aaaa", "aa"],
		["a{2,}", "aaaa", "aaaa"],
		["a{,2}", "a{,2}", "a{,2}"],
		["x{0}y", "y", "y"],
		["\\bfoo\\b", "a foo b", "foo"],
		["\\Boo", "foo", "oo"],
		["\\pL+", "äöü1", "äöü"],
		["\\p{Greek}+", "aαβ", "αβ"],
		["\\PL+", "ab12", "12"],
		["\\p{^Greek}", "αa", "a"],
		[".", "😀", "😀"],
		["[😀-😂]", "😁", "😁"],
		["", "abc", ""],
		["|a", "a", ""],
		["\\z", "ab", ""],
	])("%s", (pattern, text, expected) => {
		expect(match(pattern, text)).toBe(expected);
	});

	it.each([
		["(", "error parsing regexp: missing closing ): `(`"],
		["a)", "error parsing regexp: unexpected ): `a)`"],
		["[a", "error parsing regexp: missing closing ]: `[a`"],
		["*", "error parsing regexp: missing argument to repetition operator: `*`"],
		["a**", "error parsing regexp: invalid nested repetition operator: `**`"],
		["(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"],
		["\\1", "error parsing regexp: invalid escape sequence: `\\1`"],
		["\\Z", "error parsing regexp: invalid escape sequence: `\\Z`"],
		["a\\", "error parsing regexp: trailing backslash at end of expression: ``"],
		["a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"],
		["[b-a]", "error parsing regexp: invalid character class range: `b-a`"],
	])("refuses %s", (pattern, problem) => {
		expect(compileRegex(pattern)).toEqual({ problem });
	});

	it("refuses what counted repeats would make huge", () => {
		for (const pattern of ["((a{100}){100}){100}", `(${"a{1000}".repeat(100)})`]) expect(compileRegex(pattern)).toHaveProperty("problem");
	});
});

describe("time", () => {
	/** Patterns that take JavaScript's own engine more than the age of the universe. */
	it.each([["(a+)+$"], ["(a|aa)+$"], ["(a*)*b"], ["(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)x$"], ["(x+x+)+y"]])("%s", (pattern) => {
		const text = `${"a".repeat(50_000)}!`;
		const regex = compiled(pattern);
		expect(regex.test(text)).toBe(false);
		expect(regex.find(text.slice(0, 5_000).concat("!"))).toBeUndefined();
	});

	it("ends a search for all matches that each look at the whole rest", () => {
		expect(() => compiled("a.*b|a").findAll("a".repeat(100_000), -1)).toThrow(
			expect.objectContaining({ message: "operation cancelled: actual cost limit exceeded" }),
		);
	});
});

describe("against JavaScript's own engine, where both agree on the syntax", () => {
	const atoms = ["a", "b", "c", ".", "[ab]", "[^a]", "\\w", "(a|b)", "(ab|a)", "(?:bc)", "\\b", "^", "$"];
	const pattern = fc
		.array(fc.tuple(fc.constantFrom(...atoms), fc.constantFrom("", "", "*", "+", "?", "*?", "{1,2}")), { minLength: 1, maxLength: 5 })
		.map((parts) => parts.map(([atom, repeat]) => (["\\b", "^", "$"].includes(atom) ? atom : atom + repeat)).join(""));
	const text = fc.array(fc.constantFrom("a", "b", "c", " "), { maxLength: 10 }).map((parts) => parts.join(""));

	it("finds the same", () => {
		fc.assert(
			fc.property(pattern, text, (source, subject) => {
				const expected = new RegExp(source, "u").exec(subject)?.[0];
				expect(match(source, subject)).toBe(expected);
				expect(compiled(source).test(subject)).toBe(expected !== undefined);
			}),
			{ numRuns: 3_000, seed: 11 },
		);
	});
});
