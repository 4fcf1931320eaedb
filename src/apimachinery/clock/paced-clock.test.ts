import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PacedClock } from "./paced-clock.ts";

beforeEach(() => {
	vi.useFakeTimers({ now: Date.UTC(2026, 0, 1), toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
});
afterEach(() => {
	vi.useRealTimers();
});

test("time passes as fast as it is told to, from the moment on at which it is told", () => {
	const clock = new PacedClock({ startMs: 0 });
	const fired: number[] = [];
	clock.setTimeout(() => fired.push(clock.now()), 100);
	clock.setTimeout(() => fired.push(clock.now()), 1_100);
	vi.advanceTimersByTime(50);
	expect([clock.now(), fired]).toEqual([50, []]);
	clock.setSpeed(10);
	vi.advanceTimersByTime(5);
	expect(fired).toEqual([100]);
	clock.setSpeed(0);
	vi.advanceTimersByTime(60_000);
	expect([clock.now(), fired]).toEqual([100, [100]]);
	clock.setSpeed(1_000);
	vi.advanceTimersByTime(1);
	expect(fired).toEqual([100, 1_100]);
});

test("a step goes to the next moment at which something is due, and all of it happens in order", async () => {
	const clock = new PacedClock({ startMs: 0, speed: 0 });
	const story: string[] = [];
	clock.setTimeout(() => story.push("b"), 20);
	clock.setTimeout(() => story.push("a"), 10);
	clock.setTimeout(() => story.push("c"), 20);
	clock.setTimeout(() => story.push("never"), 15).cancel();
	expect(clock.nextMs()).toBe(10);
	expect(await clock.step()).toBe(true);
	expect([clock.now(), story]).toEqual([10, ["a"]]);
	await clock.step();
	expect([clock.now(), story]).toEqual([20, ["a", "b", "c"]]);
	expect(await clock.step()).toBe(false);
});

test("hurrying ends when the condition holds, or at its limit", async () => {
	const clock = new PacedClock({ startMs: 0, speed: 0 });
	let count = 0;
	clock.setInterval(() => count++, 10);
	expect(await clock.hurry(() => count === 3, 1_000)).toBe(true);
	expect(clock.now()).toBe(30);
	expect(await clock.hurry(() => false, 25)).toBe(false);
	expect(clock.now()).toBe(50);
});

test("while time is hurried it does not pass by itself, whatever the speed, and does so again afterwards", async () => {
	const clock = new PacedClock({ startMs: 0, speed: 100 });
	const moments: number[] = [];
	const note = () => {
		moments.push(clock.now());
		vi.advanceTimersByTime(5);
		if (moments.length < 3) clock.setTimeout(note, 10);
	};
	clock.setTimeout(note, 10);
	expect(await clock.hurry(() => moments.length === 3, 1_000)).toBe(true);
	expect(moments).toEqual([10, 20, 30]);
	expect(clock.now()).toBe(30);
	vi.advanceTimersByTime(1);
	expect(clock.now()).toBe(130);
});

test("what is due at the end does not happen any more, and a speed below zero is refused", () => {
	const clock = new PacedClock();
	let isFired = false;
	clock.setTimeout(() => {
		isFired = true;
	}, 10);
	clock.end();
	vi.advanceTimersByTime(100);
	expect(isFired).toBe(false);
	expect(() => clock.setSpeed(-1)).toThrow("clock speed must be 0 or greater, got -1");
});
