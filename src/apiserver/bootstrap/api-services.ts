/**
 * The APIServices of the group versions that kube-apiserver serves itself, as `kubectl get apiservices` lists them.
 * Priorities from pkg/controlplane/apiserver/aggregator.go of Kubernetes 1.36.
 */

import { defaultFeatureGates, type FeatureGates } from "../../apimachinery/feature-gates.ts";
import type { GroupVersion } from "../../apimachinery/meta.ts";
import type { APIService } from "../../apimachinery/schema/generated/types.ts";
import { gatedResources, generatedResources } from "../../apimachinery/schema/resources.ts";

/** Priority of the group, then of its versions: higher comes first in discovery. */
const groupPriorities: Readonly<Record<string, readonly [number, Readonly<Record<string, number>>]>> = {
	"": [18_000, { v1: 1 }],
	apps: [17_800, { v1: 15 }],
	"events.k8s.io": [17_750, { v1: 15 }],
	"authentication.k8s.io": [17_700, { v1: 15 }],
	"authorization.k8s.io": [17_600, { v1: 15 }],
	autoscaling: [17_500, { v1: 15, v2: 30 }],
	batch: [17_400, { v1: 15 }],
	"certificates.k8s.io": [17_300, { v1: 15 }],
	"networking.k8s.io": [17_200, { v1: 15 }],
	policy: [17_100, { v1: 15 }],
	"rbac.authorization.k8s.io": [17_000, { v1: 15 }],
	"storage.k8s.io": [16_800, { v1: 15 }],
	"apiextensions.k8s.io": [16_700, { v1: 15 }],
	"admissionregistration.k8s.io": [16_700, { v1: 15 }],
	"scheduling.k8s.io": [16_600, { v1: 15, v1alpha2: 1 }],
	"coordination.k8s.io": [16_500, { v1: 15 }],
	"node.k8s.io": [16_300, { v1: 15 }],
	"discovery.k8s.io": [16_200, { v1: 15 }],
	"flowcontrol.apiserver.k8s.io": [16_100, { v1: 21 }],
	"resource.k8s.io": [15_900, { v1: 15 }],
};

/** One APIService a group version, available since `now` (RFC 3339); the aggregator's own group has none. */
export function apiServices(now: string, { genericWorkload }: FeatureGates = defaultFeatureGates): readonly APIService[] {
	const resources = genericWorkload ? [...generatedResources, ...gatedResources] : generatedResources;
	const served = new Map(resources.map(({ group, version }) => [`${version}.${group}`, { group, version }]));
	return [...served.values()].filter(({ group }) => group !== "apiregistration.k8s.io").map((version) => localApiService(version, now));
}

function localApiService({ group, version }: GroupVersion, now: string): APIService {
	const [groupPriorityMinimum, versions] = groupPriorities[group] ?? [15_000, {}];
	return {
		apiVersion: "apiregistration.k8s.io/v1",
		kind: "APIService",
		metadata: { name: `${version}.${group}`, labels: { "kube-aggregator.kubernetes.io/automanaged": "onstart" } },
		spec: { ...(group === "" ? {} : { group }), version, groupPriorityMinimum, versionPriority: versions[version] ?? 9 },
		status: {
			conditions: [
				{ type: "Available", status: "True", lastTransitionTime: now, reason: "Local", message: "Local APIServices are always available" },
			],
		},
	};
}
