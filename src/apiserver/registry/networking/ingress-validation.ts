/** What an Ingress has to say. Source: pkg/apis/networking/validation/validation.go. */
import type {
	HTTPIngressPath,
	Ingress,
	IngressBackend,
	IngressRule,
	IngressServiceBackend,
	IngressTLS,
	TypedLocalObjectReference,
} from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldNotSupported, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import {
	isDns1123Label,
	isDns1123Subdomain,
	isPathSegmentName,
	isValidPortName,
	isValidPortNumber,
	isWildcardDns1123Subdomain,
} from "../../../apimachinery/validation/names.ts";
import { refuseAddress, validateBalancerHost } from "../validation/balancer-ingress.ts";
import { isValidIp } from "../validation/ip.ts";
import { type FieldErrors, invalidFor, validateEach, validateOptionalSubdomain } from "../validation/primitives.ts";

const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"];
const forbiddenSequences = ["//", "/./", "/../", "%2f", "%2F"];
const forbiddenSuffixes = ["/..", "/."];

export function validateIngressSpec({ spec = {} }: Ingress): FieldErrors {
	const { rules = [], defaultBackend, tls, ingressClassName } = spec;
	return [
		...(rules.length === 0 && defaultBackend === undefined
			? [fieldInvalid("spec", spec.rules, "either `defaultBackend` or `rules` must be specified")]
			: []),
		...(defaultBackend === undefined ? [] : validateBackend(defaultBackend, "spec.defaultBackend")),
		...validateEach(rules, "spec.rules", validateRule),
		...validateEach(tls, "spec.tls", validateTls),
		...(ingressClassName === undefined ? [] : invalidFor("spec.ingressClassName", ingressClassName, isDns1123Subdomain(ingressClassName))),
	];
}

/** The old annotation and the field must not contradict each other. */
export function validateClassAnnotation({ metadata, spec }: Ingress): FieldErrors {
	const annotation = metadata?.annotations?.["kubernetes.io/ingress.class"];
	if (annotation === undefined || spec?.ingressClassName === undefined || annotation === spec.ingressClassName) return [];
	return [fieldInvalid("annotations.kubernetes.io/ingress.class", annotation, "must match `ingressClassName` when both are specified")];
}

export function validateIngressStatus({ status }: Ingress): FieldErrors {
	return validateEach(status?.loadBalancer?.ingress, "status.loadBalancer.ingress", ({ ip = "", hostname = "" }, path) => [
		...(ip === "" ? [] : invalidFor(`${path}.ip`, ip, isValidIp(ip))),
		...validateBalancerHost(hostname, `${path}.hostname`),
	]);
}

function validateRule({ host = "", http }: IngressRule, path: string): FieldErrors {
	const paths = http?.paths ?? [];
	return [
		...refuseAddress(host, `${path}.host`),
		...(host === "" ? [] : validateHost(host, `${path}.host`)),
		...(http !== undefined && paths.length === 0 ? [fieldRequired(`${path}.http.paths`)] : []),
		...validateEach(paths, `${path}.http.paths`, validatePath),
	];
}

function validateHost(host: string, path: string): FieldErrors {
	return invalidFor(path, host, host.includes("*") ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host));
}

function validateTls({ hosts, secretName }: IngressTLS, path: string): FieldErrors {
	return [...validateEach(hosts, `${path}.hosts`, validateHost), ...validateOptionalSubdomain(secretName, `${path}.secretName`)];
}

function validatePath({ path = "", pathType, backend }: Partial<HTTPIngressPath>, at: string): FieldErrors {
	if (pathType === undefined) return [fieldRequired(`${at}.pathType`, "pathType must be specified")];
	return [...validatePathText(path, pathType, at), ...validateBackend(backend ?? {}, `${at}.backend`)];
}

function validatePathText(path: string, pathType: string, at: string): FieldErrors {
	if (!pathTypes.includes(pathType)) return [fieldNotSupported(`${at}.pathType`, pathType, pathTypes)];
	const texts = path.startsWith("/") || (path === "" && pathType === "ImplementationSpecific") ? [] : ["must be an absolute path"];
	if (pathType !== "ImplementationSpecific") {
		texts.push(...forbiddenSequences.filter((part) => path.includes(part)).map((part) => `must not contain '${part}'`));
		texts.push(...forbiddenSuffixes.filter((part) => path.endsWith(part)).map((part) => `cannot end with '${part}'`));
	}
	return invalidFor(`${at}.path`, path, texts);
}

function validateBackend({ resource, service }: IngressBackend, path: string): FieldErrors {
	if (resource !== undefined && service !== undefined) return [fieldInvalid(path, "", "cannot set both resource and service backends")];
	if (resource !== undefined) return validateReference(resource, `${path}.resource`);
	if (service !== undefined) return validateService(service, path);
	return [fieldInvalid(path, "", "resource or service backend is required")];
}

function validateService({ name = "", port = {} }: Partial<IngressServiceBackend>, path: string): FieldErrors {
	const at = `${path}.service`;
	const nameErrors = name === "" ? [fieldRequired(`${at}.name`)] : invalidFor(`${at}.name`, name, isDns1123Label(name));
	return [...nameErrors, ...validatePort(port.name ?? "", port.number ?? 0, path)];
}

function validatePort(name: string, number: number, path: string): FieldErrors {
	if (name !== "" && number !== 0) return [fieldInvalid(path, "", "cannot set both port name & port number")];
	if (name !== "") return invalidFor(`${path}.service.port.name`, name, isValidPortName(name));
	if (number !== 0) return invalidFor(`${path}.service.port.number`, number, isValidPortNumber(number));
	return [fieldRequired(path, "port name or number is required")];
}

/** A reference to an object of any kind: parameters of classes, resource backends. */
export function validateReference({ apiGroup, kind = "", name = "" }: Partial<TypedLocalObjectReference>, path: string): FieldErrors {
	const segment = (field: string, value: string) =>
		value === "" ? [fieldRequired(`${path}.${field}`)] : invalidFor(`${path}.${field}`, value, isPathSegmentName(value));
	return [
		...(apiGroup === undefined ? [] : invalidFor(`${path}.apiGroup`, apiGroup, isDns1123Subdomain(apiGroup))),
		...segment("kind", kind),
		...segment("name", name),
	];
}
