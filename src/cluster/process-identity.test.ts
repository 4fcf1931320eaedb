import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { isAlive, ownIdentity } from "./process-identity.ts";

test("this process lives; no process, a group and a dead one do not", async () => {
	expect(isAlive(ownIdentity())).toBe(true);
	expect(isAlive({ pid: 0, born: "" })).toBe(false);
	expect(isAlive({ pid: -1, born: "" })).toBe(false);
	const child = spawn("true");
	await once(child, "exit");
	expect(isAlive({ pid: child.pid ?? 0, born: "" })).toBe(false);
});

test.runIf(existsSync("/proc/self/stat"))("an id that was given to another process since does not count", () => {
	const { pid, born } = ownIdentity();
	expect(born).toMatch(/^\d+$/);
	expect(isAlive({ pid, born: String(Number(born) - 1) })).toBe(false);
});
