/**
 * Random histories, run on each engine and on the dumb model; every answer must be the same, to the letter. Bursts issue
 * several writes at once, so that they share a batch and see each other before they are durable. Watches are followed
 * to the end of the history and compared with what the model says happened.
 */
import fc from "fast-check";
import { describe, test } from "vitest";
import type { Compare, RangeRequest, Store, TxnOperation, TxnRequest, WatchRequest } from "./index.ts";
import {
	type Bench,
	type Engine,
	groupEngine,
	levelEngine,
	memoryEngine,
	RecordedWatch,
	settle,
	show,
	standstillEngine,
	wireEngine,
} from "./testing/engines.ts";
import { ModelStore } from "./testing/model-store.ts";

type Write =
	| Extract<TxnOperation, { type: "put" | "delete" | "txn" }>
	| { readonly type: "grant"; readonly id: bigint; readonly ttlSeconds: number }
	| { readonly type: "revoke"; readonly id: bigint };
type Step =
	| { readonly type: "burst"; readonly writes: readonly Write[] }
	| { readonly type: "range"; readonly request: RangeRequest; readonly back: number }
	| { readonly type: "compact"; readonly back: number }
	| { readonly type: "watch"; readonly request: WatchRequest; readonly back: number }
	| { readonly type: "advance"; readonly seconds: number }
	| { readonly type: "reopen" };

const key = fc.constantFrom("a", "b", "ba", "c", "\xff");
const rangeEnd = fc.constantFrom("b", "c", "\0", "a");
const keys = fc.oneof(fc.record({ key }), fc.record({ key, rangeEnd }));
const value = fc.constantFrom("", "1", "2", "3").map((character) => new TextEncoder().encode(character));
const leaseId = fc.constantFrom(1n, 2n, 3n);
const flag = fc.boolean();

const put = fc.record({
	type: fc.constant("put" as const),
	request: fc.record({ key, value, lease: fc.oneof({ weight: 3, arbitrary: fc.constant(0n) }, leaseId), prevKv: flag }),
});
const deletion = fc.record({
	type: fc.constant("delete" as const),
	request: fc.tuple(keys, flag).map(([range, prevKv]) => ({ ...range, prevKv })),
});
const rangeRequest = fc
	.tuple(keys, fc.nat(3), flag, flag)
	.map(([range, limit, keysOnly, countOnly]): RangeRequest => ({ ...range, limit, keysOnly, countOnly }));
const rangeOperation = fc.record({ type: fc.constant("range" as const), request: rangeRequest });
const result = fc.constantFrom("=" as const, "!=" as const, "<" as const, ">" as const);
const compare: fc.Arbitrary<Compare> = fc.oneof(
	fc
		.tuple(keys, result, fc.constantFrom("version" as const, "create" as const, "mod" as const), fc.nat(6))
		.map(([range, result, target, value]) => ({ ...range, result, target, value })),
	fc.tuple(keys, result, value).map(([range, result, value]) => ({ ...range, result, target: "value" as const, value })),
	fc.tuple(keys, result, leaseId).map(([range, result, value]) => ({ ...range, result, target: "lease" as const, value })),
);
const operation: fc.Arbitrary<TxnOperation> = fc.oneof(put, deletion, rangeOperation);
const nested: fc.Arbitrary<TxnOperation> = fc
	.tuple(fc.array(compare, { maxLength: 1 }), fc.array(operation, { maxLength: 2 }))
	.map(([compare, success]) => ({ type: "txn", request: { compare, success, failure: [] } }));
const txnRequest: fc.Arbitrary<TxnRequest> = fc.record({
	compare: fc.array(compare, { maxLength: 2 }),
	success: fc.array(fc.oneof({ weight: 4, arbitrary: operation }, nested), { maxLength: 3 }),
	failure: fc.array(operation, { maxLength: 2 }),
});

const write: fc.Arbitrary<Write> = fc.oneof(
	{ weight: 6, arbitrary: put },
	{ weight: 3, arbitrary: deletion },
	{ weight: 4, arbitrary: txnRequest.map((request): Write => ({ type: "txn", request })) },
	{
		weight: 2,
		arbitrary: fc.tuple(leaseId, fc.integer({ min: 1, max: 9 })).map(([id, ttlSeconds]): Write => ({ type: "grant", id, ttlSeconds })),
	},
	{ weight: 1, arbitrary: leaseId.map((id): Write => ({ type: "revoke", id })) },
);
const back = fc.integer({ min: -1, max: 8 });
const step: fc.Arbitrary<Step> = fc.oneof(
	{ weight: 8, arbitrary: fc.array(write, { minLength: 1, maxLength: 4 }).map((writes): Step => ({ type: "burst", writes })) },
	{ weight: 4, arbitrary: fc.tuple(rangeRequest, back).map(([request, back]): Step => ({ type: "range", request, back })) },
	{ weight: 1, arbitrary: back.map((back): Step => ({ type: "compact", back })) },
	{
		weight: 2,
		arbitrary: fc.tuple(keys, flag, back).map(([range, prevKv, back]): Step => ({ type: "watch", request: { ...range, prevKv }, back })),
	},
	{ weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }).map((seconds): Step => ({ type: "advance", seconds })) },
	{ weight: 1, arbitrary: fc.constant<Step>({ type: "reopen" }) },
);

class Run {
	readonly #bench: Bench;
	readonly #model = new ModelStore();
	/** Cluster time, in ms, at which the model's leases run out. */
	readonly #deadlines = new Map<bigint, number>();
	#watches: { readonly request: WatchRequest; readonly from: number; readonly before: readonly string[]; readonly watch: RecordedWatch }[] =
		[];

	/** Each call is a message of its own: writes of a burst are issued one after the other, and watches hear of them later. */
	readonly #isRemote: boolean;

	constructor(bench: Bench, engine: Engine) {
		this.#bench = bench;
		this.#isRemote = engine.lacks.order !== undefined;
	}

	async step(step: Step): Promise<void> {
		switch (step.type) {
			case "burst":
				await this.#burst(step.writes);
				break;
			case "range": {
				// Behind, at, and one beyond the present; 0 asks for the present itself.
				const request = { ...step.request, revision: step.back === 0 ? 0 : Math.max(1, this.#model.revision - step.back) };
				agree("range", await settle(this.#bench.store.range(request)), await settle(attempt(() => this.#model.range(request))));
				break;
			}
			case "compact": {
				const revision = Math.max(1, this.#model.revision - step.back);
				agree("compact", await settle(this.#bench.store.compact(revision)), await settle(attempt(() => this.#model.compact(revision))));
				break;
			}
			case "watch":
				await this.#watch(step.request, Math.max(1, this.#model.revision - step.back));
				break;
			case "advance":
				await this.#advance(step.seconds);
				break;
			case "reopen":
				await this.compareWatches();
				this.#watches = [];
				await this.#bench.reopen();
				// Every lease has its whole time again.
				for (const [id, ttlSeconds] of this.#model.leases) this.#deadlines.set(id, this.#bench.clock.now() + ttlSeconds * 1000);
				break;
		}
		await this.#compareLeases();
	}

	async compareWatches(): Promise<void> {
		for (const { request, from, before, watch } of this.#watches) {
			const expected = [...before, ...this.#since(request, from)];
			if (this.#isRemote) await watch.caughtUp(expected.length);
			agree(`watch ${show(request)} from ${from}`, watch.lines().join("\n"), expected.join("\n"));
		}
	}

	/** What the watch must have heard live: the changes after its beginning. Their previous state is never compacted then. */
	#since(request: WatchRequest, from: number): readonly string[] {
		const uncompacted = Object.assign(new ModelStore(), { changes: this.#model.changes });
		return uncompacted.history(request, from) ?? [];
	}

	async #burst(writes: readonly Write[]): Promise<void> {
		const issue = (write: Write) => settle(this.#issue(this.#bench.store, write));
		const answers = this.#isRemote ? undefined : writes.map(issue);
		for (const [position, write] of writes.entries()) {
			const found = await (answers?.[position] ?? issue(write));
			const expected = await settle(attempt(() => this.#issueToModel(write)));
			if (this.#isRemote) agree(show(write), withoutNestedRevisions(found), withoutNestedRevisions(expected));
			else agree(show(write), found, expected);
		}
	}

	#issue(store: Store, write: Write): Promise<unknown> {
		switch (write.type) {
			case "put":
				return store.put(write.request);
			case "delete":
				return store.deleteRange(write.request);
			case "txn":
				return store.txn(write.request);
			case "grant":
				return store.grantLease(this.#ttl(write), write.id).then(() => undefined);
			case "revoke":
				return store.revokeLease(write.id);
		}
	}

	#issueToModel(write: Write): unknown {
		switch (write.type) {
			case "put":
				return this.#model.put(write.request);
			case "delete":
				return this.#model.deleteRange(write.request);
			case "txn":
				return this.#model.txn(write.request);
			case "grant":
				this.#model.grantLease(write.id, this.#ttl(write));
				this.#deadlines.set(write.id, this.#bench.clock.now() + this.#ttl(write) * 1000);
				return undefined;
			case "revoke":
				return this.#model.revokeLease(write.id);
		}
	}

	/** etcd's API grants no lease of a second. */
	#ttl({ ttlSeconds }: { readonly ttlSeconds: number }): number {
		return this.#isRemote ? ttlSeconds + 1 : ttlSeconds;
	}

	async #watch(request: WatchRequest, from: number): Promise<void> {
		// etcd refuses to watch nothing.
		if (this.#isRemote && isEmptyRange(request)) return;
		const before = this.#model.history(request, from);
		const watch = new RecordedWatch(this.#bench.store, { ...request, startRevision: from });
		await watch.caughtUp(before?.length === 0 ? 0 : (before?.length ?? 1));
		if (before === undefined)
			agree("watch of the past", show(watch.end?.error), "CompactedError: etcdserver: mvcc: required revision has been compacted");
		else this.#watches.push({ request, from: Math.max(from, this.#model.revision + 1), before, watch });
	}

	async #advance(seconds: number): Promise<void> {
		await this.#bench.clock.advance(seconds * 1000);
		const due = [...this.#model.leases.keys()].filter((id) => (this.#deadlines.get(id) ?? 0) <= this.#bench.clock.now());
		// In order of their deadlines; those of one moment in the order in which they were set.
		due.sort((a, b) => (this.#deadlines.get(a) ?? 0) - (this.#deadlines.get(b) ?? 0));
		for (const id of due) this.#model.revokeLease(id);
	}

	async #compareLeases(): Promise<void> {
		const leases = await this.#bench.store.leases();
		const expected = Array.from(this.#model.leases, ([id, ttl]) => `${id} of ${ttl}s: ${this.#model.leaseKeys(id).join(" ")}`);
		const found = leases.map((lease) => `${lease.id} of ${lease.grantedTtlSeconds}s: ${lease.keys.join(" ")}`);
		agree("leases", found.sort().join("\n"), expected.sort().join("\n"));
		agree("revision", String(this.#bench.store.status().revision), String(this.#model.revision));
		if (!this.#isRemote) agree("keys", String(this.#bench.store.status().keys), String(this.#model.at(this.#model.revision).length));
	}
}

function isEmptyRange({ key, rangeEnd }: WatchRequest): boolean {
	return rangeEnd !== undefined && rangeEnd !== "\0" && rangeEnd <= key;
}

/** etcd's API does not say as of which revision a transaction within another ran. */
function withoutNestedRevisions(answer: string): string {
	return answer.replace(/"type":"txn","response":\{"revision":\d+/g, '"type":"txn","response":{"revision":"?"');
}

async function attempt<T>(action: () => T): Promise<T> {
	return action();
}

function agree(what: string, found: string, expected: string): void {
	if (found !== expected) throw new Error(`${what}\n  store: ${found}\n  model: ${expected}`);
}

async function check(engine: Engine, numRuns: number): Promise<void> {
	await fc.assert(
		fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40, size: "max" }), async (steps) => {
			const bench = await engine.open();
			try {
				const run = new Run(bench, engine);
				for (const step of steps) await run.step(step);
				await run.compareWatches();
			} finally {
				await bench.dispose();
			}
		}),
		{ numRuns },
	);
}

describe("random histories give the answers of the model", () => {
	test("in memory", () => check(memoryEngine, 400));
	test("on LevelDB", () => check(levelEngine, 40));
	test("on LevelDB in virtual time", () => check(standstillEngine, 40));
	// Not on a real etcd: no virtual time makes its leases run out.
	test("over kubesim's etcd API", () => check(wireEngine, 40));
	test("on three members", () => check(groupEngine, 10));
});
