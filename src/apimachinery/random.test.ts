import fc from "fast-check";
import { expect, test } from "vitest";
import { createEntropyRandom, SeededRandom } from "./random.ts";

test("one seed is one sequence, on every machine and in every version", () => {
	const random = new SeededRandom("kubesim");
	const drawn = [random.int(1000), random.int(1000), random.next(), random.uuid(), random.suffix(5)];
	expect(drawn).toEqual([148, 657, 0.727778052771449, "32f45abb-983c-470c-be1a-38b3a1416552", "fvp2t"]);
});

test("numbers stay in their range", () => {
	fc.assert(
		fc.property(fc.string(), fc.integer({ min: 1, max: 2 ** 31 }), (seed, bound) => {
			const random = new SeededRandom(seed);
			const whole = random.int(bound);
			const fraction = random.next();
			expect(Number.isInteger(whole) && whole >= 0 && whole < bound).toBe(true);
			expect(fraction >= 0 && fraction < 1).toBe(true);
		}),
	);
});

test("every value of a small range comes up about equally often", () => {
	const random = new SeededRandom(1);
	const counts = [0, 0, 0, 0, 0];
	for (let draw = 0; draw < 50_000; draw++) {
		const value = random.int(5);
		counts[value] = (counts[value] ?? 0) + 1;
	}
	for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test("uuids are version 4 and do not repeat", () => {
	const random = new SeededRandom(7);
	const uuids = Array.from({ length: 1000 }, () => random.uuid());
	expect(new Set(uuids).size).toBe(1000);
	for (const uuid of uuids) expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("suffixes hold no vowels and nothing that looks like another character", () => {
	expect(new SeededRandom(3).suffix(500)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{500}$/);
});

test("a fork has its own sequence, whatever its parent and its siblings draw", () => {
	const quiet = new SeededRandom("x").fork("scheduler").uuid();
	const parent = new SeededRandom("x");
	parent.uuid();
	parent.fork("kubelet").uuid();
	expect(parent.fork("scheduler").uuid()).toBe(quiet);
	expect(parent.fork("kubelet").uuid()).not.toBe(quiet);
});

test("two sources of entropy differ", () => {
	expect(createEntropyRandom().uuid()).not.toBe(createEntropyRandom().uuid());
});
