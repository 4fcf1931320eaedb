/**
 * Every resource that kube-apiserver 1.36 serves by default, typed: the one table that discovery, OpenAPI and clients
 * derive from.
 */
import { gatedResources, generatedResources } from "./generated/resources.ts";

/** A resource, or one of its subresources, of one served group version. */
export interface GeneratedResource {
	readonly group: string;
	readonly version: string;
	/** Plural, lower case. */
	readonly resource: string;
	/** "" for the resource itself. */
	readonly subresource: string;
	/** Kind of the object that the endpoint takes and gives; "" for streams (log, exec, proxy). */
	readonly kind: string;
	/** Name of that kind's type in the schema table; "" for streams. */
	readonly type: string;
	readonly namespaced: boolean;
	/** In the order of discovery documents. */
	readonly verbs: readonly string[];
}

/** Those of `generatedResources`, and those that are served only with a feature gate. */
const allResources: readonly GeneratedResource[] = [...generatedResources, ...gatedResources];

export { allResources, gatedResources, generatedResources };
