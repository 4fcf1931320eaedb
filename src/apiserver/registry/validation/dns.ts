/**
 * A Pod's names and how it finds others: host names, host aliases, DNS. Source: validatePodDNSConfig,
 * ValidateHostAliases, validatePodHostName in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
 */
import type { HostAlias, PodDNSConfig, PodSpec } from "../../../apimachinery/schema/generated/types.ts";
import {
	type FieldError,
	fieldForbidden,
	fieldInvalid,
	fieldRequired,
	fieldTooLong,
} from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isDns1123SubdomainWithUnderscore } from "../../../apimachinery/validation/names.ts";
import { isValidIp } from "./ip.ts";
import { type FieldErrors, invalidFor, NO_ERRORS, validateEach, validateEnumInOrder } from "./primitives.ts";

/** Limits of name resolution in Linux' libc. */
const maxNameservers = 3;
const maxSearchPaths = 32;
const maxSearchListBytes = 2048;

/** Longest host name that the kernel takes. */
const maxHostNameBytes = 64;

export const validateDnsPolicy = (dnsPolicy: string | undefined, path: string): FieldErrors =>
	validateEnumInOrder(dnsPolicy, path, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]);

export function validateDnsConfig(config: PodDNSConfig | undefined, dnsPolicy: string | undefined, path: string): FieldErrors {
	if (dnsPolicy === "None" && config === undefined) {
		return [fieldRequired(path, "must provide `dnsConfig` when `dnsPolicy` is None")];
	}
	const { nameservers = [], searches = [], options = [] } = config ?? {};
	if (dnsPolicy === "None" && nameservers.length === 0) {
		return [fieldRequired(`${path}.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None")];
	}
	const errors: FieldError[] = [];
	if (nameservers.length > maxNameservers) {
		errors.push(fieldInvalid(`${path}.nameservers`, nameservers, `must not have more than ${maxNameservers} nameservers`));
	}
	errors.push(...validateEach(nameservers, `${path}.nameservers`, validateIp));
	if (searches.length > maxSearchPaths) {
		errors.push(fieldInvalid(`${path}.searches`, searches, `must not have more than ${maxSearchPaths} search paths`));
	}
	if (Buffer.byteLength(searches.join(" ")) > maxSearchListBytes) {
		const text = `must not have more than ${maxSearchListBytes} characters (including spaces) in the search list`;
		errors.push(fieldInvalid(`${path}.searches`, searches, text));
	}
	return [
		...errors,
		...validateEach(searches, `${path}.searches`, validateSearch),
		...validateEach(options, `${path}.options`, ({ name = "" }, at) =>
			name === "" ? [fieldRequired(at, "must not be empty")] : NO_ERRORS,
		),
	];
}

const validateIp = (ip: string, path: string): FieldErrors => invalidFor(path, ip, isValidIp(ip));

/** A domain to search in, with or without its last dot; `.` is the root. */
function validateSearch(search: string, path: string): FieldErrors {
	if (search === ".") return NO_ERRORS;
	const domain = search.endsWith(".") ? search.slice(0, -1) : search;
	return invalidFor(path, domain, isDns1123SubdomainWithUnderscore(domain));
}

/** Lines of /etc/hosts. */
export const validateHostAliases = (aliases: readonly HostAlias[] | undefined, path: string): FieldErrors =>
	validateEach(aliases, path, ({ ip = "", hostnames }, at) => [
		...validateIp(ip, `${at}.ip`),
		...validateEach(hostnames, `${at}.hostnames`, (name, namePath) => invalidFor(namePath, name, isDns1123Subdomain(name))),
	]);

/** A host name that is not derived from anything. `path` is the spec's. */
export function validateHostnameOverride(spec: PodSpec, path: string): FieldErrors {
	const { hostnameOverride: name, setHostnameAsFQDN, hostNetwork } = spec;
	if (name === undefined) return NO_ERRORS;
	const at = `${path}.hostnameOverride`;
	return [
		...(setHostnameAsFQDN === true ? [fieldForbidden(at, "may not be specified when setHostnameAsFQDN is true")] : []),
		...(hostNetwork === true ? [fieldForbidden(at, "may not be specified when hostNetwork is true")] : []),
		...(Buffer.byteLength(name) > maxHostNameBytes ? [fieldTooLong(at, maxHostNameBytes)] : []),
		...invalidFor(at, name, isDns1123Subdomain(name)),
	];
}
