/**
 * What can be wrong with a Service. Source: ValidateService, ValidateServiceUpdate, ValidateServiceStatusUpdate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { Service, ServicePort, ServiceSpec } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldNotSupported,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isQualifiedName, isValidPortNumber } from "../../../apimachinery/validation/names.ts";
import { validateBalancerHost } from "../validation/balancer-ingress.ts";
import { validateNonSpecialIp } from "../validation/ip.ts";
import { validateLegacyCidr, validateLegacyIp } from "../validation/legacy-ip.ts";
import {
	type FieldErrors,
	invalidFor,
	NO_ERRORS,
	validateDnsLabel,
	validateEach,
	validateEnum,
	validateLabels,
	validateOptionalEnum,
	validatePortNumber,
	validatePortNumberOrName,
} from "../validation/primitives.ts";
import { goServicePortKey } from "./go-structs.ts";
import { validateClusterIps, validateClusterIpsChange, validateFamiliesChange } from "./service-cluster-ips.ts";
import { isExternallyAccessible, isHeadless, needsHealthCheck, specOf } from "./service-fields.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const onlyForLoadBalancers = "may only be used when `type` is 'LoadBalancer'";
const hintsAnnotation = "service.kubernetes.io/topology-aware-hints";
const modeAnnotation = "service.kubernetes.io/topology-mode";
const sourceRangesAnnotation = "service.beta.kubernetes.io/load-balancer-source-ranges";

/** Longest stickiness of a client, seconds. */
const maxAffinitySeconds = 86_400;

/** A Service, after allocation; `old` is the stored one in an update, whose odd addresses may stay. */
export function validateService(service: Service, old?: Service): FieldErrors {
	const spec = specOf(service);
	const before = old === undefined ? {} : specOf(old);
	const isPortless = (spec.ports ?? []).length === 0 && !isHeadless(spec) && spec.type !== "ExternalName";
	return [
		...(old === undefined ? [] : validateChange(spec, before)),
		...validateTopologyAnnotations(service),
		...(isPortless ? [fieldRequired("spec.ports")] : []),
		...validateType(spec),
		...validatePorts(spec),
		...validateLabels(spec.selector, "spec.selector"),
		...validateAffinity(spec),
		...(spec.type === "ExternalName" ? [] : validateClusterIps(spec, before.clusterIPs ?? [])),
		...validateExternalIps(spec, before.externalIPs ?? []),
		...validateEnum(spec.type, "spec.type", types),
		...validateNodePorts(spec),
		...validateSourceRanges(service, before.loadBalancerSourceRanges ?? []),
		...validateLoadBalancerFields(spec),
		...validateTrafficPolicies(spec),
	];
}

function validateChange(spec: ServiceSpec, old: ServiceSpec): FieldErrors {
	const errors: FieldError[] = [...validateClusterIpsChange(spec, old), ...validateFamiliesChange(spec, old)];
	if (old.type === "LoadBalancer" && spec.type === "LoadBalancer" && spec.loadBalancerClass !== old.loadBalancerClass) {
		errors.push(fieldInvalid("spec.loadBalancerClass", spec.loadBalancerClass ?? "null", "may not change once set"));
	}
	if (needsHealthCheck(old) && needsHealthCheck(spec) && spec.healthCheckNodePort !== old.healthCheckNodePort) {
		errors.push(fieldForbidden("spec.healthCheckNodePort", "field is immutable"));
	}
	return errors;
}

/** The annotation has an older name: both must say the same. */
function validateTopologyAnnotations({ metadata }: Service): FieldErrors {
	const hints = metadata?.annotations?.[hintsAnnotation];
	const mode = metadata?.annotations?.[modeAnnotation];
	if (hints === undefined || mode === undefined || hints === mode) return NO_ERRORS;
	const text = `must match annotations[${hintsAnnotation}] when both are specified`;
	return [fieldInvalid(`metadata.annotations[${modeAnnotation}]`, mode, text)];
}

function validateType(spec: ServiceSpec): FieldErrors {
	switch (spec.type) {
		case "LoadBalancer":
		case "NodePort":
			return isHeadless(spec)
				? [fieldInvalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`)]
				: NO_ERRORS;
		case "ExternalName":
			return validateExternalName(spec);
		default:
			return NO_ERRORS;
	}
}

function validateExternalName({ clusterIPs = [], ipFamilies = [], ipFamilyPolicy, externalName = "" }: ServiceSpec): FieldErrors {
	const unset = (field: string, isSet: boolean) => (isSet ? [fieldForbidden(field, "may not be set for ExternalName services")] : []);
	// A trailing dot marks the name as fully qualified.
	const name = externalName.replace(/\.$/, "");
	return [
		...unset("spec.clusterIPs", clusterIPs.length > 0),
		...unset("spec.ipFamilies", ipFamilies.length > 0),
		...unset("spec.ipFamilyPolicy", ipFamilyPolicy !== undefined),
		...(name === "" ? [fieldRequired("spec.externalName")] : invalidFor("spec.externalName", name, isDns1123Subdomain(name))),
	];
}

function validatePorts({ ports = [] }: ServiceSpec): FieldErrors {
	const names = new Set<string>();
	return validateEach(ports, "spec.ports", (port, at) => [
		...validatePortName(port, ports.length > 1, names, at),
		...validatePortNumber(port.port, `${at}.port`),
		...validateEnum(port.protocol, `${at}.protocol`, ["SCTP", "TCP", "UDP"]),
		...validatePortNumberOrName(port.targetPort, `${at}.targetPort`),
		...(port.appProtocol === undefined ? [] : invalidFor(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol))),
	]);
}

/** One port may be nameless; several may not, and none shares its name. */
function validatePortName({ name = "" }: ServicePort, isRequired: boolean, names: Set<string>, path: string): FieldErrors {
	if (name === "") return isRequired ? [fieldRequired(`${path}.name`)] : NO_ERRORS;
	const errors = [...validateDnsLabel(name, `${path}.name`)];
	if (names.has(name)) errors.push(fieldDuplicate(`${path}.name`, name));
	names.add(name);
	return errors;
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): FieldErrors {
	const path = "spec.sessionAffinityConfig";
	const errors = [...validateEnum(sessionAffinity, "spec.sessionAffinity", ["ClientIP", "None"])];
	if (sessionAffinity === "None" && sessionAffinityConfig !== undefined) {
		errors.push(fieldForbidden(path, "must not be set when session affinity is None"));
	}
	if (sessionAffinity !== "ClientIP") return errors;
	const missing = "when session affinity type is ClientIP";
	const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
	if (sessionAffinityConfig === undefined) errors.push(fieldRequired(path, missing));
	else if (sessionAffinityConfig.clientIP === undefined) errors.push(fieldRequired(`${path}.clientIP`, missing));
	else if (seconds === undefined) errors.push(fieldRequired(`${path}.clientIP.timeoutSeconds`, missing));
	else if (seconds <= 0 || seconds > maxAffinitySeconds) {
		const text = `must be greater than 0 and less than ${maxAffinitySeconds}`;
		errors.push(fieldInvalid(`${path}.clientIP.timeoutSeconds`, seconds, text));
	}
	return errors;
}

function validateExternalIps({ externalIPs }: ServiceSpec, known: readonly string[]): FieldErrors {
	return validateEach(externalIPs, "spec.externalIPs", (address, at) => {
		const errors = validateLegacyIp(address, at, known);
		return errors.length > 0 ? errors : validateNonSpecialIp(address, at);
	});
}

function validateNodePorts({ type, ports = [] }: ServiceSpec): FieldErrors {
	const forbidden = "may not be used when `type` is 'ClusterIP'";
	return [
		...validateEach(ports, "spec.ports", ({ nodePort = 0 }, at) =>
			type === "ClusterIP" && nodePort !== 0 ? [fieldForbidden(`${at}.nodePort`, forbidden)] : [],
		),
		...repeated(ports, ({ protocol, nodePort = 0 }) => (nodePort === 0 ? undefined : `${protocol}/${nodePort}`)).map(({ item, index }) =>
			fieldDuplicate(`spec.ports[${index}].nodePort`, item.nodePort),
		),
		...repeated(ports, ({ protocol, port }) => `${protocol}/${port}`).map(({ item, index }) =>
			fieldDuplicate(`spec.ports[${index}]`, goServicePortKey(item)),
		),
	];
}

/** Items whose key an item before them has; an undefined key is nobody's. */
function repeated<T>(items: readonly T[], keyOf: (item: T) => string | undefined): readonly { readonly item: T; readonly index: number }[] {
	const seen = new Set<string>();
	return items.flatMap((item, index) => {
		const key = keyOf(item);
		if (key === undefined) return [];
		const isRepeated = seen.has(key);
		seen.add(key);
		return isRepeated ? [{ item, index }] : [];
	});
}

/** By field, or by the annotation that was there before the field. Spaces around a range are tolerated. */
function validateSourceRanges({ metadata, spec = {} }: Service, known: readonly string[]): FieldErrors {
	const { type, loadBalancerSourceRanges: ranges = [] } = spec;
	const wrongType = (path: string) => (type === "LoadBalancer" ? [] : [fieldForbidden(path, onlyForLoadBalancers)]);
	if (ranges.length > 0) {
		const path = "spec.LoadBalancerSourceRanges";
		return [...wrongType(path), ...validateEach(ranges, path, (range, at) => validateLegacyCidr(range.trim(), at, known))];
	}
	const annotation = metadata?.annotations?.[sourceRangesAnnotation];
	if (annotation === undefined) return NO_ERRORS;
	const path = `metadata.annotations[${sourceRangesAnnotation}]`;
	const listed = annotation.trim() === "" ? [] : annotation.split(",");
	return [...wrongType(path), ...listed.flatMap((range) => validateLegacyCidr(range.trim(), path))];
}

function validateLoadBalancerFields({ type, allocateLoadBalancerNodePorts, loadBalancerClass }: ServiceSpec): FieldErrors {
	const isBalancer = type === "LoadBalancer";
	const errors: FieldError[] = [];
	if (!isBalancer && allocateLoadBalancerNodePorts !== undefined) {
		errors.push(fieldForbidden("spec.allocateLoadBalancerNodePorts", onlyForLoadBalancers));
	}
	if (isBalancer && allocateLoadBalancerNodePorts === undefined) errors.push(fieldRequired("allocateLoadBalancerNodePorts"));
	if (loadBalancerClass === undefined) return errors;
	if (!isBalancer) return [...errors, fieldForbidden("spec.loadBalancerClass", onlyForLoadBalancers)];
	return [...errors, ...invalidFor("spec.loadBalancerClass", loadBalancerClass, isQualifiedName(loadBalancerClass))];
}

function validateTrafficPolicies(spec: ServiceSpec): FieldErrors {
	const { externalTrafficPolicy, internalTrafficPolicy, trafficDistribution } = spec;
	const errors: FieldError[] = [];
	if (isExternallyAccessible(spec)) {
		errors.push(...validateEnum(externalTrafficPolicy, "spec.externalTrafficPolicy", ["Cluster", "Local"]));
	} else if ((externalTrafficPolicy ?? "") !== "") {
		const text = "may only be set for externally-accessible services";
		errors.push(fieldInvalid("spec.externalTrafficPolicy", externalTrafficPolicy, text));
	}
	errors.push(...validateHealthCheckPort(spec));
	const isInCluster = spec.type === "ClusterIP" || spec.type === "NodePort" || spec.type === "LoadBalancer";
	if (internalTrafficPolicy === undefined && isInCluster) errors.push(fieldRequired("spec.internalTrafficPolicy"));
	errors.push(...validateOptionalEnum(internalTrafficPolicy, "spec.internalTrafficPolicy", ["Cluster", "Local"]));
	const distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];
	return [...errors, ...validateOptionalEnum(trafficDistribution, "spec.trafficDistribution", distributions)];
}

function validateHealthCheckPort(spec: ServiceSpec): FieldErrors {
	const { healthCheckNodePort = 0 } = spec;
	const path = "spec.healthCheckNodePort";
	if (needsHealthCheck(spec)) {
		return healthCheckNodePort === 0
			? [fieldRequired(path)]
			: invalidFor(path, healthCheckNodePort, isValidPortNumber(healthCheckNodePort));
	}
	if (healthCheckNodePort === 0) return NO_ERRORS;
	return [fieldInvalid(path, healthCheckNodePort, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")];
}

export function validateServiceStatus({ spec = {}, status }: Service, old: Service): FieldErrors {
	const path = "status.loadBalancer.ingress";
	const ingress = status?.loadBalancer?.ingress ?? [];
	if (spec.type !== "LoadBalancer" && ingress.length > 0) {
		return [fieldForbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")];
	}
	const known = (old.status?.loadBalancer?.ingress ?? []).map(({ ip = "" }) => ip);
	return validateEach(ingress, path, (entry, at) => [
		...validateIngressIp(entry, at, known),
		...validateBalancerHost(entry.hostname ?? "", `${at}.hostname`),
	]);
}

function validateIngressIp(
	{ ip = "", ipMode }: { readonly ip?: string; readonly ipMode?: string },
	at: string,
	known: readonly string[],
): FieldErrors {
	const errors = ip === "" ? [] : [...validateLegacyIp(ip, `${at}.ip`, known)];
	const path = `${at}.ipMode`;
	if (ipMode === undefined) return ip === "" ? errors : [...errors, fieldRequired(path, "must be specified when `ip` is set")];
	if (ip === "") return [...errors, fieldForbidden(path, "may not be specified when `ip` is not set")];
	const modes = ["Proxy", "VIP"];
	return modes.includes(ipMode) ? errors : [...errors, fieldNotSupported(path, ipMode, modes)];
}
