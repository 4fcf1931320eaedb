import { expect, test } from "vitest";
import { LinearRegexp } from "./regexp.ts";

const matches: readonly (readonly [pattern: string, yes: readonly string[], no: readonly string[]])[] = [
	["^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$", ["* * * * */5", "1 2 3 4 5"], ["* * * *", "a * * * *", "* * * * * *"]],
	["^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", ["a", "a-b.c9"], ["", "-a", "a.", "A"]],
	["b+", ["abbc"], ["ac"]],
	["", ["", "x"], []],
	["^$", [""], ["x"]],
	["^(?i)abc$", ["aBC"], ["abd"]],
	["^a(?i:b)c$", ["aBc"], ["aBC"]],
	["^.$", ["x", "é", "😀"], ["\n", "xy"]],
	["(?s)^.$", ["\n"], []],
	["\\bfoo\\b", ["a foo b", "foo"], ["afoo", "foob"]],
	["\\Boo", ["foo"], ["oo"]],
	["(?m)^b$", ["a\nb\nc"], ["ab"]],
	["^[[:alpha:]_-]+$", ["a_b-c"], ["a1"]],
	["^[^\\W\\d]+$", ["ab_"], ["a1", "a b"]],
	["^\\p{Lu}\\pL*\\p{Greek}$", ["Abω"], ["abω", "AbO"]],
	["^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]],
	["^a{,3}$", ["a{,3}"], ["aa"]],
	["^\\Qa.b\\E$", ["a.b"], ["axb"]],
	["^[]a-]+$", ["]a-"], ["b"]],
	["^\\x41\\x{1F600}$", ["A😀"], ["A"]],
	["^(a|ab)(c|bcd)$", ["ac", "abc", "abcd", "abbcd"], ["abd"]],
	["^(?P<year>\\d{4})-(?<month>\\d\\d)$", ["2026-11"], ["26-11"]],
	["^((a+)+)+$", ["aaaa"], ["aaab"]],
];

test.each(matches)("%s", (pattern, yes, no) => {
	const expression = new LinearRegexp(pattern);
	for (const text of yes) expect([text, expression.test(text)]).toEqual([text, true]);
	for (const text of no) expect([text, expression.test(text)]).toEqual([text, false]);
	// A second time by the sets that are remembered.
	for (const text of [...yes, ...no]) expect(expression.test(text)).toBe(yes.includes(text));
});

const refused: readonly (readonly [pattern: string, text: string])[] = [
	["a(b", "missing closing ): `a(b`"],
	["a)b", "unexpected ): `a)b`"],
	["[a", "missing closing ]: `[a`"],
	["*a", "missing argument to repetition operator: `*`"],
	["a**", "invalid nested repetition operator: `**`"],
	["a{1001}", "invalid repeat count: `{1001}`"],
	["(a{100}){100}", "invalid repeat count: `(a{100}){100}`"],
	["[z-a]", "invalid character class range: `z-a`"],
	["(?=a)", "invalid or unsupported Perl syntax: `(?=`"],
	["(?<!a)", "invalid or unsupported Perl syntax: `(?<!`"],
	["\\1", "invalid escape sequence: `\\1`"],
	["\\", "trailing backslash at end of expression: ``"],
	["\\p{Nope}", "invalid character class range: `\\p{Nope}`"],
];

test.each(refused)("what Go does not take: %s", (pattern, text) => {
	expect(() => new LinearRegexp(pattern)).toThrow(`error parsing regexp: ${text}`);
});

test("an expression that takes others exponentially long is matched at once", () => {
	expect(new LinearRegexp("^(a+)+$").test(`${"a".repeat(50_000)}!`)).toBe(false);
	expect(new LinearRegexp("^(a|a)*$").test(`${"a".repeat(50_000)}!`)).toBe(false);
	expect(new LinearRegexp("^(a?){500}a{500}$").test("a".repeat(500))).toBe(true);
});

test("work has an end", () => {
	// Word boundaries keep sets from being remembered: every character costs all of them.
	const expression = new LinearRegexp("(x?){900}\\B[yz]");
	expect(() => expression.test("x".repeat(200_000))).toThrow("the text takes too long to match");
});
