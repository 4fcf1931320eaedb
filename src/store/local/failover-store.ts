/**
 * One store over all members of a group in this process, as a client of etcd sees it that knows every endpoint: it stays
 * with one member, and moves on when that stops, fails or loses its leader.
 *
 *  - A read is asked again elsewhere, a write only if it was not taken up: what may have happened is not done twice.
 *    (Of a member that failed nobody knows what it had passed on.)
 *  - A watch goes on at another member from the revision it is at, without gap or duplicate.
 *
 * Source: https://etcd.io/docs/v3.6/learning/design-client/
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import { StoreClosedError, StoreFailedError } from "../errors.ts";
import { GroupError, type StoreGroup } from "../group.ts";
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
} from "../store.ts";

export interface FailoverOptions {
	/** Those that run, the one to be preferred first. */
	readonly running: () => readonly MaintainedStore[];
	readonly clock: Clock;
	readonly close: () => Promise<void>;
}

/** How long somebody waits for a member to be there, ms: as a request to a group without a leader. */
const patienceMs = 6000;
const pollMs = 20;

interface Watcher {
	readonly request: WatchRequest;
	readonly sink: StoreWatchSink;
	nextRevision: number;
	at: MaintainedStore | undefined;
	watch: StoreWatch | undefined;
}

export class FailoverStore implements MaintainedStore {
	readonly #options: FailoverOptions;
	readonly #watchers = new Set<Watcher>();
	/** Members that were found to serve nothing any more, though nobody has stopped them yet. */
	readonly #gone = new WeakSet<MaintainedStore>();
	#current: MaintainedStore;
	#isClosed = false;

	/** At least one member runs. */
	constructor(options: FailoverOptions) {
		this.#options = options;
		const [first] = options.running();
		if (first === undefined) throw new RangeError("a group without members has no store");
		this.#current = first;
	}

	get group(): StoreGroup {
		return this.#pick().group;
	}

	get isReplicated(): boolean {
		return this.#pick().group.isReplicated;
	}

	/** A member has started or stopped, or has another leader, or none. */
	reconsider(): void {
		if (this.#isClosed) return;
		const store = this.#pick();
		for (const watcher of this.#watchers) if (watcher.at !== store && this.#serving().includes(store)) this.#follow(watcher, store);
	}

	range(request: RangeRequest): Promise<RangeResponse> {
		return this.#read((store) => store.range(request));
	}

	put(request: PutRequest): Promise<PutResponse> {
		return this.#write((store) => store.put(request));
	}

	deleteRange(request: DeleteRangeRequest): Promise<DeleteRangeResponse> {
		return this.#write((store) => store.deleteRange(request));
	}

	txn(request: TxnRequest): Promise<TxnResponse> {
		return this.#write((store) => store.txn(request));
	}

	watch(request: WatchRequest, sink: StoreWatchSink): StoreWatch {
		const store = this.#pick();
		const start = request.startRevision ?? 0;
		const nextRevision = start > 0 ? start : store.status().revision + 1;
		const watcher: Watcher = { request, sink, nextRevision, at: undefined, watch: undefined };
		this.#watchers.add(watcher);
		if (this.#isClosed) queueMicrotask(() => this.#end(watcher, undefined));
		else this.#follow(watcher, store);
		return {
			cancel: () => {
				this.#watchers.delete(watcher);
				watcher.watch?.cancel();
			},
		};
	}

	compact(revision: number): Promise<void> {
		return this.#write((store) => store.compact(revision));
	}

	grantLease(ttlSeconds: number, id?: bigint): Promise<Lease> {
		return this.#write((store) => store.grantLease(ttlSeconds, id));
	}

	revokeLease(id: bigint): Promise<void> {
		return this.#write((store) => store.revokeLease(id));
	}

	keepAliveLease(id: bigint): Promise<Lease> {
		return this.#read((store) => store.keepAliveLease(id));
	}

	lease(id: bigint): Promise<Lease> {
		return this.#read((store) => store.lease(id));
	}

	leases(): Promise<readonly Lease[]> {
		return this.#read((store) => store.leases());
	}

	hash(revision?: number): Promise<HistoryHash> {
		return this.#read((store) => store.hash(revision));
	}

	async defragment(): Promise<void> {
		for (const store of this.#options.running()) await store.defragment();
	}

	alarms(): readonly Alarm[] {
		return this.#pick().alarms();
	}

	setAlarm(alarm: Alarm, isOn: boolean): Promise<void> {
		return this.#write((store) => store.setAlarm(alarm, isOn));
	}

	snapshot(): AsyncIterable<Uint8Array> {
		return this.#pick().snapshot();
	}

	get quotaBytes(): number {
		return this.#pick().quotaBytes;
	}

	record(name: string): Uint8Array | undefined {
		return this.#pick().record(name);
	}

	setRecord(name: string, value: Uint8Array | undefined): Promise<void> {
		return this.#write((store) => store.setRecord(name, value));
	}

	status(): StoreStatus {
		return this.#pick().status();
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		await this.#options.close();
		for (const watcher of this.#watchers) this.#end(watcher, undefined);
	}

	#read<T>(ask: (store: MaintainedStore) => Promise<T>): Promise<T> {
		return this.#ask(ask, (error) => isGone(error) || (error instanceof GroupError && error.reason === "stopped"));
	}

	#write<T>(ask: (store: MaintainedStore) => Promise<T>): Promise<T> {
		return this.#ask(ask, (error) => error instanceof StoreClosedError);
	}

	/** @param mayAskAgain whether the error says that another member may be asked. */
	async #ask<T>(ask: (store: MaintainedStore) => Promise<T>, mayAskAgain: (error: unknown) => boolean): Promise<T> {
		const limitMs = this.#options.clock.now() + patienceMs;
		for (;;) {
			if (this.#isClosed) throw new StoreClosedError();
			const store = this.#pick();
			try {
				return await ask(store);
			} catch (error) {
				if (isGone(error)) this.#gone.add(store);
				if (!mayAskAgain(error) || this.#isClosed) throw error;
				if (this.#options.running().length === 0) {
					if (this.#options.clock.now() >= limitMs) throw new GroupError("timeout");
					await sleep(this.#options.clock, pollMs);
				} else if (this.#pick() === store) throw error;
			}
		}
	}

	/** The same one as long as it runs and knows a leader; else one that does, if there is one. */
	#pick(): MaintainedStore {
		const hasLeader = (store: MaintainedStore) => store.group.hasLeader;
		// Asked with every request.
		if (this.#options.running().includes(this.#current) && !this.#gone.has(this.#current) && hasLeader(this.#current)) return this.#current;
		const running = this.#serving();
		this.#current = running.find(hasLeader) ?? (running.includes(this.#current) ? this.#current : (running[0] ?? this.#current));
		return this.#current;
	}

	#serving(): readonly MaintainedStore[] {
		return this.#options.running().filter((store) => !this.#gone.has(store));
	}

	#follow(watcher: Watcher, store: MaintainedStore): void {
		watcher.watch?.cancel();
		watcher.at = store;
		watcher.watch = store.watch(
			{ ...watcher.request, startRevision: watcher.nextRevision },
			{
				onEvents: (events, revision) => {
					watcher.nextRevision = revision + 1;
					watcher.sink.onEvents(events, revision);
				},
				onEnd: (error) => this.#broke(watcher, store, error),
			},
		);
	}

	/** A member that stopped or failed is no end of the watch if there is another; what the watcher asked for being gone is. */
	#broke(watcher: Watcher, store: MaintainedStore, error: Error | undefined): void {
		const isOver = error !== undefined && !isGone(error);
		if (!isOver) this.#gone.add(store);
		const isLast = error !== undefined && this.#serving().length === 0;
		if (isOver || isLast || this.#isClosed) this.#end(watcher, error);
		else if (watcher.at === store) {
			watcher.at = undefined;
			queueMicrotask(() => this.reconsider());
		}
	}

	#end(watcher: Watcher, error: Error | undefined): void {
		if (this.#watchers.delete(watcher)) watcher.sink.onEnd(error);
	}
}

/** The member that says so serves nothing any more: it is closed, has failed, or was removed from the group. */
function isGone(error: unknown): boolean {
	if (error instanceof GroupError) return error.reason === "memberNotFound";
	return error instanceof StoreClosedError || error instanceof StoreFailedError;
}
