/** The claims that a pod's volumes stand on. Pure. Source of behaviour: component-helpers/storage/ephemeral. */
import type { PersistentVolumeClaim, Pod, Volume } from "../schema/generated/types.ts";

export interface PodClaim {
	/** Of the pod's volume. */
	readonly volume: string;
	/** Of the claim, in the pod's namespace. */
	readonly claim: string;
	/** The claim is made for the pod and goes with it. */
	readonly isEphemeral: boolean;
	readonly readOnly: boolean;
}

const none: readonly PodClaim[] = [];

/** In the order of the volumes; pods without claims, which most are, share one empty list. */
export function podClaims(pod: Pod): readonly PodClaim[] {
	const { volumes } = pod.spec ?? {};
	if (volumes === undefined || !volumes.some(isClaim)) return none;
	return volumes.flatMap((volume) => podClaim(pod, volume) ?? []);
}

export function podClaim(pod: Pod, volume: Volume): PodClaim | undefined {
	const { name, persistentVolumeClaim, ephemeral } = volume;
	if (persistentVolumeClaim !== undefined) {
		const { claimName, readOnly = false } = persistentVolumeClaim;
		return { volume: name, claim: claimName, isEphemeral: false, readOnly };
	}
	return ephemeral === undefined ? undefined : { volume: name, claim: ephemeralClaimName(pod, name), isEphemeral: true, readOnly: false };
}

function isClaim({ persistentVolumeClaim, ephemeral }: Volume): boolean {
	return persistentVolumeClaim !== undefined || ephemeral !== undefined;
}

export function ephemeralClaimName({ metadata }: Pod, volume: string): string {
	return `${metadata?.name}-${volume}`;
}

/** Somebody else's claim has the name that the pod's own would have: the text that says so. Undefined: it is the pod's. */
export function foreignClaim({ metadata: pod }: Pod, { metadata: claim }: PersistentVolumeClaim): string | undefined {
	const owner = claim?.ownerReferences?.find(({ controller }) => controller === true);
	if (owner !== undefined && owner.uid === pod?.uid) return undefined;
	return `PVC ${claim?.namespace}/${claim?.name} was not created for pod ${pod?.namespace}/${pod?.name} (pod is not owner)`;
}
