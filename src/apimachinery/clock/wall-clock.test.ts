import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { WallClock } from "./wall-clock.ts";

beforeEach(() => {
	vi.useFakeTimers({ now: Date.UTC(2026, 0, 1) });
});
afterEach(() => {
	vi.useRealTimers();
});

test("at speed 60 a real second is a minute, for now and for timers", () => {
	const clock = new WallClock({ speed: 60 });
	const startMs = clock.now();
	const fired: string[] = [];
	clock.setTimeout(() => fired.push("minute"), 60_000);
	clock.setInterval(() => fired.push("half"), 30_000);
	vi.advanceTimersByTime(999);
	expect(fired).toEqual(["half"]);
	vi.advanceTimersByTime(1);
	expect(clock.now() - startMs).toBe(60_000);
	expect(fired.toSorted()).toEqual(["half", "half", "minute"]);
});

test("a cancelled timer does not fire", () => {
	const clock = new WallClock();
	const fired: string[] = [];
	const timeout = clock.setTimeout(() => fired.push("timeout"), 10);
	const interval = clock.setInterval(() => fired.push("interval"), 10);
	timeout.cancel();
	interval.cancel();
	vi.advanceTimersByTime(1000);
	expect(fired).toEqual([]);
});

test("a delay longer than a 32-bit timer can hold is kept", () => {
	const clock = new WallClock();
	const yearMs = 365 * 24 * 3600 * 1000;
	const fired: number[] = [];
	const startMs = clock.now();
	clock.setTimeout(() => fired.push(clock.now() - startMs), yearMs);
	vi.advanceTimersByTime(yearMs - 1);
	expect(fired).toEqual([]);
	vi.advanceTimersByTime(1);
	expect(fired).toEqual([yearMs]);
});

test("a speed that is no speed is refused", () => {
	expect(() => new WallClock({ speed: 0 })).toThrow("clock speed must be greater than 0, got 0");
});
