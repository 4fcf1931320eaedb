/**
 * ServiceAccount: every pod runs as one, and gets its token, the cluster's CA and its namespace mounted. An account can name the
 * secrets that its pods may use.
 * Source: plugin/pkg/admission/serviceaccount; https://kubernetes.io/docs/tasks/configure-pod-container/configure-service-account/
 */

import type { Random } from "../../apimachinery/random.ts";
import type { Container, Pod, PodSpec, ProjectedVolumeSource, ServiceAccount, Volume } from "../../apimachinery/schema/generated/types.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { forbidden } from "./forbidden.ts";
import { mirrorAnnotation, referencesOf } from "./pod-references.ts";

/** An account with this on it is used with no other secrets than it lists. */
const enforceAnnotation = "kubernetes.io/enforce-mountable-secrets";
const tokenMountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
/** One hour and seven seconds: the kubelet then knows that it did not come from a user. */
const tokenLifetimeSeconds = 3607;
const projectedMode = 0o644;

export const serviceAccountAdmission: AdmissionPlugin = {
	name: "ServiceAccount",
	handles: ({ operation, group, resource, subresource }) =>
		operation === "CREATE" && group === "" && resource === "pods" && subresource === "",
	mutate(object, attributes) {
		const pod: Pod = object;
		// A mirror pod shows a static pod, which may not depend on API objects.
		if (pod.spec === undefined || isMirror(pod)) return object;
		const name = nameIn(pod.spec);
		const account = accountOf(pod, attributes);
		const spec: PodSpec = { ...pod.spec, serviceAccountName: name, serviceAccount: name };
		const mounts = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
		const withToken = mounts ? withTokenVolume(spec, attributes.random) : spec;
		return { ...pod, spec: withPullSecrets(withToken, account) } as Pod;
	},
	validate(object, attributes) {
		const pod = object as Pod;
		if (isMirror(pod)) {
			const [reference] = referencesOf(pod);
			if (reference === undefined) return;
			// Kubernetes has an account in the plural here.
			const what = reference === "a service account" ? "service accounts" : reference;
			throw forbidden(attributes, `a mirror pod may not reference ${what}`, pod);
		}
		if (pod.spec === undefined) return;
		const account = accountOf(pod, attributes);
		if (account.metadata?.annotations?.[enforceAnnotation]?.toLowerCase() !== "true") return;
		const refusal = unlistedReference(pod.spec, account);
		if (refusal !== undefined) throw forbidden(attributes, refusal, pod);
	},
};

const isMirror = ({ metadata }: Pod): boolean => metadata?.annotations?.[mirrorAnnotation] !== undefined;
const nameIn = (spec: PodSpec): string => spec.serviceAccountName || spec.serviceAccount || "default";

/** Throws Forbidden for an account that there is not. */
function accountOf(pod: Pod, attributes: AdmissionAttributes): ServiceAccount {
	const { lookup, namespace } = attributes;
	const name = pod.spec === undefined ? "default" : nameIn(pod.spec);
	const account = lookup.find("", "serviceaccounts", namespace, name);
	if (account !== undefined) return account as ServiceAccount;
	throw forbidden(attributes, `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`, pod);
}

/** What the pod uses and the account does not list; undefined if it lists all. */
function unlistedReference(spec: PodSpec, account: ServiceAccount): string | undefined {
	const name = account.metadata?.name ?? "";
	const listed = new Set((account.secrets ?? []).map((secret) => secret.name ?? ""));
	const unlisted = `is not allowed because service account ${name} does not reference that secret`;
	for (const { secret } of spec.volumes ?? []) {
		if (secret?.secretName === undefined || listed.has(secret.secretName)) continue;
		return `volume with secret.secretName="${secret.secretName}" ${unlisted}`;
	}
	const groups = [
		["init container", spec.initContainers ?? []],
		["container", spec.containers],
		["ephemeral container", spec.ephemeralContainers ?? []],
	] as const;
	for (const [what, containers] of groups) {
		for (const container of containers) {
			for (const { name: variable, valueFrom } of container.env ?? []) {
				const secret = valueFrom?.secretKeyRef?.name ?? "";
				if (valueFrom?.secretKeyRef === undefined || listed.has(secret)) continue;
				return `${what} ${container.name} with envVar ${variable} referencing secret.secretName="${secret}" ${unlisted}`;
			}
			for (const { secretRef } of container.envFrom ?? []) {
				const secret = secretRef?.name ?? "";
				if (secretRef === undefined || listed.has(secret)) continue;
				return `${what} ${container.name} with envFrom referencing secret.secretName="${secret}" ${unlisted}`;
			}
		}
	}
	const pulls = new Set((account.imagePullSecrets ?? []).map((secret) => secret.name ?? ""));
	const pull = (spec.imagePullSecrets ?? []).find((secret) => !pulls.has(secret.name ?? ""));
	if (pull === undefined) return undefined;
	return `imagePullSecrets references secret="${pull.name}" but service account ${name} does not reference that imagePullSecret`;
}

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
			? { ...container, volumeMounts: (container.volumeMounts ?? []).concat({ name, readOnly: true, mountPath: tokenMountPath }) }
			: container;
	return {
		...spec,
		containers: spec.containers.map(mount),
		...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(mount) }),
		volumes: existing === undefined ? (spec.volumes ?? []).concat(tokenVolume(name)) : (spec.volumes ?? []),
	};
}

/** All pods share one. */
const projectedToken: ProjectedVolumeSource = {
	defaultMode: projectedMode,
	sources: [
		{ serviceAccountToken: { expirationSeconds: tokenLifetimeSeconds, path: "token" } },
		{ configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
		{ downwardAPI: { items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }] } },
	],
};

function tokenVolume(name: string): Volume {
	return { name, projected: projectedToken };
}
