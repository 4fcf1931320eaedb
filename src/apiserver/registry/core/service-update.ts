/**
 * What a Service keeps over an update although its author did not write it: addresses and ports that were allocated.
 * Source: patchAllocatedValues and dropTypeDependentFields in pkg/registry/core/service of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Service, ServicePort, ServiceSpec } from "../../../apimachinery/schema/generated/types.ts";
import { mapField, withDefaults, withField, withoutField } from "./defaulting.ts";

const needsClusterIp = ({ type }: ServiceSpec): boolean => type !== "ExternalName";

const needsNodePort = ({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean =>
	type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);

const isExternal = ({ type, externalIPs }: ServiceSpec): boolean =>
	type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && (externalIPs ?? []).length > 0);

const needsHealthPort = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
	type === "LoadBalancer" && externalTrafficPolicy === "Local";

/** The new Service with the allocated values of the old one, and without those that its new type has no use for. */
export function carryOverAllocated(service: Service, old: Service): Service {
	const before = old.spec ?? {};
	const kept = mapField(service, "spec", (spec) => dropUseless(keepAllocated(spec, before), before));
	return withField(kept, "status", old.status);
}

function keepAllocated(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
	let result = spec;
	if (needsClusterIp(spec) && needsClusterIp(old)) {
		if ((result.clusterIP ?? "") === "") result = withField(withField(result, "clusterIP", old.clusterIP), "clusterIPs", old.clusterIPs);
		else if (result.clusterIP !== old.clusterIP && jsonEqual(result.clusterIPs, old.clusterIPs)) {
			// The author changed one of the two ways to say it.
			result = { ...result, clusterIPs: [result.clusterIP ?? ""] };
		}
		result = withDefaults(result, {
			...(old.ipFamilies === undefined ? {} : { ipFamilies: old.ipFamilies }),
			...(old.ipFamilyPolicy === undefined ? {} : { ipFamilyPolicy: old.ipFamilyPolicy }),
		});
	}
	if (needsNodePort(spec) && needsNodePort(old)) result = mapField(result, "ports", (ports) => keepNodePorts(ports, old.ports ?? []));
	if (needsHealthPort(spec) && needsHealthPort(old) && (result.healthCheckNodePort ?? 0) === 0) {
		result = withField(result, "healthCheckNodePort", old.healthCheckNodePort);
	}
	return result;
}

/** A port without a node port gets the one that its number and protocol had, unless the author gave that to another. */
function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): readonly ServicePort[] {
	const identity = (port: ServicePort) => `${port.port}/${port.protocol}`;
	const before = new Map(old.map((port) => [identity(port), port.nodePort]));
	const taken = new Set(ports.map((port) => port.nodePort).filter((nodePort) => (nodePort ?? 0) !== 0));
	return ports.map((port) => {
		const nodePort = before.get(identity(port));
		return (port.nodePort ?? 0) !== 0 || nodePort === undefined || taken.has(nodePort) ? port : { ...port, nodePort };
	});
}

function dropUseless(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
	let result = spec;
	if (needsClusterIp(old) && !needsClusterIp(spec) && jsonEqual(spec.clusterIPs, old.clusterIPs)) {
		for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"] as const) {
			result = withoutField(result, field);
		}
	}
	if (needsNodePort(old) && !needsNodePort(spec)) {
		const oldPorts = new Set((old.ports ?? []).map((port) => port.nodePort));
		result = mapField(result, "ports", (ports) =>
			ports.map((port) => (port.nodePort !== undefined && oldPorts.has(port.nodePort) ? withoutField(port, "nodePort") : port)),
		);
	}
	if (needsHealthPort(old) && !needsHealthPort(spec) && spec.healthCheckNodePort === old.healthCheckNodePort) {
		result = withoutField(result, "healthCheckNodePort");
	}
	if (old.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
		for (const field of ["allocateLoadBalancerNodePorts", "loadBalancerClass"] as const) {
			if (spec[field] === old[field]) result = withoutField(result, field);
		}
	}
	if (isExternal(old) && !isExternal(spec) && spec.externalTrafficPolicy === old.externalTrafficPolicy) {
		result = withoutField(result, "externalTrafficPolicy");
	}
	return result;
}
