/**
 * What can be wrong with a Service. Source: ValidateService, ValidateServiceUpdate in
 * pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import { isIP } from "node:net";
import type { Service, ServicePort, ServiceSpec } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldDuplicate,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isQualifiedName } from "../../../apimachinery/validation/names.ts";
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

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

/** Longest stickiness of a client, seconds. */
const maxAffinitySeconds = 86_400;

const INVALID_IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

export function validateService({ spec = {} }: Service): FieldErrors {
	const isHeadless = spec.clusterIPs?.[0] === "None" || spec.clusterIP === "None";
	const errors: FieldError[] = [];
	if ((spec.ports ?? []).length === 0 && !isHeadless && spec.type !== "ExternalName") errors.push(fieldRequired("spec.ports"));
	errors.push(
		...validateType(spec, isHeadless),
		...validatePorts(spec),
		...validateLabels(spec.selector, "spec.selector"),
		...validateAffinity(spec),
		...validateEnum(spec.type, "spec.type", types),
		...validateAddresses(spec),
		...validateTrafficPolicies(spec),
	);
	return errors;
}

function validateType(spec: ServiceSpec, isHeadless: boolean): FieldErrors {
	switch (spec.type) {
		case "LoadBalancer":
		case "NodePort":
			return isHeadless ? [fieldInvalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`)] : NO_ERRORS;
		case "ExternalName": {
			const errors: FieldError[] = [];
			if ((spec.clusterIPs ?? []).length > 0 || (spec.clusterIP ?? "") !== "") {
				errors.push(fieldForbidden("spec.clusterIPs", "may not be set for ExternalName services"));
			}
			const name = (spec.externalName ?? "").replace(/\.$/, "");
			return [
				...errors,
				...(name === "" ? [fieldRequired("spec.externalName")] : invalidFor("spec.externalName", name, isDns1123Subdomain(name))),
			];
		}
		default:
			return NO_ERRORS;
	}
}

function validatePorts({ ports = [], type }: ServiceSpec): FieldErrors {
	const names = new Set<string>();
	const numbers = new Set<string>();
	const nodePorts = new Set<string>();
	return validateEach(ports, "spec.ports", (port, at) => {
		const errors: FieldError[] = [...validatePortName(port, ports.length > 1, names, at)];
		errors.push(...validatePortNumber(port.port, `${at}.port`));
		errors.push(...validateEnum(port.protocol, `${at}.protocol`, ["SCTP", "TCP", "UDP"]));
		errors.push(...validatePortNumberOrName(port.targetPort, `${at}.targetPort`));
		if (port.appProtocol !== undefined)
			errors.push(...invalidFor(`${at}.appProtocol`, port.appProtocol, isQualifiedName(port.appProtocol)));
		const number = `${port.protocol}/${port.port}`;
		if (numbers.has(number)) errors.push(fieldDuplicate(at, { protocol: port.protocol, port: port.port }));
		numbers.add(number);
		if ((port.nodePort ?? 0) === 0) return errors;
		if (type === "ClusterIP" || type === "ExternalName") {
			errors.push(fieldForbidden(`${at}.nodePort`, `may not be used when \`type\` is '${type}'`));
		}
		const nodePort = `${port.protocol}/${port.nodePort}`;
		if (nodePorts.has(nodePort)) errors.push(fieldDuplicate(`${at}.nodePort`, port.nodePort));
		nodePorts.add(nodePort);
		return errors;
	});
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
	const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
	const path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
	return [
		...validateEnum(sessionAffinity, "spec.sessionAffinity", ["ClientIP", "None"]),
		...(seconds !== undefined && (seconds <= 0 || seconds > maxAffinitySeconds)
			? [fieldInvalid(path, seconds, `must be greater than 0 and less than ${maxAffinitySeconds}`)]
			: []),
	];
}

function validateAddresses(spec: ServiceSpec): FieldErrors {
	const isAddress = (address: string) => isIP(address) !== 0;
	const errors: FieldError[] = (spec.clusterIPs ?? []).flatMap((address, index) =>
		address === "" || address === "None" || isAddress(address) ? [] : [fieldInvalid(`spec.clusterIPs[${index}]`, address, INVALID_IP)],
	);
	if (spec.clusterIP !== undefined && spec.clusterIPs?.[0] !== undefined && spec.clusterIP !== spec.clusterIPs[0]) {
		errors.push(fieldInvalid("spec.clusterIPs", spec.clusterIPs, "first value must match `clusterIP`"));
	}
	for (const [index, address] of (spec.externalIPs ?? []).entries()) {
		if (!isAddress(address)) errors.push(fieldInvalid(`spec.externalIPs[${index}]`, address, INVALID_IP));
	}
	return errors;
}

function validateTrafficPolicies(spec: ServiceSpec): FieldErrors {
	const { type, externalTrafficPolicy, externalIPs = [] } = spec;
	const isExternal = type === "NodePort" || type === "LoadBalancer" || (type === "ClusterIP" && externalIPs.length > 0);
	const errors: FieldError[] = [];
	if (!isExternal && (externalTrafficPolicy ?? "") !== "") {
		const text = "may only be set for externally-accessible services";
		errors.push(fieldInvalid("spec.externalTrafficPolicy", externalTrafficPolicy, text));
	} else if (isExternal) {
		errors.push(...validateEnum(externalTrafficPolicy, "spec.externalTrafficPolicy", ["Cluster", "Local"]));
	}
	errors.push(...validateOptionalEnum(spec.internalTrafficPolicy, "spec.internalTrafficPolicy", ["Cluster", "Local"]));
	const distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];
	return [...errors, ...validateOptionalEnum(spec.trafficDistribution, "spec.trafficDistribution", distributions)];
}

/** The cluster IP of a Service stays for good, unless its type becomes, or was, ExternalName. */
export function validateServiceUpdate({ spec = {} }: Service, { spec: old = {} }: Service): FieldErrors {
	if (spec.type === "ExternalName" || old.type === "ExternalName") return NO_ERRORS;
	const errors: FieldError[] = [];
	const before = old.clusterIPs?.[0] ?? old.clusterIP ?? "";
	const after = spec.clusterIPs?.[0] ?? spec.clusterIP ?? "";
	if (before !== "" && after === "")
		errors.push(fieldInvalid("spec.clusterIPs[0]", spec.clusterIPs ?? null, "primary clusterIP can not be unset"));
	else if (before !== "" && after !== before)
		errors.push(fieldInvalid("spec.clusterIPs[0]", spec.clusterIPs ?? [after], "may not change once set"));
	if (old.type === "LoadBalancer" && spec.type === "LoadBalancer" && spec.loadBalancerClass !== old.loadBalancerClass) {
		errors.push(fieldInvalid("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set"));
	}
	return errors;
}
