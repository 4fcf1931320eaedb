/**
 * What the server serves now, indexed: made anew when the handler's set of kinds changes (custom resources), kept
 * otherwise.
 */
import { allResources, type GeneratedResource } from "../../apimachinery/schema/resources.ts";
import { Discovery } from "../discovery/discovery.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { ApiHandler } from "./api-handler.ts";
import { ResourceIndex } from "./request-target.ts";

/** One consistent view of the served resources. */
export class Catalog {
	readonly kinds: readonly KindDefinition[];
	readonly resources: readonly GeneratedResource[];
	readonly index: ResourceIndex;
	readonly #kinds: ReadonlyMap<string, KindDefinition>;
	#discovery: Discovery | undefined;

	constructor(kinds: readonly KindDefinition[], resources: readonly GeneratedResource[]) {
		this.kinds = kinds;
		this.resources = resources;
		this.index = new ResourceIndex(resources);
		this.#kinds = new Map(kinds.flatMap((kind) => kind.versions.map((version) => [`${kind.group}/${version}/${kind.resource}`, kind])));
	}

	kindOf({ group, version, resource }: Pick<GeneratedResource, "group" | "version" | "resource">): KindDefinition | undefined {
		return this.#kinds.get(`${group}/${version}/${resource}`);
	}

	get discovery(): Discovery {
		this.#discovery ??= new Discovery(this.kinds, this.resources);
		return this.#discovery;
	}
}

/** Gives the catalog of the handler's present kinds. */
export function createCatalogSource(handler: ApiHandler): () => Catalog {
	let current: Catalog | undefined;
	let resources: readonly GeneratedResource[] | undefined;
	return () => {
		if (current === undefined || current.kinds !== handler.kinds || resources !== handler.resources) {
			resources = handler.resources;
			current = new Catalog(handler.kinds, resources ?? servedResources(handler.kinds));
		}
		return current;
	};
}

/** The endpoints of the schema's resource table whose kind and version are served. */
function servedResources(kinds: readonly KindDefinition[]): readonly GeneratedResource[] {
	const served = new Set(kinds.flatMap((kind) => kind.versions.map((version) => `${kind.group}/${version}/${kind.resource}`)));
	return allResources.filter(({ group, version, resource }) => served.has(`${group}/${version}/${resource}`));
}
