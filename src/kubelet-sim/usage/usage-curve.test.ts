import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { firstAbove, parseUsageCurve, type UsageCurve, usedBetween, valueAt } from "./usage-curve.ts";

const secondMs = 1_000;

describe("values", () => {
	it.each([
		["250m", [0, 1, 1000], [0.25, 0.25, 0.25]],
		["64Mi", [5], [67_108_864]],
		["0s=0 10s=1 20s=1 30s=0", [0, 5, 10, 15, 25, 30, 99], [0, 0.5, 1, 1, 0.5, 0, 0]],
		["10s=1 10s=3", [0, 9, 10, 11], [1, 1, 3, 3]],
		["0s=1, 4s=5", [2], [3]],
		// Rounds of a minute, counted from the epoch.
		["0s=0 30s=6 repeat=1m", [0, 15, 45, 75, 105], [0, 3, 6, 3, 6]],
	])("%s", (text, seconds, expected) => {
		const curve = parseUsageCurve(text);
		expect(seconds.map((second) => valueAt(curve, second * secondMs, 0))).toEqual(expected);
	});

	it("count from the start of what uses them, unless they repeat", () => {
		expect(valueAt(parseUsageCurve("0s=0 10s=1"), 105_000, 100_000)).toBe(0.5);
		expect(valueAt(parseUsageCurve("0s=0 10s=1 repeat=10s"), 105_000, 103_000)).toBe(0.5);
	});
});

it.each([
	["", '"" is not a quantity'],
	["much", '"much" is not a quantity'],
	["-1", '"-1" is less than 0'],
	["10s", '"10s" is not a quantity'],
	["1m=5 now", '"now" is not of the form time=amount'],
	["soon=5 1m=2", '"soon" is not a duration'],
	["2m=5 1m=2", "times must not go back"],
	["repeat=1h", "there is no time=amount"],
	["0s=1 2h=2 repeat=1h", "repeat must not be before the last time"],
])("%s is no curve", (text, message) => {
	expect(() => parseUsageCurve(text)).toThrow(message);
});

describe("what was used", () => {
	const curves: fc.Arbitrary<UsageCurve> = fc
		.tuple(
			fc.array(fc.record({ gap: fc.integer({ min: 0, max: 20 }), value: fc.integer({ min: 0, max: 9 }) }), { minLength: 1, maxLength: 6 }),
			fc.option(fc.integer({ min: 1, max: 30 }), { nil: undefined }),
		)
		.map(([steps, rest]) => {
			let atMs = 0;
			const points = steps.map(({ gap, value }, index) => {
				atMs += index === 0 ? 0 : gap * secondMs;
				return { atMs, value };
			});
			return rest === undefined ? { points } : { points, repeatMs: atMs + rest * secondMs };
		});

	it("is the area below the curve: a sum of many small steps", () => {
		fc.assert(
			fc.property(curves, fc.nat(100), fc.nat(60), (curve, from, length) => {
				const stepMs = 50;
				let sum = 0;
				// Values at the middle of a step are exact for straight lines; jumps lie between steps.
				for (let atMs = from * secondMs; atMs < (from + length) * secondMs; atMs += stepMs)
					sum += (valueAt(curve, atMs + stepMs / 2, 0) * stepMs) / 1000;
				expect(usedBetween(curve, from * secondMs, (from + length) * secondMs, 0)).toBeCloseTo(sum, 6);
			}),
			{ numRuns: 200 },
		);
	});
});

describe("the first moment above a limit", () => {
	it.each([
		["250m", 0.2, 7, 7_000],
		["250m", 0.25, 7, undefined],
		["0s=0 10s=10", 5, 0, 5_001],
		["0s=0 10s=10", 5, 8, 8_000],
		["0s=0 10s=10 20s=0", 5, 16, undefined],
		["10s=1 10s=3", 2, 0, 10_000],
		["0s=0 30s=6 60s=0 repeat=1m", 3, 50, 75_001],
		["0s=0 30s=6 60s=0 repeat=1m", 6, 0, undefined],
	])("%s over %d from %d s", (text, limit, fromSeconds, expected) => {
		expect(firstAbove(parseUsageCurve(text), limit, fromSeconds * secondMs, 0)).toBe(expected);
	});

	it("is the first one: a millisecond before, the amount is not above it yet", () => {
		const points = fc.array(fc.record({ gap: fc.integer({ min: 0, max: 50 }), value: fc.integer({ min: 0, max: 9 }) }), { minLength: 1 });
		fc.assert(
			fc.property(points, fc.boolean(), fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 500 }), (steps, repeats, limit, from) => {
				const timeOf = (at: number) => steps.slice(1, at + 1).reduce((sum, { gap }) => sum + gap, 0);
				const made = steps.map(({ value }, index) => ({ atMs: timeOf(index), value }));
				const atMs = timeOf(steps.length);
				const curve: UsageCurve = repeats ? { points: made, repeatMs: atMs + 1 } : { points: made };
				const found = firstAbove(curve, limit, from, 0);
				const until = found ?? from + 2 * atMs + 2;
				for (let time = from; time < until; time++) if (valueAt(curve, time, 0) > limit) return false;
				return found === undefined || valueAt(curve, found, 0) > limit;
			}),
		);
	});
});
