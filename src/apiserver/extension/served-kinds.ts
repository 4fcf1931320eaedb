/**
 * What a server serves by now: built-in and custom kinds together, and those of metrics while they are served. The arrays are new
 * whenever the set has changed.
 */
import { allResources, type GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { KindDefinition } from "../registry/kind.ts";
import { builtinKinds } from "../registry/kinds.ts";
import { type ResourceFinder, ResourceTable, type ServedResource } from "../registry/resource-table.ts";
import type { MetricsApi } from "../resource-metrics/metrics-api.ts";
import type { CustomResources } from "./custom-resources.ts";

/** The same for all servers without a feature gate: what comes from the schema alone. */
const builtinTable = new ResourceTable(builtinKinds);

export type NamedKind = KindDefinition & { readonly namespaced: boolean };

export class ServedKinds implements ResourceFinder {
	readonly #builtin: ResourceTable;
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
	/** What `named` says as long as the kinds are these. */
	#named: { readonly of: readonly KindDefinition[]; readonly named: readonly NamedKind[] } | undefined;

	/** @param kinds those that are served in any case */
	constructor(kinds: readonly KindDefinition[], custom: CustomResources, metrics: MetricsApi | undefined) {
		this.#builtin = kinds === builtinKinds ? builtinTable : new ResourceTable(kinds);
		this.#builtinKinds = kinds;
		this.#builtinResources = resourcesOf(kinds);
		this.#kinds = kinds;
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

	/** Every kind, in discovery order. A change of the set makes a new array. */
	get kinds(): readonly KindDefinition[] {
		this.#notice();
		return this.#kinds;
	}

	/** Every endpoint. A change of the set makes a new array. */
	get resources(): readonly GeneratedResource[] {
		this.#notice();
		return this.#resources;
	}

	/** What kinds are called, and whether they are in namespaces. */
	get named(): readonly NamedKind[] {
		const { kinds } = this;
		if (this.#named?.of !== kinds) {
			const named = kinds.flatMap((definition) => {
				const served = this.find(definition.group, definition.versions[0], definition.resource);
				return served === undefined ? [] : [{ ...definition, namespaced: served.resource.namespaced }];
			});
			this.#named = { of: kinds, named };
		}
		return this.#named.named;
	}

	find(group: string, version: string, resource: string): ServedResource | undefined {
		return (
			this.#builtin.find(group, version, resource) ??
			this.#metrics?.find(group, version, resource) ??
			this.#custom.find(group, version, resource)
		);
	}

	/** What serves objects of a kind; undefined if nothing does. */
	findKind(group: string, version: string, kind: string): ServedResource | undefined {
		const definition = this.kinds.find((each) => each.group === group && each.kind === kind);
		return definition === undefined ? undefined : this.find(group, version, definition.resource);
	}

	/** Every version of every kind. */
	all(): readonly ServedResource[] {
		return this.kinds.flatMap(({ group, resource, versions }) => versions.flatMap((version) => this.find(group, version, resource) ?? []));
	}
}

function resourcesOf(kinds: readonly KindDefinition[]): readonly GeneratedResource[] {
	const served = new Set(kinds.flatMap((kind) => kind.versions.map((version) => `${kind.group}/${version}/${kind.resource}`)));
	return allResources.filter(({ group, version, resource }) => served.has(`${group}/${version}/${resource}`));
}
