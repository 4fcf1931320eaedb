import fc from "fast-check";
import { expect, test } from "vitest";
import { sleep } from "./clock.ts";
import { VirtualClock } from "./virtual-clock.ts";

test("time stands still until it is advanced", async () => {
	const clock = new VirtualClock();
	expect(new Date(clock.now()).toISOString()).toBe("2026-01-01T00:00:00.000Z");
	await clock.advance(90_000);
	expect(new Date(clock.now()).toISOString()).toBe("2026-01-01T00:01:30.000Z");
});

test("timers fire like a list sorted by moment, in the order they were set, without the cancelled ones", async () => {
	const timers = fc.array(fc.record({ delayMs: fc.integer({ min: 0, max: 20 }), isCancelled: fc.boolean() }), { maxLength: 60 });
	await fc.assert(
		fc.asyncProperty(timers, async (plan) => {
			const clock = new VirtualClock(0);
			const fired: [number, number][] = [];
			const handles = plan.map(({ delayMs }, index) => clock.setTimeout(() => fired.push([clock.now(), index]), delayMs));
			plan.forEach(({ isCancelled }, index) => {
				if (isCancelled) handles[index]?.cancel();
			});
			const expected = plan
				.map(({ delayMs, isCancelled }, index): [number, number, boolean] => [delayMs, index, isCancelled])
				.filter(([, , isCancelled]) => !isCancelled)
				.sort((a, b) => a[0] - b[0])
				.map(([delayMs, index]) => [delayMs, index]);
			expect(clock.pendingTimers()).toBe(expected.length);
			await clock.advance(20);
			expect(fired).toEqual(expected);
		}),
		{ numRuns: 50 },
	);
});

test("a timer set by a timer fires within the same advance", async () => {
	const clock = new VirtualClock(0);
	const fired: number[] = [];
	clock.setTimeout(() => clock.setTimeout(() => fired.push(clock.now()), 10), 10);
	await clock.advance(20);
	expect(fired).toEqual([20]);
});

test("promises settle between two timers", async () => {
	const clock = new VirtualClock(0);
	const story: string[] = [];
	const walk = async () => {
		await sleep(clock, 10);
		story.push("first step");
		await Promise.resolve();
		story.push("second step");
	};
	void walk();
	clock.setTimeout(() => story.push("later timer"), 11);
	await clock.advance(11);
	expect(story).toEqual(["first step", "second step", "later timer"]);
});

test("an interval repeats until it is cancelled, from its own callback too", async () => {
	const clock = new VirtualClock(0);
	const fired: number[] = [];
	const timer = clock.setInterval(() => {
		fired.push(clock.now());
		if (fired.length === 3) timer.cancel();
	}, 5);
	await clock.advance(100);
	expect(fired).toEqual([5, 10, 15]);
	expect(clock.pendingTimers()).toBe(0);
	expect(() => clock.setInterval(() => undefined, 0)).toThrow("interval must be greater than 0 ms, got 0");
});

test("advanceUntil stops at the timer that makes the condition true, and gives up at the limit", async () => {
	const clock = new VirtualClock(0);
	let count = 0;
	clock.setInterval(() => count++, 10);
	expect(await clock.advanceUntil(() => count === 3, 1000)).toBe(true);
	expect(clock.now()).toBe(30);
	expect(await clock.advanceUntil(() => false, 25)).toBe(false);
	expect(clock.now()).toBe(50);
	expect(await new VirtualClock().advanceUntil(() => false, 1000)).toBe(false);
});

test("sleep rejects as soon as its signal aborts, and leaves no timer behind", async () => {
	const clock = new VirtualClock(0);
	const controller = new AbortController();
	const result = sleep(clock, 1000, controller.signal).catch((reason: Error) => reason.message);
	controller.abort(new Error("shutting down"));
	expect(await result).toBe("shutting down");
	expect(clock.pendingTimers()).toBe(0);
	await expect(sleep(clock, 1, controller.signal)).rejects.toThrow("shutting down");
});

test("time stands still while an activity goes on, and passes when it rests", async () => {
	const clock = new VirtualClock(0);
	const story: string[] = [];
	const activity = { steps: 0, isPending: false };
	const leave = clock.attend(activity);
	clock.setTimeout(() => {
		story.push("begins");
		// As a stream hands on its data: every few turns of the event loop a piece.
		let left = 9;
		const piece = () => {
			activity.steps++;
			if (left-- > 0) setImmediate(() => setImmediate(piece));
			else story.push("over");
		};
		piece();
	}, 10);
	clock.setTimeout(() => {
		story.push("a disk is asked");
		activity.isPending = true;
		let turns = 0;
		const look = () => {
			if (turns++ < 50) setImmediate(look);
			else {
				activity.isPending = false;
				story.push("it answers");
			}
		};
		look();
	}, 10);
	clock.setTimeout(() => story.push("later"), 11);
	await clock.advance(11);
	expect(story).toEqual(["begins", "over", "a disk is asked", "it answers", "later"]);
	leave();
	activity.isPending = true;
	await clock.advance(1);
});

test("after a jump what was due fires late, in its order", async () => {
	const clock = new VirtualClock(0);
	const fired: [string, number][] = [];
	clock.setTimeout(() => fired.push(["second", clock.now()]), 20);
	clock.setTimeout(() => fired.push(["first", clock.now()]), 10);
	clock.setTimeout(() => fired.push(["later", clock.now()]), 150);
	clock.jump(100);
	expect([clock.now(), fired]).toEqual([100, []]);
	expect(await clock.advanceUntil(() => fired.length === 2, 10)).toBe(true);
	await clock.advance(50);
	expect(fired).toEqual([
		["first", 100],
		["second", 100],
		["later", 150],
	]);
});

test("a check before each timer can end the advance where it is", async () => {
	const clock = new VirtualClock(0);
	let fired = 0;
	clock.setInterval(() => fired++, 10);
	const check = () => {
		if (fired === 3) throw new Error("enough");
	};
	await expect(clock.advance(1_000, check)).rejects.toThrow("enough");
	expect([clock.now(), fired]).toEqual([30, 3]);
});
