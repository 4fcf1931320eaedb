import fc from "fast-check";
import { expect, test } from "vitest";
import {
	addQuantities,
	canonicalQuantity,
	compareQuantities,
	formatQuantity,
	parseQuantity,
	quantityFromMilli,
	quantityFromNumber,
	quantityToInteger,
	quantityToMilli,
	quantityToNumber,
	subtractQuantities,
} from "./quantity.ts";

// Cases of k8s.io/apimachinery/pkg/api/resource: what a user writes, and what the server stores.
test.each([
	["0", "0"],
	["0n", "0"],
	["0Ki", "0"],
	["0.0", "0"],
	["-0", "0"],
	["1", "1"],
	["+1", "1"],
	["001", "1"],
	["1.", "1"],
	[".5", "500m"],
	["0.5", "500m"],
	["1.5", "1500m"],
	["100m", "100m"],
	["1000m", "1"],
	["1500m", "1500m"],
	["1000k", "1M"],
	["1000000", "1M"],
	["1001000", "1001k"],
	["1G", "1G"],
	["1E", "1E"],
	["1000E", "1000E"],
	["1024Mi", "1Gi"],
	["1.5Gi", "1536Mi"],
	["0.5Mi", "512Ki"],
	["1023Ki", "1023Ki"],
	["512", "512"],
	["0.9Ki", "921600m"],
	["0.0001Ki", "102400u"],
	["1Ki", "1Ki"],
	["-1Ki", "-1Ki"],
	["-1.5", "-1500m"],
	["1e3", "1e3"],
	["1000e0", "1e3"],
	["1E6", "1e6"],
	["12e5", "1200e3"],
	["1e-3", "1e-3"],
	["1.2e-3", "1200e-6"],
	["1n", "1n"],
	["0.1n", "1n"],
	["1.1n", "2n"],
	["-0.1n", "-1n"],
	["1u", "1u"],
	["8Ei", "9223372036854775807"],
	["M", "0"],
])("%s is stored as %s", (written, stored) => {
	expect(canonicalQuantity(written)).toBe(stored);
});

const wrongFormat = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const wrongSuffix = "unable to parse quantity's suffix";
test.each([
	["", wrongFormat],
	["1.1.M", wrongFormat],
	["1+1.0M", wrongFormat],
	["aoeu", wrongFormat],
	[" 1", wrongFormat],
	["1 ", wrongFormat],
	["1 Gi", wrongFormat],
	["0.1mi", wrongSuffix],
	["0.1am", wrongFormat],
	[".5i", wrongSuffix],
	["1i", wrongSuffix],
	["-3.01e-", wrongSuffix],
	["1e999999999", wrongSuffix],
])("%j is refused: %s", (text, message) => {
	expect(() => parseQuantity(text)).toThrow(expect.objectContaining({ name: "QuantityError", message }));
});

test("numbers for code that computes: exact units, milli rounded up, whole units rounded up", () => {
	expect([quantityToNumber("250m"), quantityToNumber("1Ki"), quantityToNumber("16393236Ki")]).toEqual([0.25, 1024, 16393236 * 1024]);
	expect([quantityToMilli("250m"), quantityToMilli("2"), quantityToMilli("1n")]).toEqual([250, 2000, 1]);
	expect([quantityToInteger("1500m"), quantityToInteger("1Gi")]).toEqual([2, 2 ** 30]);
	expect(formatQuantity(quantityFromMilli(1500))).toBe("1500m");
	expect(formatQuantity(quantityFromNumber(2 ** 30, "BinarySI"))).toBe("1Gi");
});

test("a sum keeps the left format, or takes the right one where the left is zero", () => {
	expect(formatQuantity(addQuantities("1Gi", "24M"))).toBe("1097741824");
	expect(formatQuantity(addQuantities("512Mi", "512Mi"))).toBe("1Gi");
	expect(formatQuantity(addQuantities("0", "1Gi"))).toBe("1Gi");
	expect(formatQuantity(subtractQuantities("1", "1500m"))).toBe("-500m");
});

const quantity = fc
	.tuple(
		fc.constantFrom("", "-", "+"),
		fc.bigInt({ min: 0n, max: 10n ** 12n }),
		fc.option(fc.nat({ max: 999_999 })),
		fc.constantFrom("", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E-2"),
	)
	.map(([sign, whole, fraction, suffix]) => `${sign}${whole}${fraction === null ? "" : `.${fraction}`}${suffix}`);

test("canonical form keeps the value and is its own canonical form", () => {
	fc.assert(
		fc.property(quantity, (text) => {
			const canonical = canonicalQuantity(text);
			expect(canonicalQuantity(canonical)).toBe(canonical);
			expect(compareQuantities(canonical, text)).toBe(0);
			expect(canonical).toMatch(/^(0|-?[1-9]\d*([numkMGTPE]|[KMGTPE]i|e-?\d+)?)$/);
		}),
	);
});

test("addition commutes and associates, subtraction undoes it, order agrees with the difference", () => {
	fc.assert(
		fc.property(quantity, quantity, quantity, (a, b, c) => {
			expect(compareQuantities(addQuantities(a, b), addQuantities(b, a))).toBe(0);
			expect(compareQuantities(addQuantities(addQuantities(a, b), c), addQuantities(a, addQuantities(b, c)))).toBe(0);
			expect(compareQuantities(subtractQuantities(addQuantities(a, b), b), a)).toBe(0);
			expect(compareQuantities(a, b)).toBe(Math.sign(compareQuantities(subtractQuantities(a, b), "0")));
		}),
	);
});
