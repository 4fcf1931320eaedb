/**
 * Admission: what the cluster as a whole has to say about a write, after the kind's own defaults and before validation.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
 */
import type { Verb } from "../../apimachinery/api-request.ts";
import type { KubeObject } from "../../apimachinery/meta.ts";
import type { Random } from "../../apimachinery/random.ts";
import type { UserInfo } from "../../apimachinery/user.ts";

/** What plugins may look at besides the object: the current state of other objects, from the watch cache. */
export interface AdmissionLookup {
	/** An object in its storage version; undefined if there is none. Namespace "" for cluster-scoped kinds. */
	find(group: string, resource: string, namespace: string, name: string): KubeObject | undefined;
	list(group: string, resource: string, namespace?: string): readonly KubeObject[];
}

export interface AdmissionAttributes {
	readonly verb: Extract<Verb, "create" | "update" | "delete">;
	readonly group: string;
	readonly resource: string;
	readonly kind: string;
	/** "" for the object itself. */
	readonly subresource: string;
	/** "" for cluster-scoped kinds. */
	readonly namespace: string;
	readonly name: string;
	readonly user: UserInfo;
	readonly lookup: AdmissionLookup;
	readonly random: Random;
}

/** One admission plugin. Both hooks throw a `StatusError` to refuse. */
export interface AdmissionPlugin {
	/** Kubernetes' name of it: `NamespaceLifecycle`. */
	readonly name: string;
	/** Changes the object of a create or update. */
	mutate?(object: KubeObject, attributes: AdmissionAttributes): KubeObject;
	/** Has the last word, after validation. `object` is undefined for a delete. */
	validate?(object: KubeObject | undefined, attributes: AdmissionAttributes): void;
}

/** The plugins in the order in which they run. */
export class AdmissionChain {
	readonly #plugins: readonly AdmissionPlugin[];

	constructor(plugins: readonly AdmissionPlugin[]) {
		this.#plugins = plugins;
	}

	mutate(object: KubeObject, attributes: AdmissionAttributes): KubeObject {
		let current = object;
		for (const plugin of this.#plugins) current = plugin.mutate?.(current, attributes) ?? current;
		return current;
	}

	validate(object: KubeObject | undefined, attributes: AdmissionAttributes): void {
		for (const plugin of this.#plugins) plugin.validate?.(object, attributes);
	}
}
