/**
 * A Pod's spec, in a Pod or a template. Source: ValidatePodSpec and ValidatePodTemplateSpec in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { PodSpec, PodTemplateSpec, Volume } from "../../../apimachinery/schema/generated/types.ts";
import { fieldForbidden, fieldInvalid, fieldNotFound, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { inclusiveRangeText, isDns1123Subdomain, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { validateHostNetworkPorts } from "./container-ports.ts";
import { validateContainers } from "./containers.ts";
import { containersOf } from "./containers-of.ts";
import { validateDnsConfig, validateDnsPolicy, validateHostAliases, validateHostnameOverride } from "./dns.ts";
import { validatePodAnnotations } from "./pod-annotations.ts";
import { validateHostUsers, validateOs } from "./pod-os.ts";
import { validateProfilesMatch } from "./pod-profiles.ts";
import { claimNames, validatePodResources, validateResourceClaims } from "./pod-resources.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateAnnotations,
	validateEach,
	validateEnumInOrder,
	validateLabels,
	validateName,
	validateOptionalLabel,
	validateOptionalSubdomain,
} from "./primitives.ts";
import { validateResourceRequirements } from "./resources.ts";
import { validateAffinity, validateSchedulingGates, validateTolerations, validateTopologySpreadConstraints } from "./scheduling.ts";
import { validatePodSecurityContext } from "./security-context.ts";
import type { UsableVolumes } from "./volume-mounts.ts";
import { validateVolumes } from "./volumes.ts";
import { validateHostProcess } from "./windows-options.ts";

const MAX_INT32 = 2 ** 31 - 1;

export interface PodSpecOptions {
	/** Names that containers may mount besides the spec's own volumes: a StatefulSet's claim templates. */
	readonly extraVolumes?: readonly string[];
	/** The name of the Pod whose spec it is; absent in templates. */
	readonly podName?: string;
}

/** Everything wrong with the spec at `path`, in upstream's order. */
export function validatePodSpec(spec: PodSpec, path: string, { extraVolumes = [], podName }: PodSpecOptions = {}): FieldErrors {
	const { errors: volumeErrors, sound } = validateVolumes(spec.volumes, podName, `${path}.volumes`);
	const volumes: UsableVolumes = new Map([...sound, ...extraVolumes.map((name) => [name, claimVolume(name)] as const)]);
	const claims = claimNames(spec.resourceClaims);
	return [
		...(spec.terminationGracePeriodSeconds === undefined ? [fieldRequired(`${path}.terminationGracePeriodSeconds`)] : NO_ERRORS),
		...volumeErrors,
		...validateResourceClaims(spec.resourceClaims, `${path}.resourceClaims`),
		...validateContainers(spec, { volumes, claims }, path),
		...validatePodResources(spec, claims, path),
		...(spec.hostNetwork === true ? validateHostNetwork(spec, podName !== undefined, path) : NO_ERRORS),
		...validateEnumInOrder(spec.restartPolicy, `${path}.restartPolicy`, ["Always", "OnFailure", "Never"]),
		...validateDnsPolicy(spec.dnsPolicy, `${path}.dnsPolicy`),
		...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
		...validatePodSecurityContext(spec, path),
		...validateAffinity(spec.affinity, `${path}.affinity`),
		...validateDnsConfig(spec.dnsConfig, spec.dnsPolicy, `${path}.dnsConfig`),
		...validateEach(spec.readinessGates, `${path}.readinessGates`, ({ conditionType }, at) =>
			validateName(conditionType, `${at}.conditionType`, isQualifiedName),
		),
		...validateSchedulingGates(spec.schedulingGates, `${path}.schedulingGates`),
		...validateTopologySpreadConstraints(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`),
		...validateHostProcess(spec, path),
		...validateHostUsers(spec, path),
		...validateHostnameOverride(spec, path),
		...validateOptionalSubdomain(spec.serviceAccountName, `${path}.serviceAccountName`),
		...validateOptionalSubdomain(spec.nodeName, `${path}.nodeName`),
		...validateDeadline(spec.activeDeadlineSeconds, `${path}.activeDeadlineSeconds`),
		...validateOptionalLabel(spec.hostname, `${path}.hostname`),
		...validateOptionalLabel(spec.subdomain, `${path}.subdomain`),
		...validateTolerations(spec.tolerations, `${path}.tolerations`),
		...validateHostAliases(spec.hostAliases, `${path}.hostAliases`),
		...validateOptionalSubdomain(spec.priorityClassName, `${path}.priorityClassName`),
		...(spec.runtimeClassName === undefined
			? NO_ERRORS
			: invalidFor(`${path}.runtimeClassName`, spec.runtimeClassName, isDns1123Subdomain(spec.runtimeClassName))),
		...(spec.preemptionPolicy === undefined
			? NO_ERRORS
			: validateEnumInOrder(spec.preemptionPolicy, `${path}.preemptionPolicy`, ["PreemptLowerPriority", "Never"])),
		...(spec.overhead === undefined ? NO_ERRORS : validateResourceRequirements({ limits: spec.overhead }, `${path}.overhead`)),
		...validateOs(spec, path),
		...validateFileKeyVolumes(spec, path),
	];
}

const claimVolume = (name: string): Volume => ({ name, persistentVolumeClaim: { claimName: name } });

const validateHostNetwork = ({ containers, initContainers = [] }: PodSpec, isPod: boolean, path: string): FieldErrors => [
	...validateHostNetworkPorts(containers ?? [], `${path}.containers`, isPod),
	...validateHostNetworkPorts(initContainers, `${path}.initContainers`, isPod),
];

function validateDeadline(seconds: number | undefined, path: string): FieldErrors {
	if (seconds === undefined || (seconds >= 1 && seconds <= MAX_INT32)) return NO_ERRORS;
	return [fieldInvalid(path, seconds, inclusiveRangeText(1, MAX_INT32))];
}

/** Files of variables lie in a volume that the Pod's own containers fill. */
function validateFileKeyVolumes(spec: PodSpec, path: string): FieldErrors {
	const volumes = new Map((spec.volumes ?? []).map((volume) => [volume.name ?? "", volume]));
	return containersOf(spec, path).flatMap(([{ env }, containerPath]) =>
		validateEach(env, `${containerPath}.env`, ({ valueFrom }, at): FieldErrors => {
			if (valueFrom?.fileKeyRef === undefined) return NO_ERRORS;
			const { volumeName = "" } = valueFrom.fileKeyRef;
			const namePath = `${at}.valueFrom.fileKeyRef.volumeName`;
			const volume = volumes.get(volumeName);
			if (volume === undefined) return [fieldNotFound(namePath, volumeName)];
			return volume.emptyDir === undefined ? [fieldInvalid(namePath, volumeName, "referenced volume must be of type emptyDir")] : NO_ERRORS;
		}),
	);
}

/** A template of Pods: its labels, annotations and spec. */
export function validatePodTemplate(template: PodTemplateSpec | undefined, path: string, options: PodSpecOptions = {}): FieldErrors {
	// A template without a spec got no defaults, but would have.
	const { metadata, spec = { containers: [] } } = template ?? {};
	const annotations = metadata?.annotations ?? {};
	const specErrors =
		template?.spec === undefined ? [fieldRequired(`${path}.spec.containers`)] : validatePodSpec(spec, `${path}.spec`, options);
	return [
		...validateLabels(metadata?.labels, `${path}.labels`),
		...validateAnnotations(annotations, `${path}.annotations`),
		...validatePodAnnotations(annotations, spec, `${path}.annotations`),
		...specErrors,
		...validateProfilesMatch(annotations, spec, `${path}.spec`),
		...((spec.ephemeralContainers ?? []).length > 0
			? [fieldForbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template")]
			: NO_ERRORS),
	];
}
