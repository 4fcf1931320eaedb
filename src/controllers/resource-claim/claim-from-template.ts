/**
 * The claim that a pod gets from a template. Pure.
 * Source of behaviour: pkg/controller/resourceclaim, https://kubernetes.io/docs/concepts/scheduling-eviction/dynamic-resource-allocation/
 */
import type { Pod, PodResourceClaim, ResourceClaimTemplate, ResourceResourceClaim } from "../../apimachinery/schema/generated/types.ts";
import { controllerReference } from "../../client/owner.ts";

/** Names the entry of `pod.spec.resourceClaims` that the claim was made for. */
export const podClaimAnnotation = "resource.kubernetes.io/pod-claim-name";

/** Leaves room for a hyphen and five characters of chance in a name of 63. */
const maxBaseLength = 57;

export function claimFromTemplate(pod: Pod, podClaim: PodResourceClaim, { spec: template }: ResourceClaimTemplate): ResourceResourceClaim {
	const { labels, annotations } = template.metadata ?? {};
	return {
		apiVersion: "resource.k8s.io/v1",
		kind: "ResourceClaim",
		metadata: {
			namespace: pod.metadata?.namespace ?? "",
			generateName: generateNameOf(pod.metadata?.name ?? "", podClaim.name),
			ownerReferences: [controllerReference({ apiVersion: "v1", kind: "Pod", ...pod })],
			annotations: { ...annotations, [podClaimAnnotation]: podClaim.name },
			...(labels === undefined ? {} : { labels }),
		},
		spec: template.spec,
	};
}

/** Both names are shortened by their length, so that something of each remains. */
export function generateNameOf(pod: string, podClaim: string): string {
	const whole = `${pod}-${podClaim}-`;
	if (whole.length <= maxBaseLength) return whole;
	const shorten = (name: string) => name.slice(0, Math.trunc((name.length * maxBaseLength) / whole.length));
	return `${shorten(pod)}-${shorten(podClaim)}`;
}
