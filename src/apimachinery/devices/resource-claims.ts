/**
 * ResourceClaims and the pods that use them: which claim a pod means, whether it is the pod's own, for whom it is reserved. Pure.
 * Source of behaviour and texts: k8s.io/dynamic-resource-allocation/resourceclaim of Kubernetes 1.36.
 */
import type { Pod, PodResourceClaim, ResourceClaimConsumerReference, ResourceResourceClaim } from "../schema/generated/types.ts";

/** Keeps an allocated claim until its devices are given back. */
export const claimFinalizer = "resource.kubernetes.io/delete-protection";

/** Marks the claim that stands for a pod's extended resources; "true". */
export const extendedResourceClaimAnnotation = "resource.kubernetes.io/extended-resource-claim";

/** Which claim an entry of `pod.spec.resourceClaims` stands for. */
export type ClaimReference =
	/** `isGenerated`: it is made for the pod, and must be the pod's own. */
	| { readonly name: string; readonly isGenerated: boolean }
	/** It has been decided that none is needed. */
	| { readonly notNeeded: true }
	| { readonly problem: string; readonly isNotYetMade: boolean };

export function claimReference({ metadata, status }: Pod, podClaim: PodResourceClaim): ClaimReference {
	if (podClaim.resourceClaimName !== undefined) return { name: podClaim.resourceClaimName, isGenerated: false };
	const pod = `Pod ${metadata?.namespace}/${metadata?.name}`;
	if (podClaim.resourceClaimTemplateName === undefined) {
		return { problem: `${pod}, spec.resourceClaim ${podClaim.name}: none of the supported fields are set`, isNotYetMade: false };
	}
	const recorded = status?.resourceClaimStatuses?.find(({ name }) => name === podClaim.name);
	if (recorded === undefined) return { problem: `${pod}: ResourceClaim not created yet`, isNotYetMade: true };
	return recorded.resourceClaimName === undefined ? { notNeeded: true } : { name: recorded.resourceClaimName, isGenerated: true };
}

const none: readonly string[] = [];

/** Names of the claims that a pod is known to use, that for its extended resources among them; most pods share one empty list. */
export function claimNames(pod: Pod): readonly string[] {
	const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
	const { resourceClaims = [] } = pod.spec ?? {};
	if (resourceClaims.length === 0 && extended === undefined) return none;
	const names = resourceClaims.flatMap((podClaim) => {
		const reference = claimReference(pod, podClaim);
		return "name" in reference ? [reference.name] : [];
	});
	return extended === undefined ? names : [...names, extended];
}

/** The claim was not made for the pod: the text that says so. Undefined: it was. */
export function foreignClaim({ metadata: pod }: Pod, { metadata: claim }: ResourceResourceClaim): string | undefined {
	const owner = claim?.ownerReferences?.find(({ controller }) => controller === true);
	if (claim?.namespace === pod?.namespace && owner !== undefined && owner.uid === pod?.uid) return undefined;
	return `ResourceClaim ${claim?.namespace}/${claim?.name} was not created for Pod ${pod?.namespace}/${pod?.name} (Pod is not owner)`;
}

export function isReservedFor({ status }: ResourceResourceClaim, podUid: string): boolean {
	return status?.reservedFor?.some(({ uid }) => uid === podUid) ?? false;
}

export function consumerReference({ metadata }: Pod): ResourceClaimConsumerReference {
	return { resource: "pods", name: metadata?.name ?? "", uid: metadata?.uid ?? "" };
}

export function withReservation(claim: ResourceResourceClaim, pod: Pod): ResourceResourceClaim {
	const { reservedFor = [] } = claim.status ?? {};
	return { ...claim, status: { ...claim.status, reservedFor: [...reservedFor, consumerReference(pod)] } };
}

export function hasClaimFinalizer({ metadata }: ResourceResourceClaim): boolean {
	return metadata?.finalizers?.includes(claimFinalizer) ?? false;
}

export function withoutClaimFinalizer(claim: ResourceResourceClaim): ResourceResourceClaim {
	const finalizers = claim.metadata?.finalizers?.filter((finalizer) => finalizer !== claimFinalizer) ?? [];
	return { ...claim, metadata: { ...claim.metadata, finalizers } };
}

export function withClaimFinalizer(claim: ResourceResourceClaim): ResourceResourceClaim {
	if (hasClaimFinalizer(claim)) return claim;
	return { ...claim, metadata: { ...claim.metadata, finalizers: [...(claim.metadata?.finalizers ?? []), claimFinalizer] } };
}

/** Without its devices, for nobody. */
export function deallocated(claim: ResourceResourceClaim): ResourceResourceClaim {
	const { allocation: _, devices: __, reservedFor: ___, ...status } = claim.status ?? {};
	return { ...claim, status };
}

/** The pod that a claim was made for. */
export function owningPod({ metadata }: ResourceResourceClaim): { readonly name: string; readonly uid: string } | undefined {
	return metadata?.ownerReferences?.find(
		({ controller, apiVersion, kind }) => controller === true && apiVersion === "v1" && kind === "Pod",
	);
}
