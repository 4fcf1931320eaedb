/** What the Services of a namespace put into its containers' environments: made once for all pods that start while they stay the same. */
import type { Service } from "../../apimachinery/schema/generated/types.ts";
import type { Informer } from "../../client/informer.ts";
import { serviceEnvironment } from "./environment.ts";

export class ServiceEnvironments {
	readonly #services: Informer<Service>;
	#made = new Map<string, ReadonlyMap<string, string>>();

	constructor(services: Informer<Service>) {
		this.#services = services;
	}

	/** Some Service has changed. */
	forget(): void {
		this.#made = new Map();
	}

	/** @param scope a namespace, or `default/kubernetes` for the API server's Service alone. */
	of(scope: string): ReadonlyMap<string, string> {
		const known = this.#made.get(scope);
		if (known !== undefined) return known;
		const { cache } = this.#services;
		const kubernetes = cache.get("default/kubernetes");
		const own = scope.includes("/") ? [] : cache.listNamespace(scope).filter((service) => service !== kubernetes);
		const made = serviceEnvironment([...own, ...(kubernetes === undefined ? [] : [kubernetes])]);
		this.#made.set(scope, made);
		return made;
	}
}
