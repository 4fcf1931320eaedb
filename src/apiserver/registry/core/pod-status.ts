/**
 * What the API server makes of a status that is written to it. Source: podStatusStrategy.PrepareForUpdate in
 * pkg/registry/core/pod/strategy.go, pkg/apis/core/v1/conversion.go of Kubernetes 1.36.
 */
import type { ContainerStatus, Pod, PodStatus } from "../../../apimachinery/schema/generated/types.ts";
import { eachItem, mapField, withDefaults, withField, withoutField } from "./defaulting.ts";

/** The class stays, the two ways to tell the Pod's address agree, and containers have both of their states. */
export function prepareForStatusUpdate(pod: Pod, old: Pod): Pod {
	const kept = { ...pod, metadata: withOldOwners(pod.metadata, old.metadata) };
	return mapField(withDefaults<Pod>(kept, { status: {} }), "status", (status) => {
		let result = withDefaults(status, old.status?.qosClass === undefined ? {} : { qosClass: old.status.qosClass });
		const first = result.podIPs?.[0]?.ip;
		if (first !== undefined) result = withField(result, "podIP", first);
		else if (result.podIP !== undefined && result.podIP !== "") result = { ...result, podIPs: [{ ip: result.podIP }] };
		for (const field of ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"] as const)
			result = mapField(result, field, eachItem(defaultContainerStatus));
		// Its feature gate, DRANodeAllocatableResources, is off by default.
		return withObservedGenerations(withoutField(result, "nodeAllocatableResourceClaimStatuses"), old.status);
	});
}

/** Old kubelets write owners back in a way that breaks garbage collection. */
function withOldOwners(metadata: Pod["metadata"], old: Pod["metadata"]): NonNullable<Pod["metadata"]> {
	const { ownerReferences: _, ...rest } = metadata ?? {};
	return old?.ownerReferences === undefined ? rest : { ...rest, ownerReferences: old.ownerReferences };
}

/** Who does not know observedGeneration does not clear it. */
function withObservedGenerations(status: PodStatus, old: PodStatus | undefined): PodStatus {
	const withOld = <T extends { readonly observedGeneration?: number }>(item: T, before: number | undefined): T =>
		(item.observedGeneration ?? 0) === 0 && (before ?? 0) !== 0 ? { ...item, observedGeneration: before } : item;
	const result = mapField(
		status,
		"conditions",
		eachItem((condition) => withOld(condition, old?.conditions?.find(({ type }) => type === condition.type)?.observedGeneration)),
	);
	return withOld(result, old?.observedGeneration);
}

/** Kubernetes' encoder always writes both states. */
const defaultContainerStatus = (status: ContainerStatus): ContainerStatus => withDefaults(status, { state: {}, lastState: {} });
