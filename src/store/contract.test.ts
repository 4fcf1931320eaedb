/**
 * What every engine must do, one test a promise of store.ts. The quick-check looks for what these forgot.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CompactedError, type Lease, prefixEnd, type Store, type TxnOperation } from "./index.ts";
import { type Bench, bytes, engines, RecordedWatch, settle, show, text } from "./testing/engines.ts";

const putOf = (key: string, value: string): TxnOperation => ({ type: "put", request: { key, value: bytes(value) } });

describe.each(engines)("a store on $name", (engine) => {
	let bench: Bench;
	let store: Store;
	const { lacks } = engine;
	/** Tests of what the engine's bench says that it does not do are left out; the reason stands there. */
	const testUnless = (lack: string | undefined) => (lack === undefined ? test : () => undefined);
	/** Of an engine in another process, only the revision is exact. */
	const statusIs = (status: { revision: number; compactRevision?: number; keys?: number }) =>
		expect(store.status()).toMatchObject(lacks.order === undefined ? status : { revision: status.revision });
	beforeEach(async () => {
		bench = await engine.open();
		store = bench.store;
	});
	afterEach(() => bench.dispose());

	/** Where time cannot be held, a lease that was granted a moment ago counts as whole. */
	const fresh = (lease: Lease): Lease =>
		lacks.virtualTime !== undefined && lease.ttlSeconds >= lease.grantedTtlSeconds - 2
			? { ...lease, ttlSeconds: lease.grantedTtlSeconds }
			: lease;
	const put = async (key: string, value: string, lease = 0n) => (await store.put({ key, value: bytes(value), lease })).revision;
	/** "a=1 b=2" */
	const read = async (revision = 0, key = "\0", rangeEnd = "\0") =>
		(await store.range({ key, rangeEnd, revision })).kvs.map((kv) => `${kv.key}=${text(kv.value)}`).join(" ");

	test("counts revisions from 1, one for each write that changes something", async () => {
		statusIs({ revision: 1, compactRevision: 0, keys: 0 });
		expect(await put("a", "1")).toBe(2);
		expect(await store.deleteRange({ key: "nothing" })).toEqual({ revision: 2, deleted: 0, prevKvs: [] });
		expect(await store.txn({ compare: [], success: [putOf("b", "1"), putOf("c", "1")], failure: [] })).toMatchObject({ revision: 3 });
		expect((await store.deleteRange({ key: "a", rangeEnd: "\0" })).revision).toBe(4);
		statusIs({ revision: 4, keys: 0 });
	});

	test("reads the past as it was", async () => {
		await put("a", "1");
		await put("b", "1");
		await put("a", "2");
		await store.deleteRange({ key: "b" });
		expect(await read()).toBe("a=2");
		expect(await read(4)).toBe("a=2 b=1");
		expect(await read(3)).toBe("a=1 b=1");
		expect(await read(1)).toBe("");
		expect(await settle(store.range({ key: "a", revision: 6 }))).toBe(
			"FutureRevisionError: etcdserver: mvcc: required revision is a future revision",
		);
		expect(show(await store.range({ key: "a" }))).toBe(
			'{"revision":5,"kvs":[{"key":"a","value":"2","createRevision":2,"modRevision":4,"version":2,"lease":"0n"}],"more":false,"count":1}',
		);
	});

	test("limits and counts ranges, and reads prefixes in key order", async () => {
		for (const key of ["/p/b", "/p/a", "/q", "/p/", "/p/c"]) await put(key, key);
		const prefix = { key: "/p/", rangeEnd: prefixEnd("/p/") };
		const keysOf = async (options: object) => {
			const { kvs, more, count } = await store.range({ ...prefix, ...options });
			return `${kvs.map((kv) => kv.key).join(" ")} more=${more} count=${count}`;
		};
		expect(await keysOf({})).toBe("/p/ /p/a /p/b /p/c more=false count=4");
		expect(await keysOf({ limit: 2 })).toBe("/p/ /p/a more=true count=4");
		expect(await keysOf({ limit: 4 })).toBe("/p/ /p/a /p/b /p/c more=false count=4");
		expect(await keysOf({ countOnly: true, limit: 1 })).toBe(" more=false count=4");
		expect((await store.range({ ...prefix, keysOnly: true, limit: 1 })).kvs.map((kv) => kv.value.length)).toEqual([0]);
	});

	test("puts a version after the other and forgets them with the key", async () => {
		await put("a", "1");
		await put("a", "2");
		await store.deleteRange({ key: "a" });
		expect(show(await store.put({ key: "a", value: bytes("3"), prevKv: true }))).toBe('{"revision":5}');
		expect(show(await store.put({ key: "a", value: bytes("4"), prevKv: true }))).toBe(
			'{"revision":6,"prevKv":{"key":"a","value":"3","createRevision":5,"modRevision":5,"version":1,"lease":"0n"}}',
		);
		expect(show(await store.deleteRange({ key: "a", prevKv: true }))).toBe(
			'{"revision":7,"deleted":1,"prevKvs":[{"key":"a","value":"4","createRevision":5,"modRevision":6,"version":2,"lease":"0n"}]}',
		);
	});

	test("chooses a transaction's branch by the state before it, and shows its own writes to its ranges", async () => {
		await put("a", "1");
		const response = await store.txn({
			compare: [{ key: "a", target: "value", result: "=", value: bytes("1") }],
			success: [
				putOf("a", "2"),
				{
					type: "txn",
					request: { compare: [{ key: "a", target: "mod", result: "=", value: 2 }], success: [putOf("b", "1")], failure: [] },
				},
				{ type: "range", request: { key: "\0", rangeEnd: "\0" } },
				{ type: "range", request: { key: "a", revision: 2 } },
			],
			failure: [],
		});
		expect(show(response)).toBe(
			'{"revision":3,"succeeded":true,"responses":[{"type":"put","response":{"revision":3}},' +
				'{"type":"txn","response":{"revision":3,"succeeded":true,"responses":[{"type":"put","response":{"revision":3}}]}},' +
				'{"type":"range","response":{"revision":3,"kvs":[{"key":"a","value":"2","createRevision":2,"modRevision":3,"version":2,"lease":"0n"},' +
				'{"key":"b","value":"1","createRevision":3,"modRevision":3,"version":1,"lease":"0n"}],"more":false,"count":2}},' +
				'{"type":"range","response":{"revision":3,"kvs":[{"key":"a","value":"1","createRevision":2,"modRevision":2,"version":1,"lease":"0n"}],"more":false,"count":1}}]}',
		);
	});

	test("lets one of many that compare and swap at once win", async () => {
		const answers = await Promise.all(
			Array.from({ length: 20 }, (_, writer) =>
				store.txn({
					compare: [{ key: "lock", target: "create", result: "=", value: 0 }],
					success: [putOf("lock", String(writer))],
					failure: [],
				}),
			),
		);
		const winner = lacks.order === undefined ? 0 : answers.findIndex((answer) => answer.succeeded);
		expect(answers.map((answer) => answer.succeeded)).toEqual(answers.map((_, writer) => writer === winner));
		expect(await read()).toBe(`lock=${winner}`);
	});

	test("refuses a request that cannot be right, and changes nothing", async () => {
		await put("a", "1");
		const outcomes = await Promise.all([
			settle(store.txn({ compare: [], success: [putOf("b", "1"), putOf("b", "2")], failure: [] })),
			settle(store.txn({ compare: [], success: [], failure: [putOf("b", "1"), { type: "delete", request: { key: "a", rangeEnd: "c" } }] })),
			settle(store.put({ key: "b", value: bytes("1"), lease: 7n })),
			settle(store.txn({ compare: [], success: [putOf("b", "1"), { type: "range", request: { key: "a", revision: 99 } }], failure: [] })),
			settle(store.txn({ compare: [], success: Array.from({ length: 129 }, (_, i) => putOf(`b${i}`, "1")), failure: [] })),
			settle(store.put({ key: "", value: bytes("1") })),
			settle(store.put({ key: "b", value: new Uint8Array(1.5 * 1024 * 1024) })),
			settle(store.put({ key: "\u{1F600}", value: bytes("1") })),
		]);
		expect(outcomes).toEqual([
			"DuplicateKeyError: etcdserver: duplicate key given in txn request",
			"DuplicateKeyError: etcdserver: duplicate key given in txn request",
			"LeaseNotFoundError: etcdserver: requested lease not found",
			"FutureRevisionError: etcdserver: mvcc: required revision is a future revision",
			"TooManyOperationsError: etcdserver: too many operations in txn request",
			"EmptyKeyError: etcdserver: key is not provided",
			"RequestTooLargeError: etcdserver: request is too large",
			'RangeError: a key is a string of bytes, each character 0-255: "\u{1F600}"',
		]);
		expect(store.status().revision).toBe(2);
		expect(await read()).toBe("a=1");
	});

	test("tells a watch each change once, from any revision that history has", async () => {
		await put("a", "1");
		await put("b", "1");
		const fromStart = new RecordedWatch(store, { key: "a", rangeEnd: "c", startRevision: 1, prevKv: true });
		const fromNow = new RecordedWatch(store, { key: "a" });
		const fromLater = new RecordedWatch(store, { key: "a", startRevision: 5 });
		await put("a", "2");
		await put("c", "1");
		await store.txn({ compare: [], success: [{ type: "delete", request: { key: "a", rangeEnd: "c" } }], failure: [] });
		await fromStart.caughtUp(5);
		expect(fromStart.lines()).toEqual([
			"put a=1 @2",
			"put b=1 @3",
			"put a=2 @4 was a=1 @2",
			"delete a @6 was a=2 @4",
			"delete b @6 was b=1 @3",
		]);
		await fromNow.caughtUp(2);
		await fromLater.caughtUp(1);
		expect(fromNow.lines()).toEqual(["put a=2 @4", "delete a @6"]);
		expect(fromLater.lines()).toEqual(["delete a @6"]);
		fromNow.cancel();
		await put("a", "3");
		await fromLater.caughtUp(2);
		expect([fromNow.lines().length, fromLater.lines().at(-1), fromLater.revision]).toEqual([2, "put a=3 @7", 7]);
	});

	test("replays a long history to a watch while writes go on", async () => {
		const write = (from: number, to: number) => Promise.all(Array.from({ length: to - from }, (_, i) => put(`k${from + i}`, "x")));
		await write(0, 2500);
		const watch = new RecordedWatch(store, { key: "k", rangeEnd: "l", startRevision: 2 });
		await write(2500, 3000);
		await watch.caughtUp(3000);
		expect(watch.events.map((event) => event.kv.modRevision)).toEqual(Array.from({ length: 3000 }, (_, i) => i + 2));
	});

	testUnless(lacks.order)("hands watchers the very bytes that were put, before the writer has its answer", async () => {
		const value = bytes("same");
		const watch = new RecordedWatch(store, { key: "a" });
		await store.put({ key: "a", value });
		expect(watch.events[0]?.kv.value).toBe(value);
	});

	test("keeps other watches and the writer out of one watch's failure", async () => {
		const ends: unknown[] = [];
		store.watch(
			{ key: "a" },
			{
				onEvents: () => {
					throw new Error("full");
				},
				onEnd: (error) => ends.push(show(error)),
			},
		);
		const other = new RecordedWatch(store, { key: "a" });
		await put("a", "1");
		await put("a", "2");
		await other.caughtUp(2);
		// A store in another process may tell the two of it in any order.
		for (let turns = 0; turns < 20_000 && ends.length === 0; turns++) await new Promise((resolve) => setImmediate(resolve));
		expect(ends).toEqual(["Error: full"]);
		expect(other.lines()).toEqual(["put a=1 @2", "put a=2 @3"]);
	});

	testUnless(lacks.compactedDelete)("watches from the compact revision on, a delete at it included", async () => {
		await put("b", "1");
		await store.deleteRange({ key: "b" });
		await put("a", "1");
		await store.compact(3);
		const watch = new RecordedWatch(store, { key: "a", rangeEnd: "c", startRevision: 3, prevKv: true });
		await watch.caughtUp(2);
		expect(watch.lines()).toEqual(["delete b @3", "put a=1 @4"]);
	});

	test("compacts: the past before it is gone, the present and what came after stay", async () => {
		await put("a", "1");
		await put("b", "1");
		await put("a", "2");
		await store.deleteRange({ key: "b" });
		await put("a", "3");
		await store.compact(5);
		expect(await settle(store.range({ key: "a", revision: 4 }))).toBe(
			"CompactedError: etcdserver: mvcc: required revision has been compacted",
		);
		expect([await read(5), await read(6), await read()]).toEqual(["a=2", "a=3", "a=3"]);
		expect(await settle(store.compact(5))).toBe("CompactedError: etcdserver: mvcc: required revision has been compacted");
		expect(await settle(store.compact(7))).toBe("FutureRevisionError: etcdserver: mvcc: required revision is a future revision");
		const late = new RecordedWatch(store, { key: "a", rangeEnd: "c", startRevision: 4 });
		const onTime = new RecordedWatch(store, { key: "a", startRevision: 5, prevKv: true });
		await onTime.caughtUp(1);
		await late.caughtUp(1);
		expect(late.end?.error).toEqual(new CompactedError(5));
		expect(onTime.lines()).toEqual(["put a=3 @6 was a=2 @4"]);
	});

	test("keeps both changes of a key that one transaction puts and deletes", async () => {
		await put("a", "1");
		await store.txn({
			compare: [],
			success: [
				{ type: "txn", request: { compare: [], success: [putOf("a", "2")], failure: [] } },
				{ type: "txn", request: { compare: [], success: [{ type: "delete", request: { key: "a" } }], failure: [] } },
			],
			failure: [],
		});
		const before = new RecordedWatch(store, { key: "a", startRevision: 3, prevKv: true });
		await before.caughtUp(2);
		expect(before.lines()).toEqual(["put a=2 @3 was a=1 @2", "delete a @3 was a=1 @2"]);
		await store.compact(3);
		await bench.reopen();
		store = bench.store;
		if (lacks.compactedDelete === undefined) {
			const after = new RecordedWatch(store, { key: "a", startRevision: 3 });
			await after.caughtUp(2);
			expect(after.lines()).toEqual(["put a=2 @3", "delete a @3"]);
		}
		expect(await put("a", "3")).toBe(4);
	});

	testUnless(lacks.virtualTime)("deletes the keys of a lease that runs out, all in one revision", async () => {
		const { id } = await store.grantLease(10);
		await put("b", "1", id);
		await put("a", "1", id);
		await put("c", "1", id);
		await put("c", "2");
		const watch = new RecordedWatch(store, { key: "\0", rangeEnd: "\0" });
		await bench.clock.advance(6000);
		expect(await store.keepAliveLease(id)).toEqual({ id, grantedTtlSeconds: 10, ttlSeconds: 10, keys: ["a", "b"] });
		await bench.clock.advance(9999);
		expect([await read(), (await store.lease(id)).ttlSeconds]).toEqual(["a=1 b=1 c=2", 0]);
		await bench.clock.advance(1);
		expect(await store.lease(id)).toEqual({ id, grantedTtlSeconds: 0, ttlSeconds: -1, keys: [] });
		expect(watch.lines()).toEqual(["delete a @6", "delete b @6"]);
		expect(await read()).toBe("c=2");
	});

	test("grants, lists and revokes leases", async () => {
		await store.grantLease(5, 1n);
		await store.grantLease(60, 2n);
		await put("a", "1", 1n);
		expect(await settle(store.grantLease(5, 1n))).toBe("LeaseExistsError: etcdserver: lease already exists");
		expect((await store.leases()).map(fresh)).toEqual([
			{ id: 1n, grantedTtlSeconds: 5, ttlSeconds: 5, keys: ["a"] },
			{ id: 2n, grantedTtlSeconds: 60, ttlSeconds: 60, keys: [] },
		]);
		await store.revokeLease(1n);
		expect([await read(), store.status().revision]).toEqual(["", 3]);
		expect(await settle(store.revokeLease(1n))).toBe("LeaseNotFoundError: etcdserver: requested lease not found");
		expect(await settle(store.keepAliveLease(1n))).toBe("LeaseNotFoundError: etcdserver: requested lease not found");
		expect(await settle(store.grantLease(9_000_000_001))).toBe("LeaseTtlTooLargeError: etcdserver: too large lease TTL");
	});

	test("is as it was when opened again: revisions, history, leases, compaction", async () => {
		await store.grantLease(10, 1n);
		await put("a", "1", 1n);
		await put("b", "1");
		await put("b", "2");
		await store.deleteRange({ key: "b" });
		await store.compact(3);
		await bench.clock.advance(8000);
		await bench.reopen();
		store = bench.store;
		statusIs({ revision: 5, compactRevision: 3, keys: 1 });
		expect([await read(), await read(4), await read(3)]).toEqual(["a=1", "a=1 b=2", "a=1 b=1"]);
		expect(await settle(store.range({ key: "a", revision: 2 }))).toBe(
			"CompactedError: etcdserver: mvcc: required revision has been compacted",
		);
		expect(fresh(await store.lease(1n))).toEqual({ id: 1n, grantedTtlSeconds: 10, ttlSeconds: 10, keys: ["a"] });
		const watch = new RecordedWatch(store, { key: "\0", rangeEnd: "\0", startRevision: 4 });
		await watch.caughtUp(2);
		expect(watch.lines()).toEqual(["put b=2 @4", "delete b @5"]);
		if (lacks.virtualTime === undefined) await bench.clock.advance(10_000);
		else await store.revokeLease(1n);
		await store.leases();
		expect([await read(), store.status().revision]).toEqual(["", 6]);
	});

	test("ends its watches and refuses every call once closed, after what was accepted is stored", async () => {
		const watch = new RecordedWatch(store, { key: "b" });
		const accepted = put("a", "1");
		await store.close();
		expect(await accepted).toBe(2);
		expect(watch.end).toEqual({ error: undefined });
		const refused = await Promise.all([settle(store.range({ key: "a" })), settle(put("a", "2")), settle(store.leases())]);
		expect(new Set(refused)).toEqual(new Set(["StoreClosedError: store is closed"]));
		if (lacks.order === undefined) expect(bench.clock.pendingTimers()).toBe(0);
		await bench.reopen();
		store = bench.store;
		expect(await read()).toBe("a=1");
	});
});
