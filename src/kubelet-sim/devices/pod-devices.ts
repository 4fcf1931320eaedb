/**
 * Devices of a pod: what the kubelet checks of its ResourceClaims before it makes the sandbox, and what the driver of the devices gives to
 * containers.
 *
 * Simulated: every driver is there on every node, and prepares what has been allocated at once. As the documentation's example driver
 * does, it sets environment variables in containers that name the claim: `GPU_DEVICE_0=gpu-0` for a device gpu-0, and
 * `DRA_RESOURCE_DRIVER_NAME`. Not simulated: device nodes, configuration of devices, health, the kubelet's pod resources API.
 * Source of behaviour and texts: pkg/kubelet/cm/dra/manager.go of Kubernetes 1.36; kubernetes-sigs/dra-example-driver.
 */
import { claimReference, foreignClaim, isReservedFor } from "../../apimachinery/devices/resource-claims.ts";
import type { Container, EphemeralContainer, Pod, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";
import type { Environment } from "../volumes/environment.ts";

/** By name of the pod's claim; that for its extended resources under `extended`, which is no name. */
export type PodDevices = ReadonlyMap<string, ResourceResourceClaim>;

const extended = "<extended-resources>";

export function usesDevices({ spec, status }: Pod): boolean {
	return (spec?.resourceClaims?.length ?? 0) > 0 || status?.extendedResourceClaimStatus !== undefined;
}

/**
 * Rejects with the kubelet's text where the pod may not use one of its claims.
 * @param fetchClaim reads it from the API
 */
export async function prepareDevices(pod: Pod, fetchClaim: (name: string) => Promise<ResourceResourceClaim>): Promise<PodDevices> {
	const { name, uid = "" } = pod.metadata ?? {};
	const resourceClaimName = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
	const ofResources = resourceClaimName === undefined ? [] : [{ name: extended, resourceClaimName }];
	const devices = new Map<string, ResourceResourceClaim>();
	for (const podClaim of [...(pod.spec?.resourceClaims ?? []), ...ofResources]) {
		const reference = claimReference(pod, podClaim);
		if ("problem" in reference) throw new Error(reference.problem);
		if ("notNeeded" in reference) continue;
		const claim = await fetchNamed(reference.name, fetchClaim);
		const foreign = reference.isGenerated ? foreignClaim(pod, claim) : undefined;
		if (foreign !== undefined) throw new Error(foreign);
		if (!isReservedFor(claim, uid)) {
			const what = `${reference.name} (${claim.metadata?.uid})`;
			throw new Error(`pod ${name} (${uid}) is not allowed to use ResourceClaim ${what}`);
		}
		if (claim.status?.allocation === undefined) throw new Error(`ResourceClaim ${reference.name}: not allocated`);
		devices.set(podClaim.name, claim);
	}
	return devices;
}

async function fetchNamed(name: string, fetchClaim: (name: string) => Promise<ResourceResourceClaim>): Promise<ResourceResourceClaim> {
	try {
		return await fetchClaim(name);
	} catch (error) {
		throw new Error(`fetch ResourceClaim ${name}: ${error instanceof Error ? error.message : String(error)}`);
	}
}

const noEnvironment: Environment = [];

/** What the drivers set in a container that names claims. */
export function deviceEnvironment(
	devices: PodDevices | undefined,
	{ status }: Pod,
	{ name: containerName, resources }: Container | EphemeralContainer,
): Environment {
	const mapped = (status?.extendedResourceClaimStatus?.requestMappings ?? []).filter((mapping) => mapping.containerName === containerName);
	const claims = [...(resources?.claims ?? []), ...mapped.map(({ requestName }) => ({ name: extended, request: requestName }))];
	if (devices === undefined || claims.length === 0) return noEnvironment;
	const variables = new Map<string, string>();
	for (const { name, request } of claims) {
		for (const result of devices.get(name)?.status?.allocation?.devices?.results ?? []) {
			// A result names the request, or the alternative of it that was taken.
			if (request !== undefined && result.request !== request && result.request.split("/")[0] !== request) continue;
			variables.set("DRA_RESOURCE_DRIVER_NAME", result.driver);
			variables.set(variableOf(result.device), result.device);
		}
	}
	return [...variables];
}

/** `gpu-0` → `GPU_DEVICE_0`; a name without a number behind it → `DEVICE_NAME`. */
function variableOf(device: string): string {
	const [, kind, number] = /^(.+)-(\d+)$/.exec(device) ?? [];
	const text = kind === undefined ? `DEVICE_${device}` : `${kind}_DEVICE_${number}`;
	return text.toUpperCase().replaceAll("-", "_");
}
