/**
 * From a request's group, version, resource and subresource to what serves it: the kind's definition, and what the
 * schema says of the endpoint (kind, scope, verbs).
 */
import { type GeneratedResource, generatedResources } from "../../apimachinery/schema/resources.ts";
import type { KindDefinition } from "./kind.ts";

/** One resource of one served version. */
export interface ServedResource {
	readonly definition: KindDefinition;
	readonly resource: GeneratedResource;
	readonly subresources: ReadonlyMap<string, GeneratedResource>;
}

export class ResourceTable {
	readonly #resources = new Map<string, ServedResource>();

	constructor(kinds: readonly KindDefinition[]) {
		const definitions = new Map(kinds.map((kind) => [`${kind.group}/${kind.resource}`, kind]));
		const subresources = Map.groupBy(
			generatedResources.filter((entry) => entry.subresource !== ""),
			(entry) => `${entry.group}/${entry.version}/${entry.resource}`,
		);
		for (const resource of generatedResources) {
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
