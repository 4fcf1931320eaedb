/**
 * All current objects of one resource in memory, with the last changes to them: what every read and every watch is
 * served from. One store watch feeds the caches of all resources (see cacher.ts), so that a revision seen by one is
 * seen by all.
 *
 * Invariants: `entries` is the state at `revision`; `history` holds the last changes in revision order, none missing
 * after `historyStart`; objects in it are never changed.
 */
import type { KubeObject } from "../../apimachinery/meta.ts";
import { PackedJson } from "../../apimachinery/packed-json.ts";
import { RecentItems } from "../../apimachinery/recent-items.ts";
import type { StatusError } from "../../apimachinery/status-error.ts";
import { decodeFromStorage, packStoredBytes, storedBytesOf } from "../encoding.ts";

/**
 * How objects are kept: kinds that are written often and read rarely as their stored bytes alone, packed, which are parsed when somebody asks.
 */
export type KeptForm = "objects" | "bytes";

interface ObjectPlace {
	/** Key in the store. */
	readonly key: string;
	/** "" for what belongs to no namespace. */
	readonly namespace: string;
	readonly name: string;
}

/** One current object. */
export class CacheEntry implements ObjectPlace {
	readonly key: string;
	readonly namespace: string;
	readonly name: string;
	/** Revision of the object's last write. */
	readonly revision: number;
	readonly #state: KubeObject | Uint8Array | PackedJson;

	/** @param place of an older version of the same object its strings are shared: they are hashed already */
	constructor(place: ObjectPlace, object: KubeObject, revision: number, form: KeptForm) {
		const { key, namespace, name } = place;
		this.key = key;
		this.namespace = namespace;
		this.name = name;
		this.revision = revision;
		const bytes = form === "objects" ? undefined : storedBytesOf(object);
		this.#state = (bytes === undefined ? undefined : PackedJson.of(bytes)) ?? bytes ?? object;
	}

	/** Whether each look at `object` parses it anew. */
	get isBytes(): boolean {
		return this.#state instanceof Uint8Array || this.#state instanceof PackedJson;
	}

	get object(): KubeObject {
		const state = this.#state instanceof PackedJson ? this.#state.bytes() : this.#state;
		return state instanceof Uint8Array ? decodeFromStorage(state, this.revision) : state;
	}
}

/** A change to one object. `object` of a deletion is the last state, with the deletion's revision as resourceVersion. */
export interface CacheChange {
	readonly revision: number;
	readonly type: "ADDED" | "MODIFIED" | "DELETED";
	readonly object: KubeObject;
	readonly previous: KubeObject | undefined;
}

export type ChangeListener = (change: CacheChange) => void;

/**
 * How many changes a resource remembers at least for watchers that come back; older ones are read from the store's
 * history. Small, because every old version of an object costs as much as the object.
 */
const maxHistory = 128;
/** How many changes later the bytes of an object are packed, if it has not changed again: most do so a few times when they are new. */
const packedAfter = 64;

export class WatchCache {
	/** `/registry/pods/`: every key of the resource starts with it. */
	readonly prefix: string;
	readonly #form: KeptForm;
	readonly #entries = new Map<string, CacheEntry>();
	readonly #byNamespace = new Map<string, Map<string, CacheEntry>>();
	readonly #listeners = new Set<ChangeListener>();
	/** Entries whose objects have their bytes as they are. */
	readonly #unpacked = new RecentItems<CacheEntry>(packedAfter);
	/** In key order; undefined after a key came or went. */
	#sorted: CacheEntry[] | undefined;
	#history: CacheChange[] = [];
	/** Every change after this revision is in the history. */
	#historyStart = 0;
	/** What was loaded shows every change up to this revision. */
	#loadedAt = 0;
	/** Keys whose values cannot be made out; mostly there are none. */
	#unreadable: Map<string, StatusError> | undefined;

	constructor(prefix: string, form: KeptForm = "objects") {
		this.prefix = prefix;
		this.#form = form;
	}

	/** What is stored at this key cannot be made out: whoever asks for it is told why. An object that was there before is gone. */
	noteUnreadable(key: string, error: StatusError, revision: number): void {
		this.apply(key, undefined, revision);
		this.#unreadable ??= new Map();
		this.#unreadable.set(key, error);
	}

	/** Throws the StatusError that says why what is stored at this key cannot be made out. */
	assertReadable(key: string): void {
		const error = this.#unreadable?.get(key);
		if (error !== undefined) throw error;
	}

	/** The same for all keys: of all namespaces, or of one. */
	assertAllReadable(namespace?: string): void {
		const start = namespace === undefined ? this.prefix : `${this.prefix}${namespace}/`;
		for (const [key, error] of this.#unreadable ?? []) if (key.startsWith(start)) throw error;
	}

	get size(): number {
		return this.#entries.size;
	}

	get(key: string): CacheEntry | undefined {
		return this.#entries.get(key);
	}

	/** The same by name; "" for what belongs to no namespace. A key that was just put together would have to be hashed first. */
	find(namespace: string, name: string): CacheEntry | undefined {
		return this.#byNamespace.get(namespace)?.get(name);
	}

	/** Entries in key order: of all namespaces, or of one. */
	list(namespace?: string): readonly CacheEntry[] {
		if (namespace !== undefined) {
			const entries = this.#byNamespace.get(namespace);
			return entries === undefined ? [] : [...entries.values()].sort(byKey);
		}
		this.#sorted ??= [...this.#entries.values()].sort(byKey);
		return this.#sorted;
	}

	/** Loads the state that the cache starts from, object by object; the history begins at `revision`. */
	load(key: string, object: KubeObject, objectRevision: number): void {
		const entry = this.#entry(this.#placeOf(key), object, objectRevision);
		this.#insert(entry);
		this.#packLater(entry);
	}

	/** The history begins here: every change after this revision will be told. */
	startHistory(revision: number): void {
		this.#historyStart = revision;
		this.#loadedAt = revision;
	}

	/** Takes in a put or (object undefined) a delete and tells the listeners; of what was loaded already it takes no notice. */
	apply(key: string, object: KubeObject | undefined, revision: number): void {
		if (revision <= this.#loadedAt) return;
		this.#unreadable?.delete(key);
		const known = this.#entries.get(key);
		const previous = known?.object;
		if (object === undefined) {
			if (known === undefined || previous === undefined) return;
			this.#remove(known);
			const metadata = { ...previous.metadata, resourceVersion: String(revision) };
			this.#publish({ revision, type: "DELETED", object: { ...previous, metadata }, previous });
			return;
		}
		const entry = this.#entry(known ?? this.#placeOf(key), object, revision);
		if (known === undefined) this.#insert(entry);
		else this.#replace(known, entry);
		this.#packLater(entry);
		this.#publish({ revision, type: previous === undefined ? "ADDED" : "MODIFIED", object, previous });
	}

	#packLater(entry: CacheEntry): void {
		if (entry.isBytes) return;
		const oldest = this.#unpacked.push(entry);
		if (oldest !== undefined && this.#entries.get(oldest.key) === oldest) packStoredBytes(oldest.object);
	}

	#entry(place: ObjectPlace, object: KubeObject, revision: number): CacheEntry {
		return new CacheEntry(place, object, revision, this.#form);
	}

	#placeOf(key: string): ObjectPlace {
		const { namespace, name } = splitKey(key.slice(this.prefix.length));
		// All of a namespace share its name.
		for (const [, sibling] of this.#byNamespace.get(namespace) ?? []) return { key, namespace: sibling.namespace, name };
		return { key, namespace, name };
	}

	/** Every change after `revision`, oldest first; undefined if the history does not reach back so far. */
	changesSince(revision: number): readonly CacheChange[] | undefined {
		if (revision < this.#historyStart) return undefined;
		let from = this.#history.length;
		while (from > 0 && (this.#history[from - 1]?.revision ?? 0) > revision) from--;
		return this.#history.slice(from);
	}

	/** Calls `listener` with every change from now on, until the returned function is called. */
	subscribe(listener: ChangeListener): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	#publish(change: CacheChange): void {
		this.#history.push(change);
		if (this.#history.length > 2 * maxHistory) {
			const dropped = this.#history.length - maxHistory;
			this.#historyStart = this.#history[dropped - 1]?.revision ?? this.#historyStart;
			this.#history = this.#history.slice(dropped);
		}
		for (const listener of this.#listeners) listener(change);
	}

	#insert(entry: CacheEntry): void {
		this.#entries.set(entry.key, entry);
		const siblings = this.#byNamespace.get(entry.namespace);
		if (siblings === undefined) this.#byNamespace.set(entry.namespace, new Map([[entry.name, entry]]));
		else siblings.set(entry.name, entry);
		this.#sorted = undefined;
	}

	/** A new version of an object that is there: the order of keys stays. */
	#replace(known: CacheEntry, entry: CacheEntry): void {
		this.#entries.set(entry.key, entry);
		this.#byNamespace.get(entry.namespace)?.set(entry.name, entry);
		if (this.#sorted === undefined) return;
		const index = this.#indexOf(this.#sorted, known.key);
		this.#sorted[index] = entry;
	}

	/** Binary search; the key is there. */
	#indexOf(sorted: readonly CacheEntry[], key: string): number {
		let low = 0;
		let high = sorted.length - 1;
		while (low < high) {
			const middle = (low + high) >> 1;
			if ((sorted[middle]?.key ?? "") < key) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	#remove(entry: CacheEntry): void {
		this.#entries.delete(entry.key);
		const siblings = this.#byNamespace.get(entry.namespace);
		siblings?.delete(entry.name);
		if (siblings?.size === 0) this.#byNamespace.delete(entry.namespace);
		this.#sorted = undefined;
	}
}

function byKey(a: CacheEntry, b: CacheEntry): number {
	return a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
}

/** `default/web` → namespace and name; a bare name belongs to no namespace (""). */
function splitKey(path: string): { namespace: string; name: string } {
	const slash = path.indexOf("/");
	return slash === -1 ? { namespace: "", name: path } : { namespace: path.slice(0, slash), name: path.slice(slash + 1) };
}
