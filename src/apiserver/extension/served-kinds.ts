/** Built-in and custom kinds and endpoints together, and those of metrics while they are served, as arrays that are new whenever the set has changed. */
import { allResources, type GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { MetricsApi } from "../resource-metrics/metrics-api.ts";
import type { CustomResources } from "./custom-resources.ts";

export class ServedKinds {
	readonly #builtinKinds: readonly KindDefinition[];
	readonly #builtinResources: readonly GeneratedResource[];
	readonly #custom: CustomResources;
	readonly #metrics: MetricsApi | undefined;
	/** Whether the arrays have the kinds of metrics. */
	#hasMetrics = false;
	#customKinds: readonly KindDefinition[] | undefined;
	#kinds: readonly KindDefinition[];
	#customEndpoints: readonly GeneratedResource[] | undefined;
	#resources: readonly GeneratedResource[];

	/** @param builtinKinds those that are served in any case */
	constructor(builtinKinds: readonly KindDefinition[], custom: CustomResources, metrics: MetricsApi | undefined) {
		this.#builtinKinds = builtinKinds;
		this.#builtinResources = resourcesOf(builtinKinds);
		this.#kinds = builtinKinds;
		this.#resources = this.#builtinResources;
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
		this.#kinds = further.length === 0 ? this.#builtinKinds : [...this.#builtinKinds, ...further];
		this.#resources = furtherEndpoints.length === 0 ? this.#builtinResources : [...this.#builtinResources, ...furtherEndpoints];
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

function resourcesOf(kinds: readonly KindDefinition[]): readonly GeneratedResource[] {
	const served = new Set(kinds.flatMap((kind) => kind.versions.map((version) => `${kind.group}/${version}/${kind.resource}`)));
	return allResources.filter(({ group, version, resource }) => served.has(`${group}/${version}/${resource}`));
}
