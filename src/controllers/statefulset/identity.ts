/**
 * Who a StatefulSet's pods are: name and ordinal, labels, host name, and the claims that stay theirs. Pure.
 * Source: https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#pod-identity and
 * pkg/controller/statefulset/stateful_set_utils.go.
 */
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet, Volume } from "../../apimachinery/schema/generated/types.ts";
import { controllerReference } from "../../client/owner.ts";
import { revisionHashLabel } from "../revisions/controller-revision.ts";

const podNameLabel = "statefulset.kubernetes.io/pod-name";
const podIndexLabel = "apps.kubernetes.io/pod-index";

const maxOrdinal = 2 ** 31 - 1;

interface ParsedName {
	readonly parent: string;
	readonly ordinal: number;
}

function parseName({ metadata }: Pod): ParsedName | undefined {
	const match = /^(.*)-([0-9]+)$/.exec(metadata?.name ?? "");
	if (match?.[1] === undefined) return undefined;
	const ordinal = Number(match[2]);
	return ordinal > maxOrdinal ? undefined : { parent: match[1], ordinal };
}

/** The number at the end of the pod's name; undefined if there is none. */
export function ordinalOf(pod: Pod): number | undefined {
	return parseName(pod)?.ordinal;
}

/** Whether the pod is called like one of the set's. */
export function isMember(set: StatefulSet, pod: Pod): boolean {
	return parseName(pod)?.parent === set.metadata?.name;
}

export function podName(set: StatefulSet, ordinal: number): string {
	return `${set.metadata?.name}-${ordinal}`;
}

export function startOrdinal({ spec }: StatefulSet): number {
	return spec?.ordinals?.start ?? 0;
}

export function wantedReplicas({ spec }: StatefulSet): number {
	return spec?.replicas ?? 1;
}

/** Whether the set wants a pod of this ordinal. */
export function isInRange(set: StatefulSet, ordinal: number): boolean {
	const start = startOrdinal(set);
	return ordinal >= start && ordinal < start + wantedReplicas(set);
}

/** Name of the revision that the pod was made from; "" if it has none. */
export function revisionOf({ metadata }: Pod): string {
	return metadata?.labels?.[revisionHashLabel] ?? "";
}

/** The pod of this ordinal, made from the template of the revision of this name. */
export function newPod(set: StatefulSet, template: PodTemplateSpec | undefined, revision: string, ordinal: number): Pod {
	const { annotations, finalizers, labels } = template?.metadata ?? {};
	const { namespace } = set.metadata ?? {};
	const name = podName(set, ordinal);
	const { serviceName } = set.spec ?? {};
	return {
		apiVersion: "v1",
		kind: "Pod",
		metadata: {
			name,
			...(namespace === undefined ? {} : { namespace }),
			labels: { ...labels, ...identityLabels(name, ordinal), [revisionHashLabel]: revision },
			...(annotations === undefined ? {} : { annotations }),
			...(finalizers === undefined ? {} : { finalizers }),
			ownerReferences: [controllerReference(set)],
		},
		spec: {
			...(template?.spec ?? { containers: [] }),
			hostname: name,
			...(serviceName === undefined || serviceName === "" ? {} : { subdomain: serviceName }),
			...volumesOf(set, ordinal, template?.spec?.volumes),
		},
	};
}

function identityLabels(name: string, ordinal: number): Readonly<Record<string, string>> {
	return { [podNameLabel]: name, [podIndexLabel]: String(ordinal) };
}

/** The template's volumes, those of the set's claims first and in place of others of the same name. */
function volumesOf(set: StatefulSet, ordinal: number, volumes: readonly Volume[] = []): { readonly volumes?: readonly Volume[] } {
	const claimed = claimTemplates(set).map((template) => {
		const name = template.metadata?.name ?? "";
		return { name, persistentVolumeClaim: { claimName: claimName(set, template, ordinal) } };
	});
	const names = new Set(claimed.map(({ name }) => name));
	const all = [...claimed, ...volumes.filter(({ name }) => !names.has(name))];
	return all.length === 0 ? {} : { volumes: all };
}

function claimTemplates({ spec }: StatefulSet): readonly PersistentVolumeClaim[] {
	return spec?.volumeClaimTemplates ?? [];
}

function claimName(set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string {
	return `${template.metadata?.name}-${podName(set, ordinal)}`;
}

/** The claims of the pod of this ordinal, as they are created. */
export function claimsOf(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
	return claimTemplates(set).map((template) => ({
		...template,
		metadata: {
			...template.metadata,
			name: claimName(set, template, ordinal),
			...(set.metadata?.namespace === undefined ? {} : { namespace: set.metadata.namespace }),
			labels: { ...template.metadata?.labels, ...set.spec?.selector.matchLabels },
		},
	}));
}

/** Whether the claim is called like one of the set's pods'. */
export function ownsClaimName(set: StatefulSet, name: string): boolean {
	return claimTemplates(set).some((template) => {
		const prefix = `${template.metadata?.name}-${set.metadata?.name}-`;
		return name.startsWith(prefix) && /^[0-9]+$/.test(name.slice(prefix.length));
	});
}

/** Whether the pod bears the label that a Service selects it by. */
export function hasIdentity(set: StatefulSet, pod: Pod): boolean {
	return isMember(set, pod) && pod.metadata?.labels?.[podNameLabel] === pod.metadata?.name;
}

/** Whether the pod's volumes are its claims. */
export function hasStorage(set: StatefulSet, pod: Pod, ordinal: number): boolean {
	return claimTemplates(set).every((template) => {
		const volume = pod.spec?.volumes?.find(({ name }) => name === template.metadata?.name);
		return volume?.persistentVolumeClaim?.claimName === claimName(set, template, ordinal);
	});
}

/** The pod with its labels and volumes put right. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
	const labels = { ...pod.metadata?.labels, ...identityLabels(pod.metadata?.name ?? "", ordinal) };
	const spec = hasStorage(set, pod, ordinal)
		? pod.spec
		: { ...(pod.spec ?? { containers: [] }), ...volumesOf(set, ordinal, pod.spec?.volumes) };
	return { ...pod, metadata: { ...pod.metadata, labels }, ...(spec === undefined ? {} : { spec }) };
}
