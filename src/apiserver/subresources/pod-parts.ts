/** What the subresources that change one part of a pod's spec have in common. */
import type { KubeObject } from "../../apimachinery/meta.ts";

/** Set by a kubelet on the object that stands for a static pod. */
const mirrorAnnotation = "kubernetes.io/config.mirror";

export function isMirrorPod({ metadata }: KubeObject): boolean {
	return metadata?.annotations?.[mirrorAnnotation] !== undefined;
}

/** `object` with the old metadata, but for the times of deletion, which are the request's. Source: ResetObjectMetaForStatus. */
export function withOldMetadata<T extends KubeObject>(object: T, sent: KubeObject, old: KubeObject): T {
	const { labels, annotations, finalizers, ownerReferences } = old.metadata ?? {};
	const { labels: _, annotations: __, finalizers: ___, ownerReferences: ____, ...rest } = sent.metadata ?? {};
	return {
		...object,
		metadata: {
			...rest,
			...(labels === undefined ? {} : { labels }),
			...(annotations === undefined ? {} : { annotations }),
			...(finalizers === undefined ? {} : { finalizers }),
			...(ownerReferences === undefined ? {} : { ownerReferences }),
		},
	};
}
