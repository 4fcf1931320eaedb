/**
 * From a request's group, version, resource and subresource to what serves it: the kind's definition, and what the
 * schema says of the endpoint (kind, scope, verbs).
 */
import type { ApiRequest, RequestOptions } from "../../apimachinery/api-request.ts";
import type { MergeNode } from "../../apimachinery/apply/merge-node.ts";
import type { KubeList, KubeObject } from "../../apimachinery/meta.ts";
import { allResources, type GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { Decoder } from "../../apimachinery/schema/scalar-decoders.ts";
import type { ObjectStorage } from "../storage/object-storage.ts";
import type { KindDefinition } from "./kind.ts";

/** What the schema table says of built-in types, for objects of a kind that a user has brought. */
export interface CustomType {
	/** Takes out what the schema does not know and fills in its defaults. */
	readonly decode: Decoder;
	/** For server-side apply. */
	readonly mergeNode: MergeNode;
}

/** One resource of one served version. */
export interface ServedResource {
	readonly definition: KindDefinition;
	readonly resource: GeneratedResource;
	readonly subresources: ReadonlyMap<string, GeneratedResource>;
	/** Of custom resources, instead of the type in the schema table. */
	readonly customType?: CustomType;
	/** Of custom resources: their objects as this version shows them. */
	readonly storage?: ObjectStorage;
	/** Of what nothing stores: makes it up for a get or a list. */
	readonly read?: (context: ReadContext) => KubeObject | KubeList;
}

/** A get or a list, for who makes up what it shows; see RequestContext. */
export interface ReadContext {
	readonly request: ApiRequest;
	readonly options: RequestOptions;
	readonly definition: KindDefinition;
	readonly namespace: string;
	readonly name: string;
	readonly nowMs: number;
}

/** Finds what serves a group, version and resource. */
export interface ResourceFinder {
	find(group: string, version: string, resource: string): ServedResource | undefined;
}

export class ResourceTable implements ResourceFinder {
	readonly #resources = new Map<string, ServedResource>();

	constructor(kinds: readonly KindDefinition[]) {
		const definitions = new Map(kinds.map((kind) => [`${kind.group}/${kind.resource}`, kind]));
		const subresources = Map.groupBy(
			allResources.filter((entry) => entry.subresource !== ""),
			(entry) => `${entry.group}/${entry.version}/${entry.resource}`,
		);
		for (const resource of allResources) {
			const definition = definitions.get(`${resource.group}/${resource.resource}`);
			if (resource.subresource !== "" || !definition?.versions.includes(resource.version)) continue;
			const key = `${resource.group}/${resource.version}/${resource.resource}`;
			const ofResource = (subresources.get(key) ?? []).map((entry) => [entry.subresource, entry] as const);
			this.#resources.set(key, { definition, resource, subresources: new Map(ofResource) });
		}
	}

	find(group: string, version: string, resource: string): ServedResource | undefined {
		return this.#resources.get(`${group}/${version}/${resource}`);
	}

	all(): Iterable<ServedResource> {
		return this.#resources.values();
	}
}
