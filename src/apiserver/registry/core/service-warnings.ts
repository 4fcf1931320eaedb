/** What a Service's author is warned of. Source: pkg/api/service/warnings.go of Kubernetes 1.36. */
import type { Service } from "../../../apimachinery/schema/generated/types.ts";
import { cidrWarnings, ipWarnings } from "../validation/legacy-ip.ts";
import { specOf } from "./service-fields.ts";

const hintsAnnotation = "service.kubernetes.io/topology-aware-hints";
const modeAnnotation = "service.kubernetes.io/topology-mode";

export function serviceWarnings(service: Service): readonly string[] {
	const spec = specOf(service);
	const { type, clusterIP = "", externalIPs = [], loadBalancerIP = "", loadBalancerSourceRanges = [] } = spec;
	const isHeadless = type === "ClusterIP" && clusterIP === "None";
	const addresses = isHeadless || type === "ExternalName" ? [] : (spec.clusterIPs ?? []);
	const warn = (isMeant: boolean, text: string) => (isMeant ? [text] : []);
	return [
		...warn(
			service.metadata?.annotations?.[hintsAnnotation] !== undefined,
			`annotation ${hintsAnnotation} is deprecated, please use ${modeAnnotation} instead`,
		),
		...addresses.flatMap((address, index) => ipWarnings(address, `spec.clusterIPs[${index}]`)),
		...warn(isHeadless && loadBalancerIP !== "", "spec.loadBalancerIP is ignored for headless services"),
		...warn(isHeadless && externalIPs.length > 0, "spec.externalIPs is ignored for headless services"),
		...warn(isHeadless && spec.sessionAffinity !== "None", "spec.SessionAffinity is ignored for headless services"),
		...externalIPs.flatMap((address, index) => ipWarnings(address, `spec.externalIPs[${index}]`)),
		...warn(
			externalIPs.length > 0 && !isHeadless && type !== "ExternalName",
			"spec.externalIPs is deprecated and may no longer be implemented in some clusters",
		),
		...ipWarnings(loadBalancerIP, "spec.loadBalancerIP"),
		...loadBalancerSourceRanges.flatMap((range, index) => cidrWarnings(range, `spec.loadBalancerSourceRanges[${index}]`)),
		...warn(type === "ExternalName" && externalIPs.length > 0, 'spec.externalIPs is ignored when spec.type is "ExternalName"'),
		...warn(
			type !== "ExternalName" && (spec.externalName ?? "") !== "",
			'spec.externalName is ignored when spec.type is not "ExternalName"',
		),
		...warn(spec.trafficDistribution === "PreferClose", 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'),
	];
}
