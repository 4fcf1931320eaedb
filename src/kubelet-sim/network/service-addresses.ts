/** Where a Service is in the network, and whom it lets in. */
import { isInIpv4Range, parseIpv4, parseIpv4Cidr } from "../../apimachinery/ipv4.ts";
import type { Service } from "../../apimachinery/schema/generated/types.ts";

/** Where the network has a Service. */
export function serviceAddresses({ spec, status }: Service): readonly string[] {
	const own = spec?.clusterIP === undefined || spec.clusterIP === "" ? [] : [spec.clusterIP];
	const balancer = (status?.loadBalancer?.ingress ?? []).filter(({ ipMode }) => ipMode !== "Proxy").flatMap(({ ip }) => ip ?? []);
	return [...own, ...(spec?.externalIPs ?? []), ...balancer];
}

/** The ports that a Service has on every node, that of its health check included, as the keys of an index. */
export function serviceNodePorts({ spec }: Service): readonly string[] {
	const ports = [...(spec?.ports ?? []).map(({ nodePort }) => nodePort), spec?.healthCheckNodePort];
	return ports.flatMap((port) => (port === undefined || port === 0 ? [] : String(port)));
}

/** Whether a Service's load balancer lets somebody in. */
export function admits({ spec }: Service, from: string): boolean {
	const ranges = spec?.loadBalancerSourceRanges ?? [];
	return ranges.length === 0 || ranges.some((range) => isInCidr(range.trim(), from));
}

export function isInCidr(cidr: string, address: string): boolean {
	const [range, value] = [parseIpv4Cidr(cidr), parseIpv4(address)];
	return range !== undefined && value !== undefined && isInIpv4Range(range, value);
}
