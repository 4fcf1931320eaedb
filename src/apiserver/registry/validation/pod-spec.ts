/**
 * A Pod's spec, in a Pod or a template. Source: ValidatePodSpec and ValidatePodTemplateSpec in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { PodSpec, PodTemplateSpec } from "../../../apimachinery/schema/generated/types.ts";
import { type FieldError, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { inclusiveRangeText } from "../../../apimachinery/validation/names.ts";
import { validateContainers } from "./containers.ts";
import {
	type FieldErrors,
	NO_ERRORS,
	NOT_NEGATIVE,
	validateAnnotations,
	validateEach,
	validateEnum,
	validateLabels,
	validateOptionalLabel,
	validateOptionalSubdomain,
} from "./primitives.ts";
import { validateAffinity, validateTolerations, validateTopologySpreadConstraints } from "./scheduling.ts";
import { validateVolumes } from "./volumes.ts";

const MAX_INT32 = 2 ** 31 - 1;

export interface PodSpecOptions {
	/** Names that containers may mount besides the spec's own volumes: a StatefulSet's claim templates. */
	readonly extraVolumes?: readonly string[];
}

/** Everything wrong with a Pod's spec at `path`. */
export function validatePodSpec(spec: PodSpec, path: string, { extraVolumes = [] }: PodSpecOptions = {}): FieldErrors {
	const volumes = new Set([...(spec.volumes ?? []).map(({ name = "" }) => name), ...extraVolumes]);
	return [
		...validateVolumes(spec.volumes, `${path}.volumes`),
		...validateContainers(spec, volumes, path),
		...validateEnum(spec.restartPolicy, `${path}.restartPolicy`, ["Always", "Never", "OnFailure"]),
		...validateDns(spec, path),
		...validateLabels(spec.nodeSelector, `${path}.nodeSelector`),
		...validateOptionalSubdomain(spec.serviceAccountName, `${path}.serviceAccountName`),
		...validateOptionalSubdomain(spec.nodeName, `${path}.nodeName`),
		...validateEach(spec.imagePullSecrets, `${path}.imagePullSecrets`, (secret, at) =>
			secret.name === undefined || secret.name === "" ? [fieldRequired(`${at}.name`)] : NO_ERRORS,
		),
		...validateAffinity(spec.affinity, `${path}.affinity`),
		...validateTimes(spec, path),
		...validateOptionalLabel(spec.hostname, `${path}.hostname`),
		...validateOptionalLabel(spec.subdomain, `${path}.subdomain`),
		...validateTolerations(spec.tolerations, `${path}.tolerations`),
		...validateTopologySpreadConstraints(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`),
		...validateOptionalSubdomain(spec.priorityClassName, `${path}.priorityClassName`),
		...validateOptionalSubdomain(spec.runtimeClassName, `${path}.runtimeClassName`),
		...validateSharedProcesses(spec, path),
	];
}

function validateDns({ dnsPolicy, dnsConfig }: PodSpec, path: string): FieldErrors {
	const errors: FieldError[] = [
		...validateEnum(dnsPolicy, `${path}.dnsPolicy`, ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"]),
	];
	const servers = dnsConfig?.nameservers ?? [];
	if (dnsPolicy === "None" && dnsConfig === undefined) {
		errors.push(fieldRequired(`${path}.dnsConfig`, "must provide `dnsConfig` when `dnsPolicy` is None"));
	} else if (dnsPolicy === "None" && servers.length === 0) {
		errors.push(fieldRequired(`${path}.dnsConfig.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None"));
	}
	if (servers.length > 3) errors.push(fieldInvalid(`${path}.dnsConfig.nameservers`, servers, "must not have more than 3 nameservers"));
	return errors;
}

function validateTimes({ activeDeadlineSeconds: deadline, terminationGracePeriodSeconds: grace }: PodSpec, path: string): FieldErrors {
	const errors: FieldError[] = [];
	if (deadline !== undefined && (deadline < 1 || deadline > MAX_INT32)) {
		errors.push(fieldInvalid(`${path}.activeDeadlineSeconds`, deadline, inclusiveRangeText(1, MAX_INT32)));
	}
	if (grace !== undefined && grace < 0) errors.push(fieldInvalid(`${path}.terminationGracePeriodSeconds`, grace, NOT_NEGATIVE));
	return errors;
}

function validateSharedProcesses(spec: PodSpec, path: string): FieldErrors {
	return spec.hostPID === true && spec.shareProcessNamespace === true
		? [fieldInvalid(`${path}.shareProcessNamespace`, true, "ShareProcessNamespace and HostPID cannot both be enabled")]
		: NO_ERRORS;
}

/** A template of Pods: its labels, annotations and spec. */
export function validatePodTemplate(template: PodTemplateSpec | undefined, path: string, options: PodSpecOptions = {}): FieldErrors {
	const { metadata, spec } = template ?? {};
	const errors: FieldError[] = [
		...validateLabels(metadata?.labels, `${path}.labels`),
		...validateAnnotations(metadata?.annotations, `${path}.annotations`),
		// A template without a spec got no defaults, but would have.
		...(spec === undefined ? [fieldRequired(`${path}.spec.containers`)] : validatePodSpec(spec, `${path}.spec`, options)),
	];
	if ((spec?.ephemeralContainers ?? []).length > 0) {
		errors.push(fieldForbidden(`${path}.spec.ephemeralContainers`, "ephemeral containers not allowed in pod template"));
	}
	return errors;
}
