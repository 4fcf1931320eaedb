import fc from "fast-check";
import { expect, test } from "vitest";
import { countCommon, countIndexes, formatIndexes, hasIndex, indexSetOf, lowestFree, parseIndexes, union } from "./index-set.ts";

test.each([
	["", ""],
	["0", "0"],
	["1,2", "1,2"],
	["1-2", "1,2"],
	["1,2,3", "1-3"],
	["1,3-5,7", "1,3-5,7"],
	["3-5,6", "3-6"],
	["0-20", "0-9"],
	["0,12", "0"],
	["nonsense,2,3-x,4-6-8", "2"],
])("%j is read, below ten, and written as %j", (text, written) => {
	expect(formatIndexes(parseIndexes(text, 10))).toBe(written);
});

test.each([
	["", 3, [0, 1, 2]],
	["0,2-3", 3, [1, 4, 5]],
	["0-4", 3, [5]],
	["0-5", 3, []],
	["1", 0, []],
])("of six indexes, with %j taken, the lowest %i are %j", (taken, count, free) => {
	expect(lowestFree(parseIndexes(taken, 6), count, 6)).toEqual(free);
});

const numbers = fc.array(fc.nat({ max: 40 }), { maxLength: 30 });

test("it is a set of numbers", () => {
	fc.assert(
		fc.property(numbers, numbers, (a, b) => {
			const [setA, setB] = [indexSetOf(a), indexSetOf(b)];
			const both = new Set([...a, ...b]);
			expect(parseIndexes(formatIndexes(setA), 41)).toEqual(setA);
			expect(countIndexes(union(setA, setB))).toBe(both.size);
			expect(countCommon(setA, setB)).toBe(new Set(a).intersection(new Set(b)).size);
			for (let index = 0; index <= 40; index++) expect(hasIndex(union(setA, setB), index)).toBe(both.has(index));
			const free = Array.from({ length: 41 }, (_, index) => index).filter((index) => !both.has(index));
			expect(lowestFree(union(setA, setB), 5, 41)).toEqual(free.slice(0, 5));
		}),
	);
});
