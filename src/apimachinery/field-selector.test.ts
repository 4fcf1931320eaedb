import fc from "fast-check";
import { expect, test } from "vitest";
import { escapeValue, parseFieldSelector } from "./field-selector.ts";

test.each([
	["", ""],
	["a=b", "a=b"],
	["a==b", "a=b"],
	["b!=c,a=b", "a=b,b!=c"],
	["a=", "a="],
	["a=b,,", "a=b"],
	["a=x\\,y\\=z\\\\", "a=x\\,y\\=z\\\\"],
])("%j reads as %j", (text, canonical) => {
	expect(parseFieldSelector(text).toString()).toBe(canonical);
});

test.each([
	["a", "invalid selector: 'a'; can't understand 'a'"],
	["a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"],
	["a=b=c", "invalid field selector: unescaped character in value: 61"],
	["a=\\x", "invalid field selector: invalid escape sequence: \\x"],
	["a=\\", "invalid field selector: invalid escape sequence: \\"],
])("%j is refused: %s", (text, message) => {
	expect(() => parseFieldSelector(text)).toThrow(expect.objectContaining({ name: "FieldSelectorError", message }));
});

test("an absent field counts as empty", () => {
	const selector = parseFieldSelector("spec.nodeName=,status.phase!=Running");
	expect(selector.matches({ "status.phase": "Pending" })).toBe(true);
	expect(selector.matches({ "spec.nodeName": "a", "status.phase": "Pending" })).toBe(false);
	expect(selector.matches({ "status.phase": "Running" })).toBe(false);
	expect(parseFieldSelector("metadata.name=web").requiredValue("metadata.name")).toBe("web");
	expect(parseFieldSelector("metadata.name!=web").requiredValue("metadata.name")).toBe(undefined);
});

test("any value survives escaping", () => {
	fc.assert(
		fc.property(fc.string(), (value) => {
			expect(parseFieldSelector(`f=${escapeValue(value)}`).requirements).toEqual([{ field: "f", operator: "=", value }]);
		}),
	);
});
