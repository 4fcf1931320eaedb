/** What an administrator asks of a store: every engine does the same. */
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { type MaintainedStore, openLevelStore, restoreSnapshot } from "./index.ts";
import { crc32c } from "./snapshot/crc32c.ts";
import { type Bench, bytes, localEngines, settle, show, temporaryDirectory, text } from "./testing/engines.ts";

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
	const all: Uint8Array[] = [];
	for await (const chunk of chunks) all.push(chunk);
	return Buffer.concat(all);
}

async function contents(store: MaintainedStore, revision = 0): Promise<string> {
	return show(await store.range({ key: "\0", rangeEnd: "\0", revision }));
}

test("the checksum is CRC-32C", () => {
	expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
	expect(crc32c(Buffer.from("6789"), crc32c(Buffer.from("12345")))).toBe(0xe3069283);
});

describe.each(localEngines)("maintenance of a store on $name", (engine) => {
	let bench: Bench<MaintainedStore>;
	let store: MaintainedStore;
	beforeEach(async () => {
		bench = await engine.open();
		store = bench.store;
	});
	afterEach(() => bench.dispose());

	const put = (key: string, value: string) => store.put({ key, value: bytes(value) });

	test("a put keeps what it is told to ignore", async () => {
		const { id } = await store.grantLease(60, 7n);
		await store.put({ key: "a", value: bytes("1"), lease: id });
		await store.put({ key: "a", value: bytes(""), ignoreValue: true });
		expect(show((await store.range({ key: "a" })).kvs[0])).toBe(
			'{"key":"a","value":"1","createRevision":2,"modRevision":3,"version":2,"lease":"0n"}',
		);
		await store.put({ key: "a", value: bytes(""), ignoreValue: true, lease: id });
		await store.put({ key: "a", value: bytes("2"), ignoreLease: true });
		expect(show((await store.range({ key: "a" })).kvs[0])).toBe(
			'{"key":"a","value":"2","createRevision":2,"modRevision":5,"version":4,"lease":"7n"}',
		);
		expect((await store.lease(id)).keys).toEqual(["a"]);
		for (const keep of [{ ignoreValue: true }, { ignoreLease: true }]) {
			const request = { key: "b", value: bytes(""), ...keep };
			expect(await settle(store.put(request))).toBe("KeyNotFoundError: etcdserver: key not found");
			expect(await settle(store.txn({ compare: [], success: [{ type: "put", request }], failure: [] }))).toBe(
				"KeyNotFoundError: etcdserver: key not found",
			);
		}
		expect(store.status().revision).toBe(5);
	});

	test("the hash is of history: the same before and after a restart, and whether garbage is collected or not", async () => {
		for (let count = 0; count < 10; count++) await put(`k${count % 3}`, `${count}`);
		await store.deleteRange({ key: "k1" });
		const all = await store.hash();
		expect(all).toMatchObject({ revision: 12, hashRevision: 12, compactRevision: 0 });
		const early = await store.hash(6);
		expect(early.hash).not.toBe(all.hash);
		await put("k0", "more");
		expect((await store.hash(12)).hash).toBe(all.hash);
		expect(await settle(store.hash(14))).toBe("FutureRevisionError: etcdserver: mvcc: required revision is a future revision");
		await store.compact(8);
		const compacted = await store.hash();
		await bench.reopen();
		store = bench.store;
		expect(await store.hash()).toEqual(compacted);
		expect(await settle(store.hash(7))).toBe("CompactedError: etcdserver: mvcc: required revision has been compacted");
	});

	test("notes and alarms outlive a restart and change no revision", async () => {
		await store.setRecord("users", bytes("root"));
		await store.setRecord("gone", bytes("x"));
		await store.setRecord("gone", undefined);
		await store.setAlarm("CORRUPT", true);
		await store.setAlarm("CORRUPT", true);
		await bench.reopen();
		store = bench.store;
		expect(text(store.record("users") ?? bytes(""))).toBe("root");
		expect(store.record("gone")).toBeUndefined();
		expect(store.alarms()).toEqual(["CORRUPT"]);
		await store.setAlarm("CORRUPT", false);
		expect(store.alarms()).toEqual([]);
		expect(store.status().revision).toBe(1);
	});

	test("a snapshot brings back everything: history, leases, notes", async () => {
		const { id } = await store.grantLease(60);
		for (let count = 0; count < 400; count++) await put(`key-${count % 150}`, "v".repeat((count * 37) % 5000));
		await store.put({ key: "leased", value: bytes("x"), lease: id });
		await store.deleteRange({ key: "key-7" });
		await store.compact(200);
		await store.setRecord("users", bytes("root"));
		const hash = await store.hash();
		const file = join(await temporaryDirectory(), "snapshot.db");
		await writeFile(file, await collect(store.snapshot()));
		const directory = join(await temporaryDirectory(), "restored");
		await restoreSnapshot({ file, directory });
		const restored = await openLevelStore({ directory, clock: new VirtualClock() });
		try {
			expect(await contents(restored)).toBe(await contents(store));
			expect(await contents(restored, 250)).toBe(await contents(store, 250));
			expect(await restored.hash()).toEqual(hash);
			expect((await restored.lease(id)).keys).toEqual(["leased"]);
			expect(text(restored.record("users") ?? bytes(""))).toBe("root");
			await restored.revokeLease(id);
			expect(restored.status().revision).toBe(store.status().revision + 1);
		} finally {
			await restored.close();
		}
		expect(await settle(restoreSnapshot({ file, directory }))).toBe(
			`SnapshotError: data-dir ${JSON.stringify(directory)} not empty or could not be read`,
		);
	});

	test("a snapshot that is not whole is refused, and nothing is left behind", async () => {
		await put("a", "1");
		const directory = await temporaryDirectory();
		const file = join(directory, "snapshot.db");
		const target = join(directory, "restored");
		const good = await collect(store.snapshot());
		const restore = async (bytesOfFile: Uint8Array) => {
			await writeFile(file, bytesOfFile);
			return settle(restoreSnapshot({ file, directory: target }));
		};
		expect(await restore(good.subarray(0, good.length - 1))).toBe(
			`SnapshotError: snapshot ${file} cannot be restored: snapshot missing hash`,
		);
		const flipped = Buffer.from(good);
		flipped[5000] = (flipped[5000] ?? 0) ^ 1;
		expect(await restore(flipped)).toMatch(/expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}$/);
		expect(await settle(restoreSnapshot({ file: join(directory, "none"), directory: target }))).toMatch(/^SnapshotError: ENOENT/);
		await appendFile(file, "x");
		await expect(readFile(join(target, "CURRENT"))).rejects.toThrow("ENOENT");
	});
});

describe.each(localEngines)("the quota of a store on $name", (engine) => {
	test("what takes room is refused once it is used up, until there is room again and the alarm is off", async () => {
		const bench = await engine.open({ quotaBytes: 200_000 });
		const { store } = bench;
		const noSpace = "NoSpaceError: etcdserver: mvcc: database space exceeded";
		const big = { key: "a", value: Buffer.alloc(50_000, "x") };
		let answer = "";
		for (let count = 0; count < 6 && answer !== noSpace; count++) answer = await settle(store.put(big));
		expect(answer).toBe(noSpace);
		expect(store.alarms()).toEqual(["NOSPACE"]);
		const outcomes = await Promise.all([
			settle(store.put({ key: "b", value: bytes("") })),
			settle(store.txn({ compare: [], success: [{ type: "put", request: big }], failure: [] })),
			settle(store.grantLease(5)),
		]);
		expect(outcomes).toEqual([noSpace, noSpace, noSpace]);
		expect(await settle(store.txn({ compare: [], success: [{ type: "delete", request: { key: "a" } }], failure: [] }))).toMatch(
			/"deleted":1/,
		);
		await store.compact(store.status().revision);
		await store.defragment();
		await store.setAlarm("NOSPACE", false);
		expect(await settle(store.put({ key: "b", value: bytes("") }))).toMatch(/^{"revision":/);
		await bench.dispose();
	});
});
