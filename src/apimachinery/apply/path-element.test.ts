import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalElement, compareElements, fieldElement, keyElement, textKeyElement, valueElement } from "./path-element.ts";

const scalar = fc.oneof(
	fc.integer({ min: -1000, max: 1000 }),
	fc.string({ maxLength: 4 }),
	fc.constantFrom("a", "a b", 'a"', "a!", "10", "9", "e1"),
);

/** Numbers before texts, each in its own order. */
function dumb(a: string | number, b: string | number): number {
	if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
	return a === b ? 0 : a < b ? -1 : 1;
}

it("puts values and keys in the order of what they say, not of how they are written", () => {
	fc.assert(
		fc.property(scalar, scalar, (a, b) => {
			expect(Math.sign(compareElements(valueElement(a), valueElement(b)))).toBe(dumb(a, b));
			const [left, right] = [a, b].map((value) =>
				keyElement([
					["k", value],
					["l", 1],
				]),
			);
			expect(Math.sign(compareElements(left ?? "", right ?? ""))).toBe(dumb(a, b));
		}),
	);
});

it("keeps what is canonical", () => {
	fc.assert(
		fc.property(scalar, (value) => {
			for (const element of [valueElement(value), keyElement([["k", value]])]) expect(canonicalElement(element)).toBe(element);
		}),
	);
});

it("writes a step alike, whether it was written before or not, and however many there are", () => {
	for (let round = 0; round < 2; round++) {
		for (let number = 0; number < 5000; number++) {
			expect(fieldElement(`"${number}"`)).toBe(`f:"${number}"`);
			expect(textKeyElement("name", `"${number}"`)).toBe(`k:{"name":"\\"${number}\\""}`);
		}
		for (let number = 0; number < 40; number++) expect(textKeyElement(`key${number}`, "a")).toBe(keyElement([[`key${number}`, "a"]]));
	}
});
