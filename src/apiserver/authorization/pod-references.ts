/**
 * What a pod, and a volume, name of other objects: what the kubelet that runs the pod has to read.
 * Source: pkg/api/v1/pod/util.go, pkg/api/v1/persistentvolume/util.go and plugin/pkg/auth/authorizer/node/graph.go
 */
import type {
	Container,
	EphemeralContainer,
	PersistentVolume,
	Pod,
	SecretReference,
	Volume,
} from "../../apimachinery/schema/generated/types.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";

/** What may be asked for by way of a pod. */
export type ReferencedKind = "secret" | "configmap" | "serviceaccount" | "claim" | "resourceclaim";

/** Whether the pod names the object, which is in its namespace. A mirror pod, which its node has made, names nothing. */
export function podRefersTo(pod: Pod, kind: ReferencedKind, name: string): boolean {
	if (pod.metadata?.annotations?.[mirrorAnnotation] !== undefined) return false;
	switch (kind) {
		case "serviceaccount":
			return pod.spec?.serviceAccountName === name;
		case "secret":
			return (
				(pod.spec?.imagePullSecrets?.some((reference) => reference.name === name) ?? false) ||
				anyEnvironment(pod, "secret", name) ||
				(pod.spec?.volumes?.some((volume) => volumeNamesSecret(volume, name)) ?? false)
			);
		case "configmap":
			return (
				anyEnvironment(pod, "configmap", name) ||
				(pod.spec?.volumes?.some(
					({ configMap, projected }) =>
						configMap?.name === name || (projected?.sources?.some((source) => source.configMap?.name === name) ?? false),
				) ??
					false)
			);
		case "claim":
			return claimsOf(pod).includes(name);
		case "resourceclaim":
			return resourceClaimsOf(pod).includes(name);
		default: {
			const unknown: never = kind;
			return unknown;
		}
	}
}

/** Names of the PersistentVolumeClaims that the pod's volumes are, those made for it among them. */
export function claimsOf({ metadata, spec }: Pod): readonly string[] {
	return (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
		if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
		return ephemeral === undefined ? [] : [`${metadata?.name}-${name}`];
	});
}

/** A claim from a template has the name that the pod's status records. */
function resourceClaimsOf({ spec, status }: Pod): readonly string[] {
	const recorded = new Map(status?.resourceClaimStatuses?.map(({ name, resourceClaimName }) => [name, resourceClaimName]));
	const named = (spec?.resourceClaims ?? []).map(({ name, resourceClaimName }) => resourceClaimName ?? recorded.get(name));
	return [...named, status?.extendedResourceClaimStatus?.resourceClaimName].filter((name) => name !== undefined);
}

function anyEnvironment({ spec }: Pod, kind: "secret" | "configmap", name: string): boolean {
	const containers: readonly (Container | EphemeralContainer)[] = [
		...(spec?.initContainers ?? []),
		...(spec?.containers ?? []),
		...(spec?.ephemeralContainers ?? []),
	];
	return containers.some(
		({ env = [], envFrom = [] }) =>
			envFrom.some(({ secretRef, configMapRef }) => (kind === "secret" ? secretRef : configMapRef)?.name === name) ||
			env.some(({ valueFrom }) => (kind === "secret" ? valueFrom?.secretKeyRef : valueFrom?.configMapKeyRef)?.name === name),
	);
}

function volumeNamesSecret(volume: Volume, name: string): boolean {
	const { secret, projected, azureFile, cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos, csi } = volume;
	return (
		secret?.secretName === name ||
		azureFile?.secretName === name ||
		[cephfs, cinder, flexVolume, iscsi, rbd, scaleIO, storageos].some((source) => source?.secretRef?.name === name) ||
		csi?.nodePublishSecretRef?.name === name ||
		(projected?.sources?.some((source) => source.secret?.name === name) ?? false)
	);
}

/** Whether a kubelet reads this Secret to mount the volume. What only controllers need does not count. */
export function volumeRefersToSecret({ spec }: PersistentVolume, namespace: string, name: string): boolean {
	const claimNamespace = spec?.claimRef?.namespace ?? "";
	const { azureFile, cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos, csi } = spec ?? {};
	const isIt = (reference: SecretReference | undefined, fallback = "") =>
		reference?.name === name && (reference.namespace || fallback) === namespace;
	return (
		isIt(
			azureFile === undefined ? undefined : { name: azureFile.secretName, namespace: azureFile.secretNamespace ?? "" },
			claimNamespace,
		) ||
		[cephfs, flexVolume, rbd, scaleIO, iscsi].some((source) => isIt(source?.secretRef, claimNamespace)) ||
		[cinder, storageos].some((source) => isIt(source?.secretRef)) ||
		[csi?.nodePublishSecretRef, csi?.nodeStageSecretRef, csi?.nodeExpandSecretRef].some((reference) => isIt(reference))
	);
}
