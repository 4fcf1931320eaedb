/**
 * Keeps the watch caches of all resources in step with the store, through one watch of its whole key space: the
 * revision that this watch has reached is the revision of every cache.
 */
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import { type KeyValue, prefixEnd, type Store, type StoreEvent, type StoreWatch } from "../../store/store.ts";
import { decodeFromStorage } from "../encoding.ts";
import { WatchCache } from "./watch-cache.ts";

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

	/**
	 * The cache of a storage prefix such as `/registry/pods/`; made on the first call.
	 * @param options.asBytes see `CacheEntry`; the first call decides.
	 */
	cache(prefix: string, options: { readonly asBytes: boolean } = { asBytes: false }): WatchCache {
		const known = this.#caches.get(prefix);
		if (known !== undefined) return known;
		const made = new WatchCache(prefix, options);
		this.#caches.set(prefix, made);
		return made;
	}

	/** Loads every cache and starts to follow the store. */
	async start(): Promise<void> {
		const { revision, kvs } = await this.#store.range({ key: "/registry/", rangeEnd: prefixEnd("/registry/") });
		for (const kv of kvs) {
			const object = this.#decode(kv);
			if (object !== undefined) this.#cacheOfKey(kv.key)?.load(kv.key, object, kv.modRevision);
		}
		for (const cache of this.#caches.values()) cache.startHistory(revision);
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
