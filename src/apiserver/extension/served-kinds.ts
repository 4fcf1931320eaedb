/** Built-in and custom kinds and endpoints together, and those of metrics while they are served, as arrays that are new whenever the set has changed. */
import { type GeneratedResource, generatedResources } from "../../apimachinery/schema/resources.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { builtinKinds } from "../registry/kinds.ts";
import type { MetricsApi } from "../resource-metrics/metrics-api.ts";
import type { CustomResources } from "./custom-resources.ts";

export class ServedKinds {
	readonly #custom: CustomResources;
	readonly #metrics: MetricsApi | undefined;
	/** Whether the arrays have the kinds of metrics. */
	#hasMetrics = false;
	#customKinds: readonly KindDefinition[] | undefined;
	#kinds: readonly KindDefinition[] = builtinKinds;
	#customEndpoints: readonly GeneratedResource[] | undefined;
	#resources: readonly GeneratedResource[] = builtinResources;

	constructor(custom: CustomResources, metrics: MetricsApi | undefined) {
		this.#custom = custom;
		this.#metrics = metrics;
	}

	#notice(): void {
		const hasMetrics = this.#metrics?.isServed === true;
		const { kinds, endpoints } = this.#custom;
		if (hasMetrics === this.#hasMetrics && kinds === this.#customKinds && endpoints === this.#customEndpoints) return;
		this.#hasMetrics = hasMetrics;
		this.#customKinds = kinds;
		this.#customEndpoints = endpoints;
		const { kinds: metricsKinds = [], resources: metricsResources = [] } = (hasMetrics ? this.#metrics : undefined) ?? {};
		const further = [...metricsKinds, ...kinds];
		const furtherEndpoints = [...metricsResources, ...endpoints];
		this.#kinds = further.length === 0 ? builtinKinds : [...builtinKinds, ...further];
		this.#resources = furtherEndpoints.length === 0 ? builtinResources : [...builtinResources, ...furtherEndpoints];
	}

	get kinds(): readonly KindDefinition[] {
		this.#notice();
		return this.#kinds;
	}

	get resources(): readonly GeneratedResource[] {
		this.#notice();
		return this.#resources;
	}
}

const builtinVersions = new Set(
	builtinKinds.flatMap((kind) => kind.versions.map((version) => `${kind.group}/${version}/${kind.resource}`)),
);
const builtinResources = generatedResources.filter(({ group, version, resource }) =>
	builtinVersions.has(`${group}/${version}/${resource}`),
);
