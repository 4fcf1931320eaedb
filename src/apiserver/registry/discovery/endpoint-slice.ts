/** discovery.k8s.io/v1 EndpointSlice: up to 1,000 of the network endpoints behind a Service. */
import type { DiscoveryEndpointPort, Endpoint, EndpointHints, EndpointSlice } from "../../../apimachinery/schema/generated/types.ts";
import { fieldDuplicate, fieldRequired, fieldTooMany } from "../../../apimachinery/validation/field-error.ts";
import { validateLabels } from "../../../apimachinery/validation/label-selector.ts";
import { isDns1123Subdomain, isQualifiedName, isValidLabelValue } from "../../../apimachinery/validation/names.ts";
import { eachItem, mapField, withDefaults } from "../core/defaulting.ts";
import { defineKind } from "../kind.ts";
import { ageColumn, nameColumn, stringColumn } from "../printing/columns.ts";
import { validateFullyQualifiedDomainName } from "../validation/domain-names.ts";
import { validateIpOfFamily, validateNonSpecialIp } from "../validation/ip.ts";
import { ipWarnings } from "../validation/legacy-ip.ts";
import {
	type FieldErrors,
	invalidFor,
	validateDnsLabel,
	validateEach,
	validateEnum,
	validateImmutable,
	validateOptionalLabel,
} from "../validation/primitives.ts";

const maxEndpoints = 1000;
const maxPorts = 20_000;
const maxAddresses = 100;
const maxTopologyLabels = 16;
const maxHints = 8;
const shown = 3;
const protocols = ["SCTP", "TCP", "UDP"];

export const endpointSlice = defineKind<EndpointSlice>({
	group: "discovery.k8s.io",
	kind: "EndpointSlice",
	resource: "endpointslices",
	singular: "endpointslice",
	versions: ["v1"],
	storageVersion: "v1",
	hasGeneration: true,
	setDefaults: (object) =>
		mapField(
			object,
			"ports",
			eachItem((port: DiscoveryEndpointPort) => withDefaults(port.name === undefined ? { ...port, name: "" } : port, { protocol: "TCP" })),
		),
	validate: (object, old) => [
		...validateEnum(object.addressType, "addressType", ["FQDN", "IPv4", "IPv6"]),
		...validateEndpoints(object.endpoints ?? [], object.addressType, addressesOf(old)),
		...validatePorts(object.ports ?? []),
	],
	validateUpdate: (object, old) => validateImmutable(object.addressType, old.addressType, "addressType"),
	warnings,
	columns: [
		nameColumn(),
		stringColumn(
			"AddressType",
			"addressType specifies the type of address carried by this EndpointSlice. All addresses in this slice must be the same type. This field is immutable after creation.",
			({ addressType }) => addressType,
		),
		stringColumn(
			"Ports",
			"ports specifies the list of network ports exposed by each endpoint in this slice. Each port must have a unique name. Each slice may include a maximum of 100 ports.",
			({ ports }) => listSome((ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? "*") : String(port)))),
		),
		stringColumn(
			"Endpoints",
			"endpoints is a list of unique endpoints in this slice. Each slice may include a maximum of 1000 endpoints.",
			({ endpoints }) => listSome((endpoints ?? []).flatMap(({ addresses }) => addresses ?? [])),
		),
		ageColumn(),
	],
});

/** `10.0.0.1,10.0.0.2,10.0.0.3 + 2 more...`, `<unset>` for none. */
function listSome(items: readonly string[]): string {
	if (items.length === 0) return "<unset>";
	const text = items.slice(0, shown).join(",");
	return items.length > shown ? `${text} + ${items.length - shown} more...` : text;
}

const addressesOf = (slice: EndpointSlice | undefined): readonly string[] =>
	(slice?.endpoints ?? []).flatMap(({ addresses }: Partial<Endpoint>) => addresses ?? []);

/** @param known addresses that were in the store before */
function validateEndpoints(endpoints: readonly Endpoint[], addressType: string, known: readonly string[]): FieldErrors {
	if (endpoints.length > maxEndpoints) return [fieldTooMany("endpoints", endpoints.length, maxEndpoints)];
	return validateEach(endpoints, "endpoints", (endpoint: Partial<Endpoint>, path) => {
		const { addresses = [], deprecatedTopology = {}, hostname, nodeName, hints } = endpoint;
		const labels = Object.keys(deprecatedTopology).length;
		return [
			...(addresses.length === 0 ? [fieldRequired(`${path}.addresses`, "must contain at least 1 address")] : []),
			...(addresses.length > maxAddresses ? [fieldTooMany(`${path}.addresses`, addresses.length, maxAddresses)] : []),
			...validateEach(addresses, `${path}.addresses`, (address, at) => validateAddress(address, addressType, at, known)),
			...(nodeName === undefined ? [] : invalidFor(`${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName))),
			...(labels > maxTopologyLabels ? [fieldTooMany(`${path}.deprecatedTopology`, labels, maxTopologyLabels)] : []),
			...validateLabels(deprecatedTopology, `${path}.deprecatedTopology`),
			...(hostname === undefined ? [] : validateDnsLabel(hostname, `${path}.hostname`)),
			...(hints === undefined ? [] : validateHints(hints, `${path}.hints`)),
		];
	});
}

/** An address of a type that nobody knows is nobody's to judge. */
function validateAddress(address: string, addressType: string, path: string, known: readonly string[]): FieldErrors {
	switch (addressType) {
		case "IPv4":
		case "IPv6":
			return [...(known.includes(address) ? [] : validateIpOfFamily(address, addressType, path)), ...validateNonSpecialIp(address, path)];
		case "FQDN":
			return validateFullyQualifiedDomainName(address, path);
		default:
			return [];
	}
}

/** For whom an endpoint is meant: a few zones and nodes, each once. */
function validateHints({ forZones = [], forNodes = [] }: EndpointHints, path: string): FieldErrors {
	return [
		...validateHintNames(forZones, `${path}.forZones`, isValidLabelValue),
		...validateHintNames(forNodes, `${path}.forNodes`, isDns1123Subdomain),
	];
}

function validateHintNames(
	hints: readonly { readonly name?: string }[],
	path: string,
	rule: (name: string) => readonly string[],
): FieldErrors {
	if (hints.length > maxHints) return [fieldTooMany(path, hints.length, maxHints)];
	const seen = new Set<string>();
	return validateEach(hints, path, ({ name = "" }, at) => {
		const isRepeated = seen.has(name);
		seen.add(name);
		return [...(isRepeated ? [fieldDuplicate(`${at}.name`, name)] : []), ...invalidFor(`${at}.name`, name, rule(name))];
	});
}

/** Ports have names of their own; one may have none. */
function validatePorts(ports: readonly DiscoveryEndpointPort[]): FieldErrors {
	if (ports.length > maxPorts) return [fieldTooMany("ports", ports.length, maxPorts)];
	const names = new Set<string>();
	return validateEach(ports, "ports", ({ name = "", protocol, appProtocol }, path) => {
		const isRepeated = names.has(name);
		names.add(name);
		return [
			...validateOptionalLabel(name, `${path}.name`),
			...(isRepeated ? [fieldDuplicate(`${path}.name`, name)] : []),
			...validateEnum(protocol, `${path}.protocol`, protocols),
			...(appProtocol === undefined ? [] : invalidFor(`${path}.appProtocol`, appProtocol, isQualifiedName(appProtocol))),
		];
	});
}

/** Controllers whose addresses come from Pods, in their form. */
const controllers = ["endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"];

/** Source: pkg/registry/discovery/endpointslice/strategy.go. */
function warnings({ metadata, addressType, endpoints = [] }: EndpointSlice): readonly string[] {
	if (addressType === "FQDN") return ["spec.addressType: FQDN endpoints are deprecated"];
	if (controllers.includes(metadata?.labels?.["endpointslice.kubernetes.io/managed-by"] ?? "")) return [];
	return endpoints.flatMap(({ addresses = [] }: Partial<Endpoint>, index) =>
		addresses.flatMap((address, at) => ipWarnings(address, `endpoints[${index}].addresses[${at}]`)),
	);
}
