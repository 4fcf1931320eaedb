/**
 * What a kubelet and others may write into a Pod's status. Source: ValidatePodStatusUpdate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type {
	Pod,
	PodCondition,
	PodExtendedResourceClaimStatus,
	PodIP,
	PodResourceClaimStatus,
	PodSpec,
	PodStatus,
} from "../../../apimachinery/schema/generated/types.ts";
import { FieldError, fieldDuplicate, fieldForbidden, fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { internalForm, internalShapes } from "../validation/internal-form.ts";
import { ipFamily, isValidIp } from "../validation/ip.ts";
import { validatePodAnnotationUpdates } from "../validation/pod-annotations.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateImmutable, validateName } from "../validation/primitives.ts";
import {
	validateAllocated,
	validateEphemeralTransitions,
	validateNotAllocated,
	validateTransitions,
	validateUsers,
} from "./container-status-update.ts";

const statusLists = ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const;

export function validatePodStatusUpdate(pod: Pod, oldPod: Pod): FieldErrors {
	const [spec, oldSpec] = [pod.spec ?? noSpec, oldPod.spec ?? noSpec];
	const [status, old] = [pod.status ?? {}, oldPod.status ?? {}];
	const os = spec.os === undefined ? "linux" : spec.os.name;
	const [regular, init, ephemeral] = statusLists.map((field) => `status.${field}`) as [string, string, string];
	return [
		...validatePodAnnotationUpdates(pod.metadata?.annotations ?? {}, oldPod.metadata?.annotations ?? {}, spec, "metadata.annotations"),
		...validateEach(status.conditions, "status.conditions", validateCondition),
		...((spec.nodeName ?? "") === (oldSpec.nodeName ?? "")
			? NO_ERRORS
			: [fieldForbidden("status.nodeName", "may not be changed directly")]),
		...validateNomination(status.nominatedNodeName ?? "", old.nominatedNodeName ?? "", oldSpec.nodeName ?? ""),
		...validateGeneration(status.observedGeneration, "status.observedGeneration"),
		...validateImmutable(status.qosClass ?? "", old.qosClass ?? "", "status.qosClass"),
		...validateTransitions(status.containerStatuses, old.containerStatuses, oldSpec, oldSpec.containers ?? [], regular),
		...validateTransitions(status.initContainerStatuses, old.initContainerStatuses, oldSpec, oldSpec.initContainers ?? [], init),
		...validateEphemeralTransitions(status.ephemeralContainerStatuses, old.ephemeralContainerStatuses, ephemeral),
		...validateClaimStatuses(status.resourceClaimStatuses, spec, "status.resourceClaimStatuses"),
		...validateExtendedClaim(status.extendedResourceClaimStatus, spec, "status.extendedResourceClaimStatus"),
		...validateIps(status.podIPs, old.podIPs, "status.podIPs"),
		...validateHostIps(status, old),
		...statusLists.flatMap((field) => validateUsers(status[field], os, `status.${field}`)),
		...validateAllocated(status.containerStatuses, spec.containers, regular),
		...validateAllocated(status.initContainerStatuses, spec.initContainers, init),
		...validateNotAllocated(status.ephemeralContainerStatuses, ephemeral),
	];
}

const noSpec: PodSpec = { containers: [] };

const validateGeneration = (generation: number | undefined, path: string): FieldErrors =>
	(generation ?? 0) < 0 ? [fieldInvalid(path, generation, "must be a non-negative integer")] : NO_ERRORS;

const systemConditions: ReadonlySet<string> = new Set(["PodScheduled", "Ready", "Initialized"]);

const validateCondition = ({ type = "", observedGeneration }: PodCondition, path: string): FieldErrors => [
	...validateGeneration(observedGeneration, `${path}.observedGeneration`),
	// Upstream writes this field as Go does.
	...(systemConditions.has(type) ? NO_ERRORS : invalidFor(`${path}.Type`, type, isQualifiedName(type))),
];

/** A node that the Pod waits for: it has none yet. */
function validateNomination(node: string, old: string, bound: string): FieldErrors {
	if (node === "" || node === old) return NO_ERRORS;
	const path = "status.nominatedNodeName";
	return [
		...invalidFor(path, node, isDns1123Subdomain(node)),
		...(bound === "" ? NO_ERRORS : [fieldForbidden(path, "may not be set on pods that are already bound to a node")]),
	];
}

function validateClaimStatuses(statuses: readonly PodResourceClaimStatus[] | undefined, spec: PodSpec, path: string): FieldErrors {
	const seen = new Set<string>();
	return validateEach(statuses, path, ({ name = "", resourceClaimName }, at) => {
		const errors: FieldError[] = [];
		if (!(spec.resourceClaims ?? []).some((claim) => claim.name === name)) {
			errors.push(fieldInvalid(`${at}.name`, name, "must match the name of an entry in `spec.resourceClaims`"));
		}
		if (seen.has(name)) errors.push(fieldDuplicate(`${at}.name`, name));
		seen.add(name);
		return [
			...errors,
			...(resourceClaimName === undefined ? [] : validateName(resourceClaimName, `${at}.resourceClaimName`, isDns1123Subdomain)),
		];
	});
}

/** The claim that extended resources became. */
function validateExtendedClaim(status: PodExtendedResourceClaimStatus | undefined, spec: PodSpec, path: string): FieldErrors {
	if (status === undefined) return NO_ERRORS;
	const { requestMappings = [], resourceClaimName = "" } = status;
	const containers = new Map([...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((container) => [container.name, container]));
	const lists = "spec.initContainers.resources.requests or spec.containers.resources.requests";
	const mappings = `${path}.requestMappings`;
	const seen = new Set<string>();
	return [
		...(requestMappings.length === 0 ? [fieldRequired(mappings, "at least one request mapping is required")] : NO_ERRORS),
		...validateEach(requestMappings, mappings, ({ containerName = "", resourceName = "", requestName = "" }, at) => {
			const container = containers.get(containerName);
			const errors: FieldError[] = [];
			if (container === undefined) {
				const text = "must match the name of an entry in spec.initContainers.name or spec.containers.name";
				errors.push(fieldInvalid(`${at}.containerName`, containerName, text));
			} else if (container.resources?.requests?.[resourceName] === undefined) {
				errors.push(fieldInvalid(`${at}.resourceName`, resourceName, `must match the extended resource name of an entry in ${lists}`));
			}
			errors.push(...invalidFor(`${path}.requestName`, requestName, isDns1123Label(requestName)));
			const mapping = { containerName, resourceName, requestName };
			const key = JSON.stringify(mapping);
			if (seen.has(key)) errors.push(...Object.entries(mapping).map(([field, value]) => fieldDuplicate(`${at}.${field}`, value)));
			seen.add(key);
			return errors;
		}),
		...(resourceClaimName === ""
			? [fieldRequired(`${path}.resourceClaimName`)]
			: invalidFor(`${path}.resourceClaimName`, resourceClaimName, isDns1123Subdomain(resourceClaimName))),
	];
}

function validateHostIps({ hostIP = "", hostIPs = [] }: PodStatus, old: PodStatus): FieldErrors {
	const first = hostIPs[0]?.ip ?? "";
	if (hostIPs.length === 0) return NO_ERRORS;
	return [
		...(hostIP === first ? NO_ERRORS : [fieldInvalid("status.hostIPs[0].ip", first, "must be equal to `hostIP`")]),
		...validateIps(hostIPs, old.hostIPs, "status.hostIPs"),
	];
}

/** One address of each family at most; old ones may stay as they are. */
function validateIps(addresses: readonly PodIP[] | undefined, old: readonly PodIP[] | undefined, path: string): FieldErrors {
	const ips = (addresses ?? []).map(({ ip = "" }) => ip);
	const known = new Set((old ?? []).map(({ ip }) => ip));
	const errors: FieldError[] = ips.flatMap((ip, index) => (known.has(ip) ? [] : [...invalidFor(`${path}[${index}]`, ip, isValidIp(ip))]));
	if (ips.length <= 1) return errors;
	const families = new Set(ips.map(ipFamily));
	if (families.has(undefined)) {
		errors.push(new FieldError("InternalError", path, "", "failed to check for dual stack with error:ip <nil> is invalid"));
	}
	if (families.has(undefined) || families.size < 2 || ips.length > 2) {
		const shown = internalForm(addresses, internalShapes.address);
		errors.push(fieldInvalid(path, shown, "may specify no more than one IP for each IP family"));
	}
	const seen = new Set<string>();
	for (const [index, ip] of ips.entries()) {
		if (seen.has(ip)) errors.push(fieldDuplicate(`${path}[${index}]`, internalForm({ ip }, internalShapes.address)));
		seen.add(ip);
	}
	return errors;
}
