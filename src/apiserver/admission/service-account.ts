/**
 * ServiceAccount: every pod runs as one, and gets its token, the cluster's CA and its namespace mounted.
 * Source: plugin/pkg/admission/serviceaccount; https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
 */

import type { Random } from "../../apimachinery/random.ts";
import type { Container, Pod, PodSpec, ServiceAccount, Volume } from "../../apimachinery/schema/generated/types.ts";
import { newForbidden } from "../../apimachinery/status-error.ts";
import type { AdmissionPlugin } from "./admission.ts";

const tokenMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** One hour and seven seconds: the kubelet then knows that it did not come from a user. */
const tokenLifetimeSeconds = 3607;
const projectedMode = 0o644;

export const serviceAccountAdmission: AdmissionPlugin = {
	name: "ServiceAccount",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && resource === "pods" && subresource === "",
	mutate(object, { group, resource, namespace, lookup, random }) {
		const pod = object as Pod;
		// A mirror pod shows a static pod, which may not depend on API objects.
		if (pod.spec === undefined || pod.metadata?.annotations?.["kubernetes.io/config.mirror"] !== undefined) return object;
		const name = pod.spec.serviceAccountName || pod.spec.serviceAccount || "default";
		const account = lookup.find("", "serviceaccounts", namespace, name) as ServiceAccount | undefined;
		if (account === undefined) {
			const why = `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
			throw newForbidden({ group, resource }, pod.metadata?.name ?? "", why);
		}
		const spec: PodSpec = { ...pod.spec, serviceAccountName: name, serviceAccount: name };
		const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
		const withToken = mounts ? withTokenVolume(spec, random) : spec;
		return { ...pod, spec: withPullSecrets(withToken, account) } as Pod;
	},
};

function withPullSecrets(spec: PodSpec, account: ServiceAccount): PodSpec {
	const secrets = account.imagePullSecrets ?? [];
	return (spec.imagePullSecrets?.length ?? 0) > 0 || secrets.length === 0 ? spec : { ...spec, imagePullSecrets: secrets };
}

function withTokenVolume(spec: PodSpec, random: Random): PodSpec {
	const needsToken = (container: Container) => !(container.volumeMounts ?? []).some((mount) => mount.mountPath === tokenMountPath);
	const containers = [...spec.containers, ...(spec.initContainers ?? [])];
	if (!containers.some(needsToken)) return spec;
	const existing = spec.volumes?.find((volume) => volume.name.startsWith("kube-api-access-"));
	const name = existing?.name ?? `kube-api-access-${random.suffix(5)}`;
	const mount = (container: Container): Container =>
		needsToken(container)
			? { ...container, volumeMounts: [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: tokenMountPath }] }
			: container;
	return {
		...spec,
		containers: spec.containers.map(mount),
		...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(mount) }),
		volumes: existing === undefined ? [...(spec.volumes ?? []), tokenVolume(name)] : (spec.volumes ?? []),
	};
}

function tokenVolume(name: string): Volume {
	return {
		name,
		projected: {
			defaultMode: projectedMode,
			sources: [
				{ serviceAccountToken: { expirationSeconds: tokenLifetimeSeconds, path: "token" } },
				{ configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
				{ downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
			],
		},
	};
}
