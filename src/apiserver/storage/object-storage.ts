/**
 * The objects of one kind in the store: reads from the watch cache, writes with optimistic concurrency, one key an
 * object. Knows nothing of the kind but its name, prefix and time to live; objects come and go in the storage version.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { GroupVersionResource, KubeObject } from "../../apimachinery/meta.ts";
import { newAlreadyExists, newNotFound } from "../../apimachinery/status-error.ts";
import type { Compare, KeyValue, Store, TxnOperation, TxnRequest, TxnResponse } from "../../store/store.ts";
import { decodeFromStorage, encodeForStorage, isStoredStale, storedAs } from "../encoding.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { Cacher } from "./cacher.ts";
import { LeasePool } from "./lease-pool.ts";
import { refusalOf } from "./refusal.ts";
import type { StorageMetrics } from "./storage-metrics.ts";
import type { WatchCache } from "./watch-cache.ts";

/** What an update made of the current object. */
export type UpdateOutcome =
	| { readonly action: "put"; readonly object: KubeObject; readonly joined?: readonly JoinedWrite[] }
	/** Nothing to write: the object stays as it is. */
	| { readonly action: "keep" }
	| { readonly action: "delete" };

/** Something else that is written in the same transaction as an object: either both are stored or neither is. */
export interface JoinedWrite {
	/** What must hold for it. If it does not, the object's write is computed anew. */
	readonly compare: readonly Compare[];
	readonly operations: readonly TxnOperation[];
	/** The attempt is over, however it ended; called once. */
	settled(): void;
}

/** Thrown by a create whose joined writes did not apply: it is to be computed anew. The caches show why. */
export class JoinedWriteError extends Error {}

/** How objects stand in the store where they are shown otherwise: custom resources of several versions. */
export interface StoredForm {
	/** The object as it is shown; the same object if it is as it is stored. Throws NotPreparedError. */
	read(stored: KubeObject): KubeObject;
	/** Makes it possible to read these; undefined if it is already. */
	prepare(stored: readonly KubeObject[]): Promise<void> | undefined;
	write(object: KubeObject): KubeObject | Promise<KubeObject>;
	/** Whether a new write of the same object would change what is stored. */
	isStale(stored: KubeObject): boolean;
}

/** Somebody else has to be asked before an object can be shown, and has not been: it came in between. Prepare, and try again. */
export class NotPreparedError extends Error {
	override readonly name = "NotPreparedError";
	/** The preparation that is under way; never rejects. Undefined: whoever catches this knows what to prepare. */
	readonly preparing: Promise<void> | undefined;

	constructor(preparing?: Promise<void>) {
		super("an object has not been converted yet");
		this.preparing = preparing;
	}
}

export interface UpdateResult {
	/** The object after the update; after a deletion, its last state. */
	readonly object: KubeObject;
	readonly deleted: boolean;
}

/** How often a write that lost a race is computed anew before the caller is told. */
const maxAttempts = 16;

export class ObjectStorage {
	readonly definition: KindDefinition;
	/** `/registry/pods/`. */
	readonly prefix: string;
	readonly cache: WatchCache;
	readonly #store: Store;
	readonly #cacher: Cacher;
	readonly #resource: Pick<GroupVersionResource, "group" | "resource">;
	readonly #leases: LeasePool | undefined;
	readonly #metrics: StorageMetrics;
	readonly #form: StoredForm | undefined;
	/** Who is to be told that nobody is served from here any more. */
	readonly #onRetired = new Set<() => void>();

	constructor(options: {
		readonly store: Store;
		readonly cacher: Cacher;
		readonly definition: KindDefinition;
		readonly clock: Clock;
		readonly metrics: StorageMetrics;
		/** Default: objects are shown as they are stored. */
		readonly form?: StoredForm;
	}) {
		this.#form = options.form;
		this.#metrics = options.metrics;
		this.definition = options.definition;
		this.#store = options.store;
		this.#cacher = options.cacher;
		this.#resource = { group: options.definition.group, resource: options.definition.resource };
		const ttlSeconds = options.definition.ttlSeconds;
		this.#leases = ttlSeconds === undefined ? undefined : new LeasePool({ store: options.store, clock: options.clock, ttlSeconds });
		this.prefix = storagePrefix(options.definition);
		this.cache = options.cacher.cache(this.prefix, { isReadRarely: options.definition.isReadRarely === true });
	}

	key(namespace: string, name: string): string {
		return namespace === "" ? this.prefix + name : `${this.prefix}${namespace}/${name}`;
	}

	/** The current object; undefined if there is none. */
	find(namespace: string, name: string): KubeObject | undefined {
		const stored = this.cache.find(namespace, name)?.object;
		if (stored !== undefined) return this.shown(stored);
		this.cache.assertReadable(this.key(namespace, name));
		return undefined;
	}

	/** Makes it possible to show these; undefined if it is already, as for all but custom resources that others convert. */
	prepare(stored: readonly KubeObject[]): Promise<void> | undefined {
		return this.#form?.prepare(stored);
	}

	/** An object of the cache, or of the store's history, as it is shown. Throws NotPreparedError. */
	shown(stored: KubeObject): KubeObject {
		return this.#form?.read(stored) ?? stored;
	}

	/** Nobody is served from here any more: ends what follows it. */
	retire(): void {
		for (const end of [...this.#onRetired]) end();
		this.#onRetired.clear();
	}

	/** Calls `end` when the storage retires, until the returned function is called. */
	onRetired(end: () => void): () => void {
		this.#onRetired.add(end);
		return () => this.#onRetired.delete(end);
	}

	/** At once where nobody else is asked. */
	#encode(object: KubeObject, previous?: KubeObject): Uint8Array | Promise<Uint8Array> {
		if (this.#form === undefined) return encodeForStorage(object, previous);
		const written = this.#form.write(object);
		return written instanceof Promise ? written.then((form) => encodeForStorage(form)) : encodeForStorage(written);
	}

	/** The current object. Throws NotFound. */
	get(namespace: string, name: string): KubeObject {
		const object = this.find(namespace, name);
		if (object === undefined) throw newNotFound(this.#resource, name);
		return object;
	}

	/** Throws AlreadyExists if there is such an object. */
	assertAbsent(namespace: string, name: string): void {
		if (this.find(namespace, name) !== undefined) throw newAlreadyExists(this.#resource, name);
	}

	/** Stores a new object and returns it with its resourceVersion. Rejects with AlreadyExists and `JoinedWriteError`. */
	async create(object: KubeObject, joined: readonly JoinedWrite[] = []): Promise<KubeObject> {
		const { namespace = "", name = "" } = object.metadata ?? {};
		this.assertAbsent(namespace, name);
		const key = this.key(namespace, name);
		const encoded = this.#encode(object);
		const value = encoded instanceof Promise ? await encoded : encoded;
		const putting = this.#put(key, value);
		const put = putting instanceof Promise ? await putting : putting;
		const result = await this.#commit("create", {
			compare: [{ key, target: "mod", result: "=", value: 0 }, ...joined.flatMap(({ compare }) => compare)],
			success: [put, ...joined.flatMap(({ operations }) => operations)],
			failure: joined.length === 0 ? [] : [{ type: "range", request: { key, countOnly: true } }],
		});
		if (!result.succeeded) {
			if (!isJoinLost(result)) throw newAlreadyExists(this.#resource, name);
			await this.#cacher.reach(result.revision);
			throw new JoinedWriteError(`what goes with ${key} has changed`);
		}
		const showing = this.#cacher.showWrite(result.revision);
		if (showing !== undefined) await showing;
		return this.#written(key, value, object, result.revision);
	}

	/**
	 * Computes a new state from the current one and stores it if the object is still as it was; else tries again from
	 * the newer one. `compute` may be called several times and throws to give up. Rejects with NotFound.
	 */
	async update(
		namespace: string,
		name: string,
		compute: (current: KubeObject) => Promise<UpdateOutcome> | UpdateOutcome,
	): Promise<UpdateResult> {
		const cached = this.cache.find(namespace, name);
		const key = cached?.key ?? this.key(namespace, name);
		let current = cached === undefined ? undefined : { object: cached.object, revision: cached.revision };
		for (let attempt = 1; ; attempt++) {
			if (current === undefined) this.cache.assertReadable(key);
			if (current === undefined) throw newNotFound(this.#resource, name);
			const preparing = this.prepare([current.object]);
			if (preparing !== undefined) await preparing;
			const shown = this.shown(current.object);
			const computing = compute(shown);
			const computed = computing instanceof Promise ? await computing : computing;
			// A write that changes nothing brings an object into the present storage version, and under the present key.
			const isOld = this.#form?.isStale(current.object) === true || isStoredStale(current.object);
			const outcome: UpdateOutcome = computed.action === "keep" && isOld ? { action: "put", object: shown } : computed;
			if (outcome.action === "keep") return { object: shown, deleted: false };
			const encoded = outcome.action === "put" ? this.#encode(outcome.object, current.object) : undefined;
			const value = encoded instanceof Promise ? await encoded : encoded;
			const writing = value === undefined ? deletion(key) : this.#put(key, value);
			const write = writing instanceof Promise ? await writing : writing;
			const joined = outcome.action === "put" ? (outcome.joined ?? []) : [];
			const result = await this.#commit(value === undefined ? "delete" : "update", {
				compare: [{ key, target: "mod", result: "=", value: current.revision }, ...joined.flatMap(({ compare }) => compare)],
				success: [write, ...joined.flatMap(({ operations }) => operations)],
				failure: [{ type: "range", request: { key } }],
			});
			if (result.succeeded) {
				const showing = this.#cacher.showWrite(result.revision);
				if (showing !== undefined) await showing;
				if (value !== undefined && outcome.action === "put") {
					const written = this.#written(key, value, outcome.object, result.revision);
					return { object: written instanceof Promise ? await written : written, deleted: false };
				}
				const metadata = { ...shown.metadata, resourceVersion: String(result.revision) };
				return { object: { ...shown, metadata }, deleted: true };
			}
			if (attempt === maxAttempts) throw new Error(`lost ${maxAttempts} races to write ${key}`);
			if (joined.length > 0) await this.#cacher.reach(result.revision);
			const newest = result.responses[0];
			const kv: KeyValue | undefined = newest?.type === "range" ? newest.response.kvs[0] : undefined;
			current = kv === undefined ? undefined : { object: decodeFromStorage(kv.value, kv.modRevision), revision: kv.modRevision };
		}
	}

	async #commit(operation: "create" | "update" | "delete", txn: TxnRequest): Promise<TxnResponse> {
		const startMs = this.#metrics.now();
		try {
			return await this.#store.txn(txn);
		} catch (error) {
			this.#metrics.failed(operation, this.#resource);
			throw refusalOf(error);
		} finally {
			this.#metrics.done(operation, this.#resource, startMs);
		}
	}

	/** At once for what does not expire. */
	#put(key: string, value: Uint8Array): TxnOperation | Promise<TxnOperation> {
		if (this.#leases === undefined) return { type: "put", request: { key, value } };
		return this.#leases.lease().then(
			(lease) => ({ type: "put", request: { key, value, lease } }),
			(error: unknown) => {
				throw refusalOf(error);
			},
		);
	}

	/** The cached object of this write, so that the answer shares its bytes; decoded anew if it was overwritten since. */
	#written(key: string, value: Uint8Array, object: KubeObject, revision: number): KubeObject | Promise<KubeObject> {
		const entry = this.cache.get(key);
		const isCurrent = entry?.revision === revision;
		// Who knows what the bytes say need not parse them; where they stand for another form, he does not.
		if (this.#form === undefined && (!isCurrent || entry.isBytes)) return storedAs(object, value, revision);
		const stored = isCurrent ? entry.object : decodeFromStorage(value, revision);
		const preparing = this.prepare([stored]);
		return preparing === undefined ? this.shown(stored) : preparing.then(() => this.shown(stored));
	}
}

/** Whether a create failed although there was no such object. */
function isJoinLost({ responses: [answer] }: TxnResponse): boolean {
	return answer?.type === "range" && answer.response.count === 0;
}

function deletion(key: string): TxnOperation {
	return { type: "delete", request: { key } };
}

function storagePrefix(definition: KindDefinition): string {
	return `/registry/${definition.storagePrefix ?? definition.resource}/`;
}
