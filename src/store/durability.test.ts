/**
 * kill -9 at any moment: what was answered is there, and nothing else but writes that were on their way.
 */
import { spawn } from "node:child_process";
import { rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { SeededRandom } from "../apimachinery/random.ts";
import { openLevelStore } from "./index.ts";
import { temporaryDirectory, text } from "./testing/engines.ts";

const writer = fileURLToPath(new URL("testing/durability-writer.ts", import.meta.url));

interface Acknowledged {
	readonly key: string;
	readonly revision: number;
	/** "-" for a delete. */
	readonly value: string;
}

/** Runs a writer, kills it after `count` answers, and resolves to all that it had answered by then. */
async function writeAndKill(directory: string, round: number, count: number): Promise<readonly Acknowledged[]> {
	const child = spawn(process.execPath, [writer, directory, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
	const exited = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
	const acknowledged: Acknowledged[] = [];
	for await (const line of createInterface({ input: child.stdout })) {
		const [key = "", revision = "", value = ""] = line.split(" ");
		acknowledged.push({ key, revision: Number(revision), value });
		if (acknowledged.length === count) child.kill("SIGKILL");
	}
	expect(await exited).toBe("SIGKILL");
	return acknowledged;
}

test("every answered write survives kill -9, round after round on the same directory", async () => {
	const directory = await temporaryDirectory();
	const random = new SeededRandom("kill -9");
	/** The newest answered write of each key. */
	const newest = new Map<string, Acknowledged>();
	for (let round = 0; round < 6; round++) {
		const acknowledged = await writeAndKill(directory, round, 1 + random.int(600));
		for (const write of acknowledged) if (write.revision > (newest.get(write.key)?.revision ?? 0)) newest.set(write.key, write);

		const store = await openLevelStore({ directory, clock: new VirtualClock() });
		const { revision, compactRevision } = store.status();
		expect(revision).toBeGreaterThanOrEqual(Math.max(...acknowledged.map((write) => write.revision)));
		for (const { key, revision, value } of acknowledged) {
			if (revision < compactRevision) continue;
			const [kv] = (await store.range({ key, revision })).kvs;
			expect({ key, revision, value: kv === undefined ? "-" : text(kv.value) }).toEqual({ key, revision, value });
		}
		for (const { key, revision, value } of newest.values()) {
			const [kv] = (await store.range({ key })).kvs;
			// Each writer waits for its answer, so one write more than the answered ones may be there.
			if (kv?.modRevision === revision || (kv === undefined && value === "-")) continue;
			if (kv !== undefined) expect(kv.modRevision).toBeGreaterThan(revision);
			else expect(Number(newest.get(key)?.value.split("/")[1]) % 5).toBe(3);
		}
		await store.close();
	}
	await rm(directory, { recursive: true, force: true });
});
