/** How much of its log a member that is alone keeps. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { openLevelStore } from "./index.ts";
import { temporaryDirectory } from "./testing/engines.ts";

const value = new Uint8Array(4096);
/** Twice what it is compacted at. */
const puts = 512;

async function logBytes(directory: string): Promise<number> {
	const names = await readdir(directory);
	const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
	return sizes.reduce((sum, size) => sum + size, 0);
}

test("the log of a burst is gone when the burst is over, with nothing written after it", async () => {
	const directory = await temporaryDirectory();
	const store = await openLevelStore({ directory, clock: new VirtualClock() });
	const burst = () => Promise.all(Array.from({ length: puts }, (_, index) => store.put({ key: `/k${index % 10}`, value })));
	await burst();
	// The log is being compacted because of the first one.
	await burst();
	await vi.waitFor(async () => expect(await logBytes(join(directory, "control-plane", "log"))).toBeLessThan(1.1 * 2 ** 20), 10_000);
	await store.close();
	await rm(directory, { recursive: true, force: true });
});
