/**
 * Service. Addresses and node ports are allocated after these hooks. Source: pkg/apis/core/v1/defaults.go,
 * pkg/registry/core/service/strategy.go of Kubernetes 1.36. https://kubernetes.io/docs/concepts/services-networking/service/
 */
import type { Service, ServicePort, ServiceSpec } from "../../../apimachinery/schema/generated/types.ts";
import { nameIsDnsLabel } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, formatLabels, formatLoadBalancer, nameColumn, orNone, stringColumn, wide } from "../printing/columns.ts";
import { eachItem, mapField, withDefaults, withField, withoutField } from "./defaulting.ts";
import { isExternallyAccessible, needsClusterIp } from "./service-fields.ts";
import { prepareNew, prepareUpdate } from "./service-update.ts";
import { validateService, validateServiceStatus } from "./service-validation.ts";
import { serviceWarnings } from "./service-warnings.ts";

/** Seconds for which a client stays with one endpoint. */
const clientAffinitySeconds = 10_800;

function setDefaults(service: Service): Service {
	const result = mapField(withDefaults(service, { spec: {} }), "spec", defaultSpec);
	if (result.spec?.type !== "LoadBalancer") return result;
	const withMode = (ingress: { readonly ip?: string; readonly ipMode?: string }) =>
		ingress.ip === undefined || ingress.ip === "" ? ingress : withDefaults(ingress, { ipMode: "VIP" });
	return mapField(result, "status", (status) =>
		mapField(status, "loadBalancer", (balancer) => mapField(balancer, "ingress", eachItem(withMode))),
	);
}

function defaultSpec(spec: ServiceSpec): ServiceSpec {
	let result = withDefaults(spec, { sessionAffinity: "None", type: "ClusterIP" });
	if (result.sessionAffinity === "None") result = withoutField(result, "sessionAffinityConfig");
	if (result.sessionAffinity === "ClientIP" && result.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
		result = { ...result, sessionAffinityConfig: { clientIP: { timeoutSeconds: clientAffinitySeconds } } };
	}
	result = mapField(result, "ports", eachItem(defaultPort));
	if (isExternallyAccessible(result)) result = withDefaults(result, { externalTrafficPolicy: "Cluster" });
	if (needsClusterIp(result)) result = withDefaults(result, { internalTrafficPolicy: "Cluster" });
	return result.type === "LoadBalancer" ? withDefaults(result, { allocateLoadBalancerNodePorts: true }) : result;
}

const defaultPort = (port: ServicePort): ServicePort => {
	const result = withDefaults(port, { protocol: "TCP" });
	const { targetPort } = result;
	return targetPort === undefined || targetPort === 0 || targetPort === "" ? withField(result, "targetPort", result.port) : result;
};

function formatExternalIp({ spec, status }: Service): string {
	const external = spec?.externalIPs ?? [];
	switch (spec?.type) {
		case "ClusterIP":
		case "NodePort":
			return external.length === 0 ? "<none>" : external.join(",");
		case "LoadBalancer": {
			const balancer = formatLoadBalancer(status?.loadBalancer?.ingress);
			if (external.length > 0) return [...(balancer === "" ? [] : [balancer]), ...external].join(",");
			return balancer === "" ? "<pending>" : balancer;
		}
		case "ExternalName":
			return spec.externalName ?? "";
		default:
			return "<unknown>";
	}
}

/** `80:30080/TCP,443/TCP`. */
function formatPorts(ports: readonly ServicePort[] | undefined): string {
	const pieces = (ports ?? []).map(({ port, nodePort = 0, protocol = "" }) =>
		nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
	);
	return orNone(pieces.join(","));
}

export const serviceKind = defineKind<Service>({
	group: "",
	kind: "Service",
	resource: "services",
	singular: "service",
	shortNames: ["svc"],
	categories: ["all"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "services/specs",
	allowCreateOnUpdate: true,
	returnDeletedObject: true,
	setDefaults,
	prepareForCreate: prepareNew,
	prepareForUpdate: prepareUpdate,
	validate: validateService,
	validateStatusUpdate: validateServiceStatus,
	warnings: serviceWarnings,
	validateName: nameIsDnsLabel,
	columns: [
		nameColumn(),
		stringColumn("Type", "type determines how the Service is exposed.", ({ spec }) => spec?.type ?? ""),
		stringColumn("Cluster-IP", "clusterIP is the IP address of the service and is usually assigned randomly.", ({ spec }) =>
			orNone(spec?.clusterIPs?.[0] ?? spec?.clusterIP),
		),
		stringColumn(
			"External-IP",
			"externalIPs is a list of IP addresses for which nodes in the cluster will also accept traffic for this service.",
			formatExternalIp,
		),
		stringColumn("Port(s)", "The list of ports that are exposed by this service.", ({ spec }) => formatPorts(spec?.ports)),
		ageColumn(),
		wide(
			stringColumn("Selector", "Route service traffic to pods with label keys and values matching this selector.", ({ spec }) =>
				formatLabels(spec?.selector),
			),
		),
	],
	selectableFields: ({ spec }) => ({ "spec.clusterIP": spec?.clusterIP ?? "", "spec.type": spec?.type ?? "" }),
});
