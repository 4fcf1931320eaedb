import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyedHeap } from "./heap.ts";

interface Entry {
	readonly key: string;
	readonly rank: number;
}

const operation = fc.oneof(
	fc.record({ kind: fc.constant("set" as const), key: fc.constantFrom("a", "b", "c", "d", "e"), rank: fc.nat(3) }),
	fc.record({ kind: fc.constant("delete" as const), key: fc.constantFrom("a", "b", "c", "d", "e") }),
	fc.record({ kind: fc.constant("pop" as const) }),
);

it("gives the least first, and of equal ones the one that came first", () => {
	fc.assert(
		fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
			const heap = new KeyedHeap<Entry>(
				({ key }) => key,
				(a, b) => a.rank < b.rank,
			);
			// The dumb model: a list in order of arrival.
			let list: Entry[] = [];
			const least = () =>
				list.reduce<Entry | undefined>((best, entry) => (best === undefined || entry.rank < best.rank ? entry : best), undefined);
			const without = (key: string | undefined) => list.filter((entry) => entry.key !== key);
			for (const step of operations) {
				if (step.kind === "set") {
					const entry = { key: step.key, rank: step.rank };
					const known = list.some(({ key }) => key === step.key);
					list = known ? list.map((other) => (other.key === step.key ? entry : other)) : [...list, entry];
					heap.set(entry);
				} else if (step.kind === "delete") {
					expect(heap.delete(step.key)).toEqual(list.find(({ key }) => key === step.key));
					list = without(step.key);
				} else {
					const expected = least();
					expect(heap.pop()).toEqual(expected);
					list = without(expected?.key);
				}
				expect(heap.peek()).toEqual(least());
				expect(heap.size).toBe(list.length);
			}
		}),
	);
});
