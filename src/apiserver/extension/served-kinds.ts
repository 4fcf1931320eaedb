/** Built-in and custom kinds and endpoints together, as arrays that are new whenever the set has changed. */
import { type GeneratedResource, generatedResources } from "../../apimachinery/schema/resources.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { builtinKinds } from "../registry/kinds.ts";
import type { CustomResources } from "./custom-resources.ts";

export class ServedKinds {
	readonly #custom: CustomResources;
	#customKinds: readonly KindDefinition[] | undefined;
	#kinds: readonly KindDefinition[] = builtinKinds;
	#customEndpoints: readonly GeneratedResource[] | undefined;
	#resources: readonly GeneratedResource[] = builtinResources;

	constructor(custom: CustomResources) {
		this.#custom = custom;
	}

	get kinds(): readonly KindDefinition[] {
		const { kinds } = this.#custom;
		if (kinds !== this.#customKinds) {
			this.#customKinds = kinds;
			this.#kinds = kinds.length === 0 ? builtinKinds : [...builtinKinds, ...kinds];
		}
		return this.#kinds;
	}

	get resources(): readonly GeneratedResource[] {
		const { endpoints } = this.#custom;
		if (endpoints !== this.#customEndpoints) {
			this.#customEndpoints = endpoints;
			this.#resources = endpoints.length === 0 ? builtinResources : [...builtinResources, ...endpoints];
		}
		return this.#resources;
	}
}

const builtinVersions = new Set(
	builtinKinds.flatMap((kind) => kind.versions.map((version) => `${kind.group}/${version}/${kind.resource}`)),
);
const builtinResources = generatedResources.filter(({ group, version, resource }) =>
	builtinVersions.has(`${group}/${version}/${resource}`),
);
