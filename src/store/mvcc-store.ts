/**
 * The store of one member: puts the pure state machine, the engine, the group commit, the watches and the leases
 * together. A write is applied at once, in the order of the calls, and answered when its batch is durable; a read sees
 * the last durable revision, so that nothing is ever shown that a crash could take back.
 *
 *     put/delete/txn/lease/compact ─> check ─> state.apply ─> group commit ─> backend (synced)
 *                                                                  └─> watchers, then the caller
 *     hash/snapshot ─> state.history, as of the call ─> values, once all of it is durable; garbage waits meanwhile
 *     range ─> state.select at the durable revision ─> values
 *
 * Watchers hear of a change before its writer does.
 */
import type { Clock } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import type { Backend } from "./backend/backend.ts";
import { LeaseTtlTooLargeError, NoSpaceError, StoreClosedError, StoreFailedError, TooManyRequestsError } from "./errors.ts";
import { type CommitEntry, GroupCommit } from "./group-commit.ts";
import { LeaseTimers } from "./lease-timers.ts";
import type { AdminCommand, Applied, Mutation, Plan, RangePlan, ReadValue } from "./mvcc/command.ts";
import { changeBytes, putBytes, txnBytesTaken } from "./mvcc/cost.ts";
import type { LeaseRecord } from "./mvcc/lease-book.ts";
import { StateLoader } from "./mvcc/loader.ts";
import { checkKey, checkPut, checkTxn, type RequestLimits } from "./mvcc/request-check.ts";
import { buildDelete, buildPut, buildRange, buildTxn, versionsOf } from "./mvcc/response.ts";
import { type MvccState, readRevision } from "./mvcc/state.ts";
import { isDelete, noValue, type Version } from "./mvcc/version.ts";
import type { HistoryEntry } from "./snapshot/history-entry.ts";
import { hashHistory } from "./snapshot/history-hash.ts";
import { buildSnapshot } from "./snapshot/snapshot.ts";
import type {
	Alarm,
	DeleteRangeRequest,
	DeleteRangeResponse,
	HistoryHash,
	Lease,
	MaintainedStore,
	PutRequest,
	PutResponse,
	RangeRequest,
	RangeResponse,
	StoreStatus,
	StoreWatch,
	StoreWatchSink,
	TxnRequest,
	TxnResponse,
	WatchRequest,
} from "./store.ts";
import { LeaseNotFoundError } from "./store.ts";
import { ValueReader } from "./value-reader.ts";
import { type Publication, WatchHub } from "./watch-hub.ts";

/** The store refuses what goes beyond. */
export interface StoreLimits extends RequestLimits {
	/** Writes that may wait for the disk. */
	readonly waitingWrites: number;
	/** Bytes of the whole store, above which the NOSPACE alarm is raised. */
	readonly quotaBytes: number;
}

/** All but the waiting writes are etcd's (--max-request-bytes, --max-txn-ops, --quota-backend-bytes). */
const defaultLimits: StoreLimits = {
	requestBytes: 1.5 * 1024 * 1024,
	txnOperations: 128,
	waitingWrites: 100_000,
	quotaBytes: 2 * 1024 * 1024 * 1024,
};

/** About 285 years, as in etcd. */
const maxLeaseTtlSeconds = 9_000_000_000;

/** Changes that one step of a compaction looks at; writers get their turn between two steps. */
const compactionChunk = 1000;

/** Values that one step of a hash or a snapshot reads. */
const historyChunk = 2000;

/** Alarms are notes beside the keys, under this prefix. */
const alarmRecord = "alarm/";
const alarmKinds: readonly Alarm[] = ["NOSPACE", "CORRUPT"];

export interface StoreOptions {
	/** The store owns it from here on and closes it. */
	readonly backend: Backend;
	readonly clock: Clock;
	readonly log?: Logger;
	readonly limits?: Partial<StoreLimits>;
}

/** Loads what the engine holds. Rejects with the errors of opening (errors.ts), with the engine closed. */
export async function createStore(options: StoreOptions): Promise<MaintainedStore> {
	const loader = new StateLoader(options.backend.location);
	try {
		await options.backend.load(loader);
		return new MvccStore(options, loader.finish());
	} catch (error) {
		await options.backend.close();
		throw error;
	}
}

class MvccStore implements MaintainedStore {
	readonly #backend: Backend;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #limits: StoreLimits;
	readonly #state: MvccState;
	readonly #values: ValueReader;
	readonly #watches: WatchHub;
	readonly #commit: GroupCommit<Publication>;
	readonly #leaseTimers: LeaseTimers;
	/** Why nothing is accepted any more. */
	#stopped: Error | undefined;
	/** The compaction under way: there is one at a time, and it goes up to the newest compact revision. */
	#compacting: Promise<void> | undefined;
	#closing: Promise<void> | undefined;
	/** Hashes and snapshots under way: what they are to read must not be collected. */
	readonly #historyReads = new Set<Promise<unknown>>();
	/** At least as large as what is stored; the backend is asked again when this reaches the quota. */
	#sizeEstimateBytes: number;
	/** Ids handed out. */
	#leaseCount = 0;

	constructor(options: StoreOptions, state: MvccState) {
		this.#backend = options.backend;
		this.#clock = options.clock;
		this.#log = options.log ?? silentLog;
		this.#limits = { ...defaultLimits, ...options.limits };
		this.#state = state;
		this.#sizeEstimateBytes = this.#backend.sizeBytes();
		this.#values = new ValueReader(this.#backend);
		this.#watches = new WatchHub(state, this.#values, this.#log);
		this.#commit = new GroupCommit(this.#backend, {
			prepare: (entries) => this.#prepare(entries),
			publish: (publication) => this.#watches.publish(publication),
			settled: (entries) => {
				for (const entry of entries) this.#values.dropPending(entry.mutations);
			},
			failed: (cause) => this.#fail(cause),
		});
		this.#leaseTimers = new LeaseTimers(this.#clock, (id) => this.#expire(id));
		for (const lease of state.leases.all()) this.#leaseTimers.start(lease.id, lease.ttlSeconds);
		// A compaction that a crash interrupted goes on.
		if (state.compactRevision > 0) void this.#collectGarbage();
	}

	async range(request: RangeRequest): Promise<RangeResponse> {
		this.#checkRunning();
		checkKey(request.key, request.rangeEnd);
		const now = this.#watches.revision;
		this.#state.checkReadable(request.revision, now);
		const plan: RangePlan = this.#state.select(request, readRevision(request, now), now);
		return buildRange(plan, await this.#values.load(versionsOf(plan)));
	}

	async put(request: PutRequest): Promise<PutResponse> {
		this.#checkWritable();
		checkPut(request, this.#limits);
		const full = this.#checkSpace(putBytes(request));
		if (full !== undefined) await full;
		return this.#write(() => this.#state.apply({ type: "put", request }, this.#values.now), buildPut);
	}

	async deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
		this.#checkWritable();
		checkKey(request.key, request.rangeEnd);
		return this.#write(() => this.#state.apply({ type: "delete", request }, this.#values.now), buildDelete);
	}

	async txn(request: TxnRequest): Promise<TxnResponse> {
		this.#checkWritable();
		checkTxn(request, this.#limits);
		const full = this.#checkSpace(txnBytesTaken(request));
		if (full !== undefined) await full;
		return this.#write(() => this.#state.apply({ type: "txn", request }, this.#values.now), buildTxn);
	}

	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch {
		// etcd takes an empty key for the first one there is.
		const key = request.key === "" ? "\0" : request.key;
		checkKey(key, request.rangeEnd);
		return this.#watches.watch({ ...request, key }, sink);
	}

	async compact(revision: number): Promise<void> {
		this.#checkWritable();
		// The state may be ahead; what is not durable must not be the oldest thing that can be read.
		this.#state.checkReadable(revision, this.#watches.revision);
		await this.#administrate({ type: "compact", revision });
		await this.#collectGarbage();
	}

	async grantLease(ttlSeconds: number, id?: bigint): Promise<Lease> {
		this.#checkWritable();
		if (!(ttlSeconds > 0)) throw new RangeError(`a lease's time to live must be greater than 0 s, got ${ttlSeconds}`);
		if (ttlSeconds > maxLeaseTtlSeconds) throw new LeaseTtlTooLargeError();
		const full = this.#checkSpace(changeBytes);
		if (full !== undefined) await full;
		const granted = id === undefined || id === 0n ? this.#newLeaseId() : id;
		await this.#administrate({ type: "grantLease", id: granted, ttlSeconds });
		// It may be revoked by now, or the store closed.
		if (this.#stopped === undefined && this.#state.leases.has(granted)) this.#leaseTimers.start(granted, ttlSeconds);
		return this.#describe(granted);
	}

	async revokeLease(id: bigint): Promise<void> {
		this.#checkWritable();
		await this.#administrate({ type: "revokeLease", id });
		this.#leaseTimers.stop(id);
	}

	async keepAliveLease(id: bigint): Promise<Lease> {
		await this.#settle();
		if (!this.#leaseTimers.renew(id)) throw new LeaseNotFoundError();
		return this.#describe(id);
	}

	async lease(id: bigint): Promise<Lease> {
		await this.#settle();
		return this.#describe(id);
	}

	async leases(): Promise<readonly Lease[]> {
		await this.#settle();
		return Array.from(this.#state.leases.all(), (lease) => this.#describe(lease.id));
	}

	async hash(revision?: number): Promise<HistoryHash> {
		await this.#settle();
		const now = this.#watches.revision;
		this.#state.checkReadable(revision, now);
		const hashRevision = revision === undefined || revision === 0 ? now : revision;
		const { compactRevision } = this.#state;
		const hash = await this.#readHistory(this.#state.history(hashRevision), hashHistory);
		return { hash, hashRevision, compactRevision, revision: now };
	}

	async defragment(): Promise<void> {
		this.#checkWritable();
		await this.#backend.defragment();
		this.#sizeEstimateBytes = this.#backend.sizeBytes();
	}

	alarms(): readonly Alarm[] {
		return alarmKinds.filter((alarm) => this.#state.records.has(alarmRecord + alarm));
	}

	async setAlarm(alarm: Alarm, isOn: boolean): Promise<void> {
		if (this.alarms().includes(alarm) !== isOn) await this.setRecord(alarmRecord + alarm, isOn ? new Uint8Array(0) : undefined);
	}

	async *snapshot(): AsyncIterable<Uint8Array> {
		this.#checkRunning();
		const { compactRevision, revision } = this.#state;
		const leases = Array.from(this.#state.leases.all(), ({ id, ttlSeconds }) => ({ id, ttlSeconds }));
		const records = new Map(this.#state.records);
		yield* await this.#readHistory(this.#state.history(), (history) =>
			buildSnapshot({ history, compactRevision, revision, leases, records }),
		);
	}

	get quotaBytes(): number {
		return this.#limits.quotaBytes;
	}

	record(name: string): Uint8Array | undefined {
		return this.#state.records.get(name);
	}

	async setRecord(name: string, value: Uint8Array | undefined): Promise<void> {
		this.#checkWritable();
		await this.#administrate({ type: "record", name, value });
	}

	status(): StoreStatus {
		return {
			revision: this.#watches.revision,
			compactRevision: this.#state.compactRevision,
			dbSizeBytes: this.#backend.sizeBytes(),
			keys: this.#state.liveKeys,
		};
	}

	close(): Promise<void> {
		this.#closing ??= this.#close();
		return this.#closing;
	}

	async #close(): Promise<void> {
		this.#stopped ??= new StoreClosedError();
		this.#leaseTimers.stopAll();
		await this.#compacting;
		await this.#commit.idle();
		this.#watches.end();
		await this.#backend.close();
	}

	#checkRunning(): void {
		if (this.#stopped !== undefined) throw this.#stopped;
	}

	#checkWritable(): void {
		this.#checkRunning();
		if (this.#commit.waiting >= this.#limits.waitingWrites) throw new TooManyRequestsError();
	}

	/** Hands `use` the versions with their values, once all of them are durable. The versions are as of the call. */
	#readHistory<R>(versions: readonly Version[], use: (history: AsyncIterable<readonly HistoryEntry[]>) => Promise<R>): Promise<R> {
		const settled = this.#settle();
		const values = this.#values;
		async function* load(): AsyncIterable<readonly HistoryEntry[]> {
			await settled;
			for (let begin = 0; begin < versions.length; begin += historyChunk) {
				const chunk = versions.slice(begin, begin + historyChunk);
				const read = await values.load(chunk.filter((version) => !isDelete(version)));
				yield chunk.map((version) => ({ version, value: isDelete(version) ? noValue : read(version) }));
			}
		}
		const reading = use(load()).finally(() => this.#historyReads.delete(reading));
		this.#historyReads.add(reading);
		return reading;
	}

	/** Nothing is waited for while there is room. Rejects with `NoSpaceError`, with the alarm raised. */
	#checkSpace(bytes: number): Promise<void> | undefined {
		if (bytes === 0) return undefined;
		if (this.#state.records.has(`${alarmRecord}NOSPACE`)) throw new NoSpaceError();
		this.#sizeEstimateBytes += bytes;
		if (this.#sizeEstimateBytes <= this.#limits.quotaBytes) return undefined;
		this.#sizeEstimateBytes = this.#backend.sizeBytes() + bytes;
		return this.#sizeEstimateBytes <= this.#limits.quotaBytes ? undefined : this.#refuseForSpace();
	}

	async #refuseForSpace(): Promise<never> {
		this.#log.warn("the store is full: alarm raised", { alarm: "NOSPACE", quotaBytes: this.#limits.quotaBytes });
		await this.setAlarm("NOSPACE", true);
		throw new NoSpaceError();
	}

	/** Applies a command now; resolves to its response once it is durable. */
	#write<P extends Plan, R>(apply: () => Applied<P>, build: (plan: P, read: ReadValue) => R): Promise<R> {
		const { plan, mutations, revision } = apply();
		const versions = versionsOf(plan);
		if (versions.length === 0) return this.#submit(mutations, revision, () => build(plan, this.#values.now));
		return this.#submit(mutations, revision, () => this.#values.load(versions).then((read) => build(plan, read)));
	}

	#administrate(command: AdminCommand): Promise<void> {
		const { mutations, revision } = this.#state.apply(command, this.#values.now);
		return this.#submit(mutations, revision, () => undefined);
	}

	/** Resolves when everything applied so far is durable. */
	#settle(): Promise<void> {
		this.#checkRunning();
		return this.#submit([], this.#state.revision, () => undefined);
	}

	/** @param respond begins in the turn in which the mutations became durable, before history can be collected. */
	#submit<R>(mutations: readonly Mutation[], revision: number, respond: () => R | Promise<R>): Promise<R> {
		this.#values.addPending(mutations);
		return new Promise((resolve, reject) => {
			this.#commit.submit({ mutations, revision, durable: () => resolve(respond()), failed: reject });
		});
	}

	/** What watchers are to hear of a batch; reads what was there before only if one of them wants it. */
	async #prepare(entries: readonly CommitEntry[]): Promise<Publication> {
		const changes = entries.flatMap((entry) => entry.mutations.filter((mutation) => mutation.type === "change"));
		const revision = entries.at(-1)?.revision ?? this.#watches.revision;
		const wanted = this.#watches.previousWanted(changes);
		return { changes, revision, previous: wanted.length === 0 ? this.#values.now : await this.#values.load(wanted) };
	}

	#fail(cause: unknown): Error {
		const failure = new StoreFailedError(cause);
		this.#stopped ??= failure;
		this.#log.error(failure.message, { location: this.#backend.location });
		this.#leaseTimers.stopAll();
		this.#watches.end(failure);
		return failure;
	}

	/** Takes compacted history away step by step; each step waits for the disk, so that writers are never held up. */
	#collectGarbage(): Promise<void> {
		this.#compacting ??= this.#collect().finally(() => {
			this.#compacting = undefined;
		});
		return this.#compacting;
	}

	/** A store that stops meanwhile leaves the rest for when it is opened again. */
	async #collect(): Promise<void> {
		try {
			for (let done = false; !done && this.#stopped === undefined; ) {
				while (this.#historyReads.size > 0) await Promise.allSettled(this.#historyReads);
				const garbage = this.#state.collectGarbage(compactionChunk);
				done = garbage.done;
				if (garbage.mutations.length > 0) await this.#submit(garbage.mutations, this.#state.revision, () => undefined);
			}
		} catch (error) {
			this.#log.warn("compaction stopped", { error });
		}
	}

	#expire(id: bigint): void {
		if (this.#stopped !== undefined || !this.#state.leases.has(id)) return;
		this.#administrate({ type: "revokeLease", id }).catch((error: unknown) => {
			this.#log.error("an expired lease could not be revoked", { lease: String(id), error });
		});
	}

	/** Positive, and made of the time and a count as etcd's are, so that a reopened store does not hand out an id again. */
	#newLeaseId(): bigint {
		const base = (BigInt(this.#clock.now()) << 16n) & 0x7fff_ffff_ffff_0000n;
		let id: bigint;
		do id = base + BigInt(++this.#leaseCount & 0xffff);
		while (this.#state.leases.has(id));
		return id;
	}

	#describe(id: bigint): Lease {
		const lease: LeaseRecord | undefined = this.#state.leases.get(id);
		return {
			id,
			grantedTtlSeconds: lease?.ttlSeconds ?? 0,
			ttlSeconds: this.#leaseTimers.remainingSeconds(id),
			keys: lease === undefined ? [] : [...lease.keys].sort(),
		};
	}
}
