import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { ClockFile } from "./clock-file.ts";

let directory: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "kubesim-clock-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it("keeps a fast cluster from going back in time, even after a kill", async () => {
	const cluster = new VirtualClock(1_000_000);
	const machine = new VirtualClock(0);
	new ClockFile(directory).follow(cluster, machine);
	await cluster.advance(600_000);
	await machine.advance(1000);
	await cluster.advance(500);
	expect(new ClockFile(directory).startMs(machine)).toBeGreaterThanOrEqual(cluster.now());
});

it("follows the machine where there is no record, a broken one, or an old one", async () => {
	const machine = new VirtualClock(5_000_000);
	expect(new ClockFile(directory).startMs(machine)).toBe(5_000_000);
	writeFileSync(join(directory, "clock.json"), '{"clusterTi');
	expect(new ClockFile(directory).startMs(machine)).toBe(5_000_000);
	const stop = new ClockFile(directory).follow(new VirtualClock(1_000), machine);
	stop();
	expect(new ClockFile(directory).startMs(machine)).toBe(5_000_000);
});
