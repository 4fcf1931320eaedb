import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyIndex } from "./key-index.ts";
import type { Version } from "./version.ts";

const version = (key: string, revision: number): Version => ({
	key,
	revision,
	sub: 0,
	createRevision: revision,
	version: 1,
	lease: 0n,
	previous: undefined,
});
const nameOf = (number: number) => `/registry/pods/${number}`;

/** Stretches of keys set or deleted in a row, so that leaves split, run empty and merge. */
const stretch = fc.record({
	set: fc.boolean(),
	from: fc.nat(4000),
	length: fc.nat(1500),
	stride: fc.integer({ min: 1, max: 7 }),
});

test("is a sorted map, whatever is set and deleted", () => {
	fc.assert(
		fc.property(
			fc.array(stretch, { maxLength: 12 }),
			fc.array(fc.tuple(fc.nat(6000), fc.nat(6000)), { maxLength: 5 }),
			(stretches, intervals) => {
				const index = new KeyIndex();
				const model = new Map<string, Version>();
				let revision = 1;
				for (const { set, from, length, stride } of stretches)
					for (let number = from; number < from + length; number += stride) {
						const key = nameOf(number);
						if (set) {
							const newest = version(key, ++revision);
							index.set(newest);
							model.set(key, newest);
							// As a transaction does that writes a key twice: wherever the first write has moved it to.
							if (index.get(key) !== newest) expect.fail(`${key} is not where it was put`);
						} else {
							index.delete(key);
							model.delete(key);
							if (index.get(key) !== undefined) expect.fail(`${key} is there after it was deleted`);
						}
					}
				const sorted = [...model.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
				const scan = (from: string, to: string | undefined) => {
					const found: Version[] = [];
					index.scan({ from, to }, (newest) => found.push(newest));
					return found;
				};
				expect(index.size).toBe(model.size);
				expect(scan("", undefined)).toEqual(sorted);
				for (const [a, b] of intervals) {
					const [from, to] = [nameOf(a), nameOf(b)];
					expect(scan(from, to)).toEqual(sorted.filter((newest) => newest.key >= from && newest.key < to));
					expect(index.get(from)).toBe(model.get(from));
				}
			},
		),
		{ numRuns: 60 },
	);
});
