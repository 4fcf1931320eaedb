import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ClassicLevel } from "classic-level";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { temporaryDirectory } from "../testing/engines.ts";
import { damagedOffset } from "./level-log.ts";

/** What LevelDB itself wrote: 200 batches, some longer than a block. */
let log: Buffer;
let directory: string;
beforeAll(async () => {
	directory = await temporaryDirectory();
	const database = new ClassicLevel<string, string>(directory);
	for (let index = 0; index < 200; index++) await database.put(`key-${index}`, "x".repeat(index % 50 === 0 ? 70_000 : index));
	await database.close();
	const name = (await readdir(directory)).find((file) => file.endsWith(".log")) ?? "";
	log = await readFile(join(directory, name));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("LevelDB's own log is sound, and so is one with nothing in it", () => {
	expect(log.length).toBeGreaterThan(300_000);
	expect(damagedOffset(log)).toBeUndefined();
	expect(damagedOffset(new Uint8Array())).toBeUndefined();
	expect(damagedOffset(new Uint8Array(100_000))).toBeUndefined();
});

test("a torn end is no damage, wherever it is torn, with zeros behind it or not", () => {
	fc.assert(
		fc.property(fc.integer({ min: 0, max: log.length }), fc.integer({ min: 0, max: 5000 }), (end, zeros) => {
			expect(damagedOffset(Buffer.concat([log.subarray(0, end), Buffer.alloc(zeros)]))).toBeUndefined();
		}),
		{ numRuns: 60 },
	);
});

test("a changed byte before the last record is damage, at or before that byte", () => {
	fc.assert(
		fc.property(fc.integer({ min: 0, max: log.length - 1000 }), fc.integer({ min: 1, max: 255 }), (position, difference) => {
			const damaged = Buffer.from(log);
			damaged[position] = (damaged[position] ?? 0) ^ difference;
			const offset = damagedOffset(damaged);
			// The padding at the end of a block means nothing.
			if (offset === undefined) expect(position % 32_768).toBeGreaterThan(32_768 - 7);
			else expect(offset).toBeLessThanOrEqual(position);
		}),
		{ numRuns: 60 },
	);
});
