/** The durable log: what survives a crash at any byte, what is refused, and what a failed disk means. */
import { appendFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bytes, settle, temporaryDirectory } from "../testing/engines.ts";
import type { Entry } from "./entry.ts";
import { decodeRecord, encodeRecord, type LogRecord } from "./log-codec.ts";
import { replayLog } from "./log-replay.ts";
import { LogStore } from "./log-store.ts";
import { membershipOf } from "./membership.ts";
import { bootstrapSnapshot, type StorageWrite } from "./memory-storage.ts";

let directory: string;
beforeEach(async () => {
	directory = await temporaryDirectory();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const founding = bootstrapSnapshot(membershipOf(["1", "2", "3"]));
const warnings: string[] = [];
const log = {
	debug: () => undefined,
	info: () => undefined,
	warn: (message: string, fields: unknown) => warnings.push(`${message} ${JSON.stringify(fields).replace(directory, "")}`),
	error: () => undefined,
};
const open = () => LogStore.open({ directory, founding, log });
const entry = (term: number, index: number): Entry => ({ type: "normal", term, index, data: bytes(`${term}.${index}`) });
const write = (entries: readonly Entry[], term = 1): StorageWrite => ({
	hardState: { term, vote: "2", commit: 1 },
	snapshot: undefined,
	entries,
});

async function show(): Promise<string> {
	const store = await open();
	const entries = store.entries(store.firstIndex(), store.lastIndex() + 1, Number.POSITIVE_INFINITY);
	const { term, vote, commit } = store.hardState();
	await store.close();
	const terms = entries.map((found) => (found.type === "normal" ? Buffer.from(found.data).toString() : "change")).join(" ");
	return `from ${store.firstIndex()}: ${terms}; term ${term} vote ${vote} commit ${commit}; snapshot ${store.snapshotMetadata().index}`;
}

async function logFile(): Promise<string> {
	const [name = ""] = (await readdir(directory)).filter((found) => found.endsWith(".log"));
	return join(directory, name);
}

test("what was saved is there when it is opened again, conflicts replaced", async () => {
	const store = await open();
	await store.save(write([entry(1, 2), entry(1, 3), entry(1, 4)]), true);
	await store.save(write([entry(2, 3)], 2), true);
	await store.close();
	expect(await show()).toBe("from 2: 1.2 2.3; term 2 vote 2 commit 1; snapshot 1");
});

test("a compacted log begins behind its snapshot, in a new file", async () => {
	const store = await open();
	await store.save({ ...write([entry(1, 2), entry(1, 3), entry(1, 4)]), hardState: { term: 1, vote: undefined, commit: 4 } }, true);
	await store.compact({ index: 3, term: 1, membership: membershipOf(["1"]) }, 2);
	expect(store.firstIndex()).toBe(3);
	await store.save(write([entry(1, 5)]), true);
	await store.close();
	expect(await readdir(directory)).toEqual(["raft-0000000002.log"]);
	expect(await show()).toBe("from 4: 1.4 1.5; term 1 vote 2 commit 1; snapshot 3");
});

test("a snapshot from a leader replaces everything", async () => {
	const store = await open();
	await store.save(write([entry(1, 2), entry(1, 3)]), true);
	const snapshot = { metadata: { index: 9, term: 4, membership: membershipOf(["7"]) }, data: bytes("state") };
	await store.save({ hardState: { term: 4, vote: undefined, commit: 9 }, snapshot, entries: [entry(4, 10)] }, true);
	await store.close();
	expect(await show()).toBe("from 10: 4.10; term 4 vote undefined commit 9; snapshot 9");
});

test("a write that a crash cut short is dropped and reported, wherever it was cut", async () => {
	const store = await open();
	await store.save(write([entry(1, 2)]), true);
	const before = store.sizeBytes();
	await store.save(write([entry(1, 3), entry(1, 4)]), true);
	await store.close();
	const whole = await readFile(await logFile());
	for (let length = before; length < whole.length; length++) {
		await writeFile(await logFile(), whole.subarray(0, length));
		warnings.length = 0;
		expect(await show()).toBe("from 2: 1.2; term 1 vote 2 commit 1; snapshot 1");
		const report = `the log's last write was cut short by a crash and is dropped {"path":"/raft-0000000001.log","bytes":${length - before}}`;
		expect(warnings).toEqual(length === before ? [] : [report]);
	}
	// Blocks that were allotted and not written.
	await writeFile(await logFile(), Buffer.concat([whole.subarray(0, before), Buffer.alloc(5000)]));
	expect(await show()).toBe("from 2: 1.2; term 1 vote 2 commit 1; snapshot 1");
	expect(await show()).toBe("from 2: 1.2; term 1 vote 2 commit 1; snapshot 1");
	expect(await readFile(await logFile())).toEqual(whole.subarray(0, before));
});

test("damage before an intact record is refused, whichever byte it is, and nothing is changed", async () => {
	const store = await open();
	await store.save(write([entry(1, 2)]), true);
	const before = store.sizeBytes();
	await store.save(write([entry(1, 3)]), true);
	const end = store.sizeBytes();
	await store.save(write([entry(1, 4)]), true);
	await store.close();
	const whole = await readFile(await logFile());
	for (let at = before; at < end; at++) {
		const damaged = Buffer.from(whole);
		damaged[at] = (damaged[at] ?? 0) ^ 0x10;
		await writeFile(await logFile(), damaged);
		expect(await settle(open())).toBe(
			`StoreCorruptError: store ${directory} is corrupt: record 3 is damaged, there is an intact one at byte ${end}, at byte ${before}. Put a backup in its place, or move it away to start with an empty cluster; nothing was changed.`,
		);
		expect(await readFile(await logFile())).toEqual(damaged);
	}
	await writeFile(await logFile(), Buffer.concat([whole.subarray(0, before), whole.subarray(end)]));
	expect(await settle(open())).toMatch(/is corrupt: record 4 follows record 2 at byte/);
	await writeFile(await logFile(), whole.subarray(1));
	expect(await settle(open())).toMatch(/is corrupt: the first record is damaged at byte 0/);
});

test("a compaction that a crash cut short leaves the old log", async () => {
	const store = await open();
	await store.save(write([entry(1, 2)]), true);
	await store.close();
	await appendFile(join(directory, "raft-0000000002.log.tmp"), "half");
	expect(await show()).toBe("from 2: 1.2; term 1 vote 2 commit 1; snapshot 1");
	expect(await readdir(directory)).toEqual(["raft-0000000001.log"]);
});

test("after a failed write nothing is saved any more", async () => {
	const store = await open();
	await store.close();
	expect(await settle(store.save(write([entry(1, 2)]), true))).toBe(
		"StoreFailedError: store failed and must be opened again: the log is closed",
	);
});

test("records come back as they were", () => {
	const number = fc.nat(2 ** 31).map((small) => small * 2 ** 16);
	const data = fc.uint8Array({ maxLength: 40 });
	const change = fc.oneof(
		fc.constant({ type: "leave" as const }),
		fc.record({
			type: fc.constant("change" as const),
			transition: fc.constantFrom("auto" as const, "jointExplicit" as const),
			changes: fc.array(fc.record({ type: fc.constantFrom("addVoter" as const, "remove" as const), id: fc.string() }), { maxLength: 3 }),
			context: data.map((found) => Buffer.from(found)),
		}),
	);
	const content = fc.oneof(
		fc.record({ type: fc.constant("normal" as const), data: data.map((found) => Buffer.from(found)) }),
		fc.record({ type: fc.constant("config" as const), change }),
	);
	const record = fc
		.record({
			sequence: number,
			hardState: fc.option(fc.record({ term: number, commit: number, vote: fc.option(fc.string({ minLength: 1 }), { nil: undefined }) }), {
				nil: undefined,
			}),
			snapshot: fc.option(fc.constant(founding.metadata), { nil: undefined }),
			first: fc.nat(1000),
			contents: fc.array(fc.tuple(number, content), { maxLength: 5 }),
		})
		.map(({ first, contents, ...rest }): LogRecord => {
			return { ...rest, entries: contents.map(([term, found], i): Entry => ({ ...found, term, index: first + i })) };
		});
	fc.assert(
		fc.property(record, (written) => {
			const encoded = Buffer.from(encodeRecord(written));
			expect(decodeRecord(encoded, 0)).toEqual({ record: written, end: encoded.length });
		}),
	);
	expect(() => replayLog(new Uint8Array())).toThrow("the first record is damaged at byte 0");
});
