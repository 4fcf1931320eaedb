import { expect, it } from "vitest";
import { SeededRandom } from "../../apimachinery/random.ts";
import { addressBand, bandSize, pickIndex, portBand } from "./bands.ts";

it.each([
	// Rows of KEP-3070's and KEP-3668's tables.
	[2 ** 4, addressBand, 0],
	[2 ** 8, addressBand, 16],
	[2 ** 10, addressBand, 64],
	[2 ** 20, addressBand, 256],
	[16, portBand, 0],
	[256, portBand, 16],
	[2768, portBand, 86],
	[20_000, portBand, 128],
])("a range of %i under %j keeps %i", (size, rule, expected) => {
	expect(bandSize(size, rule)).toBe(expected);
});

it("takes from the band only when all above it is taken", () => {
	const taken = new Set<number>();
	const random = new SeededRandom("bands");
	const order = Array.from({ length: 10 }, () => {
		const index = pickIndex(10, 4, (candidate) => taken.has(candidate), random);
		if (index !== undefined) taken.add(index);
		return index;
	});
	expect(order.slice(0, 6).sort()).toEqual([4, 5, 6, 7, 8, 9]);
	expect(order.slice(6).sort()).toEqual([0, 1, 2, 3]);
	expect(pickIndex(10, 4, (candidate) => taken.has(candidate), random)).toBeUndefined();
});
