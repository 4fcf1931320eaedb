/**
 * What holds between a write and its being durable, with an engine whose disk the test controls.
 */
import { describe, expect, test } from "vitest";
import { VirtualClock } from "../apimachinery/clock/virtual-clock.ts";
import { createMemoryStore, MemoryBackend, type Store } from "./index.ts";
import type { Mutation } from "./mvcc/command.ts";
import { noValue } from "./mvcc/version.ts";
import { bytes, RecordedWatch, settle, show, text } from "./testing/engines.ts";

/** A disk that counts its batches, and that takes one only when told to, once `hold` was called. */
class HeldBackend extends MemoryBackend {
	readonly batches: number[] = [];
	#held: { resolve(): void; reject(error: Error): void }[] | undefined;

	hold(): void {
		this.#held = [];
	}

	release(error?: Error): void {
		for (const { resolve, reject } of this.#held?.splice(0) ?? []) error === undefined ? resolve() : reject(error);
	}

	override async write(mutations: readonly Mutation[]): Promise<void> {
		this.batches.push(mutations.length);
		if (this.#held !== undefined) await new Promise<void>((resolve, reject) => this.#held?.push({ resolve, reject }));
		await super.write(mutations);
	}
}

async function open(): Promise<{ store: Store; backend: HeldBackend }> {
	const backend = new HeldBackend();
	return { backend, store: await createMemoryStore({ clock: new VirtualClock(), backend }) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const putOf = (key: string, value: string) => ({ key, value: bytes(value) });

describe("group commit", () => {
	test("writes of one moment share one sync, those that come meanwhile the next", async () => {
		const { store, backend } = await open();
		backend.hold();
		const first = Promise.all(Array.from({ length: 300 }, (_, i) => store.put(putOf(`a${i}`, "1"))));
		await turn();
		const second = Promise.all(Array.from({ length: 50 }, (_, i) => store.put(putOf(`b${i}`, "1"))));
		await turn();
		expect(backend.batches).toEqual([300]);
		backend.release();
		expect((await first).map((answer) => answer.revision)).toEqual(Array.from({ length: 300 }, (_, i) => i + 2));
		await turn();
		backend.release();
		expect((await second).at(-1)?.revision).toBe(351);
		expect(backend.batches).toEqual([300, 50]);
	});

	test("nobody sees a write before it is durable, but the writes after it do", async () => {
		const { store, backend } = await open();
		await store.put(putOf("a", "1"));
		backend.hold();
		const watch = new RecordedWatch(store, { key: "\0", rangeEnd: "\0", startRevision: 2 });
		const put = store.put(putOf("a", "2"));
		const swap = store.txn({
			compare: [{ key: "a", target: "value", result: "=", value: bytes("2") }],
			success: [
				{ type: "put", request: { ...putOf("a", "3"), prevKv: true } },
				{ type: "range", request: { key: "a", revision: 3 } },
			],
			failure: [],
		});
		await turn();
		expect(watch.lines()).toEqual(["put a=1 @2"]);
		expect(store.status().revision).toBe(2);
		expect((await store.range({ key: "a" })).kvs.map((kv) => text(kv.value))).toEqual(["1"]);
		expect(await settle(store.range({ key: "a", revision: 3 }))).toBe(
			"FutureRevisionError: etcdserver: mvcc: required revision is a future revision",
		);
		expect(await settle(store.compact(3))).toBe("FutureRevisionError: etcdserver: mvcc: required revision is a future revision");
		backend.release();
		await put;
		expect(show(await swap)).toBe(
			'{"revision":4,"succeeded":true,"responses":[' +
				'{"type":"put","response":{"revision":4,"prevKv":{"key":"a","value":"2","createRevision":2,"modRevision":3,"version":2,"lease":"0n"}}},' +
				'{"type":"range","response":{"revision":4,"kvs":[{"key":"a","value":"2","createRevision":2,"modRevision":3,"version":2,"lease":"0n"}],"more":false,"count":1}}]}',
		);
		expect(watch.lines()).toEqual(["put a=1 @2", "put a=2 @3", "put a=3 @4"]);
	});

	test("a write that fails stops the store: every waiter and every later call is told, watchers too", async () => {
		const { store, backend } = await open();
		await store.put(putOf("a", "1"));
		const watch = new RecordedWatch(store, { key: "a" });
		backend.hold();
		const inBatch = settle(store.put(putOf("a", "2")));
		await turn();
		const waiting = settle(store.deleteRange({ key: "a" }));
		backend.release(new Error("no space left on device"));
		const failed = "StoreFailedError: store failed and must be opened again: no space left on device";
		expect([await inBatch, await waiting, await settle(store.put(putOf("a", "3"))), await settle(store.range({ key: "a" }))]).toEqual([
			failed,
			failed,
			failed,
			failed,
		]);
		expect([watch.lines(), show(watch.end?.error)]).toEqual([[], failed]);
		await store.close();
		const again = await createMemoryStore({ clock: new VirtualClock(), backend });
		expect((await again.range({ key: "a" })).kvs.map((kv) => text(kv.value))).toEqual(["1"]);
	});

	test("the state before a change is read for the watches that want it only, and never by a blocking read", async () => {
		const { store, backend } = await open();
		await store.put(putOf("a", "1"));
		await store.put(putOf("b", "1"));
		const blocking: string[] = [];
		const asked: string[] = [];
		backend.read = (version) => {
			blocking.push(version.key);
			return noValue;
		};
		const watch = new RecordedWatch(store, { key: "a", prevKv: true });
		backend.readMany = async (versions) => {
			asked.push(...versions.map((version) => version.key));
			return versions.map(() => bytes("1"));
		};
		await Promise.all([store.put(putOf("a", "2")), store.put(putOf("b", "2"))]);
		expect([asked, blocking, watch.lines()]).toEqual([["a"], [], ["put a=2 @4 was a=1 @2"]]);
	});

	test("a bounded number of writes may wait", async () => {
		const store = await createMemoryStore({ clock: new VirtualClock(), limits: { waitingWrites: 2 } });
		const answers = await Promise.all(["a", "b", "c"].map((key) => settle(store.put(putOf(key, "1")))));
		expect(answers).toEqual(['{"revision":2}', '{"revision":3}', "TooManyRequestsError: etcdserver: too many requests"]);
	});
});

describe("in memory", () => {
	test("everything settles with promises alone, as virtual time needs it", async () => {
		const store = await createMemoryStore({ clock: new VirtualClock() });
		const work = async () => {
			await store.put({ ...putOf("a", "1"), prevKv: true });
			await store.put({ ...putOf("a", "2"), prevKv: true });
			await store.compact(3);
			await store.range({ key: "a" });
			await store.leases();
			return "settled";
		};
		expect(await Promise.race([work(), turn().then(() => "the event loop turned")])).toBe("settled");
	});

	test("compaction takes every superseded version, and only those, out of the engine", async () => {
		const backend = new MemoryBackend();
		const store = await createMemoryStore({ clock: new VirtualClock(), backend });
		for (let round = 0; round < 3; round++)
			await Promise.all(Array.from({ length: 1500 }, (_, i) => store.put(putOf(`k${String(i).padStart(4, "0")}`, String(round)))));
		await store.deleteRange({ key: "k0000" });
		await store.put(putOf("k0001", "3"));
		expect(backend.sizeBytes()).toBe(4501 * 6 + 5);
		await store.compact(store.status().revision);
		expect(backend.sizeBytes()).toBe(1499 * 6);
		expect((await store.range({ key: "k", rangeEnd: "l" })).count).toBe(1499);
	});
});
