import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { WorkQueue } from "./work-queue.ts";

function queueAndClock() {
	const clock = new VirtualClock();
	return { clock, queue: new WorkQueue({ clock }) };
}

test("a key is queued once, however often it is added", () => {
	const { queue } = queueAndClock();
	for (const key of ["a", "b", "a"]) queue.add(key);
	expect([queue.tryNext(), queue.tryNext(), queue.tryNext()]).toEqual(["a", "b", undefined]);
});

test("a key added while it is processed comes back when it is done and the clock has had its turn, once", async () => {
	const { queue, clock } = queueAndClock();
	queue.add("a");
	expect(queue.tryNext()).toBe("a");
	queue.add("a");
	queue.add("a");
	expect(queue.tryNext()).toBe(undefined);
	queue.done("a");
	expect(queue.isIdle()).toBe(false);
	queue.add("a");
	expect(queue.tryNext()).toBe(undefined);
	await clock.advance(0);
	expect([queue.tryNext(), queue.tryNext()]).toEqual(["a", undefined]);
	queue.done("a");
	expect(queue.isIdle()).toBe(true);
});

test("a key that rests when the queue ends does not come back", async () => {
	const { queue, clock } = queueAndClock();
	queue.add("a");
	queue.tryNext();
	queue.add("a");
	queue.done("a");
	queue.shutDown();
	expect(clock.pendingTimers()).toBe(0);
	expect(queue.isIdle()).toBe(true);
});

test("next waits for a key, and ends with the queue", async () => {
	const { queue } = queueAndClock();
	const first = queue.next();
	const second = queue.next();
	queue.add("a");
	queue.shutDown();
	queue.add("b");
	expect(await Promise.all([first, second, queue.next()])).toEqual(["a", undefined, undefined]);
});

test("of two delays the earlier holds", async () => {
	const { queue, clock } = queueAndClock();
	queue.addAfter("a", 500);
	queue.addAfter("a", 100);
	queue.addAfter("a", 900);
	await clock.advance(99);
	expect(queue.tryNext()).toBe(undefined);
	await clock.advance(1);
	expect(queue.tryNext()).toBe("a");
	queue.done("a");
	await clock.advance(10_000);
	expect(queue.tryNext()).toBe(undefined);
});

test("a key's back-off doubles from 5 ms to 1000 s and starts again when it is forgotten", async () => {
	const { queue, clock } = queueAndClock();
	const delays: number[] = [];
	for (let failure = 0; failure < 20; failure++) {
		const startMs = clock.now();
		queue.addRateLimited("a");
		await clock.advanceUntil(() => queue.length > 0, 2_000_000);
		delays.push(clock.now() - startMs);
		queue.done(queue.tryNext() ?? "");
	}
	expect(delays.slice(0, 5)).toEqual([5, 10, 20, 40, 80]);
	expect(delays.slice(-3)).toEqual([655_360, 1_000_000, 1_000_000]);
	expect(queue.retries("a")).toBe(20);
	queue.forget("a");
	queue.addRateLimited("a");
	await clock.advance(5);
	expect(queue.tryNext()).toBe("a");
});

test("retries of all keys together: 100 at once, then 10 a second", async () => {
	const { queue, clock } = queueAndClock();
	for (let key = 0; key < 120; key++) queue.addRateLimited(`key-${key}`);
	await clock.advance(5);
	expect(queue.length).toBe(100);
	await clock.advance(995);
	expect(queue.length).toBe(110);
	await clock.advance(1_000);
	expect(queue.length).toBe(120);
});
