import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { ownIdentity } from "../cluster/process-identity.ts";
import { CommandLock } from "./command-lock.ts";

let directory: string;
let path: string;
beforeEach(() => {
	directory = mkdtempSync(join(tmpdir(), "kubesim-lock-"));
	path = join(directory, "home/exam.lock");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("one holder at a time; the next one is told whom it waits for", async () => {
	const clock = new VirtualClock();
	const first = await CommandLock.acquire(path, { clock });
	const waited: number[] = [];
	let isHeld = false;
	const second = CommandLock.acquire(path, { clock, onWait: (pid) => waited.push(pid) }).then((lock) => {
		isHeld = true;
		return lock;
	});
	await clock.advance(10_000);
	expect([isHeld, waited]).toEqual([false, [process.pid]]);
	first.release();
	await clock.advance(1000);
	expect(isHeld).toBe(true);
	first.release();
	expect(existsSync(path)).toBe(true);
	(await second).release();
	expect(readdirSync(join(directory, "home"))).toEqual([]);
});

test("it does not wait forever", async () => {
	const clock = new VirtualClock();
	await CommandLock.acquire(path, { clock });
	const failure = CommandLock.acquire(path, { clock }).catch((error: Error) => error.message);
	await clock.advance(120_000);
	expect(await failure).toBe(`another kubesim command (process ${process.pid}) is busy with this cluster`);
});

test.each([
	["of a killed command", JSON.stringify({ ...ownIdentity(), pid: 2 ** 22 + 1 })],
	["that holds garbage", "{"],
	["that is empty", ""],
])("a lock %s is taken over", async (_, content) => {
	const clock = new VirtualClock();
	(await CommandLock.acquire(path, { clock })).release();
	writeFileSync(path, content);
	const lock = await CommandLock.acquire(path, { clock, onWait: () => expect.unreachable() });
	lock.release();
	expect(readdirSync(join(directory, "home"))).toEqual([]);
});
