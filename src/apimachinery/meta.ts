/**
 * What every API object has, whatever its kind. The fields of each kind are in schema/generated/types.ts.
 */
import type { ListMeta, ObjectMeta } from "./schema/generated/types.ts";

/** Any API object, as it stands on the wire: an immutable JSON value with kind, apiVersion and metadata. */
export interface KubeObject {
	readonly apiVersion?: string;
	readonly kind?: string;
	readonly metadata?: ObjectMeta;
}

export interface KubeList<T extends KubeObject = KubeObject> {
	readonly apiVersion?: string;
	readonly kind?: string;
	readonly metadata?: ListMeta;
	readonly items: readonly T[];
}

export interface GroupVersion {
	/** "" is the core group. */
	readonly group: string;
	readonly version: string;
}

export interface GroupVersionKind extends GroupVersion {
	readonly kind: string;
}

export interface GroupVersionResource extends GroupVersion {
	/** Plural, lower case: `pods`. */
	readonly resource: string;
}

/** `apps/v1`; `v1` for the core group. */
export function formatApiVersion({ group, version }: GroupVersion): string {
	return group === "" ? version : `${group}/${version}`;
}

/** Reads `apps/v1` or `v1`. */
export function parseApiVersion(apiVersion: string): GroupVersion {
	const slash = apiVersion.indexOf("/");
	return slash === -1 ? { group: "", version: apiVersion } : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

/** `deployments.apps`; `pods` for the core group: how Kubernetes' messages name a resource. */
export function formatGroupResource({ group, resource }: Pick<GroupVersionResource, "group" | "resource">): string {
	return group === "" ? resource : `${resource}.${group}`;
}

/** `default/web-0`, or the bare name of a cluster-scoped object: the key of work queues and indexes. */
export function objectKey(object: KubeObject): string {
	const { namespace, name = "" } = object.metadata ?? {};
	return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}
