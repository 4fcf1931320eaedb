/** The finalizer that holds a claim or a volume while it is used. Pure. */
import type { KubeObject } from "../../apimachinery/meta.ts";

/** It lives, and admission has not given it the finalizer: it is older than that, or somebody took it away. */
export function isUnprotected({ metadata }: KubeObject, finalizer: string): boolean {
	return metadata?.deletionTimestamp === undefined && !(metadata?.finalizers ?? []).includes(finalizer);
}

/** It is being deleted, and the finalizer holds it. */
export function isToBeFreed({ metadata }: KubeObject, finalizer: string): boolean {
	return metadata?.deletionTimestamp !== undefined && (metadata.finalizers ?? []).includes(finalizer);
}

export function withFinalizer<T extends KubeObject>(object: T, finalizer: string): T {
	return { ...object, metadata: { ...object.metadata, finalizers: [...(object.metadata?.finalizers ?? []), finalizer] } };
}

export function withoutFinalizer<T extends KubeObject>(object: T, finalizer: string): T {
	const finalizers = (object.metadata?.finalizers ?? []).filter((each) => each !== finalizer);
	return { ...object, metadata: { ...object.metadata, finalizers } };
}
