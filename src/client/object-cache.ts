/**
 * What an informer knows: the objects of one resource by key, with indexes. Objects are shared and immutable, so
 * nothing is copied on the way in or out; the arrays that reads return are built once per change and shared too.
 */
import { type KubeObject, objectKey } from "../apimachinery/meta.ts";

/** The values under which an index files an object; an object may stand under any number of them. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** Name of the index by namespace, which every cache has. */
const namespaceIndex = "namespace";

/** The reading side of a cache. */
export interface ObjectCache<T extends KubeObject> {
	readonly size: number;
	/** The cache shows all that had happened by this revision of the store; 0 before the first list. */
	readonly revision: number;
	/** @param key "namespace/name", or the name of a cluster-scoped object. */
	get(key: string): T | undefined;
	/** All objects, in the order in which they first came. */
	list(): readonly T[];
	listNamespace(namespace: string): readonly T[];
	/** Adds an index over the present and all later objects. The function must be pure. Throws if the name has another one. */
	addIndex(name: string, values: IndexFunction<T>): void;
	/** The objects that stand under `value`, in the order in which they came there. Throws if there is no such index. */
	byIndex(name: string, value: string): readonly T[];
}

/** Objects by key, with the array of them made when somebody asks. */
class Bucket<T> {
	readonly byKey = new Map<string, T>();
	#array: readonly T[] | undefined;

	get size(): number {
		return this.byKey.size;
	}

	set(key: string, object: T): void {
		this.byKey.set(key, object);
		this.#array = undefined;
	}

	delete(key: string): void {
		this.byKey.delete(key);
		this.#array = undefined;
	}

	array(): readonly T[] {
		this.#array ??= [...this.byKey.values()];
		return this.#array;
	}
}

/** The one object that stands under a value: of most values of many indexes there is one, and a map for it would take ten times the room. */
class Single<T> {
	readonly key: string;
	readonly #array: readonly [T];

	constructor(key: string, object: T) {
		this.key = key;
		this.#array = [object];
	}

	array(): readonly [T] {
		return this.#array;
	}
}

class Index<T> {
	readonly values: IndexFunction<T>;
	readonly #buckets = new Map<string, Bucket<T> | Single<T>>();

	constructor(values: IndexFunction<T>) {
		this.values = values;
	}

	get(value: string): readonly T[] {
		return this.#buckets.get(value)?.array() ?? [];
	}

	put(key: string, object: T, old: T | undefined): void {
		const values = this.values(object);
		if (old !== undefined) {
			for (const value of this.values(old)) if (!values.includes(value)) this.#take(value, key);
		}
		for (const value of values) {
			const bucket = this.#buckets.get(value);
			if (bucket === undefined || (bucket instanceof Single && bucket.key === key)) this.#buckets.set(value, new Single(key, object));
			else if (bucket instanceof Bucket) bucket.set(key, object);
			else this.#buckets.set(value, bothOf(bucket, key, object));
		}
	}

	remove(key: string, old: T): void {
		for (const value of this.values(old)) this.#take(value, key);
	}

	#take(value: string, key: string): void {
		const bucket = this.#buckets.get(value);
		if (bucket instanceof Bucket) bucket.delete(key);
		if (bucket instanceof Single ? bucket.key === key : bucket?.size === 0) this.#buckets.delete(value);
	}
}

function bothOf<T>(first: Single<T>, key: string, second: T): Bucket<T> {
	const bucket = new Bucket<T>();
	bucket.set(first.key, first.array()[0]);
	bucket.set(key, second);
	return bucket;
}

/** The writing side, which its informer holds. */
export class IndexedCache<T extends KubeObject> implements ObjectCache<T> {
	revision = 0;
	readonly #all = new Bucket<T>();
	readonly #indexes = new Map<string, Index<T>>();

	constructor() {
		this.addIndex(namespaceIndex, (object) => [object.metadata?.namespace ?? ""]);
	}

	get size(): number {
		return this.#all.byKey.size;
	}

	get(key: string): T | undefined {
		return this.#all.byKey.get(key);
	}

	keys(): Iterable<string> {
		return this.#all.byKey.keys();
	}

	list(): readonly T[] {
		return this.#all.array();
	}

	listNamespace(namespace: string): readonly T[] {
		return this.byIndex(namespaceIndex, namespace);
	}

	addIndex(name: string, values: IndexFunction<T>): void {
		const known = this.#indexes.get(name);
		if (known !== undefined && known.values !== values) throw new Error(`cache has another index "${name}" already`);
		if (known !== undefined) return;
		const index = new Index(values);
		for (const [key, object] of this.#all.byKey) index.put(key, object, undefined);
		this.#indexes.set(name, index);
	}

	byIndex(name: string, value: string): readonly T[] {
		const index = this.#indexes.get(name);
		if (index === undefined) throw new Error(`cache has no index "${name}"`);
		return index.get(value);
	}

	/** Stores the object and returns the one it replaces. */
	set(object: T): T | undefined {
		const key = objectKey(object);
		const old = this.#all.byKey.get(key);
		this.#all.set(key, object);
		for (const index of this.#indexes.values()) index.put(key, object, old);
		return old;
	}

	/** Removes and returns the object, if it was there. */
	delete(key: string): T | undefined {
		const old = this.#all.byKey.get(key);
		if (old === undefined) return undefined;
		this.#all.delete(key);
		for (const index of this.#indexes.values()) index.remove(key, old);
		return old;
	}
}
