/**
 * One request on its way through the pipeline: who asks, for what, and what serves it.
 */
import type { ApiRequest, RequestOptions } from "../../apimachinery/api-request.ts";
import { formatApiVersion, type KubeObject } from "../../apimachinery/meta.ts";
import type { GeneratedResource } from "../../apimachinery/schema/resources.ts";
import type { UserInfo } from "../../apimachinery/user.ts";
import type { KindDefinition } from "../registry/kind.ts";
import type { ServedResource } from "../registry/resource-table.ts";
import type { ObjectStorage } from "../storage/object-storage.ts";

export interface RequestContext {
	readonly user: UserInfo;
	readonly request: ApiRequest;
	readonly options: RequestOptions;
	readonly served: ServedResource;
	/** What the schema says of the addressed subresource; of the resource itself if there is none. */
	readonly endpoint: GeneratedResource;
	readonly definition: KindDefinition;
	readonly storage: ObjectStorage;
	/** "" for cluster-scoped resources and requests across namespaces. */
	readonly namespace: string;
	/** "" where the request names no object. */
	readonly name: string;
	/** Cluster time at which the request came in, Unix ms. */
	readonly nowMs: number;
	/** Texts for `Warning` headers; stages append. */
	readonly warnings: string[];
	/** Annotations of the request's audit event; stages add. */
	readonly auditAnnotations: Record<string, string>;
}

/** The object as clients of the request's version see it. */
export function toServedVersion(context: Pick<RequestContext, "definition" | "request">, object: KubeObject): KubeObject {
	return fromStorageVersion(context.definition, object, context.request.version);
}

export function fromStorageVersion(definition: KindDefinition, object: KubeObject, version: string): KubeObject {
	if (definition.fromStorage !== undefined) return definition.fromStorage(object, version);
	if (version === definition.storageVersion) return object;
	return { ...object, apiVersion: formatApiVersion({ group: definition.group, version }) };
}

/** An object of the request's version in the form that hooks see and the store keeps. */
export function toStorageVersion(context: Pick<RequestContext, "definition" | "request">, object: KubeObject): KubeObject {
	const { definition, request } = context;
	if (definition.toStorage !== undefined) return definition.toStorage(object, request.version);
	return {
		...object,
		kind: definition.kind,
		apiVersion: formatApiVersion({ group: definition.group, version: definition.storageVersion }),
	};
}
