/**
 * What the API server warns of in Pods and templates without refusing it. Source: pkg/api/pod/warnings.go,
 * pkg/api/node/util.go, podStrategy.WarningsOnCreate in pkg/registry/core/pod/strategy.go of Kubernetes 1.36.
 */
import type {
	Affinity,
	NodeSelectorTerm,
	PodAffinity,
	PodSpec,
	PodTemplateSpec,
	TopologySpreadConstraint,
} from "../../../apimachinery/schema/generated/types.ts";
import { isDns1123Label } from "../../../apimachinery/validation/names.ts";
import type { Annotations } from "../validation/pod-annotations.ts";
import { SECCOMP_POD } from "../validation/pod-annotations.ts";
import { containerWarnings, fractionalBytes, portWarnings } from "./container-warnings.ts";
import { volumeWarnings } from "./volume-warnings.ts";

type Warnings = readonly string[];

/** Labels of nodes that have a new name, and since when. */
const deprecatedNodeLabels: ReadonlyMap<string, string> = new Map([
	["beta.kubernetes.io/arch", 'deprecated since v1.14; use "kubernetes.io/arch" instead'],
	["beta.kubernetes.io/os", 'deprecated since v1.14; use "kubernetes.io/os" instead'],
	["failure-domain.beta.kubernetes.io/region", 'deprecated since v1.17; use "topology.kubernetes.io/region" instead'],
	["failure-domain.beta.kubernetes.io/zone", 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'],
	["beta.kubernetes.io/instance-type", 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'],
]);

/** Annotations that once did what a field does now. */
const deprecatedAnnotations: ReadonlyMap<string, string> = new Map([
	["scheduler.alpha.kubernetes.io/critical-pod", 'non-functional in v1.16+; use the "priorityClassName" field instead'],
	["security.alpha.kubernetes.io/sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
	["security.alpha.kubernetes.io/unsafe-sysctls", 'non-functional in v1.11+; use the "sysctls" field instead'],
]);

/** Warnings of a workload's template at `path`. */
export const podTemplateWarnings = (template: PodTemplateSpec | undefined, path = "spec.template"): Warnings =>
	template?.spec === undefined ? [] : podSpecWarnings(template.spec, template.metadata?.annotations ?? {}, `${path}.`);

/** Warnings of a spec, and of the annotations beside it; `prefix` stands before `spec` and `metadata`, as `spec.template.`. */
export function podSpecWarnings(spec: PodSpec, annotations: Annotations, prefix: string): Warnings {
	const path = `${prefix}spec`;
	const annotationPath = (key: string) => `${prefix}metadata.annotations[${key}]`;
	const grace = spec.terminationGracePeriodSeconds ?? 0;
	return [
		...nodeLabelWarnings(spec, path),
		...(spec.topologySpreadConstraints ?? []).flatMap((constraint, index) =>
			spreadWarnings(constraint, `${path}.topologySpreadConstraints[${index}]`),
		),
		...[...deprecatedAnnotations].flatMap(([key, text]) => (annotations[key] === undefined ? [] : [`${annotationPath(key)}: ${text}`])),
		...volumeWarnings(spec.volumes ?? [], `${path}.volumes`),
		...listWarnings(spec, path),
		...["memory", "ephemeral-storage"].flatMap((resource) => fractionalBytes(spec.overhead, resource, `${path}.overhead`)),
		...(spec.securityContext?.seccompProfile === undefined && annotations[SECCOMP_POD] !== undefined
			? [`${annotationPath(SECCOMP_POD)}: non-functional in v1.27+; use the "seccompProfile" field instead`]
			: []),
		...containerWarnings(spec, annotations, path, annotationPath),
		...portWarnings(spec, path),
		...(grace < 0 ? [`${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`] : []),
		...affinityWarnings(spec.affinity, `${path}.affinity`),
	];
}

/** A name that is no DNS label makes a strange host name. */
export function hostNameWarnings(name: string | undefined): Warnings {
	const texts = name === undefined ? [] : isDns1123Label(name);
	if (texts.length === 0) return [];
	return [
		`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${texts.join(" ")}]`,
	];
}

function nodeLabelWarnings({ nodeSelector = {}, affinity }: PodSpec, path: string): Warnings {
	const { requiredDuringSchedulingIgnoredDuringExecution: required, preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } =
		affinity?.nodeAffinity ?? {};
	const at = `${path}.affinity.nodeAffinity`;
	return [
		...Object.keys(nodeSelector).flatMap((label) => {
			const text = deprecatedNodeLabels.get(label);
			return text === undefined ? [] : [`${path}.nodeSelector[${label}]: ${text}`];
		}),
		...(required?.nodeSelectorTerms ?? []).flatMap((term, index) =>
			termWarnings(term, `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${index}]`),
		),
		...preferred.flatMap(({ preference }, index) =>
			termWarnings(preference, `${at}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`),
		),
	];
}

const termWarnings = (term: NodeSelectorTerm | undefined, path: string): Warnings =>
	(term?.matchExpressions ?? []).flatMap(({ key }, index) => deprecatedLabelWarning(key, `${path}.matchExpressions[${index}].key`));

function deprecatedLabelWarning(label: string | undefined, path: string): Warnings {
	const text = deprecatedNodeLabels.get(label ?? "");
	return text === undefined ? [] : [`${path}: ${label} is ${text}`];
}

const spreadWarnings = ({ topologyKey, labelSelector }: TopologySpreadConstraint, path: string): Warnings => [
	...deprecatedLabelWarning(topologyKey, `${path}.topologyKey`),
	...nullSelectorWarning(labelSelector, path),
];

const nullSelectorWarning = (selector: object | undefined, path: string): Warnings =>
	selector === undefined ? [`${path}.labelSelector: a null labelSelector results in matching no pod`] : [];

const affinityWarnings = (affinity: Affinity | undefined, path: string): Warnings =>
	(["podAffinity", "podAntiAffinity"] as const).flatMap((kind) => termsWarnings(affinity?.[kind], `${path}.${kind}`));

function termsWarnings(affinity: PodAffinity | undefined, path: string): Warnings {
	const { requiredDuringSchedulingIgnoredDuringExecution: required = [], preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } =
		affinity ?? {};
	return [
		...required.flatMap(({ labelSelector }, index) =>
			nullSelectorWarning(labelSelector, `${path}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`),
		),
		...preferred.flatMap(({ podAffinityTerm }, index) =>
			nullSelectorWarning(
				podAffinityTerm?.labelSelector,
				`${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm`,
			),
		),
	];
}

/** Lists whose items should differ, which apply merges by that. */
function listWarnings({ hostAliases = [], imagePullSecrets = [] }: PodSpec, path: string): Warnings {
	const secrets = imagePullSecrets.map(({ name = "" }) => name);
	return [
		...repeated(hostAliases.map(({ ip = "" }) => ip)).map(([index, ip]) => `${path}.hostAliases[${index}].ip: duplicate ip ${ip}`),
		...repeated(secrets).map(([index, name]) => `${path}.imagePullSecrets[${index}].name: duplicate name ${name}`),
		...secrets.flatMap((name, index) => (name === "" ? [`${path}.imagePullSecrets[${index}].name: invalid empty name ""`] : [])),
	];
}

/** Where a value stands that was there before, and the value in quotes. */
function repeated(values: readonly string[]): readonly (readonly [index: number, quoted: string])[] {
	return values.flatMap((value, index) => (values.indexOf(value) < index ? [[index, JSON.stringify(value)] as const] : []));
}
