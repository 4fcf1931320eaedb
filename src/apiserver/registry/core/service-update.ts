/**
 * What a Service keeps over an update although its author did not write it, and loses although he did not take it away:
 * addresses and ports that were allocated. Source: normalizeClusterIPs, patchAllocatedValues in
 * pkg/registry/core/service/storage and dropTypeDependentFields in pkg/registry/core/service of Kubernetes 1.36.
 */
import { jsonEqual } from "../../../apimachinery/json.ts";
import type { Service, ServicePort, ServiceSpec } from "../../../apimachinery/schema/generated/types.ts";
import { eachItem, mapField, withField, withoutField } from "./defaulting.ts";
import { isExternallyAccessible, needsClusterIp, needsHealthCheck, needsNodePort } from "./service-fields.ts";

/** A new Service, with the status that every Service starts from. */
export function prepareNew(service: Service): Service {
	const prepared = mapField(service, "spec", (spec) => mirrorClusterIp(withoutZeros(spec)));
	return { ...prepared, status: { loadBalancer: {} } };
}

/** The new Service with the allocated values of the old one, and without those that its new type has no use for. */
export function prepareUpdate(service: Service, old: Service): Service {
	const before = old.spec ?? {};
	const kept = mapField(service, "spec", (spec) => dropUseless(followClusterIp(keepAllocated(withoutZeros(spec), before), before), before));
	const status = kept.spec?.type === "LoadBalancer" ? old.status : { ...old.status, loadBalancer: {} };
	return withField(kept, "status", status);
}

/** Go has no field that is there and zero: "" and 0 mean that the author leaves the choice to the server. */
function withoutZeros(spec: ServiceSpec): ServiceSpec {
	let result = spec;
	if (result.clusterIP === "") result = withoutField(result, "clusterIP");
	if (result.healthCheckNodePort === 0) result = withoutField(result, "healthCheckNodePort");
	if (result.externalTrafficPolicy === "") result = withoutField(result, "externalTrafficPolicy");
	return mapField(
		result,
		"ports",
		eachItem((port: ServicePort) => (port.nodePort === 0 ? withoutField(port, "nodePort") : port)),
	);
}

/** Who writes only `clusterIP`, as clients did before there were two addresses, means both fields. */
function mirrorClusterIp(spec: ServiceSpec): ServiceSpec {
	const { clusterIP, clusterIPs = [] } = spec;
	return clusterIP !== undefined && clusterIPs.length === 0 ? { ...spec, clusterIPs: [clusterIP] } : spec;
}

function keepAllocated(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
	let result = spec;
	if (needsClusterIp(spec) && needsClusterIp(old)) {
		if (result.clusterIP === undefined) result = withField(result, "clusterIP", old.clusterIP);
		if ((result.clusterIPs ?? []).length === 0) result = withField(result, "clusterIPs", old.clusterIPs);
	}
	if (needsNodePort(spec) && needsNodePort(old)) result = mapField(result, "ports", (ports) => keepNodePorts(ports, old.ports ?? []));
	if (needsHealthCheck(spec) && needsHealthCheck(old) && result.healthCheckNodePort === undefined) {
		result = withField(result, "healthCheckNodePort", old.healthCheckNodePort);
	}
	return result;
}

/** A port without a node port gets the one that the port of its name had, unless another port has it now. */
function keepNodePorts(ports: readonly ServicePort[], old: readonly ServicePort[]): readonly ServicePort[] {
	const before = new Map(old.map(({ name = "", nodePort }) => [name, nodePort]));
	const taken = new Set(ports.flatMap(({ nodePort }) => (nodePort === undefined ? [] : [nodePort])));
	return ports.map((port) => {
		const nodePort = before.get(port.name ?? "");
		return port.nodePort !== undefined || nodePort === undefined || taken.has(nodePort) ? port : { ...port, nodePort };
	});
}

/** Who changes one of the two ways to write the address and leaves the other as it was means both. */
function followClusterIp(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
	if (spec.clusterIP === old.clusterIP || !jsonEqual(spec.clusterIPs ?? [], old.clusterIPs ?? [])) return spec;
	return spec.clusterIP === undefined ? withoutField(spec, "clusterIPs") : { ...spec, clusterIPs: [spec.clusterIP] };
}

function dropUseless(spec: ServiceSpec, old: ServiceSpec): ServiceSpec {
	let result = spec;
	const drop = (field: keyof ServiceSpec) => {
		if (jsonEqual(spec[field], old[field])) result = withoutField(result, field);
	};
	if (needsClusterIp(old) && !needsClusterIp(spec)) {
		if (spec.clusterIP === old.clusterIP && jsonEqual(spec.clusterIPs ?? [], old.clusterIPs ?? [])) {
			result = withoutField(withoutField(result, "clusterIP"), "clusterIPs");
		}
		drop("ipFamilies");
		drop("ipFamilyPolicy");
	}
	if (needsNodePort(old) && !needsNodePort(spec) && hasNoNewNodePort(spec, old)) {
		result = mapField(
			result,
			"ports",
			eachItem((port: ServicePort) => withoutField(port, "nodePort")),
		);
	}
	if (needsHealthCheck(old) && !needsHealthCheck(spec)) drop("healthCheckNodePort");
	if (old.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
		drop("allocateLoadBalancerNodePorts");
		drop("loadBalancerClass");
	}
	if (isExternallyAccessible(old) && !isExternallyAccessible(spec)) drop("externalTrafficPolicy");
	return result;
}

/** Whether the author named no node port that was not there before: what he named is what he has to be told about. */
function hasNoNewNodePort({ ports = [] }: ServiceSpec, old: ServiceSpec): boolean {
	const before = new Set((old.ports ?? []).map(({ nodePort }) => nodePort));
	return ports.every(({ nodePort }) => nodePort === undefined || before.has(nodePort));
}
