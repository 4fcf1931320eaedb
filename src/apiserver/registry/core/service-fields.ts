/**
 * What a Service's type makes of its other fields: the questions that defaulting, validation, updates and allocation
 * all ask. Source: pkg/api/service/util.go, pkg/registry/core/service/storage of Kubernetes 1.36.
 */
import type { Service, ServiceSpec } from "../../../apimachinery/schema/generated/types.ts";

/** Every type but ExternalName has an address; a headless Service's is "None". */
export const needsClusterIp = ({ type }: ServiceSpec): boolean => type !== "ExternalName";

/** Types whose ports are open on every node. */
export const needsNodePort = ({ type }: ServiceSpec): boolean => type === "NodePort" || type === "LoadBalancer";

/** Whether ports without a node port get one. */
export const allocatesNodePorts = ({ type, allocateLoadBalancerNodePorts }: ServiceSpec): boolean =>
	type === "NodePort" || (type === "LoadBalancer" && allocateLoadBalancerNodePorts !== false);

/** Load balancers that send traffic only to nodes with endpoints ask each node, at this port. */
export const needsHealthCheck = ({ type, externalTrafficPolicy }: ServiceSpec): boolean =>
	type === "LoadBalancer" && externalTrafficPolicy === "Local";

/** Whether traffic comes from outside the cluster: what externalTrafficPolicy is about. */
export const isExternallyAccessible = ({ type, externalIPs }: ServiceSpec): boolean =>
	type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && (externalIPs ?? []).length > 0);

/** `clusterIP: None`, after `clusterIP` and `clusterIPs` were brought in line. */
export const isHeadless = ({ clusterIPs }: ServiceSpec): boolean => clusterIPs?.length === 1 && clusterIPs[0] === "None";

export const specOf = ({ spec }: Service): ServiceSpec => spec ?? {};
