/**
 * Informers: a cache of one resource that follows the server by list and watch, and tells handlers what changed.
 *
 *            ┌────────── 410 Expired, or the first time ──────────┐
 *            v                                                    │
 *          list ──> cache replaced, handlers told ──> watch from the list's revision ──> ended: watch again from
 *            ^                                                    │                       the last revision seen
 *            └──────────── error: back off, then ─────────────────┘
 *
 * Invariants: handlers run synchronously, in the order of events, after the cache has changed; a handler sees each
 * object's changes without gap from its `added` on; one that throws is reported and stops nobody else.
 * Source of behaviour: client-go tools/cache (reflector, shared_informer).
 */
import type { RequestOptions, WatchEvent, WatchHandle } from "../apimachinery/api-request.ts";
import { type Clock, sleep } from "../apimachinery/clock/clock.ts";
import { type Logger, silentLog } from "../apimachinery/log.ts";
import { formatApiVersion, formatGroupResource, type KubeObject, objectKey } from "../apimachinery/meta.ts";
import type { Random } from "../apimachinery/random.ts";
import type { Status } from "../apimachinery/schema/generated/types.ts";
import { isStatusError, newInternalError, StatusError } from "../apimachinery/status-error.ts";
import { type Backoff, reflectorBackoff } from "./backoff.ts";
import type { Client, ResourceClient } from "./client.ts";
import { IndexedCache, type ObjectCache } from "./object-cache.ts";
import type { ResourceRef } from "./resources.ts";

/** A watch that ends sooner than this without an event is a failure, not a time-out (client-go's "very short watch"). */
const shortWatchMs = 1_000;

/** Told of every change of an informer's cache. */
export interface ChangeHandler<T> {
	/** `initial`: the object was there when the handler, or the informer, started. */
	added?(object: T, initial: boolean): void;
	/** Also called after a relist, for what changed meanwhile: several writes may show as one. */
	updated?(old: T, object: T): void;
	/** The object's last state; after a relist, the last one known. */
	deleted?(object: T): void;
}

export interface Informer<T extends KubeObject> {
	readonly cache: ObjectCache<T>;
	/**
	 * Adds a handler, which is told of the present objects first (`added(object, true)`). The function returned removes
	 * it, and so does the signal.
	 */
	onChange(handler: ChangeHandler<T>, signal?: AbortSignal): () => void;
	/** The first list has been read and told to the handlers. */
	hasSynced(): boolean;
	/** Resolves when `hasSynced` turns true. */
	whenSynced(): Promise<void>;
}

/** What an informer follows; absent fields mean everything. */
export interface InformerScope {
	readonly namespace?: string;
	readonly fieldSelector?: string;
	readonly labelSelector?: string;
}

interface ReflectorOptions<T extends KubeObject> {
	readonly ref: ResourceRef<T>;
	readonly client: ResourceClient<T>;
	readonly scope: InformerScope;
	readonly clock: Clock;
	readonly random: Random | undefined;
	readonly log: Logger;
}

class Reflector<T extends KubeObject> implements Informer<T> {
	readonly cache = new IndexedCache<T>();
	readonly #options: ReflectorOptions<T>;
	readonly #backoff: Backoff;
	readonly #synced = Promise.withResolvers<void>();
	#handlers: readonly ChangeHandler<T>[] = [];
	#hasSynced = false;
	/** The revision the cache stands at; undefined: list first. */
	#resourceVersion: string | undefined;
	/** A watch brought something since the last list, so an expired revision is old age, not a list that was too old already. */
	#progressed = false;

	constructor(options: ReflectorOptions<T>) {
		this.#options = options;
		this.#backoff = reflectorBackoff(options.clock, options.random);
	}

	hasSynced(): boolean {
		return this.#hasSynced;
	}

	whenSynced(): Promise<void> {
		return this.#synced.promise;
	}

	onChange(handler: ChangeHandler<T>, signal?: AbortSignal): () => void {
		const remove = () => {
			this.#handlers = this.#handlers.filter((known) => known !== handler);
		};
		if (signal?.aborted) return remove;
		signal?.addEventListener("abort", remove, { once: true });
		this.#handlers = [...this.#handlers, handler];
		for (const object of this.cache.list()) this.#tell(handler, (h) => h.added?.(object, true));
		return remove;
	}

	/** Follows the server until the signal aborts. Never rejects. */
	async run(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			try {
				if (this.#resourceVersion === undefined) await this.#list();
				if (!signal.aborted) await this.#watch(signal);
			} catch (error) {
				if (signal.aborted) return;
				if (!this.#recoverAtOnce(error)) await sleep(this.#options.clock, this.#backoff.next(), signal).catch(() => undefined);
			}
		}
	}

	/** Decides what to do after a failure: whether to go on now (true) or after a back-off. */
	#recoverAtOnce(error: unknown): boolean {
		const { ref, log } = this.#options;
		if (!isStatusError(error, "Expired", "Gone")) {
			log.warn(`Failed to watch ${formatGroupResource(ref)}`, { error: String(error) });
			return false;
		}
		log.debug(`Watch of ${formatGroupResource(ref)} expired; listing again`, { resourceVersion: this.#resourceVersion });
		this.#resourceVersion = undefined;
		return this.#progressed;
	}

	async #list(): Promise<void> {
		const { client, scope } = this.#options;
		const list = await client.list(scope.namespace, selectorsOf(scope));
		const initial = !this.#hasSynced;
		const gone = new Set(this.cache.keys());
		for (const item of list.items) {
			const object = this.#typed(item);
			gone.delete(objectKey(object));
			this.#store(object, initial);
		}
		for (const key of gone) this.#remove(key, undefined);
		this.#standAt(list.metadata?.resourceVersion ?? "0");
		this.#progressed = false;
		this.#hasSynced = true;
		this.#synced.resolve();
	}

	/** Resolves when the server ends the watch in good order or the signal aborts; rejects when it ends otherwise. */
	async #watch(signal: AbortSignal): Promise<void> {
		const { client, scope, clock } = this.#options;
		const startMs = clock.now();
		const ended = Promise.withResolvers<void>();
		// A watch that is refused leaves `ended` without anybody who waits for it.
		ended.promise.catch(() => undefined);
		let events = 0;
		let handle: WatchHandle | undefined;
		const options = { ...selectorsOf(scope), resourceVersion: this.#resourceVersion ?? "0", allowWatchBookmarks: true };
		const onAbort = () => ended.resolve();
		signal.addEventListener("abort", onAbort, { once: true });
		try {
			handle = await client.watch(scope.namespace, options, {
				onEvent: (event) => {
					events++;
					const error = signal.aborted ? undefined : this.#apply(event);
					if (error !== undefined) ended.reject(error);
				},
				onEnd: (error) => (error === undefined ? ended.resolve() : ended.reject(error)),
			});
			await ended.promise;
		} finally {
			signal.removeEventListener("abort", onAbort);
			handle?.stop();
		}
		if (events === 0 && clock.now() - startMs < shortWatchMs && !signal.aborted) {
			throw new Error("very short watch: Unexpected watch close - watch lasted less than a second and no items received");
		}
	}

	/** Takes one event into the cache; returns the error that an ERROR event carries. */
	#apply(event: WatchEvent<T>): Error | undefined {
		if (event.type === "ERROR") return errorOf(event.object);
		this.#standAt(event.object.metadata?.resourceVersion ?? this.#resourceVersion);
		this.#progressed = true;
		switch (event.type) {
			case "BOOKMARK":
				return undefined;
			case "DELETED":
				this.#remove(objectKey(event.object), this.#typed(event.object));
				return undefined;
			default:
				this.#store(this.#typed(event.object), false);
				return undefined;
		}
	}

	#standAt(resourceVersion: string | undefined): void {
		this.#resourceVersion = resourceVersion;
		this.cache.revision = Number(resourceVersion ?? 0);
	}

	#store(object: T, initial: boolean): void {
		const old = this.cache.set(object);
		if (old === undefined) {
			this.#tellAll((handler) => handler.added?.(object, initial));
		} else if (old.metadata?.uid !== object.metadata?.uid) {
			// Deleted and made anew between two lists: two objects, not one that changed.
			this.#tellAll((handler) => handler.deleted?.(old));
			this.#tellAll((handler) => handler.added?.(object, initial));
		} else if (old.metadata?.resourceVersion !== object.metadata?.resourceVersion) {
			this.#tellAll((handler) => handler.updated?.(old, object));
		}
	}

	#remove(key: string, last: T | undefined): void {
		const old = this.cache.delete(key);
		if (old !== undefined) this.#tellAll((handler) => handler.deleted?.(last ?? old));
	}

	/** Items of a list carry no kind of their own over HTTP; whoever gets one from the cache can rely on it. */
	#typed(object: T): T {
		if (object.kind !== undefined && object.apiVersion !== undefined) return object;
		const { ref } = this.#options;
		return { ...object, kind: ref.kind, apiVersion: formatApiVersion(ref) };
	}

	#tellAll(call: (handler: ChangeHandler<T>) => void): void {
		for (const handler of this.#handlers) this.#tell(handler, call);
	}

	#tell(handler: ChangeHandler<T>, call: (handler: ChangeHandler<T>) => void): void {
		try {
			call(handler);
		} catch (error) {
			this.#options.log.error(`A handler of ${formatGroupResource(this.#options.ref)} failed`, {
				error: error instanceof Error ? (error.stack ?? error.message) : String(error),
			});
		}
	}
}

function keyOf<T extends KubeObject>(ref: ResourceRef<T>, scope: InformerScope): string {
	return JSON.stringify([ref.group, ref.version, ref.resource, scope.namespace, scope.fieldSelector, scope.labelSelector]);
}

function selectorsOf({ fieldSelector, labelSelector }: InformerScope): RequestOptions {
	return { ...(fieldSelector === undefined ? {} : { fieldSelector }), ...(labelSelector === undefined ? {} : { labelSelector }) };
}

function errorOf(object: KubeObject): Error {
	const status = object as Status;
	return status.kind === "Status" ? new StatusError(status) : newInternalError("watch sent an error that is no Status");
}

/** Where a controller gets its informers from. */
export interface Informers {
	informer<T extends KubeObject>(ref: ResourceRef<T>, scope?: InformerScope): Informer<T>;
	forget<T extends KubeObject>(ref: ResourceRef<T>): void;
	/** Resolves when every informer asked for so far has synced. */
	whenSynced(): Promise<void>;
}

/** How long kube-controller-manager lets a controller go without looking at everything: --min-resync-period, and up to as long again. */
export function controllerResyncMs(random: Random): number {
	return 12 * 3_600_000 * (1 + random.next());
}

export interface InformerFactoryOptions {
	readonly client: Client;
	readonly clock: Clock;
	/** For the jitter of back-offs; absent: none. */
	readonly random?: Random;
	readonly log?: Logger;
}

interface ResyncOptions {
	readonly clock: Clock;
	readonly log: Logger;
	/** Of cluster time, ms. */
	readonly periodMs: number;
}

/** An informer whose handlers are told of every object again and again, as if it had changed. */
class ResyncedInformer<T extends KubeObject> implements Informer<T> {
	readonly cache: ObjectCache<T>;
	readonly #informer: Informer<T>;
	readonly #resync: ResyncOptions;

	constructor(informer: Informer<T>, resync: ResyncOptions) {
		this.cache = informer.cache;
		this.#informer = informer;
		this.#resync = resync;
	}

	hasSynced(): boolean {
		return this.#informer.hasSynced();
	}

	whenSynced(): Promise<void> {
		return this.#informer.whenSynced();
	}

	onChange(handler: ChangeHandler<T>, signal?: AbortSignal): () => void {
		const removeHandler = this.#informer.onChange(handler, signal);
		if (signal?.aborted) return removeHandler;
		const { clock, log, periodMs } = this.#resync;
		const timer = clock.setInterval(() => {
			try {
				for (const object of this.cache.list()) handler.updated?.(object, object);
			} catch (error) {
				log.error("A handler failed", { error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
			}
		}, periodMs);
		const remove = () => {
			timer.cancel();
			removeHandler();
		};
		signal?.addEventListener("abort", remove, { once: true });
		return remove;
	}
}

/** Makes informers; all who ask for the same resource and scope share one cache and one watch. */
export class InformerFactory implements Informers {
	readonly #options: InformerFactoryOptions;
	/** Each entry is a `Reflector` of its own type. */
	readonly #reflectors = new Map<string, Reflector<never>>();
	/** Ends one informer before the others. */
	readonly #ends = new Map<string, AbortController>();
	#signal: AbortSignal | undefined;

	constructor(options: InformerFactoryOptions) {
		this.#options = options;
	}

	/**
	 * The same informers, for somebody who is told of all objects anew every `periodMs`. What came and went between two lists leaves no
	 * trace in a cache, and a controller that hears of nothing does nothing: this is how it looks again all the same.
	 */
	resynced(periodMs: number): Informers {
		const { clock, log = silentLog } = this.#options;
		return {
			informer: (ref, scope) => new ResyncedInformer(this.informer(ref, scope), { clock, log, periodMs }),
			forget: (ref) => this.forget(ref),
			whenSynced: () => this.whenSynced(),
		};
	}

	/** An informer asked for after `start` starts at once. */
	informer<T extends KubeObject>(ref: ResourceRef<T>, scope: InformerScope = {}): Informer<T> {
		const key = keyOf(ref, scope);
		const known = this.#reflectors.get(key);
		if (known !== undefined) return known as unknown as Informer<T>;
		const { client, clock, random, log = silentLog } = this.#options;
		const reflector = new Reflector<T>({ ref, client: client.resource(ref), scope, clock, random, log });
		this.#reflectors.set(key, reflector as unknown as Reflector<never>);
		if (this.#signal !== undefined) this.#run(key, reflector as unknown as Reflector<never>, this.#signal);
		return reflector;
	}

	/** Ends the informer of a resource that is not there any more; whoever asks for it later gets a new one. */
	forget<T extends KubeObject>(ref: ResourceRef<T>): void {
		const key = keyOf(ref, {});
		this.#reflectors.delete(key);
		this.#ends.get(key)?.abort();
		this.#ends.delete(key);
	}

	#run(key: string, reflector: Reflector<never>, signal: AbortSignal): void {
		const end = new AbortController();
		this.#ends.set(key, end);
		void reflector.run(AbortSignal.any([signal, end.signal]));
	}

	/** Starts all informers, until the signal aborts; resolves when all of them have synced. Call once. */
	async start(signal: AbortSignal): Promise<void> {
		if (this.#signal !== undefined) throw new Error("informers have been started already");
		this.#signal = signal;
		for (const [key, reflector] of this.#reflectors) this.#run(key, reflector, signal);
		await this.whenSynced();
	}

	/** Resolves when every informer asked for so far has synced. */
	async whenSynced(): Promise<void> {
		await Promise.all([...this.#reflectors.values()].map((reflector) => reflector.whenSynced()));
	}
}
