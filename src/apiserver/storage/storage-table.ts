/** The storages of one server: one for each kind that it stores, and those that custom resources bring. */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Store } from "../../store/store.ts";
import type { AdmissionLookup } from "../admission/admission.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { Cacher } from "./cacher.ts";
import { ObjectStorage } from "./object-storage.ts";
import type { ObjectCount, StorageMetrics } from "./storage-metrics.ts";

/** The storages of custom resources, which come and go. */
export interface CustomStorages {
	/** That of a resource, which shows it in its storage version; undefined if there is none. */
	stored(group: string, resource: string): { readonly storage: ObjectStorage } | undefined;
	/** One of each resource. */
	allStored(): Iterable<{ readonly storage: ObjectStorage }>;
}

export interface StorageTableOptions {
	readonly store: Store;
	readonly cacher: Cacher;
	readonly clock: Clock;
	readonly metrics: StorageMetrics;
	/** Asked for what is none of the kinds, and by `counts`: never while the table is made. */
	readonly custom: () => CustomStorages;
}

export class StorageTable {
	/** By group and resource: admission looks for some with every write, and no text is made for that. */
	readonly #storages = new Map<string, Map<string, ObjectStorage>>();
	/** The same by the prefix of their keys, in the order of the kinds. */
	readonly #byPrefix = new Map<string, ObjectStorage>();
	readonly #custom: () => CustomStorages;

	constructor(kinds: readonly KindDefinition[], { store, cacher, clock, metrics, custom }: StorageTableOptions) {
		this.#custom = custom;
		for (const definition of kinds) {
			if (definition.ephemeral === true) continue;
			const { group, resource } = definition;
			const storage = new ObjectStorage({ store, cacher, definition, clock, metrics });
			this.#storages.set(group, (this.#storages.get(group) ?? new Map()).set(resource, storage));
			this.#byPrefix.set(storage.prefix, storage);
		}
	}

	/** Undefined if nothing of the resource is stored. Of custom resources, that which shows them in their storage version. */
	at(group: string, resource: string): ObjectStorage | undefined {
		return this.#storages.get(group)?.get(resource) ?? this.#custom().stored(group, resource)?.storage;
	}

	/** That of a resource which must have one. */
	get(group: string, resource: string): ObjectStorage {
		const storage = this.at(group, resource);
		if (storage === undefined) throw new Error(`no storage for ${group}/${resource}`);
		return storage;
	}

	/** An object as the cache has it; undefined if there is none. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
		return this.at(group, resource)?.find(namespace, name);
	}

	/** Objects as the cache has them: those of a namespace, or all. */
	list<T extends KubeObject = KubeObject>(group: string, resource: string, namespace?: string): readonly T[] {
		return this.get(group, resource)
			.cache.list(namespace)
			.map((entry) => entry.object as T);
	}

	/** The two of them for who may see objects and no more. */
	get lookup(): AdmissionLookup {
		return {
			find: (group, resource, namespace, name) => this.find(group, resource, namespace, name),
			list: (group, resource, namespace) => this.list(group, resource, namespace),
		};
	}

	/** The kind whose objects have keys that begin like this; undefined if it is gone. */
	kindAt(prefix: string): KindDefinition | undefined {
		const builtin = this.#byPrefix.get(prefix);
		if (builtin !== undefined) return builtin.definition;
		for (const { storage } of this.#custom().allStored()) if (storage.prefix === prefix) return storage.definition;
		return undefined;
	}

	/** How many objects there are of each resource. */
	counts(): readonly ObjectCount[] {
		const storages = [...this.#byPrefix.values(), ...[...this.#custom().allStored()].map(({ storage }) => storage)];
		return storages.map(({ definition: { group, resource }, cache }) => ({ group, resource, count: cache.size }));
	}
}
