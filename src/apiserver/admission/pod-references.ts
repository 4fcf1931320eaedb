/** What a pod refers to by name: objects that a static pod may not depend on. Source: pkg/api/pod/util.go. */
import type { Container, EphemeralContainer, Pod, PodSpec } from "../../apimachinery/schema/generated/types.ts";

/** On a pod that shows a static pod of a kubelet. */
export const mirrorAnnotation = "kubernetes.io/config.mirror";

export function allContainers(spec: PodSpec): readonly (Container | EphemeralContainer)[] {
	return [...spec.containers, ...(spec.initContainers ?? []), ...(spec.ephemeralContainers ?? [])];
}

/** Kinds of objects that the pod refers to, in the order in which they are looked for; `a service account` for the account. */
export function referencesOf({ spec }: Pod): readonly string[] {
	if (spec === undefined) return [];
	const volumes = spec.volumes ?? [];
	const sources = volumes.flatMap(({ projected }) => projected?.sources ?? []);
	const env = allContainers(spec).flatMap((container) => container.env ?? []);
	const envFrom = allContainers(spec).flatMap((container) => container.envFrom ?? []);
	const usesSecrets =
		(spec.imagePullSecrets?.length ?? 0) > 0 ||
		env.some(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined) ||
		envFrom.some(({ secretRef }) => secretRef !== undefined) ||
		sources.some(({ secret }) => secret !== undefined) ||
		volumes.some((volume) => volume.secret !== undefined || hasSecretRef(volume));
	const usesConfigMaps =
		env.some(({ valueFrom }) => valueFrom?.configMapKeyRef !== undefined) ||
		envFrom.some(({ configMapRef }) => configMapRef !== undefined) ||
		[...volumes, ...sources].some(({ configMap }) => configMap !== undefined);
	return [
		...((spec.serviceAccountName ?? "") === "" ? [] : ["a service account"]),
		...(usesSecrets ? ["secrets"] : []),
		...(usesConfigMaps ? ["configmaps"] : []),
		...(sources.some(({ clusterTrustBundle }) => clusterTrustBundle !== undefined) ? ["clustertrustbundles"] : []),
		...(volumes.some(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined) ? ["persistentvolumeclaims"] : []),
	];
}

/** Volumes of storage systems name a Secret with what they log in with. */
function hasSecretRef(volume: object): boolean {
	return Object.values(volume).some((source) => {
		if (typeof source !== "object" || source === null) return false;
		return ["secretRef", "secretName", "nodePublishSecretRef"].some((field) => Object.hasOwn(source, field));
	});
}
