/**
 * The kinds that CustomResourceDefinitions bring: a set that follows the definitions in the store, on every server of it.
 *
 *   definition ─▶ appears:      the cache of its objects is opened
 *              ─▶ established:  its versions are served, with a storage each
 *              ─▶ changes:      its versions are made anew; watches of the old ones end, and clients come back
 *              ─▶ goes:         nothing of it is served, its cache is forgotten
 *
 * Nothing is made of a schema until an object of it comes.
 */
import { type Clock, sleep } from "../../apimachinery/clock/clock.ts";
import { jsonEqual } from "../../apimachinery/json.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { CustomResourceDefinition } from "../../apimachinery/schema/generated/types.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { Store } from "../../store/store.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { ServedResource } from "../registry/resource-table.ts";
import type { Cacher } from "../storage/cacher.ts";
import { ObjectStorage } from "../storage/object-storage.ts";
import type { StorageMetrics } from "../storage/storage-metrics.ts";
import { isConditionTrue } from "./conditions.ts";
import { CustomVersion, type DefinitionShape, shapeOf, storageVersionOf } from "./custom-kind.ts";
import { VersionForm } from "./version-form.ts";
import { type ConversionCaller, WebhookConverter } from "./webhook-converter.ts";

/** Between two tries to read the objects of a definition. */
const openPauseMs = 1_000;

/** A version with the storage that shows objects in it. */
export interface CustomServed extends ServedResource {
	readonly storage: ObjectStorage;
	readonly customType: CustomVersion;
}

/** One definition with all its versions, whether they are served or not. */
interface Installed {
	readonly shape: DefinitionShape;
	readonly isEstablished: boolean;
	readonly versions: ReadonlyMap<string, CustomServed>;
}

export interface CustomResourcesOptions {
	readonly store: Store;
	readonly cacher: Cacher;
	readonly clock: Clock;
	readonly log: Logger;
	readonly metrics: StorageMetrics;
	/** The definitions, which are objects like others. */
	readonly definitions: ObjectStorage;
	/** Group and resource of every built-in kind: they are not anybody's to define. */
	readonly builtin: ReadonlySet<string>;
	/** How conversion webhooks are reached; absent: who needs one is refused. */
	readonly conversion: ConversionCaller | undefined;
	readonly random: Random;
	/** The objects of a definition can be read from now on. */
	readonly onOpen: (name: string) => void;
}

export class CustomResources {
	readonly #options: CustomResourcesOptions;
	readonly #stopped = new AbortController();
	/** By the definition's name, which is `<plural>.<group>`. */
	readonly #installed = new Map<string, Installed>();
	/** Definitions whose objects can be read here, by uid. */
	readonly #open = new Set<string>();
	readonly #opening = new Set<Promise<void>>();
	#kinds: readonly KindDefinition[] | undefined;
	#endpoints: readonly GeneratedResource[] | undefined;
	#stopFollowing: () => void = () => undefined;

	constructor(options: CustomResourcesOptions) {
		this.#options = options;
	}

	/** Makes what the definitions say that are in the cache. Called once they are loaded, before anything else is. */
	load(): void {
		for (const { object } of this.#options.definitions.cache.list()) {
			this.#options.cacher.cache(prefixOf(object));
			this.#open.add(object.metadata?.uid ?? "");
			this.#install(object);
		}
	}

	/** Follows the definitions from here on. */
	follow(): void {
		this.#stopFollowing = this.#options.definitions.cache.subscribe(({ type, object, previous }) => {
			if (type === "DELETED") this.#remove(object);
			else if (type === "ADDED" || previous?.metadata?.uid !== object.metadata?.uid) {
				const opening = this.#openAndInstall(object).finally(() => this.#opening.delete(opening));
				this.#opening.add(opening);
			} else this.#install(object);
		});
	}

	stop(): void {
		this.#stopFollowing();
		this.#stopped.abort();
	}

	/** What serves a version; undefined if it is not served. */
	find(group: string, version: string, resource: string): CustomServed | undefined {
		const installed = this.#installed.get(`${resource}.${group}`);
		if (installed?.isEstablished !== true) return undefined;
		const served = installed.versions.get(version);
		return served?.customType.version.served === true ? served : undefined;
	}

	/** A resource in the version that it is stored in, served or not; undefined if there is none, or it was never established. */
	stored(group: string, resource: string): CustomServed | undefined {
		const installed = this.#installed.get(`${resource}.${group}`);
		return installed?.isEstablished === true ? installed.versions.get(storageVersionOf(installed.shape.spec)) : undefined;
	}

	/** One of each resource, in its storage version. */
	*allStored(): Iterable<CustomServed> {
		for (const { shape, isEstablished, versions } of this.#installed.values()) {
			const stored = versions.get(storageVersionOf(shape.spec));
			if (isEstablished && stored !== undefined) yield stored;
		}
	}

	/** A definition for each served version. A change of the set makes a new array. */
	get kinds(): readonly KindDefinition[] {
		this.#kinds ??= this.#served().map(({ definition }) => definition);
		return this.#kinds;
	}

	/** Every served endpoint. A change of the set makes a new array. */
	get endpoints(): readonly GeneratedResource[] {
		this.#endpoints ??= this.#served().flatMap(({ customType }) => customType.endpoints);
		return this.#endpoints;
	}

	#served(): readonly CustomServed[] {
		return [...this.#installed.values()]
			.filter(({ isEstablished }) => isEstablished)
			.flatMap(({ versions }) => [...versions.values()].filter(({ customType }) => customType.version.served));
	}

	/** Resolves when all that is known by now can be served; undefined if it can already. */
	get opening(): Promise<unknown> | undefined {
		return this.#opening.size === 0 ? undefined : Promise.all(this.#opening);
	}

	/** Whether the objects of a definition can be read here. */
	isOpen({ metadata }: KubeObject): boolean {
		return this.#open.has(metadata?.uid ?? "");
	}

	async #openAndInstall(definition: KubeObject): Promise<void> {
		const { cacher, clock, log, definitions } = this.#options;
		const { name = "", uid } = definition.metadata ?? {};
		while (!this.#stopped.signal.aborted) {
			try {
				await cacher.open(prefixOf(definition));
				break;
			} catch (error) {
				log.warn("could not read the objects of a custom resource", { definition: name, error: String(error) });
				await sleep(clock, openPauseMs, this.#stopped.signal).catch(() => undefined);
			}
		}
		// What it says by now; it may be gone, and there may be another.
		const current = definitions.find("", name);
		if (current === undefined || current.metadata?.uid !== uid) return;
		this.#open.add(uid ?? "");
		this.#install(current);
		this.#options.onOpen(name);
	}

	#install(object: KubeObject): void {
		const definition = object as CustomResourceDefinition;
		const name = definition.metadata?.name ?? "";
		const shape = shapeOf(definition);
		const isBuiltin = this.#options.builtin.has(`${definition.spec?.group}/${definition.spec?.names.plural}`);
		// Until its names are accepted there is nothing to serve.
		if (shape === undefined || shape.names.plural === "" || isBuiltin || !this.isOpen(object)) return;
		const isEstablished = isConditionTrue(definition, "Established");
		const known = this.#installed.get(name);
		if (known !== undefined && known.isEstablished === isEstablished && jsonEqual(known.shape, shape)) return;
		const isSame = known !== undefined && jsonEqual(known.shape, shape);
		this.#installed.set(name, { shape, isEstablished, versions: isSame ? known.versions : this.#versionsOf(shape) });
		if (known !== undefined && !isSame) retire(known);
		this.#changed();
	}

	#versionsOf(shape: DefinitionShape): ReadonlyMap<string, CustomServed> {
		const types = new Map(shape.spec.versions.map((version) => [version.name, new CustomVersion(shape, version)]));
		const { store, cacher, clock, metrics, conversion: caller, random } = this.#options;
		const { conversion } = shape.spec;
		const isConverted = conversion?.strategy === "Webhook" && caller !== undefined;
		const converter = isConverted ? new WebhookConverter(conversion, { caller, random }) : undefined;
		const made = [...types].map(([name, customType]): readonly [string, CustomServed] => {
			const { definition, endpoints } = customType;
			const form = new VersionForm({ shape, types, shown: customType, converter });
			const [resource, ...subresources] = endpoints;
			const served: CustomServed = {
				definition,
				resource,
				subresources: new Map(subresources.map((endpoint) => [endpoint.subresource, endpoint])),
				customType,
				storage: new ObjectStorage({ store, cacher, definition, clock, metrics, form }),
			};
			return [name, served];
		});
		return new Map(made);
	}

	#remove(definition: KubeObject): void {
		const name = definition.metadata?.name ?? "";
		const known = this.#installed.get(name);
		this.#installed.delete(name);
		this.#open.delete(definition.metadata?.uid ?? "");
		if (known !== undefined) retire(known);
		this.#options.cacher.drop(prefixOf(definition));
		this.#changed();
	}

	#changed(): void {
		this.#kinds = undefined;
		this.#endpoints = undefined;
	}
}

function retire({ versions }: Installed): void {
	for (const { storage } of versions.values()) storage.retire();
}

function prefixOf(object: KubeObject): string {
	const { spec } = object as CustomResourceDefinition;
	return `/registry/${spec?.group}/${spec?.names.plural}/`;
}
