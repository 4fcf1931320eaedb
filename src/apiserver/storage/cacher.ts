/**
 * Keeps the watch caches of all resources in step with the store, through one watch of its whole key space: the
 * revision that this watch has reached is the revision of every cache.
 *
 * A store that others write to, too, may be ahead of the caches. A request then begins with `catchUp`: it asks the store for
 * its revision and waits for the caches to be there, so that whoever has seen a write by way of another server sees it here.
 * Source of that: KEP-2340, consistent reads from the cache; kube-apiserver waits 3 s at most.
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { isStatusError, newTooLargeResourceVersion } from "../../apimachinery/status-error.ts";
import { CompactedError, type KeyValue, prefixEnd, type Store, type StoreEvent, type StoreWatch } from "../../store/store.ts";
import { decodeFromStorage } from "../encoding.ts";
import { refusalOf } from "./refusal.ts";
import { type CacheChange, WatchCache } from "./watch-cache.ts";

/** As kube-apiserver's blockTimeout. */
const waitLimitMs = 3_000;
/** Between two tries to load everything anew. */
const reloadPauseMs = 1_000;
/** What kube-apiserver asks etcd for to see that it is well. There is no such key. */
const healthKey = "/registry/health";
const registry = { key: "/registry/", rangeEnd: prefixEnd("/registry/") };

/** Told of every change of every cache, in order of revision. */
export type CacherObserver = (prefix: string, change: CacheChange) => void;

/** A cache that is being loaded while the store is followed. */
interface Opening {
	readonly opened: Promise<void>;
	readonly missed: StoreEvent[];
}

interface Waiter {
	readonly revision: number;
	resolve(): void;
	reject(error: Error): void;
}

export class Cacher {
	readonly #store: Store;
	readonly #clock: Clock;
	readonly #log: Logger;
	readonly #stopped = new AbortController();
	readonly #caches = new Map<string, WatchCache>();
	/** Prefixes whose caches are being loaded, with what happens to them meanwhile. */
	readonly #opening = new Map<string, Opening>();
	readonly #onLost: (error: Error) => void;
	readonly #observers: CacherObserver[] = [];
	#watch: StoreWatch | undefined;
	#revision = 0;
	#waiters: Waiter[] = [];
	#lost: Error | undefined;
	/** The question for the store's revision that is under way; those who come meanwhile share the next one. */
	#asking: Promise<unknown> = Promise.resolve();
	#nextAnswer: Promise<number> | undefined;

	/** @param options.onLost the store ended the watch by itself: the server can't go on. */
	constructor(options: { readonly store: Store; readonly clock: Clock; readonly log: Logger; readonly onLost: (error: Error) => void }) {
		this.#store = options.store;
		this.#clock = options.clock;
		this.#log = options.log;
		this.#onLost = options.onLost;
	}

	/** The revision that every cache has reached. */
	get revision(): number {
		return this.#revision;
	}

	/**
	 * The cache of a storage prefix such as `/registry/pods/`; made on the first call.
	 * @param options.isReadRarely its objects need not be there parsed; the first call decides.
	 */
	cache(prefix: string, { isReadRarely }: { readonly isReadRarely: boolean } = { isReadRarely: false }): WatchCache {
		const known = this.#caches.get(prefix);
		if (known !== undefined) return known;
		const made = new WatchCache(prefix, isReadRarely ? "bytes" : "objects");
		this.#add(made);
		return made;
	}

	/** From now on, for as long as there are caches; those that come later are observed, too. */
	observe(observer: CacherObserver): void {
		this.#observers.push(observer);
		for (const cache of this.#caches.values()) cache.subscribe((change) => observer(cache.prefix, change));
	}

	#add(cache: WatchCache): void {
		this.#caches.set(cache.prefix, cache);
		for (const observer of this.#observers) cache.subscribe((change) => observer(cache.prefix, change));
	}

	/**
	 * Loads every cache and starts to follow the store.
	 * @param onLoaded makes the caches that those which are loaded by then ask for: of custom resources
	 */
	async start(onLoaded: () => void = () => undefined): Promise<void> {
		const { revision, kvs } = await this.#store.range(registry);
		const rest = kvs.filter((kv) => !this.#load(kv));
		onLoaded();
		for (const kv of rest) this.#load(kv);
		for (const cache of this.#caches.values()) cache.startHistory(revision);
		this.#revision = revision;
		this.#follow();
	}

	/** Whether there is a cache for it. */
	#load(kv: KeyValue): boolean {
		const cache = this.#cacheOfKey(kv.key);
		if (cache === undefined) return false;
		const object = this.#decode(kv);
		if (object !== undefined) cache.load(kv.key, object, kv.modRevision);
		return true;
	}

	/**
	 * Makes the cache of a prefix while the store is being followed: what is there is loaded, and what happened meanwhile
	 * follows. Rejects as the store's reads do.
	 */
	open(prefix: string): Promise<void> {
		if (this.#caches.has(prefix)) return Promise.resolve();
		const known = this.#opening.get(prefix);
		if (known !== undefined) return known.opened;
		const missed: StoreEvent[] = [];
		const opened = this.#open(prefix, missed).finally(() => this.#opening.delete(prefix));
		this.#opening.set(prefix, { opened, missed });
		return opened;
	}

	async #open(prefix: string, missed: readonly StoreEvent[]): Promise<void> {
		const { revision, kvs } = await this.#store.range({ key: prefix, rangeEnd: prefixEnd(prefix) });
		// Its definition went while it was asked for.
		if (!this.#opening.has(prefix)) return;
		const cache = new WatchCache(prefix);
		this.#add(cache);
		for (const kv of kvs) this.#load(kv);
		cache.startHistory(revision);
		for (const { type, kv } of missed) this.#applyEvent(type, kv);
		await this.waitFor(revision);
	}

	/** Forgets a cache that nobody is served from any more. */
	drop(prefix: string): void {
		this.#caches.delete(prefix);
		this.#opening.delete(prefix);
	}

	/** Resolves once the caches have reached `revision`; rejects if the store is lost before. */
	waitFor(revision: number): Promise<void> {
		if (this.#lost !== undefined) return Promise.reject(this.#lost);
		if (this.#revision >= revision) return Promise.resolve();
		return new Promise((resolve, reject) => this.#waiters.push({ revision, resolve, reject }));
	}

	/**
	 * Resolves once the caches show what was written at `revision`; undefined if they do. Of a store elsewhere, whose watch may be
	 * cut off while writes go through, only for a while: the write is done, whoever has seen it.
	 */
	showWrite(revision: number): Promise<unknown> | undefined {
		if (this.#store.isShared === true) return this.#waitAWhile(revision);
		return this.#lost === undefined && this.#revision >= revision ? undefined : this.waitFor(revision);
	}

	/** Resolves once the caches show all that was in the store when this was called. Rejects with Timeout, or as a write does that the store refuses. */
	async catchUp(): Promise<void> {
		const revision = await this.#storeRevision().catch((error: unknown) => {
			throw refusalOf(error);
		});
		await this.reach(revision);
	}

	/** Resolves once the caches have reached this revision, which somebody has seen. Rejects with Timeout. */
	async reach(revision: number): Promise<void> {
		if (!(await this.#waitAWhile(revision))) throw newTooLargeResourceVersion(revision, this.#revision);
	}

	/** Rejects if the store does not answer. */
	async ping(): Promise<void> {
		await this.#store.range({ key: healthKey });
	}

	#storeRevision(): Promise<number> {
		this.#nextAnswer ??= this.#asking.then(() => {
			this.#nextAnswer = undefined;
			const answer = this.#store.range({ key: healthKey, countOnly: true }).then(({ revision }) => revision);
			this.#asking = answer.catch(() => undefined);
			return answer;
		});
		return this.#nextAnswer;
	}

	/** Whether the revision was reached in time; who waits in vain leaves nothing behind. */
	async #waitAWhile(revision: number): Promise<boolean> {
		if (this.#lost !== undefined) throw this.#lost;
		if (this.#revision >= revision) return true;
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		const waiter: Waiter = { revision, resolve, reject };
		this.#waiters.push(waiter);
		const limit = this.#clock.setTimeout(() => {
			this.#waiters = this.#waiters.filter((other) => other !== waiter);
			resolve();
		}, waitLimitMs);
		await promise.finally(() => limit.cancel());
		return this.#revision >= revision;
	}

	stop(): void {
		this.#stopped.abort();
		this.#watch?.cancel();
	}

	#follow(): void {
		this.#watch = this.#store.watch(
			{ key: "\0", rangeEnd: "\0", startRevision: this.#revision + 1 },
			{
				onEvents: (events, reached) => this.#apply(events, reached),
				onEnd: (error) => {
					if (error instanceof CompactedError) void this.#catchUpBehindCompaction();
					else this.#end(error ?? new Error("the store closed"));
				},
			},
		);
	}

	/** The store was out of reach for so long that history does not reach back: what is there now is compared with the caches. */
	async #catchUpBehindCompaction(): Promise<void> {
		this.#log.warn("the store's history since the last change seen is compacted, loading everything anew", { revision: this.#revision });
		while (!this.#stopped.signal.aborted) {
			try {
				const { revision, kvs } = await this.#store.range(registry);
				this.#replaceAll(kvs, revision);
				this.#follow();
				return;
			} catch (error) {
				this.#log.warn("could not load the store", { error: String(error) });
				await sleep(this.#clock, reloadPauseMs, this.#stopped.signal).catch(() => undefined);
			}
		}
	}

	/** Watchers are told what is another than before, in order of revision; what happened between is lost to them, as to a new list. */
	#replaceAll(kvs: readonly KeyValue[], revision: number): void {
		const keys = new Set(kvs.map(({ key }) => key));
		const changed = kvs.filter(({ key, modRevision }) => this.#cacheOfKey(key)?.get(key)?.revision !== modRevision);
		for (const kv of changed.sort((a, b) => a.modRevision - b.modRevision)) this.#applyEvent("put", kv);
		for (const cache of this.#caches.values()) {
			for (const { key } of [...cache.list()]) if (!keys.has(key)) cache.apply(key, undefined, revision);
			cache.startHistory(revision);
		}
		this.#reached(revision);
	}

	#apply(events: readonly StoreEvent[], reached: number): void {
		for (const { type, kv } of events) {
			this.#applyEvent(type, kv);
			this.#revision = kv.modRevision;
		}
		this.#reached(reached);
	}

	#reached(reached: number): void {
		this.#revision = reached;
		if (this.#waiters.length === 0) return;
		const due = this.#waiters.filter((waiter) => waiter.revision <= reached);
		this.#waiters = this.#waiters.filter((waiter) => waiter.revision > reached);
		for (const waiter of due) waiter.resolve();
	}

	#applyEvent(type: StoreEvent["type"], kv: KeyValue): void {
		const cache = this.#cacheOfKey(kv.key);
		if (cache === undefined) {
			for (const [prefix, { missed }] of this.#opening) if (kv.key.startsWith(prefix)) missed.push({ type, kv });
			return;
		}
		if (type === "delete") {
			cache.apply(kv.key, undefined, kv.modRevision);
			return;
		}
		const object = this.#decode(kv);
		if (object !== undefined) cache.apply(kv.key, object, kv.modRevision);
	}

	#end(error: Error): void {
		this.#lost = error;
		for (const waiter of this.#waiters) waiter.reject(error);
		this.#waiters = [];
		this.#onLost(error);
	}

	/** What somebody else wrote below /registry/ (an etcdctl put, say) may not be an object: it is reported and left out. */
	#decode(kv: KeyValue): KubeObject | undefined {
		try {
			return decodeFromStorage(kv.value, kv.modRevision);
		} catch (error) {
			if (isStatusError(error)) this.#cacheOfKey(kv.key)?.noteUnreadable(kv.key, error, kv.modRevision);
			this.#log.error("unreadable object in the store", { key: kv.key, error: String(error) });
			return undefined;
		}
	}

	/** Prefixes are one, two or three segments below /registry/ (`/registry/services/specs/`); the longest known one wins. */
	#cacheOfKey(key: string): WatchCache | undefined {
		let found: WatchCache | undefined;
		let slash = key.indexOf("/", "/registry/".length);
		for (let depth = 0; depth < 3 && slash !== -1; depth++) {
			found = this.#caches.get(key.slice(0, slash + 1)) ?? found;
			slash = key.indexOf("/", slash + 1);
		}
		return found;
	}
}
