/**
 * Endpoints: the addresses behind a Service, in one object. Deprecated since v1.33 in favour of EndpointSlices.
 * Source: pkg/registry/core/endpoint of Kubernetes 1.36.
 */
import type { CoreEndpointPort, EndpointAddress, EndpointSubset, Endpoints } from "../../../apimachinery/schema/generated/types.ts";
import { fieldInvalid, fieldRequired } from "../../../apimachinery/validation/field-error.ts";
import { isDns1123Subdomain, isQualifiedName } from "../../../apimachinery/validation/names.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { ipFamily, validateNonSpecialIp } from "../validation/ip.ts";
import { ipWarnings, validateLegacyIp } from "../validation/legacy-ip.ts";
import {
	type FieldErrors,
	invalidFor,
	validateEach,
	validateEnum,
	validateOptionalLabel,
	validatePortNumber,
} from "../validation/primitives.ts";
import { eachItem, mapField, withDefaults } from "./defaulting.ts";

/** How many addresses the ENDPOINTS column shows. */
const maxShown = 3;

/** `10.1.1.1:80,10.1.1.2:80,10.1.1.3:80 + 2 more...`. */
function formatEndpoints({ subsets = [] }: Endpoints): string {
	if (subsets.length === 0) return "<none>";
	const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
		ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => formatHostPort(ip, port))),
	);
	const shown = all.slice(0, maxShown).join(",");
	return all.length > maxShown ? `${shown} + ${all.length - maxShown} more...` : shown;
}

const formatHostPort = (ip = "", port = 0): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`);

const defaultPort = (port: CoreEndpointPort): CoreEndpointPort => withDefaults(port, { protocol: "TCP" });

const defaultSubset = (subset: EndpointSubset): EndpointSubset => mapField(subset, "ports", eachItem(defaultPort));

/** @param known addresses that were in the store before */
function validateSubset(
	{ addresses = [], notReadyAddresses = [], ports = [] }: EndpointSubset,
	path: string,
	known: readonly string[],
): FieldErrors {
	const isEmpty = addresses.length + notReadyAddresses.length === 0;
	const validate = (address: EndpointAddress, at: string) => validateAddress(address, at, known);
	return [
		...(isEmpty ? [fieldRequired(path, "must specify `addresses` or `notReadyAddresses`")] : []),
		...validateEach(addresses, `${path}.addresses`, validate),
		...validateEach(notReadyAddresses, `${path}.notReadyAddresses`, validate),
		...validateEach(ports, `${path}.ports`, (port, at) => validatePort(port, ports.length > 1, at)),
	];
}

function validatePort({ name = "", port, protocol, appProtocol }: CoreEndpointPort, needsName: boolean, at: string): FieldErrors {
	const nameErrors = name === "" && needsName ? [fieldRequired(`${at}.name`)] : validateOptionalLabel(name, `${at}.name`);
	return [
		...nameErrors,
		...validatePortNumber(port, `${at}.port`),
		...validateEnum(protocol, `${at}.protocol`, ["SCTP", "TCP", "UDP"]),
		...(appProtocol === undefined ? [] : invalidFor(`${at}.appProtocol`, appProtocol, isQualifiedName(appProtocol))),
	];
}

function validateAddress({ ip = "", hostname, nodeName }: EndpointAddress, path: string, known: readonly string[]): FieldErrors {
	return [
		...validateLegacyIp(ip, `${path}.ip`, known),
		...validateOptionalLabel(hostname, `${path}.hostname`),
		...(nodeName === undefined ? [] : invalidFor(`${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName))),
		...(ipFamily(ip) === undefined
			? [fieldInvalid(`${path}.ip`, ip, "must be a valid IP address")]
			: validateNonSpecialIp(ip, `${path}.ip`)),
	];
}

const addressesOf = ({ subsets = [] }: Endpoints): readonly string[] =>
	subsets.flatMap(({ addresses = [], notReadyAddresses = [] }) => [...addresses, ...notReadyAddresses].map(({ ip = "" }) => ip));

/** IPv6 addresses in unusual forms; what the controller writes it has from Pods, in their form. */
function warnings({ metadata, subsets = [] }: Endpoints): readonly string[] {
	if (metadata?.labels?.["endpoints.kubernetes.io/managed-by"] === "endpoint-controller") return [];
	const ofList = (list: readonly EndpointAddress[], path: string) =>
		list.flatMap(({ ip = "" }, index) => ipWarnings(ip, `${path}[${index}].ip`));
	return subsets.flatMap(({ addresses = [], notReadyAddresses = [] }, index) => [
		...ofList(addresses, `subsets[${index}].addresses`),
		...ofList(notReadyAddresses, `subsets[${index}].notReadyAddresses`),
	]);
}

export const endpointsKind = defineKind<Endpoints>({
	group: "",
	kind: "Endpoints",
	resource: "endpoints",
	singular: "endpoints",
	shortNames: ["ep"],
	versions: ["v1"],
	storageVersion: "v1",
	storagePrefix: "services/endpoints",
	deprecated: "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
	allowCreateOnUpdate: true,
	setDefaults: (endpoints) => mapField(endpoints, "subsets", eachItem(defaultSubset)),
	validate: ({ subsets }, old) => {
		const known = old === undefined ? [] : addressesOf(old);
		return validateEach(subsets, "subsets", (subset, path) => validateSubset(subset, path, known));
	},
	columns: [nameColumn(), stringColumn("Endpoints", "The set of all endpoints is the union of all subsets.", formatEndpoints), ageColumn()],
	warnings,
});
