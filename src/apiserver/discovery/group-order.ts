/**
 * The order in which Kubernetes lists its API groups, and which of a group's versions it prefers: by the priorities that
 * kube-apiserver registers its groups with. Groups that are not here (custom resources) follow, by name.
 * Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/api-service-v1/ (groupPriorityMinimum)
 * and the priorities in cmd/kube-apiserver/app/server.go.
 */

const groupsByPriority: readonly string[] = [
	"",
	"apiregistration.k8s.io",
	"apps",
	"events.k8s.io",
	"authentication.k8s.io",
	"authorization.k8s.io",
	"autoscaling",
	"batch",
	"certificates.k8s.io",
	"networking.k8s.io",
	"policy",
	"rbac.authorization.k8s.io",
	"storage.k8s.io",
	"admissionregistration.k8s.io",
	"apiextensions.k8s.io",
	"scheduling.k8s.io",
	"coordination.k8s.io",
	"node.k8s.io",
	"discovery.k8s.io",
	"flowcontrol.apiserver.k8s.io",
	"internal.apiserver.k8s.io",
	"resource.k8s.io",
	"storagemigration.k8s.io",
];

const rank = new Map(groupsByPriority.map((group, index) => [group, index]));

/** Sorts group names as /apis lists them. */
export function compareGroups(a: string, b: string): number {
	const difference = (rank.get(a) ?? groupsByPriority.length) - (rank.get(b) ?? groupsByPriority.length);
	return difference !== 0 ? difference : compareText(a, b);
}

/** Sorts versions, the best first: v2, v1, v1beta2, v1beta1, v1alpha1, then what is not a Kubernetes version, by name. */
export function compareVersions(a: string, b: string): number {
	const left = versionRank(a);
	const right = versionRank(b);
	if (left === undefined || right === undefined) {
		if (left === undefined && right === undefined) return compareText(a, b);
		return left === undefined ? 1 : -1;
	}
	for (const [index, value] of left.entries()) {
		const difference = (right[index] ?? 0) - value;
		if (difference !== 0) return difference;
	}
	return 0;
}

/** Compares by code point, as Go does. */
export function compareText(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}

function versionRank(version: string): readonly number[] | undefined {
	const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
	if (match === null) return undefined;
	const stability = match[2] === undefined ? 2 : match[2] === "beta" ? 1 : 0;
	return [stability, Number(match[1]), Number(match[3] ?? 0)];
}
