/** How long work takes on a simulated processor, and what is known of it afterwards. */
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { Cpu } from "./cpu.ts";

describe("work", () => {
	it.each([
		["a whole core: one piece takes its own time", 1, 1, 100, 100],
		["half a core: half a period at full speed, and then a period's rest", 0.5, 1, 100, 150],
		["… short work: at full speed", 0.5, 1, 16, 16],
		["… as long as the quota lasts", 0.5, 10, 16, 270],
		["one core for three at once: one after another", 1, 3, 100, 250],
		["four cores for three at once: side by side", 4, 3, 100, 100],
		["two cores for six at once", 2, 6, 100, 250],
	])("%s", async (_, cores, pieces, cpuMs, doneMs) => {
		const clock = new VirtualClock();
		const startMs = clock.now();
		const cpu = new Cpu(clock, () => cores);
		let lastMs = 0;
		for (let piece = 0; piece < pieces; piece++)
			void cpu.run(cpuMs).then(() => {
				lastMs = clock.now() - startMs;
			});
		await clock.advance(10_000);
		expect(lastMs).toBe(doneMs);
		expect(cpu.usedMs(clock.now())).toBe(pieces * cpuMs);
	});

	it("that is broken off is not counted", async () => {
		const clock = new VirtualClock();
		const cpu = new Cpu(clock, () => 1);
		const stop = new AbortController();
		const work = cpu.run(1_000, stop.signal);
		await clock.advance(500);
		stop.abort();
		await work;
		expect(cpu.usedMs(clock.now())).toBe(0);
	});
});

it("short work is waited for where it would keep the processor busy, and not after a rest", async () => {
	const clock = new VirtualClock();
	const cpu = new Cpu(clock, () => 0.5);
	const charge = (times: number) => Array.from({ length: times }, () => cpu.charge(1)).filter((wait) => wait !== undefined).length;
	expect(charge(49)).toBe(0);
	expect(charge(1)).toBe(1);
	await clock.advance(50);
	expect(charge(24)).toBe(0);
	expect(charge(1)).toBe(1);
	await clock.advance(10_000);
	expect(charge(49)).toBe(0);
	expect(cpu.totalMs).toBe(124);
});

it("tells what was used before each second of the last minute", async () => {
	const clock = new VirtualClock();
	const cpu = new Cpu(clock, () => 1);
	const startMs = clock.now();
	for (let second = 0; second < 100; second++) {
		cpu.account(second);
		await clock.advance(1_000);
	}
	const before = (second: number) => (second * (second - 1)) / 2;
	for (const second of [100, 99, 85, 70, 45]) expect(cpu.usedMs(startMs + second * 1_000)).toBe(before(second));
	// Nothing happens for longer than is remembered.
	await clock.advance(3_600_000);
	cpu.account(5);
	expect(cpu.usedMs(clock.now() - 30_000)).toBe(before(100));
	await clock.advance(1_000);
	expect(cpu.usedMs(clock.now())).toBe(before(100) + 5);
});
