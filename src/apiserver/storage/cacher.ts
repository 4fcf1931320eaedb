/**
 * Keeps the watch caches of all resources in step with the store, through one watch of its whole key space: the
 * revision that this watch has reached is the revision of every cache.
 */
import type { Logger } from "../../apimachinery/log.ts";
import { type KeyValue, prefixEnd, type Store, type StoreEvent, type StoreWatch } from "../../store/store.ts";
import { decodeFromStorage } from "../encoding.ts";
import { type CacheEntry, splitKey, WatchCache } from "./watch-cache.ts";

interface Waiter {
	readonly revision: number;
	resolve(): void;
	reject(error: Error): void;
}

export class Cacher {
	readonly #store: Store;
	readonly #log: Logger;
	readonly #caches = new Map<string, WatchCache>();
	readonly #onLost: (error: Error) => void;
	#watch: StoreWatch | undefined;
	#revision = 0;
	#waiters: Waiter[] = [];
	#lost: Error | undefined;

	/** @param options.onLost the store ended the watch by itself: the server can't go on. */
	constructor(options: { readonly store: Store; readonly log: Logger; readonly onLost: (error: Error) => void }) {
		this.#store = options.store;
		this.#log = options.log;
		this.#onLost = options.onLost;
	}

	/** The revision that every cache has reached. */
	get revision(): number {
		return this.#revision;
	}

	/** The cache of a storage prefix such as `/registry/pods/`; made here for prefixes that hold nothing yet. */
	cache(prefix: string): WatchCache {
		const known = this.#caches.get(prefix);
		if (known !== undefined) return known;
		const made = new WatchCache(prefix);
		this.#caches.set(prefix, made);
		return made;
	}

	/** Loads every known prefix and starts to follow the store. */
	async start(prefixes: Iterable<string>): Promise<void> {
		for (const prefix of prefixes) this.cache(prefix);
		const { revision, kvs } = await this.#store.range({ key: "/registry/", rangeEnd: prefixEnd("/registry/") });
		const entries = new Map<WatchCache, CacheEntry[]>();
		for (const kv of kvs) {
			const cache = this.#cacheOfKey(kv.key);
			if (cache === undefined) continue;
			const entry = this.#decode(cache, kv);
			if (entry === undefined) continue;
			const ofCache = entries.get(cache);
			if (ofCache === undefined) entries.set(cache, [entry]);
			else ofCache.push(entry);
		}
		for (const cache of this.#caches.values()) cache.load(entries.get(cache) ?? [], revision);
		this.#revision = revision;
		this.#watch = this.#store.watch(
			{ key: "\0", rangeEnd: "\0", startRevision: revision + 1 },
			{
				onEvents: (events, reached) => this.#apply(events, reached),
				onEnd: (error) => this.#end(error ?? new Error("the store closed")),
			},
		);
	}

	/** Resolves once the caches have reached `revision`; rejects if the store is lost before. */
	waitFor(revision: number): Promise<void> {
		if (this.#lost !== undefined) return Promise.reject(this.#lost);
		if (this.#revision >= revision) return Promise.resolve();
		return new Promise((resolve, reject) => this.#waiters.push({ revision, resolve, reject }));
	}

	stop(): void {
		this.#watch?.cancel();
	}

	#apply(events: readonly StoreEvent[], reached: number): void {
		for (const { type, kv } of events) {
			this.#applyEvent(type, kv);
			this.#revision = kv.modRevision;
		}
		this.#revision = reached;
		if (this.#waiters.length === 0) return;
		const due = this.#waiters.filter((waiter) => waiter.revision <= reached);
		this.#waiters = this.#waiters.filter((waiter) => waiter.revision > reached);
		for (const waiter of due) waiter.resolve();
	}

	#applyEvent(type: StoreEvent["type"], kv: KeyValue): void {
		const cache = this.#cacheOfKey(kv.key);
		if (cache === undefined) return;
		if (type === "delete") {
			cache.apply(kv.key, undefined, kv.modRevision);
			return;
		}
		const entry = this.#decode(cache, kv);
		if (entry !== undefined) cache.apply(kv.key, entry.object, kv.modRevision);
	}

	#end(error: Error): void {
		this.#lost = error;
		for (const waiter of this.#waiters) waiter.reject(error);
		this.#waiters = [];
		this.#onLost(error);
	}

	/** What somebody else wrote below /registry/ (an etcdctl put, say) may not be an object: it is reported and left out. */
	#decode(cache: WatchCache, kv: KeyValue): CacheEntry | undefined {
		try {
			const object = decodeFromStorage(kv.value, kv.modRevision);
			return { key: kv.key, ...splitKey(kv.key.slice(cache.prefix.length)), object, revision: kv.modRevision };
		} catch (error) {
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
